"""One run of the window: from Run to its result, or to the reason why there is none.

Only the run that was started last is listened to: what an earlier one still says is not for this panel.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum

from PySide6.QtCore import QObject, Signal

from desktop.presenters.state import LiveProgress, RunView, view_of
from desktop.service.facade import Service
from desktop.tasks.worker import Control, Task, Tasks
from engine.config import BacktestConfig
from engine.errors import BacktestError, BacktestValidationError
from engine.market import Panel
from engine.result import BacktestProgress, LiveCurve

Prepare = Callable[[RunView], object]
Draw = Callable[[LiveCurve], object]
Follow = Callable[
    [float], Draw
]  # from the initial capital to what draws the growing curve of one run
# waits, on the run's thread, for what must be there first: (should_stop, on_wait)
Ready = Callable[[Callable[[], bool], Callable[[], None]], object]


class RunState(StrEnum):
    """What the run panel is doing."""

    IDLE = "idle"
    RUNNING = "running"
    STOPPING = "stopping"


@dataclass(frozen=True)
class Failure:
    """Why a run came to nothing, for a person; ``details`` is for a report, ``kind`` the error's."""

    message: str
    field: str = ""
    hint: str = ""
    run_id: str = ""
    details: str = ""
    kind: str = ""


class RunPresenter(QObject):
    """Runs one configuration at a time on a QThread.

    Signals:
        state_changed(RunState): idle, running or stopping.
        progressed(BacktestProgress): at most 20 times a second; a `LiveProgress` where there is a curve to draw.
        completed(RunView): the run, its result saved.
        stopped(object): RunView of the partial result, or None when there is none.
        failed(Failure): what happened and what to do.
    """

    state_changed = Signal(object)
    progressed = Signal(object)
    completed = Signal(object)
    stopped = Signal(object)
    failed = Signal(object)

    def __init__(
        self,
        service: Service,
        tasks: Tasks,
        prepare: Prepare | None = None,
        parent: QObject | None = None,
        *,
        ready: Ready | None = None,
        follow: Follow | None = None,
    ) -> None:
        """Begin idle.

        Args:
            service: the runs.
            tasks: where they are made.
            prepare: builds what charts need of a finished run, on the run's own thread.
            parent: owner.
            ready: waits on that thread for what must be there first.
            follow: makes what builds the growing curve of a run, on that thread, too.
        """
        super().__init__(parent)
        self._service = service
        self._tasks = tasks
        self._prepare = prepare
        self._ready = ready
        self._follow = follow
        self._task: Task | None = None
        self.state = RunState.IDLE
        tasks.changed.connect(self._on_tasks_changed)

    def start(self, config: BacktestConfig) -> None:
        """Run a configuration; does nothing while another one runs."""
        if self.state is not RunState.IDLE:
            return
        work = backtest(self._service, config, self._prepare, self._ready, self._follow)
        task = self._tasks.add(work, "backtest")
        self._task = task
        # Bound methods, not lambdas: only a slot of a QObject is sure to be called on the GUI thread.
        task.progress.connect(self._on_task_progress)
        task.succeeded.connect(self._on_task_succeeded)
        task.failed.connect(self._on_task_failed)
        task.cancelled.connect(self._on_task_cancelled)
        self._set_state(RunState.RUNNING)
        task.start()

    def stop(self) -> None:
        """Ask the run to stop; asking twice is the same as once."""
        if self._task is not None and self.state is RunState.RUNNING:
            self._task.cancel()
            self._set_state(RunState.STOPPING)

    def _is_mine(self) -> bool:
        return self._task is not None and self.sender() is self._task

    def _on_task_progress(self, progress: BacktestProgress) -> None:
        if self._is_mine():
            self.progressed.emit(progress)

    def _on_task_succeeded(self, view: RunView | None) -> None:
        if not self._is_mine():
            return
        if view is not None and view.status == "completed":
            self.completed.emit(view)
        else:
            self.stopped.emit(view)

    def _on_task_failed(self, error: Exception) -> None:
        if self._is_mine():
            self.failed.emit(failure_of(error))

    def _on_task_cancelled(self) -> None:
        if self._is_mine():
            self.stopped.emit(None)

    def _on_tasks_changed(self) -> None:
        # Not the task's own `finished`: it may be deleted before that arrives here, and then nobody sent it.
        if self._task is not None and not any(one is self._task for one in self._tasks.alive):
            self._task = None
            self._set_state(RunState.IDLE)

    def _set_state(self, state: RunState) -> None:
        self.state = state
        self.state_changed.emit(state)


def backtest(
    service: Service,
    config: BacktestConfig,
    prepare: Prepare | None = None,
    ready: Ready | None = None,
    follow: Follow | None = None,
) -> Callable[[Control], RunView | None]:
    """Return the work of one run: submit, get ready, load, simulate, save, prepare for the views."""

    def work(control: Control) -> RunView | None:
        panels: list[Panel] = []
        draw = None if follow is None else follow(config.account.initial_capital)

        def report(progress: BacktestProgress) -> None:
            if draw is not None and progress.live is not None:
                progress = LiveProgress.of(progress, draw(progress.live))
            control.report(progress)

        run_id = service.submit(config)
        if ready is not None:
            ready(control.should_stop, lambda: control.report(BacktestProgress("compile", 0.0)))
        stored = service.execute(run_id, report, control.should_stop, panels.append)
        view = view_of(stored, panels[0] if panels else None)
        return view if view is None or prepare is None else replace(view, drawn=prepare(view))

    return work


def failure_of(error: BaseException) -> Failure:
    """Translate what a task raised into what a person is told."""
    if isinstance(error, BacktestValidationError):
        # The field is named apart; its hint stands below the message.
        message = "\n".join(problem.message for problem in error.problems)
        return Failure(message, error.field, error.hint, error.run_id)
    if isinstance(error, BacktestError):
        return Failure(error.message, error.field, error.hint, error.run_id, kind=error.kind)
    return Failure(
        "The run ended with an error inside the program",
        hint="Copy diagnostics, in the Help menu, gathers what a report needs",
        details=f"{type(error).__name__}: {error}",
    )
