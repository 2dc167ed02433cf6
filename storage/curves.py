"""The full curve of a run as one compressed Arrow stream: every bar, exact money.

Columns: ``time_ns`` int64; ``equity``, ``cash``, ``gross`` and ``benchmark`` as int64 of 1/10000
money (the benchmark null where it is unknown or missing); ``positions`` int32; ``drawdown``
float64.
"""

import hashlib
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from engine.result import BacktestResult, Curve
from storage.errors import BacktestStorageError, CorruptDatabaseError

KIND = "curve"
NAME = "curve.arrow"
MEDIA_TYPE = "application/vnd.apache.arrow.stream"
_MONEY = 10_000.0


@dataclass(frozen=True)
class StoredCurve:
    """A curve read back; ``equity_whole`` is equity x 10000, exactly as stored."""

    time_ns: NDArray[np.int64]
    equity_whole: NDArray[np.int64]
    curve: Curve
    drawdown: NDArray[np.float64]
    benchmark: NDArray[np.float64] | None


def pack(result: BacktestResult) -> bytes:
    """Return the curve of a result as bytes.

    Raises:
        BacktestStorageError: money that is not finite, or beyond 900 trillion.
    """
    benchmark = result.benchmark
    unknown = np.isnan(benchmark) if benchmark is not None else np.ones(len(result.time_ns), bool)
    known = np.where(unknown, 0.0, 0.0 if benchmark is None else benchmark)
    table = pa.table(
        {
            "time_ns": pa.array(result.time_ns, pa.int64()),
            "equity": pa.array(_whole("equity", result.curve.equity)),
            "cash": pa.array(_whole("cash", result.curve.cash)),
            "gross": pa.array(_whole("gross value", result.curve.gross)),
            "benchmark": pa.array(_whole("benchmark", known), mask=unknown),
            "positions": pa.array(result.curve.positions.astype(np.int32)),
            "drawdown": pa.array(result.drawdown, pa.float64()),
        }
    )
    sink = pa.BufferOutputStream()
    options = pa.ipc.IpcWriteOptions(compression="zstd")
    with pa.ipc.new_stream(sink, table.schema, options=options) as writer:
        writer.write_table(table)
    data: bytes = sink.getvalue().to_pybytes()
    return data


def unpack(data: bytes, sha256: str) -> StoredCurve:
    """Return the curve that `pack` wrote.

    Raises:
        CorruptDatabaseError: the bytes are not those that were stored.
    """
    if hashlib.sha256(data).hexdigest() != sha256:
        raise CorruptDatabaseError(
            "The equity curve of this run is damaged", hint="restore a backup of the database"
        )
    with pa.ipc.open_stream(data) as reader:
        table = reader.read_all()
    column = {name: table.column(name).combine_chunks() for name in table.column_names}
    whole = {n: column[n].to_numpy() for n in ("time_ns", "equity", "cash", "gross")}
    benchmark = None
    if column["benchmark"].null_count < len(column["benchmark"]):
        benchmark = column["benchmark"].to_numpy(zero_copy_only=False).astype(np.float64) / _MONEY
    return StoredCurve(
        time_ns=whole["time_ns"].copy(),
        equity_whole=whole["equity"].copy(),
        curve=Curve(
            equity=whole["equity"] / _MONEY,
            cash=whole["cash"] / _MONEY,
            gross=whole["gross"] / _MONEY,
            positions=column["positions"].to_numpy().astype(np.int64),
        ),
        drawdown=column["drawdown"].to_numpy().copy(),
        benchmark=benchmark,
    )


def _whole(what: str, values: NDArray[np.float64]) -> NDArray[np.int64]:
    scaled = np.rint(values * _MONEY)
    if not np.all(np.abs(scaled) < 9.2e18):
        bad = values[~(np.abs(scaled) < 9.2e18)][0]
        raise BacktestStorageError(f"The {what} reaches {bad}, which cannot be stored exactly")
    whole: NDArray[np.int64] = scaled.astype(np.int64)
    return whole
