"""Sweeps to be measured, and the least that any program must do for a pair of averages."""

import math
import time
from collections.abc import Callable
from functools import cache

import numpy as np
from numba import njit
from numpy.typing import NDArray

from engine.config import parse_config
from engine.market import Panel
from engine.strategies.sma_cross import SmaCross
from engine.sweeps.job import Job, new_job
from engine.sweeps.run import Plan, run_sweep
from engine.sweeps.spec import grid_of, parse_sweep
from engine.types import NS_PER_DAY, NS_PER_SECOND
from tests.benchmarks.data import MONDAY, walk

LONGEST = 300
FEE = 0.001


@cache
def one_symbol(n_bars: int, daily: bool) -> Panel:
    """Build one symbol on a grid of cents."""
    seed, sigma, steps = (7, 0.015, 8) if daily else (9, 0.002, 4)
    bars = walk(
        n_bars, seed=seed, sigma=sigma, start=100.0, drift=0.0003 if daily else 0.0, steps=steps
    )
    step = NS_PER_DAY if daily else 60 * NS_PER_SECOND
    times = MONDAY + np.arange(n_bars, dtype=np.int64) * step
    columns = {name: values.reshape(-1, 1).copy() for name, values in bars.items()}
    return Panel(("M",), times, timeframe="1d" if daily else "1m", **columns)


def pairs_job(panel: Panel, fast: range, slow: range) -> Job:
    """Return all pairs of two ranges of averages over one symbol."""
    config = parse_config(
        {"strategy": {"name": "sma_cross"}, "costs": {"commission_pct": 0.1, "slippage_bps": 0.0}}
    )
    sweep = parse_sweep({"params": {"fast": list(fast), "slow": list(slow)}})
    return new_job(config, panel, SmaCross, grid_of(sweep, SmaCross), LONGEST)


def daily_pairs(n_fast: int = 100, n_slow: int = 100) -> Job:
    """Return 10,000 pairs over ten years of days."""
    return pairs_job(one_symbol(2520, True), range(2, 2 + n_fast), range(105, 105 + n_slow))


def minute_pairs(n_fast: int = 40, n_slow: int = 25) -> Job:
    """Return 1,000 pairs over a hundred thousand minutes."""
    return pairs_job(
        one_symbol(100_000, False), range(4, 4 + n_fast), range(50, 50 + 10 * n_slow, 10)
    )


def swept(job: Job, plan: Plan, threads: int, chunk: int) -> int:
    """Run a whole sweep and keep nothing; return how many combinations came back."""
    outcome = run_sweep(
        job,
        plan,
        lambda _span, _rows: None,
        objective="sharpe_ratio",
        better=1,
        threads=threads,
        chunk=chunk,
        clock=lambda: 0.0,
    )
    return outcome.done


def least(work: Callable[[], object], repeats: int = 7) -> float:
    """Return the least processor seconds of this thread, warm."""
    work()
    found = []
    for _ in range(repeats):
        begun = time.thread_time()
        work()
        found.append(time.thread_time() - begun)
    return min(found)


@njit(nogil=True, cache=True)
def plain_pair_nb(
    open_: NDArray[np.float64],
    close: NDArray[np.float64],
    fast: int,
    slow: int,
    out: NDArray[np.float64],
) -> None:
    """Cross two averages, all in and all out, with four metrics: one plain loop, everything on every bar."""
    cash, held, before, peak = 100_000.0, 0.0, 100_000.0, 100_000.0
    near = far = total = squares = worst = 0.0
    trades = wanted = 0
    n = len(close)
    for i in range(n):
        if wanted == 1 and held == 0.0:
            held = math.floor(cash / (open_[i] * (1.0 + FEE)))
            cash -= held * open_[i] * (1.0 + FEE)
        elif wanted == 0 and held > 0.0:
            cash += held * open_[i] * (1.0 - FEE)
            held = 0.0
            trades += 1
        equity = cash + held * close[i]
        change = equity / before - 1.0
        total += change
        squares += change * change
        before = equity
        peak = max(peak, equity)
        worst = min(worst, equity / peak - 1.0)
        near += close[i]
        far += close[i]
        if i >= fast:
            near -= close[i - fast]
        if i >= slow:
            far -= close[i - slow]
        if i >= slow - 1:
            wanted = 1 if near * slow > far * fast else 0
    mean = total / n
    out[0] = before / 100_000.0 - 1.0
    out[1] = mean / math.sqrt(max((squares - n * mean * mean) / (n - 1), 1e-300)) * math.sqrt(252.0)
    out[2] = worst
    out[3] = trades


@njit(nogil=True, cache=True)
def plain_pairs_nb(
    open_: NDArray[np.float64],
    close: NDArray[np.float64],
    pairs: NDArray[np.int64],
    out: NDArray[np.float64],
) -> None:
    """Go through the pairs one after another."""
    for i in range(len(pairs)):
        plain_pair_nb(open_, close, pairs[i, 0], pairs[i, 1], out[i])
