"""One instant of trading: a group of orders against one cash account.

Each order is parted into what it closes and what it opens, both cut to what the bar's volume allows; the openings
compete for free money; the fills go sells before buys, each by the bar of the signal, then by symbol. Sizes in percent
or weights are of the equity that is handed in: that before the first fill at these prices.
"""

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from engine.kernels.book import Book, Rules
from engine.kernels.execute import execute_nb
from engine.kernels.fills import (
    SLACK,
    commission_nb,
    half_nb,
    money_needed_nb,
    quantity_for_nb,
    slot_price_nb,
    whole_lots_nb,
)
from engine.kernels.ledger import FLAT, free_money_nb
from engine.kernels.orders import close_order_nb, wait_nb
from engine.kernels.sizes import wanted_nb
from engine.market import PanelArrays
from engine.types import Action, OrderReason, OrderStatus, Phase, ShortOfCash

Record = Any  # one row of a struct array

_OPENS = np.bool_(True)
_EXIT_LONG = np.int64(Action.EXIT_LONG)
_EXIT_SHORT = np.int64(Action.EXIT_SHORT)
_TARGET = np.int64(Action.TARGET)
_REFUSED = np.int64(OrderStatus.REFUSED)
_CANCELLED = np.int64(OrderStatus.CANCELLED)
_WORKING = np.int64(OrderStatus.WORKING)
_NONE = np.int64(OrderReason.NONE)
_REDUCED = np.int64(OrderReason.REDUCED_TO_CASH)
_NO_CASH = np.int64(OrderReason.NO_CASH)
_BELOW_ONE_LOT = np.int64(OrderReason.BELOW_ONE_LOT)
_GONE = np.int64(OrderReason.POSITION_GONE)
_NOTHING = np.int64(OrderReason.NOTHING_TO_DO)
_SCALE = np.int64(ShortOfCash.SCALE)
_REJECT = np.int64(ShortOfCash.REJECT)
_CLOSE = np.int64(Phase.CLOSE)


@njit(
    nogil=True,
    cache=True,
    no_cpython_wrapper=True,
    no_cfunc_wrapper=True,
    _nrt=False,
    forceinline=True,
)
def left_nb(panel: PanelArrays, rules: Rules, position: Record, bar: int, symbol: int) -> float:
    """Return what may still be traded of a symbol in this bar; infinite where nothing limits it."""
    if rules.volume_limit <= 0.0 or not panel.volume_known[symbol]:
        return np.inf
    if position.used_bar != bar:
        position.used_bar = bar
        position.used = 0.0
    limit = rules.volume_limit * panel.volume[bar, symbol]
    if np.isnan(limit):
        return np.inf
    return max(limit - position.used, 0.0) - position.planned


@njit(
    nogil=True,
    cache=True,
    no_cpython_wrapper=True,
    no_cfunc_wrapper=True,
    _nrt=False,
    forceinline=True,
)
def part_nb(
    panel: PanelArrays, rules: Rules, book: Book, bar: int, slot: Record, size: float
) -> None:
    """Part a wanted trade into what it closes (whole lots, or all that is held) and what it opens.

    Held is what earlier orders of this instant for the same symbol are going to leave.
    """
    order = book.orders[slot.row]
    symbol = np.int64(order.symbol)
    position = book.positions[symbol]
    held = position.quantity + position.moved
    leaves = order.action == _EXIT_LONG or order.action == _EXIT_SHORT
    if leaves:
        size = abs(held) if order.parent < 0 else book.orders[order.parent].covered
    slot.wanted = size
    slot.closing = 0.0
    slot.opening = 0.0
    if held * slot.side >= 0.0:
        slot.opening = 0.0 if leaves else size
    elif size < abs(held) - FLAT:
        slot.closing = whole_lots_nb(size, position.lot)
    else:
        slot.closing = abs(held)
        rest = size - abs(held)
        slot.opening = rest if rest > FLAT and not leaves else 0.0
    left = left_nb(panel, rules, position, bar, symbol)
    total = slot.closing + whole_lots_nb(slot.opening, position.lot)
    slot.cut = 0
    if total > 0.0 and total > left * (1.0 + SLACK):
        total = whole_lots_nb(max(left, 0.0), position.lot)
        slot.closing = min(slot.closing, total)
        slot.opening = total - slot.closing
        slot.cut = 1
    position.moved += slot.side * (slot.closing + slot.opening)
    position.planned += total


