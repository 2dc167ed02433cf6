"""Runs on ticks: strategies that see ticks or bars built of them, and orders that fill on ticks."""

import random
from dataclasses import replace
from typing import Any, ClassVar

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.config import BacktestConfig, parse_config
from engine.errors import BacktestValidationError
from engine.market import Benchmark, Panel
from engine.result import BacktestResult
from engine.simulate import run_backtest
from engine.strategies.atr_pyramid import AtrPyramid
from engine.strategies.protocol import Signals, SignalStrategy, Strategy
from engine.strategies.registry import get
from engine.sweeps.general import GeneralWorker
from engine.sweeps.job import new_job
from engine.sweeps.lean import why_not
from engine.sweeps.run import plan_of
from engine.sweeps.spec import grid_of, parse_sweep
from engine.tick_series import merge, panel_of
from engine.ticks import bars_of, bars_within
from engine.types import NS_PER_SECOND, TIMEFRAME_NS
from tests.engine.sweep_worlds import Said
from tests.engine.test_ticks import quote, random_series, series_of, trade

MINUTE = TIMEFRAME_NS["1m"]
FREE = {"commission_pct": 0.0, "slippage_bps": 0.0}
MONEY = ("side", "quantity", "entry_price", "exit_price", "commission", "pnl")


class RisesThenFalls(SignalStrategy):
    """Buys when a row closes above the one before, leaves when one closes below."""

    name: ClassVar[str] = "rises"
    title: ClassVar[str] = "Rises"
    summary: ClassVar[str] = "By the last two rows."

    def signals(self, panel: Panel) -> Signals:
        change = np.diff(panel.close, axis=0, prepend=np.nan)
        return Signals(enter_long=change > 0, exit_long=change < 0)


def config_of(**sections: dict[str, Any]) -> BacktestConfig:
    given = {"strategy": {"name": "sma_cross"}, "costs": FREE, **sections}
    return parse_config({**given, "data": {"timeframe": "tick", **given.get("data", {})}})


def ran(config: BacktestConfig, panel: Panel, strategy: Strategy) -> BacktestResult:
    return run_backtest(config, panel, strategy, clock=lambda: 0.0)


def money_of(result: BacktestResult) -> list[tuple[Any, ...]]:
    return [tuple(row[name] for name in MONEY) for row in result.trades]


def fills_of(result: BacktestResult) -> list[tuple[int, int, float, float]]:
    return [
        (int(f["time_ns"]), int(f["side"]), float(f["quantity"]), float(f["price"]))
        for f in result.fills
    ]


@given(
    st.integers(0, 2**32),
    st.integers(2, 120),
    st.sampled_from(["same_close", "next_open"]),
    st.booleans(),
)
@settings(max_examples=60, deadline=None)
def test_ticks_and_bars_built_of_them_give_the_same_trades_when_orders_are_close_only(
    seed: int, n: int, fill_at: str, shorts: bool
) -> None:
    panel = panel_of(merge({"A": random_series(seed, n, 0.0)}))
    bars = bars_within(panel, "1m").bars
    strategy = Said.make({"seed": seed % 1_000_000, "density": 0.3, "shorts": shorts})
    costs = {"commission_pct": 0.1, "slippage_bps": 5.0}

    on_ticks = ran(
        config_of(data={"decide_on": "1m"}, costs=costs, execution={"fill_at": fill_at}),
        panel,
        strategy,
    )
    on_bars = ran(
        config_of(data={"timeframe": "1m"}, costs=costs, execution={"fill_at": fill_at}),
        bars,
        strategy,
    )

    assert money_of(on_ticks) == money_of(on_bars)
    assert on_ticks.curve.equity[-1] == on_bars.curve.equity[-1]


def test_with_several_symbols_each_fills_at_its_first_tick_after_the_bar() -> None:
    rng = random.Random(5)
    parts = {name: random_series(rng.randrange(2**32), 1000, 0.0) for name in "AB"}
    panel = panel_of(merge(parts))
    sizing = {"sizing": {"method": "fixed_quantity", "value": 1}}
    strategy = Said.make({"seed": 11, "density": 0.3})

    on_ticks = ran(config_of(data={"decide_on": "1m"}, **sizing), panel, strategy)
    on_bars = ran(
        config_of(data={"timeframe": "1m"}, **sizing), bars_within(panel, "1m").bars, strategy
    )

    assert len(on_ticks.trades) > 10
    assert sorted(money_of(on_ticks)) == sorted(money_of(on_bars))


def test_a_strategy_of_ticks_sees_every_tick_and_fills_at_the_next_quote() -> None:
    ticks = series_of(
        trade(1, 10.0), trade(2, 11.0), quote(3, 10.5, 11.5), trade(4, 10.0), quote(5, 9.0, 10.0)
    )
    sizing = {"method": "fixed_quantity", "value": 10}

    result = ran(config_of(sizing=sizing), panel_of(merge({"A": ticks})), RisesThenFalls.make({}))

    # it rose at 2: bought at the ask of 3; it fell at 4: sold at the bid of 5
    assert fills_of(result) == [(3, 1, 10.0, 11.5), (5, -1, 10.0, 9.0)]
    assert result.trades["pnl"].tolist() == [-25.0]
    assert result.timeframe == "tick"


