"""The progress of a run on a terminal, and Ctrl-C as a stop that keeps what there is."""

import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn

from desktop import fmt
from desktop.cli.output import console, note
from engine.result import BacktestProgress

_STAGES = {
    "compile": "Compiling",
    "load": "Loading prices",
    "signals": "Computing signals",
    "simulate": "Simulating",
    "metrics": "Measuring",
    "save": "Saving",
    "done": "Done",
}


_COMPILING = "Compiling the simulation kernels, once for this computer"


@contextmanager
def progress_bar(*, compiles: bool) -> Iterator[Callable[[BacktestProgress], None]]:
    """Give a callback that draws a bar on standard error.

    Where nobody is watching it only says that a run compiles first, because that takes a while.
    """
    if not sys.stderr.isatty():
        yield _say_compiling if compiles else _ignore
        return
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(bar_width=30),
        TaskProgressColumn(),
        TextColumn("{task.fields[date]}"),
        TextColumn("{task.fields[eta]}"),
        console=console(stderr=True),
        transient=True,
    )
    with bar:
        task = bar.add_task("Starting", total=1.0, date="", eta="")

        def show(progress: BacktestProgress) -> None:
            left = progress.eta_seconds
            bar.update(
                task,
                completed=progress.fraction,
                description=_words(progress, compiles),
                date="" if progress.time_ns is None else fmt.date(progress.time_ns),
                eta="" if left is None else f"{fmt.duration(left)} left",
            )

        yield show


def _words(progress: BacktestProgress, compiles: bool) -> str:
    # the compiler works behind these two: before the first chunk, and before the first metric
    if compiles and progress.stage in ("signals", "metrics"):
        return f"{_COMPILING} …"
    return _STAGES[progress.stage]


def _say_compiling(progress: BacktestProgress) -> None:
    if progress.stage == "signals":
        note(f"{_COMPILING} (later starts skip this) …")


def _ignore(_progress: BacktestProgress) -> None:
    return


@contextmanager
def stop_on_interrupt() -> Iterator[Callable[[], bool]]:
    """Give a ``should_stop`` that the first Ctrl-C (or SIGTERM) sets.

    The second Ctrl-C raises KeyboardInterrupt at once. Outside the main thread nothing is
    installed.
    """
    asked = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield asked.is_set
        return

    def on_signal(_number: int, _frame: FrameType | None) -> None:
        if asked.is_set():
            raise KeyboardInterrupt
        asked.set()
        note("Stopping and saving what there is … (Ctrl-C again to stop at once)")

    before = {
        number: signal.signal(number, on_signal) for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield asked.is_set
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
