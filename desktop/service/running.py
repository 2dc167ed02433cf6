"""One run from its row in the database to its result there.

Before it: `facade.submit` has checked the configuration and written the row (``queued``). Here the
bars are loaded, the engine runs, and the result lands in one transaction. However it ends, the row
says so: ``completed``, ``cancelled`` with what there was, or ``failed`` with the sentence for the
person and the traceback for the log.
"""

import datetime as dt
import traceback
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Literal

from desktop import logs
from desktop.service.child.proxy import FileStrategy, trusted_class
from desktop.service.keeping import keeper_of
from desktop.service.saved import section_of
from engine.checkpoint import CheckpointError
from engine.config import BacktestConfig, SizingMethod, unusual
from engine.criteria import MARKET_CAP
from engine.errors import BacktestError
from engine.market import Panel
from engine.pacing import PaceMode, Transport
from engine.result import BacktestProgress, BacktestResult
from engine.simulate import Simulated, simulate
from engine.strategies import registry
from engine.strategies.protocol import Strategy
from engine.strategies.screening import Screening
from storage.checkpoints import Checkpoints
from storage.errors import (
    BacktestStorageError,
    DatabaseConnectionError,
    IllegalStatusError,
    Stopped,
)
from storage.market.catalog import load_panel
from storage.market.source import OpenDatabase
from storage.records import DatasetSpec, StoredRun, StrategySpec
from storage.runs import RunStore, dataset_of
from storage.snapshots import snapshots_of
from storage.stopping import ShouldStop, check, never
from storage.strategies import hash_of, is_file_name, source_of

OnProgress = Callable[[BacktestProgress], None]
OnPanel = Callable[[Panel], None]
Clock = Callable[[], float]

_POLL_SECONDS = 0.2  # how often another process is asked whether it wants this run stopped
_SAVE_FROM = 0.95
_NOTE_SECONDS = 2.0  # how often the database learns how far the run is: each time is a commit


def strategy_of(config: BacktestConfig, store: RunStore | None = None) -> Strategy:
    """Build the strategy that a configuration names, its parameters checked.

    A saved strategy (``name@version``) is looked up in the store.

    Raises:
        BacktestNotFoundError: there is no such strategy.
        BacktestValidationError: a parameter is unknown or out of range.
    """
    section = section_of(config, store)
    if section.criteria is not None:
        return Screening.of(section.criteria)
    return class_of(section.name).make(section.params)


def class_of(name: str) -> type[Strategy]:
    """Return the strategy of a name, or that of a file.

    Raises:
        BacktestNotFoundError: there is none.
        UntrustedError: it is a file whose version the person has not agreed to run.
    """
    return trusted_class(Path(name)) if is_file_name(name) else registry.get(name)


def spec_of(strategy: Strategy, name: str = "") -> StrategySpec:
    """Describe a strategy for the database: resolved parameters, source, the source's hash.

    ``name`` is what the configuration calls it. A file is hashed with the files beside it that it imports.
    """
    cls = type(strategy)
    path = Path(name).expanduser().absolute() if is_file_name(name) else None
    return StrategySpec(
        name=cls.name,
        version=cls.version,
        kind=cls.form,
        params=strategy.params.model_dump(mode="json"),
        defaults=cls.Params().model_dump(mode="json"),
        source_text=cls.source_text() if path is None else source_of(path),
        source_hash=cls.source_hash() if path is None else hash_of(path),
        path=None if path is None else str(path),
    )


def bars_of(
    config: BacktestConfig,
    strategy: Strategy,
    database: OpenDatabase | None,
    should_stop: ShouldStop = never,
    warmup_bars: int | None = None,
) -> Panel:
    """Load the bars of a run, with those before the start that its strategy wants, or as many as told."""
    return load_panel(
        config.data,
        warmup_bars=strategy.warmup_bars() if warmup_bars is None else warmup_bars,
        account_currency=config.account.currency,
        database=database,
        should_stop=should_stop,
        fields=fields_of(config, strategy),
        magnify=config.execution.intrabar == "magnifier",
    )


def fields_of(config: BacktestConfig, strategy: Strategy) -> frozenset[str] | None:
    """Return the point-in-time fields that a run looks at; None, all of them, for a person's own code."""
    if type(strategy).__module__.startswith("engine."):
        sized = config.sizing.method is SizingMethod.MARKET_CAP_WEIGHT
        screened = strategy.params.criteria.fields if isinstance(strategy, Screening) else set()
        return frozenset({MARKET_CAP} if sized else ()) | screened
    return None


