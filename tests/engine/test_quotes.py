"""Rows of which bid and ask are known: a buy meets the ask, a sell the bid, wherever a price meets an order."""

from typing import Any

import numpy as np
import pytest

from engine.config import parse_config
from engine.market import Panel
from engine.sweeps.lean import why_not
from engine.types import Action, Intrabar, LevelKind, OrderKind, SizeKind
from tests.engine.both import assert_equal, kernel_of, twin_of
from tests.engine.builders import NAN, instructions_of, panel_of, rules_of, said
from tests.engine.worlds import World, seeded_world

CAPITAL = 10_000.0
RATE, PRICE = int(LevelKind.RATE), int(LevelKind.PRICE)
LIMIT, STOP = int(OrderKind.LIMIT), int(OrderKind.STOP)


def quoted(closes: list[float], halves: list[float], opens: list[float] | None = None) -> Panel:
    """Build bars of one symbol whose bid and ask are so far from the middle."""
    half = np.array(halves, np.float64).reshape(-1, 1)
    return panel_of({"A": closes}, None if opens is None else {"A": opens}, half_spread=half)


def fills_of(panel: Panel, *rows: tuple[Any, ...], **rules: Any) -> list[tuple[int, int, float]]:
    """Run both simulations and return (bar, side, price) of the fills on which they agree."""
    world = World(panel, instructions_of(*rows), rules_of(**rules), CAPITAL, ())
    simulation = kernel_of(world)
    assert_equal(simulation, twin_of(world))
    fills = simulation.fills[: simulation.state["n_fills"][0]]
    return [(int(f["bar"]), int(f["side"]), float(f["price"])) for f in fills]


def test_a_buy_at_the_market_pays_the_ask_and_a_sell_gets_the_bid() -> None:
    panel = quoted([100.0, 100.0, 102.0, 102.0], [0.5, 0.25, 0.5, 1.0])

    fills = fills_of(panel, said(0, Action.BUY, 10.0), said(2, Action.SELL, 10.0))

    assert fills == [(1, 1, 100.25), (3, -1, 101.0)]


def test_slippage_comes_on_top_of_the_spread() -> None:
    panel = quoted([100.0, 100.0], [NAN, 0.5])

    fills = fills_of(panel, said(0, Action.BUY, 10.0), slippage_rate=0.01)

    assert fills == [(1, 1, pytest.approx(100.5 * 1.01, rel=1e-15))]


def test_a_limit_buys_once_the_ask_has_come_down_to_it() -> None:
    panel = quoted([100.0, 99.2, 98.75, 98.0], [0.5, 0.5, 0.5, 0.5])
    order = said(0, Action.BUY, 10.0, kind=LIMIT, limit=99.25)

    assert fills_of(panel, order) == [(2, 1, 99.25)]


def test_a_limit_takes_an_ask_that_opens_below_it() -> None:
    panel = quoted([100.0, 98.0], [0.5, 0.25])
    order = said(0, Action.BUY, 10.0, kind=LIMIT, limit=99.0)

    assert fills_of(panel, order) == [(1, 1, 98.25)]


def test_a_stop_sells_once_the_bid_has_come_down_to_it_although_no_middle_has() -> None:
    panel = quoted([100.0, 100.0, 99.5, 99.4], [0.0, 0.0, 0.5, 0.5])
    entry = said(0, Action.BUY, 10.0, stop_kind=PRICE, stop_value=99.0)

    assert fills_of(panel, entry) == [(1, 1, 100.0), (2, -1, 99.0)]


def test_a_stop_within_the_spread_ends_the_position_at_once_on_the_other_side() -> None:
    panel = quoted([100.0, 100.0], [0.5, 0.5])
    entry = said(0, Action.BUY, 10.0, stop_kind=RATE, stop_value=0.005)

    # bought at 100.5, the stop is at 99.9975, the bid at 99.5
    assert fills_of(panel, entry) == [(1, 1, 100.5), (1, -1, 99.5)]


def test_on_the_way_through_a_bar_the_spread_decides_which_level_is_met() -> None:
    panel = quoted([100.0, 98.2], [0.5, 0.5], [100.0, 100.0])
    wide = said(0, Action.BUY, 10.0, kind=LIMIT, limit=98.5)  # the ask at the low is 98.7
    near = said(0, Action.BUY, 10.0, kind=LIMIT, limit=98.75)
    path = int(Intrabar.PATH)

    assert fills_of(panel, wide, intrabar=path) == []
    assert fills_of(panel, near, intrabar=path) == [(1, 1, 98.75)]


def test_a_target_weight_is_valued_at_the_middle_and_traded_at_its_side() -> None:
    panel = quoted([100.0, 100.0, 100.0, 100.0], [0.0, 1.0, 1.0, 1.0])
    half, none = (
        said(bar, Action.TARGET, size, SizeKind.WEIGHT) for bar, size in ((0, 0.5), (2, 0.0))
    )

    fills = fills_of(panel, half, none)

    assert fills == [(1, 1, 101.0), (3, -1, 99.0)]  # 5000 buys 49 at 101


def test_equity_is_of_the_middle() -> None:
    panel = quoted([100.0, 100.0], [0.0, 1.0])
    world = World(panel, instructions_of(said(0, Action.BUY, 10.0)), rules_of(), CAPITAL, ())

    assert kernel_of(world).curve.equity.tolist() == [CAPITAL, CAPITAL - 10.0]


def test_no_quote_and_a_quote_without_width_are_the_same() -> None:
    closes, rows = [100.0, 101.0, 99.0, 98.0], (said(0, Action.BUY, 5.0), said(2, Action.SELL, 5.0))

    assert fills_of(quoted(closes, [NAN] * 4), *rows) == fills_of(panel_of({"A": closes}), *rows)
    assert fills_of(quoted(closes, [0.0] * 4), *rows) == fills_of(panel_of({"A": closes}), *rows)


@pytest.mark.parametrize("half", [np.full((2, 2), 0.1), np.full((2, 1), -0.1)])
def test_a_spread_of_another_shape_or_below_nothing_is_no_spread(half: Any) -> None:
    with pytest.raises(ValueError, match="half_spread"):
        panel_of({"A": [1.0, 2.0]}, half_spread=half)


def test_sweeps_of_quotes_go_through_the_loop_that_knows_them() -> None:
    config = parse_config({"strategy": {"name": "sma_cross"}})

    assert why_not(config, panel_of({"A": [1.0, 2.0]})) == ""
    assert why_not(config, quoted([1.0, 2.0], [0.1, 0.1])) == "the data have half_spread"


def test_hundreds_of_worlds_with_quotes_or_drift_agree_to_the_last_bit() -> None:
    seeds = [seeded_world(seed) for seed in range(300)]
    chosen = [w for w in seeds if w.panel.half_spread is not None or w.weights is not None]

    assert len(chosen) > 200
    for world in chosen:
        assert_equal(kernel_of(world, world.cuts), twin_of(world))
