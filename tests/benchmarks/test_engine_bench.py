"""How fast the engine is: the simulation of a large rotation, and of a million one-minute bars.

What is timed is warm: the kernels are compiled, the bars are in memory. Hashing the data and writing the run are not
part of it. Times are of the processor, each told beside that of a plain loop in the same process. Run with
``pytest tests/benchmarks --benchmark-only``.
"""

import time
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from engine.config import SizingConfig, parse_config
from engine.driver import Simulation, new_simulation
from engine.instructions import from_signals, from_weights
from engine.kernels.book import Rules
from engine.market import Panel
from engine.result import BacktestResult, hash_result
from engine.simulate import run_backtest
from engine.strategies.registry import get
from engine.strategies.sma_cross import SmaCross
from engine.sweeps.job import Job
from engine.sweeps.run import plan_of
from tests.benchmarks.crossing import plain_account_nb, plain_figures_nb, plain_signals_nb
from tests.benchmarks.data import minutes, month_ends, stocks, strongest
from tests.benchmarks.sweeping import daily_pairs, least
from tests.engine.builders import rules_of
from tests.naive.orders import all_said
from tests.naive.simulation import run as run_twin

Tell = Callable[[str], None]

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


def tell_beside_twin(figure: Tell, ours: Callable[[], object]) -> None:
    """Tell what a rotation takes beside the twin in plain Python, run once on the first year and a half."""
    panel = rotation()[0].slice(0, 378)
    bars = month_ends(panel)
    said = from_weights(strongest(panel, bars), bars, SizingConfig())
    begun = time.thread_time()
    run_twin(panel, all_said(said), COSTS, CAPITAL)
    plain = (time.thread_time() - begun) / panel.n_bars
    own = least(ours) / 2520
    figure(
        f"{own * 2520e3:.1f} ms of processor (goal 15), a bar takes plain Python "
        f"{plain * 1e6:.0f} us, the engine {own * 1e6:.1f} us, ratio {plain / own:.0f}"
    )


def fastest(benchmark: Any) -> float:
    """Return the least seconds, 0 where measuring is switched off."""
    return 0.0 if benchmark.stats is None else float(benchmark.stats.stats.min)


def test_rotation_of_500_stocks_over_ten_years_from_instructions(
    benchmark: Any, figure: Tell
) -> None:
    panel, bars, weights = rotation()
    instructions = from_weights(weights, bars, SizingConfig())

    run = benchmark.pedantic(to_the_end, (panel, instructions, COSTS), rounds=10, warmup_rounds=1)

    tell_beside_twin(figure, lambda: to_the_end(panel, instructions, COSTS))
    assert run.state["n_fills"][0] > 5000
    assert fastest(benchmark) < 0.1


def test_rotation_of_500_stocks_over_ten_years_from_weights(benchmark: Any, figure: Tell) -> None:
    panel, bars, weights = rotation()

    def simulate() -> Simulation:
        return to_the_end(panel, from_weights(weights, bars, SizingConfig()), COSTS)

    run = benchmark.pedantic(simulate, rounds=10, warmup_rounds=1)

    tell_beside_twin(figure, simulate)
    assert run.state["n_fills"][0] > 5000
    assert fastest(benchmark) < 0.1


def test_rotation_of_500_stocks_by_the_plain_python_twin(benchmark: Any) -> None:
    panel, bars, weights = rotation()
    instructions = from_weights(weights, bars, SizingConfig())
    rows = all_said(instructions)

    twin = benchmark.pedantic(lambda: run_twin(panel, rows, COSTS, CAPITAL), rounds=1)

    assert twin.equity == to_the_end(panel, instructions, COSTS).curve.equity.tolist()


@pytest.mark.parametrize("n_bars", [2520, 1_000_000])
def test_crosses_of_20_and_100_bars(benchmark: Any, figure: Tell, n_bars: int) -> None:
    panel = minutes(n_bars)
    said = from_signals(CROSS.signals(panel), BY_THE_HUNDRED, panel.close.shape, 0)
    rules = rules_of(commission_rate=0.001)

    run = benchmark.pedantic(to_the_end, (panel, said, rules), rounds=5, warmup_rounds=1)

    ours, plain = least(lambda: to_the_end(panel, said, rules)), plain_seconds(panel, 1)
    figure(
        f"the loop alone {n_bars / ours / 1e6:.0f} M bars/s of processor (goal 100 at a million), "
        f"plain compiled loop {n_bars / plain / 1e6:.0f}, ratio {ours / plain:.1f}"
    )
    assert run.is_done
    assert run.state["n_fills"][0] > n_bars // 500
    if n_bars == 1_000_000:
        assert ours < 10 * plain  # measured 2.2


