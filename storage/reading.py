"""Single runs and what belongs to them, read from the rows.

`storage.listing` has the lists, `storage.loading` whole results; `storage.runs` is the door to all
three.
"""

import datetime as dt
import re
from typing import Any, cast

import sqlalchemy as sa

from engine.config import BacktestConfig, parse_config
from engine.errors import BacktestValidationError, Problem
from engine.result import TradeRecord
from storage.errors import BacktestStorageError, NewerDatabaseError, RecordNotFoundError
from storage.listing import short_ids
from storage.loading import metrics_of
from storage.records import DatasetRecord, RunRecord, TradePage
from storage.schema import (
    backtest_metrics,
    backtest_runs,
    backtest_trades,
    datasets,
    strategies,
)

SNAPSHOT_VERSION = "1.0"
_SHOWN_MATCHES = 5


def resolve(connection: sa.Connection, prefix: str) -> str:
    """Return the full id that begins with ``prefix``, hyphens and case aside.

    Raises:
        RecordNotFoundError: no run begins so.
        BacktestValidationError: it is empty, or several runs begin so.
    """
    plain = re.sub(r"[\s-]", "", prefix).lower()
    if not plain:
        raise BacktestValidationError(
            Problem("id", "is empty", "give the first characters of a run's id")
        )
    if not re.fullmatch(r"[0-9a-f]{1,32}", plain):
        raise _not_found(prefix)
    begin = "-".join(
        p for p in (plain[:8], plain[8:12], plain[12:16], plain[16:20], plain[20:]) if p
    )
    run = backtest_runs.c
    matches = connection.execute(
        sa.select(run.id, run.strategy_name, run.created_at)
        .where(run.id >= begin, run.id < begin + "g")
        .order_by(run.id.desc())
        .limit(_SHOWN_MATCHES + 1)
    ).all()
    if not matches:
        raise _not_found(prefix)
    if len(matches) > 1:
        short = short_ids(connection, [m.id for m in matches])
        listed = ", ".join(f"{short[m.id]} ({m.strategy_name})" for m in matches[:_SHOWN_MATCHES])
        more = ", …" if len(matches) > _SHOWN_MATCHES else ""
        raise BacktestValidationError(
            Problem("id", f"{prefix!r} begins several runs: {listed}{more}", "give more characters")
        )
    return cast(str, matches[0].id)


def _not_found(prefix: str) -> RecordNotFoundError:
    shown = prefix if len(prefix) <= 40 else prefix[:39] + "…"
    return RecordNotFoundError(
        f"There is no run {shown!r}", hint="`tradebench history` lists all runs"
    )


def find_run(connection: sa.Connection, run_id: str) -> sa.RowMapping:
    """Return the row of a run by its full id."""
    row = (
        connection.execute(sa.select(backtest_runs).where(backtest_runs.c.id == run_id))
        .mappings()
        .one_or_none()
    )
    if row is None:
        raise _not_found(run_id)
    return row


def config_of(snapshot: dict[str, Any]) -> BacktestConfig:
    """Return the configuration inside a snapshot.

    Raises:
        NewerDatabaseError: the snapshot was written by a newer version.
        BacktestStorageError: it is no configuration.
    """
    version = str(snapshot.get("version"))
    if version != SNAPSHOT_VERSION:
        raise NewerDatabaseError(
            f"The configuration of this run has version {version}; "
            f"this program knows {SNAPSHOT_VERSION}",
            hint="update the program",
        )
    try:
        return parse_config(snapshot["config"])
    except (KeyError, BacktestValidationError) as error:
        raise BacktestStorageError(f"The stored configuration cannot be read: {error}") from error


