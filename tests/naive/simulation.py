"""The simulation once more, slow and obvious: objects, lists and one function a rule, read off the rules' page.

Nothing here is shared with the kernels but the vocabulary. Only the order in which floats are multiplied and added
is the same on both sides, so that equal rules give equal bits and any difference is one of meaning.
"""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from engine.kernels.book import Rules
from engine.market import Panel
from engine.types import (
    Action,
    EventKind,
    FillAt,
    OrderReason,
    OrderStatus,
    Reason,
    ShortOfCash,
    SizeKind,
)
from tests.naive.costs import SLACK, Costs
from tests.naive.orders import Deal, Fill, Order, Position, Said

NOTHING = 1e-9  # a position smaller than this is none

LACKS_CASH = (OrderReason.REDUCED_TO_CASH, OrderReason.NO_CASH)
LEAVES = (Action.EXIT_LONG, Action.EXIT_SHORT)
SIDE_OF = {
    Action.BUY: 1,
    Action.SELL: -1,
    Action.ENTER_LONG: 1,
    Action.EXIT_LONG: -1,
    Action.ENTER_SHORT: -1,
    Action.EXIT_SHORT: 1,
    Action.TARGET: 0,
}


@dataclass
class Account:
    """One run: everything that it knows, and what happens to it bar by bar."""

    panel: Panel
    said: list[Said]
    rules: Rules
    cash: float
    costs: Costs = field(init=False)
    positions: dict[int, Position] = field(default_factory=dict)
    orders: list[Order] = field(default_factory=list)
    waiting: list[Order] = field(default_factory=list)
    fills: list[Fill] = field(default_factory=list)
    equity: list[float] = field(default_factory=list)
    cash_curve: list[float] = field(default_factory=list)
    gross: list[float] = field(default_factory=list)
    held_counts: list[int] = field(default_factory=list)
    n_exits: int = 0

    def __post_init__(self) -> None:
        self.costs = Costs(self.rules)
        self.opens: list[list[float]] = self.panel.open.tolist()
        self.closes: list[list[float]] = self.panel.close.tolist()
        self.volumes: list[list[float]] = self.panel.volume.tolist()
        self.times: list[int] = self.panel.time_ns.tolist()
        n_symbols = len(self.panel.symbols)
        self.volume_known = [any(row[s] > 0 for row in self.volumes) for s in range(n_symbols)]
        self.events = [
            (int(e["bar"]), int(e["symbol"]), EventKind(int(e["kind"])), float(e["value"]))
            for e in self.panel.events
        ]

    # ---- the course of a bar

    def run(self) -> "Account":
        for bar in range(self.panel.first_counted, len(self.times)):
            self.corporate_actions(bar, bar)
            if self.rules.fill_at == FillAt.NEXT_OPEN:
                self.trade(bar, self.opens, at_close=0)
            if self.rules.fill_at == FillAt.NEXT_CLOSE:
                self.trade(bar, self.closes, at_close=1)
            self.judge_levels(bar)
            for said in self.said:
                if said.bar == bar:
                    self.decide(said)
            if self.rules.fill_at == FillAt.SAME_CLOSE:
                self.trade(bar, self.closes, at_close=1)
            self.remember_closes(bar)
            if bar == len(self.times) - 1:
                self.corporate_actions(bar, bar + 1)
            self.write_down()
        for order in self.waiting:
            order.end(len(self.times) - 1, OrderStatus.EXPIRED, OrderReason.END_OF_DATA)
        return self

    def remember_closes(self, bar: int) -> None:
        for symbol, position in self.positions.items():
            if not math.isnan(self.closes[bar][symbol]):
                position.mark = self.closes[bar][symbol]

    def write_down(self) -> None:
        total, gross = self.cash, 0.0
        for _, position in sorted(self.positions.items()):
            total += position.quantity * position.mark
            gross += abs(position.quantity * position.mark)
        self.equity.append(total)
        self.cash_curve.append(self.cash)
        self.gross.append(gross)
        self.held_counts.append(len(self.positions))

    def quantity(self, symbol: int) -> float:
        return self.positions[symbol].quantity if symbol in self.positions else 0.0

    # ---- corporate life

    def corporate_actions(self, bar: int, due: int) -> None:
        """Apply what is due; after the last bar only a delisting still happens."""
        for when, symbol, kind, value in self.events:
            if when != due or (due > bar and kind is not EventKind.DELISTING):
                continue
            if kind is EventKind.DIVIDEND:
                self.cash += self.quantity(symbol) * value
            elif kind is EventKind.SPLIT:
                self.split(bar, symbol, value)
            else:
                self.delist(bar, symbol, value, at_close=int(due > bar))

    def split(self, bar: int, symbol: int, ratio: float) -> None:
        for order in self.waiting:
            if order.symbol == symbol and order.size_kind is SizeKind.QUANTITY:
                order.size *= ratio
        if symbol not in self.positions:
            return
        position = self.positions[symbol]
        side = 1 if position.quantity > 0 else -1
        position.entry /= ratio
        position.mark /= ratio
        restated = abs(position.quantity * ratio)
        kept = restated
        if self.rules.lot > 0:
            kept = float(math.floor(restated * (1.0 + SLACK)))
            fraction = restated - kept
            if fraction > NOTHING:
                price = self.opens[bar][symbol]
                price = position.mark if math.isnan(price) else price
                self.record(bar, symbol, -side, 0, Reason.SPLIT, fraction, price)
                self.cash += side * (fraction * price)
        position.quantity = side * kept
        if kept < NOTHING:
            del self.positions[symbol]

    def delist(self, bar: int, symbol: int, value: float, at_close: int) -> None:
        for order in self.orders_of(symbol):
            self.waiting.remove(order)
            order.end(bar, OrderStatus.EXPIRED, OrderReason.DELISTED)
        if symbol in self.positions:
            held = self.positions[symbol].quantity
            side = -1 if held > 0 else 1
            price = self.positions[symbol].mark * (1.0 + value)
            self.record(bar, symbol, side, at_close, Reason.DELISTING, abs(held), price)
            self.book(symbol, side, abs(held), price, 0.0)

    # ---- decisions

    def orders_of(self, symbol: int, action: Action | None = None) -> list[Order]:
        return [o for o in self.waiting if o.symbol == symbol and action in (None, o.action)]

    def create(self, order: Order) -> None:
        order.side = SIDE_OF[order.action]
        self.orders.append(order)
        self.waiting.append(order)

    def judge_levels(self, bar: int) -> None:
        for symbol, position in sorted(self.positions.items()):
            close = self.closes[bar][symbol]
            side = 1 if position.quantity > 0 else -1
            leave = Action.EXIT_LONG if side > 0 else Action.EXIT_SHORT
            if math.isnan(close) or self.orders_of(symbol, leave):
                continue
            gain = side * (close - position.entry)
            tolerance = SLACK * position.entry
            stop, target = position.stop_rate, position.target_rate
            if stop > 0 and gain <= -stop * position.entry + tolerance:
                self.create(Order(bar, symbol, leave, cause=Reason.STOP))
            elif target > 0 and gain >= target * position.entry - tolerance:
                self.create(Order(bar, symbol, leave, cause=Reason.TARGET))

    def withdraw(self, bar: int, symbol: int, action: Action) -> None:
        for order in self.orders_of(symbol, action):
            self.waiting.remove(order)
            order.end(bar, OrderStatus.CANCELLED, OrderReason.SUPERSEDED)

    def leave(self, said: Said, side: int) -> None:
        enter, leave = (
            (Action.ENTER_LONG, Action.EXIT_LONG)
            if side > 0
            else (Action.ENTER_SHORT, Action.EXIT_SHORT)
        )
        self.withdraw(said.bar, said.symbol, enter)
        is_held = self.quantity(said.symbol) * side > 0
        if is_held and not self.orders_of(said.symbol, leave):
            self.create(Order(said.bar, said.symbol, leave, said.label))

    def decide(self, said: Said) -> None:
        if said.action in LEAVES:
            self.leave(said, 1 if said.action is Action.EXIT_LONG else -1)
            return
        if said.action in (Action.ENTER_LONG, Action.ENTER_SHORT):
            side = SIDE_OF[said.action]
            is_there = self.quantity(said.symbol) * side > 0
            if is_there or self.orders_of(said.symbol, said.action):
                return
            self.leave(said, -side)
        if said.action is Action.TARGET:
            self.withdraw(said.bar, said.symbol, Action.TARGET)
            if said.size == 0 and said.symbol not in self.positions:
                return
        self.create(
            Order(
                said.bar,
                said.symbol,
                said.action,
                said.label,
                said.size_kind,
                said.size,
                said.stop_rate,
                said.target_rate,
            )
        )

    # ---- trading at one instant

    def trade(self, bar: int, prices: list[list[float]], at_close: int) -> None:
        ready = [order for order in self.waiting if self.trades(bar, order.symbol)]
        ready.sort(key=lambda order: (order.decided, order.symbol))
        for order in ready:
            self.waiting.remove(order)
        now = {symbol: prices[bar][symbol] for symbol in range(len(self.panel.symbols))}
        equity = self.cash
        for symbol, position in sorted(self.positions.items()):
            equity += position.quantity * self.price_now(now, symbol)
        for order in sells_first(ready):
            if order.action in LEAVES:
                self.exit(bar, order, now[order.symbol], at_close)
        wanted = {
            order: self.wanted(order, now[order.symbol], equity)
            for order in ready
            if order.action not in LEAVES
        }
        going_to_move = {order.symbol: 0.0 for order in wanted}
        planned = {}
        for order in sells_first(wanted):
            held = self.quantity(order.symbol) + going_to_move[order.symbol]
            deal = self.part(order, now[order.symbol], wanted[order], held)
            going_to_move[order.symbol] += order.side * (deal.closes + deal.opens)
            planned[order] = deal
        deals = [planned[order] for order in wanted]
        if self.rules.short_of_cash == ShortOfCash.SCALE:
            self.share_cash(deals, self.free_cash(now))
        else:
            self.take_turns(deals, self.free_cash(now))
        of = {deal.order: deal for deal in deals}
        for order in sells_first(of):
            self.finish(bar, of[order], at_close)

    def trades(self, bar: int, symbol: int) -> bool:
        has_bar = not math.isnan(self.closes[bar][symbol])
        return has_bar and (not self.volume_known[symbol] or self.volumes[bar][symbol] > 0)

    def price_now(self, now: dict[int, float], symbol: int) -> float:
        return self.positions[symbol].mark if math.isnan(now[symbol]) else now[symbol]

    def free_cash(self, now: dict[int, float]) -> float:
        """Cash without the proceeds of shorts and without what covers them."""
        free = self.cash
        for symbol, position in sorted(self.positions.items()):
            if position.quantity < 0:
                free += 2.0 * position.quantity * self.price_now(now, symbol)
        return free

    def exit(self, bar: int, order: Order, raw: float, at_close: int) -> None:
        held = self.quantity(order.symbol)
        if held * order.side < 0:
            self.execute(bar, order, raw, at_close, abs(held), entering=False)
            order.end(bar, OrderStatus.FILLED, OrderReason.NONE)
        else:
            order.end(bar, OrderStatus.CANCELLED, OrderReason.POSITION_GONE)

    def wanted(self, order: Order, raw: float, equity: float) -> float:
        """How much the order wants to trade now, before rounding; a target learns its side here."""
        held = self.quantity(order.symbol)
        is_target = order.action is Action.TARGET
        if order.size_kind is SizeKind.QUANTITY:
            change = order.size - held if is_target else order.side * order.size
            order.side = order.side or (1 if change >= 0 else -1)
            return abs(change)
        money = {
            SizeKind.CASH: order.size,
            SizeKind.PERCENT: equity * order.size / 100.0,
            SizeKind.WEIGHT: equity * order.size,
        }[order.size_kind]
        if is_target and money == 0:
            order.side = 1 if held < 0 else -1
            return abs(held)
        if is_target:
            money -= held * raw
            order.side = 1 if money >= 0 else -1
        money = abs(money)
        price = self.costs.price(raw, order.side, entering=held * order.side >= 0)
        if price <= 0:
            return 0.0
        is_buy = order.side > 0
        quantity = self.costs.quantity_for(money, price, 1) if is_buy else money / price
        if held * order.side < 0 and quantity > abs(held):  # crossing is all of it an entry
            price = max(self.costs.price(raw, order.side, entering=True), SLACK)
            quantity = self.costs.quantity_for(money, price, 1) if is_buy else money / price
            quantity = max(quantity, abs(held))
        reduces = held * order.side < 0 and order.size * order.side <= 0
        return min(quantity, abs(held)) if is_target and reduces else quantity

    def part(self, order: Order, raw: float, size: float, held: float) -> Deal:
        """Part a size into what it closes of ``held`` (lots, or all of it) and what it opens."""
        if held * order.side >= 0:
            return Deal(order, raw, 0.0, size)
        if size < abs(held) - NOTHING:
            return Deal(order, raw, self.costs.rounded(size), 0.0)
        rest = size - abs(held)
        return Deal(order, raw, abs(held), rest if rest > NOTHING else 0.0)

    def freed(self, deal: Deal) -> float:
        """Free cash that the closing part of a deal brings."""
        if deal.closes == 0:
            return 0.0
        side = deal.order.side
        price = self.costs.price(deal.raw, side, entering=deal.opens > 0)
        commission = self.costs.commission(deal.closes, price)
        if side < 0:
            return deal.closes * price - commission - self.costs.tax(deal.closes, price, side)
        return deal.closes * (2.0 * deal.raw - price) - commission

    def fit(self, deal: Deal, money: float) -> float:
        """Round what opens to lots within the money, and say how much of it that takes."""
        if deal.opens == 0:
            return 0.0
        side = deal.order.side
        price = self.costs.price(deal.raw, side, entering=True)
        whole = self.costs.rounded(deal.opens)
        if whole == 0:
            deal.opens, deal.problem = 0.0, OrderReason.BELOW_ONE_LOT
            return 0.0
        if self.costs.money_for(whole, price, side) > money * (1.0 + SLACK):
            whole = min(whole, self.costs.lots_for(money, price, side))
            deal.problem = OrderReason.REDUCED_TO_CASH if whole > 0 else OrderReason.NO_CASH
        deal.opens = whole
        return self.costs.money_for(whole, price, side) if whole > 0 else 0.0

    def share_cash(self, deals: list[Deal], free: float) -> None:
        """All by one factor."""
        needs = []
        need = 0.0
        for deal in deals:
            free += self.freed(deal)
            price = self.costs.price(deal.raw, deal.order.side, entering=True)
            needs.append(self.costs.money_for(deal.opens, price, deal.order.side))
            need += needs[-1]
        free = max(free, 0.0)
        if need > free * (1.0 + SLACK):
            factor = free / need
            for deal, its_need in zip(deals, needs, strict=True):
                self.fit(deal, factor * its_need)
        else:
            for deal in deals:
                self.fit(deal, math.inf)

    def take_turns(self, deals: list[Deal], free: float) -> None:
        """Each takes what is left, sells first; under reject it fits whole or not at all."""
        of = {deal.order: deal for deal in deals}
        for order in sells_first(of):
            deal = of[order]
            with_freed = free + self.freed(deal)
            taken = self.fit(deal, with_freed)
            if deal.problem in LACKS_CASH and self.rules.short_of_cash == ShortOfCash.REJECT:
                deal.closes = deal.opens = 0.0
                deal.problem = OrderReason.NO_CASH
                continue
            free = with_freed - taken

    def finish(self, bar: int, deal: Deal, at_close: int) -> None:
        order, held = deal.order, self.quantity(deal.order.symbol)
        closes = min(deal.closes, abs(held) if held * order.side < 0 else 0.0)
        quantity = closes + deal.opens
        if quantity > 0:
            short = closes < deal.closes or deal.problem in LACKS_CASH
            self.execute(bar, order, deal.raw, at_close, quantity, entering=deal.opens > 0)
            reason = OrderReason.REDUCED_TO_CASH if short else OrderReason.NONE
            order.end(bar, OrderStatus.FILLED, reason)
            return
        if deal.closes > 0:
            order.end(bar, OrderStatus.CANCELLED, OrderReason.POSITION_GONE)
            return
        is_there = order.action is Action.TARGET and order.symbol in self.positions
        if is_there and deal.problem is not OrderReason.NO_CASH:
            order.end(bar, OrderStatus.CANCELLED, OrderReason.NOTHING_TO_DO)
        else:
            order.end(bar, OrderStatus.REFUSED, deal.problem or OrderReason.BELOW_ONE_LOT)

    def execute(
        self, bar: int, order: Order, raw: float, at_close: int, quantity: float, entering: bool
    ) -> None:
        price = self.costs.price(raw, order.side, entering)
        fill = self.record(bar, order.symbol, order.side, at_close, order.cause, quantity, price)
        fill.order = self.orders.index(order)
        fill.commission = self.costs.commission(quantity, price)
        fill.tax = self.costs.tax(quantity, price, order.side)
        fill.slippage = quantity * abs(price - raw)
        costs = fill.commission + fill.tax
        self.book(order.symbol, order.side, quantity, price, costs)
        opened = entering and self.quantity(order.symbol) * order.side > 0
        if opened and (order.stop_rate > 0 or order.target_rate > 0):
            self.positions[order.symbol].stop_rate = order.stop_rate
            self.positions[order.symbol].target_rate = order.target_rate
        order.filled = quantity

    def record(
        self,
        bar: int,
        symbol: int,
        side: int,
        at_close: int,
        reason: Reason,
        quantity: float,
        price: float,
    ) -> Fill:
        fill = Fill(self.times[bar], bar, -1, symbol, side, 2 * at_close, reason, quantity, price)
        self.fills.append(fill)
        return fill

    def book(self, symbol: int, side: int, quantity: float, price: float, costs: float) -> None:
        """Move money and shares."""
        held = self.quantity(symbol)
        after = held + side * quantity
        self.n_exits += held * side < 0
        if held == 0 or held * after < 0:
            self.positions[symbol] = Position(after, price)
        position = self.positions[symbol]
        if held * after > 0 and abs(after) > abs(held):
            position.entry = (position.entry * abs(held) + price * quantity) / abs(after)
        position.quantity = after
        if abs(after) < NOTHING:
            del self.positions[symbol]
        self.cash = self.cash - side * (quantity * price) - costs
        if -1e-9 * max(1.0, quantity * price) < self.cash < 0:
            self.cash = 0.0  # what rounding leaves below zero is not a debt


def sells_first(orders: Iterable[Order]) -> Iterator[Order]:
    """Sells, then buys; within each as they come."""
    for side in (-1, 1):
        yield from (order for order in orders if order.side == side)