def test_a_whole_run_on_a_million_bars_with_signals_trades_and_metrics(
    benchmark: Any, figure: Tell
) -> None:
    panel = minutes(1_000_000)

    result = benchmark.pedantic(whole_run, (panel,), rounds=5, warmup_rounds=1)

    ours, plain = least(lambda: whole_run(panel)), plain_seconds(panel, 3)
    hashed = least(lambda: hash_result(result.fills, result.time_ns, result.curve.equity))
    figure(
        f"{1 / ours:.0f} M bars/s of processor with all metrics (goal 40), plain compiled loops with four "
        f"{1 / plain:.0f}, ratio {ours / plain:.1f}; the hash apart {hashed * 1e3:.1f} ms"
    )
    assert result.status == "completed"
    assert ours < 15 * plain


def growing_bars() -> list[tuple[int, Callable[[], object]]]:
    sizes = (10_000, 100_000, 1_000_000)
    return [(n, partial(whole_run, minutes(n))) for n in sizes]


def growing_symbols() -> list[tuple[int, Callable[[], object]]]:
    def rotate(panel: Panel) -> Simulation:
        bars = month_ends(panel)
        said = from_weights(strongest(panel, bars), bars, SizingConfig())
        return to_the_end(panel, said, COSTS)

    return [(n, partial(rotate, stocks(n, 2520))) for n in (10, 100, 1000)]


def growing_combinations() -> list[tuple[int, Callable[[], object]]]:
    jobs = [(n, daily_pairs(n // 10, 10)) for n in (100, 1000)] + [(10_000, daily_pairs())]
    return [(n, sweeping(job)) for n, job in jobs]


def sweeping(job: Job) -> Callable[[], object]:
    worker, indices = plan_of(job)[1].worker(), np.arange(job.grid.size)
    return lambda: worker.run(indices, lambda: False)


@pytest.mark.parametrize("make", [growing_bars, growing_symbols, growing_combinations])
def test_time_grows_no_faster_than_the_work_over_two_decades(
    benchmark: Any, figure: Tell, make: Callable[[], list[tuple[int, Callable[[], object]]]]
) -> None:
    work = make()

    benchmark.pedantic(work[-1][1], rounds=1, warmup_rounds=1)

    found = [(size, least(run, 5)) for size, run in work]
    figure(plot(found))
    assert found[-1][1] / found[0][1] < 2 * found[-1][0] / found[0][0]


def plot(found: list[tuple[int, float]]) -> str:
    """Draw times on a logarithmic scale, twelve signs a decade; where they grow as the size, so do the bars."""
    lines = [
        f"{size:>10,} {seconds * 1e3:10.3f} ms {seconds / size * 1e9:12,.1f} ns each "
        + "#" * max(1, round(12 * (np.log10(seconds) + 5)))
        for size, seconds in found
    ]
    return "\n" + "\n".join(lines)


def whole_run(panel: Panel) -> BacktestResult:
    config = parse_config(
        {
            "strategy": {"name": "sma_cross", "params": {"fast": 20, "slow": 100}},
            "account": {"initial_capital": CAPITAL},
            "costs": {"slippage_bps": 0.0},
            "sizing": {"method": "fixed_quantity", "value": 100},
        }
    )
    strategy = get("sma_cross").make(config.strategy.params)
    return run_backtest(config, panel, strategy, clock=time.perf_counter)


def plain_seconds(panel: Panel, stages: int) -> float:
    """Return what plain compiled loops take: for the account alone (1), or with signals and four metrics (3)."""
    open_, close = panel.open.reshape(-1), panel.close.reshape(-1)
    wanted, curve = np.zeros(panel.n_bars, np.int8), np.empty((4, panel.n_bars))
    plain_signals_nb(close, 20, 100, wanted)

    def run() -> None:
        if stages > 1:
            plain_signals_nb(close, 20, 100, wanted)
        assert plain_account_nb(open_, close, wanted, CAPITAL, curve) > 0
        if stages > 1:
            plain_figures_nb(curve, CAPITAL)

    return least(run)


BY_THE_HUNDRED = SizingConfig(method="fixed_quantity", value=100)
CROSS = SmaCross.make({"fast": 20, "slow": 100})
