"""What happens at the close of a bar: orders die, levels judged at closes, instructions, margin."""

import math

from engine.types import (
    NS_PER_DAY,
    Action,
    OrderKind,
    OrderReason,
    OrderStatus,
    Reason,
    RunEvent,
    TimeInForce,
)
from tests.naive.account import Account
from tests.naive.costs import SLACK
from tests.naive.levels import place, trail
from tests.naive.orders import EXITS, SIDE_OF, Event, Order, Position, Said

TIMED = (OrderKind.MARKET, OrderKind.MOO, OrderKind.MOC)
OVER = {TimeInForce.DAY: OrderReason.DAY_OVER, TimeInForce.GTD: OrderReason.GTD_OVER}


# ---- time in force


def last_day(account: Account, order: Order) -> float:
    """The date of the last session in which an order is live."""
    if order.tif is TimeInForce.GTD:
        return order.good_till_ns // NS_PER_DAY
    first = order.decided + 1
    if order.tif is TimeInForce.DAY and first < len(account.times):
        return account.day(first)
    return math.inf


def expire(account: Account, bar: int) -> None:
    """At the close of its last session an order ends, before anything is decided."""
    if bar + 1 == len(account.times):
        return
    for order in list(account.waiting):
        if account.day(bar + 1) > last_day(account, order):
            account.end(bar, order, OrderStatus.EXPIRED, OVER[order.tif])


def expire_rest(account: Account) -> None:
    """After the last bar: the date that has come, or no bar that came."""
    last = len(account.times) - 1
    for order in list(account.waiting):
        is_over = account.day(last) >= last_day(account, order)
        reason = OVER[order.tif] if is_over else OrderReason.END_OF_DATA
        account.end(last, order, OrderStatus.EXPIRED, reason)


# ---- levels judged at closes


def judge_levels(account: Account, bar: int) -> None:
    for symbol, position in account.held():
        close, side = account.closes[bar][symbol], position.side
        leave = Action.EXIT_LONG if side > 0 else Action.EXIT_SHORT
        if math.isnan(close) or leaves_already(account, symbol, leave):
            continue
        gain = side * (close - position.entry)
        tolerance = SLACK * position.entry
        stop, target = position.close_stop_rate, position.close_target_rate
        if stop > 0 and gain <= -stop * position.entry + tolerance:
            account.create(Order(bar, symbol, leave, cause=Reason.STOP))
        elif target > 0 and gain >= target * position.entry - tolerance:
            account.create(Order(bar, symbol, leave, cause=Reason.TARGET))


# ---- instructions


def withdraw(account: Account, bar: int, symbol: int, action: Action) -> None:
    for order in account.asked(symbol, action):
        account.end(bar, order, OrderStatus.CANCELLED, OrderReason.SUPERSEDED)


def leaves_already(account: Account, symbol: int, leave: Action) -> bool:
    """Whether an exit at the market waits."""
    return any(order.is_timed or order.is_market for order in account.asked(symbol, leave))


def rest_to_leave(account: Account, said: Said) -> None:
    """An exit that waits for a price takes the place of one of its kind."""
    order = Order(said.bar, said.symbol, said.action, said.label)
    if account.quantity(said.symbol) * SIDE_OF[said.action] >= 0:
        return
    for other in account.asked(said.symbol, said.action):
        if other.kind is said.kind:
            account.end(said.bar, other, OrderStatus.CANCELLED, OrderReason.SUPERSEDED)
    dress(order, said)
    born(account, order)


def leave(account: Account, said: Said, side: int) -> None:
    """Leave at the market; an entry of that side that waits is withdrawn."""
    enter, leave = (
        (Action.ENTER_LONG, Action.EXIT_LONG)
        if side > 0
        else (Action.ENTER_SHORT, Action.EXIT_SHORT)
    )
    withdraw(account, said.bar, said.symbol, enter)
    is_held = account.quantity(said.symbol) * side > 0
    if not is_held or leaves_already(account, said.symbol, leave):
        return
    order = Order(said.bar, said.symbol, leave, said.label)
    if said.action is leave:
        dress(order, said)
    born(account, order)


def cancel(account: Account, said: Said) -> None:
    """Withdraw what the strategy itself has placed and what still waits, all of it."""
    mine = [o for o in account.waiting if o.symbol == said.symbol and o.parent is None]
    for order in [order for order in mine if order.cause is Reason.SIGNAL]:
        account.end(said.bar, order, OrderStatus.CANCELLED, OrderReason.SUPERSEDED)


