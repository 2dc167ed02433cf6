"""The account: apply one fill, say what the account is worth and what of it is free."""

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from engine.kernels.book import Book, Rules
from engine.market import PanelArrays

Record = Any  # one row of a struct array

FLAT = 1e-9  # a position smaller than this is none


@njit(
    nogil=True,
    cache=True,
    no_cpython_wrapper=True,
    no_cfunc_wrapper=True,
    _nrt=False,
    forceinline=True,
)
def hold_nb(state: NDArray[np.void], book: Book, symbol: int, quantity: float) -> None:
    """Set the quantity of a symbol and keep the ascending list of held symbols true."""
    st = state[0]
    position = book.positions[symbol]
    was = position.quantity != 0.0
    if abs(quantity) < FLAT:
        quantity = 0.0
    position.quantity = quantity
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


@njit(
    nogil=True,
    cache=True,
    no_cpython_wrapper=True,
    no_cfunc_wrapper=True,
    _nrt=False,
    forceinline=True,
)
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
    fill.reason = reason
    fill.ambiguous = 0
    fill.quantity = quantity
    fill.price = price
    fill.commission = 0.0
    fill.tax = 0.0
    fill.slippage = 0.0
    return row


@njit(nogil=True, cache=True, no_cpython_wrapper=True, no_cfunc_wrapper=True, _nrt=False)
def end_stay_nb(state: NDArray[np.void], position: Record) -> None:
    """Count the stay, flat to flat, that has just ended, as what it gained."""
    st = state[0]
    gained = position.stay
    position.stay = 0.0
    st.n_stays += 1
    if gained > 0.0:
        st.n_wins += 1
        st.won += gained
    elif gained < 0.0:
        st.n_losses += 1
        st.lost -= gained


@njit(
    nogil=True,
    cache=True,
    no_cpython_wrapper=True,
    no_cfunc_wrapper=True,
    _nrt=False,
    forceinline=True,
)
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
    position = book.positions[symbol]
    held = position.quantity
    after = held + side * quantity
    unit = price * position.multiplier
    value = quantity * unit
    if held * side < 0.0:
        st.n_exits += 1
    if held * after < 0.0 and abs(after) >= FLAT:
        # It crosses zero: one stay ends and another begins, the costs go by quantity.
        part = costs * (abs(held) / quantity)
        position.stay = position.stay - side * (abs(held) * unit) - part
        end_stay_nb(state, position)
        position.stay = -side * ((quantity - abs(held)) * unit) - (costs - part)
    else:
        position.stay = position.stay - side * value - costs
        if abs(after) < FLAT:
            end_stay_nb(state, position)
    if held == 0.0 or held * after < 0.0:
        position.entry = price
        position.close_stop_rate = 0.0
        position.close_target_rate = 0.0
    elif abs(after) > abs(held):
        position.entry = (position.entry * abs(held) + price * quantity) / abs(after)
    cash = st.cash - side * value - costs
    # What rounding leaves below zero is not a debt.
    if cash < 0.0 and cash > -1e-9 * max(1.0, value):
        cash = 0.0
    st.cash = cash
    hold_nb(state, book, symbol, after)


@njit(nogil=True, cache=True, no_cpython_wrapper=True, no_cfunc_wrapper=True, _nrt=False)
def price_or_mark_nb(prices: NDArray[np.float64], book: Book, bar: int, symbol: int) -> float:
    """Return the price of a held symbol in this bar, or its last known close when it has none."""
    price = prices[bar, symbol]
    return book.positions[symbol].mark if np.isnan(price) else price


@njit(
    nogil=True,
    cache=True,
    no_cpython_wrapper=True,
    no_cfunc_wrapper=True,
    _nrt=False,
    forceinline=True,
)
def equity_nb(state: NDArray[np.void], book: Book, prices: NDArray[np.float64], bar: int) -> float:
    """Return cash + sum of quantity x price x multiplier, summed by ascending symbol."""
    total = state[0].cash
    for i in range(state[0].n_held):
        symbol = book.held[i]
        position = book.positions[symbol]
        price = price_or_mark_nb(prices, book, bar, symbol)
        total += position.quantity * (price * position.multiplier)
    return total


@njit(
    nogil=True,
    cache=True,
    no_cpython_wrapper=True,
    no_cfunc_wrapper=True,
    _nrt=False,
    forceinline=True,
)
def free_money_nb(
    state: NDArray[np.void], book: Book, rules: Rules, prices: NDArray[np.float64], bar: int
) -> float:
    """Return the money that may be spent on opening.

    Without margin: cash, less the proceeds of shorts and as much again for what covers them. With margin: equity less
    ``initial_margin`` x gross value.
    """
    total = state[0].cash
    for i in range(state[0].n_held):
        symbol = book.held[i]
        position = book.positions[symbol]
        price = price_or_mark_nb(prices, book, bar, symbol)
        value = position.quantity * (price * position.multiplier)
        if rules.initial_margin > 0.0:
            total += value - rules.initial_margin * abs(value)
        elif position.quantity < 0.0:
            total += 2.0 * value
    return total
