"""The account: apply one fill, apply one corporate action, say what the account is worth."""

import numpy as np
from numba import njit
from numpy.typing import NDArray

from engine.kernels.book import Book
from engine.market import PanelArrays
from engine.types import EventKind, OrderReason, OrderStatus, Reason, SizeKind

FLAT = 1e-9  # a position smaller than this is none
_DIVIDEND = np.int64(EventKind.DIVIDEND)
_SPLIT = np.int64(EventKind.SPLIT)
_QUANTITY = np.int64(SizeKind.QUANTITY)
_REASON_SPLIT = np.int64(Reason.SPLIT)
_REASON_DELISTING = np.int64(Reason.DELISTING)
_EXPIRED = np.int64(OrderStatus.EXPIRED)
_DELISTED = np.int64(OrderReason.DELISTED)


@njit(nogil=True, cache=True, no_cpython_wrapper=True, no_cfunc_wrapper=True)
def hold_nb(state: NDArray[np.void], book: Book, symbol: int, quantity: float) -> None:
    """Set the quantity of a symbol and keep the ascending list of held symbols true."""
    st = state[0]
    was = book.quantity[symbol] != 0.0
    if abs(quantity) < FLAT:
        quantity = 0.0
    book.quantity[symbol] = quantity
    n = st.n_held
    if quantity != 0.0 and not was:
        i = n
        while i > 0 and book.held[i - 1] > symbol:
            book.held[i] = book.held[i - 1]
            i -= 1
        book.held[i] = symbol
        st.n_held = n + 1
    elif quantity == 0.0 and was:
        i = 0
        while book.held[i] != symbol:
            i += 1
        for j in range(i, n - 1):
            book.held[j] = book.held[j + 1]
        st.n_held = n - 1


@njit(nogil=True, cache=True, no_cpython_wrapper=True, no_cfunc_wrapper=True)
def record_nb(
    state: NDArray[np.void],
    panel: PanelArrays,
    fills: NDArray[np.void],
    bar: int,
    symbol: int,
    side: int,
    quantity: float,
    price: float,
    reason: int,
) -> int:
    """Write a fill without costs or order, and return its row."""
    row = state[0].n_fills
    state[0].n_fills = row + 1
    fill = fills[row]
    fill.time_ns = panel.time_ns[bar]
    fill.bar = bar
    fill.order = -1
    fill.symbol = symbol
    fill.side = side
    fill.phase = 0
    fill.ambiguous = 0
    fill.reason = reason
    fill.quantity = quantity
    fill.price = price
    fill.commission = 0.0
    fill.tax = 0.0
    fill.slippage = 0.0
    return row


@njit(nogil=True, cache=True, no_cpython_wrapper=True, no_cfunc_wrapper=True)
def settle_nb(
    state: NDArray[np.void],
    book: Book,
    symbol: int,
    side: int,
    quantity: float,
    price: float,
    costs: float,
) -> None:
    """Move cash and position for a fill. The entry price is the average of what the open position was bought at."""
    st = state[0]
    held = book.quantity[symbol]
    after = held + side * quantity
    if held * side < 0.0:
        st.n_exits += 1
    if held == 0.0 or held * after < 0.0:
        book.entry[symbol] = price
        book.stop_rate[symbol] = 0.0
        book.target_rate[symbol] = 0.0
    elif abs(after) > abs(held):
        book.entry[symbol] = (book.entry[symbol] * abs(held) + price * quantity) / abs(after)
    cash = st.cash - side * (quantity * price) - costs
    # What rounding leaves below zero is not a debt.
    if cash < 0.0 and cash > -1e-9 * max(1.0, quantity * price):
        cash = 0.0
    st.cash = cash
    hold_nb(state, book, symbol, after)


@njit(nogil=True, cache=True, no_cpython_wrapper=True, no_cfunc_wrapper=True)
def price_or_mark_nb(prices: NDArray[np.float64], book: Book, bar: int, symbol: int) -> float:
    """Return the price of a held symbol in this bar, or its last known close when it has none."""
    price = prices[bar, symbol]
    return book.mark[symbol] if np.isnan(price) else price