def decide(account: Account, said: Said) -> None:
    if said.action is Action.CANCEL:
        cancel(account, said)
        return
    if said.action in EXITS and said.kind not in TIMED:
        rest_to_leave(account, said)
        return
    if said.action in EXITS:
        leave(account, said, 1 if said.action is Action.EXIT_LONG else -1)
        return
    if said.action in (Action.ENTER_LONG, Action.ENTER_SHORT):
        side = SIDE_OF[said.action]
        is_there = account.quantity(said.symbol) * side > 0
        if is_there or account.asked(said.symbol, said.action):
            return
        leave(account, said, -side)
    if said.action is Action.TARGET:
        withdraw(account, said.bar, said.symbol, Action.TARGET)
        if said.size == 0 and said.symbol not in account.positions:
            return
    order = Order(said.bar, said.symbol, said.action, said.label)
    dress(order, said)
    order.size_kind, order.size = said.size_kind, said.size
    order.stop_kind, order.stop_value = said.stop_kind, said.stop_value
    order.target_kind, order.target_value = said.target_kind, said.target_value
    order.close_stop_rate = said.close_stop_rate
    order.close_target_rate = said.close_target_rate
    born(account, order)
    if order.is_working and is_refused(account, said):
        account.end(said.bar, order, OrderStatus.REFUSED, OrderReason.NOT_A_MEMBER)


def is_refused(account: Account, said: Said) -> bool:
    """Nothing is entered that does not belong to the universe at the decision."""
    members = account.panel.members
    if members is None or members[said.bar, said.symbol]:
        return False
    if said.action in (Action.BUY, Action.SELL):
        return account.quantity(said.symbol) * SIDE_OF[said.action] >= 0
    return said.action is not Action.TARGET or said.size != 0


def dress(order: Order, said: Said) -> None:
    """Kind, prices and time in force of an order, as they were said."""
    order.kind, order.tif, order.good_till_ns = said.kind, said.tif, said.good_till_ns
    order.limit, order.stop = said.limit, said.stop
    order.trail_kind, order.trail_value = said.trail_kind, said.trail_value


def born(account: Account, order: Order) -> None:
    """An order comes to life at the close that decided it, if its time is not over before it begins."""
    account.create(order)
    order.base = account.last_close(order.decided, order.symbol)
    place(account, order)
    if order.kind is OrderKind.TRAILING_STOP:
        order.best, order.since = order.base, order.decided + 1
        trail(account, order)
    first = order.decided + 1
    if first < len(account.times) and account.day(first) > last_day(account, order):
        account.end(order.decided, order, OrderStatus.EXPIRED, OVER[order.tif])


def rebalance_by_drift(account: Account, bar: int, plan: list[float]) -> None:
    """Order the weights that are wanted at this close when one has gone too far from what was wanted last.

    The first time is the first close at which anything is wanted.
    """
    now = account.closes[bar]
    equity = account.worth(now)
    wanted = {symbol: weight for symbol, weight in enumerate(plan) if not math.isnan(weight)}
    if equity <= 0 or not wanted:
        return
    if account.wanted and not any(
        abs(weight_now(account, now, symbol) / equity - weight) > account.rules.drift
        for symbol, weight in account.wanted.items()
    ):
        return
    account.wanted = account.wanted | wanted
    for symbol, weight in wanted.items():
        decide(account, Said.target(bar, symbol, weight))


def weight_now(account: Account, now: list[float], symbol: int) -> float:
    if symbol not in account.positions:
        return 0.0
    price = account.price_now(now, symbol)
    return account.money(symbol, account.quantity(symbol), price)


# ---- margin


def check_margin(account: Account, bar: int) -> None:
    """A breach closes whole positions at the next bar, the largest loss first, until it is cured."""
    share = account.rules.maintenance_margin
    equity, gross = account.equity[-1], account.gross[-1]
    if share == 0 or not account.positions or equity >= share * gross:
        return
    account.events.append(Event(bar, -1, RunEvent.MARGIN_BREACH, share * gross - equity))
    losing = []
    for symbol, position in account.held():
        if leaves_already(account, symbol, leave_of(position)):
            gross -= abs(account.money(symbol, position.quantity, position.mark))
        else:
            gain = account.money(symbol, position.quantity, position.mark - position.entry)
            losing.append((gain, symbol))
    for _, symbol in sorted(losing):
        if equity >= share * gross:
            return
        position = account.positions[symbol]
        order = Order(bar, symbol, leave_of(position), kind=OrderKind.MOO, cause=Reason.MARGIN)
        account.create(order)
        gross -= abs(account.money(symbol, position.quantity, position.mark))


def leave_of(position: Position) -> Action:
    return Action.EXIT_LONG if position.side > 0 else Action.EXIT_SHORT
