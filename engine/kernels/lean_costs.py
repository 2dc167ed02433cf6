"""Price, cost and size of a market order, for the lean simulation.

The arithmetic is that of `fills` for an order that is filled at once, without tiers, ticks or impact, in the same
order of operations; tests hold both against each other bit by bit. It stands here by itself because that of the full
loop carries what an order has traded and paid before.
"""

from typing import NamedTuple

import numpy as np
from numba import njit

from engine.types import SpreadOn

SLACK = 1e-12  # as in `fills`: what is a whole number but for rounding counts as whole
FLAT = 1e-9  # as in `ledger`: a position smaller than this is none
PNL_NOISE = 1e-12  # as in `trades`: a profit smaller than this part of the values is zero
_ENTRY = np.int64(SpreadOn.ENTRY)


class Costs(NamedTuple):
    """The part of `book.Rules` that these runs know."""

    commission_rate: float
    commission_per_share: float
    commission_per_order: float
    commission_min: float
    commission_max: float
    slippage_rate: float
    spread: float
    spread_rate: float
    spread_on: int
    sell_tax_rate: float
    fill_at: int
    lot: float
    short_of_cash: int


@njit(nogil=True, cache=True, error_model="numpy", forceinline=True)
def price_nb(raw: float, side: int, entering: bool, costs: Costs) -> float:
    """Return the price of a fill: ``raw`` moved against the trader by slippage and spread."""
    width = costs.spread + raw * costs.spread_rate
    if costs.spread_on == _ENTRY:
        part = width if entering else 0.0
    else:
        part = 0.5 * width
    return max(raw + side * (raw * costs.slippage_rate + part), 0.0)


@njit(nogil=True, cache=True, error_model="numpy", forceinline=True)
def commission_nb(quantity: float, price: float, costs: Costs) -> float:
    """Return the commission of an order: the mix, within minimum and maximum."""
    if quantity <= 0.0:
        return 0.0
    mix = (
        costs.commission_rate * (quantity * price)
        + costs.commission_per_share * quantity
        + costs.commission_per_order
    )
    return min(max(mix, costs.commission_min), costs.commission_max)


@njit(nogil=True, cache=True, error_model="numpy", forceinline=True)
def tax_nb(quantity: float, price: float, side: int, costs: Costs) -> float:
    """Return the tax on a sale."""
    return costs.sell_tax_rate * (quantity * price) if side < 0 else 0.0


@njit(nogil=True, cache=True, error_model="numpy", forceinline=True)
def whole_lots_nb(quantity: float, lot: float) -> float:
    """Return the quantity rounded toward zero to lots; without lots, to 1e-8 of a unit."""
    if lot > 0.0:
        return np.floor(quantity / lot * (1.0 + SLACK)) * lot
    return np.floor(quantity * 1e8 * (1.0 + SLACK)) / 1e8


@njit(nogil=True, cache=True, error_model="numpy", forceinline=True)
def money_needed_nb(quantity: float, price: float, side: int, costs: Costs) -> float:
    """Return the free cash that opening ``quantity`` takes: its full value and its costs, also for a short."""
    value = quantity * price
    return value + commission_nb(quantity, price, costs) + tax_nb(quantity, price, side, costs)


@njit(nogil=True, cache=True, error_model="numpy", forceinline=True)
def quantity_for_nb(money: float, price: float, side: int, costs: Costs) -> float:
    """Return the unrounded quantity whose value and costs together come to ``money`` (never negative)."""
    if money <= 0.0 or price <= 0.0:
        return 0.0
    tax_rate = costs.sell_tax_rate if side < 0 else 0.0
    quantity = (money - costs.commission_per_order) / (
        price * (1.0 + costs.commission_rate + tax_rate) + costs.commission_per_share
    )
    mix = (
        costs.commission_rate * (quantity * price)
        + costs.commission_per_share * quantity
        + costs.commission_per_order
    )
    if mix < costs.commission_min:
        quantity = (money - costs.commission_min) / (price * (1.0 + tax_rate))
    elif mix > costs.commission_max:
        quantity = (money - costs.commission_max) / (price * (1.0 + tax_rate))
    return max(quantity, 0.0)


@njit(nogil=True, cache=True, error_model="numpy", forceinline=True)
def lots_for_nb(money: float, price: float, side: int, costs: Costs) -> float:
    """Return the greatest tradable quantity whose value and costs fit into ``money``."""
    quantity = whole_lots_nb(quantity_for_nb(money, price, side, costs), costs.lot)
    step = costs.lot if costs.lot > 0.0 else 1e-8
    # The division above and the sum here round differently: at most one step too much.
    if quantity > 0.0 and money_needed_nb(quantity, price, side, costs) > money * (1.0 + SLACK):
        quantity = whole_lots_nb(max(quantity - step, 0.0), costs.lot)
    return quantity
