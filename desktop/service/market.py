"""Bringing prices in, and telling which there are; the shapes that ``data … --json`` prints."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from desktop import fmt, logs
from engine.config import DataConfig
from storage.market.catalog import list_benchmarks, list_sources, list_symbols, list_universes
from storage.market.local import Imported, import_bars, imported
from storage.market.source import SourceInfo, SymbolInfo


@dataclass(frozen=True, slots=True)
class Holdings:
    """What one source has: its symbols, universes, and what a run on it can be compared with."""

    source: SourceInfo
    symbols: tuple[SymbolInfo, ...]
    universes: tuple[str, ...]
    benchmarks: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """Return one item of ``data list --json``."""
        return {
            "source": self.source.name,
            "title": self.source.title,
            "universes": list(self.universes),
            "benchmarks": list(self.benchmarks),
            "symbols": [symbol_payload(info) for info in self.symbols],
        }


def holdings() -> tuple[Holdings, ...]:
    """Return what the bundled data and the imported files hold."""
    found = []
    for source in list_sources():
        data = DataConfig.model_validate({"source": source.name})
        # imports may be of any timeframe; a configuration asks for one
        symbols = imported() if source.name == "local" else list_symbols(data)
        found.append(Holdings(source, symbols, list_universes(data), list_benchmarks(data)))
    return tuple(found)


def import_files(
    paths: Sequence[Path],
    *,
    symbol: str | None = None,
    timeframe: str | None = None,
    currency: str = "USD",
    columns: Mapping[str, str] | None = None,
    on_bad_bars: Literal["refuse", "drop"] = "refuse",
    adjustment: Literal["raw", "split", "total"] = "raw",
) -> tuple[Imported, ...]:
    """Check files of bars and keep a copy of all of them, or of none.

    Raises:
        BacktestNotFoundError: one of the paths does not exist.
        BacktestValidationError: a file can't be read, or has bad bars that are not to be dropped.
    """
    done = import_bars(
        paths,
        symbol=symbol,
        timeframe=timeframe,
        currency=currency,
        columns=columns,
        on_bad_bars=on_bad_bars,
        adjustment=adjustment,
    )
    logs.get("data").info("bars_imported", symbols=len(done), paths=[str(path) for path in paths])
    return done


def import_payload(done: Imported) -> dict[str, Any]:
    """Return one item of ``data import --json``."""
    return {
        **symbol_payload(done.info),
        "replaced": done.replaced,
        "notices": list(done.notices),
        "defects": done.defects,
    }


def symbol_payload(info: SymbolInfo) -> dict[str, Any]:
    """Return what a source has of one symbol."""
    return {
        "symbol": info.symbol,
        "timeframe": info.timeframe,
        "currency": info.currency,
        "adjustment": info.adjustment,
        "bars": info.n_bars,
        "first": fmt.iso_instant(info.first_ns),
        "last": fmt.iso_instant(info.last_ns),
        "origin": info.origin,
    }