def test_a_strategy_of_bars_decides_at_their_close_and_fills_at_the_next_tick() -> None:
    second = NS_PER_SECOND
    ticks = series_of(
        trade(0, 10.0),
        trade(MINUTE, 10.5),
        quote(MINUTE + second, 10.9, 11.1),
        trade(MINUTE + 2 * second, 11.0),  # the second minute closes above the first
        quote(2 * MINUTE + 5 * second, 11.0, 11.2),  # the first tick after it is known
        trade(2 * MINUTE + 6 * second, 10.0),  # the third closes below
        quote(4 * MINUTE, 9.5, 9.9),
    )
    config = config_of(data={"decide_on": "1m"}, sizing={"method": "fixed_quantity", "value": 10})

    result = ran(config, panel_of(merge({"A": ticks})), RisesThenFalls.make({}))

    assert fills_of(result) == [
        (2 * MINUTE + 5 * second, 1, 10.0, 11.2),
        (4 * MINUTE, -1, 10.0, 9.5),
    ]


def test_weights_are_rebalanced_at_the_closes_of_bars() -> None:
    parts = {name: random_series(seed, 3000, 0.5) for name, seed in (("A", 1), ("B", 2))}
    panel = panel_of(merge(parts))
    account = {"initial_capital": 1e6}
    every = config_of(
        data={"decide_on": "15m"}, rebalance={"period": "bars", "bars": 4}, account=account
    )
    drift = config_of(
        data={"decide_on": "15m"},
        rebalance={"period": "drift", "drift_pct": 0.05},
        account=account,
    )
    closes = bars_within(panel, "15m").rows.tolist()

    for config in (every, drift):
        result = ran(config, panel, get("equal_weight").make({}))

        decided = sorted(set(result.orders["decided"].tolist()))
        assert len(decided) > 2
        assert set(decided) <= set(closes)
    assert decided[0] == closes[0]


def test_bars_within_ticks_are_those_built_of_them_and_know_what_belongs_to_them() -> None:
    ticks = merge({name: random_series(seed, 400, 0.5) for name, seed in (("A", 3), ("B", 4))})
    panel = panel_of(ticks)
    n = panel.n_bars
    members = np.arange(2 * n).reshape(n, 2) % 3 > 0
    known = np.arange(n, dtype=np.float64)
    whole = replace(
        panel,
        members=members,
        first_counted=n // 2,
        benchmark=Benchmark("X", known),
        fields={"f": np.column_stack([known, known])},
    )

    within = bars_within(whole, "1m")

    plain = bars_of(ticks, "1m")
    bars, rows = within.bars, within.rows
    assert bars_within(whole, "1m") is within
    for name in ("time_ns", "open", "high", "low", "close", "volume"):
        np.testing.assert_array_equal(getattr(bars, name), getattr(plain, name))
    assert bars.members is not None
    assert bars.benchmark is not None
    np.testing.assert_array_equal(bars.members, members[rows])
    np.testing.assert_array_equal(bars.benchmark.values, rows)
    np.testing.assert_array_equal(bars.fields["f"][:, 0], rows)
    assert rows[bars.first_counted - 1] < n // 2 <= rows[bars.first_counted]


def test_what_is_said_at_a_bar_stands_after_all_its_ticks_and_before_the_next() -> None:
    panel = panel_of(merge({"A": random_series(9, 500, 0.3)}))

    within = bars_within(panel, "1m")

    closes = within.bars.time_ns + MINUTE
    assert np.all(panel.time_ns[within.rows] < closes)
    after = within.rows[:-1] + 1
    assert np.all(panel.time_ns[after] >= closes[:-1])


def test_a_strategy_that_decides_as_it_goes_is_asked_at_ticks_alone() -> None:
    panel = panel_of(merge({"A": random_series(1, 50, 0.0)}))
    config = config_of(strategy={"name": "atr_pyramid"}, data={"decide_on": "1m"})

    with pytest.raises(BacktestValidationError, match="atr_pyramid decides bar by bar"):
        ran(config, panel, AtrPyramid.make({}))


def test_bars_to_decide_on_go_with_ticks_alone() -> None:
    with pytest.raises(BacktestValidationError, match='decide_on goes with timeframe "tick"'):
        parse_config({"strategy": {"name": "sma_cross"}, "data": {"decide_on": "1m"}})


def test_a_sweep_on_ticks_comes_to_what_each_combination_comes_to_by_itself() -> None:
    ticks = merge({"A": random_series(7, 1500, 0.0)})
    panel = replace(panel_of(ticks), first_counted=400)
    config, strategy = config_of(data={"decide_on": "1m"}), get("sma_cross")
    grid = grid_of(parse_sweep({"params": {"fast": [2, 3], "slow": [4, 9]}}), strategy)
    job = new_job(config, panel, strategy, grid, 9)

    way, plan = plan_of(job)
    rows = plan.worker().run(np.arange(4), lambda: False)

    assert (way, why_not(config, panel)) == ("general", "data.decide_on is set")
    assert isinstance(plan.worker(), GeneralWorker)
    for index, row in enumerate(rows):
        made = strategy.make(job.params(index))
        within = bars_within(panel, "1m")
        begin = within.first_event(within.bars.first_counted - made.warmup_bars())
        alone = ran(job.config_of(index), panel.slice(begin, panel.n_bars), made)
        assert row["total_trades"] == alone.metrics["total_trades"] > 0
        assert row["final_balance"] == alone.metrics["final_balance"]
