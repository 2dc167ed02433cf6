"""The kernel and its plain-Python twin agree to the last bit, in every generated world and however it is cut."""

import os

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from numpy.typing import NDArray

from engine.driver import Simulation, new_simulation
from engine.kernels.book import new_book
from engine.types import FILL
from tests.engine.worlds import World, worlds
from tests.naive.orders import Fill, Order, said_rows
from tests.naive.simulation import Account

EXAMPLES = int(os.environ.get("TRADEBENCH_EXAMPLES", "300"))
HEAVY_EXAMPLES = max(EXAMPLES, 5000)
QUIET = [HealthCheck.too_slow, HealthCheck.data_too_large]


def twin_of(world: World) -> Account:
    """Run the twin."""
    return Account(world.panel, said_rows(world.instructions), world.rules, world.capital).run()


def kernel_of(world: World, cuts: tuple[int, ...] = (), room: int | None = None) -> Simulation:
    """Run the kernel, interrupted at ``cuts``, with buffers that begin with ``room`` rows."""
    simulation = new_simulation(world.panel, world.instructions, world.rules, world.capital)
    if room is not None:
        simulation.book = new_book(world.panel.n_symbols, room)
        simulation.fills = np.zeros(room, FILL)
    for stop in (*cuts, world.panel.n_bars):
        simulation.advance(stop)
    simulation.expire_waiting()
    return simulation


def plain_fills(fills: list[Fill]) -> list[tuple[object, ...]]:
    names = [name for name in FILL.names or () if name != "ambiguous"]
    return [tuple(getattr(fill, name) for name in names) for fill in fills]


def plain_orders(orders: list[Order]) -> list[tuple[object, ...]]:
    return [
        (
            order.decided,
            order.closed,
            order.symbol,
            order.label,
            order.action,
            0,
            order.side,
            order.size_kind,
            order.status,
            order.reason,
            order.cause,
            order.size,
            order.stop_rate,
            order.target_rate,
            order.filled,
        )
        for order in orders
    ]


def fills_of(simulation: Simulation) -> NDArray[np.void]:
    return simulation.fills[: simulation.state["n_fills"][0]]


def orders_of(simulation: Simulation) -> NDArray[np.void]:
    return simulation.book.orders[: simulation.state["n_orders"][0]]


def columns_of(rows: NDArray[np.void], names: tuple[str, ...]) -> list[tuple[object, ...]]:
    return list(zip(*(rows[name].tolist() for name in names), strict=True))


ORDER_FIELDS = (
    "decided",
    "closed",
    "symbol",
    "label",
    "action",
    "kind",
    "side",
    "size_kind",
    "status",
    "reason",
    "cause",
    "size",
    "close_stop_rate",
    "close_target_rate",
    "filled",
)
FILL_FIELDS = tuple(name for name in FILL.names or () if name != "ambiguous")


def assert_equal(simulation: Simulation, twin: Account) -> None:
    first = simulation.panel.first_counted
    assert columns_of(fills_of(simulation), FILL_FIELDS) == plain_fills(twin.fills)
    assert columns_of(orders_of(simulation), ORDER_FIELDS) == plain_orders(twin.orders)
    assert simulation.curve.equity[first:].tolist() == twin.equity
    assert simulation.curve.cash[first:].tolist() == twin.cash_curve
    assert simulation.curve.gross[first:].tolist() == twin.gross
    assert simulation.curve.positions[first:].tolist() == twin.held_counts
    assert simulation.state["n_exits"][0] == twin.n_exits
    held = {s: p.quantity for s, p in twin.positions.items()}
    assert {s: q for s, q in enumerate(simulation.book.quantity.tolist()) if q} == held


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=QUIET)
@given(worlds())
def test_kernel_and_twin_agree_to_the_last_bit(world: World) -> None:
    simulation = kernel_of(world)

    assert_equal(simulation, twin_of(world))


@settings(max_examples=EXAMPLES // 2, deadline=None, suppress_health_check=QUIET)
@given(worlds())
def test_cuts_and_small_buffers_change_no_bit(world: World) -> None:
    whole = kernel_of(world)

    cut = kernel_of(world, world.cuts, room=1)

    assert fills_of(cut).tolist() == fills_of(whole).tolist()
    assert orders_of(cut).tolist() == orders_of(whole).tolist()
    assert all(map(_same_bits, cut.curve, whole.curve))
    assert cut.state.tolist() == whole.state.tolist()


@pytest.mark.heavy
@settings(max_examples=HEAVY_EXAMPLES, deadline=None, suppress_health_check=QUIET)
@given(worlds())
def test_thousands_of_worlds_agree_whole_and_cut(world: World) -> None:
    twin = twin_of(world)

    whole, cut = kernel_of(world), kernel_of(world, world.cuts, room=1)

    assert_equal(whole, twin)
    assert_equal(cut, twin)


def _same_bits(one: NDArray[np.generic], other: NDArray[np.generic]) -> bool:
    return one.tobytes() == other.tobytes()
