"""Orders: how they are born, wait, watch a level, and end."""

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from engine.kernels.book import NEVER, Book, Rules
from engine.kernels.fills import SLACK, on_tick_nb
from engine.types import (
    NS_PER_DAY,
    Action,
    BracketBase,
    LevelKind,
    OrderKind,
    OrderReason,
    OrderStatus,
    Reason,
    SizeKind,
    TimeInForce,
)

Record = Any  # one row of a struct array

# Constants are NumPy scalars: a Python literal would have every callee compiled once more for its value.
_BUY = np.int64(Action.BUY)
_ENTER_LONG = np.int64(Action.ENTER_LONG)
_EXIT_LONG = np.int64(Action.EXIT_LONG)
_EXIT_SHORT = np.int64(Action.EXIT_SHORT)
_TARGET = np.int64(Action.TARGET)
_ALL = np.int64(SizeKind.ALL)
_MARKET = np.int64(OrderKind.MARKET)
LIMIT = np.int64(OrderKind.LIMIT)
STOP = np.int64(OrderKind.STOP)
STOP_LIMIT = np.int64(OrderKind.STOP_LIMIT)
TRAILING = np.int64(OrderKind.TRAILING_STOP)
_NONE = np.int64(LevelKind.NONE)
_RATE = np.int64(LevelKind.RATE)
_PRICE = np.int64(LevelKind.PRICE)
_FROM_FILL = np.int64(BracketBase.FILL)
_GTC = np.int64(TimeInForce.GTC)
_EXPIRED = np.int64(OrderStatus.EXPIRED)
_CANCELLED = np.int64(OrderStatus.CANCELLED)
_WORKING = np.int64(OrderStatus.WORKING)
_DAY_OVER = np.int64(OrderReason.DAY_OVER)
_GTD_OVER = np.int64(OrderReason.GTD_OVER)
_SUPERSEDED = np.int64(OrderReason.SUPERSEDED)
_OCO = np.int64(OrderReason.OCO)
_GONE = np.int64(OrderReason.POSITION_GONE)
_DAY = np.int64(TimeInForce.DAY)
_BY_STOP = np.int64(Reason.STOP)
_BY_TARGET = np.int64(Reason.TARGET)
_BY_TRAIL = np.int64(Reason.TRAILING)
_NO_LABEL = np.int64(0)
_LIMIT_DOWN = np.bool_(True)


@njit(nogil=True, cache=True, no_cpython_wrapper=True, no_cfunc_wrapper=True, _nrt=False)
def ends_with_position_nb(order: Record) -> bool:
    """Tell whether an order is the exit of a bracket, or an exit of its own that watches a level."""
    if order.parent >= 0:
        return True
    leaves = order.action == _EXIT_LONG or order.action == _EXIT_SHORT
    return leaves and order.kind >= LIMIT and order.kind <= TRAILING


@njit(nogil=True, cache=True, no_cpython_wrapper=True, no_cfunc_wrapper=True, _nrt=False)
def wait_nb(state: NDArray[np.void], book: Book, row: int) -> None:
    """Put an order on the waiting list, which is sorted by bar decided, then symbol, then creation."""
    order = book.orders[row]
    i = state[0].n_pending
    while i > 0:
        before = book.pending[i - 1]
        other = book.orders[before]
        if other.decided < order.decided:
            break
        if other.decided == order.decided and (
            other.symbol < order.symbol or (other.symbol == order.symbol and before < row)
        ):
            break
        book.pending[i] = before
        i -= 1
    book.pending[i] = row
    state[0].n_pending += 1
    position = book.positions[order.symbol]
    position.waiting += 1
    if ends_with_position_nb(order):
        position.exits += 1


@njit(nogil=True, cache=True, no_cpython_wrapper=True, no_cfunc_wrapper=True, _nrt=False)
def drop_nb(state: NDArray[np.void], book: Book, at: int) -> None:
    """Take the order at this place off the waiting list."""
    order = book.orders[book.pending[at]]
    position = book.positions[order.symbol]
    position.waiting -= 1
    if ends_with_position_nb(order):
        position.exits -= 1
    last = state[0].n_pending - 1
    for i in range(at, last):
        book.pending[i] = book.pending[i + 1]
    state[0].n_pending = last


