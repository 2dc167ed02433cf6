"""Price and cost of one fill, and the quantity that an amount of money buys.

Rounding. Products and quotients of prices carry noise of about 1e-16; a quantity that is a whole number but for that
noise counts as whole, so sizes are compared with a relative slack of 1e-12.
"""

import numpy as np
from numba import njit

from engine.kernels.book import Rules
from engine.types import SpreadOn

SLACK = 1e-12
_ENTRY = np.int64(SpreadOn.ENTRY)


@njit(nogil=True, cache=True, no_cpython_wrapper=True, no_cfunc_wrapper=True)
def fill_price_nb(raw: float, side: int, entering: bool, rules: Rules) -> float:
    """Return the price of a market fill: ``raw`` moved against the trader by slippage and spread."""
    width = rules.spread + raw * rules.spread_rate
    if rules.spread_on == _ENTRY:
        part = width if entering else 0.0
    else:
        part = 0.5 * width
    return max(raw + side * (raw * rules.slippage_rate + part), 0.0)


@njit(nogil=True, cache=True, no_cpython_wrapper=True, no_cfunc_wrapper=True)
def commission_nb(quantity: float, price: float, rules: Rules) -> float:
    """Return the commission of one order filled at once: the mix, within minimum and maximum."""
    if quantity <= 0.0:
        return 0.0
    mix = (
        rules.commission_rate * (quantity * price)
        + rules.commission_per_share * quantity
        + rules.commission_per_order
    )
    return min(max(mix, rules.commission_min), rules.commission_max)


@njit(nogil=True, cache=True, no_cpython_wrapper=True, no_cfunc_wrapper=True)
def whole_lots_nb(quantity: float, lot: float) -> float:
    """Return the quantity rounded toward zero to lots; without lots, to 1e-8 of a unit."""
    if lot > 0.0:
        return np.floor(quantity / lot * (1.0 + SLACK)) * lot
    # np.floor stays a float: 1e8 parts of a coin worth a millionth would not fit into a 64-bit integer.
    return np.floor(quantity * 1e8 * (1.0 + SLACK)) / 1e8


@njit(nogil=True, cache=True, no_cpython_wrapper=True, no_cfunc_wrapper=True)
def money_needed_nb(quantity: float, price: float, side: int, rules: Rules) -> float:
    """Return the free cash that opening ``quantity`` takes: its full value and its costs, also for a short."""
    value = quantity * price
    tax = rules.sell_tax_rate * value if side < 0 else 0.0
    return value + commission_nb(quantity, price, rules) + tax


@njit(nogil=True, cache=True, no_cpython_wrapper=True, no_cfunc_wrapper=True)
def quantity_for_nb(money: float, price: float, side: int, rules: Rules) -> float:
    """Return the unrounded quantity whose value and costs together come to ``money`` (never negative)."""
    if money <= 0.0 or price <= 0.0:
        return 0.0
    tax_rate = rules.sell_tax_rate if side < 0 else 0.0
    quantity = (money - rules.commission_per_order) / (
        price * (1.0 + rules.commission_rate + tax_rate) + rules.commission_per_share
    )
    mix = (
        rules.commission_rate * (quantity * price)
        + rules.commission_per_share * quantity
        + rules.commission_per_order
    )
    if mix < rules.commission_min:
        quantity = (money - rules.commission_min) / (price * (1.0 + tax_rate))
    elif mix > rules.commission_max:
        quantity = (money - rules.commission_max) / (price * (1.0 + tax_rate))
    return max(quantity, 0.0)


@njit(nogil=True, cache=True, no_cpython_wrapper=True, no_cfunc_wrapper=True)
def lots_for_nb(money: float, price: float, side: int, rules: Rules) -> float:
    """Return the greatest tradable quantity whose value and costs fit into ``money``."""
    quantity = whole_lots_nb(quantity_for_nb(money, price, side, rules), rules.lot)
    step = rules.lot if rules.lot > 0.0 else 1e-8
    # The division above and the sum here round differently: at most one step too much.
    if quantity > 0.0 and money_needed_nb(quantity, price, side, rules) > money * (1.0 + SLACK):
        quantity = whole_lots_nb(max(quantity - step, 0.0), rules.lot)
    return quantity
