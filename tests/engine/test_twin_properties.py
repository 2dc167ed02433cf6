"""What holds in every run, whatever is decided in it: money is conserved, nothing looks ahead, units do not matter."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from numpy.typing import NDArray

from engine.driver import Simulation
from engine.trades import match_trades
from engine.types import FILL, OrderStatus
from engine.validate import build_panel
from tests.engine.both import ORDER_FIELDS, fills_of, kernel_of, orders_of, rows_of
from tests.engine.test_twin import EXAMPLES, QUIET
from tests.engine.worlds import World, worlds
from tests.engine.worlds_changed import (
    bars_of,
    in_half_units_of_money,
    weeks_later,
    with_another_future,
    with_idle_symbol_in_front,
    without_symbol,
)

FEW = settings(max_examples=max(EXAMPLES // 5, 20), deadline=None, suppress_health_check=QUIET)
NO_ACTIONS = ("actions",)


@FEW
@given(worlds(without=NO_ACTIONS))
def test_cash_is_capital_less_what_was_paid_and_what_it_cost(world: World) -> None:
    fills = fills_of(run := kernel_of(world))

    paid = fills["side"] * values_of(world, fills) + fills["commission"] + fills["tax"]

    moved = world.capital + np.abs(paid).sum()
    cash = world.capital - paid.sum() - interest_of(run)
    assert run.state["cash"][0] == pytest.approx(cash, abs=1e-9 * moved)


@FEW
@given(worlds(without=NO_ACTIONS))
def test_equity_is_cash_and_positions_at_last_known_closes(world: World) -> None:
    run = kernel_of(world)

    held = run.book.positions["quantity"]
    value = held * last_known(world.panel.close) * multipliers(world)

    moved = 1e-12 * np.nansum(np.abs(value))
    assert run.curve.equity[-1] - run.curve.cash[-1] == pytest.approx(
        np.nansum(value), rel=1e-9, abs=moved + 1e-9
    )
    assert run.curve.gross[-1] == pytest.approx(np.nansum(np.abs(value)), rel=1e-12)


@FEW
@given(worlds())
def test_trades_open_positions_and_interest_explain_every_cent(world: World) -> None:
    run = kernel_of(world)

    fills, orders = fills_of(run), orders_of(run)
    last, multiplier = run.panel.n_bars - 1, world.rules.multiplier
    trades, still_open = match_trades(fills, orders, run.panel, last, multiplier)

    moved = world.capital + values_of(world, fills).sum()
    explained = trades["pnl"].sum() + sum(position.pnl for position in still_open)
    gained = run.curve.equity[-1] - world.capital + interest_of(run)
    assert explained == pytest.approx(gained, abs=1e-9 * moved)


@FEW
@given(worlds(shorts=False, margin=False))
def test_without_shorts_and_margin_cash_never_goes_below_zero(world: World) -> None:
    no_fixed_costs = world.rules._replace(commission_per_order=0.0, commission_min=0.0)

    run = kernel_of(replace(world, rules=no_fixed_costs))

    assert np.all(run.curve.cash[world.panel.first_counted :] >= -1e-6)


@FEW
@given(worlds())
def test_an_order_fills_no_more_than_its_bar_allows(world: World) -> None:
    fills = fills_of(kernel_of(world))

    limit = world.rules.volume_limit or np.inf
    for key in {(int(f["bar"]), int(f["symbol"])) for f in fills if f["order"] >= 0}:
        volumes = world.panel.volume[:, key[1]]
        own = (fills["bar"] == key[0]) & (fills["symbol"] == key[1]) & (fills["order"] >= 0)
        is_known = np.any(volumes > 0) and not np.isnan(volumes[key[0]])
        room = limit * volumes[key[0]] if is_known else np.inf
        assert fills["quantity"][own].sum() <= room * (1 + 1e-9)


@FEW
@given(worlds())
def test_an_order_charges_its_commission_as_one_however_many_fills_it_takes(world: World) -> None:
    rules = world.rules._replace(tiers=np.empty((0, 2)))
    run = kernel_of(replace(world, rules=rules))

    fills, orders = fills_of(run), orders_of(run)
    for row in set(fills["order"][fills["order"] >= 0].tolist()):
        own = fills[fills["order"] == row]
        mix = (
            rules.commission_rate * values_of(world, own).sum()
            + rules.commission_per_share * own["quantity"].sum()
            + rules.commission_per_order
        )
        once = min(max(mix, rules.commission_min), rules.commission_max)
        assert own["commission"].sum() == pytest.approx(once, rel=1e-9)
        assert orders["filled"][row] == pytest.approx(own["quantity"].sum(), rel=1e-12)


@FEW
@given(worlds())
def test_every_order_ends_with_a_status_a_reason_and_a_bar(world: World) -> None:
    orders = orders_of(kernel_of(world))

    done = orders["status"] == OrderStatus.FILLED
    assert not np.any(orders["status"] == OrderStatus.WORKING)
    assert np.all(orders["reason"][~done] > 0)
    assert np.all(orders["closed"] >= orders["decided"])
    assert np.all(orders["filled"][done] > 0)


@FEW
@given(worlds())
def test_a_symbol_that_never_trades_changes_nothing(world: World) -> None:
    alone = kernel_of(world)

    beside = kernel_of(with_idle_symbol_in_front(world))

    assert without_symbol(fills_of(beside)) == without_symbol(fills_of(alone))
    assert without_symbol(orders_of(beside)) == without_symbol(orders_of(alone))
    assert beside.curve.equity.tobytes() == alone.curve.equity.tobytes()


@FEW
@given(worlds(without=("finer",)))
def test_the_order_in_which_symbols_arrive_changes_nothing(world: World) -> None:
    bars = {name: bars_of(world.panel, i) for i, name in enumerate(world.panel.symbols)}

    there, back = build_panel(bars), build_panel(dict(reversed(bars.items())))

    assert there.content_hash() == back.content_hash()


@FEW
@given(worlds())
def test_twice_the_money_per_unit_is_the_same_run_with_twice_the_money(world: World) -> None:
    once = kernel_of(world)

    twice = kernel_of(in_half_units_of_money(world))

    assert fills_of(twice)["quantity"].tolist() == fills_of(once)["quantity"].tolist()
    assert fills_of(twice)["price"].tolist() == (2 * fills_of(once)["price"]).tolist()
    assert twice.curve.equity.tobytes() == (2 * once.curve.equity).tobytes()


@FEW
@given(worlds())
def test_no_decision_and_no_fill_depends_on_a_later_bar(world: World) -> None:
    stop = max(world.panel.n_bars // 2, world.panel.first_counted + 1)

    one, other = kernel_of(world), kernel_of(with_another_future(world, stop))

    assert fills_until(one, stop) == fills_until(other, stop)
    assert orders_until(one, stop) == orders_until(other, stop)
    assert one.curve.equity[:stop].tobytes() == other.curve.equity[:stop].tobytes()


@FEW
@given(worlds())
def test_the_same_weeks_later_are_the_same_run(world: World) -> None:
    moved = kernel_of(weeks_later(world, 52))

    assert moved.curve.equity.tobytes() == kernel_of(world).curve.equity.tobytes()


def fills_until(run: Simulation, stop: int) -> list[dict[str, Any]]:
    fills = fills_of(run)
    return rows_of(fills[fills["bar"] < stop], FILL.names or ())


def orders_until(run: Simulation, stop: int) -> list[dict[str, Any]]:
    """Return the orders that ended before ``stop``."""
    orders = orders_of(run)
    return rows_of(orders[(orders["closed"] >= 0) & (orders["closed"] < stop)], ORDER_FIELDS)


def multipliers(world: World) -> NDArray[np.float64]:
    given = world.panel.multiplier
    return np.full(world.panel.n_symbols, world.rules.multiplier) if given is None else given


def values_of(world: World, fills: NDArray[np.void]) -> NDArray[np.float64]:
    return fills["quantity"] * fills["price"] * multipliers(world)[fills["symbol"]]


def interest_of(run: Simulation) -> float:
    return float(run.state["borrow_paid"][0] + run.state["interest_paid"][0])


def last_known(prices: NDArray[np.float64]) -> NDArray[np.float64]:
    known = ~np.isnan(prices)
    row = len(prices) - 1 - np.argmax(known[::-1], axis=0)
    return prices[row, np.arange(prices.shape[1])]