@njit(nogil=True, cache=True, no_cpython_wrapper=True, no_cfunc_wrapper=True, _nrt=False)
def remove_nb(state: NDArray[np.void], book: Book, row: int) -> None:
    """Take an order off the waiting list, where it is on it."""
    for i in range(state[0].n_pending):
        if book.pending[i] == row:
            drop_nb(state, book, i)
            return


@njit(nogil=True, cache=True, no_cpython_wrapper=True, no_cfunc_wrapper=True, _nrt=False)
def close_order_nb(book: Book, row: int, bar: int, status: int, reason: int) -> None:
    """Write how an order ended."""
    order = book.orders[row]
    order.status = status
    order.reason = reason
    order.closed = bar


@njit(nogil=True, cache=True, no_cpython_wrapper=True, no_cfunc_wrapper=True, _nrt=False)
def create_nb(
    state: NDArray[np.void], book: Book, bar: int, symbol: int, action: int, cause: int, label: int
) -> int:
    """Create an order that trades the whole position at the next market, and return its row; it does not wait yet."""
    row = state[0].n_orders
    state[0].n_orders = row + 1
    order = book.orders[row]
    order.decided = bar
    order.closed = -1
    order.good_till_ns = 0
    order.parent = -1
    order.bracket = -1
    order.entered = -1
    order.since = 0
    order.tried = -1
    order.symbol = symbol
    order.label = label
    order.action = action
    order.kind = 0
    order.tif = 0
    order.side = 0
    if action == _BUY or action == _ENTER_LONG or action == _EXIT_SHORT:
        order.side = 1
    elif action != _TARGET:
        order.side = -1
    order.size_kind = _ALL
    order.status = 0
    order.reason = 0
    order.cause = cause
    order.triggered = 0
    order.phase = 0
    order.stop_kind = order.target_kind = order.trail_kind = 0
    order.size = 0.0
    order.limit = order.stop = np.nan
    order.stop_value = order.target_value = order.trail_value = 0.0
    order.close_stop_rate = order.close_target_rate = 0.0
    order.base = order.best = np.nan
    order.filled = order.remaining = order.covered = 0.0
    order.value = order.commission = 0.0
    return row


@njit(nogil=True, cache=True, no_cpython_wrapper=True, no_cfunc_wrapper=True, _nrt=False)
def is_limit_nb(order: Record) -> bool:
    """Tell whether an order rests at its limit: a stop-limit does once its stop has been touched."""
    return order.kind == LIMIT or (order.kind == STOP_LIMIT and order.triggered == 1)


@njit(nogil=True, cache=True, no_cpython_wrapper=True, no_cfunc_wrapper=True, _nrt=False)
def rests_nb(order: Record) -> bool:
    """Tell whether an order watches a level; a stop that has been touched is a market order."""
    if order.kind == STOP or order.kind == TRAILING:
        return order.triggered == 0
    return order.kind == LIMIT or order.kind == STOP_LIMIT


@njit(nogil=True, cache=True, no_cpython_wrapper=True, no_cfunc_wrapper=True, _nrt=False)
def level_nb(order: Record) -> float:
    """Return the price that an order watches."""
    return order.limit if is_limit_nb(order) else order.stop


@njit(nogil=True, cache=True, no_cpython_wrapper=True, no_cfunc_wrapper=True, _nrt=False)
def rises_nb(order: Record) -> bool:
    """Tell whether the price must rise to the level: of sell limits and buy stops."""
    return (order.side < 0) == is_limit_nb(order)


@njit(nogil=True, cache=True, no_cpython_wrapper=True, no_cfunc_wrapper=True, _nrt=False)
def reaches_nb(price: float, level: float, rises: bool) -> bool:
    """Tell whether a price is at a level or beyond, but for the noise of how the level was reckoned."""
    if rises:
        return price >= level - SLACK * level
    return price <= level + SLACK * level


