"""From instructions to orders: what a strategy asked for at the close of a bar, seen against what is held.

Exits are created before entries. A position that is to be left and one that is to be entered in the other direction
on the same bar become two orders, filled at the same instant, the exit first.
"""

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from engine.kernels.book import Book, Plan, Rules
from engine.kernels.orders import (
    LIMIT,
    STOP,
    STOP_LIMIT,
    TRAILING,
    close_order_nb,
    create_nb,
    drop_nb,
    end_of_life_nb,
    is_waiting_nb,
    on_grid_nb,
    trail_nb,
    wait_nb,
    withdraw_nb,
)
from engine.market import PanelArrays
from engine.types import Action, OrderKind, OrderReason, OrderStatus, Reason, SizeKind, TimeInForce

Record = Any  # one row of a struct array

_BUY = np.int64(Action.BUY)
_ENTER_LONG = np.int64(Action.ENTER_LONG)
_EXIT_LONG = np.int64(Action.EXIT_LONG)
_ENTER_SHORT = np.int64(Action.ENTER_SHORT)
_EXIT_SHORT = np.int64(Action.EXIT_SHORT)
_TARGET = np.int64(Action.TARGET)
_CANCEL = np.int64(Action.CANCEL)
_SELL = np.int64(Action.SELL)
_MARKET = np.int64(OrderKind.MARKET)
_MOO = np.int64(OrderKind.MOO)
_MOC = np.int64(OrderKind.MOC)
_WEIGHT = np.int64(SizeKind.WEIGHT)
_REFUSED = np.int64(OrderStatus.REFUSED)
_EXPIRED = np.int64(OrderStatus.EXPIRED)
_CANCELLED = np.int64(OrderStatus.CANCELLED)
_SUPERSEDED = np.int64(OrderReason.SUPERSEDED)
_NOT_A_MEMBER = np.int64(OrderReason.NOT_A_MEMBER)
_DAY_OVER = np.int64(OrderReason.DAY_OVER)
_GTD_OVER = np.int64(OrderReason.GTD_OVER)
_SIGNAL = np.int64(Reason.SIGNAL)
_STOP = np.int64(Reason.STOP)
_PROFIT = np.int64(Reason.TARGET)
_DAY = np.int64(TimeInForce.DAY)
_GTC = np.int64(TimeInForce.GTC)
_ANY_KIND = np.int64(-1)
_NO_LABEL = np.int64(0)
_REBALANCE = np.int64(1)
_SLACK = 1e-12


@njit(nogil=True, cache=True, no_cpython_wrapper=True, no_cfunc_wrapper=True, _nrt=False)
def levels_nb(state: NDArray[np.void], panel: PanelArrays, book: Book, bar: int) -> None:
    """Order the exit of every position whose close has passed the level, judged at closes, of its entry."""
    for i in range(state[0].n_held):
        symbol = book.held[i]
        position = book.positions[symbol]
        close = panel.close[bar, symbol]
        stop, target = position.close_stop_rate, position.close_target_rate
        if np.isnan(close) or (stop == 0.0 and target == 0.0):
            continue
        side = 1.0 if position.quantity > 0.0 else -1.0
        action = _EXIT_LONG if side > 0.0 else _EXIT_SHORT
        if is_waiting_nb(state, book, symbol, action):
            continue
        entry = position.entry
        gain = side * (close - entry)
        if stop > 0.0 and gain <= -stop * entry + _SLACK * entry:
            wait_nb(state, book, create_nb(state, book, bar, symbol, action, _STOP, _NO_LABEL))
        elif target > 0.0 and gain >= target * entry - _SLACK * entry:
            wait_nb(state, book, create_nb(state, book, bar, symbol, action, _PROFIT, _NO_LABEL))


@njit(nogil=True, cache=True, no_cpython_wrapper=True, no_cfunc_wrapper=True, _nrt=False)
def last_close_nb(panel: PanelArrays, bar: int, symbol: int) -> float:
    """Return the last close known at the close of ``bar``; NaN before the first."""
    while bar > 0 and np.isnan(panel.close[bar, symbol]):
        bar -= 1
    return panel.close[bar, symbol]


