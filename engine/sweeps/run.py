"""Goes through a grid with several threads, tells how far it is, and stops when asked.

The grid is handed out in ranges of indices. Each range comes back as rows, in whatever order threads
finish, and is handed on at once: nothing is collected here, so memory does not grow with the grid,
and what was handed on is safe whatever happens next. A range that is cut short comes back as far as
it got.
"""

import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from engine.sweeps import crosses, signals
from engine.sweeps.general import GeneralPlan
from engine.sweeps.job import Job, Worker

_WAIT_SECONDS: Final = 0.02
_CHUNK_SECONDS: Final = 0.05
_PROBE_SECONDS: Final = 0.05
_MOST_PROBED: Final = 256
_MOST_IN_A_CHUNK: Final = 8_192
_BYTES_A_BAR: Final = 80  # of a thread's scratch
_BYTES_A_ROW: Final = 1_000
_SHARES: Final = 8  # chunks a thread gets at least, so that none waits long for the last

Span = tuple[int, int]
Clock = Callable[[], float]


class Plan(Protocol):
    """What all threads share."""

    def worker(self) -> Worker:
        """Return what one thread simulates with."""
        ...


@dataclass(frozen=True, slots=True)
class SweepProgress:
    """How far a sweep is; ``fraction`` never falls.

    Attributes:
        done, total: combinations, those of an earlier session included.
        refused: how many the strategy does not take.
        best_index, best: the best combination so far, by the objective; None before the first.
    """

    fraction: float
    done: int
    total: int
    refused: int = 0
    elapsed_seconds: float = 0.0
    eta_seconds: float | None = None
    best_index: int | None = None
    best: float | None = None


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a sweep will take.

    Attributes:
        combinations: how many there are.
        seconds: on ``threads`` threads.
        memory_bytes: of the threads' buffers, whatever the number of combinations.
        chunk: how many indices of the grid a thread takes at a time.
        way: which simulation it is: "crosses", "signals" or "general".
    """

    combinations: int
    seconds: float
    memory_bytes: int
    threads: int
    chunk: int
    way: str


@dataclass
class Outcome:
    """What a sweep came to."""

    completed: bool
    done: int = 0
    refused: int = 0


Sink = Callable[[Span, NDArray[np.void]], None]


def plan_of(job: Job) -> tuple[str, Plan]:
    """Return the fastest simulation that tells the truth about these runs, and its name."""
    by_crosses = crosses.plan_of(job)
    if by_crosses is not None:
        return "crosses", by_crosses
    by_signals = signals.plan_of(job)
    if by_signals is not None:
        return "signals", by_signals
    return "general", GeneralPlan(job)


def estimate(job: Job, plan: tuple[str, Plan], *, threads: int, clock: Clock) -> Estimate:
    """Measure a few combinations and say what all of them will take.

    The first call compiles what has not been compiled yet, which takes seconds.
    """
    way, shared = plan
    total = job.grid.count()
    worker = shared.worker()
    sample = next(block for block in job.grid.valid_blocks() if len(block))[:_MOST_PROBED]
    worker.run(sample[:1], _never)
    n, seconds = 1, 0.0
    while True:
        begun = clock()
        worker.run(sample[:n], _never)
        seconds = max(clock() - begun, 1e-7)
        if seconds > _PROBE_SECONDS or n >= len(sample):
            break
        n = min(4 * n, len(sample))
    each = seconds / n
    density = total / job.grid.size
    fair = job.grid.size / (threads * _SHARES)
    chunk = int(max(1, min(_CHUNK_SECONDS / each / density, fair, _MOST_IN_A_CHUNK / density)))
    buffers = threads * (_BYTES_A_BAR * job.panel.n_bars + _BYTES_A_ROW * chunk)
    return Estimate(total, each * total / threads, buffers, threads, chunk, way)


def run_sweep(
    job: Job,
    plan: Plan,
    sink: Sink,
    *,
    objective: str,
    better: int,
    threads: int,
    chunk: int,
    clock: Clock,
    done: Sequence[Span] = (),
    on_progress: Callable[[SweepProgress], None] | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> Outcome:
    """Simulate every combination of a grid that is not ``done`` yet.

    Parameters
    ----------
    sink : callable
        Takes each finished range and its ``ROW`` rows, on the caller's thread.
    objective, better : str, int
        The metric by which progress names the best; 1 when more of it is better, else -1.
    threads, chunk : int
        How many threads; how many indices of the grid each takes at a time.
    clock : callable
        Seconds of a steady clock.
    done : sequence of (start, stop)
        Ranges finished earlier.
    on_progress, should_stop : callable, optional
        Told after each range; asked fifty times a second.

    Raises
    ------
    Exception
        What a strategy or the sink raised; what was handed to the sink before stays done.
    """
    crew = _Crew(job, plan, _gaps(done, job.grid.size, chunk), threads)
    watch = _Watch(job, done, objective, better, clock, on_progress or _silent)
    stopped = should_stop or _never
    crew.start()
    try:
        for span, rows in crew.finished(stopped):
            sink(span, rows)
            watch.note(rows)
    finally:
        crew.end()
    watch.outcome.completed = watch.outcome.done == watch.total
    return watch.outcome


class _Watch:
    """Counts what came back and tells."""

    def __init__(
        self,
        job: Job,
        done: Sequence[Span],
        objective: str,
        better: int,
        clock: Clock,
        tell: Callable[[SweepProgress], None],
    ) -> None:
        self.total = job.grid.count()
        self._before = sum(len(block) for span in done for block in _blocks(job, span))
        self._objective, self._better = objective, better
        self._clock, self._begun = clock, clock()
        self._tell = tell
        self._best: tuple[int, float] | None = None
        self.outcome = Outcome(False, self._before)
        self._say()

    def note(self, rows: NDArray[np.void]) -> None:
        outcome = self.outcome
        outcome.done += len(rows)
        outcome.refused += int(rows["refused"].sum())
        values = rows[self._objective] * self._better
        if len(rows) and not np.isnan(values).all():
            at = int(np.nanargmax(values))
            if self._best is None or values[at] > self._best[1] * self._better:
                self._best = int(rows["index"][at]), float(rows[self._objective][at])
        self._say()

    def _say(self) -> None:
        outcome, elapsed = self.outcome, self._clock() - self._begun
        fresh, left = outcome.done - self._before, self.total - outcome.done
        self._tell(
            SweepProgress(
                fraction=outcome.done / self.total,
                done=outcome.done,
                total=self.total,
                refused=outcome.refused,
                elapsed_seconds=elapsed,
                eta_seconds=elapsed * left / fresh if fresh else None,
                best_index=None if self._best is None else self._best[0],
                best=None if self._best is None else self._best[1],
            )
        )


class _Crew:
    """The threads, what they still have to do, and what they bring back."""

    def __init__(self, job: Job, plan: Plan, spans: Iterator[Span], threads: int) -> None:
        self._job, self._plan, self._spans = job, plan, spans
        self._lock = threading.Lock()
        self._stop = threading.Event()
        # As much as each can hold while one result is being written: memory stays flat behind a slow disk.
        self._out: queue.Queue[Any] = queue.Queue(2 * threads)
        self._threads = [
            threading.Thread(target=self._work, name=f"sweep-{i}") for i in range(threads)
        ]
        self.was_stopped = False

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def finished(self, should_stop: Callable[[], bool]) -> Iterator[tuple[Span, NDArray[np.void]]]:
        """Yield what comes back until all is done or has stopped; raise what a thread raised."""
        working = len(self._threads)
        while working:
            if not self.was_stopped and should_stop():
                self.was_stopped = True
                self._stop.set()
            try:
                found = self._out.get(timeout=_WAIT_SECONDS)
            except queue.Empty:
                continue
            if found is None:
                working -= 1
            elif isinstance(found, BaseException):
                raise found
            else:
                yield found

    def end(self) -> None:
        """Stop what still works and wait for it."""
        self._stop.set()
        for thread in self._threads:
            while thread.is_alive():
                while not self._out.empty():
                    self._out.get_nowait()
                thread.join(_WAIT_SECONDS)

    def _work(self) -> None:
        try:
            worker = self._plan.worker()
            while not self._stop.is_set():
                with self._lock:
                    span = next(self._spans, None)
                if span is None:
                    break
                self._simulate(worker, span)
            self._out.put(None)
        except BaseException as error:
            self._out.put(error)

    def _simulate(self, worker: Worker, span: Span) -> None:
        start, stop = span
        indices = self._job.grid.valid(start, stop)
        rows = worker.run(indices, self._stop.is_set)
        if len(rows) < len(indices):
            stop = int(indices[len(rows)])
        if stop > start:
            self._out.put(((start, stop), rows))


def merged(spans: Sequence[Span]) -> list[Span]:
    """Return the ranges sorted, those that touch joined."""
    joined: list[Span] = []
    for start, stop in sorted(spans):
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(joined[-1][1], stop))
        else:
            joined.append((start, stop))
    return joined


def _gaps(done: Sequence[Span], size: int, chunk: int) -> Iterator[Span]:
    """Yield what is not done, in ranges of at most ``chunk``."""
    at = 0
    for start, stop in (*merged(done), (size, size)):
        while at < start:
            yield at, min(at + chunk, start)
            at = min(at + chunk, start)
        at = max(at, stop)


def _blocks(job: Job, span: Span) -> Iterator[NDArray[np.int64]]:
    for start in range(span[0], span[1], _MOST_IN_A_CHUNK):
        yield job.grid.valid(start, min(start + _MOST_IN_A_CHUNK, span[1]))


def _never() -> bool:
    return False


def _silent(_progress: SweepProgress) -> None:
    return
