"""The worker contract, and who keeps the workers.

A task tells ``progress`` at most 20 times a second, then exactly one of ``succeeded(result)``, ``failed(error)`` and
``cancelled()``, then ``finished()``. QThread is for arithmetic: nothing is awaited in here, and nothing in here touches
a widget. Cancelling is cooperative: the work asks `Control.should_stop` between its chunks.
"""

import sys
import threading
import time
from collections.abc import Callable
from typing import Any

from PySide6.QtCore import QObject, QThread, Signal

from desktop.tasks.throttle import Throttle
from storage.errors import Stopped
from storage.stopping import check

PROGRESS_PER_SECOND = 20.0
_GIVE_WAY_SECONDS = 0.0005


def let_workers_give_way() -> None:
    """Let a worker that runs Python hand the interpreter to the window ten times sooner than it does by itself.

    numpy lets go of the interpreter in every call and waits to have it back; while a chart grows beside a busy worker,
    those waits add up to several times the work itself.
    """
    sys.setswitchinterval(_GIVE_WAY_SECONDS)


class Control:
    """What the work sees of its task: where to report, and whether to stop."""

    def __init__(self, report: Callable[[Any], None], stop: threading.Event) -> None:
        """Join the two ends."""
        self.report = report
        self._stop = stop

    def should_stop(self) -> bool:
        """Whether the task was cancelled."""
        return self._stop.is_set()

    def check(self) -> None:
        """Raise `Stopped` when the task was cancelled; for work that has nothing to hand back then."""
        check(self.should_stop)


Work = Callable[[Control], Any]


class Task(QThread):
    """One piece of work on a thread of its own.

    Signals:
        progress(object): a report of the work, at most 20 a second; the last one is never dropped.
        succeeded(object): the work's result.
        failed(object): the exception that ended it.
        cancelled(): it stopped because it was asked to.
        finished(): QThread's own, after exactly one of the three above.
    """

    progress = Signal(object)
    succeeded = Signal(object)
    failed = Signal(object)
    cancelled = Signal()

    def __init__(self, work: Work, name: str, parent: QObject | None = None) -> None:
        """Prepare the thread; `start` begins the work."""
        super().__init__(parent)
        self.setObjectName(name)
        self._work = work
        self._stop = threading.Event()

    def cancel(self) -> None:
        """Ask the work to stop. Asking twice is the same as once; asking too late changes nothing."""
        self._stop.set()

    def run(self) -> None:
        """Do the work and say how it ended. Runs on the task's own thread."""
        throttle: Throttle[Any] = Throttle(self.progress.emit, PROGRESS_PER_SECOND, time.monotonic)
        outcome: Callable[[], None]
        try:
            result = self._work(Control(throttle.feed, self._stop))
            outcome = lambda: self.succeeded.emit(result)  # noqa: E731
        except Stopped:
            outcome = self.cancelled.emit
        except Exception as error:
            failure = error
            outcome = lambda: self.failed.emit(failure)  # noqa: E731
        throttle.flush()
        outcome()


class Tasks(QObject):
    """Keeps every task alive until it has finished, and ends them all when the program ends.

    Signals:
        changed(): a task began or ended.
    """

    changed = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        """Begin with no task."""
        super().__init__(parent)
        self._alive: list[Task] = []

    @property
    def alive(self) -> tuple[Task, ...]:
        """The tasks that have not finished."""
        return tuple(self._alive)

    def add(self, work: Work, name: str) -> Task:
        """Return a new task, not yet started so that the caller can connect first."""
        task = Task(work, name, self)
        self._alive.append(task)
        task.finished.connect(self._on_task_finished)
        return task

    def cancel_all(self) -> None:
        """Ask every task to stop."""
        for task in self._alive:
            task.cancel()

    def shut_down(self, limit_ms: int = 5000) -> bool:
        """Cancel all, wait at most ``limit_ms``, and return whether all have ended."""
        self.cancel_all()
        end = time.monotonic() + limit_ms / 1000
        # All are waited for, also after one that did not end in time.
        ended = [task.wait(max(0, round((end - time.monotonic()) * 1000))) for task in self._alive]
        return all(ended)

    def _on_task_finished(self) -> None:
        task = self.sender()
        if isinstance(task, Task) and task in self._alive:
            self._alive.remove(task)
            task.deleteLater()
        self.changed.emit()
