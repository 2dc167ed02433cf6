"""From instructions to orders: what a strategy asked for at the close of a bar, seen against what is held.

Exits are created before entries. A position that is to be left and one that is to be entered in the other direction
on the same bar become two orders, filled at the same instant, the exit first.
"""

import numpy as np
from numba import njit
from numpy.typing import NDArray

from engine.kernels.book import Book
from engine.market import PanelArrays
from engine.types import Action, OrderReason, OrderStatus, Reason, SizeKind

_BUY = np.int64(Action.BUY)
_SELL = np.int64(Action.SELL)
_ENTER_LONG = np.int64(Action.ENTER_LONG)
_EXIT_LONG = np.int64(Action.EXIT_LONG)
_ENTER_SHORT = np.int64(Action.ENTER_SHORT)
_EXIT_SHORT = np.int64(Action.EXIT_SHORT)
_TARGET = np.int64(Action.TARGET)
_ALL = np.int64(SizeKind.ALL)
_CANCELLED = np.int64(OrderStatus.CANCELLED)
_SUPERSEDED = np.int64(OrderReason.SUPERSEDED)
_SIGNAL = np.int64(Reason.SIGNAL)
_STOP = np.int64(Reason.STOP)
_PROFIT = np.int64(Reason.TARGET)
_NO_LABEL = np.int64(0)
_SLACK = 1e-12


@njit(nogil=True, cache=True, no_cpython_wrapper=True, no_cfunc_wrapper=True)
def wait_nb(state: NDArray[np.void], book: Book, row: int) -> None:
    """Put an order on the waiting list, which is sorted by bar decided, then symbol, then creation."""
    order = book.orders[row]
    i = state[0].n_pending
    while i > 0:
        other = book.orders[book.pending[i - 1]]
        if other.decided < order.decided or other.symbol <= order.symbol:
            break
        book.pending[i] = book.pending[i - 1]
        i -= 1
    book.pending[i] = row
    state[0].n_pending += 1
    book.waiting[order.symbol] += 1


@njit(nogil=True, cache=True, no_cpython_wrapper=True, no_cfunc_wrapper=True)
def create_nb(
    state: NDArray[np.void], book: Book, bar: int, symbol: int, action: int, cause: int, label: int
) -> int:
    """Create a waiting order that closes a position (its size is all of it) and return its row."""
    row = state[0].n_orders
    state[0].n_orders = row + 1
    order = book.orders[row]
    order.decided = bar
    order.closed = -1
    order.symbol = symbol
    order.label = label
    order.action = action
    order.kind = 0
    order.side = 0
    if action == _BUY or action == _ENTER_LONG or action == _EXIT_SHORT:
        order.side = 1
    elif action != _TARGET:
        order.side = -1
    order.size_kind = _ALL
    order.status = 0
    order.reason = 0
    order.cause = cause
    order.size = 0.0
    order.close_stop_rate = 0.0
    order.close_target_rate = 0.0
    order.filled = 0.0
    order.parent = -1
    wait_nb(state, book, row)
    return row


@njit(nogil=True, cache=True, no_cpython_wrapper=True, no_cfunc_wrapper=True)
def is_waiting_nb(state: NDArray[np.void], book: Book, symbol: int, action: int) -> bool:
    """Tell whether an order of this symbol and action waits."""
    if book.waiting[symbol] == 0:
        return False
    for i in range(state[0].n_pending):
        order = book.orders[book.pending[i]]
        if order.symbol == symbol and order.action == action:
            return True
    return False


@njit(nogil=True, cache=True, no_cpython_wrapper=True, no_cfunc_wrapper=True)
def withdraw_nb(state: NDArray[np.void], book: Book, bar: int, symbol: int, action: int) -> None:
    """Cancel the waiting orders of this symbol and action: a later instruction took their place."""
    if book.waiting[symbol] == 0:
        return
    kept = 0
    for i in range(state[0].n_pending):
        row = book.pending[i]
        order = book.orders[row]
        if order.symbol == symbol and order.action == action:
            order.status = _CANCELLED
            order.reason = _SUPERSEDED
            order.closed = bar
            book.waiting[symbol] -= 1
        else:
            book.pending[kept] = row
            kept += 1
    state[0].n_pending = kept


