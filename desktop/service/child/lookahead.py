"""Whether what a strategy says for a bar depends on what comes after it: ask again on panels that end earlier.

Nothing here proves that a strategy is honest: it says which of its answers were found to change.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from desktop.service.child.frames import Arrays


@dataclass(frozen=True, slots=True)
class Mismatch:
    """The first answer that changed: which array, at which bar and symbol, with the data cut before bar ``cut``."""

    name: str
    bar: int
    symbol: int
    cut: int


def cuts_of(n_bars: int, first_counted: int, wanted: int) -> NDArray[np.int64]:
    """Return bars to cut at, spread evenly over the counted ones; every one when ``wanted`` is as large."""
    first, last = first_counted + 1, n_bars - 1
    if last < first or wanted < 1:
        return np.empty(0, np.int64)
    count = min(wanted, last - first + 1)
    return np.unique(np.linspace(first, last, count).astype(np.int64))


def first_mismatch(
    whole: Arrays,
    cuts: NDArray[np.int64],
    again: Callable[[int], Arrays],
    rows_of: Callable[[int], int],
    enough: Callable[[], bool],
) -> tuple[Mismatch | None, int]:
    """Return the first answer that changes when the data end before a cut, and how many cuts were answered.

    Args:
        whole: what the strategy says on all bars.
        cuts: bars, ascending.
        again: what it says on the bars before a cut.
        rows_of: how many rows of an array belong to the bars before a cut.
        enough: whether to stop asking.
    """
    asked = 0
    for cut in cuts.tolist():
        if enough():
            break
        try:
            part = again(cut)
        except (
            Exception
        ):  # too few bars for its arithmetic: that is no answer, and none that changed
            continue
        asked += 1
        found = min(_differences(whole, part, rows_of(cut)), default=None)
        if found is not None:
            bar, symbol, name = found
            return Mismatch(name, bar, symbol, cut), asked
    return None, asked


def _differences(whole: Arrays, part: Arrays, rows: int) -> Iterator[tuple[int, int, str]]:
    """Yield where each array differs first: (row, column, name)."""
    for name in sorted(whole.keys() | part.keys()):
        if name not in whole or name not in part:
            yield 0, 0, name
            continue
        left, right = whole[name][:rows], part[name][:rows]
        if left.shape != right.shape:
            yield 0, 0, name
            continue
        same = left == right
        if left.dtype.kind == "f":
            same = same | (np.isnan(left) & np.isnan(right))
        where = np.argwhere(~same)
        if len(where):
            row, column = (int(where[0][0]), int(where[0][1]) if where.shape[1] > 1 else 0)
            yield row, column, name