@njit(nogil=True, cache=True, no_cpython_wrapper=True, no_cfunc_wrapper=True, _nrt=False)
def leaves_nb(
    state: NDArray[np.void], book: Book, bar: int, symbol: int, side: int, label: int
) -> int:
    """Create the exit of a position of this side and return its row; -1 when there is none, or one at the market waits.

    An entry of this side that still waits is withdrawn.
    """
    enter = _ENTER_LONG if side > 0 else _ENTER_SHORT
    leave = _EXIT_LONG if side > 0 else _EXIT_SHORT
    withdraw_nb(state, book, bar, symbol, enter, _ANY_KIND)
    held = book.positions[symbol].quantity
    if held * side <= 0.0 or is_waiting_nb(state, book, symbol, leave):
        return -1
    return create_nb(state, book, bar, symbol, leave, _SIGNAL, label)


@njit(nogil=True, cache=True, no_cpython_wrapper=True, no_cfunc_wrapper=True, _nrt=False)
def place_nb(
    state: NDArray[np.void], panel: PanelArrays, book: Book, said: Record, bar: int, row: int
) -> None:
    """Give an order what its instruction says and let it wait, unless it may not or would be dead before it is live."""
    order = book.orders[row]
    symbol = np.int64(said.symbol)
    position = book.positions[symbol]
    leaves = order.action == _EXIT_LONG or order.action == _EXIT_SHORT
    if not leaves:
        order.size_kind = said.size_kind
        order.size = said.size
        order.close_stop_rate = said.close_stop_rate
        order.close_target_rate = said.close_target_rate
    kind = np.int64(said.kind)
    if kind != 0 or said.tif != 0 or said.stop_kind + said.target_kind + said.trail_kind > 0:
        order.kind = kind
        order.tif = said.tif
        order.good_till_ns = said.good_till_ns
        if not leaves:
            order.stop_kind, order.stop_value = said.stop_kind, said.stop_value
            order.target_kind, order.target_value = said.target_kind, said.target_value
        order.trail_kind, order.trail_value = said.trail_kind, said.trail_value
        order.base = order.best = last_close_nb(panel, bar, symbol)
        if kind == LIMIT or kind == STOP_LIMIT:
            order.limit = said.limit
        if kind == STOP or kind == STOP_LIMIT:
            order.stop = said.stop
        if kind == TRAILING:
            order.since = bar + 1
            trail_nb(order, position.tick)
        on_grid_nb(order, position.tick)
    if order.tif != _GTC and bar + 1 < len(panel.time_ns):
        next_ns = panel.time_ns[bar + 1]
        end_ns = end_of_life_nb(order, panel.time_ns)
        if next_ns >= end_ns:
            reason = _DAY_OVER if order.tif == _DAY else _GTD_OVER
            close_order_nb(book, row, bar, _EXPIRED, reason)
            return
        state[0].expires_ns = min(state[0].expires_ns, end_ns)
    if len(panel.members) > 0 and not panel.members[bar, symbol] and not leaves:
        own = order.action == _BUY or order.action == _SELL
        if not (own and position.quantity * order.side < 0.0) and said.size != 0.0:
            close_order_nb(book, row, bar, _REFUSED, _NOT_A_MEMBER)
            return
    wait_nb(state, book, row)


@njit(nogil=True, cache=True, no_cpython_wrapper=True, no_cfunc_wrapper=True, _nrt=False)
def withdraw_own_nb(state: NDArray[np.void], book: Book, bar: int, symbol: int) -> None:
    """Cancel what the strategy itself has waiting for a symbol: no exit of a bracket, of a level, or for margin."""
    i = 0
    while i < state[0].n_pending:
        row = book.pending[i]
        order = book.orders[row]
        if order.symbol == symbol and order.parent < 0 and order.cause == _SIGNAL:
            drop_nb(state, book, i)
            close_order_nb(book, row, bar, _CANCELLED, _SUPERSEDED)
        else:
            i += 1


