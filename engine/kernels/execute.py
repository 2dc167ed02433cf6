"""One execution: its price and costs, its record, what it does to the account, and to the bracket it belongs to."""

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from engine.kernels.book import Book, Rules
from engine.kernels.fills import commission_nb, slot_price_nb, whole_lots_nb
from engine.kernels.ledger import FLAT, record_nb, settle_nb
from engine.kernels.orders import (
    bracket_nb,
    close_order_nb,
    end_bracket_nb,
    end_brackets_nb,
)
from engine.market import PanelArrays
from engine.types import Action, OrderReason, OrderStatus, Phase, Reason, RunEvent

Record = Any  # one row of a struct array

_EXIT_LONG = np.int64(Action.EXIT_LONG)
_EXIT_SHORT = np.int64(Action.EXIT_SHORT)
_CLOSE = np.int64(Phase.CLOSE)
_FILLED = np.int64(OrderStatus.FILLED)
_REFUSED = np.int64(OrderStatus.REFUSED)
_WORKING = np.int64(OrderStatus.WORKING)
_NONE = np.int64(OrderReason.NONE)
_NO_CASH = np.int64(OrderReason.NO_CASH)
_MARGIN = np.int64(Reason.MARGIN)
_FORCED_CLOSE = np.int64(RunEvent.FORCED_CLOSE)


@njit(nogil=True, cache=True, no_cpython_wrapper=True, no_cfunc_wrapper=True, _nrt=False)
def event_nb(
    state: NDArray[np.void], book: Book, bar: int, kind: int, symbol: int, value: float
) -> None:
    """Write down what happened to the account."""
    event = book.happened[state[0].n_events]
    state[0].n_events += 1
    event.bar = bar
    event.kind = kind
    event.symbol = symbol
    event.value = value


@njit(nogil=True, cache=True, no_cpython_wrapper=True, no_cfunc_wrapper=True, _nrt=False)
def after_exit_nb(
    state: NDArray[np.void], book: Book, row: int, bar: int, quantity: float, was: float
) -> None:
    """Keep the brackets true after a fill of the order in ``row``, before which ``was`` was held."""
    order = book.orders[row]
    position = book.positions[order.symbol]
    gone = was != 0.0 and position.quantity * was <= 0.0
    if order.parent < 0 and gone and order.status == _WORKING:
        if order.action == _EXIT_LONG or order.action == _EXIT_SHORT:
            close_order_nb(book, row, bar, _FILLED, _NONE)
    if order.parent >= 0:
        parent = book.orders[order.parent]
        parent.covered = max(parent.covered - quantity, 0.0)
        left = whole_lots_nb(parent.covered, position.lot)
        if gone or left == 0.0 or parent.covered <= FLAT:
            close_order_nb(book, row, bar, _FILLED, _NONE)
            end_bracket_nb(state, book, np.int64(order.parent), bar, row)
    if gone and position.exits > 0:
        side = 1 if was > 0.0 else -1
        end_brackets_nb(state, book, np.int64(order.symbol), side, bar, row)


@njit(nogil=True, cache=True, no_cpython_wrapper=True, no_cfunc_wrapper=True, _nrt=False)
def after_entry_nb(
    state: NDArray[np.void],
    rules: Rules,
    book: Book,
    row: int,
    opened: float,
    price: float,
    since: int,
) -> None:
    """Give the position the levels that its entry carries, and the bracket that covers what was opened."""
    order = book.orders[row]
    if order.close_stop_rate > 0.0 or order.close_target_rate > 0.0:
        position = book.positions[order.symbol]
        position.close_stop_rate = order.close_stop_rate
        position.close_target_rate = order.close_target_rate
        state[0].uses_levels = 1
    if order.stop_kind != 0 or order.target_kind != 0 or order.trail_kind != 0:
        order.covered += opened
        if order.bracket < 0:
            bracket_nb(state, book, rules, row, price, since)


@njit(
    nogil=True,
    cache=True,
    no_cpython_wrapper=True,
    no_cfunc_wrapper=True,
    _nrt=False,
    forceinline=True,
)
def execute_nb(
    state: NDArray[np.void],
    panel: PanelArrays,
    rules: Rules,
    book: Book,
    fills: NDArray[np.void],
    bar: int,
    phase: int,
    i: int,
) -> None:
    """Fill the order of slot ``i`` with what it closes and opens; it keeps working when the slot was cut."""
    slot = book.slots[i]
    row = np.int64(slot.row)
    order = book.orders[row]
    symbol = np.int64(order.symbol)
    position = book.positions[symbol]
    side = np.int64(slot.side)
    quantity = slot.closing + slot.opening
    price = slot_price_nb(slot, slot.opening > 0.0, quantity, position.tick, rules)
    unit = price * position.multiplier
    value = quantity * unit
    commission = commission_nb(order, quantity, unit, rules)
    tax = rules.sell_tax_rate * value if side < 0 else 0.0
    brings = value - commission - tax
    sale = side < 0 and slot.opening == 0.0 and rules.initial_margin <= 0.0
    if sale and brings < 0.0 and state[0].cash + brings < -1e-9 * max(1.0, value):
        close_order_nb(book, row, bar, _REFUSED, _NO_CASH)  # the sale would cost more than there is
        return
    fill = fills[
        record_nb(state, panel, fills, bar, symbol, side, quantity, price, np.int64(order.cause))
    ]
    fill.order = row
    fill.phase = phase
    fill.commission = commission
    fill.tax = tax
    fill.slippage = quantity * (abs(price - slot.raw) * position.multiplier)
    was = position.quantity
    settle_nb(state, book, symbol, side, quantity, price, commission + tax)
    if rules.volume_limit > 0.0:
        position.used += quantity
    order.filled += quantity
    order.value += value
    order.commission += commission
    if order.entered < 0:
        order.entered = bar
        order.phase = phase
    order.remaining = max(slot.wanted - quantity, 0.0)
    more = slot.cut == 1 and order.reason == 0
    leaves = order.action == _EXIT_LONG or order.action == _EXIT_SHORT
    if not leaves and not (more and whole_lots_nb(order.remaining, position.lot) > 0.0):
        close_order_nb(book, row, bar, _FILLED, np.int64(order.reason))
    if was * side < 0.0:
        after_exit_nb(state, book, row, bar, slot.closing, was)
    if slot.opening > 0.0 and position.quantity * side > 0.0:
        since = bar + 1 if phase == _CLOSE else bar
        after_entry_nb(state, rules, book, row, slot.opening, price, since)
    if order.cause == _MARGIN:
        event_nb(state, book, bar, _FORCED_CLOSE, symbol, side * quantity)
