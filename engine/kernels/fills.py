"""Price and cost of one fill, and the quantity that an amount of money buys.

A *unit* is what one share or contract is worth: price x multiplier. Rounding. Products and quotients of prices carry
noise of about 1e-16; a quantity that is a whole number but for that noise counts as whole, so sizes are compared with a
relative slack of 1e-12.
"""

from typing import Any

import numpy as np
from numba import njit

from engine.kernels.book import Rules
from engine.market import PanelArrays
from engine.types import SpreadOn

Record = Any  # one row of a struct array

SLACK = 1e-12
_ENTRY = np.int64(SpreadOn.ENTRY)


@njit(nogil=True, cache=True, no_cpython_wrapper=True, no_cfunc_wrapper=True, _nrt=False)
def half_nb(panel: PanelArrays, bar: int, symbol: int) -> float:
    """Return half of what bid and ask are apart in a bar, 0 where nothing is quoted.

    An order of ``side`` meets ``price + side * half`` where the middle is at ``price``: a buy the ask, a sell the bid.
    """
    if len(panel.half_spread) == 0:
        return 0.0
    half = panel.half_spread[bar, symbol]
    return half if half == half else 0.0


@njit(nogil=True, cache=True, no_cpython_wrapper=True, no_cfunc_wrapper=True, _nrt=False)
def fill_price_nb(
    raw: float, side: int, entering: bool, share: float, tick: float, rules: Rules
) -> float:
    """Return the price of a market fill: ``raw`` moved against the trader.

    By slippage in parts of the price and in ticks, by the spread, and by ``impact x sqrt(share)`` of the price, where
    ``share`` is the fill's part of the bar's volume (0 when that is unknown).
    """
    width = rules.spread + raw * rules.spread_rate
    if rules.spread_on == _ENTRY:
        part = width if entering else 0.0
    else:
        part = 0.5 * width
    move = raw * rules.slippage_rate + part
    if rules.slippage_ticks > 0.0:
        move += rules.slippage_ticks * tick
    if rules.impact > 0.0 and share > 0.0:
        move += rules.impact * np.sqrt(share) * raw
    return max(raw + side * move, 0.0)


@njit(nogil=True, cache=True, no_cpython_wrapper=True, no_cfunc_wrapper=True, _nrt=False)
def slot_price_nb(
    slot: Record, entering: bool, quantity: float, tick: float, rules: Rules
) -> float:
    """Return the price at which an order trades ``quantity``: a limit's own, a stop-limit's never beyond its limit."""
    if slot.exact == 1:
        return slot.raw
    share = quantity / slot.volume if slot.volume > 0.0 else 0.0
    price = fill_price_nb(slot.raw, np.int64(slot.side), entering, share, tick, rules)
    if not np.isnan(slot.cap):
        price = min(price, slot.cap) if slot.side > 0 else max(price, slot.cap)
    return price


@njit(nogil=True, cache=True, no_cpython_wrapper=True, no_cfunc_wrapper=True, _nrt=False)
def tier_nb(value: float, rules: Rules) -> float:
    """Return the commission rate of an order of this value: that of the highest tier that begins at or below it."""
    rate = rules.commission_rate
    for i in range(len(rules.tiers)):
        if value >= rules.tiers[i, 0] * (1.0 - SLACK):
            rate = rules.tiers[i, 1]
    return rate


@njit(nogil=True, cache=True, no_cpython_wrapper=True, no_cfunc_wrapper=True, _nrt=False)
def commission_nb(order: Record, quantity: float, unit: float, rules: Rules) -> float:
    """Return what a further fill of an order is charged.

    The mix of all parts is reckoned for all that the order has traded, bounded by minimum and maximum; what has been
    charged before is taken off. So parts per order are charged once, and the bounds hold for the sum.
    """
    if quantity <= 0.0:
        return 0.0
    value = order.value + quantity * unit
    rate = tier_nb(value, rules) if len(rules.tiers) > 0 else rules.commission_rate
    mix = (
        rate * value
        + rules.commission_per_share * (order.filled + quantity)
        + rules.commission_per_order
    )
    return max(min(max(mix, rules.commission_min), rules.commission_max) - order.commission, 0.0)


