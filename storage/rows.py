"""From a result to the rows of the database, column by column.

A run can have tens of thousands of trades, so values are made by the column in the form that SQLite
keeps, past the conversion of single values. `storage.stored_columns` writes and reads them,
`storage.loading` is the way back.
"""

import datetime as dt
import hashlib
import json
from typing import Any, Final

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray

from engine.result import BacktestResult
from engine.types import OrderKind, OrderReason, OrderStatus, Phase, Reason, Side
from storage.columns import MONEY_SCALE, PRICE_SCALE, decimal_texts
from storage.schema import (
    DATE_METRICS,
    METRICS,
    MONEY_METRICS,
    backtest_fills,
    backtest_orders,
    backtest_snapshots,
    backtest_trades,
)
from storage.snapshots import Snapshots
from storage.stopping import ShouldStop, check, never
from storage.stored_columns import Columns, canonical

# One encoder: `json.dumps` makes a new one for every text that is not ASCII only.
_ENCODE: Final = json.JSONEncoder(ensure_ascii=False).encode
_SIDES = {int(Side.BUY): "long", int(Side.SELL): "short"}
_ACTIONS = {int(Side.BUY): "BUY", int(Side.SELL): "SELL"}
_ORDER_SIDES = {int(Side.BUY): "buy", int(Side.SELL): "sell", 0: "target"}


def rows_of(
    result: BacktestResult, snapshots: Snapshots, should_stop: ShouldStop = never
) -> dict[sa.Table, Columns]:
    """Return the rows of a result by table, without the run's id."""
    made: dict[sa.Table, Columns] = {}
    for table, make in (
        (backtest_orders, _orders),
        (backtest_fills, _fills),
        (backtest_trades, _trades),
    ):
        check(should_stop)
        made[table] = make(result)
    check(should_stop)
    made[backtest_snapshots] = _snapshots(result, snapshots)
    return made


def content_hash(header: dict[str, Any], rows: dict[sa.Table, Columns]) -> str:
    """Return the SHA-256 (64 hex) over everything that a run came to.

    Canonical JSON of the header, then per table its name and its columns in the order of the
    schema. Text, whole numbers and floats come back from the database as they went in, so the
    stored run gives the same hash.
    """
    digest = hashlib.sha256(b"tbrun1\n")
    digest.update(json.dumps(header, sort_keys=True, separators=(",", ":")).encode())
    for table, columns in rows.items():
        digest.update(b"\n" + table.name.encode())
        for column in table.columns:
            if column.name in columns:
                digest.update(b"\n" + column.name.encode() + b" ")
                digest.update(canonical(columns[column.name]))
    return digest.hexdigest()


def header_of(
    run: dict[str, Any], status: str, result_hash: str, summary: dict[str, Any], curve: bytes
) -> dict[str, Any]:
    """Return what a content hash covers beside the rows: how the run was made, and its curve."""
    return {
        "run_id": run["id"],
        "config": run["config_snapshot"],
        "strategy": run["strategy_snapshot"],
        "status": status,
        "result_hash": result_hash,
        "summary": summary,
        "curve": hashlib.sha256(curve).hexdigest(),
    }


def exit_text(result: BacktestResult, reason: int, label: int) -> str:
    """Return why a trade ended: the strategy's signal, or the name of what else ended it."""
    if reason == Reason.SIGNAL and 0 <= label < len(result.labels):
        return result.labels[label]
    return Reason(reason).name.lower()


def _texts(codes: NDArray[Any], names: dict[int, str]) -> list[str]:
    return [names[code] for code in codes.tolist()]


def _labels(result: BacktestResult, codes: NDArray[Any]) -> list[str]:
    return [result.labels[c] if 0 <= c < len(result.labels) else "" for c in codes.tolist()]


def _times(result: BacktestResult, bars: NDArray[np.int64]) -> list[int | None]:
    """Return the opens of bars; -1 is None."""
    if not len(result.time_ns):
        return [None] * len(bars)
    times = result.time_ns[np.maximum(bars, 0)].tolist()
    return [time if bar >= 0 else None for time, bar in zip(times, bars.tolist(), strict=True)]


def _dates(time_ns: NDArray[np.int64]) -> list[str]:
    dates: list[str] = time_ns.astype("datetime64[ns]").astype("datetime64[D]").astype(str).tolist()
    return dates


