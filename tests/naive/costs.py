"""Prices, costs and rounding of the plain-Python simulation, in one place."""

import math
from dataclasses import dataclass

from engine.kernels.book import Rules
from engine.types import SpreadOn

SLACK = 1e-12  # a quantity or sum that misses a bound by less than this share of it has met it
SMALLEST_FRACTION = 1e-8


@dataclass
class Costs:
    """What trading costs, in one place."""

    rules: Rules

    def price(self, raw: float, side: int, entering: bool) -> float:
        width = self.rules.spread + raw * self.rules.spread_rate
        if self.rules.spread_on == SpreadOn.BOTH:
            part = 0.5 * width
        else:
            part = width if entering else 0.0
        return max(raw + side * (raw * self.rules.slippage_rate + part), 0.0)

    def mix(self, quantity: float, price: float) -> float:
        rules = self.rules
        return (
            rules.commission_rate * (quantity * price)
            + rules.commission_per_share * quantity
            + rules.commission_per_order
        )

    def commission(self, quantity: float, price: float) -> float:
        if quantity <= 0:
            return 0.0
        bounded = max(self.mix(quantity, price), self.rules.commission_min)
        return min(bounded, self.rules.commission_max)

    def tax(self, quantity: float, price: float, side: int) -> float:
        return self.rules.sell_tax_rate * (quantity * price) if side < 0 else 0.0

    def money_for(self, quantity: float, price: float, side: int) -> float:
        """Free cash that opening takes: the full value and the costs, of a short too."""
        commission = self.commission(quantity, price)
        return quantity * price + commission + self.tax(quantity, price, side)

    def quantity_for(self, money: float, price: float, side: int) -> float:
        """The quantity whose value and costs come to this money."""
        if money <= 0 or price <= 0:
            return 0.0
        rules = self.rules
        tax_rate = rules.sell_tax_rate if side < 0 else 0.0
        quantity = (money - rules.commission_per_order) / (
            price * (1.0 + rules.commission_rate + tax_rate) + rules.commission_per_share
        )
        if self.mix(quantity, price) < rules.commission_min:
            quantity = (money - rules.commission_min) / (price * (1.0 + tax_rate))
        elif self.mix(quantity, price) > rules.commission_max:
            quantity = (money - rules.commission_max) / (price * (1.0 + tax_rate))
        return max(quantity, 0.0)

    def rounded(self, quantity: float) -> float:
        """Toward zero to lots, or to the smallest fraction."""
        if self.rules.lot > 0:
            return float(math.floor(quantity / self.rules.lot * (1.0 + SLACK))) * self.rules.lot
        return float(math.floor(quantity * 1e8 * (1.0 + SLACK))) / 1e8

    def lots_for(self, money: float, price: float, side: int) -> float:
        quantity = self.rounded(self.quantity_for(money, price, side))
        if quantity > 0 and self.money_for(quantity, price, side) > money * (1.0 + SLACK):
            step = self.rules.lot if self.rules.lot > 0 else SMALLEST_FRACTION
            quantity = self.rounded(max(quantity - step, 0.0))
        return quantity
