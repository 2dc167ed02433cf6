"""One bar in the order of time: what is due before it, its open, its inside, its close."""

from typing import Any, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from engine.kernels.book import Book, Plan, Rules
from engine.kernels.corporate import corporate_actions_nb, finance_nb
from engine.kernels.decide import drift_nb
from engine.kernels.fills import half_nb
from engine.kernels.inside import at_once_nb, inside_nb, load_nb, trades_nb
from engine.kernels.ledger import equity_nb
from engine.kernels.margin import margin_nb
from engine.kernels.orders import (
    STOP_LIMIT,
    TRAILING,
    drop_nb,
    expire_nb,
    level_nb,
    reaches_nb,
    rests_nb,
    rises_nb,
    trail_nb,
)
from engine.kernels.trade import trade_nb
from engine.market import PanelArrays
from engine.types import Action, FillAt, OrderKind, Phase, Status

Record = Any  # one row of a struct array

_EXIT_LONG = np.int64(Action.EXIT_LONG)
_EXIT_SHORT = np.int64(Action.EXIT_SHORT)
_TARGET = np.int64(Action.TARGET)
_MARKET = np.int64(OrderKind.MARKET)
_MOO = np.int64(OrderKind.MOO)
_MOC = np.int64(OrderKind.MOC)
_OPEN = np.int64(Phase.OPEN)
_CLOSE = np.int64(Phase.CLOSE)
_NEXT_OPEN = np.int64(FillAt.NEXT_OPEN)
_NEXT_CLOSE = np.int64(FillAt.NEXT_CLOSE)
_SAME_CLOSE = np.int64(FillAt.SAME_CLOSE)
_DONE = np.int64(Status.DONE)
_FILLS_FULL = np.int64(Status.FILLS_FULL)
_ORDERS_FULL = np.int64(Status.ORDERS_FULL)
_FIRST = np.bool_(True)
_THEN = np.bool_(False)


class CurveArrays(NamedTuple):
    """What a run writes per bar, all (n_bars,): see `engine.result.Curve`."""

    equity: NDArray[np.float64]
    cash: NDArray[np.float64]
    gross: NDArray[np.float64]
    positions: NDArray[np.int64]


@njit(
    nogil=True,
    cache=True,
    no_cpython_wrapper=True,
    no_cfunc_wrapper=True,
    _nrt=False,
    forceinline=True,
)
def room_nb(
    state: NDArray[np.void],
    panel: PanelArrays,
    plan: Plan,
    book: Book,
    fills: NDArray[np.void],
    bar: int,
    more: int,
) -> int:
    """Return DONE when this bar, with ``more`` instructions of its own, is sure to fit; else what is too small."""
    st = state[0]
    said = more + (book.positions.shape[0] if len(plan.weights) > 0 else 0)
    instructions = plan.instructions
    i = st.next_instruction
    while i < len(instructions) and instructions[i].bar == bar:
        said += 1
        i += 1
    actions = st.next_action
    while actions < len(panel.events) and panel.events[actions].bar <= bar + 1:
        actions += 1
    # An instruction brings an order and an exit, a position a forced exit and that of a level, an entry its bracket.
    decided = 2 * said + 2 * st.n_held
    new_orders = decided + 3 * (st.n_pending + decided)
    if st.n_orders + new_orders > len(book.orders):
        return _ORDERS_FULL
    events = st.n_events + st.n_pending + st.n_held + 1
    if events > len(book.happened):
        return _ORDERS_FULL
    fills_of_actions = actions - st.next_action
    if st.n_fills + 2 * (st.n_pending + new_orders) + fills_of_actions > len(fills):
        return _FILLS_FULL
    return _DONE


@njit(nogil=True, cache=True, no_cpython_wrapper=True, no_cfunc_wrapper=True, _nrt=False)
def met_from_nb(order: Record) -> int:
    """Return the side from which an order meets a quote; 0 of a target, which learns its side when it is sized."""
    return np.int64(0) if order.action == _TARGET else np.int64(order.side)


