"""Save, find and load runs: the front door of the local database.

A run's row is written when it is submitted; its results and final status land later in one
transaction, so a run is either complete or has no result at all. Statuses move only along `_FROM`:

    queued → running ⇄ paused → completed | failed | cancelled | interrupted (→ running, from its checkpoint)

Every method is safe to call from any thread, and several processes may share the database.
Wherever a method takes an id it takes a unique prefix too.
"""

from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray

from engine.config import BacktestConfig
from engine.market import Panel
from engine.result import BacktestResult
from storage import curves, loading, rows, writing
from storage.connect import PATIENT_SECONDS, LocalDatabase
from storage.errors import BacktestStorageError, CorruptDatabaseError, IllegalStatusError
from storage.listing import list_runs
from storage.opening import open_database
from storage.reading import (
    dataset_records,
    find_run,
    now,
    read_record,
    resolve,
    trade_page,
)
from storage.records import (
    FINAL_STATUSES,
    DatasetRecord,
    DatasetSpec,
    EventRecord,
    RunFilter,
    RunPage,
    RunRecord,
    RunSort,
    RunStatus,
    StoredRun,
    StrategySpec,
    TradePage,
)
from storage.schema import (
    backtest_fills,
    backtest_orders,
    backtest_runs,
    datasets,
    events,
)
from storage.snapshots import Snapshots

_FROM: Final[dict[RunStatus, tuple[RunStatus, ...]]] = {
    "running": ("queued", "paused", "interrupted"),
    "paused": ("running",),
    "completed": ("running",),
    "failed": ("queued", "running", "paused"),
    "cancelled": ("queued", "running", "paused"),
    "interrupted": ("queued", "running", "paused"),
}
_ALIVE: Final[tuple[RunStatus, ...]] = ("queued", "running", "paused")
_EVERYTHING: Final = RunFilter()
_NOTE_PATIENCE: Final = 0.2  # seconds that a note of progress is worth waiting for


def dataset_of(panel: Panel, config: BacktestConfig) -> DatasetSpec:
    """Describe the bars that a run is about to use (hashes the panel: call it once, at load)."""
    shown = ", ".join(panel.symbols[:3]) + (
        f" +{panel.n_symbols - 3}" if panel.n_symbols > 3 else ""
    )
    return DatasetSpec(
        name=config.data.universe or shown,
        source=config.data.source,
        symbols=panel.symbols,
        timeframe=panel.timeframe,
        start_ns=int(panel.time_ns[0]),
        end_ns=int(panel.time_ns[-1]),
        adjustment=panel.adjustment,
        content_hash=panel.content_hash(),
        n_bars=panel.n_bars,
    )