def _trades(result: BacktestResult) -> Columns:
    t = result.trades
    names = dict(enumerate(result.symbols))
    reasons = list(zip(t["exit_reason"].tolist(), t["exit_label"].tolist(), strict=True))
    said = {pair: exit_text(result, *pair) for pair in set(reasons)}
    return {
        "trade_no": t["trade_no"].tolist(),
        "position_no": t["position_no"].tolist(),
        "symbol": _texts(t["symbol"], names),
        "side": _texts(t["side"], _SIDES),
        "order_type": ["market"] * len(t),
        "quantity": decimal_texts(t["quantity"], PRICE_SCALE),
        "entry_signal_time": _times(result, t["entry_signal_bar"]),
        "entry_time": _times(result, t["entry_bar"]),
        "entry_price": decimal_texts(t["entry_price"], PRICE_SCALE),
        "exit_signal_time": _times(result, t["exit_signal_bar"]),
        "exit_time": _times(result, t["exit_bar"]),
        "exit_price": decimal_texts(t["exit_price"], PRICE_SCALE),
        **{
            name: decimal_texts(t[name], MONEY_SCALE)
            for name in ("commission", "slippage", "tax", "dividends", "pnl", "mae", "mfe")
        },
        "pnl_percent": (t["pnl_rate"] * 100.0).tolist(),
        "bars_held": t["bars_held"].tolist(),
        "mae_bars": t["mae_bars"].tolist(),
        "mfe_bars": t["mfe_bars"].tolist(),
        "ambiguous_bar": t["ambiguous"].tolist(),
        "currency": [result.config.account.currency] * len(t),
        "entry_reason": _labels(result, t["entry_label"]),
        "exit_reason": [said[pair] for pair in reasons],
        "exit_kind": t["exit_reason"].tolist(),
        "entry_label": t["entry_label"].tolist(),
        "exit_label": t["exit_label"].tolist(),
    }


def _orders(result: BacktestResult) -> Columns:
    o = result.orders
    return {
        "order_no": list(range(1, len(o) + 1)),
        "symbol": _texts(o["symbol"], dict(enumerate(result.symbols))),
        "side": _texts(o["side"], _ORDER_SIDES),
        "order_type": _texts(o["kind"], {int(k): k.name.lower() for k in OrderKind}),
        "quantity": decimal_texts(o["filled"], PRICE_SCALE),
        "level": [None] * len(o),
        "created_at": _times(result, o["decided"]),
        "status": _texts(o["status"], {int(s): s.name.lower() for s in OrderStatus}),
        "reason": _texts(o["reason"], {int(r): r.name.lower() for r in OrderReason}),
        "closed_at": _times(result, o["closed"]),
        **{
            name: o[name].tolist()
            for name in (
                "action",
                "size_kind",
                "size",
                "cause",
                "label",
            )
        },
        "stop_rate": o["close_stop_rate"].tolist(),
        "target_rate": o["close_target_rate"].tolist(),
    }


def _fills(result: BacktestResult) -> Columns:
    f = result.fills
    return {
        "fill_no": list(range(1, len(f) + 1)),
        "order_no": [row + 1 if row >= 0 else None for row in f["order"].tolist()],
        "trade_date": _dates(f["time_ns"]),
        "at": f["time_ns"].tolist(),
        "symbol": _texts(f["symbol"], dict(enumerate(result.symbols))),
        "action": _texts(f["side"], _ACTIONS),
        "quantity": decimal_texts(f["quantity"], PRICE_SCALE),
        "price": decimal_texts(f["price"], PRICE_SCALE),
        "commission": decimal_texts(f["commission"], MONEY_SCALE),
        "tax": decimal_texts(f["tax"], MONEY_SCALE),
        "slippage": decimal_texts(f["slippage"], MONEY_SCALE),
        # Rounded once, from the sum: two rounded parts may add up to something else than the hash
        # saw.
        "total_cost": decimal_texts(f["commission"] + f["tax"], MONEY_SCALE),
        "at_close": (f["phase"] == Phase.CLOSE).astype(int).tolist(),
        "reason": _texts(f["reason"], {int(r): r.name.lower() for r in Reason}),
    }


def _snapshots(result: BacktestResult, snapshots: Snapshots) -> Columns:
    bar, curve = snapshots.bar, result.curve
    return {
        "at": result.time_ns[bar].tolist(),
        "snapshot_date": _dates(result.time_ns[bar]),
        "cash": decimal_texts(curve.cash[bar], MONEY_SCALE),
        "positions": list(map(_ENCODE, snapshots.positions)),
        "position_values": list(map(_ENCODE, snapshots.values)),
        "total_value": decimal_texts(curve.equity[bar], MONEY_SCALE),
        "drawdown_pct": (result.drawdown[bar] * 100.0).tolist(),
        "open_positions": curve.positions[bar].tolist(),
    }


def metrics_row(result: BacktestResult) -> dict[str, Any]:
    """Return the row of metrics: a column for each of the catalogue, the rest under ``further``."""
    row: dict[str, Any] = {name: result.metrics.get(name) for name in METRICS}
    for name in MONEY_METRICS:
        if row[name] is not None:
            row[name] = decimal_texts(np.array([row[name]], np.float64), MONEY_SCALE)[0]
    for name in DATE_METRICS:
        if row[name] is not None:
            row[name] = dt.date.fromisoformat(str(row[name])[:10])
    row["further"] = {k: v for k, v in result.metrics.items() if k not in METRICS}
    row["undefined"] = dict(result.undefined)
    return row


def summary_of(result: BacktestResult) -> dict[str, Any]:
    """Return what belongs to a result and has no column of its own."""
    return {
        "symbols": list(result.symbols),
        "labels": list(result.labels),
        "open_positions": [
            {name: getattr(p, name) for name in p.__dataclass_fields__}
            for p in result.open_positions
        ],
        "marks": list(result.marks),
        "warnings": list(result.warnings),
        "notices": list(result.notices),
        "defects": dict(result.defects),
        "bars_per_year": result.bars_per_year,
        "timeframe": result.timeframe,
        "versions": dict(result.versions),
        "data_labels": list(result.data_labels),
    }