@njit(
    nogil=True,
    cache=True,
    no_cpython_wrapper=True,
    no_cfunc_wrapper=True,
    _nrt=False,
    forceinline=True,
)
def take_open_nb(
    state: NDArray[np.void], panel: PanelArrays, rules: Rules, book: Book, bar: int, first: bool
) -> int:
    """Load the orders of one group at the open and return their number.

    First the exits, and the resting orders whose level the open has passed; then the orders at the market.
    """
    n = 0
    i = 0
    while i < state[0].n_pending:
        row = book.pending[i]
        order = book.orders[row]
        symbol = np.int64(order.symbol)
        kind = np.int64(order.kind)
        at_market = kind == _MOO or (kind == _MARKET and rules.fill_at == _NEXT_OPEN)
        leaves = order.action == _EXIT_LONG or order.action == _EXIT_SHORT
        i += 1
        if kind == _MOC or (kind == _MARKET and rules.fill_at != _NEXT_OPEN):
            continue
        if first != (leaves or not at_market) or not trades_nb(panel, bar, symbol):
            continue
        raw = panel.open[bar, symbol] + met_from_nb(order) * half_nb(panel, bar, symbol)
        if not at_market and rests_nb(order):
            if not reaches_nb(raw, level_nb(order), rises_nb(order)):
                continue
            if kind == STOP_LIMIT and order.triggered == 0:
                if not reaches_nb(raw, order.limit, order.side < 0):
                    order.triggered = 1
                    continue
        i -= 1
        slot = book.slots[n]
        n += 1
        if at_market:
            slot.row, slot.raw, slot.cap, slot.exact, slot.cut = row, raw, np.nan, 0, 0
            drop_nb(state, book, i)
        else:
            load_nb(state, book, slot, row, raw)
    return n


@njit(nogil=True, cache=True, no_cpython_wrapper=True, no_cfunc_wrapper=True, _nrt=False)
def take_close_nb(
    state: NDArray[np.void],
    panel: PanelArrays,
    rules: Rules,
    book: Book,
    bar: int,
    first: bool,
    same: bool,
) -> int:
    """Load the orders of one group at the close, first the exits, and return their number.

    ``same`` takes what is decided at this very close (``same_close``), else what was decided before it.
    """
    n = 0
    i = 0
    while i < state[0].n_pending:
        row = book.pending[i]
        order = book.orders[row]
        symbol = np.int64(order.symbol)
        leaves = order.action == _EXIT_LONG or order.action == _EXIT_SHORT
        if same:
            mine = order.kind == _MARKET
        else:
            mine = order.kind == _MOC or (order.kind == _MARKET and rules.fill_at == _NEXT_CLOSE)
        if not mine or leaves != first or not trades_nb(panel, bar, symbol):
            i += 1
            continue
        slot = book.slots[n]
        n += 1
        slot.row, slot.cap, slot.exact, slot.cut = row, np.nan, 0, 0
        slot.raw = panel.close[bar, symbol] + met_from_nb(order) * half_nb(panel, bar, symbol)
        drop_nb(state, book, i)
    return n


