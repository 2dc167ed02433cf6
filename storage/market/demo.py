"""The bundled market data: five US stocks from 2000 to 2013, as traded, with their splits.

Where it comes from and why it may be given on stands beside it in ``resources/demo``.
"""

import functools
from collections.abc import Collection, Sequence
from importlib import resources

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from engine.types import NS_PER_DAY
from storage.market.reference import CorporateAction, FieldSeries, Reference
from storage.market.source import Floats, RawBars, SymbolInfo, Times, raw_infos

BENCHMARK = "EQUAL5"
CURRENCY = "USD"
TIMEFRAME = "1d"


def _day(text: str) -> int:
    return int(np.datetime64(text, "D").astype(np.int64)) * NS_PER_DAY


_SPLITS = {
    "AAPL": ((_day("2000-06-21"), 2.0), (_day("2005-02-28"), 2.0)),
    "MSFT": ((_day("2003-02-18"), 2.0),),
}


class DemoSource:
    """The demo data as a source of bars; ``demo`` and ``all`` are its universes."""

    label = "DEMO"
    calendar = "XNYS"

    def symbols(self) -> tuple[SymbolInfo, ...]:
        """Return the five stocks."""
        return raw_infos(_bars(), TIMEFRAME, CURRENCY, "bundled, public domain")

    def bars(self, symbols: Sequence[str]) -> dict[str, RawBars]:
        """Return the bars of symbols."""
        return {symbol: _bars()[symbol] for symbol in symbols}

    def reference(self) -> Reference:
        """Return the splits in the range of the data; dividends are not known."""
        splits = sorted((day, code, ratio) for code, own in _SPLITS.items() for day, ratio in own)
        return Reference(
            actions=tuple(CorporateAction(code, day, "split", ratio) for day, code, ratio in splits)
        )

    def field_series(
        self, names: Collection[str], codes: Sequence[str]
    ) -> dict[str, dict[str, FieldSeries]]:
        """Return nothing: there are no fields."""
        return {}

    def universe(self, name: str) -> tuple[str, ...] | None:
        """Return the five stocks as ``demo`` or ``all``."""
        return tuple(sorted(_bars(), key=str.encode)) if name in self.universes() else None

    def universes(self) -> tuple[str, ...]:
        """Return the names of the universes."""
        return ("demo", "all")

    def series(self, name: str) -> tuple[Times, Floats] | None:
        """Return the equal-weight index."""
        return equal_weight_index() if name == BENCHMARK else None

    def series_names(self) -> tuple[str, ...]:
        """Return the name of the equal-weight index."""
        return (BENCHMARK,)


@functools.cache
def _bars() -> dict[str, RawBars]:
    with resources.as_file(resources.files("resources") / "demo" / "us5_daily.parquet") as path:
        table = pq.ParquetFile(path).read()
    times = table.column("date").cast(pa.int32()).to_numpy().astype(np.int64) * NS_PER_DAY
    columns = {
        name: table.column(name).to_numpy().astype(np.float64)
        for name in ("open", "high", "low", "close", "volume")
    }
    symbols = np.array(table.column("symbol").to_pylist())
    out = {}
    for symbol in sorted(set(symbols.tolist()), key=str.encode):
        rows = symbols == symbol
        out[symbol] = RawBars(
            times[rows], **{name: values[rows] for name, values in columns.items()}
        )
    return out


@functools.cache
def equal_weight_index() -> tuple[Times, Floats]:
    """Return times and values of the equal-weight price index of the five stocks.

    Rebalanced daily: each day it moves by the mean of the split-adjusted returns of the stocks that
    traded on both days. It starts at 100.
    """
    bars = _bars()
    axis = np.unique(np.concatenate([b.time_ns for b in bars.values()]))
    closes = np.full((len(axis), len(bars)), np.nan)
    for column, (symbol, own) in enumerate(bars.items()):
        closes[np.searchsorted(axis, own.time_ns), column] = own.close
        for ex_date, ratio in _SPLITS.get(symbol, ()):
            closes[axis >= ex_date, column] *= ratio
    values = np.full(len(axis), 100.0)
    for row in range(1, len(axis)):
        returns = closes[row] / closes[row - 1] - 1.0
        values[row] = values[row - 1] * (1.0 + np.nanmean(returns))
    return axis, values
