"""Inside a bar: which resting orders it reaches, in which order, and what they do.

Three assumptions about what prices did between open and close. *Pessimistic*: stops, then targets, then entries by the
bar of their signal, one at a time. *Path*: the price went from the open to the nearer of high and low, to the other, to
the close, and meets each level where that line crosses it. *Magnifier*: finer bars are walked one after the other, each
pessimistically. A bar whose outcome hung on the assumption is counted as ambiguous.
"""

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from engine.kernels.book import Book, Rules
from engine.kernels.fills import half_nb
from engine.kernels.orders import (
    LIMIT,
    STOP_LIMIT,
    is_limit_nb,
    level_nb,
    reaches_nb,
    remove_nb,
    rests_nb,
    rises_nb,
)
from engine.kernels.trade import trade_nb
from engine.market import PanelArrays
from engine.types import Intrabar, OrderStatus, Phase

Record = Any  # one row of a struct array

_INSIDE = np.int64(Phase.INSIDE)
_PATH = np.int64(Intrabar.PATH)
_MAGNIFIER = np.int64(Intrabar.MAGNIFIER)
_WORKING = np.int64(OrderStatus.WORKING)
_ONE = np.int64(1)
_START = np.float64(0.0)
_NONE = np.int64(0)  # typed: a literal would have what counts from it compiled twice
_NO_EQUITY = np.float64(0.0)
_WHOLE = np.int64(-1)


@njit(nogil=True, cache=True, no_cpython_wrapper=True, no_cfunc_wrapper=True, _nrt=False)
def trades_nb(panel: PanelArrays, bar: int, symbol: int) -> bool:
    """Tell whether a symbol trades in a bar: it has one and, where volumes are known, not the volume 0.

    A blank volume (NaN) is not known to be nothing.
    """
    return not np.isnan(panel.close[bar, symbol]) and (
        not panel.volume_known[symbol] or panel.volume[bar, symbol] != 0.0
    )


@njit(nogil=True, cache=True, no_cpython_wrapper=True, no_cfunc_wrapper=True, _nrt=False)
def path_point_nb(book: Book, symbol: int, corner: int) -> float:
    """Return corner 0 to 3 of a bar's path: open, the nearer of high and low (the low when equal), the other, close."""
    start = book.ohlc[0, symbol]
    if corner == 0:
        return start
    if corner == 3:
        return book.ohlc[3, symbol]
    high, low = book.ohlc[1, symbol], book.ohlc[2, symbol]
    low_first = start - low <= high - start
    return low if low_first == (corner == 1) else high


@njit(nogil=True, cache=True, no_cpython_wrapper=True, no_cfunc_wrapper=True, _nrt=False)
def path_key_nb(
    book: Book, symbol: int, level: float, rises: bool, since: float, away: float
) -> float:
    """Return where on its path, from ``since`` on, a bar meets a level: number and share of the leg; -1 never.

    The order meets prices that are ``away`` from the middle.
    """
    for leg in range(3):
        if leg + 1.0 <= since:
            continue
        a = path_point_nb(book, symbol, leg) + away
        b = path_point_nb(book, symbol, leg + 1) + away
        share = max(since - leg, 0.0)
        if reaches_nb(a + (b - a) * share, level, rises):
            return leg + share
        if reaches_nb(b, level, rises):
            return leg + min(max((level - a) / (b - a), share), 1.0)
    return -1.0


@njit(nogil=True, cache=True, no_cpython_wrapper=True, no_cfunc_wrapper=True, _nrt=False)
def touch_nb(rules: Rules, book: Book, row: int, since: float, n: int) -> int:
    """Put an order among the touched ones when the bar reaches its level from ``since`` on; return their number."""
    order = book.orders[row]
    symbol = np.int64(order.symbol)
    level = level_nb(order)
    rises = rises_nb(order)
    away = order.side * book.ohlc[4, symbol]
    if not reaches_nb(book.ohlc[1 if rises else 2, symbol] + away, level, rises):
        return n
    key = 0.0
    if rules.intrabar == _PATH:
        key = path_key_nb(book, symbol, level, rises, since, away)
        if key < 0.0:
            return n
    slot = book.touched[n]
    slot.row = row
    slot.key = key
    slot.raw = level
    return n + 1


