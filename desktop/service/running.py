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
from desktop.service.saved import section_of
from engine.config import BacktestConfig, unusual
from engine.errors import BacktestError, BacktestValidationError, Problem
from engine.market import Panel
from engine.result import BacktestProgress, BacktestResult
from engine.simulate import run_backtest
from engine.strategies import registry
from engine.strategies.protocol import Strategy
from engine.strategies.screening import Screening
from storage.errors import BacktestStorageError, DatabaseConnectionError, IllegalStatusError
from storage.market.catalog import load_panel
from storage.market.source import OpenDatabase
from storage.records import StrategySpec
from storage.runs import RunStore, dataset_of
from storage.snapshots import snapshots_of
from storage.strategies import hash_of, is_file_name, load_file, source_of

OnProgress = Callable[[BacktestProgress], None]
OnPanel = Callable[[Panel], None]
ShouldStop = Callable[[], bool]
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
        BacktestNotFoundError, BacktestValidationError: there is none.
    """
    return load_file(Path(name), Strategy) if is_file_name(name) else registry.get(name)


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


def bars_of(config: BacktestConfig, strategy: Strategy, database: OpenDatabase | None) -> Panel:
    """Load the bars of a run, with those that its strategy wants before the start."""
    return bars_from(config, strategy.warmup_bars(), database)


def bars_from(config: BacktestConfig, warmup_bars: int, database: OpenDatabase | None) -> Panel:
    """Load the bars of a configuration, with so many before its start."""
    return load_panel(
        config.data,
        warmup_bars=warmup_bars,
        account_currency=config.account.currency,
        database=database,
    )


def error_in_strategy_file(error: Exception, name: str) -> BacktestError | None:
    """Return what to tell when the code of a strategy file raised: file, line, and what it said."""
    if isinstance(error, BacktestError) or not is_file_name(name):
        return None
    path = str(Path(name).expanduser().absolute())
    lines = [
        frame.lineno
        for frame in traceback.extract_tb(error.__traceback__)
        if frame.filename == path
    ]
    if not lines:
        return None
    return BacktestValidationError(
        Problem(
            "strategy.name",
            f"{Path(name).name}, line {lines[-1]}: {type(error).__name__}: {error}",
            "the strategy's own code raised this; mend it there",
        )
    )


class Run:
    """One submitted run under way; use it once."""

    def __init__(
        self,
        store: RunStore,
        run_id: str,
        *,
        clock: Clock,
        today: dt.date,
        database: OpenDatabase | None = None,
    ) -> None:
        """Take the row of a submitted run; nothing happens yet."""
        self._store = store
        self._run_id = run_id
        self._clock = clock
        self._today = today
        self._database = database
        self._config = store.get(run_id).config
        self._polled = clock() - _POLL_SECONDS  # ask at the first chance
        self._noted = clock()
        self._cancel_seen = False
        self._has_bars = False

    def execute(
        self,
        on_progress: OnProgress | None = None,
        should_stop: ShouldStop | None = None,
        on_panel: OnPanel | None = None,
    ) -> None:
        """Load, simulate and save, to the end or until it is stopped.

        Raises:
            BacktestError: with the run's id; the run is stored as failed.
        """
        began = self._clock()
        try:
            result = self._work(on_progress or _ignore, should_stop or _never, on_panel or _ignore)
        except KeyboardInterrupt:
            with suppress(IllegalStatusError):  # it has ended, and its result is kept
                self._store.cancel(self._run_id)
            self._log("backtest_cancelled", seconds=round(self._clock() - began, 4))
            raise
        except Exception as error:
            told = error_in_strategy_file(error, self._file_name()) or error
            self._keep_failure(told, self._clock() - began)
            if isinstance(told, BacktestError):
                told.run_id = self._run_id
            raise told from (error if told is not error else error.__cause__)
        completed = result is not None and result.status == "completed"
        self._log(
            "backtest_completed" if completed else "backtest_cancelled",
            total_return=None if result is None else result.metrics.get("total_return"),
            seconds=round(self._clock() - began, 4),
        )

    def _file_name(self) -> str:
        """Return the strategy's file, also of a saved one, or its name; a lost one has only that."""
        with suppress(BacktestError):
            return section_of(self._config, self._store).name
        return self._config.strategy.name

    def _work(
        self, on_progress: OnProgress, should_stop: ShouldStop, on_panel: OnPanel
    ) -> BacktestResult | None:
        """Return the result, or None when it was stopped before there was any."""

        def stop() -> bool:
            return should_stop() or self._cancel_requested()

        on_progress(BacktestProgress("load", 0.0))
        strategy = strategy_of(self._config, self._store)
        panel = bars_of(self._config, strategy, self._database)
        if stop():
            self._store.cancel(self._run_id)
            return None
        on_panel(panel)
        dataset = dataset_of(panel, self._config)
        self._store.mark_running(self._run_id, dataset)
        result = run_backtest(
            self._config,
            panel,
            strategy,
            clock=self._clock,
            on_progress=lambda progress: self._pass_on(progress, on_progress),
            # a stop waits for the first chunk: a result without a single bar says nothing
            should_stop=lambda: self._has_bars and stop(),
            notes=unusual(self._config, self._today),
        )
        on_progress(_at_end(result, panel, "save", _SAVE_FROM))
        self._store.finish(self._run_id, result, snapshots_of(result, panel), dataset)
        on_progress(_at_end(result, panel, "done", 1.0))
        return result

    def _pass_on(self, progress: BacktestProgress, on_progress: OnProgress) -> None:
        """Tell the listener at once, and the database now and then."""
        self._has_bars = self._has_bars or progress.bars_done > 0
        on_progress(progress)
        now = self._clock()
        if now - self._noted >= _NOTE_SECONDS:
            self._noted = now
            # another process may be saving a long run just now: the next note will do
            with suppress(DatabaseConnectionError):
                self._store.set_progress(self._run_id, progress.fraction)

    def _cancel_requested(self) -> bool:
        now = self._clock()
        if not self._cancel_seen and now - self._polled >= _POLL_SECONDS:
            self._polled = now
            self._cancel_seen = self._store.cancel_requested(self._run_id)
        return self._cancel_seen

    def _keep_failure(self, error: Exception, seconds: float) -> None:
        message = (
            error.message
            if isinstance(error, BacktestError)
            else f"{type(error).__name__}: {error}"
        )
        self._log("backtest_failed", error=message, seconds=round(seconds, 4))
        text = logs.redact_text("".join(traceback.format_exception(error)))
        try:
            self._store.fail(self._run_id, logs.redact_text(message), text)
        except BacktestStorageError as second:
            # the database itself is what failed; the first error is the one to tell
            self._log("backtest_failure_not_stored", error=second.message)

    def _log(self, event: str, **values: object) -> None:
        logs.get("runs").info(event, run_id=self._run_id, **facts_of(self._config), **values)


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


def _never() -> bool:
    return False
