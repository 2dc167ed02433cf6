"""How fast the engine is: the simulation of a large rotation, and of a million one-minute bars.

What is timed is warm: the kernels are compiled, the bars are in memory. Hashing the data and writing the run are not
part of it. Run with ``pytest tests/benchmarks --benchmark-only``.
"""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from engine.config import SizingConfig, parse_config
from engine.driver import Simulation, new_simulation
from engine.instructions import from_signals, from_weights
from engine.kernels.book import Rules
from engine.market import Panel
from engine.simulate import run_backtest
from engine.strategies.registry import get
from engine.strategies.sma_cross import SmaCross
from tests.benchmarks.data import minutes, month_ends, stocks, strongest
from tests.engine.builders import rules_of
from tests.naive.orders import all_said
from tests.naive.simulation import run as run_twin

COSTS = rules_of(commission_rate=0.001, slippage_rate=0.0005)
CAPITAL = 10_000_000.0


def rotation() -> tuple[Panel, NDArray[np.int64], NDArray[np.float64]]:
    """Ten years of 500 stocks, the 50 strongest chosen every month."""
    panel = stocks(500, 2520)
    bars = month_ends(panel)
    return panel, bars, strongest(panel, bars)


def to_the_end(panel: Panel, instructions: NDArray[np.void], rules: Rules) -> Simulation:
    simulation = new_simulation(panel, instructions, rules, CAPITAL)
    simulation.advance(panel.n_bars)
    return simulation


def fastest(benchmark: Any) -> float:
    """Return the least seconds, 0 where measuring is switched off."""
    return 0.0 if benchmark.stats is None else float(benchmark.stats.stats.min)


def test_rotation_of_500_stocks_over_ten_years_from_instructions(benchmark: Any) -> None:
    panel, bars, weights = rotation()
    instructions = from_weights(weights, bars, SizingConfig())

    run = benchmark.pedantic(to_the_end, (panel, instructions, COSTS), rounds=10, warmup_rounds=1)

    assert run.state["n_fills"][0] > 5000
    assert fastest(benchmark) < 0.1


def test_rotation_of_500_stocks_over_ten_years_from_weights(benchmark: Any) -> None:
    panel, bars, weights = rotation()

    def simulate() -> Simulation:
        return to_the_end(panel, from_weights(weights, bars, SizingConfig()), COSTS)

    run = benchmark.pedantic(simulate, rounds=10, warmup_rounds=1)

    assert run.state["n_fills"][0] > 5000
    assert fastest(benchmark) < 0.1


def test_rotation_of_500_stocks_by_the_plain_python_twin(benchmark: Any) -> None:
    panel, bars, weights = rotation()
    instructions = from_weights(weights, bars, SizingConfig())
    rows = all_said(instructions)

    twin = benchmark.pedantic(lambda: run_twin(panel, rows, COSTS, CAPITAL), rounds=1)

    assert twin.equity == to_the_end(panel, instructions, COSTS).curve.equity.tolist()


@pytest.mark.parametrize("n_bars", [2520, 1_000_000])
def test_crosses_of_20_and_100_bars(benchmark: Any, n_bars: int) -> None:
    panel = minutes(n_bars)
    strategy = SmaCross.make({"fast": 20, "slow": 100})
    rules = rules_of(commission_rate=0.001)

    def signals_and_simulation() -> Simulation:
        said = from_signals(strategy.signals(panel), BY_THE_HUNDRED, panel.close.shape, 0)
        return to_the_end(panel, said, rules)

    run = benchmark.pedantic(signals_and_simulation, rounds=5, warmup_rounds=1)

    assert run.is_done
    assert run.state["n_fills"][0] > n_bars // 500


BY_THE_HUNDRED = SizingConfig(method="fixed_quantity", value=100)


def test_a_whole_run_on_a_million_bars_with_trades_metrics_and_hashes(benchmark: Any) -> None:
    panel = minutes(1_000_000)
    config = parse_config(
        {
            "strategy": {"name": "sma_cross", "params": {"fast": 20, "slow": 100}},
            "account": {"initial_capital": CAPITAL},
            "sizing": {"method": "fixed_quantity", "value": 100},
        }
    )
    strategy = get("sma_cross").make(config.strategy.params)

    result = benchmark.pedantic(
        lambda: run_backtest(config, panel, strategy, clock=lambda: 0.0), rounds=3, warmup_rounds=1
    )

    assert result.status == "completed"
