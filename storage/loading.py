"""From the rows of the database back to a result that charts and tables take like a fresh one.

Bars are found again by their time, floats are the ones nearest to the stored decimals.
"""

import hashlib
from typing import Any

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray

from engine.config import BacktestConfig
from engine.result import BacktestResult, MetricValue, OpenPosition
from engine.types import (
    FILL,
    ORDER,
    TRADE,
    OrderKind,
    OrderReason,
    OrderStatus,
    Phase,
    Reason,
    Side,
)
from storage import curves
from storage.columns import MONEY_SCALE, PRICE_SCALE, decimal_floats, decimal_whole
from storage.errors import CorruptDatabaseError
from storage.schema import (
    DATE_METRICS,
    METRICS,
    MONEY_METRICS,
    artifacts,
    backtest_fills,
    backtest_orders,
    backtest_trades,
)
from storage.stored_columns import Columns

_SIDE_OF = {"long": Side.BUY, "short": Side.SELL, "BUY": Side.BUY, "SELL": Side.SELL}
_ORDER_SIDE_OF = {"buy": 1, "sell": -1, "target": 0}
_REASON_OF = {r.name.lower(): int(r) for r in Reason}
_KIND_OF = {k.name.lower(): int(k) for k in OrderKind}
_STATUS_OF = {s.name.lower(): int(s) for s in OrderStatus}
_ORDER_REASON_OF = {r.name.lower(): int(r) for r in OrderReason}


def curve_of(connection: sa.Connection, run_id: str) -> tuple[curves.StoredCurve, bytes]:
    """Return the full curve of a run, and as it is packed.

    Raises:
        CorruptDatabaseError: it is missing or damaged.
    """
    row = connection.execute(
        sa.select(artifacts.c.content, artifacts.c.sha256).where(
            artifacts.c.run_id == run_id, artifacts.c.kind == curves.KIND
        )
    ).one_or_none()
    if row is None or row.content is None:
        raise CorruptDatabaseError(
            f"The equity curve of run {run_id} is missing", hint="restore a backup of the database"
        )
    return curves.unpack(row.content, row.sha256), row.content


def metrics_of(row: sa.RowMapping) -> tuple[dict[str, MetricValue], dict[str, str]]:
    """Return the metrics of a row of ``backtest_metrics`` and the reasons of those undefined."""
    metrics: dict[str, MetricValue] = {}
    for name in METRICS:
        value = row[name]
        if value is not None and name in MONEY_METRICS:
            value = float(value)
        elif value is not None and name in DATE_METRICS:
            value = value.isoformat()
        metrics[name] = value
    metrics.update(row["further"])
    return metrics, dict(row["undefined"])


def fills_of(
    columns: Columns, symbols: tuple[str, ...], time_ns: NDArray[np.int64]
) -> NDArray[np.void]:
    """Return ``FILL`` rows."""
    out = np.zeros(len(columns["at"]), FILL)
    out["time_ns"] = columns["at"]
    out["bar"] = _bars(columns["at"], time_ns)
    out["order"] = [-1 if n is None else n - 1 for n in columns["order_no"]]
    out["symbol"] = _indices(columns["symbol"], symbols)
    out["side"] = [_SIDE_OF[a] for a in columns["action"]]
    out["phase"] = np.where(columns["at_close"], int(Phase.CLOSE), int(Phase.OPEN))
    out["reason"] = [_REASON_OF[r] for r in columns["reason"]]
    for name in ("quantity", "price", "commission", "tax", "slippage"):
        out[name] = decimal_floats(columns[name])
    return out


def orders_of(
    columns: Columns, symbols: tuple[str, ...], time_ns: NDArray[np.int64]
) -> NDArray[np.void]:
    """Return ``ORDER`` rows."""
    out = np.zeros(len(columns["order_no"]), ORDER)
    out["decided"] = _bars(columns["created_at"], time_ns)
    out["closed"] = _bars(columns["closed_at"], time_ns)
    out["symbol"] = _indices(columns["symbol"], symbols)
    out["side"] = [_ORDER_SIDE_OF[s] for s in columns["side"]]
    out["kind"] = [_KIND_OF[k] for k in columns["order_type"]]
    out["status"] = [_STATUS_OF[s] for s in columns["status"]]
    out["reason"] = [_ORDER_REASON_OF[r] for r in columns["reason"]]
    out["filled"] = decimal_floats(columns["quantity"])
    for name in ("action", "size_kind", "size", "cause", "label"):
        out[name] = columns[name]
    out["close_stop_rate"] = columns["stop_rate"]
    out["close_target_rate"] = columns["target_rate"]
    return out


