"""The rows that a run is tied to, and the row of the run itself, as they are first written."""

import datetime as dt
import hashlib
import os
import re
import socket
from typing import Any

import psutil
import sqlalchemy as sa
import uuid_utils

from engine.config import BacktestConfig
from engine.result import BacktestResult
from storage import curves
from storage.reading import SNAPSHOT_VERSION, now
from storage.records import DatasetSpec, StrategySpec
from storage.schema import (
    artifacts,
    backtest_metrics,
    backtest_runs,
    datasets,
    outbox,
    strategies,
)
from storage.stopping import ShouldStop, never
from storage.stored_columns import Columns, insert

OWNER = "local"  # one computer has one owner; the shared side knows more of them


def new_id() -> str:
    """Return a UUIDv7: it sorts by time and needs nobody to hand it out."""
    return str(uuid_utils.uuid7())


def runner() -> dict[str, Any]:
    """Return what tells this process from all others, even when its number is used again."""
    pid = os.getpid()
    return {
        "runner_host": socket.gethostname(),
        "runner_pid": pid,
        "runner_started": psutil.Process(pid).create_time(),
    }


def runner_is_gone(row: sa.RowMapping) -> bool:
    """Whether the process that drove a run has ended; of another computer nothing is known."""
    if row["runner_host"] != socket.gethostname():
        return False
    try:
        started = psutil.Process(row["runner_pid"]).create_time()
    except psutil.NoSuchProcess:
        return True
    except psutil.AccessDenied:
        return False
    return bool(abs(started - row["runner_started"]) > 1.0)


def put_strategy(connection: sa.Connection, spec: StrategySpec) -> tuple[str, str]:
    """Return id and version of the strategy's row, made where it is missing.

    Code that changed under the same version gets the next free patch number: two runs with the same
    name and version were always made by the same code.
    """
    column = strategies.c
    same = connection.execute(
        sa.select(column.id, column.version)
        .where(column.name == spec.name, column.source_hash == spec.source_hash)
        .order_by(column.version == spec.version, column.created_at)
    ).all()
    for row in reversed(same):
        if row.version == spec.version or _line(row.version) == _line(spec.version):
            return row.id, row.version
    taken = set(
        connection.execute(sa.select(column.version).where(column.name == spec.name)).scalars()
    )
    strategy_id, at = new_id(), now()
    version = free_version(spec.version, taken)
    connection.execute(
        sa.insert(strategies).values(
            id=strategy_id,
            name=spec.name,
            version=version,
            kind=spec.kind,
            params=spec.defaults,
            source_text=spec.source_text,
            source_hash=spec.source_hash,
            created_at=at,
            updated_at=at,
        )
    )
    return strategy_id, version


def _line(version: str) -> str:
    """Return what a patch does not change: ``1.4`` of ``1.4.2``."""
    match = re.fullmatch(r"(\d+\.\d+)\.\d+", version)
    return match.group(1) if match else version


def free_version(version: str, taken: set[str]) -> str:
    """Return the version itself, or where it is taken the next patch of its line that is not."""
    if version not in taken:
        return version
    line = _line(version)
    if line == version:
        line = "1.0"
    patches = [int(v.rsplit(".", 1)[1]) for v in taken if _line(v) == line and v != line]
    return f"{line}.{max(patches, default=-1) + 1}"


def put_dataset(connection: sa.Connection, spec: DatasetSpec) -> str:
    """Return the id of the data set's row, found by its content or made."""
    column = datasets.c
    known: str | None = connection.execute(
        sa.select(column.id).where(column.content_hash == spec.content_hash)
    ).scalar()
    if known is not None:
        return known
    dataset_id = new_id()
    connection.execute(
        sa.insert(datasets).values(
            id=dataset_id,
            name=spec.name,
            source=spec.source,
            symbols=list(spec.symbols),
            timeframe=spec.timeframe,
            start_date=spec.start_ns,
            end_date=spec.end_ns,
            adjustment=spec.adjustment,
            content_hash=spec.content_hash,
            bar_count=spec.n_bars,
            created_at=now(),
        )
    )
    return dataset_id


def put_run(
    connection: sa.Connection,
    config: BacktestConfig,
    strategy: StrategySpec,
    engine_version: str,
    config_path: str | None,
    reproduced_from: str | None,
) -> str:
    """Write the row of a new run, ``queued``, and return its id."""
    strategy_id, version = put_strategy(connection, strategy)
    run_id, at = new_id(), now()
    connection.execute(
        sa.insert(backtest_runs).values(
            id=run_id,
            owner=OWNER,
            strategy_id=strategy_id,
            strategy_name=strategy.name,
            strategy_type=strategy.kind,
            instrument_symbol=_instrument(config),
            currency=config.account.currency,
            timeframe=config.data.timeframe,
            strategy_snapshot={
                "name": strategy.name,
                "version": version,
                "params": strategy.params,
                "source": strategy.source_text,
                "source_hash": strategy.source_hash,
            },
            config_snapshot={
                "version": SNAPSHOT_VERSION,
                "strategy_path": strategy.path,
                "config_path": config_path,
                "config": config.model_dump(mode="json"),
            },
            config_hash=config.fingerprint(),
            initial_capital=config.account.initial_capital,
            rebalancing_period=config.rebalance.period.value,
            commission_rate=config.costs.commission_pct / 100,
            slippage_rate=config.costs.slippage_bps / 10_000,
            position_sizing=config.sizing.method.value if config.sizing.method else None,
            benchmark=config.data.benchmark,
            status="queued",
            data_source=config.data.source,
            engine_version=engine_version,
            reproduced_from_run_id=reproduced_from,
            name=config.name,
            tags=[],
            created_at=at,
            updated_at=at,
            **runner(),
        )
    )
    return run_id


def _instrument(config: BacktestConfig) -> str:
    if config.data.symbols:
        return config.data.symbols[0]
    return config.data.universe or "all"


def put_result(
    connection: sa.Connection,
    run_id: str,
    columns: dict[sa.Table, Columns],
    metrics: dict[str, Any],
    curve: bytes,
    at: dt.datetime,
    should_stop: ShouldStop = never,
) -> None:
    """Write everything that a run came to."""
    insert(connection, run_id, columns, should_stop)
    connection.execute(sa.insert(backtest_metrics).values(run_id=run_id, **metrics))
    connection.execute(
        sa.insert(artifacts).values(
            id=new_id(),
            run_id=run_id,
            kind=curves.KIND,
            name=curves.NAME,
            media_type=curves.MEDIA_TYPE,
            size=len(curve),
            sha256=hashlib.sha256(curve).hexdigest(),
            content=curve,
            created_at=at,
        )
    )


def queue_push(connection: sa.Connection, run_id: str, at: dt.datetime) -> None:
    """Note, in the transaction that ends a run, that the team's database is to get it."""
    connection.execute(
        sa.insert(outbox).values(run_id=run_id, op="push", state="waiting", created_at=at)
    )


def range_of(result: BacktestResult) -> dict[str, int | None]:
    """Return the first and last bar of a result, as far as it has them."""
    times = result.time_ns
    return {
        "start_date": int(times[0]) if len(times) else None,
        "end_date": int(times[-1]) if len(times) > 1 else None,
    }


def instrument_of(result: BacktestResult) -> dict[str, str]:
    """Return the one symbol of a run that named none."""
    named = result.config.data.symbols or result.config.data.universe
    return {} if named or len(result.symbols) != 1 else {"instrument_symbol": result.symbols[0]}
