"""What a strategy's own code returned, as plain arrays, or why that is no answer."""

import dataclasses
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from desktop.service.child.frames import Arrays
from engine.errors import BacktestValidationError, Problem
from engine.strategies.protocol import Signals

MASKS: Final = ("enter_long", "exit_long", "enter_short", "exit_short", "cancel")
_FIELD: Final = "strategy"


def plain_signals(
    said: Any, shape: tuple[int, int], symbols: tuple[str, ...]
) -> tuple[dict[str, Any], Arrays]:
    """Return what `Signals` holds as scalars and arrays of ``shape``; pandas is taken, too.

    Raises:
        BacktestValidationError: it is no `Signals`, or an array of it has another shape or type.
    """
    if not isinstance(said, Signals):
        raise _bad(
            f"signals() returned {type(said).__name__}", "return engine.strategies.protocol.Signals"
        )
    scalars: dict[str, Any] = {}
    arrays: Arrays = {}
    for field in dataclasses.fields(Signals):
        value = getattr(said, field.name)
        if value is None:
            continue
        if isinstance(value, str | float | int | tuple):
            scalars[field.name] = list(value) if isinstance(value, tuple) else value
        else:
            kind = np.dtype(np.bool_ if field.name in MASKS else np.float64)
            arrays[field.name] = plain(value, field.name, shape, symbols, kind)
    return scalars, arrays


def plain(
    value: Any,
    name: str,
    shape: tuple[int, int],
    symbols: tuple[str, ...],
    kind: np.dtype[Any],
) -> NDArray[Any]:
    """Return an array, a Series or a DataFrame as an array of ``shape`` and ``kind``.

    Columns of a DataFrame that are the symbols are put in the panel's order; a Series is the one symbol.

    Raises:
        BacktestValidationError: it has another shape or type.
    """
    if hasattr(value, "columns") and set(map(str, value.columns)) == set(symbols):
        value = value[list(symbols)]
    if hasattr(value, "to_numpy"):
        value = value.to_numpy()
    array = np.asarray(value)
    if array.ndim == 1 and shape[1] == 1:
        array = array.reshape(-1, 1)
    is_number = kind.kind == "f" and array.dtype.kind in "iuf"
    if array.shape != shape or not (array.dtype == kind or is_number):
        words = "booleans" if kind.kind == "b" else "numbers"
        raise _bad(
            f"{name} has shape {array.shape} and type {array.dtype}",
            f"{words} of shape {shape}: one row a bar, one column a symbol"
            + (
                "; a comparison with NaN is False, fill what pandas leaves empty"
                if array.dtype == object
                else ""
            ),
        )
    return np.ascontiguousarray(array, kind)


def signals_of(scalars: dict[str, Any], arrays: Arrays) -> Signals:
    """Return the `Signals` that `plain_signals` took apart."""
    values: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in scalars.items()}
    return Signals(**(values | arrays))


def _bad(message: str, hint: str) -> BacktestValidationError:
    return BacktestValidationError(Problem(_FIELD, message, hint))
