"""From the size of an instruction to a quantity, at the fill."""

import math
from typing import TYPE_CHECKING

from engine.types import Action, LevelKind, OrderKind, SizeKind
from tests.naive.account import Account
from tests.naive.brackets import base_of
from tests.naive.costs import SLACK
from tests.naive.levels import from_base
from tests.naive.orders import Deal, Order

if TYPE_CHECKING:
    from tests.naive.instant import Instant


def wanted(instant: "Instant", order: Order, raw: float) -> float:
    """How much an order wants to trade now, before rounding; a target learns its side here. NaN: it has no stop."""
    account = instant.account
    held = account.quantity(order.symbol)
    is_target = order.action is Action.TARGET
    if order.size_kind is SizeKind.QUANTITY:
        change = order.size - held if is_target else order.side * order.size
        if is_target:
            order.side = 1 if change >= 0 else -1
        return abs(change)
    if order.size_kind is SizeKind.RISK:
        return by_risk(instant, order, raw)
    money = {
        SizeKind.CASH: lambda: order.size,
        SizeKind.PERCENT: lambda: instant.equity * order.size / 100.0,
        SizeKind.WEIGHT: lambda: instant.equity * order.size,
        SizeKind.KELLY: lambda: instant.equity * kelly(account, order.size),
    }[order.size_kind]()
    if is_target and money == 0:
        order.side = 1 if held < 0 else -1
        return abs(held)
    if is_target:
        money -= account.money(order.symbol, held, raw)
        order.side = 1 if money >= 0 else -1
        raw = account.meets(instant.bar, order.symbol, order.side, raw)
    quantity = for_money(instant, order, raw, abs(money), entering=held * order.side >= 0)
    if held * order.side < 0 and quantity > abs(held):  # crossing is all of it an entry
        crossing = for_money(instant, order, raw, abs(money), entering=True, least=SLACK)
        quantity = max(crossing, abs(held))
    reduces = held * order.side < 0 and order.size * order.side <= 0
    return min(quantity, abs(held)) if is_target and reduces else quantity


def for_money(
    instant: "Instant", order: Order, raw: float, money: float, entering: bool, least: float = 0.0
) -> float:
    """The quantity for this money: of a buy with its costs, of a sell its value alone."""
    costs, deal = instant.account.costs[order.symbol], Deal(order, raw)

    def at(quantity: float) -> float:
        price = max(instant.price(deal, entering, quantity), least)
        if price <= 0:
            return 0.0
        if order.side > 0:
            return costs.quantity_for(order, money, price, 1, 1.0)
        return money / (price * costs.multiplier)

    return at(at(0.0)) if instant.account.rules.impact > 0 else at(0.0)


def by_risk(instant: "Instant", order: Order, raw: float) -> float:
    """So much that the stop, or the trailing level, would lose this percent of equity."""
    account = instant.account
    price = instant.price(Deal(order, raw), True, 0.0)
    base = base_of(account, order, price)
    if order.stop_kind is not LevelKind.NONE:
        level = from_base(base, order.stop_kind, order.stop_value, -order.side)
        level = account.costs[order.symbol].on_tick(level, up=order.side < 0)
        distance = order.side * (price - level)
    elif order.trail_kind is not LevelKind.NONE and order.kind is not OrderKind.TRAILING_STOP:
        level = from_base(price, order.trail_kind, order.trail_value, -order.side)
        level = account.costs[order.symbol].on_tick(level, up=order.side < 0)
        distance = order.side * (price - level)
    else:
        return math.nan
    if distance <= 0:
        return math.nan
    return instant.equity * order.size / 100.0 / distance / account.costs[order.symbol].multiplier


def kelly(account: Account, multiple: float) -> float:
    """The fraction of equity by the stays closed so far."""
    wins = [profit for profit in account.stays if profit > 0]
    losses = [-profit for profit in account.stays if profit < 0]
    if len(account.stays) < account.rules.kelly_min_trades:
        return account.rules.kelly_start / 100.0
    rate = len(wins) / len(account.stays)
    if not wins:
        return 0.0
    fraction = rate
    if losses:
        ratio = (sum(wins) / len(wins)) / (sum(losses) / len(losses))
        fraction = rate - (1.0 - rate) / ratio
    return multiple * min(max(fraction, 0.0), 1.0)
