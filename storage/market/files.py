"""Bars from files: CSV, Parquet, or a folder of either.

Columns are recognised by name in any case (``Date``, ``OPEN``, ``close_price`` …), and mapped by
hand where they are odd (``data.columns``). All text is read strictly; a failure names the file, the
line and the column.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from engine.errors import BacktestNotFoundError, BacktestValidationError, Problem
from engine.types import NS_PER_DAY
from storage.market.parsing import MISSING_TIME, BadValue, instants, numbers
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
_NEEDED: Final = ("time", "open", "high", "low", "close")
_PRICES: Final = ("open", "high", "low", "close")
_LONG_BARS: Final = ("1d", "1w", "1mo")


class FileSource:
    """A file or folder as a source of bars; it is read when it is first asked."""

    adjustment = "raw"

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

    def symbols(self) -> tuple[SymbolInfo, ...]:
        """Return what the files have."""
        return raw_infos(self._bars(), self._timeframe, self._currency, self.label)

    def bars(self, symbols: Sequence[str]) -> dict[str, RawBars]:
        """Return the bars of symbols."""
        return {symbol: self._bars()[symbol] for symbol in symbols}

    def splits(self, symbol: str) -> tuple[tuple[int, float], ...]:
        """Return nothing: files hold no corporate actions."""
        return ()

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
    for file in _files(path):
        table, is_text = read_table(file, should_stop)
        named = _recognise(file, table.column_names, columns or {})
        own_name = re.sub(r"(\.csv\.gz|\.[^.]+)$", "", file.name, flags=re.IGNORECASE)
        fallback = _fallback(file, path, named, only, own_name)
        reading = _Reading(file, table, named, timeframe, is_text, should_stop)
        for symbol, bars in _by_symbol(reading, fallback).items():
            found.setdefault(symbol, []).append(bars)
    return {symbol: _joined(parts) for symbol, parts in found.items()}


def _files(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    endings = (*TEXT_ENDINGS, *PARQUET_ENDINGS)
    files = [f for f in sorted(path.iterdir()) if f.is_file() and f.name.lower().endswith(endings)]
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


def _recognise(file: Path, names: Sequence[str], mapped: Mapping[str, str]) -> dict[str, str]:
    """Return our name → the file's name; a separate ``time`` beside ``date`` is ``clock``."""
    out: dict[str, str] = {}
    for ours, theirs in mapped.items():
        ours = "time" if ours.lower() == "date" else ours.lower()
        if ours not in _MEANS:
            raise BacktestValidationError(
                Problem(
                    "data.columns",
                    f"{ours!r} is no column of bars",
                    f"choose from {', '.join(_MEANS)}",
                )
            )
        if theirs not in names:
            raise refusal(
                file, "", f"there is no column {theirs!r}", f"there are {', '.join(names)}"
            )
        out[ours] = theirs
    free = [name for name in names if name not in out.values()]
    plain = {name: re.sub(r"[^a-z]", "", name.lower()) for name in free}
    for ours, meanings in _MEANS.items():
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
    missing = [name for name in _NEEDED if name not in out]
    if missing:
        raise refusal(
            file,
            "",
            f"no column for {', '.join(missing)} among {', '.join(names) or 'none'}",
            'name it in data.columns, for example close = "last price"',
        )
    return out


@dataclass(frozen=True)
class _Reading:
    """One table on its way to bars; ``named`` is our name → the file's name."""

    file: Path
    table: pa.Table
    named: Mapping[str, str]
    timeframe: str
    is_text: bool
    should_stop: ShouldStop

    def column(self, ours: str) -> Any:
        """Return a column in one piece."""
        return self.table.column(self.named[ours]).combine_chunks()


def _by_symbol(reading: _Reading, fallback: str) -> dict[str, RawBars]:
    named = reading.named
    if reading.table.num_rows == 0:
        raise refusal(reading.file, "", "the file has no bars, only names of columns")
    columns: dict[str, Any] = {}
    for ours in (*_PRICES, "volume"):
        if ours in named:
            columns[ours] = _numbers(reading, ours)
    times = _times(reading)
    if "symbol" not in named:
        return {fallback: _bars(reading, fallback, times, columns, np.arange(len(times)))}
    symbols = _symbols(reading)
    codes = symbols.indices.to_numpy(zero_copy_only=False)
    order = np.argsort(codes, kind="stable")
    bounds = np.flatnonzero(np.diff(codes[order])) + 1
    out = {}
    for rows in np.split(order, bounds):
        check(reading.should_stop)
        symbol = str(symbols.dictionary[int(codes[rows[0]])])
        out[symbol] = _bars(reading, symbol, times, columns, rows)
    return out


