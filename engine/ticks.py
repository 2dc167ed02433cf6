"""Bars built of trades and quotes, and what is decided at them carried to the events after which it is known."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from engine.market import INSTRUMENT_COLUMNS, Panel
from engine.tick_series import Ticks, bar_starts
from engine.types import TIMEFRAME_NS
from engine.validate import CheckedBars, build_panel

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def bars_of(ticks: Ticks, timeframe: str) -> Panel:
    """Build bars of the events: of trades where a symbol has any, of the middles of its quotes where it has none.

    Parameters
    ----------
    ticks : Ticks
    timeframe : a key of ``engine.types.TIMEFRAME_NS``; a bar opens at a multiple of it since 1970

    Returns
    -------
    Panel with the volume of the trades; a symbol of quotes alone has unknown volume.
    """
    step = TIMEFRAME_NS[timeframe]
    built = {}
    for number, name in enumerate(ticks.symbols):
        mine = ticks.symbol == number
        trades = mine & (ticks.half_spread == 0.0)
        is_traded = bool(trades.any())
        chosen = np.flatnonzero(trades if is_traded else mine)
        built[name] = _bars(ticks, chosen, step, is_traded)
    return build_panel(built, timeframe=timeframe)


def last_events(ticks_ns: Ints, bars_ns: Ints, timeframe: str) -> Ints:
    """Return the row of the last event before the close of each bar: where what is decided at it is known.

    Parameters
    ----------
    ticks_ns : (n_ticks,) instants of events, ascending
    bars_ns : (n_bars,) opens of bars, ascending, each with an event at least

    Returns
    -------
    (n_bars,) rows, strictly increasing
    """
    return np.searchsorted(ticks_ns, bars_ns + TIMEFRAME_NS[timeframe]).astype(np.int64) - 1


@dataclass(frozen=True)
class BarsWithin:
    """The bars built of a panel of events.

    Attributes:
        bars: with all that belongs to them.
        rows: (n_bars,) the event at which each is known, strictly increasing.
        n_events: of the panel.
    """

    bars: Panel
    rows: Ints
    n_events: int

    def instructions(self, said: NDArray[np.void]) -> NDArray[np.void]:
        """Return what was said at bars as said at the events at which they are known."""
        moved = said.copy()
        moved["bar"] = self.rows[said["bar"]]
        return moved

    def weights(self, wanted: Floats) -> Floats:
        """Return weights wanted at bars, (n_bars, n_symbols), as (n_events, n_symbols): NaN between them."""
        found = np.full((self.n_events, wanted.shape[1]), np.nan)
        found[self.rows] = wanted
        return found

    def first_event(self, bar: int) -> int:
        """Return the first event after the bar before ``bar``."""
        return int(self.rows[bar - 1]) + 1 if bar > 0 else 0


def bars_within(panel: Panel, timeframe: str) -> BarsWithin:
    """Build the bars of a panel with one row an event, and what belongs to the panel on their axis.

    Asked again for the same panel it returns the same.

    Parameters
    ----------
    panel : Panel
        As `engine.tick_series.panel_of` makes it.
    timeframe : a key of ``engine.types.TIMEFRAME_NS``
    """
    kept: dict[str, BarsWithin] = panel.__dict__.get("_bars_within", {})
    if timeframe not in kept:
        object.__setattr__(panel, "_bars_within", kept | {timeframe: _within(panel, timeframe)})
    return panel.__dict__["_bars_within"][timeframe]  # type: ignore[no-any-return]


def _within(panel: Panel, timeframe: str) -> BarsWithin:
    row, symbol = np.nonzero(~np.isnan(panel.close))
    at = (row, symbol)
    half = np.zeros(len(row)) if panel.half_spread is None else panel.half_spread[at]
    ticks = Ticks(
        panel.symbols,
        panel.time_ns[row],
        symbol.astype(np.int32),
        panel.close[at],
        half,
        panel.volume[at],
    )
    plain = bars_of(ticks, timeframe)
    rows = last_events(panel.time_ns, plain.time_ns, timeframe)
    events = panel.events.copy()
    events["bar"] = np.searchsorted(rows, events["bar"])
    bench = panel.benchmark
    more: dict[str, Any] = {
        name: getattr(panel, name)
        for name in ("adjustment", "currency", "has_dividends", "membership_known", "sessions")
    } | {name: getattr(panel, name) for name in INSTRUMENT_COLUMNS}
    bars = replace(
        plain,
        events=events,
        first_counted=int(np.searchsorted(rows, panel.first_counted)),
        benchmark=None if bench is None else replace(bench, values=bench.values[rows]),
        members=None if panel.members is None else panel.members[rows],
        fields={name: values[rows] for name, values in panel.fields.items()},
        **more,
    )
    return BarsWithin(bars, rows, panel.n_bars)


def _bars(ticks: Ticks, chosen: Ints, step: int, is_traded: bool) -> CheckedBars:
    opens, starts = bar_starts(ticks.time_ns[chosen], step)
    price = ticks.price[chosen]
    ends = np.append(starts[1:], len(chosen)) - 1
    if not len(starts):
        nothing = np.empty(0)
        return CheckedBars(np.empty(0, np.int64), nothing, nothing, nothing, nothing, nothing)
    volume = np.zeros(len(starts))
    if is_traded:
        sizes = np.where(np.isfinite(ticks.volume[chosen]), ticks.volume[chosen], 0.0)
        volume = _sums_nb(sizes, starts)
    return CheckedBars(
        opens[starts],
        price[starts],
        np.maximum.reduceat(price, starts),
        np.minimum.reduceat(price, starts),
        price[ends],
        volume,
    )


@njit(nogil=True, cache=True)
def _sums_nb(values: Floats, starts: Ints) -> Floats:
    """Return the sum of each stretch, added from left to right."""
    sums = np.zeros(len(starts))
    for k in range(len(starts)):
        stop = starts[k + 1] if k + 1 < len(starts) else len(values)
        for i in range(starts[k], stop):
            sums[k] += values[i]
    return sums