@njit(
    nogil=True,
    cache=True,
    no_cpython_wrapper=True,
    no_cfunc_wrapper=True,
    _nrt=False,
    forceinline=True,
)
def freed_nb(book: Book, rules: Rules, slot: Record) -> float:
    """Return the change of free money by the part of an order that closes; what is held is valued at the middle."""
    quantity = slot.closing
    if quantity == 0.0:
        return 0.0
    order = book.orders[slot.row]
    position = book.positions[order.symbol]
    traded = quantity + slot.opening
    price = slot_price_nb(slot, slot.opening > 0.0, traded, position.tick, rules)
    unit = price * position.multiplier
    raw = (slot.raw + -slot.side * slot.half) * position.multiplier
    costs = commission_nb(order, quantity, unit, rules)
    if slot.side < 0:
        costs += rules.sell_tax_rate * (quantity * unit)
        if rules.initial_margin > 0.0:
            return quantity * (unit - raw + rules.initial_margin * raw) - costs
        return quantity * unit - costs
    if rules.initial_margin > 0.0:
        return quantity * (raw - unit + rules.initial_margin * raw) - costs
    return quantity * (2.0 * raw - unit) - costs


@njit(
    nogil=True,
    cache=True,
    no_cpython_wrapper=True,
    no_cfunc_wrapper=True,
    _nrt=False,
    forceinline=True,
)
def need_nb(book: Book, rules: Rules, slot: Record, quantity: float) -> float:
    """Return the free money that opening ``quantity`` takes."""
    order = book.orders[slot.row]
    position = book.positions[order.symbol]
    price = slot_price_nb(slot, _OPENS, slot.closing + quantity, position.tick, rules)
    return money_needed_nb(order, quantity, price * position.multiplier, np.int64(slot.side), rules)


@njit(nogil=True, cache=True, no_cpython_wrapper=True, no_cfunc_wrapper=True, _nrt=False)
def lots_for_nb(book: Book, rules: Rules, slot: Record, money: float) -> float:
    """Return the greatest tradable quantity that ``money`` is enough to open; with impact reckoned in two steps."""
    order = book.orders[slot.row]
    position = book.positions[order.symbol]
    side = np.int64(slot.side)
    part = rules.initial_margin if rules.initial_margin > 0.0 else 1.0
    price = slot_price_nb(slot, _OPENS, slot.closing, position.tick, rules)
    quantity = quantity_for_nb(order, money, price * position.multiplier, side, part, rules)
    if rules.impact > 0.0:
        price = slot_price_nb(slot, _OPENS, slot.closing + quantity, position.tick, rules)
        quantity = quantity_for_nb(order, money, price * position.multiplier, side, part, rules)
    quantity = whole_lots_nb(quantity, position.lot)
    # The division there and the sum here round differently: at most one step too much.
    if quantity > 0.0 and need_nb(book, rules, slot, quantity) > money * (1.0 + SLACK):
        step = position.lot if position.lot > 0.0 else 1e-8
        quantity = whole_lots_nb(max(quantity - step, 0.0), position.lot)
    return quantity


@njit(nogil=True, cache=True, no_cpython_wrapper=True, no_cfunc_wrapper=True, _nrt=False)
def fit_nb(book: Book, rules: Rules, slot: Record, money: float) -> float:
    """Round the opening part of an order to lots within ``money`` and return the free money that it takes."""
    wanted = slot.opening
    if wanted == 0.0:
        return 0.0
    order = book.orders[slot.row]
    position = book.positions[order.symbol]
    quantity = whole_lots_nb(wanted, position.lot)
    need = need_nb(book, rules, slot, quantity)
    if quantity == 0.0:
        order.reason = _BELOW_ONE_LOT if slot.closing == 0.0 else _NONE
    elif need > money * (1.0 + SLACK):
        quantity = min(quantity, lots_for_nb(book, rules, slot, money))
        need = need_nb(book, rules, slot, quantity)
        order.reason = _REDUCED if quantity + slot.closing > 0.0 else _NO_CASH
    slot.opening = quantity
    return need if quantity > 0.0 else 0.0


@njit(
    nogil=True,
    cache=True,
    no_cpython_wrapper=True,
    no_cfunc_wrapper=True,
    _nrt=False,
    forceinline=True,
)
def scale_nb(book: Book, rules: Rules, free: float, n: int) -> None:
    """Fit all openings into free money by one factor on the money that each needs, in whole lots."""
    need = 0.0
    for i in range(n):
        slot = book.slots[i]
        if slot.side == 0:
            continue
        free += freed_nb(book, rules, slot)
        if slot.opening > 0.0:
            lot = book.positions[book.orders[slot.row].symbol].lot
            need += need_nb(book, rules, slot, whole_lots_nb(slot.opening, lot))
    short = need > max(free, 0.0) * (1.0 + SLACK)
    factor = max(free, 0.0) / need if short else 1.0
    for i in range(n):
        slot = book.slots[i]
        if slot.side == 0 or slot.opening == 0.0:
            continue
        money = np.inf
        if short:
            lot = book.positions[book.orders[slot.row].symbol].lot
            money = factor * need_nb(book, rules, slot, whole_lots_nb(slot.opening, lot))
        fit_nb(book, rules, slot, money)


