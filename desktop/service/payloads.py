"""The JSON shapes of runs, trades and lists: what ``--json`` prints.

Other programs rely on them: A field is added, never renamed or removed, as long as
``schema_version`` is 1.
"""

from typing import Any

from desktop import fmt
from engine.result import OpenPosition, TradeRecord
from storage.records import RunPage, RunRecord, RunSummary, StoredRun, TradePage
from storage.saved import SavedStrategy


def run_payload(stored: StoredRun) -> dict[str, Any]:
    """Return the object of ``run``, ``demo`` and ``show``."""
    record, result = stored.record, stored.result
    return {
        "run_id": record.run_id,
        "status": record.status,
        "result_hash": record.result_hash,
        "dataset_hash": record.dataset_hash,
        "metrics": record.metrics,
        "undefined": record.undefined,
        "trades": None if result is None else len(result.trades),
        "open_positions": None if result is None else [_position(p) for p in result.open_positions],
        "warnings": [] if result is None else list(result.warnings),
        "duration_seconds": record.execution_duration_seconds,
        "partial": record.partial,
        "marks": [] if result is None else list(result.marks),
        "notices": [] if result is None else list(result.notices),
        "defects": {} if result is None else result.defects,
        "error_message": record.error_message,
        "name": record.name,
        "strategy": record.strategy_name,
        "strategy_version": record.strategy_version,
        "params": record.strategy_snapshot.get("params", {}),
        "instrument": record.instrument_symbol,
        "symbols": list(record.symbols),
        "timeframe": record.timeframe,
        "start": _day(record.start_ns),
        "end": _day(record.end_ns),
        "currency": record.currency,
        "initial_capital": record.initial_capital,
        "benchmark": record.benchmark,
        "bars_per_year": None if result is None else result.bars_per_year,
        "engine_version": record.engine_version,
        "created_at": fmt.iso_instant(record.created_at),
        "completed_at": fmt.iso_instant(record.completed_at) or None,
        "tags": list(record.tags),
        "notes": record.notes,
        "config": record.config.model_dump(mode="json"),
    }


def saved_payload(saved: SavedStrategy) -> dict[str, Any]:
    """Return the object of ``strategy save`` and ``strategy show``."""
    return {
        "name": saved.name,
        "version": saved.version,
        "reference": saved.reference,
        "kind": saved.kind,
        "strategy": saved.section,
        "source": saved.source_text,
        "source_hash": saved.source_hash,
        "runs": saved.runs,
        "created_at": fmt.iso_instant(saved.created_at),
    }


def history_payload(page: RunPage) -> dict[str, Any]:
    """Return the list of ``history``."""
    return {
        "items": [_summary(item) for item in page.items],
        "next_cursor": page.next_cursor,
        "total": page.total,
    }


def trades_payload(record: RunRecord, page: TradePage) -> dict[str, Any]:
    """Return the list of ``trades``; ``next_cursor`` is the next page's offset."""
    return {
        "items": [_trade(trade) for trade in page.items],
        "next_cursor": None if page.next_offset is None else str(page.next_offset),
        "total": page.total,
        "run_id": record.run_id,
        "status": record.status,
        "partial": record.partial,
        "currency": record.currency,
    }


def _summary(item: RunSummary) -> dict[str, Any]:
    return {
        "run_id": item.run_id,
        "created_at": fmt.iso_instant(item.created_at),
        "name": item.name,
        "strategy": item.strategy_name,
        "instrument": item.instrument_symbol,
        "timeframe": item.timeframe,
        "status": item.status,
        "progress": item.progress,
        "currency": item.currency,
        "initial_capital": item.initial_capital,
        "final_balance": item.final_balance,
        "total_return": item.total_return,
        "sharpe_ratio": item.sharpe_ratio,
        "max_drawdown": item.max_drawdown,
        "total_trades": item.total_trades,
        "starred": item.starred,
        "tags": list(item.tags),
    }


def _trade(trade: TradeRecord) -> dict[str, Any]:
    return {
        "trade_no": trade.trade_no,
        "position_no": trade.position_no,
        "symbol": trade.symbol,
        "side": trade.side,
        "quantity": trade.quantity,
        "entry_time": fmt.iso_instant(trade.entry_time_ns),
        "entry_price": trade.entry_price,
        "entry_reason": trade.entry_reason,
        "exit_time": fmt.iso_instant(trade.exit_time_ns),
        "exit_price": trade.exit_price,
        "exit_reason": trade.exit_reason,
        "bars_held": trade.bars_held,
        "commission": trade.commission,
        "slippage": trade.slippage,
        "tax": trade.tax,
        "pnl": trade.pnl,
        "pnl_percent": trade.pnl_percent,
        "mae": trade.mae,
        "mfe": trade.mfe,
    }


def _position(position: OpenPosition) -> dict[str, Any]:
    return {
        "symbol": position.symbol,
        "quantity": position.quantity,
        "entry_time": fmt.iso_instant(position.entry_time_ns),
        "entry_price": position.entry_price,
        "mark": position.mark,
        "value": position.value,
        "pnl": position.pnl,
        "stale": position.stale,
    }


def _day(time_ns: int | None) -> str | None:
    return None if time_ns is None else fmt.date(time_ns)