class Run:
    """One submitted run under way; use it once.

    `drive` brings it to its end, or to where it was stopped; then `keep` stores what it has. The two are apart because
    a stop is answered at once, while storing takes as long as it takes.
    """

    def __init__(
        self,
        store: RunStore,
        run_id: str,
        *,
        clock: Clock,
        today: dt.date,
        database: OpenDatabase | None = None,
        transport: Transport | None = None,
        checkpoints: Checkpoints | None = None,
    ) -> None:
        """Take the row of a submitted or interrupted run; nothing happens yet."""
        record = store.get(run_id)
        self.run_id = record.run_id
        self.panel: Panel | None = None
        self.result: BacktestResult | None = None
        self._store = store
        self._clock = clock
        self._today = today
        self._database = database
        self._transport = transport
        self._checkpoints = Checkpoints() if checkpoints is None else checkpoints
        self._config = record.config
        self._resumes = record.status == "interrupted"
        self._began = clock()
        self._polled = clock() - _POLL_SECONDS  # ask at the first chance
        self._noted = clock()
        self._cancel_seen = False
        self._has_bars = False
        self._dataset: DatasetSpec | None = None
        self._simulated: Simulated | None = None

    def execute(
        self,
        on_progress: OnProgress | None = None,
        should_stop: ShouldStop = never,
        on_panel: OnPanel | None = None,
    ) -> None:
        """Load, simulate and save, to the end or until it is stopped; what there is then is kept.

        An interrupted run goes on from its checkpoint.

        Raises:
            CheckpointError: an interrupted run can't be taken up; it stays as it was.
            BacktestError: with the run's id; the run is stored as failed.
        """
        try:
            if not self.drive(on_progress, should_stop, on_panel):
                self.keep()
        except KeyboardInterrupt:
            with suppress(IllegalStatusError):  # it has ended, and its result is kept
                self._store.cancel(self.run_id)
            self._checkpoints.drop(self.run_id)
            self._log("backtest_cancelled", seconds=self._seconds())
            raise

    def drive(
        self,
        on_progress: OnProgress | None = None,
        should_stop: ShouldStop = never,
        on_panel: OnPanel | None = None,
    ) -> bool:
        """Load, simulate and save; return False when it was stopped before all of it was saved.

        Stopping and saving race for one instant, the end of the transaction: whoever is there first has won.

        Raises:
            CheckpointError: an interrupted run can't be taken up; it stays as it was.
            BacktestError: with the run's id; the run is stored as failed.
        """
        self._began = self._clock()
        try:
            self._work(on_progress or _ignore, should_stop, on_panel or _ignore)
        except Stopped:
            return False
        except CheckpointError as error:
            error.run_id = self.run_id
            raise
        except Exception as error:
            self._keep_failure(error)
            if isinstance(error, BacktestError):
                error.run_id = self.run_id
            raise
        self._checkpoints.drop(self.run_id)
        self._tell_end("backtest_completed")
        return True

    def keep(self) -> None:
        """Store a run that was stopped, with what it had come to.

        Raises:
            BacktestError: with the run's id; the run is stored as failed.
        """
        simulated, panel, dataset = self._simulated, self.panel, self._dataset
        try:
            if simulated is None or panel is None or dataset is None or not self._has_bars:
                if self._resumes and dataset is None:
                    return  # it was not taken up yet, and can be another time
                self._store.cancel(self.run_id)
            else:
                self.result = simulated.result(self._clock, completed=False)
                snapshots = snapshots_of(self.result, panel)
                self._store.finish(self.run_id, self.result, snapshots, dataset)
        except Exception as error:
            self._keep_failure(error)
            if isinstance(error, BacktestError):
                error.run_id = self.run_id
            raise
        self._checkpoints.drop(self.run_id)
        self._tell_end("backtest_cancelled")

    def stored(self) -> StoredRun:
        """Return the run with its result, without reading the rows that were just written."""
        return StoredRun(self._store.get(self.run_id), self.result)

    def _work(self, on_progress: OnProgress, should_stop: ShouldStop, on_panel: OnPanel) -> None:
        def stop() -> bool:
            return should_stop() or self._cancel_requested()

        on_progress(BacktestProgress("load", 0.0))
        check(stop)
        strategy = strategy_of(self._config, self._store)
        if isinstance(strategy, FileStrategy):
            strategy.should_stop = stop
        panel = bars_of(self._config, strategy, self._database, stop)
        check(stop)
        self.panel = panel
        dataset = dataset_of(panel, self._config, stop)
        code = spec_of(strategy, self._config.strategy.name).source_hash
        keeper = keeper_of(
            self.run_id, self._config, panel, code, self._checkpoints, resumes=self._resumes
        )
        on_panel(panel)
        self._store.mark_running(self.run_id, dataset, stop)
        self._dataset = dataset
        self._simulated = simulate(
            self._config,
            panel,
            strategy,
            clock=self._clock,
            on_progress=lambda progress: self._pass_on(progress, on_progress),
            # a stop waits for the first chunk: a result without a single bar says nothing; one that is held back may
            # have to wait for it for ever
            should_stop=lambda: (self._has_bars or self._is_held_back()) and stop(),
            notes=unusual(self._config, self._today),
            transport=self._transport,
            keeper=keeper,
        )
        if not self._simulated.completed:
            raise Stopped
        check(stop)
        result = self._simulated.result(self._clock)
        check(stop)
        on_progress(_at_end(result, panel, "save", _SAVE_FROM))
        check(stop)
        snapshots = snapshots_of(result, panel, stop)
        self._store.finish(self.run_id, result, snapshots, dataset, should_stop=stop)
        self.result = result
        on_progress(_at_end(result, panel, "done", 1.0))

    def _pass_on(self, progress: BacktestProgress, on_progress: OnProgress) -> None:
        """Tell the listener at once, and the database now and then."""
        self._has_bars = self._has_bars or progress.bars_done > 0
        on_progress(progress)
        now = self._clock()
        if now - self._noted >= _NOTE_SECONDS:
            self._noted = now
            # another process may be saving a long run just now: the next note will do
            with suppress(DatabaseConnectionError):
                self._store.set_progress(self.run_id, progress.fraction)

    def _is_held_back(self) -> bool:
        hand = self._transport
        pace = self._config.pacing.pace if hand is None else hand.pace
        return pace.mode is not PaceMode.MAX or (hand is not None and hand.is_paused)

    def _cancel_requested(self) -> bool:
        now = self._clock()
        if not self._cancel_seen and now - self._polled >= _POLL_SECONDS:
            self._polled = now
            self._cancel_seen = self._store.cancel_requested(self.run_id)
        return self._cancel_seen

    def _keep_failure(self, error: Exception) -> None:
        message = (
            error.message
            if isinstance(error, BacktestError)
            else f"{type(error).__name__}: {error}"
        )
        self._log("backtest_failed", error=message, seconds=self._seconds())
        self._checkpoints.drop(self.run_id)
        text = logs.redact_text("".join(traceback.format_exception(error)))
        try:
            self._store.fail(self.run_id, logs.redact_text(message), text)
        except BacktestStorageError as second:
            # the database itself is what failed; the first error is the one to tell
            self._log("backtest_failure_not_stored", error=second.message)

    def _tell_end(self, event: str) -> None:
        total = None if self.result is None else self.result.metrics.get("total_return")
        self._log(event, total_return=total, seconds=self._seconds())

    def _seconds(self) -> float:
        return round(self._clock() - self._began, 4)

    def _log(self, event: str, **values: object) -> None:
        logs.get("runs").info(event, run_id=self.run_id, **facts_of(self._config), **values)


def facts_of(config: BacktestConfig) -> dict[str, object]:
    """Return what every log line about a run says."""
    data = config.data
    return {
        "strategy": config.strategy.name,
        "start_date": None if data.start is None else data.start.isoformat(),
        "end_date": None if data.end is None else data.end.isoformat(),
        "initial_capital": config.account.initial_capital,
    }


def _at_end(
    result: BacktestResult, panel: Panel, stage: Literal["save", "done"], fraction: float
) -> BacktestProgress:
    """Return what the simulation had come to, under the name of a later stage."""
    done = len(result.time_ns)
    equity = float(result.curve.equity[-1]) if done else None
    return BacktestProgress(
        stage=stage,
        fraction=fraction,
        bars_done=done,
        bars_total=panel.n_bars - panel.first_counted,
        time_ns=int(result.time_ns[-1]) if done else None,
        elapsed_seconds=result.duration_seconds,
        trades=len(result.trades),
        equity=equity,
        pnl=None if equity is None else equity - result.config.account.initial_capital,
        open_positions=len(result.open_positions),
    )


def _ignore(_told: object) -> None:
    return
