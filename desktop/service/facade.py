"""What can be asked of the program, by the window and the command line alike.

Run, find, read, compare, export, stop. Nothing here knows Qt. Every method may be called from any
thread; ids may be unique prefixes.
"""

import datetime as dt
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Self

import numpy as np
from numpy.typing import NDArray

from desktop import logs
from desktop.service import charting, comparing
from desktop.service.child import end_all
from desktop.service.export import TRADE_COLUMNS, trade_rows, write_csv
from desktop.service.versions import app_version
from engine.config import BacktestConfig, check_dates
from engine.errors import BacktestError, BacktestNotFoundError, BacktestValidationError, Problem
from engine.market import Panel
from engine.result import BacktestProgress, BacktestResult
from engine.types import NS_PER_DAY
from storage import paths
from storage.checkpoints import Checkpoints
from storage.closing import Closing
from storage.errors import Stopped
from storage.market.source import OpenDatabase
from storage.records import RunFilter, RunPage, RunRecord, RunSort, RunSummary, StoredRun, TradePage
from storage.runs import RunStore
from storage.stopping import ShouldStop, never

if TYPE_CHECKING:
    from desktop.service.health import Health
    from desktop.service.running import Run
    from desktop.service.sweeping import Sweeps
    from engine.pacing import Transport

MAX_PAGE = 1000


