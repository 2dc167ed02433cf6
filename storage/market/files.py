"""Bars from files: CSV, Parquet, or a folder of either.

Columns are recognised by name in any case (``Date``, ``OPEN``, ``close_price`` …), and mapped by
hand where they are odd (``data.columns``). All text is read strictly; a failure names the file, the
line and the column.
"""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from engine.errors import BacktestNotFoundError, BacktestValidationError, Problem
from engine.types import NS_PER_DAY
from storage.market.parsing import MISSING_TIME
from storage.market.reading import LONG_BARS, Reading, numbers_of, texts_of, times_of
from storage.market.reference import FieldSeries, Reference
from storage.market.sidecars import is_sidecar, read_fields, read_reference
from storage.market.source import Floats, RawBars, SymbolInfo, Times, raw_infos
from storage.market.tables import PARQUET_ENDINGS, TEXT_ENDINGS, read_table, refusal
from storage.stopping import ShouldStop, check, never

_MEANS: Final = {
    "time": ("time", "date", "datetime", "timestamp", "ts", "tradedate", "day"),
    "open": ("open", "o", "openprice", "opening"),
    "high": ("high", "h", "highprice"),
    "low": ("low", "l", "lowprice"),
    "close": ("close", "c", "closeprice", "closing", "last"),
    "volume": ("volume", "vol", "v", "volumes"),
    "symbol": ("symbol", "ticker", "code", "sym", "instrument"),
}
_PRICES: Final = ("open", "high", "low", "close")


@dataclass(frozen=True)
class Layout:
    """What files hold: our names of their columns with what each may be called there, and those that must be there."""

    what: str
    means: Mapping[str, tuple[str, ...]]
    needed: tuple[str, ...]


BARS: Final = Layout("bars", _MEANS, ("time", *_PRICES))


class FileSource:
    """A file or folder as a source of bars; it is read when it is first asked.

    What lies beside the bars (`storage.market.sidecars`) tells members, companies, corporate
    actions and fields.
    """

    def __init__(
        self,
        path: Path,
        timeframe: str = "1d",
        columns: Mapping[str, str] | None = None,
        only: Sequence[str] = (),
        currency: str = "USD",
        should_stop: ShouldStop = never,
    ) -> None:
        """Take where the bars are, their length, and the one symbol of a file that names none."""
        self.path = path
        self.label = str(path)
        self._timeframe = timeframe
        self._columns = dict(columns or {})
        self._only = tuple(only)
        self._currency = currency
        self._should_stop = should_stop
        self._read: dict[str, RawBars] | None = None
        self._reference: Reference | None = None

    def symbols(self) -> tuple[SymbolInfo, ...]:
        """Return what the files have."""
        return raw_infos(self._bars(), self._timeframe, self._currency, self.label)

    def bars(self, symbols: Sequence[str]) -> dict[str, RawBars]:
        """Return the bars of symbols."""
        return {symbol: self._bars()[symbol] for symbol in symbols}

    def reference(self) -> Reference:
        """Return what the files beside the bars say."""
        if self._reference is None:
            self._reference = read_reference(self._folder, self._should_stop)
        return self._reference

    def field_series(
        self, names: Collection[str], codes: Sequence[str]
    ) -> dict[str, dict[str, FieldSeries]]:
        """Return the values of fields by field and code."""
        return read_fields(self._folder, names, codes, self._should_stop)

    @property
    def _folder(self) -> Path:
        return self.path if self.path.is_dir() else self.path.parent

    def universe(self, name: str) -> tuple[str, ...] | None:
        """Return everything as ``all``."""
        return tuple(sorted(self._bars(), key=str.encode)) if name == "all" else None

    def universes(self) -> tuple[str, ...]:
        """Return ``all``."""
        return ("all",)

    def series(self, name: str) -> tuple[Times, Floats] | None:
        """Return nothing."""
        return None

    def series_names(self) -> tuple[str, ...]:
        """Return nothing."""
        return ()

    def _bars(self) -> dict[str, RawBars]:
        if self._read is None:
            self._read = read_bars(
                self.path, self._timeframe, self._columns, self._only, self._should_stop
            )
        return self._read


def read_bars(
    path: Path,
    timeframe: str,
    columns: Mapping[str, str] | None = None,
    only: Sequence[str] = (),
    should_stop: ShouldStop = never,
) -> dict[str, RawBars]:
    """Return the bars of a file, or of all files of a folder, by symbol.

    A file without a symbol column takes the single symbol of ``only``; inside a folder, and when
    none is given, it takes its own name without the ending.

    Raises:
        BacktestNotFoundError: there is nothing at ``path``.
        BacktestValidationError: what is there cannot be read as bars; names file, line and column.
        Stopped: ``should_stop`` said so.
    """
    if not path.exists():
        raise BacktestNotFoundError(f"There is no file or folder {path}", field="data.source")
    found: dict[str, list[RawBars]] = {}
    for reading, fallback in readings(path, timeframe, BARS, columns or {}, only, should_stop):
        for symbol, bars in _by_symbol(reading, fallback).items():
            found.setdefault(symbol, []).append(bars)
    return {symbol: _joined(parts) for symbol, parts in found.items()}


def readings(
    path: Path,
    timeframe: str,
    layout: Layout,
    columns: Mapping[str, str],
    only: Sequence[str],
    should_stop: ShouldStop,
) -> Iterator[tuple[Reading, str]]:
    """Yield the table of each file, its columns recognised, and the symbol of one that names none.

    Raises:
        BacktestValidationError: a file cannot be read as what the layout says.
        Stopped: ``should_stop`` said so.
    """
    for file in _files(path):
        table, is_text = read_table(file, should_stop)
        named = _recognise(file, table.column_names, columns, layout)
        own_name = re.sub(r"(\.csv\.gz|\.[^.]+)$", "", file.name, flags=re.IGNORECASE)
        fallback = _fallback(file, path, named, only, own_name)
        yield Reading(file, table, named, timeframe, is_text, should_stop), fallback


