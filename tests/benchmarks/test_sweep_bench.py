"""How fast sweeps are beside one plain compiled loop in the same process, and that memory does not grow with them.

Times of the processor, not of the wall: they mean the same on a machine that others use, too. What is asserted is the
ratio to the plain loop, which does less on every bar (four metrics, no fills, no ties); wall-clock rates are told.
"""

import resource
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine.sweeps import signals
from engine.sweeps.job import Job
from engine.sweeps.run import plan_of
from tests.benchmarks.sweeping import daily_pairs, least, minute_pairs, plain_pairs_nb, swept

ROOT = Path(__file__).resolve().parents[2]
Tell = Callable[[str], None]


def plain_seconds(job: Job) -> float:
    """Return what the plain loop takes for a pair."""
    columns = job.grid.columns(np.arange(job.grid.size))
    pairs = np.column_stack([columns["fast"], columns["slow"]]).astype(np.int64)
    pairs = pairs[:: max(1, len(pairs) // 200)]
    out = np.zeros((len(pairs), 4))
    panel = job.panel
    bars = panel.open.reshape(-1), panel.close.reshape(-1)
    return least(lambda: plain_pairs_nb(*bars, pairs, out)) / len(pairs)


def lean_seconds(job: Job, plan: Any) -> float:
    """Return what a combination takes on one thread."""
    indices = np.arange(0, job.grid.size, max(1, job.grid.size // 500))
    worker = plan.worker()
    return least(lambda: worker.run(indices, lambda: False)) / len(indices)


def wall(job: Job, plan: Any, chunk: int) -> float:
    """Return combinations a second of a whole sweep on two threads, the median of five."""
    swept(job, plan, 2, chunk)
    rates = []
    for _ in range(5):
        begun = time.perf_counter()
        done = swept(job, plan, 2, chunk)
        rates.append(done / (time.perf_counter() - begun))
    return float(np.median(rates))


@pytest.mark.parametrize(
    ("make", "chunk", "goal"), [(daily_pairs, 500, 100_000), (minute_pairs, 25, 3_000)]
)
def test_crossing_averages_with_all_figures_take_at_most_two_plain_loops_with_four(
    benchmark: Any, figure: Tell, make: Callable[[], Job], chunk: int, goal: int
) -> None:
    job = make()
    way, plan = plan_of(job)
    ours, plain = lean_seconds(job, plan), plain_seconds(job)

    benchmark.pedantic(swept, (job, plan, 2, chunk), rounds=3, warmup_rounds=1)

    rate = wall(job, plan, chunk)
    figure(
        f"{ours * 1e6:.1f} us of processor a pair with 28 figures, plain loop with 4 {plain * 1e6:.1f} us, "
        f"ratio {ours / plain:.2f}; {rate:,.0f} pairs/s of wall on 2 threads (goal {goal:,})"
    )
    assert way == "crosses"
    assert (
        ours < 2.5 * plain
    )  # measured 1.5; seven times the figures, and every fill at its true size
    assert rate > goal / 10


@pytest.mark.parametrize(
    ("make", "chunk", "goal"), [(daily_pairs, 500, 25_000), (minute_pairs, 25, 750)]
)
def test_signals_of_any_strategy_take_a_few_plain_loops(
    benchmark: Any, figure: Tell, make: Callable[[], Job], chunk: int, goal: int
) -> None:
    job = make()
    plan = signals.plan_of(job)
    assert plan is not None
    ours, plain = lean_seconds(job, plan), plain_seconds(job)

    benchmark.pedantic(swept, (job, plan, 2, chunk), rounds=3, warmup_rounds=1)

    rate = wall(job, plan, chunk)
    figure(
        f"{ours * 1e6:.1f} us of processor a combination, plain loop {plain * 1e6:.1f} us, "
        f"ratio {ours / plain:.2f}; {rate:,.0f}/s of wall on 2 threads (goal {goal:,})"
    )
    assert ours < 10 * plain  # measured 6 over days and 3 over minutes
    assert rate > goal / 10


GROWTH = """
import resource, sys
from tests.benchmarks.sweeping import daily_pairs, swept
from engine.sweeps.run import plan_of
small, large = daily_pairs(10, 10), daily_pairs(100, int(sys.argv[1]))
for job in (small, large):
    swept(job, plan_of(job)[1], 2, 500)
    sys.stdout.write(f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss}\\n")
"""


def test_memory_is_the_same_for_a_hundred_and_for_ten_thousand_pairs(
    benchmark: Any, figure: Tell
) -> None:
    def grow() -> int:
        done = subprocess.run(
            [sys.executable, "-c", GROWTH, "100"],
            cwd=ROOT, capture_output=True, text=True, check=True,
        )  # fmt: skip
        small, large = map(int, done.stdout.split())
        return large - small

    growth = benchmark.pedantic(grow, rounds=1)

    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    figure(
        f"peak memory grows by {growth / 1024:.1f} MiB from 100 to 10,000 pairs (own {own / 1024:.0f})"
    )
    assert growth < 8 * 1024
