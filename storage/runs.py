"""Save, find and load runs: the front door of the local database.

A run's row is written when it is submitted; its results and final status land later in one
transaction, so a run is either complete or has no result at all. Statuses move only along `_FROM`:

    queued → running ⇄ paused → completed | failed | cancelled | interrupted (→ running, from its checkpoint)

Every method is safe to call from any thread, and several processes may share the database.
Wherever a method takes an id it takes a unique prefix too.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, Self

import sqlalchemy as sa

from engine.config import BacktestConfig
from engine.market import Panel
from engine.result import BacktestResult
from storage import curves, rows, writing
from storage.connect import PATIENT_SECONDS
from storage.errors import BacktestStorageError, IllegalStatusError
from storage.opening import open_database
from storage.reading import (
    now,
)
from storage.records import (
    FINAL_STATUSES,
    DatasetSpec,
    RunFilter,
    RunStatus,
    StrategySpec,
)
from storage.run_reader import RunReader
from storage.schema import (
    backtest_runs,
    datasets,
    events,
)
from storage.snapshots import Snapshots
from storage.stopping import ShouldStop, check, never

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


def dataset_of(
    panel: Panel, config: BacktestConfig, should_stop: ShouldStop = never
) -> DatasetSpec:
    """Describe the bars that a run is about to use (hashes the panel: call it once, at load).

    Raises:
        Stopped: ``should_stop`` said so.
    """
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
        content_hash=panel.content_hash(lambda: check(should_stop)),
        n_bars=panel.n_bars,
    )


class RunStore(RunReader):
    """The runs of one local database.

    ``with RunStore.open() as store: ...`` or call `close`.
    """

    @classmethod
    def open(cls, path: Path | None = None) -> Self:
        """Open the database at ``path`` (by default `paths.database_file`), making or migrating it.

        Raises:
            NewerDatabaseError: written by a newer version; left exactly as it is.
            CorruptDatabaseError: not a database, not ours, empty or damaged; left exactly as it is.
            DatabaseConnectionError: cannot be opened or is locked by another program.
        """
        return cls(open_database(path))

    # The life of a run

    def submit(
        self,
        config: BacktestConfig,
        strategy: StrategySpec,
        *,
        engine_version: str,
        config_path: str | None = None,
        reproduced_from: str | None = None,
        should_stop: ShouldStop = never,
    ) -> str:
        """Write the row of a new run (``queued``) and return its id, a UUIDv7.

        Raises:
            Stopped: ``should_stop`` said so while others were writing; there is no row.
        """
        with self._database.write(should_stop=should_stop) as connection:
            return writing.put_run(
                connection, config, strategy, engine_version, config_path, reproduced_from
            )

    def mark_running(
        self,
        run_id: str,
        dataset: DatasetSpec | None = None,
        should_stop: ShouldStop = never,
    ) -> None:
        """Move a queued, paused or interrupted run to ``running``, driven by this process; may name its data.

        Raises:
            Stopped: ``should_stop`` said so while others were writing.
        """
        with self._database.write(PATIENT_SECONDS, should_stop) as connection:
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
        self,
        run_id: str,
        result: BacktestResult,
        snapshots: Snapshots,
        dataset: DatasetSpec,
        *,
        should_stop: ShouldStop = never,
    ) -> None:
        """Store a completed, or cancelled and then partial, run with all rows in one transaction.

        Either all of it is stored or, when it was stopped before the last moment, nothing.

        Args:
            run_id: of a running run (or a paused one, for a cancelled result).
            result: what it came to.
            snapshots: of ``storage.snapshots.snapshots_of(result, panel)``.
            dataset: of `dataset_of`; the result must have been made on it.
            should_stop: asked between pieces, for the last time right before the end.

        Raises:
            Stopped: ``should_stop`` said so.
            IllegalStatusError: the run has ended already.
            BacktestStorageError: a figure cannot be stored; nothing was.
        """
        if dataset.content_hash != result.dataset_hash:
            raise BacktestStorageError(
                f"The result was made on data {result.dataset_hash[:12]}…, "
                f"not {dataset.content_hash[:12]}…"
            )
        columns = rows.rows_of(result, snapshots, should_stop)
        summary, metrics = rows.summary_of(result), rows.metrics_row(result)
        curve = curves.pack(result)
        check(should_stop)
        with self._database.read() as connection:
            run = self._find(connection, run_id)
        # What the hash covers of a run never changes: it need not be worked out while others wait to write.
        header = rows.header_of(dict(run), result.status, result.result_hash, summary, curve)
        content_hash = rows.content_hash(header, columns)
        with self._database.write(PATIENT_SECONDS, should_stop) as connection:
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
                content_hash=content_hash,
                progress=1.0 if result.status == "completed" else run["progress"],
                execution_duration_seconds=result.duration_seconds,
                **writing.range_of(result),
                **writing.instrument_of(result),
                completed_at=at,
            )
            writing.put_result(connection, run_id, columns, metrics, curve, at, should_stop)
            check(should_stop)

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

    def delete_dataset(self, dataset_id: str) -> None:
        """Delete a data set that no run uses; one that is not there is no mistake.

        Raises:
            DuplicateRecordError: runs still use it.
        """
        with self._database.write() as connection:
            connection.execute(sa.delete(datasets).where(datasets.c.id == dataset_id))

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
