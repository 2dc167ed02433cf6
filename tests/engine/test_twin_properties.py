"""What holds in every run, whatever is decided in it: money is conserved, nothing looks ahead, units do not matter."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from numpy.lib.recfunctions import drop_fields
from numpy.typing import NDArray

from engine.driver import Simulation, new_simulation
from engine.market import Panel
from engine.trades import match_trades
from engine.types import EventKind, SizeKind
from engine.validate import CheckedBars, build_panel
from tests.engine.both import fills_of, kernel_of, orders_of
from tests.engine.test_twin import EXAMPLES, QUIET
from tests.engine.worlds import World, worlds

FEW = settings(max_examples=max(EXAMPLES // 5, 20), deadline=None, suppress_health_check=QUIET)


@FEW
@given(worlds(corporate=False))
def test_cash_is_capital_less_what_was_paid_and_what_it_cost(world: World) -> None:
    fills = fills_of(run := kernel_of(world))

    paid = fills["side"] * fills["quantity"] * fills["price"] + fills["commission"] + fills["tax"]

    moved = world.capital + np.abs(paid).sum()
    assert run.state["cash"][0] == pytest.approx(world.capital - paid.sum(), abs=1e-9 * moved)


@FEW
@given(worlds(corporate=False))
def test_equity_is_cash_and_positions_at_last_known_closes(world: World) -> None:
    run = kernel_of(world)

    value = run.book.quantity * last_known(world.panel.close)

    assert run.curve.equity[-1] == pytest.approx(run.curve.cash[-1] + np.nansum(value), rel=1e-12)
    assert run.curve.gross[-1] == pytest.approx(np.nansum(np.abs(value)), rel=1e-12)


@FEW
@given(worlds())
def test_trades_and_open_positions_explain_every_cent(world: World) -> None:
    run = kernel_of(world)

    fills, orders = fills_of(run), orders_of(run)
    trades, still_open = match_trades(fills, orders, run.panel, run.panel.n_bars - 1)

    moved = world.capital + (fills["quantity"] * fills["price"]).sum()
    explained = trades["pnl"].sum() + sum(position.pnl for position in still_open)
    gained = run.curve.equity[-1] - world.capital
    assert explained == pytest.approx(gained, abs=1e-9 * moved)


@FEW
@given(worlds(shorts=False))
def test_without_shorts_cash_never_goes_below_zero(world: World) -> None:
    no_fixed_costs = world.rules._replace(commission_per_order=0.0, commission_min=0.0)

    run = kernel_of(replace(world, rules=no_fixed_costs))

    assert np.all(run.curve.cash[world.panel.first_counted :] >= -1e-6)


@FEW
@given(worlds())
def test_a_symbol_that_never_trades_changes_nothing(world: World) -> None:
    alone = kernel_of(world)

    beside = kernel_of(with_idle_symbol_in_front(world))

    assert without_symbol(fills_of(beside)) == without_symbol(fills_of(alone))
    assert without_symbol(orders_of(beside)) == without_symbol(orders_of(alone))
    assert beside.curve.equity.tobytes() == alone.curve.equity.tobytes()


@FEW
@given(worlds())
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
def test_the_future_changes_nothing_before_it(world: World) -> None:
    traded = np.where(np.isnan(world.panel.close), np.nan, 1.0)
    panel = replace(world.panel, volume=traded)
    stop = max(panel.n_bars // 2, panel.first_counted + 1)

    whole = run_of(panel, world)
    part = run_of(panel.slice(0, stop), world)

    assert part.curve.equity.tobytes() == whole.curve.equity[:stop].tobytes()
    assert part.state["cash"][0] == whole.curve.cash[stop - 1]


@FEW
@given(worlds())
def test_when_the_bars_open_does_not_matter(world: World) -> None:
    later = replace(world.panel, time_ns=world.panel.time_ns * 2 + 7)

    moved = run_of(later, world)

    assert moved.curve.equity.tobytes() == kernel_of(world).curve.equity.tobytes()


def run_of(panel: Panel, world: World) -> Simulation:
    simulation = new_simulation(panel, world.instructions, world.rules, world.capital)
    simulation.advance(panel.n_bars)
    return simulation


def last_known(prices: NDArray[np.float64]) -> NDArray[np.float64]:
    known = ~np.isnan(prices)
    row = len(prices) - 1 - np.argmax(known[::-1], axis=0)
    return prices[row, np.arange(prices.shape[1])]


def without_symbol(rows: NDArray[np.void]) -> list[tuple[Any, ...]]:
    return drop_fields(rows, "symbol").tolist()


def with_idle_symbol_in_front(world: World) -> World:
    panel = world.panel
    wider = {
        name: np.hstack([np.full((panel.n_bars, 1), 3.0), getattr(panel, name)])
        for name in ("open", "high", "low", "close", "volume")
    }
    events, instructions = panel.events.copy(), world.instructions.copy()
    events["symbol"] += 1
    instructions["symbol"] += 1
    symbols = ("0idle", *panel.symbols)
    return replace(
        world,
        panel=replace(panel, symbols=symbols, events=events, **wider),
        instructions=instructions,
    )


def in_half_units_of_money(world: World) -> World:
    panel, rules = world.panel, world.rules
    doubled = {name: 2 * getattr(panel, name) for name in ("open", "high", "low", "close")}
    events, instructions = panel.events.copy(), world.instructions.copy()
    events["value"][events["kind"] == EventKind.DIVIDEND] *= 2
    instructions["size"][instructions["size_kind"] == SizeKind.CASH] *= 2
    return replace(
        world,
        panel=replace(panel, events=events, **doubled),
        instructions=instructions,
        capital=2 * world.capital,
        rules=rules._replace(
            commission_per_share=2 * rules.commission_per_share,
            commission_per_order=2 * rules.commission_per_order,
            commission_min=2 * rules.commission_min,
            commission_max=2 * rules.commission_max,
            spread=2 * rules.spread,
        ),
    )


def bars_of(panel: Panel, symbol: int) -> CheckedBars:
    there = ~np.isnan(panel.close[:, symbol])
    columns = {
        name: np.ascontiguousarray(getattr(panel, name)[there, symbol])
        for name in ("open", "high", "low", "close", "volume")
    }
    return CheckedBars(panel.time_ns[there], **columns)
