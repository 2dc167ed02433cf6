"""What happens to an account without an order: dividends, splits, delistings, the price of what is borrowed."""

import numpy as np
from numba import njit
from numpy.typing import NDArray

from engine.kernels.book import Book, Rules
from engine.kernels.ledger import FLAT, end_stay_nb, hold_nb, record_nb, settle_nb
from engine.kernels.orders import (
    TRAILING,
    close_order_nb,
    drop_nb,
    end_brackets_nb,
    on_grid_nb,
    trail_nb,
)
from engine.market import PanelArrays
from engine.types import (
    NS_PER_DAY,
    EventKind,
    LevelKind,
    OrderReason,
    OrderStatus,
    Phase,
    Reason,
    SizeKind,
)

_DIVIDEND = np.int64(EventKind.DIVIDEND)
_SPLIT = np.int64(EventKind.SPLIT)
_QUANTITY = np.int64(SizeKind.QUANTITY)
_REASON_SPLIT = np.int64(Reason.SPLIT)
_REASON_DELISTING = np.int64(Reason.DELISTING)
_EXPIRED = np.int64(OrderStatus.EXPIRED)
_WORKING = np.int64(OrderStatus.WORKING)
_DELISTED = np.int64(OrderReason.DELISTED)
_RATE = np.int64(LevelKind.RATE)
_OPEN = np.int64(Phase.OPEN)
_CLOSE = np.int64(Phase.CLOSE)
_NO_ROW = np.int64(-1)


@njit(nogil=True, cache=True, no_cpython_wrapper=True, no_cfunc_wrapper=True, _nrt=False)
def finance_nb(
    state: NDArray[np.void], panel: PanelArrays, rules: Rules, book: Book, bar: int
) -> None:
    """Charge what was borrowed over night: shares sold short and cash below zero, at their value at the close before.

    ``yearly rate x value x calendar days between the two bars / 365``; within a date nothing.
    """
    st = state[0]
    days = panel.time_ns[bar] // NS_PER_DAY - panel.time_ns[bar - 1] // NS_PER_DAY
    if days <= 0:
        return
    years = days / 365.0
    short = 0.0
    for i in range(st.n_held):
        position = book.positions[book.held[i]]
        if position.quantity < 0.0:
            short += abs(position.quantity) * (position.mark * position.multiplier)
    borrow = short * rules.borrow_rate * years
    interest = max(-st.cash, 0.0) * rules.margin_rate * years
    st.borrow_paid += borrow
    st.interest_paid += interest
    st.cash = st.cash - borrow - interest


@njit(nogil=True, cache=True, no_cpython_wrapper=True, no_cfunc_wrapper=True, _nrt=False)
def restate_nb(book: Book, row: int, ratio: float) -> None:
    """Put a waiting order, and what its entry's bracket covers, into the shares after a split."""
    order = book.orders[row]
    order.limit /= ratio
    order.stop /= ratio
    order.base /= ratio
    order.best /= ratio
    if order.stop_kind != _RATE:
        order.stop_value /= ratio
    if order.target_kind != _RATE:
        order.target_value /= ratio
    if order.trail_kind != _RATE:
        order.trail_value /= ratio
    if order.size_kind == _QUANTITY:
        order.size *= ratio
    order.remaining *= ratio
    if order.parent >= 0:
        first = book.orders[order.parent].bracket
        while first < row and book.orders[first].status != _WORKING:
            first += 1
        if first == row:
            book.orders[order.parent].covered *= ratio
    if order.kind == TRAILING:
        trail_nb(order, book.positions[order.symbol].tick)
    else:
        on_grid_nb(order, book.positions[order.symbol].tick)


@njit(nogil=True, cache=True, no_cpython_wrapper=True, no_cfunc_wrapper=True, _nrt=False)
def split_nb(
    state: NDArray[np.void],
    panel: PanelArrays,
    book: Book,
    fills: NDArray[np.void],
    bar: int,
    symbol: int,
    ratio: float,
) -> None:
    """Restate held and ordered quantities and prices; a fraction of a share is paid out at the open."""
    for i in range(state[0].n_pending):
        if book.orders[book.pending[i]].symbol == symbol:
            restate_nb(book, book.pending[i], ratio)
    position = book.positions[symbol]
    held = position.quantity
    if held == 0.0:
        return
    after = held * ratio
    position.entry /= ratio
    position.mark /= ratio
    if position.lot <= 0.0:
        hold_nb(state, book, symbol, after)
        return
    side = 1 if held > 0.0 else -1
    whole = np.floor(abs(after) * (1.0 + 1e-12))
    rest = abs(after) - whole
    if rest > FLAT:
        price = panel.open[bar, symbol]
        if np.isnan(price):
            price = position.mark
        record_nb(state, panel, fills, bar, symbol, -side, rest, price, _REASON_SPLIT)
        paid = side * (rest * (price * position.multiplier))
        state[0].cash += paid
        position.stay += paid
    hold_nb(state, book, symbol, side * whole)
    if position.quantity == 0.0:
        end_stay_nb(state, position)
        end_brackets_nb(state, book, symbol, side, bar, _NO_ROW)


@njit(nogil=True, cache=True, no_cpython_wrapper=True, no_cfunc_wrapper=True, _nrt=False)
def delist_nb(
    state: NDArray[np.void],
    panel: PanelArrays,
    book: Book,
    fills: NDArray[np.void],
    bar: int,
    symbol: int,
    delisting_return: float,
) -> None:
    """Close the position at the last close x (1 + return) without costs; its waiting orders expire."""
    i = 0
    while i < state[0].n_pending:
        row = book.pending[i]
        if book.orders[row].symbol == symbol:
            drop_nb(state, book, i)
            close_order_nb(book, row, bar, _EXPIRED, _DELISTED)
        else:
            i += 1
    position = book.positions[symbol]
    held = position.quantity
    if held == 0.0:
        return
    side = 1 if held > 0.0 else -1
    price = position.mark * (1.0 + delisting_return)
    record_nb(state, panel, fills, bar, symbol, -side, abs(held), price, _REASON_DELISTING)
    settle_nb(state, book, symbol, -side, abs(held), price, 0.0)


@njit(nogil=True, cache=True, no_cpython_wrapper=True, no_cfunc_wrapper=True, _nrt=False)
def corporate_actions_nb(
    state: NDArray[np.void],
    panel: PanelArrays,
    book: Book,
    fills: NDArray[np.void],
    bar: int,
    due: int,
) -> None:
    """Apply the corporate actions due at bar ``due`` and write their fills into bar ``bar``."""
    st = state[0]
    first = st.n_fills
    while st.next_action < len(panel.events) and panel.events[st.next_action].bar == due:
        event = panel.events[st.next_action]
        symbol = np.int64(event.symbol)
        st.next_action += 1
        if event.kind == _DIVIDEND:
            position = book.positions[symbol]
            paid = position.quantity * (event.value * position.multiplier)
            st.cash += paid
            position.stay += paid
        elif event.kind == _SPLIT:
            split_nb(state, panel, book, fills, bar, symbol, event.value)
        else:
            delist_nb(state, panel, book, fills, bar, symbol, event.value)
    for row in range(first, st.n_fills):
        fills[row].phase = _CLOSE if due > bar else _OPEN
