"""Stop, trailing stop and target of an entry: where they stand, what they cover, and that one cancels the others."""

import math

from engine.types import (
    Action,
    BracketBase,
    LevelKind,
    OrderKind,
    OrderReason,
    OrderStatus,
    Phase,
    Reason,
)
from tests.naive.account import Account
from tests.naive.levels import from_base, place, trail
from tests.naive.orders import NOTHING, Order


def base_of(account: Account, entry: Order, price: float) -> float:
    """What levels in percent are measured from."""
    by_fill = account.rules.bracket_base == BracketBase.FILL
    return price if by_fill or math.isnan(entry.base) else entry.base


def bracket_covers(account: Account, bar: int, entry: Order, quantity: float, price: float) -> None:
    """A bracket is made at the first fill of its entry and covers what has filled."""
    kinds = (entry.stop_kind, entry.trail_kind, entry.target_kind)
    if entry.kind is OrderKind.TRAILING_STOP:
        kinds = (entry.stop_kind, LevelKind.NONE, entry.target_kind)
    if all(kind is LevelKind.NONE for kind in kinds):
        return
    entry.covered += quantity
    if entry.legs:
        return
    base = base_of(account, entry, price)
    side = entry.side
    if kinds[0] is not LevelKind.NONE:
        leg = make_leg(account, entry, OrderKind.STOP, Reason.STOP)
        leg.stop = from_base(base, entry.stop_kind, entry.stop_value, -side)
        place(account, leg)
    if kinds[1] is not LevelKind.NONE:
        leg = make_leg(account, entry, OrderKind.TRAILING_STOP, Reason.TRAILING)
        leg.trail_kind, leg.trail_value = entry.trail_kind, entry.trail_value
        leg.best = price
        leg.since = bar + (entry.phase is Phase.CLOSE)
        trail(account, leg)
    if kinds[2] is not LevelKind.NONE:
        leg = make_leg(account, entry, OrderKind.LIMIT, Reason.TARGET)
        leg.limit = from_base(base, entry.target_kind, entry.target_value, side)
        place(account, leg)


def make_leg(account: Account, entry: Order, kind: OrderKind, cause: Reason) -> Order:
    action = Action.EXIT_LONG if entry.side > 0 else Action.EXIT_SHORT
    leg = Order(entry.decided, entry.symbol, action, kind=kind, cause=cause, parent=entry)
    entry.legs.append(leg)
    return account.create(leg)


def exit_has_filled(account: Account, bar: int, order: Order, quantity: float) -> None:
    """An exit ends when nothing is left for it; of a bracket, the others and the rest of the entry end with it."""
    gone = account.quantity(order.symbol) * order.side >= 0
    if order.parent is None:
        if gone:
            account.end(bar, order, OrderStatus.FILLED, OrderReason.NONE)
        return
    entry = order.parent
    entry.covered = max(entry.covered - quantity, 0.0)
    left = account.costs[order.symbol].rounded(entry.covered)
    if not gone and left > 0 and entry.covered > NOTHING:
        return
    account.end(bar, order, OrderStatus.FILLED, OrderReason.NONE)
    for other in (*entry.legs, entry):
        if other.is_working:
            account.end(bar, other, OrderStatus.CANCELLED, OrderReason.OCO)