@njit(nogil=True, cache=True, no_cpython_wrapper=True, no_cfunc_wrapper=True)
def equity_nb(state: NDArray[np.void], book: Book, prices: NDArray[np.float64], bar: int) -> float:
    """Return cash + sum of quantity x price, summed by ascending symbol."""
    total = state[0].cash
    for i in range(state[0].n_held):
        symbol = book.held[i]
        total += book.quantity[symbol] * price_or_mark_nb(prices, book, bar, symbol)
    return total


@njit(nogil=True, cache=True, no_cpython_wrapper=True, no_cfunc_wrapper=True)
def free_cash_nb(
    state: NDArray[np.void], book: Book, prices: NDArray[np.float64], bar: int
) -> float:
    """Return cash that may be spent: proceeds of shorts are not free, and each short holds its value besides."""
    total = state[0].cash
    for i in range(state[0].n_held):
        symbol = book.held[i]
        if book.quantity[symbol] < 0.0:
            total += 2.0 * book.quantity[symbol] * price_or_mark_nb(prices, book, bar, symbol)
    return total


@njit(nogil=True, cache=True, no_cpython_wrapper=True, no_cfunc_wrapper=True)
def split_nb(
    state: NDArray[np.void],
    panel: PanelArrays,
    book: Book,
    fills: NDArray[np.void],
    bar: int,
    symbol: int,
    ratio: float,
    lot: float,
) -> None:
    """Restate held and ordered quantities; a fraction of a share is paid out at the open."""
    for i in range(state[0].n_pending):
        order = book.orders[book.pending[i]]
        if order.symbol == symbol and order.size_kind == _QUANTITY:
            order.size *= ratio
    held = book.quantity[symbol]
    if held == 0.0:
        return
    after = held * ratio
    book.entry[symbol] /= ratio
    book.mark[symbol] /= ratio
    if lot <= 0.0:
        hold_nb(state, book, symbol, after)
        return
    side = 1 if held > 0.0 else -1
    whole = np.floor(abs(after) * (1.0 + 1e-12))
    rest = abs(after) - whole
    if rest > FLAT:
        price = panel.open[bar, symbol]
        if np.isnan(price):
            price = book.mark[symbol]
        record_nb(state, panel, fills, bar, symbol, -side, rest, price, _REASON_SPLIT)
        state[0].cash += side * (rest * price)
    hold_nb(state, book, symbol, side * whole)


@njit(nogil=True, cache=True, no_cpython_wrapper=True, no_cfunc_wrapper=True)
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
    kept = 0
    for i in range(state[0].n_pending):
        row = book.pending[i]
        if book.orders[row].symbol == symbol:
            book.orders[row].status = _EXPIRED
            book.orders[row].reason = _DELISTED
            book.orders[row].closed = bar
            book.waiting[symbol] -= 1
        else:
            book.pending[kept] = row
            kept += 1
    state[0].n_pending = kept
    held = book.quantity[symbol]
    if held == 0.0:
        return
    side = 1 if held > 0.0 else -1
    price = book.mark[symbol] * (1.0 + delisting_return)
    record_nb(state, panel, fills, bar, symbol, -side, abs(held), price, _REASON_DELISTING)
    settle_nb(state, book, symbol, -side, abs(held), price, 0.0)


@njit(nogil=True, cache=True, no_cpython_wrapper=True, no_cfunc_wrapper=True)
def corporate_actions_nb(
    state: NDArray[np.void],
    panel: PanelArrays,
    book: Book,
    fills: NDArray[np.void],
    bar: int,
    due: int,
    lot: float,
) -> None:
    """Apply the corporate actions due at bar ``due`` and write their fills into bar ``bar``."""
    st = state[0]
    first = st.n_fills
    while st.next_action < len(panel.events) and panel.events[st.next_action].bar == due:
        event = panel.events[st.next_action]
        symbol = np.int64(event.symbol)
        st.next_action += 1
        if event.kind == _DIVIDEND:
            st.cash += book.quantity[symbol] * event.value
        elif event.kind == _SPLIT:
            split_nb(state, panel, book, fills, bar, symbol, event.value, lot)
        else:
            delist_nb(state, panel, book, fills, bar, symbol, event.value)
    for row in range(first, st.n_fills):
        fills[row].phase = 2 if due > bar else 0
