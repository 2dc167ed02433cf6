"""Trades and quotes of many symbols merged by time, and the panel that a simulation on them walks.

A simulation on ticks is the simulation on bars with one row an event: an order that was decided at an event can fill
at the next event of its symbol, on a trade at its price, on a quote at the ask (a buy) or the bid (a sell). The same
kernels do it, so orders, costs and the ledger mean the same.

Instants. The axis of a panel is strictly increasing, while exchanges stamp several events with one millisecond. They
keep their order: an event that would stand on or before the one before it moves to one nanosecond after it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from engine.errors import BacktestValidationError, Problem
from engine.market import Panel, common_axis

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

TICK: Final = "tick"  # the timeframe of a panel with one row an event
_NO_TIME: Final = np.iinfo(np.int64).min  # what a source makes of a missing time


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


@dataclass(frozen=True)
class CheckedTicks:
    """The good events of one symbol, in the order of time; what was repaired, and the count of those left out."""

    series: TickSeries
    notices: tuple[str, ...] = ()
    defects: dict[str, int] = field(default_factory=dict)


def taken(series: TickSeries, rows: Ints | NDArray[np.bool_]) -> TickSeries:
    """Return some of the events, in the order of ``rows``."""
    return TickSeries(**{one.name: getattr(series, one.name)[rows] for one in fields(TickSeries)})


def parted(series: TickSeries) -> TickSeries:
    """Make two events of each that is a trade with the quote that stood then: the quote, then the trade."""
    both = ~np.isnan(series.price) & ~np.isnan(series.bid) & ~np.isnan(series.ask)
    if not both.any():
        return series
    twice = np.repeat(np.arange(len(series)), 1 + both)
    is_second = np.zeros(len(twice), np.bool_)
    is_second[1:] = twice[1:] == twice[:-1]
    is_first = np.append(is_second[1:], False)
    out = taken(series, twice)
    for name in ("price", "size"):
        getattr(out, name)[is_first] = np.nan
    for name in ("bid", "ask", "bid_size", "ask_size"):
        getattr(out, name)[is_second] = np.nan
    return out


def check_ticks(
    symbol: str, series: TickSeries, on_bad_bars: Literal["refuse", "drop"] = "refuse"
) -> CheckedTicks:
    """Sort the events of one symbol, part those that are two, and refuse or drop those that cannot be.

    Events of one instant keep their order.

    Raises
    ------
    BacktestValidationError
        There is no event, no good event, or under ``refuse`` a bad one; as for `checked`.
    """
    if not len(series):
        raise BacktestValidationError(
            Problem(symbol, "has no ticks", "choose another range or source")
        )
    notices: tuple[str, ...] = ()
    known = series.time_ns[series.time_ns != _NO_TIME]
    if bool((known[1:] < known[:-1]).any()):
        series = taken(series, np.argsort(series.time_ns, kind="stable"))
        notices = (f"{symbol}: the ticks were not in the order of time and have been sorted",)
    series = parted(series)
    if on_bad_bars == "refuse":
        return CheckedTicks(checked(symbol, series), notices)
    bad = np.zeros(len(series), np.bool_)
    defects = {}
    for found, name, _ in _findings(series):
        fresh = found & ~bad
        if fresh.any():
            defects[name] = int(fresh.sum())
            bad |= fresh
    if bad.all():
        raise BacktestValidationError(Problem(symbol, "has no good tick", "correct the data"))
    return CheckedTicks(taken(series, ~bad) if bad.any() else series, notices, defects)


def checked(symbol: str, series: TickSeries) -> TickSeries:
    """Return the events of one symbol once nothing is wrong with them.

    Raises
    ------
    BacktestValidationError
        Naming symbol and row: a time that is missing or falls, an event that is neither trade nor quote or both, a
        price that is not above 0, a bid above its ask, a negative size.
    """
    falls = np.diff(series.time_ns, prepend=series.time_ns[:1]) < 0
    for bad, _, what in (*_findings(series), (falls, "", "its time is before the last")):
        if bad.any():
            row = int(np.argmax(bad)) + 1
            more = f", and {int(bad.sum()) - 1} more rows" if bad.sum() > 1 else ""
            raise BacktestValidationError(
                Problem(
                    f"{symbol} tick {row}",
                    f"{what}{more}",
                    'correct the data, or set data.on_bad_bars to "drop"',
                )
            )
    return series


def _findings(series: TickSeries) -> tuple[tuple[NDArray[np.bool_], str, str], ...]:
    """Return which events are bad, what that is called, and how it is told."""
    is_trade, is_quote = ~np.isnan(series.price), ~np.isnan(series.bid) & ~np.isnan(series.ask)
    sizes = np.fmin(np.fmin(series.size, series.bid_size), series.ask_size)
    lowest = np.where(is_trade, series.price, series.bid)
    return (
        (series.time_ns == _NO_TIME, "missing_time", "its time is missing"),
        (
            is_trade == is_quote,
            "no_trade_or_quote",
            "it is neither a trade nor a quote, or both at once",
        ),
        (
            (is_trade | is_quote) & (~(lowest > 0) | ~np.isfinite(lowest)),
            "price_not_positive",
            "a price that is not above 0",
        ),
        (
            is_quote & (~(series.ask >= series.bid) | ~np.isfinite(series.ask)),
            "crossed_quote",
            "the bid is above the ask",
        ),
        (sizes < 0, "negative_size", "a negative size"),
    )


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
    # One symbol is in order as it is, and a copy of ten million events takes its time.
    if len(parts) > 1:
        order = np.argsort(time_ns, kind="stable")
        time_ns, index = time_ns[order], index[order]
        price, half, volume = price[order], half[order], volume[order]
    return Ticks(symbols, _apart(time_ns), index, price, half, volume)


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


def bar_starts(time_ns: Ints, step: int) -> tuple[Ints, Ints]:
    """Return the open of the bar that each of ascending instants lies in, and the rows with which bars begin.

    ``step`` is the length of a bar in nanoseconds; bars open at its multiples since 1970.
    """
    opens = time_ns // step * step
    is_first = np.append(True, opens[1:] != opens[:-1])[: len(opens)]
    return opens, np.flatnonzero(is_first)


def bar_opens(series: Mapping[str, TickSeries], step: int) -> Ints:
    """Return the opens of the bars that `engine.ticks.bars_of` would build, ascending.

    Of a symbol's trades where it has any, else of its quotes; ``step`` is the length of a bar in nanoseconds.
    """
    opens = []
    for one in series.values():
        is_trade = ~np.isnan(one.price)
        times = one.time_ns[is_trade] if is_trade.any() else one.time_ns
        own, starts = bar_starts(times, step)
        opens.append(own[starts])
    return common_axis(opens) if opens else np.empty(0, np.int64)


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


def _apart(time_ns: Ints) -> Ints:
    """Return instants of which each is at least a nanosecond after the one before."""
    count = np.arange(len(time_ns), dtype=np.int64)
    return np.maximum.accumulate(time_ns - count) + count
