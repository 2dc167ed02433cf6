"""What the plain-Python simulation knows while it runs: money, positions, orders, and what has been written down."""

import math
from collections.abc import Iterable
from dataclasses import dataclass, field

from engine.kernels.book import Rules
from engine.market import Panel
from engine.types import (
    NS_PER_DAY,
    Action,
    EventKind,
    OrderReason,
    OrderStatus,
    Phase,
    Reason,
)
from tests.naive.costs import Costs
from tests.naive.orders import NOTHING, SIDE_OF, Event, Fill, Order, Position

Bars = list[list[float]]


@dataclass
class Account:
    """One run: everything that it knows."""

    panel: Panel
    rules: Rules
    cash: float
    positions: dict[int, Position] = field(default_factory=dict)
    orders: list[Order] = field(default_factory=list)
    waiting: list[Order] = field(default_factory=list)
    fills: list[Fill] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    equity: list[float] = field(default_factory=list)
    cash_curve: list[float] = field(default_factory=list)
    gross: list[float] = field(default_factory=list)
    held_counts: list[int] = field(default_factory=list)
    n_exits: int = 0
    borrow_paid: float = 0.0
    interest_paid: float = 0.0
    stays: list[float] = field(default_factory=list)  # profits of closed stays
    stay: dict[int, float] = field(default_factory=dict)  # money of the stay under way, by symbol
    ambiguous: set[tuple[int, int]] = field(default_factory=set)  # (bar, symbol)
    undecided: set[tuple[int, Order]] = field(default_factory=set)  # (bar, entry)
    tried: set[Order] = field(default_factory=set)  # in this bar, for which no volume was left
    taken: dict[int, float] = field(default_factory=dict)  # volume taken in this bar, by symbol
    equity_at_open: float = 0.0
    wanted: dict[int, float] = field(default_factory=dict)  # weights of the last drift rebalancing

    def __post_init__(self) -> None:
        self.opens: Bars = self.panel.open.tolist()
        self.highs: Bars = self.panel.high.tolist()
        self.lows: Bars = self.panel.low.tolist()
        self.closes: Bars = self.panel.close.tolist()
        self.volumes: Bars = self.panel.volume.tolist()
        self.times: list[int] = self.panel.time_ns.tolist()
        self.symbols = range(len(self.panel.symbols))
        self.volume_known = [any(row[s] > 0 for row in self.volumes) for s in self.symbols]
        quoted = getattr(self.panel, "half_spread", None)
        self.half_spreads: Bars | None = None if quoted is None else quoted.tolist()
        self.actions = [
            (int(e["bar"]), int(e["symbol"]), EventKind(int(e["kind"])), float(e["value"]))
            for e in self.panel.events
        ]
        panel, rules = self.panel, self.rules
        self.costs = [
            Costs(
                rules,
                0.0 if rules.lot == 0 else self.own(panel.lot_size, s, rules.lot),
                self.own(panel.tick_size, s, rules.tick),
                self.own(panel.multiplier, s, rules.multiplier),
            )
            for s in self.symbols
        ]

    @staticmethod
    def own(column: object, symbol: int, otherwise: float) -> float:
        return otherwise if column is None else float(column[symbol])  # type: ignore[index]

    # ---- what is held and what waits

    def quantity(self, symbol: int) -> float:
        return self.positions[symbol].quantity if symbol in self.positions else 0.0

    def held(self) -> list[tuple[int, Position]]:
        return sorted(self.positions.items())

    def in_turn(self, orders: Iterable[Order]) -> list[Order]:
        """By the bar of the signal, then by symbol, then as they were made."""
        return sorted(orders, key=lambda o: (o.decided, o.symbol, o.row))

    def day(self, bar: int) -> int:
        return self.times[bar] // NS_PER_DAY

    def last_close(self, bar: int, symbol: int) -> float:
        """The last known close at ``bar``."""
        while bar >= 0 and math.isnan(self.closes[bar][symbol]):
            bar -= 1
        return self.closes[bar][symbol] if bar >= 0 else math.nan

    def trades(self, bar: int, symbol: int) -> bool:
        has_bar = not math.isnan(self.closes[bar][symbol])
        return has_bar and self.volume(bar, symbol) != 0

    def volume(self, bar: int, symbol: int) -> float:
        """The bar's volume, infinite when it is unknown: it limits nothing, and nothing is a share of it."""
        volume = self.volumes[bar][symbol]
        is_known = self.volume_known[symbol] and not math.isnan(volume)
        return volume if is_known else math.inf

    def meets(self, bar: int, symbol: int, side: int, price: float) -> float:
        """What an order of this side meets where the middle is at a price: a buy the ask, a sell the bid."""
        half = 0.0 if self.half_spreads is None else self.half_spreads[bar][symbol]
        return price if math.isnan(half) else price + side * half

    def room(self, bar: int, symbol: int) -> float:
        """What the volume limit leaves in this bar."""
        if self.rules.volume_limit == 0:
            return math.inf
        limit = self.rules.volume_limit * self.volume(bar, symbol)
        return max(limit - self.taken.get(symbol, 0.0), 0.0)

    # ---- what it is worth

    def price_now(self, now: list[float], symbol: int) -> float:
        return self.positions[symbol].mark if math.isnan(now[symbol]) else now[symbol]

    def worth(self, now: list[float]) -> float:
        """Equity at these prices."""
        total = self.cash
        for symbol, position in self.held():
            total += self.money(symbol, position.quantity, self.price_now(now, symbol))
        return total

    def to_share_out(self, now: list[float]) -> float:
        """Equity that sizes in percent and weights are of: nothing where less than nothing is left."""
        return max(self.worth(now), 0.0)

    def money(self, symbol: int, quantity: float, price: float) -> float:
        return self.costs[symbol].value(quantity, price)

    def free(self, now: list[float]) -> float:
        """Cash without the proceeds of shorts and what covers them; on margin, equity beyond the initial margin."""
        free = self.cash
        for symbol, position in self.held():
            value = self.money(symbol, position.quantity, self.price_now(now, symbol))
            if self.rules.initial_margin > 0:
                free += value - self.rules.initial_margin * abs(value)
            elif value < 0:
                free += 2.0 * value
        return free

    # ---- writing down

    def record(
        self,
        bar: int,
        symbol: int,
        side: int,
        phase: Phase,
        reason: Reason,
        quantity: float,
        price: float,
    ) -> Fill:
        fill = Fill(self.times[bar], bar, -1, symbol, side, phase, reason, quantity, price)
        self.fills.append(fill)
        return fill

    def book(self, symbol: int, side: int, quantity: float, price: float, costs: float) -> None:
        """Move money and shares."""
        held = self.quantity(symbol)
        after = held + side * quantity
        closing = min(quantity, abs(held)) if held * side < 0 else 0.0
        self.n_exits += closing > 0
        self.tell_stay(symbol, side, quantity, closing, price, costs, abs(after) < NOTHING)
        if held == 0 or held * after < 0:
            self.positions[symbol] = Position(after, price)
        position = self.positions[symbol]
        if held * after > 0 and abs(after) > abs(held):
            position.entry = (position.entry * abs(held) + price * quantity) / abs(after)
        position.quantity = after
        if abs(after) < NOTHING:
            del self.positions[symbol]
        value = self.money(symbol, quantity, price)
        self.cash = self.cash - side * value - costs
        if -1e-9 * max(1.0, value) < self.cash < 0:
            self.cash = 0.0  # what rounding leaves below zero is not a debt

    def tell_stay(
        self,
        symbol: int,
        side: int,
        quantity: float,
        closing: float,
        price: float,
        costs: float,
        is_flat: bool,
    ) -> None:
        """Add a fill to the money of the stay from flat to flat; one that crosses is split, its costs by quantity."""
        if 0 < closing < quantity and not is_flat:
            part = costs * (closing / quantity)
            before = self.stay.pop(symbol, 0.0)
            self.stays.append(before - side * self.money(symbol, closing, price) - part)
            rest = quantity - closing
            self.stay[symbol] = -side * self.money(symbol, rest, price) - (costs - part)
            return
        money = self.stay.get(symbol, 0.0) - side * self.money(symbol, quantity, price) - costs
        self.stay[symbol] = money
        if is_flat:
            self.stays.append(self.stay.pop(symbol))

    # ---- the ends of orders

    def create(self, order: Order) -> Order:
        order.side, order.row = SIDE_OF[order.action], len(self.orders)
        self.orders.append(order)
        self.waiting.append(order)
        return order

    def end(self, bar: int, order: Order, status: OrderStatus, reason: OrderReason) -> None:
        if order in self.waiting:
            self.waiting.remove(order)
        order.end(bar, status, reason)

    def resting_exits_end(self, bar: int, symbol: int) -> None:
        """What waits for a price to close a position that is gone ends with it."""
        side = 0 if symbol not in self.positions else self.positions[symbol].side
        for order in [o for o in self.waiting if o.symbol == symbol]:
            if order.is_exit and not order.is_timed and order.side * side >= 0:
                self.end(bar, order, OrderStatus.CANCELLED, OrderReason.POSITION_GONE)

    def asked(self, symbol: int, action: Action) -> list[Order]:
        """Waiting orders of this action that no bracket made."""
        mine = [o for o in self.waiting if o.symbol == symbol and o.action is action]
        return [o for o in mine if o.parent is None]

    def write_down(self, again: bool = False) -> None:
        for curve in (self.equity, self.cash_curve, self.gross, self.held_counts):
            del curve[len(curve) - again :]
        total, gross = self.cash, 0.0
        for symbol, position in self.held():
            value = self.money(symbol, position.quantity, position.mark)
            total += value
            gross += abs(value)
        self.equity.append(total)
        self.cash_curve.append(self.cash)
        self.gross.append(gross)
        self.held_counts.append(len(self.positions))
