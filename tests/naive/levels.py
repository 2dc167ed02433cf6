"""Prices at which resting orders act: where they stand, and whether a price has reached them."""

from engine.types import LevelKind, OrderKind, Reason
from tests.naive.account import Account
from tests.naive.costs import SLACK
from tests.naive.orders import Order


def falls_to(price: float, level: float) -> bool:
    """Whether a price is at a level or below it, rounding noise aside."""
    return price <= level + SLACK * level


def rises_to(price: float, level: float) -> bool:
    return price >= level - SLACK * level


def is_met(order: Order, price: float) -> bool:
    """Whether a price is where the order's limit, or the stop that it waits for, lets it act."""
    if order.is_limit:
        return (falls_to if order.side > 0 else rises_to)(price, order.limit)
    return (rises_to if order.side > 0 else falls_to)(price, order.stop)


def has_passed(order: Order, price: float) -> bool:
    """Whether an open lets a resting order act; a stop that it passes is triggered."""
    if order.is_market or not is_met(order, price):
        return False
    if not order.is_stop:
        return True
    order.triggered = True
    if order.kind is OrderKind.STOP_LIMIT:
        order.just_touched = is_met(order, price)
        return order.just_touched
    return True


def level_of(order: Order) -> float:
    return order.limit if order.is_limit else order.stop


def is_stop_leg(order: Order) -> bool:
    return order.cause in (Reason.STOP, Reason.TRAILING) and order.parent is not None


def on_tick(account: Account, order: Order, price: float, is_stop: bool) -> float:
    """Away from the market: buy limits and sell stops down, sell limits and buy stops up."""
    return account.costs[order.symbol].on_tick(price, up=(order.side > 0) == is_stop)


def place(account: Account, order: Order) -> None:
    """Put the prices of a resting order on the grid."""
    order.limit = on_tick(account, order, order.limit, is_stop=False)
    order.stop = on_tick(account, order, order.stop, is_stop=True)


def trail(account: Account, order: Order) -> None:
    """Put a trailing stop where the best price so far has it; a sell below it, a buy above."""
    if order.trail_kind is LevelKind.RATE:
        level = order.best * (1.0 + order.side * order.trail_value)
    else:
        level = order.best + order.side * order.trail_value
    order.stop = on_tick(account, order, level, is_stop=True)


def from_base(base: float, kind: LevelKind, value: float, toward: int) -> float:
    """A level by its kind; ``toward`` is 1 above the base, -1 below it."""
    if kind is LevelKind.RATE:
        return base * (1.0 + toward * value)
    if kind is LevelKind.AMOUNT:
        return base + toward * value
    return value


def follow_best_prices(account: Account, bar: int) -> None:
    """At the end of a bar its extreme counts for the trailing stops of the next."""
    for order in account.waiting:
        high, low = account.highs[bar][order.symbol], account.lows[bar][order.symbol]
        if order.kind is not OrderKind.TRAILING_STOP or high != high:
            continue
        if order.since > bar or order.triggered:
            continue
        order.best = max(order.best, high) if order.side < 0 else min(order.best, low)
        trail(account, order)