@njit(nogil=True, cache=True, no_cpython_wrapper=True, no_cfunc_wrapper=True, _nrt=False)
def in_turn_nb(book: Book, rules: Rules, free: float, n: int) -> None:
    """Give each order in turn, sells first, what free money is left: in part if need be, or whole or not at all."""
    for side in (-1, 1):
        for i in range(n):
            slot = book.slots[i]
            if slot.side != side:
                continue
            order = book.orders[slot.row]
            before = free
            free += freed_nb(book, rules, slot)
            free -= fit_nb(book, rules, slot, free)
            lacks = order.reason == _REDUCED or order.reason == _NO_CASH
            if rules.short_of_cash == _REJECT and lacks:
                free = before
                slot.closing = 0.0
                slot.opening = 0.0
                order.reason = _NO_CASH


@njit(
    nogil=True,
    cache=True,
    no_cpython_wrapper=True,
    no_cfunc_wrapper=True,
    _nrt=False,
    forceinline=True,
)
def finish_nb(
    state: NDArray[np.void],
    panel: PanelArrays,
    rules: Rules,
    book: Book,
    fills: NDArray[np.void],
    bar: int,
    phase: int,
    i: int,
) -> None:
    """Fill an order with what it closes and opens, or say why there is nothing to fill."""
    slot = book.slots[i]
    row = np.int64(slot.row)
    order = book.orders[row]
    if order.status != _WORKING:
        return  # the other side of its bracket was filled at this same instant
    held = book.positions[order.symbol].quantity
    # An earlier order of this instant may have been cut, and left less to close than was reckoned with.
    planned = slot.closing
    waits = slot.cut == 1 and planned + slot.opening == 0.0 and order.reason != _NO_CASH
    slot.closing = min(planned, abs(held) if held * slot.side < 0.0 else 0.0)
    quantity = slot.closing + slot.opening
    leaves = order.action == _EXIT_LONG or order.action == _EXIT_SHORT
    if quantity > 0.0:
        if slot.closing < planned and not leaves:
            order.reason = _REDUCED
        execute_nb(state, panel, rules, book, fills, bar, phase, i)
        if order.status == _WORKING:
            order.tried = bar if slot.cut == 1 else order.tried
            wait_nb(state, book, row)
    elif waits:
        order.tried = bar
        wait_nb(state, book, row)  # the bar's volume is used up
    elif planned > 0.0 or leaves:
        close_order_nb(book, row, bar, _CANCELLED, _GONE)
    elif order.action == _TARGET and order.reason != _NO_CASH and held != 0.0:
        close_order_nb(book, row, bar, _CANCELLED, _NOTHING)
    else:
        reason = np.int64(order.reason) if order.reason != 0 else _BELOW_ONE_LOT
        close_order_nb(book, row, bar, _REFUSED, reason)


@njit(nogil=True, cache=True, no_cpython_wrapper=True, no_cfunc_wrapper=True, _nrt=False)
def trade_nb(
    state: NDArray[np.void],
    panel: PanelArrays,
    rules: Rules,
    book: Book,
    fills: NDArray[np.void],
    bar: int,
    phase: int,
    n: int,
    equity: float,
) -> None:
    """Trade the first ``n`` slots, whose orders have been taken off the waiting list, at their raw prices."""
    if n < 0:
        # Never so. A function that calls itself is not copied into its callers: with six copies of all that stands
        # below, compiling took 80 seconds instead of 20.
        trade_nb(state, panel, rules, book, fills, bar, phase, -n, equity)
    opens = False
    for i in range(n):
        slot = book.slots[i]
        order = book.orders[slot.row]
        slot.side = order.side
        slot.opening = 0.0
        known = panel.volume_known[order.symbol]
        volume = panel.volume[bar, order.symbol] if known else 0.0
        slot.volume = 0.0 if np.isnan(volume) else volume
        slot.half = half_nb(panel, bar, np.int64(order.symbol))
        if order.action == _EXIT_LONG or order.action == _EXIT_SHORT:
            continue
        opens = True
        middle = slot.raw
        slot.opening = wanted_nb(state, book, rules, slot, equity)
        if order.action == _TARGET:  # it knows its side only now
            slot.raw = middle + slot.side * slot.half
    for side in (-1, 1):
        for i in range(n):
            slot = book.slots[i]
            if slot.side == side:
                part_nb(panel, rules, book, bar, slot, slot.opening)
    for i in range(n):
        position = book.positions[book.orders[book.slots[i].row].symbol]
        position.moved = 0.0
        position.planned = 0.0
    if opens:
        free = free_money_nb(
            state, book, rules, panel.close if phase == _CLOSE else panel.open, bar
        )
        if rules.short_of_cash == _SCALE:
            scale_nb(book, rules, free, n)
        else:
            in_turn_nb(book, rules, free, n)
    for side in (-1, 1):
        for i in range(n):
            if book.slots[i].side == side:
                finish_nb(state, panel, rules, book, fills, bar, phase, i)
