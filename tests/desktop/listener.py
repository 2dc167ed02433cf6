"""Writes down what a task says."""

import threading
import time
from typing import Any

from PySide6.QtCore import QObject

from desktop.tasks.worker import Task


class Listener(QObject):
    """What was heard of a task, in order; when it came, and on which threads."""

    def __init__(self, task: Task) -> None:
        super().__init__()
        self.heard: list[tuple[str, Any]] = []
        self.times: list[float] = []
        self.when: dict[str, float] = {}
        self.threads: set[int] = set()
        task.progress.connect(self._on_progress)
        task.succeeded.connect(self._on_succeeded)
        task.failed.connect(self._on_failed)
        task.cancelled.connect(self._on_cancelled)
        task.finished.connect(self._on_finished)

    @property
    def ends(self) -> list[str]:
        """What was heard but progress."""
        return [what for what, _ in self.heard if what != "progress"]

    def _note(self, what: str, value: Any = None) -> None:
        self.heard.append((what, value))
        self.when[what] = time.monotonic()
        self.threads.add(threading.get_ident())

    def _on_progress(self, value: object) -> None:
        self.times.append(time.monotonic())
        self._note("progress", value)

    def _on_succeeded(self, value: object) -> None:
        self._note("succeeded", value)

    def _on_failed(self, error: object) -> None:
        self._note("failed", error)

    def _on_cancelled(self) -> None:
        self._note("cancelled")

    def _on_finished(self) -> None:
        self._note("finished")
