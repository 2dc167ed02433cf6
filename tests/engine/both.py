"""One world, simulated by the kernel and by its plain-Python twin, and what has to be equal then."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.driver import Simulation, new_simulation
from engine.types import FILL, ORDER, STATE
from tests.engine.worlds import World
from tests.naive.account import Account
from tests.naive.orders import Event, Fill, Order, all_said
from tests.naive.simulation import run

# Of an order everything is compared but what only one of the two needs to know between two bars.
ORDER_FIELDS = tuple(
    name
    for name in ORDER.names or ()
    if name
    not in ("base", "best", "bracket", "covered", "remaining", "since", "tried", "value", "phase")
)


def twin_of(world: World) -> Account:
    """Run the twin."""
    plan = None if world.weights is None else world.weights.tolist()
    return run(world.panel, all_said(world.instructions), world.rules, world.capital, plan)


def kernel_of(world: World, cuts: tuple[int, ...] = (), room: int | None = None) -> Simulation:
    """Run the kernel, interrupted at ``cuts``, with buffers that begin with ``room`` rows."""
    simulation = new_simulation(
        world.panel, world.instructions, world.rules, world.capital, world.weights, room
    )
    for stop in (*cuts, world.panel.n_bars):
        simulation.advance(stop)
    simulation.expire_waiting()
    return simulation


def fills_of(simulation: Simulation) -> NDArray[np.void]:
    return simulation.fills[: simulation.state["n_fills"][0]]


def orders_of(simulation: Simulation) -> NDArray[np.void]:
    return simulation.book.orders[: simulation.state["n_orders"][0]]


def rows_of(rows: NDArray[np.void], names: tuple[str, ...]) -> list[dict[str, Any]]:
    """Return structured rows as dicts in which NaN equals NaN."""
    columns = [[_plain(v) for v in rows[name].tolist()] for name in names]
    return [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]


def plain_fills(fills: list[Fill]) -> list[dict[str, Any]]:
    return [{name: _plain(getattr(fill, name)) for name in FILL.names or ()} for fill in fills]


def plain_orders(orders: list[Order]) -> list[dict[str, Any]]:
    found = []
    for order in orders:
        row = {name: _plain(getattr(order, name)) for name in ORDER_FIELDS if name != "parent"}
        row["parent"] = -1 if order.parent is None else order.parent.row
        found.append({name: row[name] for name in ORDER_FIELDS})
    return found


def plain_events(events: list[Event]) -> list[tuple[Any, ...]]:
    return [(e.bar, e.symbol, int(e.kind), e.value) for e in events]


def _plain(value: Any) -> Any:
    if isinstance(value, float):
        return None if value != value else value
    return int(value)


def assert_equal(simulation: Simulation, twin: Account) -> None:
    """Everything that both say is the same, to the last bit."""
    first = simulation.panel.first_counted
    assert rows_of(fills_of(simulation), FILL.names or ()) == plain_fills(twin.fills)
    assert rows_of(orders_of(simulation), ORDER_FIELDS) == plain_orders(twin.orders)
    assert simulation.curve.equity[first:].tolist() == twin.equity
    assert simulation.curve.cash[first:].tolist() == twin.cash_curve
    assert simulation.curve.gross[first:].tolist() == twin.gross
    assert simulation.curve.positions[first:].tolist() == twin.held_counts
    state = dict(zip(STATE.names or (), simulation.state[0].tolist(), strict=True))
    assert state["n_exits"] == twin.n_exits
    assert state["n_ambiguous"] == len(twin.ambiguous)
    assert state["n_stays"] == len(twin.stays)
    assert state["n_wins"] == sum(money > 0 for money in twin.stays)
    assert state["n_losses"] == sum(money < 0 for money in twin.stays)
    assert (state["borrow_paid"], state["interest_paid"]) == (twin.borrow_paid, twin.interest_paid)
    happened = simulation.book.happened[: state["n_events"]]
    assert sorted(happened.tolist()) == sorted(plain_events(twin.events))
    held = {s: p.quantity for s, p in twin.positions.items()}
    assert {s: q for s, q in enumerate(simulation.book.positions["quantity"].tolist()) if q} == held
