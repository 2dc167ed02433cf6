"""Finished runs for tests that read results: several symbols, both sides, three years, a benchmark."""

from functools import cache
from typing import Any

import numpy as np

from engine.config import parse_config
from engine.market import Benchmark, Panel
from engine.result import BacktestResult
from engine.simulate import run_backtest
from engine.strategies.registry import get
from engine.types import NS_PER_DAY

SYMBOLS = ("A", "B", "C", "Z")  # Z never moves, and so is never traded


def market(n_bars: int = 800, seed: int = 7) -> Panel:
    """Build daily walks on a grid of cents from 2020-01-01 on, weekdays only."""
    rng = np.random.Generator(np.random.PCG64(seed))
    close = np.round(50 * np.exp(np.cumsum(rng.normal(2e-4, 0.02, (n_bars, 4)), axis=0)), 2)
    close[:, 3] = 20.0
    open_ = np.round(close * rng.uniform(0.995, 1.005, close.shape), 2)
    open_[:, 3] = 20.0
    day = np.arange(n_bars, dtype=np.int64) + 2
    times = (18_260 + day // 5 * 7 + day % 5) * NS_PER_DAY  # 18,260 is a Monday
    return Panel(
        symbols=SYMBOLS,
        time_ns=times,
        open=open_,
        high=np.maximum(open_, close),
        low=np.minimum(open_, close),
        close=close,
        volume=np.full(close.shape, 1000.0),
        benchmark=Benchmark("mean", close.mean(axis=1)),
    )


@cache
def crossing(**sections: Any) -> BacktestResult:
    """Run a cross of two averages on all of them, long and short, with the default costs."""
    config = parse_config(
        {
            "strategy": {
                "name": "sma_cross",
                "params": {"fast": 5, "slow": 20, "direction": "long_short"},
            },
            "account": {"initial_capital": 100_000},
            **sections,
        }
    )
    strategy = get(config.strategy.name).make(config.strategy.params)
    return run_backtest(config, market(), strategy, clock=lambda: 0.0)


@cache
def idle() -> BacktestResult:
    """Run a strategy that never trades."""
    config = parse_config({"strategy": {"name": "sma_cross", "params": {"fast": 5, "slow": 2000}}})
    strategy = get(config.strategy.name).make(config.strategy.params)
    return run_backtest(config, market(), strategy, clock=lambda: 0.0)
