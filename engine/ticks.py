"""Trades and quotes: many symbols merged by time, the bars built of them, and the panel that a simulation walks.

A simulation on ticks is the simulation on bars with one row an event: an order that was decided at an event can fill
at the next event of its symbol, on a trade at its price, on a quote at the ask (a buy) or the bid (a sell). The same
kernels do it, so orders, costs and the ledger mean the same.

Instants. The axis of a panel is strictly increasing, while exchanges stamp several events with one millisecond. They
keep their order: an event that would stand on or before the one before it moves to one nanosecond after it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numba import njit
from numpy.typing import NDArray

from engine.errors import BacktestValidationError, Problem
from engine.market import Panel
from engine.types import TIMEFRAME_NS
from engine.validate import CheckedBars, build_panel

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

TICK: Final = "tick"  # the timeframe of a panel with one row an event


@dataclass(frozen=True)
class TickSeries:
    """Events of one symbol, all (n,), in the order in which they happened.

    Attributes:
        time_ns: UTC nanoseconds, never falling.
        price, size: of a trade; price is NaN on a quote, size NaN where unknown.
        bid, ask: of a quote; NaN on a trade.
        bid_size, ask_size: what stands there; NaN where unknown.
    """

    time_ns: Ints
    price: Floats
    size: Floats
    bid: Floats
    ask: Floats
    bid_size: Floats
    ask_size: Floats

    def __len__(self) -> int:
        """Return the number of events."""
        return len(self.time_ns)


@dataclass(frozen=True)
class Ticks:
    """Events of many symbols on one axis, all (n,).

    Attributes:
        symbols: names in bytewise order.
        time_ns: strictly increasing.
        symbol: index of each event's symbol.
        price: of a trade, or the middle of a quote.
        half_spread: half of what bid and ask are apart; 0 on a trade.
        volume: size of a trade, or the smaller of a quote's two sizes; infinity where unknown: it limits nothing.
    """

    symbols: tuple[str, ...]
    time_ns: Ints
    symbol: NDArray[np.int32]
    price: Floats
    half_spread: Floats
    volume: Floats

    def __len__(self) -> int:
        """Return the number of events."""
        return len(self.time_ns)


def checked(symbol: str, series: TickSeries) -> TickSeries:
    """Return the events of one symbol once nothing is wrong with them.

    Raises
    ------
    BacktestValidationError
        Naming symbol and row: a time that falls, an event that is neither trade nor quote or both, a price that is not
        above 0, a bid above its ask, a negative size.
    """
    is_trade, is_quote = ~np.isnan(series.price), ~np.isnan(series.bid) & ~np.isnan(series.ask)
    sizes = np.fmin(np.fmin(series.size, series.bid_size), series.ask_size)
    lowest = np.where(is_trade, series.price, series.bid)
    findings = (
        (np.diff(series.time_ns, prepend=series.time_ns[:1]) < 0, "its time is before the last"),
        (is_trade == is_quote, "it is neither a trade nor a quote, or both at once"),
        (~(lowest > 0) | ~np.isfinite(lowest), "a price that is not above 0"),
        (is_quote & ~(series.ask >= series.bid), "the bid is above the ask"),
        (sizes < 0, "a negative size"),
    )
    for bad, what in findings:
        if bad.any():
            row = int(np.argmax(bad)) + 1
            more = f", and {int(bad.sum()) - 1} more rows" if bad.sum() > 1 else ""
            raise BacktestValidationError(
                Problem(f"{symbol} tick {row}", f"{what}{more}", "mend or leave out these events")
            )
    return series


def merge(series: Mapping[str, TickSeries]) -> Ticks:
    """Lay the events of several symbols on one axis, by time, then by symbol in bytewise order.

    Permuting ``series`` changes nothing.
    """
    symbols = tuple(sorted(series, key=str.encode))
    parts = [checked(name, series[name]) for name in symbols]
    lengths = [len(part) for part in parts]
    time_ns = np.concatenate([part.time_ns for part in parts]) if parts else np.empty(0, np.int64)
    index = np.repeat(np.arange(len(parts), dtype=np.int32), lengths)
    price = _joined([_price(part) for part in parts])
    half = _joined([_half_spread(part) for part in parts])
    volume = _joined([_volume(part) for part in parts])
    if (
        len(parts) > 1
    ):  # one symbol is in order as it is, and a copy of ten million events takes its time
        order = np.argsort(time_ns, kind="stable")
        time_ns, index = time_ns[order], index[order]
        price, half, volume = price[order], half[order], volume[order]
    return Ticks(symbols, _apart_nb(time_ns), index, price, half, volume)


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


def panel_of(ticks: Ticks) -> Panel:
    """Return the panel with one row an event that a simulation walks: all four prices of a row are one array."""
    shape = (len(ticks), len(ticks.symbols))
    price, half, volume = ticks.price, ticks.half_spread, ticks.volume
    if len(ticks.symbols) == 1:
        columns = [values.reshape(shape) for values in (price, half, volume)]
    else:
        columns = [np.full(shape, np.nan) for _ in range(3)]
        rows = np.arange(len(ticks))
        for column, values in zip(columns, (price, half, volume), strict=True):
            column[rows, ticks.symbol] = values
    prices, halves, volumes = columns
    return Panel(
        symbols=ticks.symbols,
        time_ns=ticks.time_ns,
        open=prices,
        high=prices,
        low=prices,
        close=prices,
        volume=volumes,
        half_spread=halves if bool((half > 0).any()) else None,
        timeframe=TICK,
    )


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


def _bars(ticks: Ticks, chosen: Ints, step: int, is_traded: bool) -> CheckedBars:
    opens = ticks.time_ns[chosen] // step * step
    starts = np.flatnonzero(np.diff(opens, prepend=opens[:1] - 1)) if len(chosen) else chosen
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


def _price(part: TickSeries) -> Floats:
    # bid + (ask - bid) / 2 is exact where the two are near, and never overflows
    return np.where(np.isnan(part.price), part.bid + (part.ask - part.bid) / 2.0, part.price)


def _half_spread(part: TickSeries) -> Floats:
    return np.where(np.isnan(part.price), (part.ask - part.bid) / 2.0, 0.0)


def _volume(part: TickSeries) -> Floats:
    known = np.where(np.isnan(part.price), np.minimum(part.bid_size, part.ask_size), part.size)
    return np.where(np.isnan(known), np.inf, known)


def _joined(parts: list[Floats]) -> Floats:
    return parts[0] if len(parts) == 1 else np.concatenate(parts) if parts else np.empty(0)


@njit(nogil=True, cache=True)
def _apart_nb(time_ns: Ints) -> Ints:
    """Return instants of which each is at least a nanosecond after the one before."""
    apart = np.empty_like(time_ns)
    last = np.iinfo(np.int64).min
    for i in range(len(time_ns)):
        last = max(time_ns[i], last + 1)
        apart[i] = last
    return apart


@njit(nogil=True, cache=True)
def _sums_nb(values: Floats, starts: Ints) -> Floats:
    """Return the sum of each stretch, added from left to right."""
    sums = np.zeros(len(starts))
    for k in range(len(starts)):
        stop = starts[k + 1] if k + 1 < len(starts) else len(values)
        for i in range(starts[k], stop):
            sums[k] += values[i]
    return sums
