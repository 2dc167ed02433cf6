"""Bars that the person imported: one Parquet file a symbol and timeframe in the data folder.

They were checked when they were imported. The head of each file says what it is, so that the list
needs no bars.
"""

import datetime as dt
import hashlib
import json
import os
import urllib.parse
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from engine.errors import BacktestValidationError, Problem
from engine.types import NS_PER_DAY, TIMEFRAME_NS
from engine.validate import CheckedBars, check_bars
from storage.errors import CorruptDatabaseError
from storage.market.files import read_bars
from storage.market.local_reference import check_folders, keep_folders
from storage.market.reference import FieldSeries, Reference
from storage.market.sidecars import read_fields, read_reference
from storage.market.source import Floats, RawBars, SymbolInfo, Times
from storage.market.tables import read_parquet
from storage.paths import market_dir, reference_dir
from storage.stopping import ShouldStop, never

_HEAD = b"tradebench"
_COLUMNS = ("time_ns", "open", "high", "low", "close", "volume")


@dataclass(frozen=True, slots=True)
class Imported:
    """What an import brought of one symbol; ``replaced`` when it was there before."""

    info: SymbolInfo
    replaced: bool
    notices: tuple[str, ...]
    defects: dict[str, int]


class LocalSource:
    """The imported bars of one timeframe as a source."""

    label = "local"

    def __init__(self, timeframe: str = "1d", should_stop: ShouldStop = never) -> None:
        """Take the length of the bars."""
        self._timeframe = timeframe
        self._should_stop = should_stop

    def symbols(self) -> tuple[SymbolInfo, ...]:
        """Return what was imported in this timeframe."""
        return tuple(info for info in imported() if info.timeframe == self._timeframe)

    def bars(self, symbols: Sequence[str]) -> dict[str, RawBars]:
        """Return the bars of symbols."""
        return {
            symbol: _load(_file(symbol, self._timeframe), self._should_stop) for symbol in symbols
        }

    def reference(self) -> Reference:
        """Return what was imported beside bars."""
        return read_reference(reference_dir(), self._should_stop)

    def field_series(
        self, names: Collection[str], codes: Sequence[str]
    ) -> dict[str, dict[str, FieldSeries]]:
        """Return the values of fields by field and code."""
        return read_fields(reference_dir(), names, codes, self._should_stop)

    def universe(self, name: str) -> tuple[str, ...] | None:
        """Return everything as ``all``."""
        return tuple(info.symbol for info in self.symbols()) if name == "all" else None

    def universes(self) -> tuple[str, ...]:
        """Return ``all``."""
        return ("all",)

    def series(self, name: str) -> tuple[Times, Floats] | None:
        """Return nothing."""
        return None

    def series_names(self) -> tuple[str, ...]:
        """Return nothing."""
        return ()


def import_bars(
    paths: Iterable[Path],
    *,
    symbol: str | None = None,
    timeframe: str | None = None,
    currency: str = "USD",
    columns: Mapping[str, str] | None = None,
    on_bad_bars: Literal["refuse", "drop"] = "refuse",
    adjustment: Literal["raw", "split", "total"] = "raw",
) -> tuple[Imported, ...]:
    """Check the bars of files and folders and keep a copy; a symbol that is there is replaced.

    What lies beside the bars of a folder (members, companies, actions, figures) is kept with them.

    Nothing is kept unless everything can be: the checks of all paths come first.

    Args:
        paths: CSV or Parquet files, or folders of them.
        symbol: of a file without a column of symbols; its own name when empty.
        timeframe: of the bars; found from the distance between them when empty.
        currency: in which the prices are.
        columns: our name = the file's name, where that is odd.
        on_bad_bars: ``refuse`` or ``drop``.
        adjustment: what is worked into the prices.

    Raises:
        BacktestNotFoundError, BacktestValidationError: as for `read_bars` and ``check_bars``.
    """
    checked: dict[tuple[str, str], tuple[CheckedBars, Path]] = {}
    paths = tuple(paths)
    check_folders(paths)
    for path in paths:
        raw = read_bars(path, timeframe or "1m", columns, (symbol,) if symbol else ())
        for name, bars in raw.items():
            length = timeframe or _timeframe_of(name, bars.time_ns)
            good = check_bars(
                name,
                bars.time_ns,
                bars.open,
                bars.high,
                bars.low,
                bars.close,
                bars.volume,
                on_bad_bars,
            )
            if (name, length) in checked:
                other = checked[name, length][1]
                raise BacktestValidationError(
                    Problem(
                        name,
                        f"stands in both {other} and {path}",
                        "import them one after the other",
                    )
                )
            checked[name, length] = (good, path)
    keep_folders(paths)
    return tuple(
        _store(name, length, bars, path, currency, adjustment)
        for (name, length), (bars, path) in checked.items()
    )