@njit(nogil=True, cache=True, no_cpython_wrapper=True, no_cfunc_wrapper=True, _nrt=False)
def whole_lots_nb(quantity: float, lot: float) -> float:
    """Return the quantity rounded toward zero to lots; without lots, to 1e-8 of a unit."""
    if lot > 0.0:
        return np.floor(quantity / lot * (1.0 + SLACK)) * lot
    # np.floor stays a float: 1e8 parts of a coin worth a millionth would not fit into a 64-bit integer.
    return np.floor(quantity * 1e8 * (1.0 + SLACK)) / 1e8


@njit(nogil=True, cache=True, no_cpython_wrapper=True, no_cfunc_wrapper=True, _nrt=False)
def on_tick_nb(price: float, tick: float, down: bool) -> float:
    """Return the price of a resting order on the grid of ticks, rounded down or up."""
    if tick <= 0.0 or np.isnan(price):
        return price
    if down:
        return np.floor(price / tick * (1.0 + SLACK)) * tick
    return np.ceil(price / tick * (1.0 - SLACK)) * tick


@njit(nogil=True, cache=True, no_cpython_wrapper=True, no_cfunc_wrapper=True, _nrt=False)
def money_needed_nb(order: Record, quantity: float, unit: float, side: int, rules: Rules) -> float:
    """Return the free money that opening ``quantity`` takes: its costs and its value, or the margin on that."""
    value = quantity * unit
    tax = rules.sell_tax_rate * value if side < 0 else 0.0
    part = rules.initial_margin if rules.initial_margin > 0.0 else 1.0
    return part * value + commission_nb(order, quantity, unit, rules) + tax


@njit(nogil=True, cache=True, no_cpython_wrapper=True, no_cfunc_wrapper=True, _nrt=False)
def quantity_at_rate_nb(
    order: Record, money: float, unit: float, side: int, part: float, rate: float, rules: Rules
) -> float:
    """Return the unrounded quantity of which ``part`` of the value, and the costs, come to ``money`` at this rate."""
    tax_rate = rules.sell_tax_rate if side < 0 else 0.0
    money = money + order.commission
    before = rate * order.value + rules.commission_per_share * order.filled
    quantity = (money - before - rules.commission_per_order) / (
        unit * (part + rate + tax_rate) + rules.commission_per_share
    )
    mix = (
        rate * (order.value + quantity * unit)
        + rules.commission_per_share * (order.filled + quantity)
        + rules.commission_per_order
    )
    if mix < rules.commission_min:
        quantity = (money - rules.commission_min) / (unit * (part + tax_rate))
    elif mix > rules.commission_max:
        quantity = (money - rules.commission_max) / (unit * (part + tax_rate))
    return max(quantity, 0.0)


@njit(nogil=True, cache=True, no_cpython_wrapper=True, no_cfunc_wrapper=True, _nrt=False)
def quantity_for_nb(
    order: Record, money: float, unit: float, side: int, part: float, rules: Rules
) -> float:
    """Return the unrounded quantity of which ``part`` of the value, and the costs, come to ``money``.

    With tiers the greatest such quantity: of each tier by its rate, no farther than the next one begins, where the
    value of the order reaches the tier at all.
    """
    if money <= 0.0 or unit <= 0.0:
        return 0.0
    if len(rules.tiers) == 0:
        return quantity_at_rate_nb(order, money, unit, side, part, rules.commission_rate, rules)
    best = 0.0
    for i in range(len(rules.tiers)):
        rate = rules.tiers[i, 1]
        quantity = quantity_at_rate_nb(order, money, unit, side, part, rate, rules)
        if i + 1 < len(rules.tiers):
            quantity = min(quantity, max((rules.tiers[i + 1, 0] - order.value) / unit, 0.0))
        if order.value + quantity * unit >= rules.tiers[i, 0] * (1.0 - SLACK):
            best = max(best, quantity)
    return best
