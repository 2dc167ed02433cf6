"""Single trades and quotes from files: CSV, Parquet, or a folder of either.

The columns are those of the table ``ticks`` in a database, under these names or the usual others: time, price and size
of a trade, bid, ask and their sizes of a quote; a row may be both. Within an instant the order of the file counts.
"""

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np

from engine.tick_series import TICK, TickSeries, taken
from storage.market.files import FileSource, Layout, readings, refuse_empty, rows_by_symbol
from storage.market.parsing import MISSING_TIME
from storage.market.reading import Reading, numbers_of, times_of
from storage.market.source import RawBars, SymbolInfo, Warmup
from storage.market.tables import refusal

_MEANS: Final = {
    "time": ("time", "date", "datetime", "timestamp", "ts"),
    "price": ("price", "last", "tradeprice", "lastprice"),
    "size": ("size", "volume", "quantity", "qty", "tradesize", "lastsize"),
    "bid": ("bid", "bidprice"),
    "ask": ("ask", "askprice", "offer"),
    "bid_size": ("bidsize", "bidvolume", "bidqty"),
    "ask_size": ("asksize", "askvolume", "askqty", "offersize"),
    "symbol": ("symbol", "ticker", "code", "sym", "instrument"),
}
_TICKS: Final = Layout("ticks", _MEANS, ("time",))
_NUMBERS: Final = ("price", "size", "bid", "ask", "bid_size", "ask_size")


class TickFiles(FileSource):
    """A file or folder as a source of ticks; it is read when it is first asked."""

    _events: dict[str, TickSeries] | None = None

    def symbols(self) -> tuple[SymbolInfo, ...]:
        """Return what the files have."""
        found = []
        for symbol, series in sorted(self._ticks().items(), key=lambda item: item[0].encode()):
            known = series.time_ns[series.time_ns != MISSING_TIME]
            first, last = (int(known.min()), int(known.max())) if len(known) else (0, 0)
            about = (TICK, self._currency, "raw", len(series), first, last, self.label)
            found.append(SymbolInfo(symbol, *about))
        return tuple(found)

    def bars(self, symbols: Sequence[str]) -> dict[str, RawBars]:
        """Return nothing: bars of other lengths are another source."""
        return {}

    def universe(self, name: str) -> tuple[str, ...] | None:
        """Return everything as ``all``."""
        return tuple(sorted(self._ticks(), key=str.encode)) if name == "all" else None

    def ticks(
        self,
        symbols: Sequence[str],
        start: dt.date | None = None,
        end: dt.date | None = None,
        *,
        warmup: Warmup,
    ) -> dict[str, TickSeries]:
        """Return all ticks of symbols: a file is read as a whole."""
        return {symbol: self._ticks()[symbol] for symbol in symbols}

    def _ticks(self) -> dict[str, TickSeries]:
        if self._events is None:
            found: dict[str, list[TickSeries]] = {}
            asked = (TICK, _TICKS, self._columns, self._only, self._should_stop)
            for reading, fallback in readings(self.path, *asked):
                _refuse_neither(reading.named, reading.file)
                for symbol, series in _by_symbol(reading, fallback).items():
                    found.setdefault(symbol, []).append(series)
            self._events = {symbol: _joined(parts) for symbol, parts in found.items()}
        return self._events


def _refuse_neither(named: Mapping[str, str], file: Any) -> None:
    if "price" not in named and not {"bid", "ask"} <= named.keys():
        raise refusal(
            file,
            "",
            "no column for price, and none for bid and ask",
            'name them in data.columns, for example price = "trade price"',
        )


def _by_symbol(reading: Reading, fallback: str) -> dict[str, TickSeries]:
    refuse_empty(reading, _TICKS)
    n = reading.table.num_rows
    columns = {
        name: numbers_of(reading, name) if name in reading.named else np.full(n, np.nan)
        for name in _NUMBERS
    }
    series = TickSeries(times_of(reading), **columns)
    return {
        symbol: series if len(rows) == n else taken(series, rows)
        for symbol, rows in rows_by_symbol(reading, fallback)
    }


def _joined(parts: list[TickSeries]) -> TickSeries:
    if len(parts) == 1:
        return parts[0]
    names = ("time_ns", *_NUMBERS)
    return TickSeries(*(np.concatenate([getattr(one, name) for one in parts]) for name in names))
