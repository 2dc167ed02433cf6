"""One instant of trading: the orders that can fill at one price each, against one account."""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from engine.types import Action, OrderKind, OrderReason, OrderStatus, Phase, ShortOfCash
from tests.naive.account import Account
from tests.naive.brackets import bracket_covers, exit_has_filled
from tests.naive.costs import SLACK, SMALLEST_FRACTION
from tests.naive.levels import is_met
from tests.naive.orders import NOTHING, Deal, Order, Position
from tests.naive.sizing import wanted

LACKS_CASH = (OrderReason.REDUCED_TO_CASH, OrderReason.NO_CASH)


@dataclass
class Instant:
    """When and at which prices: ``now`` values what is held, ``raw`` is what each order meets."""

    account: Account
    bar: int
    phase: Phase
    now: list[float]
    equity: float
    planned: dict[int, float] = field(
        default_factory=dict
    )  # shares that deals will take, by symbol
    moving: dict[int, float] = field(default_factory=dict)  # where they will move the position

    # ---- the course of it

    def trade(self, raws: dict[Order, float], at_once: bool = True) -> None:
        """Trade a group: size, part, fit into volume and cash, fill sells before buys."""
        orders = self.account.in_turn(raws)
        deals = {}
        for order in orders:
            size, raw = self.wants(order, raws[order]), raws[order]
            if order.action is Action.TARGET:  # it knows its side only now
                raw = self.account.meets(self.bar, order.symbol, order.side, raw)
            if order.is_working:
                deals[order] = Deal(order, raw, size)
        self.planned, self.moving = {}, {}
        for order in sells_first(deals):
            self.part(deals[order])
        ready = [deal for deal in deals.values() if not deal.waits]
        self.account.tried |= {deal.order for deal in deals.values() if deal.more_later}
        if self.account.rules.short_of_cash == ShortOfCash.SCALE:
            self.share_cash(ready)
        else:
            self.take_turns(ready)
        of = {deal.order: deal for deal in ready}
        entered = [order for order in sells_first(of) if self.finish(of[order])]
        for order in deals:
            order.just_touched = False  # what is left of a stop-limit rests at its limit
        for order in entered if at_once else []:
            self.end_what_is_passed(order, of[order].raw)

    def end_what_is_passed(self, entry: Order, raw: float) -> None:
        """A level already passed when the entry fills ends the position at once, at the same price."""
        side, symbol = entry.side, entry.symbol
        raw = self.account.meets(self.bar, symbol, -2 * side, raw)  # the other side of the quote
        for leg in entry.legs:
            if leg.is_working and not leg.triggered and is_met(leg, raw):
                leg.triggered = leg.kind is not OrderKind.LIMIT
                Instant(self.account, self.bar, self.phase, self.now, self.equity).trade({leg: raw})

    # ---- how much

    def wants(self, order: Order, raw: float) -> float:
        held = self.account.quantity(order.symbol)
        if order.is_exit:
            return abs(held) if order.parent is None else order.parent.covered
        if order.entered >= 0:
            return order.remaining
        size = wanted(self, order, raw)
        if math.isnan(size):
            self.account.end(self.bar, order, OrderStatus.REFUSED, OrderReason.NO_STOP)
        return size

    def part(self, deal: Deal) -> None:
        """Part a size into what it closes (lots, or all of it) and what it opens, as far as the volume goes."""
        order, costs = deal.order, self.account.costs[deal.order.symbol]
        held = self.account.quantity(order.symbol) + self.moving.get(order.symbol, 0.0)
        if order.is_exit and order.parent is None:
            deal.wanted = abs(held)  # nothing of the position is to stay
        if held * order.side >= 0:
            deal.opens = 0.0 if order.is_exit else deal.wanted
        elif deal.wanted < abs(held) - NOTHING:
            deal.closes = costs.rounded(deal.wanted)
        else:
            deal.closes = abs(held)
            rest = deal.wanted - abs(held)
            deal.opens = rest if rest > NOTHING and not order.is_exit else 0.0
        self.limit_to_volume(deal)
        self.moving[order.symbol] = self.moving.get(order.symbol, 0.0) + order.side * (
            deal.closes + deal.opens
        )

    def limit_to_volume(self, deal: Deal) -> None:
        """All orders of a symbol share a part of the bar's volume; the rest works on later bars."""
        symbol, costs = deal.order.symbol, self.account.costs[deal.order.symbol]
        room = self.account.room(self.bar, symbol) - self.planned.get(symbol, 0.0)
        total = deal.closes + costs.rounded(deal.opens)
        if total > 0 and total > room * (1.0 + SLACK):
            total = costs.rounded(max(room, 0.0))
            deal.closes = min(deal.closes, total)
            deal.opens = total - deal.closes
            deal.more_later, deal.waits = True, total == 0
        self.planned[symbol] = self.planned.get(symbol, 0.0) + total

    # ---- prices and money

    def price(self, deal: Deal, entering: bool, quantity: float) -> float:
        """A limit is moved by nothing; a stop-limit that has just been touched is, up to its limit."""
        order = deal.order
        if order.is_limit and not order.just_touched:
            return deal.raw
        volume = self.account.volume(self.bar, order.symbol)
        costs = self.account.costs[order.symbol]
        price = costs.price(deal.raw, order.side, entering, quantity, volume)
        if order.just_touched:
            return min(price, order.limit) if order.side > 0 else max(price, order.limit)
        return price

    def freed(self, deal: Deal) -> float:
        """Free funds that the closing part of a deal brings."""
        if deal.closes == 0:
            return 0.0
        order, costs = deal.order, self.account.costs[deal.order.symbol]
        price = self.price(deal, deal.opens > 0, deal.closes + deal.opens)
        commission = costs.commission(order, deal.closes, price)
        tax = costs.tax(deal.closes, price, order.side)
        margin = self.account.rules.initial_margin
        # what is held is valued at the middle
        middle = self.account.meets(self.bar, order.symbol, -order.side, deal.raw)
        if margin > 0:
            gained = costs.value(deal.closes, order.side * (middle - price))
            return gained + margin * costs.value(deal.closes, middle) - commission - tax
        if order.side < 0:
            return costs.value(deal.closes, price) - commission - tax
        return costs.value(deal.closes, 2.0 * middle - price) - commission

    def need(self, deal: Deal, quantity: float) -> float:
        costs = self.account.costs[deal.order.symbol]
        price = self.price(deal, True, deal.closes + quantity)
        return costs.money_for(deal.order, quantity, price)

    def lots_for(self, deal: Deal, money: float) -> float:
        order, costs = deal.order, self.account.costs[deal.order.symbol]
        price = self.price(deal, True, deal.closes)
        quantity = costs.quantity_for(order, money, price, order.side, costs.share)
        if self.account.rules.impact > 0:
            price = self.price(deal, True, deal.closes + quantity)
            quantity = costs.quantity_for(order, money, price, order.side, costs.share)
        quantity = costs.rounded(quantity)
        if quantity > 0 and self.need(deal, quantity) > money * (1.0 + SLACK):
            step = costs.lot if costs.lot > 0 else SMALLEST_FRACTION
            quantity = costs.rounded(max(quantity - step, 0.0))
        return quantity

    def fit(self, deal: Deal, money: float) -> float:
        """Round what opens to lots within the money, and say how much of it that takes."""
        if deal.opens == 0:
            return 0.0
        whole = self.account.costs[deal.order.symbol].rounded(deal.opens)
        if whole == 0:
            deal.opens, deal.problem = 0.0, OrderReason.BELOW_ONE_LOT
            return 0.0
        if self.need(deal, whole) > money * (1.0 + SLACK):
            whole = min(whole, self.lots_for(deal, money))
            deal.problem = OrderReason.REDUCED_TO_CASH if whole > 0 else OrderReason.NO_CASH
        deal.opens = whole
        return self.need(deal, whole) if whole > 0 else 0.0

    def share_cash(self, deals: list[Deal]) -> None:
        """All by one factor."""
        free = self.account.free(self.now)
        needs, need = [], 0.0
        for deal in deals:
            free += self.freed(deal)
            whole = self.account.costs[deal.order.symbol].rounded(deal.opens)
            needs.append(self.need(deal, whole) if whole > 0 else 0.0)
            need += needs[-1]
        free = max(free, 0.0)
        if need > free * (1.0 + SLACK):
            factor = free / need
            for deal, its_need in zip(deals, needs, strict=True):
                self.fit(deal, factor * its_need)
        else:
            for deal in deals:
                self.fit(deal, math.inf)

    def take_turns(self, deals: list[Deal]) -> None:
        """Each takes what is left, sells first; under reject it fits whole or not at all."""
        free, of = self.account.free(self.now), {deal.order: deal for deal in deals}
        for order in sells_first(of):
            deal = of[order]
            with_freed = free + self.freed(deal)
            taken = self.fit(deal, with_freed)
            rejects = self.account.rules.short_of_cash == ShortOfCash.REJECT
            if rejects and deal.problem in LACKS_CASH:
                deal.closes = deal.opens = 0.0
                deal.problem = OrderReason.NO_CASH
                continue
            free = with_freed - taken

    # ---- fills

    def finish(self, deal: Deal) -> bool:
        """Fill a deal, or say why there is nothing to fill; tells whether it opened something."""
        account, order = self.account, deal.order
        if not order.is_working:
            return False  # the other exit of its bracket was first
        held = account.quantity(order.symbol)
        closes = min(deal.closes, abs(held) if held * order.side < 0 else 0.0)
        quantity = closes + deal.opens
        if quantity > 0 and not self.pays(deal, quantity):
            account.end(self.bar, order, OrderStatus.REFUSED, OrderReason.NO_CASH)
            return False
        if quantity > 0:
            opened = self.execute(deal, quantity, entering=deal.opens > 0)
            if order.is_working and not order.is_exit:
                self.rest(deal, closes < deal.closes or deal.problem in LACKS_CASH)
            return opened
        if deal.closes > 0 or order.is_exit:
            account.end(self.bar, order, OrderStatus.CANCELLED, OrderReason.POSITION_GONE)
            return False
        is_there = order.action is Action.TARGET and order.symbol in account.positions
        if is_there and deal.problem is not OrderReason.NO_CASH:
            account.end(self.bar, order, OrderStatus.CANCELLED, OrderReason.NOTHING_TO_DO)
        else:
            reason = deal.problem or OrderReason.BELOW_ONE_LOT
            account.end(self.bar, order, OrderStatus.REFUSED, reason)
        return False

    def pays(self, deal: Deal, quantity: float) -> bool:
        """A sale that costs more than it brings, and more than there is, is refused without margin."""
        order, costs = deal.order, self.account.costs[deal.order.symbol]
        if order.side > 0 or deal.opens > 0 or self.account.rules.initial_margin > 0:
            return True
        price = self.price(deal, False, quantity)
        brings = costs.value(quantity, price) - costs.commission(order, quantity, price)
        brings -= costs.tax(quantity, price, order.side)
        noise = -1e-9 * max(1.0, costs.value(quantity, price))
        return brings >= 0 or self.account.cash + brings >= noise

    def rest(self, deal: Deal, is_cut: bool) -> None:
        """What is left of an order that has filled: nothing, or what the volume did not hold."""
        order = deal.order
        order.remaining = max(deal.wanted - (deal.closes + deal.opens), 0.0)
        tradable = self.account.costs[order.symbol].rounded(order.remaining) > 0
        if is_cut:
            reason = OrderReason.REDUCED_TO_CASH
            self.account.end(self.bar, order, OrderStatus.FILLED, reason)
        elif not (deal.more_later and tradable):
            self.account.end(self.bar, order, OrderStatus.FILLED, OrderReason.NONE)

    def execute(self, deal: Deal, quantity: float, entering: bool) -> bool:
        account, order = self.account, deal.order
        costs = account.costs[order.symbol]
        price = self.price(deal, entering, quantity)
        fill = account.record(
            self.bar, order.symbol, order.side, self.phase, order.cause, quantity, price
        )
        fill.order = order.row
        fill.commission = costs.commission(order, quantity, price)
        fill.tax = costs.tax(quantity, price, order.side)
        fill.slippage = costs.value(quantity, abs(price - deal.raw))
        if (self.bar, order.parent) in account.undecided:
            fill.ambiguous = 1
            account.ambiguous.add((self.bar, order.symbol))
        account.taken[order.symbol] = account.taken.get(order.symbol, 0.0) + quantity
        if order.entered < 0:
            order.entered, order.phase = self.bar, self.phase
        order.filled += quantity
        order.value += costs.value(quantity, price)
        order.commission += fill.commission
        held = account.quantity(order.symbol)
        account.book(order.symbol, order.side, quantity, price, fill.commission + fill.tax)
        order.just_touched = False
        if order.is_exit:
            exit_has_filled(account, self.bar, order, quantity)
        if account.quantity(order.symbol) * held <= 0 and held != 0:
            account.resting_exits_end(self.bar, order.symbol)
        position = account.positions.get(order.symbol)
        if not entering or position is None or position.side != order.side:
            return False
        keep_close_levels(position, order)
        bracket_covers(account, self.bar, order, min(quantity, abs(position.quantity)), price)
        return True


def keep_close_levels(position: Position, order: Order) -> None:
    if order.close_stop_rate > 0 or order.close_target_rate > 0:
        position.close_stop_rate = order.close_stop_rate
        position.close_target_rate = order.close_target_rate


def sells_first(orders: Iterable[Order]) -> Iterator[Order]:
    """Sells, then buys; within each as they come."""
    orders = list(orders)
    for side in (-1, 1):
        yield from (order for order in orders if order.side == side)
