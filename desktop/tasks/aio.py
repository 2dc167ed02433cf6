"""The door between the Qt event loop and work that waits: await a storage call, keep the window alive.

`qasync` runs the asyncio loop on Qt's; a blocking call goes to a small pool of threads and is awaited. Waiting is all
that happens here: arithmetic belongs to a `Task`.
"""

import asyncio
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, ParamSpec, TypeVar

from PySide6.QtCore import QObject, Signal

from storage.errors import Stopped

P = ParamSpec("P")
R = TypeVar("R")


class Door(QObject):
    """Starts coroutines from slots and runs blocking calls beside the event loop.

    Signals:
        failed(object): the exception of a coroutine that nobody caught.
    """

    failed = Signal(object)

    def __init__(
        self, loop: asyncio.AbstractEventLoop, parent: QObject | None = None, threads: int = 3
    ) -> None:
        """Open the door on a loop: a pool of ``threads`` that live until `close`."""
        super().__init__(parent)
        self._loop = loop
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="storage")
        self._running: set[asyncio.Task[Any]] = set()
        self._closing = threading.Event()

    async def call(self, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Run a blocking call on a pool thread and return its result."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._pool, partial(function, *args, **kwargs))

    def start(self, coroutine: Coroutine[Any, Any, Any]) -> None:
        """Run a coroutine from a slot; what it raises arrives at ``failed``."""
        task = self._loop.create_task(coroutine)
        self._running.add(task)
        task.add_done_callback(self._on_task_done)

    def is_closing(self) -> bool:
        """Whether nobody waits any more; for calls that ask whether to go on."""
        return self._closing.is_set()

    def begin_closing(self) -> None:
        """Let calls that ask `is_closing` end; `close` does the rest."""
        self._closing.set()

    @property
    def is_idle(self) -> bool:
        """Whether nothing is under way."""
        return not self._running

    async def close(self) -> None:
        """Cancel what waits, let running calls end, and join the threads."""
        self.begin_closing()
        waiting = list(self._running)
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
        await asyncio.get_running_loop().run_in_executor(
            None, partial(self._pool.shutdown, wait=True)
        )

    def _on_task_done(self, task: asyncio.Task[Any]) -> None:
        self._running.discard(task)
        if task.cancelled() or (error := task.exception()) is None:
            return
        if not isinstance(error, Stopped):  # the door closes, and somebody was asked to stop
            self.failed.emit(error)
