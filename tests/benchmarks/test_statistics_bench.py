"""How fast metrics, statistics and indicators are, and how many times as fast as a plain loop beside them.

What is timed is warm. The plain loop (`tests.benchmarks.plain`) runs in the same process on a part of the bars, so
that the ratio says the same on any machine; the times are for reading. Run with ``pytest tests/benchmarks
--benchmark-only``.
"""

import time
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import pytest

from engine import indicators
from engine.config import parse_config
from engine.metrics import compute_metrics
from engine.result import BacktestResult
from engine.simulate import run_backtest
from engine.statistics.performance import performance_of
from engine.strategies.registry import get
from tests.benchmarks import plain
from tests.benchmarks.data import minutes, month_ends, stocks

CAPITAL = 10_000_000.0
MILLION = 1_000_000
PART = 50_000  # bars that the plain loop takes
NAN = float("nan")

Figure = Callable[[str], None]


@cache
def crossing(n_bars: int) -> BacktestResult:
    """Run a cross of 20 and 100 bars, a hundred shares at a time."""
    panel = minutes(n_bars)
    config = parse_config(
        {
            "strategy": {"name": "sma_cross", "params": {"fast": 20, "slow": 100}},
            "account": {"initial_capital": CAPITAL},
            "sizing": {"method": "fixed_quantity", "value": 100},
        }
    )
    strategy = get("sma_cross").make(config.strategy.params)
    return run_backtest(config, panel, strategy, clock=lambda: 0.0)


def measured(result: BacktestResult) -> dict[str, Any]:
    """Compute all metrics."""
    return compute_metrics(
        time_ns=result.time_ns,
        equity=result.curve.equity,
        initial_capital=CAPITAL,
        gross=result.curve.gross,
        fills=result.fills,
        trades=result.trades,
        benchmark_values=None,
        benchmark_base=NAN,
        bars_per_year=252.0,
        risk_free_rate=0.0,
    )[0]


def seconds(benchmark: Any) -> float:
    """Return the median time of a round; 1 where measuring is switched off."""
    return 1.0 if benchmark.stats is None else float(benchmark.stats.stats.median)


def times_as_fast(benchmark: Any, n_bars: int, loop: Callable[[], Any], part: int) -> float:
    """Return how many times as long the plain loop takes for a bar."""
    begun = time.perf_counter()
    loop()
    return (time.perf_counter() - begun) / part / (seconds(benchmark) / n_bars)


def test_all_metrics_of_a_million_bars(benchmark: Any, figure: Figure) -> None:
    result = crossing(MILLION)
    equity, gross = (a[:PART].tolist() for a in (result.curve.equity, result.curve.gross))

    metrics = benchmark.pedantic(measured, (result,), rounds=15, warmup_rounds=1)
    ratio = times_as_fast(benchmark, MILLION, lambda: plain.metrics(equity, gross, CAPITAL), PART)

    figure(f"{seconds(benchmark) * 1e3:.2f} ms, {ratio:.0f} times a plain loop")
    assert metrics["total_trades"] > 1000
    assert ratio > 20
    assert seconds(benchmark) < 0.06  # ten times the goal


def test_all_metrics_of_ten_years_of_days(benchmark: Any, figure: Figure) -> None:
    result = crossing(2520)

    metrics = benchmark.pedantic(measured, (result,), rounds=50, iterations=5, warmup_rounds=1)

    figure(f"{seconds(benchmark) * 1e6:.0f} us")
    assert metrics["total_trades"] > 5
    assert seconds(benchmark) < 1.5e-3


def test_every_table_of_a_million_bars(benchmark: Any, figure: Figure) -> None:
    result = crossing(MILLION)

    tables = benchmark.pedantic(performance_of, (result,), rounds=5, warmup_rounds=1)

    figure(f"{seconds(benchmark) * 1e3:.1f} ms")
    assert len(tables.falls) == 10
    assert seconds(benchmark) < 0.5


def test_the_signals_of_a_cross_on_a_million_bars(benchmark: Any, figure: Figure) -> None:
    panel = minutes(MILLION)
    strategy = get("sma_cross").make({"fast": 20, "slow": 100})
    closes = panel.close[:PART, 0].tolist()

    def loop() -> list[bool]:
        fast, slow = plain.rolling_mean(closes, 20), plain.rolling_mean(closes, 100)
        return [a > b for a, b in zip(fast, slow, strict=True)]

    signals = benchmark.pedantic(strategy.signals, (panel,), rounds=15, warmup_rounds=1)
    ratio = times_as_fast(benchmark, MILLION, loop, PART)

    figure(f"{seconds(benchmark) * 1e3:.2f} ms, {ratio:.0f} times a plain loop")
    assert signals.enter_long.any()
    assert ratio > 10
    assert seconds(benchmark) < 0.04


@pytest.mark.parametrize("n_symbols", [500, 1000])
def test_the_weights_of_a_rotation(benchmark: Any, figure: Figure, n_symbols: int) -> None:
    panel = stocks(n_symbols, 2520)
    strategy, bars = get("momentum_rotation").make({"top_n": 50}), month_ends(panel)

    weights = benchmark.pedantic(strategy.weights, (panel, bars), rounds=10, warmup_rounds=1)

    figure(f"{seconds(benchmark) * 1e3:.2f} ms")
    assert np.allclose(weights.sum(axis=1), 1.0)
    assert seconds(benchmark) < 0.15


@pytest.mark.parametrize("name", ["sma", "ema", "rolling_max", "rolling_sd", "atr"])
def test_indicators_of_a_million_bars(benchmark: Any, figure: Figure, name: str) -> None:
    panel = minutes(MILLION)
    high, low, close = panel.high, panel.low, panel.close
    ours: dict[str, Callable[[], Any]] = {
        "sma": lambda: indicators.sma(close, 50),
        "ema": lambda: indicators.ema(close, 50),
        "rolling_max": lambda: indicators.rolling_max(high, 50),
        "rolling_sd": lambda: indicators.rolling_sd(close, 50),
        "atr": lambda: indicators.atr(high, low, close, 50),
    }
    some = [column[:PART, 0].tolist() for column in (high, low, close)]
    loops: dict[str, Callable[[], Any]] = {
        "sma": lambda: plain.rolling_mean(some[2], 50),
        "ema": lambda: plain.ema(some[2], 50),
        "rolling_max": lambda: plain.rolling_max(some[0], 50),
        "rolling_sd": lambda: plain.rolling_sd(some[2], 50),
        "atr": lambda: plain.atr(*some, 50),
    }

    found = benchmark.pedantic(ours[name], rounds=5, warmup_rounds=1)
    ratio = times_as_fast(benchmark, MILLION, loops[name], PART)

    figure(f"{seconds(benchmark) * 1e3:.1f} ms, {ratio:.0f} times a plain loop")
    assert found.shape == close.shape
    assert ratio > 2