def imported() -> tuple[SymbolInfo, ...]:
    """Return everything that was imported, by symbol and timeframe."""
    infos = [_head(file)[0] for file in sorted(market_dir().glob("*/*.parquet"))]
    return tuple(sorted(infos, key=lambda i: (i.symbol.encode(), TIMEFRAME_NS.get(i.timeframe, 0))))


def _timeframe_of(symbol: str, times: Times) -> str:
    """Return the timeframe of bars: daily if all are midnights, else by the least distance."""
    known = np.unique(times[times != np.iinfo(np.int64).min])
    gaps = np.diff(known)
    if len(gaps) == 0 or not (known % NS_PER_DAY).any():
        return "1d"
    bars = {name: length for name, length in TIMEFRAME_NS.items() if name != "tick"}
    fitting = [name for name, length in bars.items() if length <= int(gaps.min())]
    if not fitting:
        raise BacktestValidationError(
            Problem(
                symbol, "the bars are closer together than a minute", "import bars of 1m or longer"
            )
        )
    return max(fitting, key=lambda name: TIMEFRAME_NS[name])


def _file(symbol: str, timeframe: str) -> Path:
    # The hash keeps apart what a file system without case would not.
    tail = hashlib.sha256(symbol.encode()).hexdigest()[:8]
    return market_dir() / timeframe / f"{urllib.parse.quote(symbol, safe='')[:120]}-{tail}.parquet"


def _store(
    symbol: str, timeframe: str, bars: CheckedBars, origin: Path, currency: str, adjustment: str
) -> Imported:
    info = SymbolInfo(
        symbol=symbol,
        timeframe=timeframe,
        currency=currency,
        adjustment=adjustment,
        n_bars=len(bars.time_ns),
        first_ns=int(bars.time_ns[0]),
        last_ns=int(bars.time_ns[-1]),
        origin=str(origin.absolute()),
    )
    head = {name: getattr(info, name) for name in info.__dataclass_fields__}
    head["imported_at"] = dt.datetime.now(dt.UTC).isoformat(timespec="seconds")
    table = pa.table({name: getattr(bars, name) for name in _COLUMNS})
    table = table.replace_schema_metadata({_HEAD: json.dumps(head).encode()})
    file = _file(symbol, timeframe)
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    replaced = file.exists()
    part = file.with_suffix(f".{os.getpid()}.part")
    try:
        pq.write_table(table, part, compression="zstd")
        os.replace(part, file)
    finally:
        part.unlink(missing_ok=True)
    return Imported(info, replaced, bars.notices, dict(bars.defects))


def _head(file: Path) -> tuple[SymbolInfo, dict[str, Any]]:
    try:
        metadata = pq.read_schema(file).metadata or {}
        head: dict[str, Any] = json.loads(metadata[_HEAD])
        return SymbolInfo(**{name: head[name] for name in SymbolInfo.__dataclass_fields__}), head
    except (pa.ArrowException, KeyError, ValueError, OSError) as error:
        raise _damaged(file) from error


def _load(file: Path, should_stop: ShouldStop) -> RawBars:
    try:
        table = read_parquet(file, should_stop)
        return RawBars(**{name: table.column(name).to_numpy() for name in _COLUMNS})
    except (pa.ArrowException, KeyError, OSError) as error:
        raise _damaged(file) from error


def _damaged(file: Path) -> CorruptDatabaseError:
    return CorruptDatabaseError(
        f"The imported bars in {file} are damaged", hint="delete the file and import them again"
    )