class Service(Closing):
    """The facade over engine and local database; use it in a ``with`` block or call `close`."""

    def __init__(
        self,
        store: RunStore,
        *,
        clock: Callable[[], float] = time.perf_counter,
        today: Callable[[], dt.date] = lambda: dt.datetime.now(dt.UTC).date(),
        database: OpenDatabase | None = None,
    ) -> None:
        """Take an open database, a clock for spans, who says what day it is, and who opens prices."""
        self._store = store
        self._database = database
        self._clock = clock
        self._today = today
        self._leaving = threading.Event()

    @classmethod
    def open(cls, path: Path | None = None, *, database: OpenDatabase | None = None) -> Self:
        """Open the local database (the default one without a path); settle what a crash left.

        ``database`` opens the price database of a connection profile.

        Raises:
            BacktestStorageError: it is damaged, newer than the program, locked or not writable.
        """
        logs.configure(paths.log_dir())
        store = RunStore.open(path)
        service = cls(store, database=database)
        interrupted = store.recover_interrupted()
        if interrupted:
            logs.get("runs").warning("runs_interrupted", run_ids=list(interrupted))
        return service

    def close(self) -> None:
        """End the processes of strategy files and close the database; a second time does nothing."""
        end_all()
        self._store.close()

    def leave(self) -> None:
        """Let nobody wait for a price server any more: the program is about to end."""
        self._leaving.set()

    # -- running

    def submit(
        self,
        config: BacktestConfig,
        *,
        config_path: str | None = None,
        should_stop: ShouldStop = never,
    ) -> str:
        """Check a configuration, write the row of a new run (``queued``) and return its id at once.

        Raises:
            Stopped: ``should_stop`` said so while another process was writing; there is no row.
            BacktestValidationError: the dates or a parameter are impossible.
            BacktestNotFoundError: there is no such strategy.
        """
        from desktop.service.running import facts_of, strategy_of  # loads the compiled kernels
        from desktop.service.saved import spec_of_saved

        log = logs.get("runs")
        try:
            check_dates(config, self._today())
            spec = spec_of_saved(config, self._store, strategy_of(config, self._store))
            run_id = self._store.submit(
                config,
                spec,
                engine_version=app_version(),
                config_path=config_path,
                should_stop=should_stop,
            )
        except Stopped:
            raise
        except BacktestError as error:
            log.warning("backtest_creation_failed", **facts_of(config), error=error.message)
            raise
        log.info("backtest_created", run_id=run_id, **facts_of(config))
        return run_id

    def execute(
        self,
        run_id: str,
        on_progress: Callable[[BacktestProgress], None] | None = None,
        should_stop: ShouldStop = never,
        on_panel: Callable[[Panel], None] | None = None,
        transport: "Transport | None" = None,
    ) -> StoredRun:
        """Run what was submitted, or take up what was interrupted, in this thread, and return it as stored.

        ``on_panel`` is handed the bars as soon as they are loaded, for whoever draws them; ``transport`` is the hand on
        the run's speed.

        A run that is asked to stop comes back ``cancelled`` with what there was. After a failure
        the run is stored as failed; a KeyboardInterrupt leaves it cancelled without a result.

        Raises:
            BacktestError: what the person can mend, with ``run_id`` set.
        """
        self.begin(run_id, transport).execute(on_progress, should_stop, on_panel)
        return self._store.load(run_id)

    def begin(self, run_id: str, transport: "Transport | None" = None) -> "Run":
        """Return what was submitted as work to be driven to its end, and where it is stopped, kept apart."""
        from desktop.service.running import Run

        return Run(
            self._store,
            run_id,
            clock=self._clock,
            today=self._today(),
            database=self._database,
            transport=transport,
        )

    def bars(self, config: BacktestConfig, warmup_bars: int | None = None) -> Panel:
        """Load the bars that a configuration asks for, with the warm-up of its strategy or as told.

        Raises:
            BacktestError: they can't be had; the message says why.
        """
        from desktop.service.running import bars_of, strategy_of

        strategy = strategy_of(config, self._store)
        return bars_of(config, strategy, self._database, self._leaving.is_set, warmup_bars)

    def sweeps(self) -> "Sweeps":
        """Return what tries all combinations of a strategy's parameters."""
        from desktop.service.sweeping import Sweeps  # loads the compiled kernels

        return Sweeps(self, clock=self._clock, today=self._today)

    @property
    def store(self) -> RunStore:
        """The local database, for the services beside this one."""
        return self._store

    def interrupted(self) -> list[RunSummary]:
        """Return the runs that the program's end cut off, newest first."""
        where = RunFilter(status="interrupted")
        return list(self._store.list(where, limit=MAX_PAGE).items)

    def interrupted_id(self, run_id: str) -> str:
        """Return the full id of an interrupted run.

        Raises:
            BacktestError: the run was not interrupted.
        """
        record = self._store.get(run_id)
        if record.status != "interrupted":
            raise BacktestError(
                f"Run {record.short_id} was not interrupted: it is {record.status}",
                hint="tradebench resume lists those that were",
                run_id=record.run_id,
            )
        return record.run_id

    def restart(self, run_id: str) -> str:
        """Submit an interrupted run once more, as a new run, and put the old one into the trash; return the new id."""
        old = self._store.get(self.interrupted_id(run_id))
        new = self.submit(old.config)
        self.discard(old.run_id)
        return new

    def can_resume(self, run_id: str) -> bool:
        """Whether an interrupted run left a checkpoint that it can be taken up from."""
        return Checkpoints().has(self._store.resolve(run_id))

    def discard(self, run_id: str) -> None:
        """Move an interrupted run to the trash, its checkpoint with it."""
        full = self._store.resolve(run_id)
        self._store.trash(full)
        Checkpoints().drop(full)

    def stop(self, run_id: str) -> bool:
        """Ask whoever drives a run, in any process, to stop it; False when it has ended."""
        return self._store.request_cancel(self._store.resolve(run_id))

    # -- reading

    def status(self, run_id: str) -> RunRecord:
        """Return where a run stands, with its metrics once it has ended."""
        return self._store.get(run_id)

    def load(self, run_id: str) -> StoredRun:
        """Return a run with its full result, where it has one."""
        return self._store.load(run_id)

    def history(
        self,
        where: RunFilter | None = None,
        *,
        sort: RunSort = "date",
        limit: int = 20,
        cursor: str | None = None,
    ) -> RunPage:
        """Return one page of runs, newest or best first.

        Raises:
            BacktestValidationError: the limit is not 1 to 1000, or the status or cursor is unknown.
        """
        _check_limit(limit)
        return self._store.list(where or RunFilter(), sort=sort, limit=limit, cursor=cursor)

    def trades(
        self,
        run_id: str,
        *,
        symbol: str | None = None,
        first: dt.date | None = None,
        last: dt.date | None = None,
        limit: int = 50,
        offset: int = 0,
        partial: bool = False,
    ) -> TradePage:
        """Return round trips in the order of exit; ``first`` and ``last`` are days of the exit.

        Raises:
            BacktestNotFoundError: the run has no results, or only partial ones that were not asked
                for.
        """
        _check_limit(limit)
        if offset < 0:
            raise BacktestValidationError(
                Problem("offset", f"{offset} is not allowed", "0 or more")
            )
        record = self._with_result(run_id, partial).record
        return self._store.trades(
            record.run_id,
            symbol=symbol,
            exit_from_ns=_start_of(first),
            exit_to_ns=_end_of(last),
            limit=limit,
            offset=offset,
        )

    def chart(
        self, run_id: str, max_points: int = charting.MAX_POINTS, *, partial: bool = False
    ) -> charting.ChartData:
        """Return the curves of a run, thinned to at most ``max_points`` without losing a peak.

        Raises:
            BacktestNotFoundError: the run has no results, or only partial ones that were not asked
                for.
            BacktestValidationError: fewer than four points.
        """
        if max_points < charting.LEAST_POINTS:
            problem = Problem(
                "max_points", f"{max_points} is not allowed", f"{charting.LEAST_POINTS} or more"
            )
            raise BacktestValidationError(problem)
        stored = self._with_result(run_id, partial)
        return charting.chart_of(stored.record, _result(stored), max_points)

    def compare(self, run_ids: Sequence[str]) -> comparing.Comparison:
        """Return two to ten runs side by side.

        Raises:
            BacktestValidationError: fewer than two or more than ten different runs.
            BacktestNotFoundError: one of them does not exist or has no results.
        """
        found = [self._store.resolve(run_id) for run_id in run_ids]
        unique = list(dict.fromkeys(found))
        if not comparing.LEAST <= len(unique) <= comparing.MOST:
            problem = Problem(
                "runs", f"{len(unique)} different runs are given", "two to ten can be compared"
            )
            raise BacktestValidationError(problem)
        return comparing.compare([self._with_result(i, partial=True).record for i in unique])

    def export_trades_csv(
        self,
        run_id: str,
        path: Path,
        *,
        symbol: str | None = None,
        first: dt.date | None = None,
        last: dt.date | None = None,
        partial: bool = False,
    ) -> int:
        """Write all matching round trips to a CSV file, whole or not at all; return how many.

        Raises:
            BacktestNotFoundError: the run has no results, or only partial ones that were not asked
                for.
            BacktestError: the file can't be written.
        """
        stored = self._with_result(run_id, partial)
        result = _result(stored)
        chosen = _chosen(result, symbol, _start_of(first), _end_of(last))
        return write_csv(path, TRADE_COLUMNS, trade_rows(stored.record, result, chosen))

    def health(self) -> "Health":
        """Return how the parts that the program stands on are doing."""
        from desktop.service.health import check  # market data come with a heavy library

        return check(self._store)

    def _with_result(self, run_id: str, partial: bool) -> StoredRun:
        """Load a run that has results; say how it stands when it has none."""
        stored = self._store.load(run_id)
        record = stored.record
        if stored.result is None:
            raise BacktestNotFoundError(
                f"The run is {record.status}", hint=_why_no_result(record), run_id=record.run_id
            )
        if record.partial and not partial:
            raise BacktestNotFoundError(
                f"The run is {record.status}",
                hint="--partial shows what it left until then",
                run_id=record.run_id,
            )
        return stored


