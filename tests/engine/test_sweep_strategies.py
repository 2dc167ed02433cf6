"""Every combination of every built-in strategy comes to what a run of it by itself comes to."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from engine.config import BacktestConfig, parse_config
from engine.market import Panel
from engine.simulate import run_backtest
from engine.strategies import registry
from engine.strategies.protocol import Strategy
from engine.sweeps.grid import Grid
from engine.sweeps.job import Job, longest_warmup, new_job
from engine.sweeps.run import plan_of, run_sweep
from engine.sweeps.spec import grid_of, parse_sweep
from engine.types import ACTION_EVENT, EventKind
from tests.benchmarks.data import walk
from tests.engine.builders import panel_of
from tests.engine.test_sweep_lean import EXACT, RATIOS

GRIDS: dict[str, dict[str, Any]] = {
    "buy_and_hold": {},
    "sma_cross": {
        "params": {
            "fast": {"from": 1, "to": 21, "step": 4},
            "slow": [5, 13, 30],
            "direction": ["long_only", "long_short"],
            "enter_on": ["state", "cross"],
        }
    },
    "rsi_reversion": {
        "params": {"period": [3, 14], "enter_below": [20, 35.5], "direction": ["long_short"]}
    },
    "donchian_breakout": {
        "params": {
            "entry_bars": [10, 20],
            "exit_bars": [5, 20],
            "direction": ["long_only", "long_short"],
        }
    },
    "momentum_volume": {
        "params": {"volume_bars": [5, 20], "volume_ratio": [0.9, 1.1], "stop_pct": [0, 2.5]}
    },
    "momentum_rotation": {"params": {"lookback": [20, 60], "top_n": [1, 2]}},
    "equal_weight": {},
    "atr_pyramid": {"params": {"entry_bars": [5, 20], "atr_bars": [5], "trail_atr": [1.5, 3.0]}},
}
FIRST = 70


def market(n_symbols: int = 1) -> Panel:
    """Four hundred days of so many symbols, the first of which are warm-up."""
    columns: dict[str, list[NDArray[np.float64]]] = {"open": [], "high": [], "low": [], "close": []}
    rng = np.random.default_rng(11)
    for s in range(n_symbols):
        bars = walk(400, seed=40 + s, sigma=0.02, start=50.0, drift=0.0, steps=4)
        for name, series in columns.items():
            series.append(bars[name])
    made = {name: np.column_stack(series) for name, series in columns.items()}
    names = "ABC"[:n_symbols]
    panel = panel_of({name: [1.0] * 400 for name in names})
    volume = np.round(rng.lognormal(10, 0.5, (400, n_symbols)))
    return replace(panel, **made, volume=volume, first_counted=FIRST)


def job_of(name: str, panel: Panel, **sections: Any) -> Job:
    config = parse_config({"strategy": {"name": name}, **sections})
    strategy = registry.get(name)
    grid = grid_of(parse_sweep(GRIDS[name]), strategy) if GRIDS[name] else Grid(())
    warmup = longest_warmup(config, strategy, grid)
    assert warmup <= FIRST or name == "rsi_reversion"
    return new_job(config, panel, strategy, grid, warmup)


def rows_of(job: Job) -> NDArray[np.void]:
    parts: list[NDArray[np.void]] = []
    run_sweep(
        job,
        plan_of(job)[1],
        lambda _span, rows: parts.append(rows),
        objective="sharpe_ratio",
        better=1,
        threads=2,
        chunk=3,
        clock=lambda: 0.0,
    )
    return np.sort(np.concatenate(parts), order="index")


def by_itself(config: BacktestConfig, panel: Panel) -> dict[str, Any]:
    """Run one combination with the bars that it would be given."""
    strategy: Strategy = registry.get(config.strategy.name).make(config.strategy.params)
    since = panel.first_counted - min(strategy.warmup_bars(), panel.first_counted)
    bars = panel.slice(since, panel.n_bars)
    return run_backtest(config, bars, strategy, clock=lambda: 0.0).metrics


def assert_each_is_itself(job: Job) -> None:
    rows = rows_of(job)
    assert len(rows) == job.grid.count()
    for row in rows[rows["refused"] == 0]:
        alone = by_itself(job.config_of(int(row["index"])), job.panel)
        for name in EXACT:
            assert figure(row[name]) == alone[name], name
        for name in RATIOS:
            wanted = np.nan if alone[name] is None else alone[name]
            np.testing.assert_allclose(row[name], wanted, 1e-12, 1e-12, err_msg=name)


def figure(value: float) -> float | None:
    return None if np.isnan(value) else float(value)


@pytest.mark.parametrize("name", registry.BUILT_IN)
@pytest.mark.parametrize("n_symbols", [1, 3])
def test_each_combination_is_the_run_of_it_by_itself(name: str, n_symbols: int) -> None:
    assert_each_is_itself(job_of(name, market(n_symbols)))


@pytest.mark.parametrize("name", ["sma_cross", "donchian_breakout", "momentum_volume"])
@pytest.mark.parametrize("fill_at", ["next_close", "same_close"])
def test_each_combination_is_itself_under_other_rules(name: str, fill_at: str) -> None:
    job = job_of(
        name,
        market(),
        execution={"fill_at": fill_at, "fractional": True},
        costs={"commission_pct": 0.0, "commission_per_share": 0.01, "commission_min": 1.0},
        sizing={"method": "fixed_cash", "value": 20_000},
        account={"risk_free_rate": 0.02},
    )

    assert_each_is_itself(job)


def test_each_combination_is_itself_with_dividends_and_a_split() -> None:
    panel = market()
    events = np.array(
        [(150, 0, EventKind.DIVIDEND, 0.5), (200, 0, EventKind.SPLIT, 2.0)], ACTION_EVENT
    )
    job = job_of("sma_cross", replace(panel, events=events))

    assert plan_of(job)[0] == "general"
    assert_each_is_itself(job)


def test_prices_that_lie_on_no_grid_are_averaged_like_in_a_run() -> None:
    panel = market()
    job = job_of("sma_cross", replace(panel, close=panel.close * (1 + 1e-13)))

    assert plan_of(job)[0] == "signals"
    assert_each_is_itself(job)


def test_averages_that_are_equal_do_not_cross() -> None:
    steps = np.random.default_rng(2).integers(-1, 2, (400, 1))
    close = 100.0 + 0.25 * np.cumsum(steps, axis=0)
    job = job_of(
        "sma_cross",
        replace(market(), open=close.copy(), high=close.copy(), low=close.copy(), close=close),
    )

    assert plan_of(job)[0] == "crosses"
    assert_each_is_itself(job)


def test_combinations_that_the_strategy_does_not_take_are_counted_and_left_empty() -> None:
    job = job_of("sma_cross", market())

    rows = rows_of(job)

    fast, slow = job.grid.columns(rows["index"])["fast"], job.grid.columns(rows["index"])["slow"]
    assert rows["refused"].tolist() == (fast >= slow).astype(int).tolist()
    assert np.isnan(rows["total_return"][rows["refused"] == 1]).all()
