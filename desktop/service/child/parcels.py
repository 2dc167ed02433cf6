"""A panel as one file that a child maps read-only: a hundred million numbers get there without a copy."""

import dataclasses
import mmap
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from desktop.service.child.frames import pack, unpack
from engine.market import PRICE_COLUMNS, Benchmark, Panel

_PLAIN: Final = (
    "timeframe",
    "adjustment",
    "currency",
    "has_dividends",
    "membership_known",
    "first_counted",
    "bars_per_year",
)
_ARRAYS: Final = (
    "time_ns",
    *PRICE_COLUMNS,
    "volume",
    "events",
    "sessions",
    "members",
    "lot_size",
    "tick_size",
    "multiplier",
    "half_spread",
)


def write_panel(panel: Panel, file: Path) -> None:
    """Write a panel, with its finer bars, for a child."""
    header, arrays = _flat(panel)
    if panel.finer is not None:
        header["finer"], finer = _flat(panel.finer)
        arrays |= {f"finer {name}": values for name, values in finer.items()}
    file.write_bytes(pack(header, arrays))


def read_panel(file: Path) -> Panel:
    """Return a panel whose arrays lie in the file; nothing can write to them."""
    with file.open("rb") as stream:
        mapped = mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)
    header, arrays = unpack(memoryview(mapped))
    finer = {
        name.removeprefix("finer "): values
        for name, values in arrays.items()
        if name.startswith("finer ")
    }
    inner = _panel(header["finer"], finer, None) if "finer" in header else None
    return _panel(header, arrays, inner)


def _flat(panel: Panel) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    header: dict[str, Any] = {name: getattr(panel, name) for name in _PLAIN}
    header["symbols"] = list(panel.symbols)
    arrays = {n: getattr(panel, n) for n in _ARRAYS if getattr(panel, n) is not None}
    arrays |= {f"field {name}": values for name, values in panel.fields.items()}
    if panel.benchmark is not None:
        bench = panel.benchmark
        header["benchmark"] = [bench.name, bench.base, bench.total_return]
        arrays["benchmark"] = bench.values
    return header, arrays


def _panel(header: dict[str, Any], arrays: dict[str, NDArray[Any]], finer: Panel | None) -> Panel:
    bench = header.get("benchmark")
    fields: dict[str, NDArray[np.float64]] = {
        name.removeprefix("field "): values
        for name, values in arrays.items()
        if name.startswith("field ")
    }
    more: dict[str, Any] = {name: header[name] for name in _PLAIN}
    more |= {name: arrays[name] for name in _ARRAYS if name in arrays}
    return Panel(
        symbols=tuple(header["symbols"]),
        benchmark=None if bench is None else Benchmark(bench[0], arrays["benchmark"], *bench[1:]),
        fields=fields,
        finer=finer,
        **more,
    )


def bytes_of(panel: Panel) -> int:
    """Return how large the arrays of a panel are."""
    arrays = [getattr(panel, field.name) for field in dataclasses.fields(panel)]
    return sum(array.nbytes for array in arrays if isinstance(array, np.ndarray))
