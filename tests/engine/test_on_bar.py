"""Strategies that decide bar by bar: compiled into the loop, and the same in plain Python; nothing later in sight."""

import time
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from engine.checkpoint import CheckpointError, restore, save
from engine.config import BacktestConfig
from engine.driver import Simulation, new_simulation
from engine.errors import BacktestValidationError
from engine.on_bar import decider_of
from engine.simulate import run_backtest
from engine.strategies.atr_pyramid import AtrPyramid
from engine.strategies.protocol import OnBarStrategy
from engine.types import INSTRUCTION, ORDER, FillAt, Intrabar, OrderStatus, SizeKind
from tests.engine.both import assert_equal, fills_of, orders_of, rows_of
from tests.engine.builders import NAN, panel_of, rules_of
from tests.engine.on_bar_strategies import Everything, Peeping, Twice, Unknown, Wrong
from tests.engine.test_checkpoint import IDENTITY
from tests.naive.on_bar import Asking
from tests.naive.simulation import run

SIZE = (SizeKind.PERCENT, 25.0)
RULES: list[dict[str, Any]] = [
    {},
    {"commission_rate": 0.001, "slippage_rate": 0.0005, "fill_at": FillAt.NEXT_CLOSE},
    {"spread": 0.02, "lot": 0.0, "intrabar": Intrabar.PATH},
    {"volume_limit": 0.004, "impact": 0.1, "slippage_rate": 0.0005},
    {"fill_at": FillAt.SAME_CLOSE, "tick": 0.05, "initial_margin": 0.5, "maintenance_margin": 0.25},
]


def walk(seed: int, n_bars: int = 120, n_symbols: int = 3):
    """Bars that wander, with holes."""
    rng = np.random.default_rng(seed)
    closes = 50 * np.exp(np.cumsum(rng.normal(0, 0.03, (n_bars, n_symbols)), axis=0))
    closes = np.where(rng.random(closes.shape) < 0.05, NAN, closes.round(2))
    opens = (closes * (1 + rng.normal(0, 0.01, closes.shape))).round(2)
    by_name = {"ABC"[s]: closes[:, s].tolist() for s in range(n_symbols)}
    panel = panel_of(by_name, {"ABC"[s]: opens[:, s].tolist() for s in range(n_symbols)})
    panel.high.flags.writeable = panel.low.flags.writeable = True
    panel.high[:] *= 1.01
    panel.low[:] *= 0.99
    volume = rng.choice([0.0, 250.0, 1000.0, 1000.0, NAN], closes.shape)  # a limit of 0, 1, 4, none
    return replace(panel, volume=np.where(np.isnan(closes), NAN, volume))


def ready(strategy: OnBarStrategy, panel: Any, rules: Any, capital: float = 10_000.0) -> Simulation:
    return new_simulation(
        panel, np.empty(0, INSTRUCTION), rules, capital, decider=decider_of(strategy, panel, SIZE)
    )


def simulated(strategy: OnBarStrategy, panel: Any, rules: Any, cuts: Any = ()) -> Simulation:
    simulation = ready(strategy, panel, rules)
    for stop in (*cuts, panel.n_bars):
        simulation.advance(stop)
    simulation.expire_waiting()
    return simulation


def said_by(simulation: Simulation) -> Any:
    """Return the orders of the strategy's own, without the exits of brackets."""
    orders = orders_of(simulation)
    return orders[orders["parent"] < 0]


@pytest.mark.parametrize("given", RULES)
@pytest.mark.parametrize("seed", range(6))
def test_whatever_is_said_means_the_same_in_plain_python(seed: int, given: dict[str, Any]) -> None:
    panel, rules, strategy = walk(seed), rules_of(**given), Everything.make({})

    twin = run(panel, [], rules, 10_000.0, ask=Asking(strategy, panel, SIZE))

    simulation = simulated(strategy, panel, rules)
    assert len(twin.orders) > 100
    assert len({order.kind for order in twin.orders}) == 7
    assert_equal(simulation, twin)


@pytest.mark.parametrize("seed", range(4))
def test_the_pyramid_is_what_it_says_in_plain_python(seed: int) -> None:
    panel, rules = walk(seed, 400), rules_of(commission_rate=0.001)
    strategy = AtrPyramid.make({"entry_bars": 5, "atr_bars": 5, "max_units": 3})

    twin = run(panel, [], rules, 10_000.0, ask=Asking(strategy, panel, SIZE))

    simulation = simulated(strategy, panel, rules)
    labels = {int(order.label) for order in twin.orders if order.status is OrderStatus.FILLED}
    assert labels == {5, 6, 7}  # breakout, add, fall back
    assert_equal(simulation, twin)


def test_the_pyramid_adds_at_each_step_and_leaves_all_at_once() -> None:
    closes = [100.0] * 6 + [101, 103, 105, 107, 109, 111, 113, 100, 100, 100]
    panel = panel_of({"A": closes})
    given = {"entry_bars": 3, "atr_bars": 2, "trail_atr": 2, "max_units": 3, "unit_pct": 30}

    result = run_backtest(
        BacktestConfig.model_validate({"strategy": {"name": "atr_pyramid", "params": given}}),
        panel,
        AtrPyramid.make(given),
        clock=time.monotonic,
    )

    bars, sides = result.fills["bar"].tolist(), result.fills["side"].tolist()
    assert list(zip(bars, sides, strict=True)) == [(7, 1), (8, 1), (9, 1), (15, -1)]
    assert result.fills["quantity"][3] == result.fills["quantity"][:3].sum()
    assert [result.labels[i] for i in result.trades["entry_label"]] == ["breakout", "add", "add"]


