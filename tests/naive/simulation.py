"""The simulation once more, slow and obvious: objects, lists and one function a rule, read off the rules' page.

Nothing here is shared with the kernels but the vocabulary. Only the order in which floats are multiplied and added
is the same on both sides, so that equal rules give equal bits and any difference is one of meaning.
"""

import math
from collections.abc import Callable

from engine.kernels.book import Rules
from engine.market import Panel
from engine.types import Action, FillAt, OrderKind, Phase, Reason, RunEvent
from tests.naive.account import Account
from tests.naive.corporate import corporate_actions, pay_interest
from tests.naive.decisions import (
    check_margin,
    decide,
    expire,
    expire_rest,
    judge_levels,
    rebalance_by_drift,
)
from tests.naive.inside import inside
from tests.naive.instant import Instant
from tests.naive.levels import follow_best_prices, has_passed
from tests.naive.orders import Event, Order, Said


def run(
    panel: Panel,
    said: list[Said],
    rules: Rules,
    capital: float,
    plan: list[list[float]] | None = None,
    ask: Callable[[Account, int], None] | None = None,
) -> Account:
    """Run everything from the first counted bar to the last; ``plan`` has the weights for rebalancing by drift.

    ``ask`` decides at the close of every bar.
    """
    account = Account(panel, rules, capital)
    at_close: dict[int, list[Said]] = {}
    for one in said:
        at_close.setdefault(one.bar, []).append(one)
    for bar in range(panel.first_counted, len(account.times)):
        account.taken, account.tried = {}, set()
        pay_interest(account, bar)
        corporate_actions(account, bar, bar)
        account.equity_at_open = account.to_share_out(account.opens[bar])
        at_the_open(account, bar)
        inside(account, bar)
        at_the_close(account, bar)
        expire(account, bar)
        judge_levels(account, bar)
        for one in at_close.get(bar, []):
            decide(account, one)
        if ask is not None:
            ask(account, bar)
        if plan is not None:
            rebalance_by_drift(account, bar, plan[bar])
        if rules.fill_at == FillAt.SAME_CLOSE:
            at_the_same_close(account, bar)
        follow_best_prices(account, bar)
        remember_closes(account, bar)
        account.write_down()
        check_margin(account, bar)
    corporate_actions(account, bar, bar + 1)
    account.write_down(again=True)
    expire_rest(account)
    tell_forced_closes(account)
    return account


def remember_closes(account: Account, bar: int) -> None:
    for symbol, position in account.positions.items():
        if not math.isnan(account.closes[bar][symbol]):
            position.mark = account.closes[bar][symbol]


def tell_forced_closes(account: Account) -> None:
    """Each fill of a forced exit is an event, after what else its bar brought."""
    forced = [
        Event(fill.bar, fill.symbol, RunEvent.FORCED_CLOSE, fill.side * fill.quantity)
        for fill in account.fills
        if fill.reason is Reason.MARGIN
    ]
    account.events = sorted(
        (*forced, *account.events),
        key=lambda event: (event.bar, event.kind is RunEvent.MARGIN_BREACH),
    )


def live(account: Account, bar: int) -> list[Order]:
    """Orders that wait from before this bar, of symbols that trade in it."""
    return [o for o in account.waiting if o.decided < bar and account.trades(bar, o.symbol)]


def at_the_open(account: Account, bar: int) -> None:
    """Exits and what the open has passed, then market orders."""
    now = account.opens[bar]
    instant = Instant(account, bar, Phase.OPEN, now, account.equity_at_open)
    first = [order for order in live(account, bar) if is_first_at_open(account, bar, order)]
    instant.trade(met(account, bar, first, now))
    then = [order for order in live(account, bar) if is_due_at_open(account, order)]
    then = [order for order in then if not order.is_exit and not order.triggered]
    instant.trade(met(account, bar, then, now))


def met(account: Account, bar: int, orders: list[Order], now: list[float]) -> dict[Order, float]:
    """The price that each order meets; of a target the middle, as its side is not known yet."""
    sides = {o: 0 if o.action is Action.TARGET else o.side for o in orders}
    return {o: account.meets(bar, o.symbol, sides[o], now[o.symbol]) for o in orders}


def is_due_at_open(account: Account, order: Order) -> bool:
    by_rule = order.kind is OrderKind.MARKET and account.rules.fill_at == FillAt.NEXT_OPEN
    return by_rule or order.kind is OrderKind.MOO or (order.is_market and order.triggered)


def is_first_at_open(account: Account, bar: int, order: Order) -> bool:
    if is_due_at_open(account, order):
        return order.is_exit or order.triggered
    if order.kind in (OrderKind.MARKET, OrderKind.MOC):
        return False
    price = account.opens[bar][order.symbol]
    return has_passed(order, account.meets(bar, order.symbol, order.side, price))


def at_the_close(account: Account, bar: int) -> None:
    """Orders for the close of the bar after their decision."""
    due = [
        order
        for order in live(account, bar)
        if order.kind is OrderKind.MOC
        or (order.kind is OrderKind.MARKET and account.rules.fill_at == FillAt.NEXT_CLOSE)
    ]
    trade_at_close(account, bar, due)


def at_the_same_close(account: Account, bar: int) -> None:
    due = [
        order
        for order in account.waiting
        if order.kind is OrderKind.MARKET and account.trades(bar, order.symbol)
    ]
    trade_at_close(account, bar, due)


def trade_at_close(account: Account, bar: int, due: list[Order]) -> None:
    now = account.closes[bar]
    instant = Instant(account, bar, Phase.CLOSE, now, account.to_share_out(now))
    instant.trade(met(account, bar, [order for order in due if order.is_exit], now))
    instant.trade(met(account, bar, [order for order in due if not order.is_exit], now))
