"""Indicators that several combinations of a sweep have in common are computed once.

A strategy asks by `shared` in place of calling an indicator itself. In a single run that is the same;
in a sweep the panel carries a memory, and the next combination with the same window finds the array
there. Arrays that are shared are locked.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from engine.adjust import Column, split_adjusted
from engine.market import Panel

Floats = NDArray[np.float64]

_ATTRIBUTE: Final = "_shared_indicators"


class Memory:
    """Arrays by what they were made of; the one not asked for the longest goes first."""

    def __init__(self, most_bytes: int) -> None:
        """Keep at most so many bytes."""
        self._most = most_bytes
        self._size = 0
        self._known: OrderedDict[tuple[Any, ...], Floats] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: tuple[Any, ...]) -> Floats | None:
        """Return what was kept, or None."""
        with self._lock:
            found = self._known.get(key)
            if found is not None:
                self._known.move_to_end(key)
            return found

    def put(self, key: tuple[Any, ...], values: Floats) -> None:
        """Keep an array, unless it is too large by itself."""
        if values.nbytes > self._most:
            return
        with self._lock:
            if key not in self._known:
                self._known[key] = values
                self._size += values.nbytes
            while self._size > self._most:
                _, gone = self._known.popitem(last=False)
                self._size -= gone.nbytes


def share_indicators(panel: Panel, memory: Memory, mark: int) -> None:
    """Let a panel remember what is computed from it by `shared`; ``mark`` tells panels of one memory apart."""
    object.__setattr__(panel, _ATTRIBUTE, (memory, mark))


def shared(
    panel: Panel, indicator: Callable[..., Floats], column: Column, *arguments: Any
) -> Floats:
    """Return ``indicator(split_adjusted(panel, column), *arguments)``, read-only.

    ``arguments`` must be plain values: together with indicator and column they say what it is.
    """
    known: tuple[Memory, int] | None = panel.__dict__.get(_ATTRIBUTE)
    if known is None:
        return indicator(split_adjusted(panel, column), *arguments)
    memory, mark = known
    key = (mark, indicator, column, *arguments)
    values = memory.get(key)
    if values is None:
        values = indicator(split_adjusted(panel, column), *arguments)
        values.flags.writeable = False
        memory.put(key, values)
    return values