def _bars(
    reading: _Reading,
    symbol: str,
    times: Times,
    columns: Mapping[str, Floats],
    rows: NDArray[Any],
) -> RawBars:
    taken = {name: np.ascontiguousarray(values[rows]) for name, values in columns.items()}
    own = times[rows]
    if reading.timeframe in _LONG_BARS:
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


def _numbers(reading: _Reading, ours: str) -> Floats:
    column = reading.column(ours)
    check(reading.should_stop)
    if pa.types.is_dictionary(column.type):
        column = pc.cast(column, column.type.value_type)
    kind = column.type
    try:
        if pa.types.is_string(kind) or pa.types.is_large_string(kind):
            return numbers(column, reading.should_stop)
        if pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind):
            floats = pc.cast(column, pa.float64(), safe=False).to_numpy(zero_copy_only=False)
            return np.array(floats, np.float64)
    except BadValue as bad:
        raise _misread(reading, ours, bad) from bad
    raise refusal(reading.file, f" column {reading.named[ours]!r}", f"holds {kind}, not numbers")


def _times(reading: _Reading) -> Times:
    name = reading.named["time"]
    column = reading.column("time")
    kind = column.type
    stop = reading.should_stop
    whole_days = reading.timeframe in _LONG_BARS and "clock" not in reading.named
    try:
        if pa.types.is_string(kind) or pa.types.is_large_string(kind):
            if "clock" in reading.named:
                clock = pc.cast(reading.column("clock"), kind)
                column = pc.binary_join_element_wise(column, clock, pa.scalar("T", kind))
            # Times within a day are kept for now: `_bars` tells a daily file from a finer one by
            # them.
            kept = instants(column, whole_days=False, should_stop=stop)
            if whole_days and _one_a_day(kept):
                return instants(column, whole_days=True, should_stop=stop)
            return kept
        if pa.types.is_date(kind) or pa.types.is_timestamp(kind):
            return _typed_times(column, whole_days)
        if pa.types.is_integer(kind):
            text = pc.cast(column, pa.string())
            return instants(text, whole_days=whole_days, should_stop=stop)
    except BadValue as bad:
        raise _misread(reading, "time", bad) from bad
    except pa.ArrowInvalid as error:
        raise refusal(
            reading.file, f" column {name!r}", f"holds an impossible time ({error})"
        ) from error
    raise refusal(reading.file, f" column {name!r}", f"holds {kind}, not dates or times")


def _typed_times(column: Any, whole_days: bool) -> Times:
    if whole_days and getattr(column.type, "tz", None):
        column = pc.local_timestamp(column)  # the session's date is the one on the wall
    zone = getattr(column.type, "tz", None)
    whole = pc.cast(pc.cast(column, pa.timestamp("ns", zone)), pa.int64())
    filled = pc.fill_null(whole, MISSING_TIME).to_numpy(zero_copy_only=False)
    return np.array(filled, np.int64)


def _one_a_day(times: Times) -> bool:
    """Whether all times are at the same time of day, as in a daily file with a zone."""
    known = times[times != MISSING_TIME]
    return len(np.unique(known % NS_PER_DAY)) <= 2  # two: daylight saving moves the hour


def _symbols(reading: _Reading) -> Any:
    text = pc.utf8_trim_whitespace(pc.cast(reading.column("symbol"), pa.string()))
    lengths = pc.fill_null(pc.binary_length(text), 0).to_numpy(zero_copy_only=False)
    bad = np.flatnonzero((lengths == 0) | (lengths > 255))
    if len(bad):
        shown = str(text[int(bad[0])] or "")[:40]
        wanted = "a symbol of 1 to 255 characters"
        raise _misread(reading, "symbol", BadValue(int(bad[0]), shown, wanted))
    return pc.dictionary_encode(text)


def _misread(reading: _Reading, ours: str, bad: BadValue) -> BacktestValidationError:
    file, name = reading.file, reading.named[ours]
    shown = bad.text if len(bad.text) <= 40 else bad.text[:39] + "…"
    place = f" line {_line_of(file, bad.row)}" if reading.is_text else f" row {bad.row + 1}"
    return refusal(file, f"{place}, column {name!r}", f"{shown!r} is not {bad.wanted}")


def _line_of(file: Path, row: int) -> int:
    """Return the line of a row; the reader leaves out empty lines."""
    left = row + 1  # and the header
    with pa.input_stream(str(file), compression="detect") as stream:
        lines = stream.read().splitlines()
    for number, line in enumerate(lines, start=1):
        if line.strip(b"\r\n"):
            if left == 0:
                return number
            left -= 1
    return row + 2
