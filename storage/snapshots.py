"""What an account held at the end of each day, worked out from fills, corporate actions and closes.

The full curve of a run is kept in one piece (`storage.curves`); these rows are for people who ask
in SQL, one per UTC
date: the last bar of the date.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.market import Panel
from engine.result import BacktestResult
from engine.types import NS_PER_DAY, EventKind
from storage.stopping import ShouldStop, check, never

_NOTHING = 5e-9  # half of the last digit that a quantity is kept with


@dataclass(frozen=True)
class Snapshots:
    """The account at the last bar of each date, all of length n_dates.

    Attributes:
        bar: index into the result's ``time_ns``.
        positions: symbol → quantity (negative when short), eight places.
        values: symbol → quantity x last known close, four places.
    """

    bar: NDArray[np.int64]
    positions: tuple[dict[str, float], ...]
    values: tuple[dict[str, float], ...]


def snapshots_of(
    result: BacktestResult, panel: Panel, should_stop: ShouldStop = never
) -> Snapshots:
    """Return the daily snapshots of a result that was simulated on ``panel``.

    A split changes what is held at the open of its bar, before the fills of that bar.
    """
    last = _last_bars(result.time_ns)
    offset = panel.first_counted
    fills = result.fills
    splits = panel.events[panel.events["kind"] == EventKind.SPLIT]
    splits = splits[splits["bar"] >= offset]
    names = panel.symbols
    held: dict[int, float] = {}
    positions: list[dict[str, float]] = []
    values: list[dict[str, float]] = []
    fill_rows = list(
        zip(*(fills[n].tolist() for n in ("bar", "symbol", "side", "quantity")), strict=True)
    )
    split_rows = [(int(e["bar"]) - offset, int(e["symbol"]), float(e["value"])) for e in splits]
    next_fill = next_split = 0
    for bar in last.tolist():
        check(should_stop)
        while next_fill < len(fill_rows) and fill_rows[next_fill][0] <= bar:
            at, symbol, side, quantity = fill_rows[next_fill]
            next_split = _apply_splits(split_rows, next_split, at, held)
            held[symbol] = round(held.get(symbol, 0.0) + side * quantity, 8)
            if abs(held[symbol]) < _NOTHING:
                del held[symbol]
            next_fill += 1
        next_split = _apply_splits(split_rows, next_split, bar, held)
        order = sorted(held)
        marks = {s: _last_close(panel, s, bar + offset) for s in order}
        positions.append({names[s]: held[s] for s in order})
        values.append({names[s]: round(held[s] * marks[s], 4) for s in order})
    return Snapshots(last, tuple(positions), tuple(values))


def _last_bars(time_ns: NDArray[np.int64]) -> NDArray[np.int64]:
    if not len(time_ns):
        return np.empty(0, np.int64)
    day = time_ns // NS_PER_DAY
    return np.append(np.flatnonzero(day[1:] != day[:-1]), len(day) - 1).astype(np.int64)


def _apply_splits(
    splits: list[tuple[int, int, float]], position: int, bar: int, held: dict[int, float]
) -> int:
    while position < len(splits) and splits[position][0] <= bar:
        _, symbol, ratio = splits[position]
        if symbol in held:
            held[symbol] = round(held[symbol] * ratio, 8)
        position += 1
    return position


def _last_close(panel: Panel, symbol: int, row: int) -> float:
    """Return the last known close; there is one, for nothing is bought without a price."""
    for back in range(row, -1, -1):
        close = float(panel.close[back, symbol])
        if close == close:
            return close
    return 0.0
