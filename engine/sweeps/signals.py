"""Any strategy of signals on one symbol: its masks become decisions, many combinations one call.

What the strategy computes is Python and numpy, and is asked for one combination after another. Its
decisions are packed and wait until there are enough of them to be simulated in one go, without
Python's lock.
"""

from contextlib import AbstractContextManager, nullcontext
from dataclasses import fields
from operator import attrgetter
from threading import Lock
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from engine.errors import BacktestValidationError
from engine.instructions import checked_mask
from engine.kernels.lean import Decisions, new_scratch
from engine.kernels.lean_row import new_rows
from engine.kernels.lean_runs import run_said_nb
from engine.kernels.lean_said import said_nb
from engine.strategies.protocol import Mask, Signals, SignalStrategy
from engine.sweeps.general import GeneralWorker, run_beyond
from engine.sweeps.job import Indices, Job, Stopped, check_warmup
from engine.sweeps.lean import lean_plan_of, why_not
from engine.sweeps.views import View

_BARS_AT_A_TIME: Final = 500_000  # bars of all combinations that are simulated in one go
_MOST_AT_A_TIME: Final = 128
_FEW_BARS: Final = 10_000  # up to so many, threads ask one after the other
_KNOWN: Final = {
    *("enter_long", "exit_long", "enter_short", "exit_short"),
    *("close_stop_rate", "close_target_rate", "labels"),
}
_beyond: Final = attrgetter(*(f.name for f in fields(Signals) if f.name not in _KNOWN))
_NEVER: Final = np.zeros(0, np.uint8)


class SignalPlan:
    """What all threads share."""

    def __init__(self, job: Job) -> None:
        """Take a job that `plan_of` has looked at."""
        self.job = job
        self.lean = lean_plan_of(job.config, job.panel)
        # Over few bars every array is worked out in some microseconds, without Python's lock; two threads that ask at
        # once then do little but hand it to each other, and are slower than one. They take turns, and simulate abreast.
        short = job.panel.n_bars <= _FEW_BARS
        self.asking: AbstractContextManager[Any] = Lock() if short else nullcontext()

    def worker(self) -> "SignalWorker":
        """Return a worker for one thread."""
        return SignalWorker(self)


def plan_of(job: Job) -> SignalPlan | None:
    """Return a plan where the strategy gives signals and the lean simulation knows the rules."""
    if not issubclass(job.strategy, SignalStrategy) or why_not(job.config, job.panel):
        return None
    return SignalPlan(job)


class SignalWorker:
    """Simulates combinations; see `engine.sweeps.job.Worker`."""

    def __init__(self, plan: SignalPlan) -> None:
        """Allocate the buffers of one thread."""
        self._plan = plan
        n_bars = plan.job.panel.n_bars
        self._scratch = new_scratch(n_bars)
        self._room = max(1, min(_MOST_AT_A_TIME, _BARS_AT_A_TIME // n_bars))
        most = self._room * n_bars
        self._said = Decisions(np.zeros(most, np.int64), np.zeros(most, np.uint8))
        self._ends = np.zeros(self._room, np.int64)
        self._terms = plan.lean.terms(self._room)
        self._places = np.zeros(self._room, np.int64)
        self._waiting = 0
        self._aside: list[tuple[int, SignalStrategy, View]] = []  # what only the full loop knows
        self._general = GeneralWorker(plan.job)

    def run(self, indices: Indices, stopped: Stopped) -> NDArray[np.void]:
        """Return a ``ROW`` per combination."""
        rows = new_rows(indices)
        for first in range(0, len(indices), self._room):
            self._waiting, self._aside = 0, []
            with self._plan.asking:
                done = self._ask_some(rows, first, indices[first : first + self._room], stopped)
            self._simulate(rows)
            for place, strategy, view in self._aside:
                self._general.run_one(rows, place, strategy, view)
            if done < min(first + self._room, len(indices)):
                return rows[:done]
        return rows

    def _ask_some(
        self, rows: NDArray[np.void], first: int, indices: Indices, stopped: Stopped
    ) -> int:
        """Ask for combinations as long as it is not stopped; return the place of the first not asked for."""
        for place, params in enumerate(self._plan.job.grid.rows(indices), first):
            if stopped():
                return place
            self._ask(rows, place, params)
        return first + len(indices)

    def _ask(self, rows: NDArray[np.void], place: int, params: dict[str, Any]) -> None:
        """Let the strategy say what it wants, and put it with those that wait."""
        job = self._plan.job
        try:
            strategy = job.strategy.make({**job.config.strategy.params, **params})
        except BacktestValidationError:
            rows["refused"][place] = 1
            return
        assert isinstance(strategy, SignalStrategy), "plan_of takes no other"
        warmup = strategy.warmup_bars()
        check_warmup(job, warmup, int(rows["index"][place]))
        view = job.views.of(warmup)
        signals = strategy.signals(view.panel)
        if not _is_plain(signals):
            self._aside.append((place, strategy, view))
            return
        self._pack(signals, view)
        self._places[self._waiting] = place
        self._waiting += 1

    def _pack(self, signals: Signals, view: View) -> None:
        shape, i = view.panel.close.shape, self._waiting
        self._ends[i] = said_nb(
            _flat(checked_mask(signals.enter_long, "enter_long", shape)),
            _flat(checked_mask(signals.exit_long, "exit_long", shape)),
            _flat(checked_mask(signals.enter_short, "enter_short", shape)),
            _flat(checked_mask(signals.exit_short, "exit_short", shape)),
            view.panel.first_counted,
            view.offset,
            self._scratch.above,
            self._said,
            self._ends[i - 1] if i else 0,
        )
        self._terms["stop_rate"][i] = signals.close_stop_rate
        self._terms["target_rate"][i] = signals.close_target_rate
        self._plan.lean.put_year(self._terms, i, view.bars_per_year)

    def _simulate(self, rows: NDArray[np.void]) -> None:
        """Simulate what waits."""
        n = self._waiting
        if n == 0:
            return
        places, plan = self._places[:n], self._plan.lean
        found = rows[places]
        run_said_nb(
            self._said,
            self._ends[:n],
            plan.tape,
            plan.costs,
            plan.entry,
            self._terms[:n],
            self._scratch,
            found,
        )
        run_beyond(found, self._general)
        rows[places] = found
        self._waiting = 0


def _flat(mask: Mask | None) -> NDArray[np.uint8]:
    return _NEVER if mask is None else np.ascontiguousarray(mask).reshape(-1).view(np.uint8)


def _is_plain(signals: Signals) -> bool:
    """Tell whether the lean simulation knows all that is said: no sizes, no orders that rest, no brackets."""
    return all(value is None for value in _beyond(signals))