def read_record(connection: sa.Connection, run_id: str) -> RunRecord:
    """Return everything about a run but its rows."""
    run = find_run(connection, run_id)
    metrics = (
        connection.execute(sa.select(backtest_metrics).where(backtest_metrics.c.run_id == run_id))
        .mappings()
        .one_or_none()
    )
    data = connection.execute(
        sa.select(datasets.c.content_hash, datasets.c.symbols).where(
            datasets.c.id == run["dataset_id"]
        )
    ).one_or_none()
    version = connection.execute(
        sa.select(strategies.c.version).where(strategies.c.id == run["strategy_id"])
    ).scalar_one()
    config = config_of(run["config_snapshot"])
    values, undefined = metrics_of(metrics) if metrics is not None else ({}, {})
    same = (
        "name", "notes", "starred", "status", "progress", "cancel_requested", "owner",
        "strategy_id", "strategy_name", "dataset_id", "instrument_symbol", "timeframe", "currency",
        "benchmark", "data_source", "config_snapshot", "strategy_snapshot", "engine_version",
        "result_hash", "content_hash", "error_message", "traceback", "execution_duration_seconds",
        "created_at", "updated_at", "started_at", "completed_at", "trashed_at",
    )  # fmt: skip
    return RunRecord(
        **{name: run[name] for name in same},
        run_id=run_id,
        short_id=short_ids(connection, [run_id])[run_id],
        tags=tuple(run["tags"]),
        strategy_version=version,
        dataset_hash=None if data is None else data.content_hash,
        symbols=config.data.symbols if data is None else tuple(data.symbols),
        initial_capital=float(run["initial_capital"]),
        start_ns=run["start_date"],
        end_ns=run["end_date"],
        config=config,
        reproduced_from=run["reproduced_from_run_id"],
        has_result=metrics is not None,
        metrics=values,
        undefined=undefined,
    )


def trade_page(
    connection: sa.Connection,
    run_id: str,
    symbol: str | None,
    exit_from_ns: int | None,
    exit_to_ns: int | None,
    limit: int | None,
    offset: int,
) -> TradePage:
    """Return round trips in the order of exit."""
    if (limit is not None and limit < 1) or offset < 0:
        raise BacktestValidationError(
            Problem(
                "limit",
                f"{limit} from {offset} is not a page",
                "limit is 1 or more, offset 0 or more",
            )
        )
    trade = backtest_trades.c
    conditions = [trade.run_id == run_id]
    if symbol is not None:
        conditions.append(trade.symbol == symbol)
    if exit_from_ns is not None:
        conditions.append(trade.exit_time >= exit_from_ns)
    if exit_to_ns is not None:
        conditions.append(trade.exit_time <= exit_to_ns)
    total = connection.execute(
        sa.select(sa.func.count()).select_from(backtest_trades).where(*conditions)
    ).scalar_one()
    statement = (
        sa.select(backtest_trades).where(*conditions).order_by(trade.trade_no).offset(offset)
    )
    rows = connection.execute(statement if limit is None else statement.limit(limit)).mappings()
    items = tuple(_trade(row) for row in rows)
    return TradePage(items, len(items) if limit is None else limit, offset, total)


def _trade(row: sa.RowMapping) -> TradeRecord:
    exact = (
        "quantity",
        "entry_price",
        "exit_price",
        "commission",
        "tax",
        "slippage",
        "pnl",
        "mae",
        "mfe",
    )
    same = (
        "trade_no",
        "position_no",
        "symbol",
        "side",
        "pnl_percent",
        "bars_held",
        "entry_reason",
        "exit_reason",
    )
    values: dict[str, Any] = {name: float(row[name]) for name in exact}
    values |= {name: row[name] for name in same}
    return TradeRecord(entry_time_ns=row["entry_time"], exit_time_ns=row["exit_time"], **values)


def dataset_records(connection: sa.Connection) -> tuple[DatasetRecord, ...]:
    """Return the data sets that runs were made on, newest first."""
    uses = (
        sa.select(sa.func.count())
        .where(backtest_runs.c.dataset_id == datasets.c.id)
        .scalar_subquery()
        .label("runs")
    )
    found = connection.execute(
        sa.select(datasets, uses).order_by(datasets.c.created_at.desc(), datasets.c.id.desc())
    ).mappings()
    same = ("name", "source", "timeframe", "adjustment", "content_hash", "created_at", "runs")
    return tuple(
        DatasetRecord(
            dataset_id=row["id"],
            symbols=tuple(row["symbols"]),
            start_ns=row["start_date"],
            end_ns=row["end_date"],
            n_bars=row["bar_count"],
            **{name: row[name] for name in same},
        )
        for row in found
    )


def now() -> dt.datetime:
    """Return the instant, in UTC."""
    return dt.datetime.now(dt.UTC)