@njit(nogil=True, cache=True, no_cpython_wrapper=True, no_cfunc_wrapper=True, _nrt=False)
def rank_nb(book: Book, rules: Rules, order: Record) -> int:
    """Return 0 for stops that reduce what is held, 1 for limits that do, 2 for all others; on a path all alike."""
    if rules.intrabar == _PATH:
        return 0
    if book.positions[order.symbol].quantity * order.side >= 0.0:
        return 2
    return 1 if is_limit_nb(order) else 0


@njit(nogil=True, cache=True, no_cpython_wrapper=True, no_cfunc_wrapper=True, _nrt=False)
def comes_first_nb(book: Book, rules: Rules, one: Record, other: Record) -> bool:
    """Tell whether a touched order acts before another."""
    a, b = book.orders[one.row], book.orders[other.row]
    rank_a, rank_b = rank_nb(book, rules, a), rank_nb(book, rules, b)
    if rank_a != rank_b:
        return rank_a < rank_b
    if one.key != other.key:
        return one.key < other.key
    if a.decided != b.decided:
        return a.decided < b.decided
    if a.symbol != b.symbol:
        return a.symbol < b.symbol
    rises_a, rises_b = rises_nb(a), rises_nb(b)
    if rules.intrabar != _PATH and rank_a < 2 and rises_a == rises_b and one.raw != other.raw:
        return one.raw < other.raw if rises_a else one.raw > other.raw
    return one.row < other.row


@njit(nogil=True, cache=True, no_cpython_wrapper=True, no_cfunc_wrapper=True, _nrt=False)
def first_nb(book: Book, rules: Rules, n: int) -> int:
    """Return which of the touched orders acts next; -1 when none is left."""
    best = -1
    for i in range(n):
        slot = book.touched[i]
        if slot.row < 0 or book.orders[slot.row].status != _WORKING:
            continue
        if best < 0 or comes_first_nb(book, rules, slot, book.touched[best]):
            best = i
    return best


@njit(nogil=True, cache=True, no_cpython_wrapper=True, no_cfunc_wrapper=True, _nrt=False)
def doubt_nb(
    state: NDArray[np.void], book: Book, fills: NDArray[np.void], row: int, bar: int
) -> None:
    """Mark the fill in ``row`` as decided by the assumption about the bar, and count that bar of its symbol once."""
    fills[row].ambiguous = 1
    position = book.positions[fills[row].symbol]
    if position.ambiguous_bar != bar:
        position.ambiguous_bar = bar
        state[0].n_ambiguous += 1


@njit(nogil=True, cache=True, no_cpython_wrapper=True, no_cfunc_wrapper=True, _nrt=False)
def other_side_nb(state: NDArray[np.void], book: Book, row: int, bar: int, n: int) -> bool:
    """Tell whether the bar reaches the other side of an exit's bracket too: a target of a stop, a stop of a target.

    A target that was ignored on the bar of its entry counts.
    """
    order = book.orders[row]
    if order.parent < 0:
        return False
    i = book.orders[order.parent].bracket
    while i < state[0].n_orders and book.orders[i].parent == order.parent:
        if book.orders[i].kind == LIMIT and book.orders[i].best == bar:
            return True
        i += 1
    for i in range(n):
        other = book.touched[i].row
        if other < 0 or other == row or book.orders[other].status != _WORKING:
            continue
        same = book.orders[other].parent == order.parent
        if same and (book.orders[other].kind == LIMIT) != (order.kind == LIMIT):
            return True
    return False


@njit(nogil=True, cache=True, no_cpython_wrapper=True, no_cfunc_wrapper=True, _nrt=False)
def load_nb(state: NDArray[np.void], book: Book, slot: Record, row: int, raw: float) -> None:
    """Take a resting order off the waiting list and into a slot, to be traded at ``raw``; a stop is touched by it."""
    order = book.orders[row]
    slot.row = row
    slot.raw = raw
    slot.cap = np.nan
    slot.cut = 0
    slot.exact = 1 if is_limit_nb(order) else 0
    if slot.exact == 0:
        order.triggered = 1
        if order.kind == STOP_LIMIT:
            slot.cap = order.limit
    remove_nb(state, book, row)