def trades_of(
    columns: Columns, symbols: tuple[str, ...], time_ns: NDArray[np.int64]
) -> NDArray[np.void]:
    """Return ``TRADE`` rows."""
    out = np.zeros(len(columns["trade_no"]), TRADE)
    out["symbol"] = _indices(columns["symbol"], symbols)
    out["side"] = [_SIDE_OF[s] for s in columns["side"]]
    out["exit_reason"] = columns["exit_kind"]
    out["ambiguous"] = columns["ambiguous_bar"]
    out["pnl_rate"] = np.array(columns["pnl_percent"], np.float64) / 100.0
    for name in ("entry_signal", "entry", "exit_signal", "exit"):
        out[f"{name}_bar"] = _bars(columns[f"{name}_time"], time_ns)
    for name in ("quantity", "entry_price", "exit_price", "commission", "slippage", "tax"):
        out[name] = decimal_floats(columns[name])
    for name in ("dividends", "pnl", "mae", "mfe"):
        out[name] = decimal_floats(columns[name])
    for name in ("trade_no", "position_no", "bars_held", "mae_bars", "mfe_bars"):
        out[name] = columns[name]
    for name in ("entry_label", "exit_label"):
        out[name] = columns[name]
    return out


def result_of(
    run: dict[str, Any],
    config: BacktestConfig,
    dataset_hash: str,
    rows: dict[sa.Table, Columns],
    curve: curves.StoredCurve,
    metrics: tuple[dict[str, MetricValue], dict[str, str]],
) -> BacktestResult:
    """Put a result together again."""
    about: dict[str, Any] = run["summary"]
    symbols = tuple(about["symbols"])
    time_ns = curve.time_ns
    return BacktestResult(
        config=config,
        status="completed" if run["status"] == "completed" else "cancelled",
        symbols=symbols,
        time_ns=time_ns,
        fills=fills_of(rows[backtest_fills], symbols, time_ns),
        orders=orders_of(rows[backtest_orders], symbols, time_ns),
        trades=trades_of(rows[backtest_trades], symbols, time_ns),
        open_positions=tuple(OpenPosition(**p) for p in about["open_positions"]),
        labels=tuple(about["labels"]),
        curve=curve.curve,
        drawdown=curve.drawdown,
        benchmark=curve.benchmark,
        metrics=metrics[0],
        undefined=metrics[1],
        marks=tuple(about["marks"]),
        warnings=tuple(about["warnings"]),
        notices=tuple(about["notices"]),
        defects=dict(about["defects"]),
        bars_per_year=about["bars_per_year"],
        timeframe=about["timeframe"],
        dataset_hash=dataset_hash,
        result_hash=run["result_hash"],
        versions=dict(about["versions"]),
        duration_seconds=run["execution_duration_seconds"] or 0.0,
        data_labels=tuple(about["data_labels"]),
    )


def stored_hash(
    fills: Columns, symbols: tuple[str, ...], time_ns: NDArray[np.int64], equity: NDArray[np.int64]
) -> str:
    """Return the ``result_hash`` from what is stored, in whole numbers from end to end.

    The same bytes as ``engine.result.hash_result`` takes, without a float that could move a digit.
    """
    rows = np.empty((len(fills["at"]), 6), "<i8")
    rows[:, 0] = fills["at"]
    rows[:, 1] = _indices(fills["symbol"], symbols)
    rows[:, 2] = [_SIDE_OF[a] for a in fills["action"]]
    rows[:, 3] = decimal_whole(fills["quantity"], PRICE_SCALE)
    rows[:, 4] = decimal_whole(fills["price"], PRICE_SCALE)
    rows[:, 5] = decimal_whole(fills["total_cost"], MONEY_SCALE)
    points = np.empty((len(time_ns), 2), "<i8")
    points[:, 0] = time_ns
    points[:, 1] = equity
    return hashlib.sha256(b"tb1\n" + rows.tobytes() + points.tobytes()).hexdigest()


def _indices(names: Any, symbols: tuple[str, ...]) -> list[int]:
    index = {name: i for i, name in enumerate(symbols)}
    return [index[name] for name in names]


def _bars(times: Any, time_ns: NDArray[np.int64]) -> NDArray[np.int64]:
    if None not in times:
        return np.searchsorted(time_ns, np.array(times, np.int64)).astype(np.int64)
    known = np.array([time is not None for time in times], bool)
    at = np.array([0 if time is None else time for time in times], np.int64)
    return np.where(known, np.searchsorted(time_ns, at), -1).astype(np.int64)
