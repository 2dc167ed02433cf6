"""A finished run as it leaves this computer: read once, checked against its own hash, all in one.

Left behind is what concerns this computer alone: who drove the run here, and the traceback of a
failure, which is full of the names of folders.
"""

from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa

from storage import loading, rows
from storage.connect import LocalDatabase
from storage.errors import CorruptDatabaseError
from storage.reading import find_run
from storage.schema import backtest_metrics, backtest_runs, datasets, strategies
from storage.stored_columns import TABLES, Columns, columns_of

_STATUS: Final = {
    "completed": "completed",
    "failed": "failed",
    "cancelled": "cancelled",
    "interrupted": "failed",
}
_LOCAL_ONLY: Final = frozenset(
    {"owner", "traceback", "cancel_requested", "runner_host", "runner_pid", "runner_started"}
)


@dataclass(frozen=True)
class Parcel:
    """What the team's database gets of one run.

    Attributes:
        run: its row, with the status in the words of the shared side.
        strategy, dataset, metrics: the rows beside it; a run without a result has no metrics.
        rows: orders, fills, trades and snapshots by column, as SQLite keeps them.
    """

    run: dict[str, Any]
    strategy: dict[str, Any]
    dataset: dict[str, Any] | None
    metrics: dict[str, Any] | None
    rows: dict[sa.Table, Columns]

    @property
    def run_id(self) -> str:
        """The full id."""
        return str(self.run["id"])

    @property
    def counts(self) -> dict[str, int]:
        """How many rows it has, by the name of the table."""
        return {table.name: row_count(columns) for table, columns in self.rows.items()}


def read_parcel(database: LocalDatabase, run_id: str) -> Parcel:
    """Read a finished run.

    Raises:
        RecordNotFoundError: there is no such run (any more).
        CorruptDatabaseError: its rows are not those that were stored; it must not spread.
    """
    with database.read() as connection:
        run = dict(find_run(connection, run_id))
        strategy = _row(connection, strategies, strategies.c.id == run["strategy_id"])
        assert strategy is not None, "the foreign key keeps it"
        dataset = _row(connection, datasets, datasets.c.id == run["dataset_id"])
        metrics = _row(connection, backtest_metrics, backtest_metrics.c.run_id == run_id)
        columns = {t: columns_of(connection, t, run_id) for t in TABLES}
        if run["content_hash"] is not None:
            _check(connection, run, columns)
    status = _STATUS[run["status"]]
    kept = {
        column.name: run[column.name]
        for column in backtest_runs.columns
        if column.computed is None and column.name not in _LOCAL_ONLY
    }
    return Parcel(kept | {"status": status}, strategy, dataset, metrics, columns)


def row_count(columns: Columns) -> int:
    """Return how many rows the columns hold."""
    return len(next(iter(columns.values())))


def _row(
    connection: sa.Connection, table: sa.Table, condition: sa.ColumnElement[bool]
) -> dict[str, Any] | None:
    columns = [column for column in table.columns if column.computed is None]
    row = connection.execute(sa.select(*columns).where(condition)).mappings().one_or_none()
    return None if row is None else dict(row)


def _check(
    connection: sa.Connection, run: dict[str, Any], columns: dict[sa.Table, Columns]
) -> None:
    packed = loading.curve_of(connection, run["id"])[1]
    header = rows.header_of(run, run["status"], run["result_hash"], run["summary"], packed)
    if rows.content_hash(header, columns) != run["content_hash"]:
        raise CorruptDatabaseError(
            f"The rows of run {run['id']} are not those that were stored",
            hint="restore a backup of the database, or run it again",
        )