@njit(
    nogil=True,
    cache=True,
    no_cpython_wrapper=True,
    no_cfunc_wrapper=True,
    _nrt=False,
    forceinline=True,
)
def group_nb(
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
    """Trade a group at the open or the close, and end at once what has already passed a level of its bracket."""
    filled = state[0].n_fills
    trade_nb(state, panel, rules, book, fills, bar, phase, n, equity)
    for fill in range(filled, state[0].n_fills):
        entry = np.int64(fills[fill].order)
        if book.orders[entry].bracket < 0:
            continue
        symbol = np.int64(fills[fill].symbol)
        raw = panel.close[bar, symbol] if phase == _CLOSE else panel.open[bar, symbol]
        raw += fills[fill].side * half_nb(panel, bar, symbol)
        at_once_nb(state, panel, rules, book, fills, bar, phase, entry, raw)


@njit(nogil=True, cache=True, no_cpython_wrapper=True, no_cfunc_wrapper=True, _nrt=False)
def follow_nb(state: NDArray[np.void], panel: PanelArrays, book: Book, bar: int) -> None:
    """Let trailing stops follow the best price of this bar; one whose entry was at its close begins with the next.

    One that was reached and still waits for volume stays where it was reached.
    """
    for i in range(state[0].n_pending):
        order = book.orders[book.pending[i]]
        if order.kind != TRAILING or order.since > bar or order.triggered == 1:
            continue
        symbol = np.int64(order.symbol)
        if order.side < 0 and panel.high[bar, symbol] > order.best:
            order.best = panel.high[bar, symbol]
        elif order.side > 0 and panel.low[bar, symbol] < order.best:
            order.best = panel.low[bar, symbol]
        else:
            continue
        trail_nb(order, book.positions[symbol].tick)


@njit(
    nogil=True,
    cache=True,
    no_cpython_wrapper=True,
    no_cfunc_wrapper=True,
    _nrt=False,
    inline="always",
)
def begin_nb(
    state: NDArray[np.void],
    panel: PanelArrays,
    rules: Rules,
    book: Book,
    fills: NDArray[np.void],
    bar: int,
) -> None:
    """Do everything of a bar that comes before its decisions."""
    st = state[0]
    if (rules.borrow_rate > 0.0 or rules.margin_rate > 0.0) and bar > 0 and st.n_held > 0:
        finance_nb(state, panel, rules, book, bar)
    elif rules.margin_rate > 0.0 and bar > 0 and st.cash < 0.0:
        finance_nb(state, panel, rules, book, bar)
    if st.next_action < len(panel.events) and panel.events[st.next_action].bar == bar:
        corporate_actions_nb(state, panel, book, fills, bar, bar)
    if st.n_pending == 0:
        return
    equity = max(equity_nb(state, book, panel.open, bar), 0.0)
    n = take_open_nb(state, panel, rules, book, bar, _FIRST)
    if n > 0:
        group_nb(state, panel, rules, book, fills, bar, _OPEN, n, equity)
    n = take_open_nb(state, panel, rules, book, bar, _THEN)
    if n > 0:
        group_nb(state, panel, rules, book, fills, bar, _OPEN, n, equity)
    if st.n_pending > 0:
        inside_nb(state, panel, rules, book, fills, bar, equity)
        close_nb(state, panel, rules, book, fills, bar, np.bool_(False))
    if bar + 1 < len(panel.time_ns) and panel.time_ns[bar + 1] >= st.expires_ns:
        expire_nb(state, book, panel.time_ns, bar)


@njit(nogil=True, cache=True, no_cpython_wrapper=True, no_cfunc_wrapper=True, _nrt=False)
def close_nb(
    state: NDArray[np.void],
    panel: PanelArrays,
    rules: Rules,
    book: Book,
    fills: NDArray[np.void],
    bar: int,
    same: bool,
) -> None:
    """Trade at the close: exits, then all other orders."""
    equity = -1.0
    for first in (True, False):
        n = take_close_nb(state, panel, rules, book, bar, first, same)
        if n > 0:
            if equity < 0.0:
                equity = max(equity_nb(state, book, panel.close, bar), 0.0)
            group_nb(state, panel, rules, book, fills, bar, _CLOSE, n, equity)


@njit(
    nogil=True,
    cache=True,
    no_cpython_wrapper=True,
    no_cfunc_wrapper=True,
    _nrt=False,
    forceinline=True,
)
def mark_nb(
    state: NDArray[np.void], panel: PanelArrays, book: Book, curve: CurveArrays, bar: int
) -> None:
    """Value the account at the close of ``bar``: last known closes where a symbol has no bar."""
    st = state[0]
    total = st.cash
    gross = 0.0
    for i in range(st.n_held):
        symbol = book.held[i]
        position = book.positions[symbol]
        close = panel.close[bar, symbol]
        if not np.isnan(close):
            position.mark = close
        value = position.quantity * (position.mark * position.multiplier)
        total += value
        gross += abs(value)
    curve.equity[bar] = total
    curve.cash[bar] = st.cash
    curve.gross[bar] = gross
    curve.positions[bar] = st.n_held


@njit(
    nogil=True,
    cache=True,
    no_cpython_wrapper=True,
    no_cfunc_wrapper=True,
    _nrt=False,
    inline="always",
)
def end_nb(
    state: NDArray[np.void],
    panel: PanelArrays,
    rules: Rules,
    plan: Plan,
    book: Book,
    fills: NDArray[np.void],
    curve: CurveArrays,
    bar: int,
) -> None:
    """Do everything of a bar that comes after its decisions: trading at this same close, value, margin."""
    st = state[0]
    if len(plan.weights) > 0:
        equity = equity_nb(state, book, panel.close, bar)
        drift_nb(state, panel, rules, plan, book, bar, equity)
    if st.n_pending > 0 and rules.fill_at == _SAME_CLOSE:
        close_nb(state, panel, rules, book, fills, bar, np.bool_(True))
    if st.n_pending > 0:
        follow_nb(state, panel, book, bar)
    mark_nb(state, panel, book, curve, bar)
    if rules.maintenance_margin > 0.0:
        margin_nb(state, rules, book, bar, curve.equity[bar], curve.gross[bar])
    if bar == len(panel.time_ns) - 1:
        if st.next_action < len(panel.events) and panel.events[st.next_action].bar == bar + 1:
            corporate_actions_nb(state, panel, book, fills, bar, bar + 1)
            mark_nb(state, panel, book, curve, bar)
