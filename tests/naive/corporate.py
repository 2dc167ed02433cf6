"""What happens to an account before a bar trades: interest, dividends, splits, delistings."""

import math

from engine.types import (
    EventKind,
    LevelKind,
    OrderKind,
    OrderReason,
    OrderStatus,
    Phase,
    Reason,
    SizeKind,
)
from tests.naive.account import Account
from tests.naive.costs import SLACK
from tests.naive.levels import place, trail
from tests.naive.orders import NOTHING, Order


def pay_interest(account: Account, bar: int) -> None:
    """For borrowed shares and borrowed cash, on what they were at the close before, for the days between."""
    if bar == account.panel.first_counted:
        return
    years = (account.day(bar) - account.day(bar - 1)) / 365.0
    borrowed = 0.0
    for symbol, position in account.held():
        if position.quantity < 0:
            borrowed += account.money(symbol, abs(position.quantity), position.mark)
    borrow = borrowed * account.rules.borrow_rate * years
    interest = max(-account.cash, 0.0) * account.rules.margin_rate * years
    account.cash -= borrow
    account.cash -= interest
    account.borrow_paid += borrow
    account.interest_paid += interest


def corporate_actions(account: Account, bar: int, due: int) -> None:
    """Apply what is due; after the last bar only a delisting still happens."""
    for when, symbol, kind, value in account.actions:
        if when != due or (due > bar and kind is not EventKind.DELISTING):
            continue
        if kind is EventKind.DIVIDEND:
            paid = account.money(symbol, account.quantity(symbol), value)
            account.cash += paid
            if symbol in account.stay:
                account.stay[symbol] += paid
        elif kind is EventKind.SPLIT:
            split(account, bar, symbol, value)
        else:
            delist(account, bar, symbol, value, Phase.CLOSE if due > bar else Phase.OPEN)


def split(account: Account, bar: int, symbol: int, ratio: float) -> None:
    for order in account.waiting:
        if order.symbol == symbol:
            restate(account, order, ratio)
    if symbol not in account.positions:
        return
    position = account.positions[symbol]
    side = position.side
    position.entry /= ratio
    position.mark /= ratio
    restated = abs(position.quantity * ratio)
    kept = restated
    if account.rules.lot > 0:
        kept = float(math.floor(restated * (1.0 + SLACK)))
        fraction = restated - kept
        if fraction > NOTHING:
            price = account.opens[bar][symbol]
            price = position.mark if math.isnan(price) else price
            account.record(bar, symbol, -side, Phase.OPEN, Reason.SPLIT, fraction, price)
            paid = side * account.money(symbol, fraction, price)
            account.cash += paid
            account.stay[symbol] += paid
    position.quantity = side * kept
    if kept < NOTHING:
        del account.positions[symbol]
        account.stays.append(account.stay.pop(symbol))
        account.resting_exits_end(bar, symbol)


def restate(account: Account, order: Order, ratio: float) -> None:
    """What a resting order, and the bracket that it may still make, say in the shares after a split."""
    if order.size_kind is SizeKind.QUANTITY:
        order.size *= ratio
    order.remaining *= ratio
    order.covered *= ratio
    order.limit /= ratio
    order.stop /= ratio
    order.base /= ratio
    order.best /= ratio
    absolute = (LevelKind.PRICE, LevelKind.AMOUNT)
    if order.stop_kind in absolute:
        order.stop_value /= ratio
    if order.target_kind in absolute:
        order.target_value /= ratio
    if order.trail_kind in absolute:
        order.trail_value /= ratio
    if order.parent is not None and not order.parent.is_working:
        restate_covered(order, ratio)
    place(account, order)
    if order.kind is OrderKind.TRAILING_STOP and order.best > 0:
        trail(account, order)


def restate_covered(leg: Order, ratio: float) -> None:
    """An entry that is done is restated once, with the first of its exits."""
    entry = leg.parent
    if entry is not None and leg is next(o for o in entry.legs if o.is_working):
        entry.covered *= ratio


def delist(account: Account, bar: int, symbol: int, value: float, phase: Phase) -> None:
    for order in [order for order in account.waiting if order.symbol == symbol]:
        account.end(bar, order, OrderStatus.EXPIRED, OrderReason.DELISTED)
    if symbol in account.positions:
        position = account.positions[symbol]
        held, side = position.quantity, -position.side
        price = position.mark * (1.0 + value)
        account.record(bar, symbol, side, phase, Reason.DELISTING, abs(held), price)
        account.book(symbol, side, abs(held), price, 0.0)