@njit(nogil=True, cache=True, no_cpython_wrapper=True, no_cfunc_wrapper=True)
def levels_nb(state: NDArray[np.void], panel: PanelArrays, book: Book, bar: int) -> None:
    """Order the exit of every position whose close has passed the stop or target level of its entry."""
    for i in range(state[0].n_held):
        symbol = book.held[i]
        close = panel.close[bar, symbol]
        if np.isnan(close) or (book.stop_rate[symbol] == 0.0 and book.target_rate[symbol] == 0.0):
            continue
        side = 1.0 if book.quantity[symbol] > 0.0 else -1.0
        action = _EXIT_LONG if side > 0.0 else _EXIT_SHORT
        if is_waiting_nb(state, book, symbol, action):
            continue
        entry = book.entry[symbol]
        gain = side * (close - entry)
        if (
            book.stop_rate[symbol] > 0.0
            and gain <= -book.stop_rate[symbol] * entry + _SLACK * entry
        ):
            create_nb(state, book, bar, symbol, action, _STOP, _NO_LABEL)
        elif (
            book.target_rate[symbol] > 0.0
            and gain >= book.target_rate[symbol] * entry - _SLACK * entry
        ):
            create_nb(state, book, bar, symbol, action, _PROFIT, _NO_LABEL)


@njit(nogil=True, cache=True, no_cpython_wrapper=True, no_cfunc_wrapper=True)
def leave_nb(
    state: NDArray[np.void], book: Book, bar: int, symbol: int, side: int, label: int
) -> None:
    """Order the exit of a position of this side; an entry of this side that still waits is withdrawn."""
    enter = _ENTER_LONG if side > 0 else _ENTER_SHORT
    leave = _EXIT_LONG if side > 0 else _EXIT_SHORT
    withdraw_nb(state, book, bar, symbol, enter)
    if book.quantity[symbol] * side > 0.0 and not is_waiting_nb(state, book, symbol, leave):
        create_nb(state, book, bar, symbol, leave, _SIGNAL, label)


@njit(nogil=True, cache=True, no_cpython_wrapper=True, no_cfunc_wrapper=True)
def decide_nb(
    state: NDArray[np.void],
    panel: PanelArrays,
    instructions: NDArray[np.void],
    book: Book,
    bar: int,
) -> None:
    """Create the orders of everything decided at the close of ``bar``."""
    levels_nb(state, panel, book, bar)
    st = state[0]
    while st.next_instruction < len(instructions) and instructions[st.next_instruction].bar == bar:
        said = instructions[st.next_instruction]
        st.next_instruction += 1
        symbol = np.int64(said.symbol)
        action = np.int64(said.action)
        label = np.int64(said.label)
        held = book.quantity[symbol]
        if action == _EXIT_LONG or action == _EXIT_SHORT:
            leave_nb(state, book, bar, symbol, 1 if action == _EXIT_LONG else -1, label)
            continue
        if action == _ENTER_LONG or action == _ENTER_SHORT:
            side = 1 if action == _ENTER_LONG else -1
            if held * side > 0.0 or is_waiting_nb(state, book, symbol, action):
                continue
            # Entering one side leaves the other, as a trader who says "buy" while short means it.
            leave_nb(state, book, bar, symbol, -side, label)
        elif action == _TARGET:
            withdraw_nb(state, book, bar, symbol, _TARGET)
            if said.size == 0.0 and held == 0.0:
                continue
        row = create_nb(state, book, bar, symbol, action, _SIGNAL, label)
        book.orders[row].size_kind = said.size_kind
        book.orders[row].size = said.size
        book.orders[row].close_stop_rate = said.close_stop_rate
        book.orders[row].close_target_rate = said.close_target_rate