@njit(nogil=True, cache=True, no_cpython_wrapper=True, no_cfunc_wrapper=True, _nrt=False)
def obey_nb(
    state: NDArray[np.void], panel: PanelArrays, book: Book, said: Record, bar: int
) -> None:
    """Create the orders of one instruction, or withdraw those that wait."""
    action = np.int64(said.action)
    symbol = np.int64(said.symbol)
    if action == _CANCEL:
        withdraw_own_nb(state, book, bar, symbol)
        return
    label = np.int64(said.label)
    kind = np.int64(said.kind)
    held = book.positions[symbol].quantity
    if action == _EXIT_LONG or action == _EXIT_SHORT:
        side = 1 if action == _EXIT_LONG else -1
        if kind == _MARKET or kind == _MOO or kind == _MOC:
            row = leaves_nb(state, book, bar, symbol, side, label)
        elif held * side > 0.0:
            withdraw_nb(state, book, bar, symbol, action, kind)
            row = create_nb(state, book, bar, symbol, action, _SIGNAL, label)
        else:
            row = -1
        if row >= 0:
            place_nb(state, panel, book, said, bar, row)
        return
    if action == _ENTER_LONG or action == _ENTER_SHORT:
        side = 1 if action == _ENTER_LONG else -1
        if held * side > 0.0 or is_waiting_nb(state, book, symbol, action):
            return
        # Entering one side leaves the other, as a trader who says "buy" while short means it.
        row = leaves_nb(state, book, bar, symbol, -side, label)
        if row >= 0:
            wait_nb(state, book, row)
    elif action == _TARGET:
        withdraw_nb(state, book, bar, symbol, _TARGET, _ANY_KIND)
        if said.size == 0.0 and held == 0.0:
            return
    row = create_nb(state, book, bar, symbol, action, _SIGNAL, label)
    place_nb(state, panel, book, said, bar, row)


@njit(nogil=True, cache=True, no_cpython_wrapper=True, no_cfunc_wrapper=True, _nrt=False)
def drift_nb(
    state: NDArray[np.void],
    panel: PanelArrays,
    rules: Rules,
    plan: Plan,
    book: Book,
    bar: int,
    equity: float,
) -> None:
    """Rebalance when a weight at this close is farther than ``drift`` from what the last rebalancing wanted.

    The first close at which the strategy has weights is a rebalancing. A symbol whose weight it leaves open keeps its
    position and is not watched.
    """
    st = state[0]
    if equity <= 0.0:
        return  # nothing is a share of it
    n_symbols = plan.weights.shape[1]
    known = False
    away = st.n_rebalanced == 0
    for symbol in range(n_symbols):
        known = known or not np.isnan(plan.weights[bar, symbol])
        position = book.positions[symbol]
        if np.isnan(position.wanted):
            continue
        mark = panel.close[bar, symbol]
        if np.isnan(mark):
            mark = position.mark
        value = 0.0
        if position.quantity != 0.0:
            value = position.quantity * (mark * position.multiplier)
        away = away or abs(value / equity - position.wanted) > rules.drift
    if not known or not away:
        return
    st.n_rebalanced += 1
    for symbol in range(n_symbols):
        weight = plan.weights[bar, symbol]
        if np.isnan(weight):
            continue
        position = book.positions[symbol]
        position.wanted = weight
        withdraw_nb(state, book, bar, symbol, _TARGET, _ANY_KIND)
        if weight == 0.0 and position.quantity == 0.0:
            continue
        row = create_nb(state, book, bar, symbol, _TARGET, _SIGNAL, _REBALANCE)
        book.orders[row].size_kind = _WEIGHT
        book.orders[row].size = weight
        wait_nb(state, book, row)


@njit(
    nogil=True,
    cache=True,
    no_cpython_wrapper=True,
    no_cfunc_wrapper=True,
    _nrt=False,
    forceinline=True,
)
def decide_nb(
    state: NDArray[np.void],
    panel: PanelArrays,
    plan: Plan,
    book: Book,
    bar: int,
) -> None:
    """Create the orders of everything decided beforehand for the close of ``bar``."""
    st = state[0]
    if st.uses_levels == 1 and st.n_held > 0:
        levels_nb(state, panel, book, bar)
    instructions = plan.instructions
    while st.next_instruction < len(instructions) and instructions[st.next_instruction].bar == bar:
        said = instructions[st.next_instruction]
        st.next_instruction += 1
        obey_nb(state, panel, book, said, bar)
