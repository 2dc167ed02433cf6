"""Crossing averages by their own kernels: no array per combination, no array per average."""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from engine.adjust import split_adjusted
from engine.kernels.crosses import EXACT
from engine.kernels.indicators import price_grid
from engine.kernels.lean import new_scratch
from engine.kernels.lean_row import new_rows
from engine.kernels.lean_runs import run_crosses_nb
from engine.strategies.sma_cross import SmaCross, SmaCrossParameters
from engine.sweeps.general import GeneralWorker, run_beyond
from engine.sweeps.job import Indices, Job, Stopped, first_made
from engine.sweeps.lean import lean_plan_of, why_not

_AT_A_TIME: Final = 512  # combinations between two looks at whether to stop
_AT_A_TIME_BARS: Final = 4_000_000  # and bars: some 20 ms


class CrossPlan:
    """What all threads share: running sums of the closes, exact."""

    def __init__(self, job: Job, fixed: SmaCrossParameters, sums: NDArray[np.float64]) -> None:
        """Take a job that `plan_of` has looked at."""
        self.job = job
        self.fixed = fixed
        self.sums = sums
        self.lean = lean_plan_of(job.config, job.panel)

    def worker(self) -> "CrossWorker":
        """Return a worker for one thread."""
        return CrossWorker(self)


def plan_of(job: Job) -> CrossPlan | None:
    """Return a plan where the strategy crosses averages and sums of its closes are exact."""
    if job.strategy is not SmaCross or why_not(job.config, job.panel):
        return None
    close = split_adjusted(job.panel, "close").reshape(job.panel.n_bars)
    decimals = -1 if np.isnan(close).any() else price_grid(close)
    made = first_made(job)
    if decimals < 0 or made is None:
        return None
    units = np.rint(close * 10.0**decimals)
    top = float(units.max(initial=0.0))
    fast, slow = (_greatest(job, name, getattr(made.params, name)) for name in ("fast", "slow"))
    if top * len(units) >= EXACT or top * fast * slow >= EXACT:
        return None
    sums = np.zeros(len(units) + 1)
    np.cumsum(units, out=sums[1:])
    return CrossPlan(job, made.params, sums)


def _greatest(job: Job, name: str, fixed: int) -> float:
    return next((float(max(axis.values)) for axis in job.grid.axes if axis.name == name), fixed)


class CrossWorker:
    """Simulates pairs; see `engine.sweeps.job.Worker`."""

    def __init__(self, plan: CrossPlan) -> None:
        """Allocate the buffers of one thread."""
        self._plan = plan
        n_bars = plan.job.panel.n_bars
        self._scratch = new_scratch(n_bars)
        self._general = GeneralWorker(plan.job)
        self._at_a_time = max(1, min(_AT_A_TIME, _AT_A_TIME_BARS // n_bars))

    def run(self, indices: Indices, stopped: Stopped) -> NDArray[np.void]:
        """Return a ``ROW`` per combination."""
        rows = new_rows(indices)
        columns = self._columns(indices)
        taken = columns["fast"] < columns["slow"]
        rows["refused"] = ~taken
        done = 0
        while done < len(rows):
            if stopped():
                return rows[:done]
            part = slice(done, min(done + self._at_a_time, len(rows)))
            self._run(rows, taken, columns, part)
            run_beyond(rows[part], self._general)
            done = part.stop
        return rows

    def _columns(self, indices: Indices) -> dict[str, NDArray[Any]]:
        """Return every parameter of each combination, those that are not swept included."""
        job = self._plan.job
        columns = job.grid.columns(indices)
        for name in SmaCrossParameters.model_fields:
            if name not in columns:
                columns[name] = np.full(len(indices), getattr(self._plan.fixed, name))
        return columns

    def _run(
        self,
        rows: NDArray[np.void],
        taken: NDArray[np.bool_],
        columns: dict[str, NDArray[Any]],
        part: slice,
    ) -> None:
        plan = self._plan
        at_once = columns["enter_on"][part] == "state"
        shorts = columns["direction"][part] == "long_short"
        for wanted_at_once in (False, True):
            for wanted_shorts in (False, True):
                chosen = taken[part] & (at_once == wanted_at_once) & (shorts == wanted_shorts)
                places = np.flatnonzero(chosen) + part.start
                if len(places) == 0:
                    continue
                pairs = np.column_stack([columns["fast"][places], columns["slow"][places]])
                pairs = np.ascontiguousarray(pairs, np.int64)
                found = rows[places]
                run_crosses_nb(
                    pairs,
                    plan.sums,
                    wanted_at_once,
                    wanted_shorts,
                    plan.lean.tape,
                    plan.lean.costs,
                    plan.lean.entry,
                    self._terms(pairs[:, 1]),
                    self._scratch,
                    found,
                )
                rows[places] = found

    def _terms(self, slow: NDArray[np.int64]) -> NDArray[np.void]:
        plan = self._plan
        terms = plan.lean.terms(len(slow))
        warmups = np.minimum(slow, plan.job.panel.first_counted)
        for warmup in np.unique(warmups):
            per_year = plan.job.views.bars_per_year(int(warmup))
            plan.lean.put_year(terms, warmups == warmup, per_year)
        return terms
