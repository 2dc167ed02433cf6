"""Any run at all, by the loop that runs everything: several symbols, weights, corporate actions.

What a single run has beside its figures (round trips with their excursions, hashes, warnings) is left
out, and buffers are used again.
"""

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from engine.asking import drift_weights_of, instructions_of
from engine.driver import Simulation, new_simulation, restart, rules_of
from engine.errors import BacktestValidationError
from engine.kernels.lean_row import BEYOND, COLUMNS, new_rows
from engine.metrics import compute_metrics
from engine.simulate import simulation_of
from engine.strategies.protocol import OnBarStrategy, Strategy
from engine.sweeps.job import Indices, Job, Stopped, check_warmup
from engine.sweeps.views import View
from engine.trades import match_trades

_CHUNK_BARS: Final = 20_000


def run_beyond(rows: NDArray[np.void], worker: "GeneralWorker") -> None:
    """Run anew, in place, the combinations in which something came up that only the full loop knows."""
    places = np.flatnonzero(rows["refused"] == BEYOND)
    if len(places):
        rows[places] = worker.run(rows["index"][places], lambda: False)


class GeneralPlan:
    """What all threads share: nothing but the job."""

    def __init__(self, job: Job) -> None:
        """Take any job."""
        self.job = job

    def worker(self) -> "GeneralWorker":
        """Return a worker for one thread."""
        return GeneralWorker(self.job)


class GeneralWorker:
    """Simulates combinations; see `engine.sweeps.job.Worker`."""

    def __init__(self, job: Job) -> None:
        """Take the job; buffers come with the first combination."""
        self._job = job
        self._rules = rules_of(job.config)
        self._simulation: Simulation | None = None

    def run(self, indices: Indices, stopped: Stopped) -> NDArray[np.void]:
        """Return a ``ROW`` per combination."""
        rows = new_rows(indices)
        job = self._job
        for place, index in enumerate(indices):
            if stopped():
                return rows[:place]
            try:
                strategy = job.strategy.make(job.params(int(index)))
            except BacktestValidationError:
                rows["refused"][place] = 1
                continue
            warmup = strategy.warmup_bars()
            check_warmup(job, warmup, int(index))
            if not self.run_one(rows, place, strategy, job.views.of(warmup), stopped):
                return rows[:place]
        return rows

    def run_one(
        self,
        rows: NDArray[np.void],
        place: int,
        strategy: Strategy,
        view: View,
        stopped: Stopped = lambda: False,
    ) -> bool:
        """Write the figures of one combination; False when it was stopped before its end."""
        config, panel = self._job.config, view.panel
        if isinstance(strategy, OnBarStrategy):
            simulation, _ = simulation_of(config, panel, strategy)
        else:
            instructions, _ = instructions_of(config, panel, strategy)
            weights = drift_weights_of(config, panel, strategy)
            simulation = self._at_the_start(view, instructions, weights)
        try:
            while not simulation.is_done:
                if stopped():
                    return False
                simulation.advance(simulation.bar + max(1, _CHUNK_BARS // panel.n_symbols))
            simulation.expire_waiting()
        finally:
            simulation.close()
        self._write(rows, place, simulation, view)
        return True

    def _at_the_start(
        self, view: View, instructions: NDArray[np.void], weights: NDArray[np.float64] | None
    ) -> Simulation:
        capital = self._job.config.account.initial_capital
        simulation = self._simulation
        if simulation is None or simulation.panel is not view.panel:
            simulation = new_simulation(view.panel, instructions, self._rules, capital, weights)
            self._simulation = simulation
        else:
            restart(simulation, instructions, capital, weights)
        return simulation

    def _write(
        self, rows: NDArray[np.void], place: int, simulation: Simulation, view: View
    ) -> None:
        panel, account = view.panel, self._job.config.account
        multiplier = self._job.config.execution.multiplier
        counted = slice(panel.first_counted, panel.n_bars)
        fills = simulation.fills[: simulation.state["n_fills"][0]]
        orders = simulation.book.orders[: simulation.state["n_orders"][0]]
        trades, _ = match_trades(fills, orders, panel, panel.n_bars - 1, multiplier)
        metrics, _ = compute_metrics(
            time_ns=panel.time_ns[counted],
            equity=simulation.curve.equity[counted],
            initial_capital=account.initial_capital,
            gross=simulation.curve.gross[counted],
            fills=fills,
            trades=trades,
            benchmark_values=None,
            benchmark_base=math.nan,
            bars_per_year=view.bars_per_year,
            risk_free_rate=account.risk_free_rate,
        )
        for name in COLUMNS:
            value = metrics[name]
            rows[name][place] = value if isinstance(value, int | float) else math.nan
