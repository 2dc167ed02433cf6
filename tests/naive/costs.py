"""Prices, costs and rounding of the plain-Python simulation, for one symbol, in one place."""

import math
from dataclasses import dataclass

from engine.kernels.book import Rules
from engine.types import SpreadOn
from tests.naive.orders import Order

SLACK = 1e-12  # a quantity or sum that misses a bound by less than this share of it has met it
SMALLEST_FRACTION = 1e-8


@dataclass
class Costs:
    """What trading one symbol costs."""

    rules: Rules
    lot: float
    tick: float
    multiplier: float

    def price(
        self,
        raw: float,
        side: int,
        entering: bool,
        quantity: float = 0.0,
        volume: float = math.inf,
    ) -> float:
        """The price of an order that takes what is there, moved against the trader; an unknown volume is infinite."""
        rules = self.rules
        width = rules.spread + raw * rules.spread_rate
        if rules.spread_on == SpreadOn.BOTH:
            part = 0.5 * width
        else:
            part = width if entering else 0.0
        ticks = rules.slippage_ticks * self.tick
        impact = 0.0
        if rules.impact > 0:
            impact = raw * (rules.impact * math.sqrt(quantity / volume))
        return max(raw + side * (raw * rules.slippage_rate + part + ticks + impact), 0.0)

    def value(self, quantity: float, price: float) -> float:
        return quantity * (price * self.multiplier)

    def rates(self) -> list[tuple[float, float]]:
        """(from value, rate) of the whole order, ascending."""
        return self.rules.tiers.tolist() or [(0.0, self.rules.commission_rate)]

    def rate(self, value: float) -> float:
        """The rate of the highest tier that the order's value reaches."""
        return [rate for begin, rate in self.rates() if value >= begin * (1.0 - SLACK)][-1]

    def bounded(self, mix: float) -> float:
        return min(max(mix, self.rules.commission_min), self.rules.commission_max)

    def commission(self, order: Order, quantity: float, price: float) -> float:
        """What the order's commission grows by with this fill."""
        if quantity <= 0:
            return 0.0
        value, shares = order.value + self.value(quantity, price), order.filled + quantity
        rules = self.rules
        mix = (
            self.rate(value) * value
            + rules.commission_per_share * shares
            + rules.commission_per_order
        )
        return max(self.bounded(mix) - order.commission, 0.0)

    def tax(self, quantity: float, price: float, side: int) -> float:
        return self.rules.sell_tax_rate * self.value(quantity, price) if side < 0 else 0.0

    @property
    def share(self) -> float:
        """The part of the value that opening takes from free funds: all of it, or the initial margin."""
        return self.rules.initial_margin if self.rules.initial_margin > 0 else 1.0

    def money_for(self, order: Order, quantity: float, price: float) -> float:
        """Free funds that opening takes: the value, or the margin for it, and the costs; of a short too."""
        commission = self.commission(order, quantity, price)
        value = self.value(quantity, price)
        return self.share * value + commission + self.tax(quantity, price, order.side)

    def quantity_for(
        self, order: Order, money: float, price: float, side: int, share: float
    ) -> float:
        """The quantity of which this share of the value, and the costs, come to this money."""
        if money <= 0 or price <= 0:
            return 0.0
        tax_rate = self.rules.sell_tax_rate if side < 0 else 0.0
        rates, best = self.rates(), 0.0
        for i, (begin, rate) in enumerate(rates):
            quantity = self.quantity_at(order, money, price, rate, tax_rate, share)
            if i + 1 < len(rates):
                until = max((rates[i + 1][0] - order.value) / (price * self.multiplier), 0.0)
                quantity = min(quantity, until)
            reached = order.value + self.value(quantity, price) >= begin * (1.0 - SLACK)
            if reached and quantity > best:
                best = quantity
        return best

    def quantity_at(
        self,
        order: Order,
        money: float,
        price: float,
        rate: float,
        tax_rate: float,
        share: float,
    ) -> float:
        """The same at one rate of commission."""
        rules, unit = self.rules, price * self.multiplier
        money = money + order.commission
        before = rate * order.value + rules.commission_per_share * order.filled
        quantity = (money - before - rules.commission_per_order) / (
            unit * (share + rate + tax_rate) + rules.commission_per_share
        )
        mix = (
            rate * (order.value + self.value(quantity, price))
            + rules.commission_per_share * (order.filled + quantity)
            + rules.commission_per_order
        )
        if mix < rules.commission_min:
            quantity = (money - rules.commission_min) / (unit * (share + tax_rate))
        elif mix > rules.commission_max:
            quantity = (money - rules.commission_max) / (unit * (share + tax_rate))
        return max(quantity, 0.0)

    def rounded(self, quantity: float) -> float:
        """Toward zero to lots, or to the smallest fraction."""
        if self.lot > 0:
            return float(math.floor(quantity / self.lot * (1.0 + SLACK))) * self.lot
        return float(math.floor(quantity * 1e8 * (1.0 + SLACK))) / 1e8

    def on_tick(self, price: float, up: bool) -> float:
        """The price on the grid of the symbol, above or below it."""
        if self.tick <= 0 or math.isnan(price):
            return price
        if up:
            return float(math.ceil(price / self.tick * (1.0 - SLACK))) * self.tick
        return float(math.floor(price / self.tick * (1.0 + SLACK))) * self.tick