@njit(nogil=True, cache=True, no_cpython_wrapper=True, no_cfunc_wrapper=True, _nrt=False)
def at_once_nb(
    state: NDArray[np.void],
    panel: PanelArrays,
    rules: Rules,
    book: Book,
    fills: NDArray[np.void],
    bar: int,
    phase: int,
    entry: int,
    raw: float,
) -> None:
    """End the position of an entry that has just been filled at ``raw`` and has already passed a level of its bracket.

    At that same price, of a quote at its other side: a stop with what a market order costs, a target without.
    """
    side, symbol = np.int64(book.orders[entry].side), np.int64(book.orders[entry].symbol)
    raw = raw + -2 * side * half_nb(panel, bar, symbol)
    row = book.orders[entry].bracket
    while row >= 0 and row < state[0].n_orders and book.orders[row].parent == entry:
        order = book.orders[row]
        if order.status == _WORKING and rests_nb(order):
            if reaches_nb(raw, level_nb(order), rises_nb(order)):
                load_nb(state, book, book.slots[0], row, raw)
                trade_nb(state, panel, rules, book, fills, bar, phase, _ONE, _NO_EQUITY)
        row += 1


@njit(nogil=True, cache=True, no_cpython_wrapper=True, no_cfunc_wrapper=True, _nrt=False)
def act_nb(
    state: NDArray[np.void],
    panel: PanelArrays,
    rules: Rules,
    book: Book,
    fills: NDArray[np.void],
    bar: int,
    i: int,
    n: int,
    equity: float,
) -> int:
    """Let the touched order ``i`` act at its level; return the number of touched orders with those it brought."""
    row, level, key = book.touched[i].row, book.touched[i].raw, book.touched[i].key
    book.touched[i].row = -1
    order = book.orders[row]
    if order.kind == STOP_LIMIT and order.triggered == 0:
        if not reaches_nb(level, order.limit, order.side < 0):
            order.triggered = (
                1  # it rests at its limit; inside this bar only a path knows what comes after
            )
            return touch_nb(rules, book, row, key, n) if rules.intrabar == _PATH else n
    doubtful = other_side_nb(state, book, row, bar, n)
    filled, created = state[0].n_fills, state[0].n_orders
    load_nb(state, book, book.slots[0], row, level)
    trade_nb(state, panel, rules, book, fills, bar, _INSIDE, _ONE, equity)
    if state[0].n_fills == filled:
        return n
    if doubtful:
        doubt_nb(state, book, fills, filled, bar)
    if book.orders[row].bracket < 0:
        return n
    at_once_nb(state, panel, rules, book, fills, bar, _INSIDE, row, level)
    for child in range(created, state[0].n_orders):
        if book.orders[child].status != _WORKING or not rests_nb(book.orders[child]):
            continue
        more = touch_nb(rules, book, child, key, n)
        if more > n and rules.intrabar != _PATH and book.orders[child].kind == LIMIT:
            doubt_nb(state, book, fills, filled, bar)  # reached, before or after the entry: ignored
            book.orders[child].best = bar
        else:
            n = more
    return n


@njit(
    nogil=True,
    cache=True,
    no_cpython_wrapper=True,
    no_cfunc_wrapper=True,
    _nrt=False,
    inline="always",
)
def walk_nb(
    state: NDArray[np.void],
    panel: PanelArrays,
    rules: Rules,
    book: Book,
    fills: NDArray[np.void],
    bar: int,
    equity: float,
) -> None:
    """Let every waiting order whose level the bar in ``book.ohlc`` reaches act, one after the other."""
    n = _NONE
    for i in range(state[0].n_pending):
        row = book.pending[i]
        order = book.orders[row]
        if order.parent >= 0 and order.kind == LIMIT:
            order.best = np.nan  # not ignored in this bar, or finer bar
        if rests_nb(order) and order.tried != bar:
            n = touch_nb(rules, book, row, _START, n)
    while n > 0:
        i = first_nb(book, rules, n)
        if i < 0:
            return
        n = act_nb(state, panel, rules, book, fills, bar, i, n, equity)


