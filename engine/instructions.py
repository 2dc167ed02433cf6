"""From a strategy's arrays to the list of instructions that the kernels follow, sizes included."""

import numpy as np
from numpy.typing import NDArray

from engine.config import SizingConfig, SizingMethod
from engine.errors import BacktestValidationError, Problem
from engine.strategies.protocol import Mask, Signals
from engine.types import INSTRUCTION, Action, SizeKind

# The order of one symbol's instructions on one bar: what waits is withdrawn, then exits, then entries.
_SIGNAL_ACTIONS = (
    Action.CANCEL,
    Action.EXIT_LONG,
    Action.EXIT_SHORT,
    Action.ENTER_LONG,
    Action.ENTER_SHORT,
)
# Labels are indexed from 1 in the order of `Signals.labels`; 0 is "no name": no signal stands behind the order.
_LABEL_OF = {
    Action.CANCEL: 0,
    Action.ENTER_LONG: 1,
    Action.EXIT_LONG: 2,
    Action.ENTER_SHORT: 3,
    Action.EXIT_SHORT: 4,
}
_OPPOSITE = {
    Action.ENTER_LONG: Action.EXIT_LONG,
    Action.EXIT_LONG: Action.ENTER_LONG,
    Action.ENTER_SHORT: Action.EXIT_SHORT,
    Action.EXIT_SHORT: Action.ENTER_SHORT,
}

TARGET_LABELS = ("", "rebalance")


def entry_size(sizing: SizingConfig, n_symbols: int) -> tuple[SizeKind, float]:
    """Return how large an entry of a signals strategy is: 100 % of equity for one symbol, equal parts for several."""
    value = sizing.value
    match sizing.method:
        case SizingMethod.FIXED_QUANTITY:
            return SizeKind.QUANTITY, float(value or 0.0)
        case SizingMethod.FIXED_CASH:
            return SizeKind.CASH, float(value or 0.0)
        case SizingMethod.PERCENT_OF_EQUITY | SizingMethod.TARGET_WEIGHT:
            return SizeKind.PERCENT, 100.0 if value is None else value
        case SizingMethod.EQUAL_WEIGHT:
            return SizeKind.PERCENT, (100.0 if value is None else value) / n_symbols
        case None:
            return SizeKind.PERCENT, (100.0 if value is None else value) / n_symbols
        case _:
            raise _not_for_this(sizing)


def _not_for_this(sizing: SizingConfig) -> BacktestValidationError:
    return BacktestValidationError(
        Problem("sizing.method", f"{sizing.method} does not fit this strategy", "choose another")
    )


def from_signals(
    signals: Signals, sizing: SizingConfig, shape: tuple[int, int], first_counted: int
) -> NDArray[np.void]:
    """Return the ``INSTRUCTION`` rows of a signals strategy whose entries are market orders of one size.

    Raises
    ------
    BacktestValidationError
        When a mask is not a boolean array of ``shape``, or the sizing needs more than a number.
    """
    rows = signal_rows(signals, shape, first_counted)
    enters = (rows["action"] == Action.ENTER_LONG) | (rows["action"] == Action.ENTER_SHORT)
    kind, size = entry_size(sizing, shape[1])
    rows["size_kind"][enters] = int(kind)
    rows["size"][enters] = size
    return rows


def signal_rows(signals: Signals, shape: tuple[int, int], first_counted: int) -> NDArray[np.void]:
    """Return the ``INSTRUCTION`` rows of a signals strategy, sorted by bar and symbol, sizes still open.

    Where entry and exit of one direction meet on one bar, neither acts. Signals before the first counted bar are
    warm-up and are left out.

    Raises
    ------
    BacktestValidationError
        When a mask is not a boolean array of ``shape``.
    """
    masks = {
        Action.CANCEL: checked_mask(signals.cancel, "cancel", shape),
        Action.EXIT_LONG: checked_mask(signals.exit_long, "exit_long", shape),
        Action.EXIT_SHORT: checked_mask(signals.exit_short, "exit_short", shape),
        Action.ENTER_LONG: checked_mask(signals.enter_long, "enter_long", shape),
        Action.ENTER_SHORT: checked_mask(signals.enter_short, "enter_short", shape),
    }
    keys = []
    for rank, action in enumerate(_SIGNAL_ACTIONS):
        mask = masks[action]
        if mask is None:
            continue
        opposite = _OPPOSITE.get(action)
        other = None if opposite is None else masks[opposite]
        counted = mask[first_counted:]
        if other is not None:
            counted = counted & ~other[first_counted:]
        keys.append(np.flatnonzero(counted) * len(_SIGNAL_ACTIONS) + rank)
    key = np.sort(np.concatenate(keys)) if keys else np.empty(0, np.int64)
    rows = np.zeros(len(key), INSTRUCTION)
    cell, rank_of = np.divmod(key, len(_SIGNAL_ACTIONS))
    rows["bar"] = cell // shape[1] + first_counted
    rows["symbol"] = cell % shape[1]
    rows["action"] = np.array(_SIGNAL_ACTIONS, np.int8)[rank_of]
    rows["label"] = np.array([_LABEL_OF[a] for a in _SIGNAL_ACTIONS], np.int16)[rank_of]
    enters = rank_of >= _SIGNAL_ACTIONS.index(Action.ENTER_LONG)
    rows["size_kind"] = int(SizeKind.ALL)
    rows["limit"] = rows["stop"] = np.nan
    rows["close_stop_rate"] = np.where(enters, signals.close_stop_rate, 0.0)
    rows["close_target_rate"] = np.where(enters, signals.close_target_rate, 0.0)
    return rows