@pytest.mark.parametrize("cuts", [(1,), (3, 4, 50), tuple(range(1, 120))])
def test_where_it_is_cut_makes_no_difference(cuts: tuple[int, ...]) -> None:
    panel, rules = walk(7), rules_of(commission_rate=0.001)
    whole = simulated(Everything.make({}), panel, rules)

    parts = simulated(Everything.make({}), panel, rules, cuts)

    assert fills_of(parts).tobytes() == fills_of(whole).tobytes()
    names = ORDER.names or ()
    assert rows_of(orders_of(parts), names) == rows_of(orders_of(whole), names)
    assert parts.curve.equity.tobytes() == whole.curve.equity.tobytes()
    assert parts.decider.own.memory.tobytes() == whole.decider.own.memory.tobytes()


@pytest.mark.parametrize("bar", [0, 1, 37, 119, 120])
def test_taken_up_from_a_checkpoint_it_ends_in_the_same_bits(bar: int) -> None:
    panel, rules = walk(7), rules_of(commission_rate=0.001)
    whole = simulated(Everything.make({}), panel, rules)
    begun, resumed = (ready(Everything.make({}), panel, rules) for _ in range(2))
    begun.advance(bar)

    restore(resumed, save(begun, IDENTITY), IDENTITY)
    resumed.advance(panel.n_bars)
    resumed.expire_waiting()

    assert fills_of(resumed).tobytes() == fills_of(whole).tobytes()
    assert resumed.curve.equity.tobytes() == whole.curve.equity.tobytes()
    assert resumed.decider.own.memory.tobytes() == whole.decider.own.memory.tobytes()


def test_what_another_strategy_remembers_is_refused() -> None:
    panel, rules = walk(7), rules_of()
    begun = ready(Everything.make({}), panel, rules)
    nothing = new_simulation(panel, np.empty(0, INSTRUCTION), rules, 10_000.0)
    saved = save(begun, IDENTITY)

    with pytest.raises(CheckpointError, match="remembers"):
        restore(nothing, saved, IDENTITY)
    with pytest.raises(CheckpointError, match="memory"):
        restore(ready(AtrPyramid.make({}), panel, rules), saved, IDENTITY)


def test_no_order_changes_when_later_bars_are_cut_off() -> None:
    panel, rules = walk(3), rules_of(commission_rate=0.001)
    whole = said_by(simulated(Everything.make({}), panel, rules))

    for cut in range(5, panel.n_bars, 5):
        part = said_by(simulated(Everything.make({}), panel.slice(0, cut), rules))
        early = whole[whole["decided"] < cut]
        for name in ("decided", "symbol", "action", "kind", "label"):
            np.testing.assert_array_equal(part[name], early[name])


def test_nothing_of_later_bars_can_be_found() -> None:
    panel = walk(1, 60, 1)

    simulation = simulated(Peeping.make({}), panel, rules_of())

    memory = simulation.decider.own.memory
    known = ~np.isnan(panel.close[:, 0])
    assert memory["found"][0] == 0
    assert memory["past"][0] == np.cumsum(known).sum()


def test_what_it_does_to_its_view_of_the_past_changes_no_price() -> None:
    panel = walk(1, 60, 1)
    simulation = simulated(Peeping.make({}), panel, rules_of())

    seen = simulation.decider.own.seen

    for mine, theirs in ((seen.close, panel.close), (seen.inputs, panel.close)):
        assert not np.shares_memory(mine, theirs)
    np.testing.assert_array_equal(seen.close, panel.close)


@pytest.mark.parametrize(
    ("what", "words"),
    [
        (0, "ctx.buy of B at the close of 2024-01-04 has a size or a price that is no positive"),
        (1, "ctx.sell of A at the close of 2024-01-04 has a size or a price that is no positive"),
        (2, "ctx.buy of number 9 at the close of 2024-01-04 names a symbol that there is not"),
        (3, "ctx.buy of A at the close of 2024-01-04 has a negative size"),
        (4, "ctx.buy of A at the close of 2024-01-04 gave more orders than one bar may have"),
        (5, "IndexError: no such symbol.* at the close of 2024-01-04"),
        (6, r"line \d+: ValueError: the moon is full in `raise ValueError.* of 2024-01-04"),
        (7, r"IndexError.* at the close of 2024-01-04"),  # and no other memory
    ],
)
def test_what_is_no_order_fails_the_run_and_names_symbol_and_date(what: int, words: str) -> None:
    panel = panel_of({"A": [10] * 5, "B": [10] * 5})

    with pytest.raises(BacktestValidationError, match=words):
        simulated(Wrong.make({"what": what}), panel, rules_of())


def test_what_cannot_be_compiled_is_told_with_its_line() -> None:
    panel = panel_of({"A": [10] * 5})

    with pytest.raises(
        BacktestValidationError,
        match=r"on_bar_strategies.py, line \d+: Unknown attribute 'borrow' of ctx in `ctx.borrow",
    ):
        simulated(Unknown.make({}), panel, rules_of())
    with pytest.raises(
        BacktestValidationError, match=r"line \d+: ctx.buy: give one of shares, cash"
    ):
        simulated(Twice.make({}), panel, rules_of())


def test_inputs_of_another_shape_are_refused_by_name() -> None:
    class Odd(Peeping):
        def inputs(self, panel: Any) -> Any:
            return {"close": panel.close[1:]}

    with pytest.raises(BacktestValidationError, match=r"inputs: close has shape \(4, 1\)"):
        decider_of(Odd.make({}), panel_of({"A": [10] * 5}), SIZE)
