"""One run of the window: from Run to its result, or to the reason why there is none.

Only the run that was started last is listened to: what an earlier one still says is not for this panel. A stop is
answered at once; while another task stores what the run had by then, the state says so and no other run begins.
"""

from dataclasses import dataclass
from enum import StrEnum

from PySide6.QtCore import QObject, Signal

from desktop.presenters.attempt import Attempt, Follow, Prepare, Ready
from desktop.presenters.state import RunView
from desktop.service.facade import Service
from desktop.tasks.worker import Task, Tasks, Work
from engine.config import BacktestConfig
from engine.errors import BacktestError, BacktestValidationError
from engine.pacing import Pace, Transport
from engine.result import BacktestProgress

KEEP = "keep"  # the name of the task that stores what a stopped run had


class RunState(StrEnum):
    """What the run panel is doing."""

    IDLE = "idle"
    RUNNING = "running"
    STOPPING = "stopping"
    KEEPING = "keeping"  # it has stopped, and what it had is being stored


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
        state_changed(RunState): idle, running, stopping or keeping.
        progressed(BacktestProgress): at most 20 times a second; a `LiveProgress` where there is a curve to draw.
        completed(RunView): the run, its result saved.
        stopped(object): RunView of the partial result, or None when there is none.
        failed(Failure): what happened and what to do.
        paced(bool, Pace): whether the run under way is paused, and its speed.
    """

    state_changed = Signal(object)
    progressed = Signal(object)
    completed = Signal(object)
    stopped = Signal(object)
    failed = Signal(object)
    paced = Signal(bool, object)

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
        self._attempt: Attempt | None = None
        self._transport: Transport | None = None
        self.state = RunState.IDLE
        tasks.changed.connect(self._on_tasks_changed)

    def start(self, config: BacktestConfig, run_id: str = "") -> None:
        """Run a configuration, or go on with an interrupted run of it; does nothing while another one runs."""
        if self.state is not RunState.IDLE:
            return
        self._transport = Transport(config.pacing.pace)
        self._attempt = Attempt(
            self._service,
            config,
            self._prepare,
            self._ready,
            self._follow,
            self._transport,
            run_id=run_id,
        )
        task = self._begin(self._attempt.drive, "backtest")
        task.progress.connect(self._on_task_progress)
        task.succeeded.connect(self._on_task_succeeded)
        task.cancelled.connect(self._on_task_cancelled)
        self._set_state(RunState.RUNNING)
        self._tell_pace()
        task.start()

    @property
    def is_held(self) -> bool:
        """Whether the run under way waits for a hand."""
        return self._transport is not None and self._transport.is_held

    def play(self) -> None:
        """Let the run go on."""
        if self._transport is not None:
            self._transport.play()
            self._tell_pace()

    def pause(self) -> None:
        """Let the run stand still."""
        if self._transport is not None:
            self._transport.pause()
            self._tell_pace()

    def step_bar(self) -> None:
        """Let the run go on by a bar, and stand still there."""
        if self._transport is not None:
            self._transport.step_bar()
            self._tell_pace()

    def step_trade(self) -> None:
        """Let the run go on to the next execution, and stand still there."""
        if self._transport is not None:
            self._transport.step_trade()
            self._tell_pace()

    def set_pace(self, pace: Pace) -> None:
        """Let the run go on at another speed."""
        if self._transport is not None:
            self._transport.set_pace(pace)
            self._tell_pace()

    def _tell_pace(self) -> None:
        if self._transport is not None:
            self.paced.emit(self._transport.is_paused, self._transport.pace)

    def stop(self) -> None:
        """Ask the run to stop; asking twice is the same as once."""
        if self._task is not None and self.state is RunState.RUNNING:
            self._task.cancel()
            self._set_state(RunState.STOPPING)

    def _begin(self, work: Work, name: str) -> Task:
        task = self._tasks.add(work, name)
        self._task = task
        # Bound methods, not lambdas: only a slot of a QObject is sure to be called on the GUI thread.
        task.failed.connect(self._on_task_failed)
        return task

    def _is_mine(self) -> bool:
        return self._task is not None and self.sender() is self._task

    def _on_task_progress(self, progress: BacktestProgress) -> None:
        if self._is_mine():
            self.progressed.emit(progress)

    def _on_task_succeeded(self, view: RunView) -> None:
        if self._is_mine():
            self.completed.emit(view)

    def _on_task_failed(self, error: Exception) -> None:
        if self._is_mine():
            self.failed.emit(failure_of(error))

    def _on_task_cancelled(self) -> None:
        if not self._is_mine():
            return
        attempt = self._attempt
        if attempt is None or not attempt.has_begun:
            self.stopped.emit(None)
            return
        # Begun before the first task is gone: whoever waits for all tasks waits for this one, too.
        task = self._begin(attempt.keep, KEEP)
        task.succeeded.connect(self._on_keep_succeeded)
        self._set_state(RunState.KEEPING)
        task.start()

    def _on_keep_succeeded(self, view: RunView | None) -> None:
        if self._is_mine():
            self.stopped.emit(view)

    def _on_tasks_changed(self) -> None:
        # Not the task's own `finished`: it may be deleted before that arrives here, and then nobody sent it.
        if self._task is not None and not any(one is self._task for one in self._tasks.alive):
            self._task = self._attempt = self._transport = None
            self._set_state(RunState.IDLE)

    def _set_state(self, state: RunState) -> None:
        self.state = state
        self.state_changed.emit(state)


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
