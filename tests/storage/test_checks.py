"""Every rule of the tables, broken once."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from storage import rows
from storage.errors import BacktestStorageError, DuplicateRecordError
from storage.runs import RunStore
from storage.schema import (
    RATIO_METRICS,
    backtest_fills,
    backtest_orders,
    backtest_snapshots,
    backtest_trades,
    metadata,
)
from storage.snapshots import snapshots_of
from storage.stored_columns import Columns
from tests.builders import make_config, make_dataset, make_panel, make_result, make_strategy

BROKEN: list[tuple[str, str, Any]] = [
    ("datasets", "start_date", 9_000_000_000_000_000_000),
    ("datasets", "content_hash", "short"),
    ("datasets", "bar_count", 0),
    ("strategies", "source_hash", "short"),
    ("backtest_runs", "initial_capital", "0.0000"),
    ("backtest_runs", "initial_capital", "-5.0000"),
    ("backtest_runs", "initial_capital", "words"),
    ("backtest_runs", "end_date", 0),
    ("backtest_runs", "status", "done"),
    ("backtest_runs", "visibility", "everybody"),
    ("backtest_runs", "progress", 1.5),
    ("backtest_runs", "commission_rate", -0.1),
    ("backtest_runs", "slippage_rate", 2.0),
    ("backtest_runs", "config_hash", "short"),
    ("backtest_runs", "result_hash", "short"),
    ("backtest_runs", "content_hash", "short"),
    ("backtest_runs", "result_hash", None),
    ("backtest_runs", "dataset_id", None),
    ("backtest_runs", "completed_at", None),
    ("backtest_runs", "created_at", "2001-01-01T00:00:00.000000+00:00"),
    ("backtest_trades", "side", "up"),
    ("backtest_trades", "quantity", "0.00000000"),
    ("backtest_trades", "quantity", "1e18"),
    ("backtest_trades", "bars_held", -1),
    ("backtest_trades", "exit_time", 0),
    ("backtest_trades", "pnl_percent", float("inf")),
    ("backtest_orders", "side", "up"),
    ("backtest_orders", "status", "lost"),
    ("backtest_orders", "quantity", "-1.00000000"),
    ("backtest_fills", "action", "HOLD"),
    ("backtest_fills", "quantity", "0.00000000"),
    ("backtest_fills", "price", "1e13"),
    ("backtest_fills", "total_cost", "1e18"),
    ("backtest_snapshots", "drawdown_pct", 0.5),
    ("backtest_snapshots", "open_positions", -1),
    ("backtest_metrics", "total_trades", 999),
    ("backtest_metrics", "max_drawdown", 0.5),
    ("artifacts", "size", -1),
    ("artifacts", "sha256", "short"),
    ("artifacts", "content", None),
    ("events", "level", "shouting"),
    ("outbox", "op", "sing"),
    ("outbox", "state", "lost"),
    ("outbox", "attempts", -1),
    *(("backtest_metrics", name, float("inf")) for name in RATIO_METRICS if name != "max_drawdown"),
    ("backtest_metrics", "max_drawdown", float("-inf")),
]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunStore]:
    """One stored run with rows in every table."""
    path: Path = tmp_path_factory.mktemp("checks") / "runs.sqlite"
    panel = make_panel()
    result = make_result(panel=panel)
    with RunStore.open(path) as opened:
        run_id = opened.submit(make_config(), make_strategy(), engine_version="0.1.0")
        opened.mark_running(run_id)
        opened.finish(run_id, result, snapshots_of(result, panel), make_dataset(panel))
        opened.add_event(run_id, "made", "for the checks")
        yield opened


@pytest.mark.parametrize(("table", "column", "value"), BROKEN)
def test_a_value_that_breaks_a_rule_is_refused(
    store: RunStore, table: str, column: str, value: object
) -> None:
    statement = f"UPDATE {table} SET {column} = ?"  # noqa: S608 - names of this file

    with pytest.raises(BacktestStorageError), store._database.write() as connection:
        connection.exec_driver_sql(statement, (value,))


@pytest.mark.parametrize(
    ("table", "column", "value", "rule"),
    [
        (backtest_orders, "side", "sideways", "side"),
        (backtest_orders, "status", "lost", "status"),
        (backtest_orders, "quantity", "-1.00000000", "quantity"),
        (backtest_fills, "price", "9" * 13 + ".00000000", "price"),
        (backtest_trades, "pnl_percent", 1e309, "pnl_percent_finite"),
        (backtest_snapshots, "drawdown_pct", 0.5, "drawdown"),
    ],
)
def test_a_value_that_breaks_a_rule_is_refused_among_many_and_nothing_is_stored(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    table: sa.Table,
    column: str,
    value: object,
    rule: str,
) -> None:
    panel = make_panel()
    result = make_result(panel=panel)
    right = rows.rows_of

    def wrong(*arguments: Any) -> dict[sa.Table, Columns]:
        made = right(*arguments)
        made[table] = dict(made[table])
        made[table][column] = [*list(made[table][column])[:-1], value]
        return made

    with RunStore.open(tmp_path / "runs.sqlite") as own:
        run_id = own.submit(make_config(), make_strategy(), engine_version="0.1.0")
        own.mark_running(run_id)
        monkeypatch.setattr(rows, "rows_of", wrong)
        with pytest.raises(BacktestStorageError, match=f"ck_{table.name}_{rule}"):
            own.finish(run_id, result, snapshots_of(result, panel), make_dataset(panel))
        monkeypatch.setattr(rows, "rows_of", right)

        assert own.get(run_id).status == "running"
        with own._database.read() as connection:
            assert _count(connection, table.name) == 0
        own.finish(run_id, result, snapshots_of(result, panel), make_dataset(panel))
        with pytest.raises(BacktestStorageError), own._database.write() as connection:
            connection.exec_driver_sql("UPDATE backtest_orders SET side = 'sideways'")


def test_every_check_of_the_schema_is_broken_above() -> None:
    tried = {(table, column) for table, column, _ in BROKEN}
    untried = [
        str(check.name)
        for table in metadata.tables.values()
        for check in table.constraints
        if isinstance(check, sa.CheckConstraint)
        and not any(table.name == t and c in str(check.sqltext) for t, c in tried)
    ]

    assert untried == []


def test_a_data_set_in_use_cannot_be_deleted(store: RunStore) -> None:
    (dataset,) = store.datasets()

    with pytest.raises(DuplicateRecordError):
        store.delete_dataset(dataset.dataset_id)

    assert store.datasets() == (dataset,)


def test_a_strategy_in_use_cannot_be_deleted(store: RunStore) -> None:
    with pytest.raises(DuplicateRecordError), store._database.write() as connection:
        connection.exec_driver_sql("DELETE FROM strategies")


def test_the_rows_of_a_run_go_with_it(tmp_path: Path) -> None:
    panel = make_panel()
    result = make_result(panel=panel)
    children = [t for t in metadata.tables if t not in ("datasets", "strategies", "outbox")]
    with RunStore.open(tmp_path / "runs.sqlite") as own:
        run_id = own.submit(make_config(), make_strategy(), engine_version="0.1.0")
        own.mark_running(run_id)
        own.finish(run_id, result, snapshots_of(result, panel), make_dataset(panel))
        own.add_event(run_id, "made", "for the checks")

        with own._database.write() as connection:
            before = [_count(connection, table) for table in children]
            connection.exec_driver_sql("DELETE FROM backtest_runs")
            after = [_count(connection, table) for table in children]

    assert min(before) > 0
    assert after == [0] * len(children)


def _count(connection: sa.Connection, table: str) -> int:
    return int(connection.exec_driver_sql(f"SELECT count(*) FROM {table}").scalar_one())  # noqa: S608