class RunStore:
    """The runs of one local database.

    ``with RunStore.open() as store: ...`` or call `close`.
    """

    def __init__(self, database: LocalDatabase) -> None:
        """Take an open database; `open` is the usual way."""
        self._database = database

    @classmethod
    def open(cls, path: Path | None = None) -> Self:
        """Open the database at ``path`` (by default `paths.database_file`), making or migrating it.

        Raises:
            NewerDatabaseError: written by a newer version; left exactly as it is.
            CorruptDatabaseError: not a database, not ours, empty or damaged; left exactly as it is.
            DatabaseConnectionError: cannot be opened or is locked by another program.
        """
        return cls(open_database(path))

    def close(self) -> None:
        """Close all connections; a second time does nothing."""
        self._database.close()

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close."""
        self.close()

    @property
    def database(self) -> LocalDatabase:
        """The connections, for `storage.sync`."""
        return self._database

    # The life of a run

    def submit(
        self,
        config: BacktestConfig,
        strategy: StrategySpec,
        *,
        engine_version: str,
        config_path: str | None = None,
        reproduced_from: str | None = None,
    ) -> str:
        """Write the row of a new run (``queued``) and return its id, a UUIDv7."""
        with self._database.write() as connection:
            return writing.put_run(
                connection, config, strategy, engine_version, config_path, reproduced_from
            )

    def mark_running(self, run_id: str, dataset: DatasetSpec | None = None) -> None:
        """Move a queued, paused or interrupted run to ``running``, driven by this process; may name its data."""
        with self._database.write(PATIENT_SECONDS) as connection:
            run = self._find(connection, run_id)
            values = writing.runner() | {"started_at": run["started_at"] or now()}
            values |= {"completed_at": None, "error_message": None, "cancel_requested": False}
            if dataset is not None:
                values["dataset_id"] = writing.put_dataset(connection, dataset)
            self._move(connection, run, "running", **values)

    def mark_paused(self, run_id: str) -> None:
        """Move a running run to ``paused``."""
        with self._database.write() as connection:
            self._move(connection, self._find(connection, run_id), "paused")

    def set_progress(self, run_id: str, fraction: float) -> None:
        """Note how far a run is (0 to 1); call it seldom, each call is a commit.

        Raises:
            DatabaseConnectionError: another process is writing; the note is not worth the wait.
        """
        with self._database.write(_NOTE_PATIENCE) as connection:
            self._update(connection, self._find(connection, run_id)["id"], progress=fraction)

    def finish(
        self, run_id: str, result: BacktestResult, snapshots: Snapshots, dataset: DatasetSpec
    ) -> None:
        """Store a completed, or cancelled and then partial, run with all rows in one transaction.

        Args:
            run_id: of a running run (or a paused one, for a cancelled result).
            result: what it came to.
            snapshots: of ``storage.snapshots.snapshots_of(result, panel)``.
            dataset: of `dataset_of`; the result must have been made on it.

        Raises:
            IllegalStatusError: the run has ended already.
            BacktestStorageError: a figure cannot be stored; nothing was.
        """
        if dataset.content_hash != result.dataset_hash:
            raise BacktestStorageError(
                f"The result was made on data {result.dataset_hash[:12]}…, "
                f"not {dataset.content_hash[:12]}…"
            )
        columns = rows.rows_of(result, snapshots)
        summary, metrics = rows.summary_of(result), rows.metrics_row(result)
        curve = curves.pack(result)
        with self._database.write(PATIENT_SECONDS) as connection:
            run = self._find(connection, run_id)
            run_id = run["id"]
            at = now()
            self._move(
                connection,
                run,
                result.status,
                dataset_id=writing.put_dataset(connection, dataset),
                summary=summary,
                result_hash=result.result_hash,
                content_hash=rows.content_hash(
                    rows.header_of(dict(run), result.status, result.result_hash, summary, curve),
                    columns,
                ),
                progress=1.0 if result.status == "completed" else run["progress"],
                execution_duration_seconds=result.duration_seconds,
                **writing.range_of(result),
                **writing.instrument_of(result),
                completed_at=at,
            )
            writing.put_result(connection, run_id, columns, metrics, curve, at)

    def fail(self, run_id: str, message: str, traceback: str = "") -> None:
        """End a run as ``failed`` with a sentence for the person and the traceback for the log."""
        self._end(run_id, "failed", error_message=message, traceback=traceback or None)

    def cancel(self, run_id: str) -> None:
        """End a run as ``cancelled`` without any result."""
        self._end(run_id, "cancelled")

    def request_cancel(self, run_id: str) -> bool:
        """Ask whoever drives the run to stop; False when it has ended already."""
        with self._database.write() as connection:
            run = self._find(connection, run_id)
            if run["status"] not in _ALIVE:
                return False
            self._update(connection, run["id"], cancel_requested=True)
            return True

    def cancel_requested(self, run_id: str) -> bool:
        """Whether `request_cancel` was called; the driver polls it between chunks."""
        with self._database.read() as connection:
            return bool(self._find(connection, run_id)["cancel_requested"])

    def recover_interrupted(self) -> tuple[str, ...]:
        """Mark runs whose process is gone as ``interrupted``; return their ids. Call at start."""
        alive = sa.select(backtest_runs).where(backtest_runs.c.status.in_(_ALIVE))
        with self._database.read() as connection:
            if not any(map(writing.runner_is_gone, connection.execute(alive).mappings())):
                return ()
        with self._database.write() as connection:
            gone = [r for r in connection.execute(alive).mappings() if writing.runner_is_gone(r)]
            for run in gone:
                self._move(
                    connection,
                    run,
                    "interrupted",
                    completed_at=now(),
                    error_message="The program ended before the run did",
                )
        return tuple(run["id"] for run in gone)

    # Reading

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
            columns = {t: loading.columns_of(connection, t, run_id) for t in loading.TABLES}
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
            columns = loading.columns_of(connection, backtest_fills, run["id"])
        return loading.fills_of(columns, symbols, curve.time_ns)

    def orders(self, run_id: str) -> NDArray[np.void]:
        """Return the orders of a run as ``engine.types.ORDER`` rows."""
        with self._database.read() as connection:
            run, symbols, curve = self._with_curve(connection, run_id)
            columns = loading.columns_of(connection, backtest_orders, run["id"])
        return loading.orders_of(columns, symbols, curve.time_ns)

    def curve(self, run_id: str) -> curves.StoredCurve:
        """Return the account after every bar of a run."""
        with self._database.read() as connection:
            return self._with_curve(connection, run_id)[2]

    def recompute_hash(self, run_id: str) -> str:
        """Return the ``result_hash`` as it follows from the stored fills and equity."""
        with self._database.read() as connection:
            run, symbols, curve = self._with_curve(connection, run_id)
            columns = loading.columns_of(connection, backtest_fills, run["id"])
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

    # What may change about a run, and what happened to it

    def add_event(
        self,
        run_id: str,
        kind: str,
        message: str,
        *,
        level: str = "info",
        payload: dict[str, Any] | None = None,
    ) -> None:
        """Note something that happened to a run; ``level`` is debug, info, warning or error."""
        with self._database.write() as connection:
            run = self._find(connection, run_id)
            connection.execute(
                sa.insert(events).values(
                    run_id=run["id"],
                    at=now(),
                    level=level,
                    kind=kind,
                    message=message,
                    payload=payload or {},
                )
            )

    def events(self, run_id: str) -> tuple[EventRecord, ...]:
        """Return what happened to a run, oldest first."""
        with self._database.read() as connection:
            run_id = resolve(connection, run_id)
            found = connection.execute(
                sa.select(events).where(events.c.run_id == run_id).order_by(events.c.id)
            )
            return tuple(EventRecord(e.at, e.level, e.kind, e.message, e.payload) for e in found)

    def edit(
        self,
        run_id: str,
        *,
        name: str | None = None,
        notes: str | None = None,
        tags: Sequence[str] | None = None,
        starred: bool | None = None,
    ) -> None:
        """Change what may change about a run; None leaves a field as it is."""
        given = {"name": name, "notes": notes, "starred": starred}
        values: dict[str, Any] = {k: v for k, v in given.items() if v is not None}
        if tags is not None:
            values["tags"] = sorted(set(tags))
        with self._database.write() as connection:
            self._update(connection, self._find(connection, run_id)["id"], **values)

    def trash(self, run_id: str) -> None:
        """Move an ended run to the trash; twice is once."""
        with self._database.write() as connection:
            run = self._find(connection, run_id)
            if run["status"] in _ALIVE:
                raise IllegalStatusError(
                    f"Run {run['id']} is {run['status']}", hint="stop it before you delete it"
                )
            if run["trashed_at"] is None:
                self._update(connection, run["id"], trashed_at=now())

    def restore(self, run_id: str) -> None:
        """Take a run out of the trash."""
        with self._database.write() as connection:
            self._update(connection, self._find(connection, run_id)["id"], trashed_at=None)

    def datasets(self) -> tuple[DatasetRecord, ...]:
        """Return the data sets that runs were made on, newest first."""
        with self._database.read() as connection:
            return dataset_records(connection)

    def delete_dataset(self, dataset_id: str) -> None:
        """Delete a data set that no run uses; one that is not there is no mistake.

        Raises:
            DuplicateRecordError: runs still use it.
        """
        with self._database.write() as connection:
            connection.execute(sa.delete(datasets).where(datasets.c.id == dataset_id))

    def _find(self, connection: sa.Connection, run_id: str) -> sa.RowMapping:
        return find_run(connection, resolve(connection, run_id))

    def _with_curve(
        self, connection: sa.Connection, run_id: str
    ) -> tuple[sa.RowMapping, tuple[str, ...], curves.StoredCurve]:
        run = self._find(connection, run_id)
        if run["summary"] is None:
            raise BacktestStorageError(f"Run {run['id']} has no results: it is {run['status']}")
        return run, tuple(run["summary"]["symbols"]), loading.curve_of(connection, run["id"])[0]

    def _end(self, run_id: str, status: RunStatus, **values: Any) -> None:
        with self._database.write(PATIENT_SECONDS) as connection:
            run = self._find(connection, run_id)
            self._move(connection, run, status, completed_at=now(), **values)

    def _move(
        self, connection: sa.Connection, run: sa.RowMapping, status: RunStatus, **values: Any
    ) -> None:
        if run["status"] not in _FROM[status]:
            raise IllegalStatusError(
                f"Run {run['id']} is {run['status']} and cannot become {status}",
                hint=f"it would have to be {' or '.join(_FROM[status])}",
            )
        self._update(connection, run["id"], status=status, **values)
        if status in FINAL_STATUSES and status != "interrupted":  # that may be taken up again
            writing.queue_push(connection, run["id"], now())

    def _update(self, connection: sa.Connection, run_id: str, **values: Any) -> None:
        connection.execute(
            sa.update(backtest_runs)
            .where(backtest_runs.c.id == run_id)
            .values(updated_at=now(), **values)
        )
