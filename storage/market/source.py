"""What every source of bars looks like to the catalogue: demo data, imported files, a folder."""

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from engine.tick_series import TickSeries
from storage.stopping import ShouldStop

Floats = NDArray[np.float64]
Times = NDArray[np.int64]


@dataclass(frozen=True)
class RawBars:
    """Bars of one symbol as they were found: unchecked, in the order of the source, all (n,).

    ``time_ns`` is UTC nanoseconds, the smallest integer where the time is missing; prices are NaN
    where missing; ``volume`` is None where the source has no such column.
    """

    time_ns: Times
    open: Floats
    high: Floats
    low: Floats
    close: Floats
    volume: Floats | None


@dataclass(frozen=True, slots=True)
class SymbolInfo:
    """What a source has of one symbol."""

    symbol: str
    timeframe: str
    currency: str
    adjustment: str
    n_bars: int
    first_ns: int
    last_ns: int
    origin: str


@dataclass(frozen=True, slots=True)
class SourceInfo:
    """One source, for lists; ``name`` is what ``data.source`` says."""

    name: str
    title: str
    n_symbols: int
    first_ns: int | None
    last_ns: int | None
    timeframes: tuple[str, ...]


class Timed(Protocol):
    """Bars or ticks of one symbol: what has instants, (n,)."""

    @property
    def time_ns(self) -> Times:
        """UTC nanoseconds."""


class Warmup(NamedTuple):
    """What is wanted before the start: so many bars of ``step_ns`` built of ticks, or so many ticks where that is 0."""

    amount: int
    step_ns: int


class MarketSource(Protocol):
    """A source of bars, read at most once."""

    @property
    def label(self) -> str:
        """What people see: ``DEMO``, or a path."""

    def symbols(self) -> tuple[SymbolInfo, ...]:
        """Return what there is, in bytewise order of the names."""

    def bars(self, symbols: Sequence[str]) -> Mapping[str, RawBars]:
        """Return the bars of symbols that `symbols` has named."""

    def universe(self, name: str) -> tuple[str, ...] | None:
        """Return the symbols of a universe, or None when there is no such universe."""

    def universes(self) -> tuple[str, ...]:
        """Return the names of the universes."""

    def series(self, name: str) -> tuple[Times, Floats] | None:
        """Return a series that can only be compared with, or None when there is no such."""

    def series_names(self) -> tuple[str, ...]:
        """Return the names of the series."""


@runtime_checkable
class RangedSource(Protocol):
    """A source that reads only the dates that are asked for, over a connection that must be closed."""

    def bars(
        self,
        symbols: Sequence[str],
        start: dt.date | None = None,
        end: dt.date | None = None,
        *,
        warmup_bars: int = 0,
    ) -> Mapping[str, RawBars]:
        """Return the bars of a range with warm-up before it; a symbol without any is left out."""

    def close(self) -> None:
        """Give the connection back."""


@runtime_checkable
class IntradaySource(Protocol):
    """A source of days that has bars inside them, too."""

    def intraday(
        self, symbols: Sequence[str], timeframe: str, span: tuple[int, int]
    ) -> Mapping[str, RawBars]:
        """Return the bars that open between two instants (UTC nanoseconds); a symbol without any is left out."""


@runtime_checkable
class TickSource(Protocol):
    """A source of single trades and quotes; its symbols are those that have any."""

    def ticks(
        self,
        symbols: Sequence[str],
        start: dt.date | None = None,
        end: dt.date | None = None,
        *,
        warmup: Warmup,
    ) -> Mapping[str, TickSeries]:
        """Return at least the events of a range with warm-up before it; a symbol without any is left out."""


@runtime_checkable
class TickedDatabase(Protocol):
    """A database that may have a table of ticks beside its bars."""

    def of_ticks(self) -> MarketSource:
        """Return the source of its ticks."""


OpenDatabase = Callable[[str, ShouldStop], MarketSource | None]
"""Returns the database of a connection profile, or None when there is no profile of this name.

It and its source wait for nothing once the second argument says so.
"""


def raw_infos(
    bars: Mapping[str, RawBars], timeframe: str, currency: str, origin: str
) -> tuple[SymbolInfo, ...]:
    """Describe bars that are in memory."""
    out = []
    for symbol in sorted(bars, key=str.encode):
        times = bars[symbol].time_ns
        known = times[times != np.iinfo(np.int64).min]
        first, last = (int(known.min()), int(known.max())) if len(known) else (0, 0)
        out.append(SymbolInfo(symbol, timeframe, currency, "raw", len(times), first, last, origin))
    return tuple(out)