@njit(nogil=True, cache=True, no_cpython_wrapper=True, no_cfunc_wrapper=True, _nrt=False)
def trail_nb(order: Record, tick: float) -> None:
    """Set the stop of a trailing order to its distance from the best price."""
    side = np.int64(order.side)
    if order.trail_kind == _RATE:
        stop = order.best * (1.0 + side * order.trail_value)
    else:
        stop = order.best + side * order.trail_value
    order.stop = on_tick_nb(stop, tick, side < 0)


@njit(nogil=True, cache=True, no_cpython_wrapper=True, no_cfunc_wrapper=True, _nrt=False)
def on_grid_nb(order: Record, tick: float) -> None:
    """Round the prices of a resting order away from the market."""
    if tick <= 0.0:
        return
    order.limit = on_tick_nb(order.limit, tick, order.side > 0)
    order.stop = on_tick_nb(order.stop, tick, order.side < 0)


@njit(nogil=True, cache=True, no_cpython_wrapper=True, no_cfunc_wrapper=True, _nrt=False)
def bracket_level_nb(kind: int, value: float, base: float, direction: int) -> float:
    """Return a level above (+1) or below (-1) its base."""
    if kind == _RATE:
        return base * (1.0 + direction * value)
    if kind == _PRICE:
        return value
    return base + direction * value


@njit(nogil=True, cache=True, no_cpython_wrapper=True, no_cfunc_wrapper=True, _nrt=False)
def base_nb(entry: Record, price: float, rules: Rules) -> float:
    """Return what the levels of a bracket are measured from; the fill where no close was known at the decision."""
    return price if rules.bracket_base == _FROM_FILL or np.isnan(entry.base) else entry.base


@njit(nogil=True, cache=True, no_cpython_wrapper=True, no_cfunc_wrapper=True, _nrt=False)
def exit_nb(state: NDArray[np.void], book: Book, row: int, kind: int, cause: int) -> int:
    """Create an exit that belongs to the bracket of the entry in ``row``."""
    entry = book.orders[row]
    action = _EXIT_LONG if entry.side > 0 else _EXIT_SHORT
    new = create_nb(
        state, book, np.int64(entry.decided), np.int64(entry.symbol), action, cause, _NO_LABEL
    )
    child = book.orders[new]
    child.parent = row
    child.kind = kind
    if entry.bracket < 0:
        entry.bracket = new
    return new


@njit(nogil=True, cache=True, no_cpython_wrapper=True, no_cfunc_wrapper=True, _nrt=False)
def bracket_nb(
    state: NDArray[np.void], book: Book, rules: Rules, row: int, price: float, since: int
) -> None:
    """Create the exits of an entry when it first opens: stop, trailing stop, target, those that it carries.

    A trailing stop starts at the fill's price and follows the extremes of the bars from ``since`` on.
    """
    entry = book.orders[row]
    tick = book.positions[entry.symbol].tick
    side = np.int64(entry.side)
    base = base_nb(entry, price, rules)
    if entry.stop_kind != _NONE:
        new = exit_nb(state, book, row, STOP, _BY_STOP)
        child = book.orders[new]
        child.stop = bracket_level_nb(
            np.int64(entry.stop_kind), entry.stop_value, base, np.int64(-side)
        )
        on_grid_nb(child, tick)
        wait_nb(state, book, new)
    if entry.trail_kind != _NONE and entry.kind != TRAILING:
        new = exit_nb(state, book, row, TRAILING, _BY_TRAIL)
        child = book.orders[new]
        child.trail_kind = entry.trail_kind
        child.trail_value = entry.trail_value
        child.best = price
        child.since = since
        trail_nb(child, tick)
        wait_nb(state, book, new)
    if entry.target_kind != _NONE:
        new = exit_nb(state, book, row, LIMIT, _BY_TARGET)
        child = book.orders[new]
        child.limit = bracket_level_nb(np.int64(entry.target_kind), entry.target_value, base, side)
        on_grid_nb(child, tick)
        wait_nb(state, book, new)