@njit(nogil=True, cache=True, no_cpython_wrapper=True, no_cfunc_wrapper=True, _nrt=False)
def show_nb(
    state: NDArray[np.void],
    panel: PanelArrays,
    rules: Rules,
    book: Book,
    bar: int,
    finer: int,
) -> bool:
    """Put the bar (``finer`` -1) or one of its finer bars into ``book.ohlc``; return whether an order might be reached.

    A symbol that does not trade in it gets NaN, which reaches nothing; so does, for the whole bar, a symbol that has
    finer bars in it.
    """
    found = False
    for i in range(state[0].n_pending):
        order = book.orders[book.pending[i]]
        if not rests_nb(order) or order.tried == bar:
            continue
        symbol = np.int64(order.symbol)
        for price in range(4):
            book.ohlc[price, symbol] = np.nan
        book.ohlc[4, symbol] = half_nb(panel, bar, symbol)
        if not trades_nb(panel, bar, symbol):
            continue
        if finer >= 0:
            for price in range(4):
                book.ohlc[price, symbol] = panel.finer[finer, price, symbol]
        else:
            has_finer = False
            if rules.intrabar == _MAGNIFIER and len(panel.finer_first) > 0:
                for j in range(panel.finer_first[bar], panel.finer_first[bar + 1]):
                    has_finer = has_finer or not np.isnan(panel.finer[j, 3, symbol])
            if has_finer:
                continue
            book.ohlc[0, symbol] = panel.open[bar, symbol]
            book.ohlc[1, symbol] = panel.high[bar, symbol]
            book.ohlc[2, symbol] = panel.low[bar, symbol]
            book.ohlc[3, symbol] = panel.close[bar, symbol]
        found = True
    return found


@njit(
    nogil=True,
    cache=True,
    no_cpython_wrapper=True,
    no_cfunc_wrapper=True,
    _nrt=False,
    inline="always",
)
def gap_nb(
    state: NDArray[np.void],
    panel: PanelArrays,
    rules: Rules,
    book: Book,
    fills: NDArray[np.void],
    bar: int,
    equity: float,
) -> None:
    """Fill what the open of a finer bar has passed, as one group at that open."""
    n = 0
    i = 0
    while i < state[0].n_pending:
        row = book.pending[i]
        order = book.orders[row]
        price = book.ohlc[0, order.symbol] + order.side * book.ohlc[4, order.symbol]
        waits = not rests_nb(order) or order.tried == bar
        if waits or not reaches_nb(price, level_nb(order), rises_nb(order)):
            i += 1
            continue
        if order.kind == STOP_LIMIT and order.triggered == 0:
            if not reaches_nb(price, order.limit, order.side < 0):
                order.triggered = 1
                i += 1
                continue
        load_nb(state, book, book.slots[n], row, price)
        n += 1
    if n == 0:
        return
    filled = state[0].n_fills
    trade_nb(state, panel, rules, book, fills, bar, _INSIDE, n, equity)
    for fill in range(filled, state[0].n_fills):
        symbol = fills[fill].symbol
        price = book.ohlc[0, symbol] + fills[fill].side * book.ohlc[4, symbol]
        at_once_nb(
            state, panel, rules, book, fills, bar, _INSIDE, np.int64(fills[fill].order), price
        )


@njit(
    nogil=True,
    cache=True,
    no_cpython_wrapper=True,
    no_cfunc_wrapper=True,
    _nrt=False,
    inline="always",
)
def inside_nb(
    state: NDArray[np.void],
    panel: PanelArrays,
    rules: Rules,
    book: Book,
    fills: NDArray[np.void],
    bar: int,
    equity: float,
) -> None:
    """Trade what the bar reaches between its open and its close."""
    if show_nb(state, panel, rules, book, bar, _WHOLE):
        walk_nb(state, panel, rules, book, fills, bar, equity)
    if rules.intrabar != _MAGNIFIER or len(panel.finer_first) == 0:
        return
    for finer in range(panel.finer_first[bar], panel.finer_first[bar + 1]):
        if show_nb(state, panel, rules, book, bar, finer):
            gap_nb(state, panel, rules, book, fills, bar, equity)
            show_nb(
                state, panel, rules, book, bar, finer
            )  # an entry at that open has brought its exits
            walk_nb(state, panel, rules, book, fills, bar, equity)