def _result(stored: StoredRun) -> BacktestResult:
    assert stored.result is not None, "checked by _with_result"
    return stored.result


def _why_no_result(record: RunRecord) -> str:
    if record.error_message:
        return record.error_message
    return "it left no results" if record.completed_at else "results come when it has ended"


def _chosen(
    result: BacktestResult, symbol: str | None, first_ns: int | None, last_ns: int | None
) -> NDArray[np.bool_]:
    exits = result.time_ns[result.trades["exit_bar"]]
    chosen = np.ones(len(result.trades), np.bool_)
    if symbol is not None:
        names = np.asarray(result.symbols, dtype=object)[result.trades["symbol"]]
        chosen &= names == symbol
    if first_ns is not None:
        chosen &= exits >= first_ns
    if last_ns is not None:
        chosen &= exits <= last_ns
    return chosen


def _check_limit(limit: int) -> None:
    if not 1 <= limit <= MAX_PAGE:
        raise BacktestValidationError(
            Problem("limit", f"{limit} is not allowed", f"1 to {MAX_PAGE}")
        )


def _start_of(day: dt.date | None) -> int | None:
    return None if day is None else (day - dt.date(1970, 1, 1)).days * NS_PER_DAY


def _end_of(day: dt.date | None) -> int | None:
    return None if day is None else (day - dt.date(1970, 1, 1)).days * NS_PER_DAY + NS_PER_DAY - 1