def rows_by_symbol(reading: Reading, fallback: str) -> Iterator[tuple[str, NDArray[np.int64]]]:
    """Yield each symbol of a table with its rows, in their order; ``fallback`` where there is no such column."""
    if "symbol" not in reading.named:
        yield fallback, np.arange(reading.table.num_rows)
        return
    symbols = texts_of(reading)
    codes = symbols.indices.to_numpy(zero_copy_only=False)
    order = np.argsort(codes, kind="stable")
    bounds = np.flatnonzero(np.diff(codes[order])) + 1
    for rows in np.split(order, bounds):
        check(reading.should_stop)
        yield str(symbols.dictionary[int(codes[rows[0]])]), rows


def refuse_empty(reading: Reading, layout: Layout) -> None:
    """Refuse a file with nothing but names of columns."""
    if reading.table.num_rows == 0:
        raise refusal(reading.file, "", f"the file has no {layout.what}, only names of columns")


def _files(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    endings = (*TEXT_ENDINGS, *PARQUET_ENDINGS)
    files = [
        f
        for f in sorted(path.iterdir())
        if f.is_file() and f.name.lower().endswith(endings) and not is_sidecar(f)
    ]
    if not files:
        raise refusal(
            path, "", "the folder has no CSV or Parquet file", f"endings: {', '.join(endings)}"
        )
    return files


def _fallback(
    file: Path, path: Path, named: Mapping[str, str], only: Sequence[str], own_name: str
) -> str:
    if "symbol" in named or path.is_dir() or not only:
        return own_name
    if len(only) > 1:
        raise refusal(
            file,
            "",
            f"the file has no column of symbols, and {len(only)} symbols are asked for",
            "ask for one symbol, or name the column in data.columns",
        )
    return only[0]


def _recognise(
    file: Path, names: Sequence[str], mapped: Mapping[str, str], layout: Layout
) -> dict[str, str]:
    """Return our name → the file's name; a separate ``time`` beside ``date`` is ``clock``."""
    out: dict[str, str] = {}
    for ours, theirs in mapped.items():
        ours = "time" if ours.lower() == "date" else ours.lower()
        if ours not in layout.means:
            raise BacktestValidationError(
                Problem(
                    "data.columns",
                    f"{ours!r} is no column of {layout.what}",
                    f"choose from {', '.join(layout.means)}",
                )
            )
        if theirs not in names:
            raise refusal(
                file, "", f"there is no column {theirs!r}", f"there are {', '.join(names)}"
            )
        out[ours] = theirs
    free = [name for name in names if name not in out.values()]
    plain = {name: re.sub(r"[^a-z]", "", name.lower()) for name in free}
    for ours, meanings in layout.means.items():
        fitting = [name for name in free if plain[name] in meanings]
        if ours in out or not fitting:
            continue
        if ours == "time" and sorted(plain[n] for n in fitting) == ["date", "time"]:
            fitting.sort(key=lambda n: plain[n])
            out["clock"] = fitting.pop()
        if len(fitting) > 1:
            raise refusal(
                file,
                "",
                f"columns {fitting[0]!r} and {fitting[1]!r} both look like the {ours}",
                f"choose one in data.columns: {ours} = …",
            )
        out[ours] = fitting[0]
    missing = [name for name in layout.needed if name not in out]
    if missing:
        raise refusal(
            file,
            "",
            f"no column for {', '.join(missing)} among {', '.join(names) or 'none'}",
            'name it in data.columns, for example close = "last price"',
        )
    return out


def _by_symbol(reading: Reading, fallback: str) -> dict[str, RawBars]:
    refuse_empty(reading, BARS)
    columns = {
        ours: numbers_of(reading, ours) for ours in (*_PRICES, "volume") if ours in reading.named
    }
    times = times_of(reading)
    return {
        symbol: _bars(reading, symbol, times, columns, rows)
        for symbol, rows in rows_by_symbol(reading, fallback)
    }


def _bars(
    reading: Reading,
    symbol: str,
    times: Times,
    columns: Mapping[str, Floats],
    rows: NDArray[Any],
) -> RawBars:
    taken = {name: np.ascontiguousarray(values[rows]) for name, values in columns.items()}
    own = times[rows]
    if reading.timeframe in LONG_BARS:
        labelled = np.where(own == MISSING_TIME, own, own - own % NS_PER_DAY)
        if len(np.unique(labelled)) < len(np.unique(own)):
            raise refusal(
                reading.file,
                f" ({symbol})",
                f"several bars a day, but data.timeframe is {reading.timeframe}",
                "set data.timeframe to the length of the bars",
            )
        own = labelled
    return RawBars(time_ns=own, volume=taken.pop("volume", None), **taken)


def _joined(parts: list[RawBars]) -> RawBars:
    if len(parts) == 1:
        return parts[0]
    volumes = [np.full(len(p.time_ns), np.nan) if p.volume is None else p.volume for p in parts]
    return RawBars(
        time_ns=np.concatenate([p.time_ns for p in parts]),
        open=np.concatenate([p.open for p in parts]),
        high=np.concatenate([p.high for p in parts]),
        low=np.concatenate([p.low for p in parts]),
        close=np.concatenate([p.close for p in parts]),
        volume=np.concatenate(volumes),
    )