def from_weights(
    weights: NDArray[np.float64],
    bars: NDArray[np.int64],
    sizing: SizingConfig,
    sized: NDArray[np.float64] | None = None,
) -> NDArray[np.void]:
    """Return the ``INSTRUCTION`` rows of target weights (len(bars), n_symbols).

    NaN leaves a symbol as it is. A weight of 0 is said only after another one: a symbol that was never wanted has
    nothing to sell. ``sized`` are the final weights where the sizing needs more than the weights themselves.
    """
    known = ~np.isnan(weights)
    if not bool(np.isfinite(weights[known]).all()):
        raise BacktestValidationError(Problem("strategy", "a target weight is infinite"))
    wanted = np.where(known, weights, 0.0)
    before = np.zeros_like(wanted)
    last = np.zeros(wanted.shape[1])
    for row in range(len(wanted)):
        before[row] = last
        last = np.where(known[row], wanted[row], last)
    said = known & ((wanted != 0.0) | (before != 0.0))
    row_of, symbol = np.nonzero(said)
    kind, size = target_sizes(wanted, sizing) if sized is None else (SizeKind.WEIGHT, sized)
    rows = np.zeros(len(row_of), INSTRUCTION)
    rows["bar"] = bars[row_of]
    rows["symbol"] = symbol
    rows["label"] = 1
    rows["action"] = int(Action.TARGET)
    rows["limit"] = rows["stop"] = np.nan
    rows["size_kind"] = int(kind)
    rows["size"] = size[row_of, symbol]
    return rows


def target_sizes(
    weights: NDArray[np.float64], sizing: SizingConfig
) -> tuple[SizeKind, NDArray[np.float64]]:
    """Return how large targets are: the weights themselves, or what the sizing makes of the symbols chosen.

    Raises
    ------
    BacktestValidationError
        For a sizing that only entries can have.
    """
    side = np.sign(weights)
    share = 1.0 if sizing.value is None else sizing.value / 100.0
    match sizing.method:
        case None:
            return SizeKind.WEIGHT, weights * share
        case SizingMethod.TARGET_WEIGHT:
            return SizeKind.WEIGHT, weights * share
        case SizingMethod.EQUAL_WEIGHT:
            chosen = np.count_nonzero(side, axis=1, keepdims=True)
            return SizeKind.WEIGHT, side * share / np.maximum(chosen, 1)
        case SizingMethod.PERCENT_OF_EQUITY:
            return SizeKind.WEIGHT, side * share
        case SizingMethod.FIXED_CASH:
            return SizeKind.CASH, side * float(sizing.value or 0.0)
        case SizingMethod.FIXED_QUANTITY:
            return SizeKind.QUANTITY, side * float(sizing.value or 0.0)
        case _:
            raise _not_for_this(sizing)


def checked_mask(mask: Mask | None, name: str, shape: tuple[int, int]) -> Mask | None:
    """Return what a strategy gave for a mask.

    Raises
    ------
    BacktestValidationError
        When it is not a boolean array of ``shape``.
    """
    if mask is None:
        return None
    array = np.asarray(mask)
    if array.shape != shape or array.dtype != np.bool_:
        raise BacktestValidationError(
            Problem(
                "strategy",
                f"{name} has shape {array.shape} and type {array.dtype}",
                f"a boolean array of shape {shape}: one row a bar, one column a symbol",
            )
        )
    return array