@njit(nogil=True, cache=True, no_cpython_wrapper=True, no_cfunc_wrapper=True, _nrt=False)
def end_bracket_nb(state: NDArray[np.void], book: Book, row: int, bar: int, but: int) -> None:
    """Cancel what a bracket still watches, and the rest of its entry: one of its exits has done its work."""
    i = book.orders[row].bracket
    while i < state[0].n_orders and book.orders[i].parent == row:
        if i != but and book.orders[i].status == _WORKING:
            remove_nb(state, book, i)
            close_order_nb(book, i, bar, _CANCELLED, _OCO)
        i += 1
    if book.orders[row].status == _WORKING:
        remove_nb(state, book, row)
        close_order_nb(book, row, bar, _CANCELLED, _OCO)


@njit(nogil=True, cache=True, no_cpython_wrapper=True, no_cfunc_wrapper=True, _nrt=False)
def end_brackets_nb(
    state: NDArray[np.void], book: Book, symbol: int, side: int, bar: int, but: int
) -> None:
    """Cancel the waiting exits of a position of this side that is gone."""
    i = 0
    while i < state[0].n_pending:
        row = book.pending[i]
        order = book.orders[row]
        mine = order.symbol == symbol and order.side == -side and row != but
        if mine and ends_with_position_nb(order):
            drop_nb(state, book, i)
            close_order_nb(book, row, bar, _CANCELLED, _GONE)
        else:
            i += 1


@njit(nogil=True, cache=True, no_cpython_wrapper=True, no_cfunc_wrapper=True, _nrt=False)
def is_waiting_nb(state: NDArray[np.void], book: Book, symbol: int, action: int) -> bool:
    """Tell whether an order of this symbol and action waits; of exits only those at the market count."""
    if book.positions[symbol].waiting == 0:
        return False
    leaves = action == _EXIT_LONG or action == _EXIT_SHORT
    for i in range(state[0].n_pending):
        order = book.orders[book.pending[i]]
        if order.symbol == symbol and order.action == action and order.parent < 0:
            if not leaves or not rests_nb(order):
                return True
    return False


@njit(nogil=True, cache=True, no_cpython_wrapper=True, no_cfunc_wrapper=True, _nrt=False)
def withdraw_nb(
    state: NDArray[np.void], book: Book, bar: int, symbol: int, action: int, kind: int
) -> None:
    """Cancel the waiting orders of this symbol and action (and kind, unless -1): a later one took their place."""
    if book.positions[symbol].waiting == 0:
        return
    i = 0
    while i < state[0].n_pending:
        row = book.pending[i]
        order = book.orders[row]
        same = order.symbol == symbol and order.action == action and order.parent < 0
        if same and (kind < 0 or order.kind == kind):
            drop_nb(state, book, i)
            close_order_nb(book, row, bar, _CANCELLED, _SUPERSEDED)
        else:
            i += 1


@njit(nogil=True, cache=True, no_cpython_wrapper=True, no_cfunc_wrapper=True, _nrt=False)
def end_of_life_nb(order: Record, time_ns: NDArray[np.int64]) -> int:
    """Return the first instant at which an order with a date is dead: the midnight after that date.

    The date of a day order is that of the bar after the one that decided it.
    """
    last = order.good_till_ns
    if order.tif == _DAY:
        last = time_ns[min(order.decided + 1, len(time_ns) - 1)]
    return (last // NS_PER_DAY + 1) * NS_PER_DAY


@njit(nogil=True, cache=True, no_cpython_wrapper=True, no_cfunc_wrapper=True, _nrt=False)
def expire_nb(state: NDArray[np.void], book: Book, time_ns: NDArray[np.int64], bar: int) -> None:
    """End the orders that will be dead when the next bar opens, and find when the next one dies."""
    st = state[0]
    st.expires_ns = NEVER
    next_ns = time_ns[bar + 1]
    i = 0
    while i < st.n_pending:
        row = book.pending[i]
        order = book.orders[row]
        if order.tif == _GTC:
            i += 1
            continue
        end_ns = end_of_life_nb(order, time_ns)
        if next_ns >= end_ns:
            drop_nb(state, book, i)
            reason = _DAY_OVER if order.tif == _DAY else _GTD_OVER
            close_order_nb(book, row, bar, _EXPIRED, reason)
        else:
            st.expires_ns = min(st.expires_ns, end_ns)
            i += 1
