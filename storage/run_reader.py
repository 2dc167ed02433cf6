"""Find, list and load runs: what `storage.runs` offers without writing anything.

Every method is safe to call from any thread. Wherever a method takes an id it takes a unique prefix
too.
"""

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray

from engine.config import BacktestConfig
from storage import curves, loading, rows
from storage.closing import Closing
from storage.connect import LocalDatabase
from storage.errors import BacktestStorageError, CorruptDatabaseError
from storage.listing import list_runs
from storage.reading import dataset_records, find_run, read_record, resolve, trade_page
from storage.records import (
    DatasetRecord,
    EventRecord,
    RunFilter,
    RunPage,
    RunRecord,
    RunSort,
    StoredRun,
    TradePage,
)
from storage.schema import backtest_fills, backtest_orders, backtest_runs, datasets, events
from storage.stored_columns import TABLES, columns_of

_EVERYTHING = RunFilter()


class RunReader(Closing):
    """The runs of one local database, to be read."""

    def __init__(self, database: LocalDatabase) -> None:
        """Take an open database; `open` is the usual way."""
        self._database = database

    def close(self) -> None:
        """Close all connections; a second time does nothing."""
        self._database.close()

    @property
    def database(self) -> LocalDatabase:
        """The connections, for `storage.sync`."""
        return self._database

    def resolve(self, prefix: str) -> str:
        """Return the full id that begins with ``prefix`` (hyphens and case aside).

        Raises:
            RecordNotFoundError: no run begins so.
            BacktestValidationError: several do; the message lists them.
        """
        with self._database.read() as connection:
            return resolve(connection, prefix)

    def get(self, run_id: str) -> RunRecord:
        """Return a run without its rows."""
        with self._database.read() as connection:
            return read_record(connection, resolve(connection, run_id))

    def load(self, run_id: str) -> StoredRun:
        """Return a run with its result rebuilt from the rows.

        Raises:
            CorruptDatabaseError: the rows are not those that were stored.
        """
        with self._database.read() as connection:
            run_id = resolve(connection, run_id)
            record = read_record(connection, run_id)
            if not record.has_result:
                return StoredRun(record, None)
            run = dict(find_run(connection, run_id))
            columns = {t: columns_of(connection, t, run_id) for t in TABLES}
            curve, packed = loading.curve_of(connection, run_id)
        header = rows.header_of(run, run["status"], run["result_hash"], run["summary"], packed)
        if rows.content_hash(header, columns) != run["content_hash"]:
            raise CorruptDatabaseError(
                f"The rows of run {record.short_id} are not those that were stored",
                hint="restore a backup of the database, or run it again",
            )
        metrics = (record.metrics, record.undefined)
        dataset_hash = record.dataset_hash or ""
        return StoredRun(
            record, loading.result_of(run, record.config, dataset_hash, columns, curve, metrics)
        )

    def list(
        self,
        where: RunFilter = _EVERYTHING,
        *,
        sort: RunSort = "date",
        descending: bool = True,
        limit: int = 20,
        cursor: str | None = None,
    ) -> RunPage:
        """Return one page of runs; undefined figures sort last.

        Args:
            where: which runs.
            sort: by what.
            descending: newest or largest first.
            limit: runs a page, 1 to 1000.
            cursor: ``next_cursor`` of the page before, under the same sort.
        """
        with self._database.read() as connection:
            return list_runs(connection, where, sort, descending, limit, cursor)

    def trades(
        self,
        run_id: str,
        *,
        symbol: str | None = None,
        exit_from_ns: int | None = None,
        exit_to_ns: int | None = None,
        limit: int | None = 50,
        offset: int = 0,
    ) -> TradePage:
        """Return round trips in the order of exit; ``exit_to_ns`` counts in, None takes all."""
        with self._database.read() as connection:
            run_id = resolve(connection, run_id)
            return trade_page(connection, run_id, symbol, exit_from_ns, exit_to_ns, limit, offset)

    def fills(self, run_id: str) -> NDArray[np.void]:
        """Return the executions of a run as ``engine.types.FILL`` rows."""
        with self._database.read() as connection:
            run, symbols, curve = self._with_curve(connection, run_id)
            columns = columns_of(connection, backtest_fills, run["id"])
        return loading.fills_of(columns, symbols, curve.time_ns)

    def orders(self, run_id: str) -> NDArray[np.void]:
        """Return the orders of a run as ``engine.types.ORDER`` rows."""
        with self._database.read() as connection:
            run, symbols, curve = self._with_curve(connection, run_id)
            columns = columns_of(connection, backtest_orders, run["id"])
        return loading.orders_of(columns, symbols, curve.time_ns)

    def curve(self, run_id: str) -> curves.StoredCurve:
        """Return the account after every bar of a run."""
        with self._database.read() as connection:
            return self._with_curve(connection, run_id)[2]

    def recompute_hash(self, run_id: str) -> str:
        """Return the ``result_hash`` as it follows from the stored fills and equity."""
        with self._database.read() as connection:
            run, symbols, curve = self._with_curve(connection, run_id)
            columns = columns_of(connection, backtest_fills, run["id"])
        return loading.stored_hash(columns, symbols, curve.time_ns, curve.equity_whole)

    def find_same(self, config: BacktestConfig, source_hash: str, dataset_hash: str) -> str | None:
        """Return the newest completed run of the same configuration, code and data, or None."""
        run = backtest_runs.c
        statement = (
            sa.select(run.id, run.strategy_snapshot)
            .join(datasets, datasets.c.id == run.dataset_id)
            .where(
                run.config_hash == config.fingerprint(),
                run.status == "completed",
                run.trashed_at.is_(None),
                datasets.c.content_hash == dataset_hash,
            )
            .order_by(run.created_at.desc(), run.id.desc())
        )
        with self._database.read() as connection:
            for row in connection.execute(statement):
                if row.strategy_snapshot["source_hash"] == source_hash:
                    return str(row.id)
        return None

    def events(self, run_id: str) -> tuple[EventRecord, ...]:
        """Return what happened to a run, oldest first."""
        with self._database.read() as connection:
            run_id = resolve(connection, run_id)
            found = connection.execute(
                sa.select(events).where(events.c.run_id == run_id).order_by(events.c.id)
            )
            return tuple(EventRecord(e.at, e.level, e.kind, e.message, e.payload) for e in found)

    def datasets(self) -> tuple[DatasetRecord, ...]:
        """Return the data sets that runs were made on, newest first."""
        with self._database.read() as connection:
            return dataset_records(connection)

    def _find(self, connection: sa.Connection, run_id: str) -> sa.RowMapping:
        return find_run(connection, resolve(connection, run_id))

    def _with_curve(
        self, connection: sa.Connection, run_id: str
    ) -> tuple[sa.RowMapping, tuple[str, ...], curves.StoredCurve]:
        run = self._find(connection, run_id)
        if run["summary"] is None:
            raise BacktestStorageError(f"Run {run['id']} has no results: it is {run['status']}")
        return run, tuple(run["summary"]["symbols"]), loading.curve_of(connection, run["id"])[0]
