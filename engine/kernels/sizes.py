"""How much an order wants to trade: money, percent, weight, risk and Kelly become a quantity at the fill's price."""

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from engine.kernels.book import Book, Rules
from engine.kernels.fills import (
    SLACK,
    on_tick_nb,
    quantity_for_nb,
    slot_price_nb,
)
from engine.kernels.orders import TRAILING, base_nb, bracket_level_nb
from engine.types import Action, BracketBase, LevelKind, OrderReason, SizeKind

Record = Any  # one row of a struct array

_OPENS = np.bool_(True)
_ONE = np.float64(1.0)
_NOTHING = np.float64(0.0)
_BUYS = np.int64(1)
_LEAST = np.float64(SLACK)
_TARGET = np.int64(Action.TARGET)
_QUANTITY = np.int64(SizeKind.QUANTITY)
_CASH = np.int64(SizeKind.CASH)
_PERCENT = np.int64(SizeKind.PERCENT)
_RISK = np.int64(SizeKind.RISK)
_KELLY = np.int64(SizeKind.KELLY)
_NONE = np.int64(LevelKind.NONE)
_RATE = np.int64(LevelKind.RATE)
_FROM_FILL = np.int64(BracketBase.FILL)
_NO_STOP = np.int64(OrderReason.NO_STOP)


@njit(nogil=True, cache=True, no_cpython_wrapper=True, no_cfunc_wrapper=True, _nrt=False)
def kelly_nb(state: NDArray[np.void], rules: Rules, multiple: float) -> float:
    """Return the fraction of equity that Kelly's rule gives after the stays closed so far.

    ``W - (1 - W) / (average win / average loss)`` with W the share of winning stays, at least 0 and at most 1, times
    ``multiple``; before ``kelly_min_trades`` stays, the fraction to start with.
    """
    st = state[0]
    if st.n_stays < rules.kelly_min_trades:
        return rules.kelly_start / 100.0
    wins = st.n_wins / st.n_stays
    fraction = wins
    if st.n_losses > 0:
        if st.n_wins == 0:
            return 0.0
        ratio = (st.won / st.n_wins) / (st.lost / st.n_losses)
        fraction = wins - (1.0 - wins) / ratio
    return min(max(fraction, 0.0), 1.0) * multiple


@njit(nogil=True, cache=True, no_cpython_wrapper=True, no_cfunc_wrapper=True, _nrt=False)
def risk_distance_nb(order: Record, price: float, tick: float, rules: Rules) -> float:
    """Return how far the stop of an order's bracket lies from its fill, against it; 0 or less when it has none."""
    side = np.int64(order.side)
    if order.stop_kind != _NONE:
        base = base_nb(order, price, rules)
        level = bracket_level_nb(np.int64(order.stop_kind), order.stop_value, base, np.int64(-side))
        return side * (price - on_tick_nb(level, tick, side > 0))
    if order.kind == TRAILING or order.trail_kind == _NONE:
        return 0.0  # the distance of a trailing order is that of its own trigger
    level = bracket_level_nb(np.int64(order.trail_kind), order.trail_value, price, np.int64(-side))
    return side * (price - on_tick_nb(level, tick, side > 0))


@njit(nogil=True, cache=True, no_cpython_wrapper=True, no_cfunc_wrapper=True, _nrt=False)
def for_money_nb(slot: Record, order: Record, money: float, unit: float, rules: Rules) -> float:
    """Return the unrounded quantity for an amount of money: of a buy costs included, of a sell its value."""
    if slot.side > 0:
        return quantity_for_nb(order, money, unit, _BUYS, _ONE, rules)
    return money / unit


@njit(nogil=True, cache=True, no_cpython_wrapper=True, no_cfunc_wrapper=True, _nrt=False)
def at_price_nb(
    slot: Record,
    order: Record,
    money: float,
    entering: bool,
    least: float,
    position: Record,
    rules: Rules,
) -> float:
    """Return the unrounded quantity for an amount of money at the fill's price.

    With impact in two steps: the quantity at the price without it, then the quantity at the price with the impact of
    that one. The fill is no larger, so what it costs is no more.
    """
    price = max(slot_price_nb(slot, entering, _NOTHING, position.tick, rules), least)
    if price <= 0.0:
        return 0.0
    quantity = for_money_nb(slot, order, money, price * position.multiplier, rules)
    if rules.impact > 0.0:
        price = max(slot_price_nb(slot, entering, quantity, position.tick, rules), least)
        if price <= 0.0:
            return 0.0
        quantity = for_money_nb(slot, order, money, price * position.multiplier, rules)
    return quantity


@njit(nogil=True, cache=True, no_cpython_wrapper=True, no_cfunc_wrapper=True, _nrt=False)
def wanted_nb(
    state: NDArray[np.void], book: Book, rules: Rules, slot: Record, equity: float
) -> float:
    """Return the unrounded quantity that an order wants to trade now; a target learns its side here.

    The raw price of a target is the middle until its side is known.
    """
    order = book.orders[slot.row]
    position = book.positions[order.symbol]
    held = position.quantity
    slot.side = order.side
    if order.entered >= 0:
        return order.remaining
    if order.size_kind == _QUANTITY:
        if order.action != _TARGET:
            return order.size
        change = order.size - held
        order.side = slot.side = 1 if change >= 0.0 else -1
        return abs(change)
    if order.size_kind == _RISK:
        price = slot_price_nb(slot, _OPENS, _NOTHING, position.tick, rules)
        distance = risk_distance_nb(order, price, position.tick, rules)
        if distance <= 0.0:
            order.reason = _NO_STOP
            return 0.0
        return equity * order.size / 100.0 / distance / position.multiplier
    if order.size_kind == _CASH:
        money = order.size
    elif order.size_kind == _PERCENT:
        money = equity * order.size / 100.0
    elif order.size_kind == _KELLY:
        money = equity * kelly_nb(state, rules, order.size)
    else:
        money = equity * order.size
    if order.action == _TARGET:
        if money == 0.0:
            order.side = slot.side = 1 if held < 0.0 else -1
            return abs(held)
        money -= held * (slot.raw * position.multiplier)
        order.side = slot.side = 1 if money >= 0.0 else -1
        slot.raw += slot.side * slot.half
    side = np.int64(order.side)
    money = abs(money)
    quantity = at_price_nb(slot, order, money, held * side >= 0.0, _NOTHING, position, rules)
    if held * side < 0.0 and quantity > abs(held):
        # It enters the other side, and does all of it at the price of an entry.
        quantity = max(at_price_nb(slot, order, money, _OPENS, _LEAST, position, rules), abs(held))
    if order.action == _TARGET and held * side < 0.0 and order.size * side <= 0.0:
        quantity = min(quantity, abs(held))  # costs and slippage never carry a reduction past flat
    return quantity
