"""The loop over bars: one resumable state machine.

`advance_nb` simulates bars ``[state.bar, stop)`` and can be called again with a later ``stop``; where it is cut makes
no difference to any bit of the outcome. Within a bar, in the order of time: corporate actions and trading at the
open, trading at the close, the decisions of the close, the account's value. It writes nothing outside the arrays
that it is given and refuses nothing by raising: room that runs out is a status, and the bar has then not begun.
"""

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from engine.kernels.book import Book, Rules
from engine.kernels.decide import decide_nb
from engine.kernels.ledger import corporate_actions_nb
from engine.kernels.trade import trade_nb
from engine.market import PanelArrays
from engine.types import FillAt, Status

# NumPy scalars: a Python literal would have every callee compiled once more for its value.
_AT_OPEN = np.int64(0)
_AT_CLOSE = np.int64(1)
_NEXT_CLOSE = np.int64(FillAt.NEXT_CLOSE)
_SAME_CLOSE = np.int64(FillAt.SAME_CLOSE)
_DONE = np.int64(Status.DONE)
_FILLS_FULL = np.int64(Status.FILLS_FULL)
_ORDERS_FULL = np.int64(Status.ORDERS_FULL)


class CurveArrays(NamedTuple):
    """What a run writes per bar, all (n_bars,): see `engine.result.Curve`."""

    equity: NDArray[np.float64]
    cash: NDArray[np.float64]
    gross: NDArray[np.float64]
    positions: NDArray[np.int64]


@njit(nogil=True, cache=True, no_cpython_wrapper=True, no_cfunc_wrapper=True)
def room_nb(
    state: NDArray[np.void],
    panel: PanelArrays,
    instructions: NDArray[np.void],
    book: Book,
    fills: NDArray[np.void],
    bar: int,
) -> int:
    """Return DONE when this bar is sure to fit, else which buffer is too small."""
    st = state[0]
    said = 0
    while (
        st.next_instruction + said < len(instructions)
        and instructions[st.next_instruction + said].bar == bar
    ):
        said += 1
    actions = 0
    while (
        st.next_action + actions < len(panel.events)
        and panel.events[st.next_action + actions].bar <= bar + 1
    ):
        actions += 1
    new_orders = (
        2 * said + st.n_held + st.n_pending
    )  # an entry may bring an exit; each position may meet its level
    if st.n_orders + new_orders > len(book.orders):
        return _ORDERS_FULL
    if st.n_fills + st.n_pending + new_orders + actions > len(fills):
        return _FILLS_FULL
    return _DONE


@njit(nogil=True, cache=True, no_cpython_wrapper=True, no_cfunc_wrapper=True)
def mark_nb(
    state: NDArray[np.void], panel: PanelArrays, book: Book, curve: CurveArrays, bar: int
) -> None:
    """Value the account at the close of ``bar``: last known closes where a symbol has no bar."""
    st = state[0]
    total = st.cash
    gross = 0.0
    for i in range(st.n_held):
        symbol = book.held[i]
        close = panel.close[bar, symbol]
        if not np.isnan(close):
            book.mark[symbol] = close
        value = book.quantity[symbol] * book.mark[symbol]
        total += value
        gross += abs(value)
    curve.equity[bar] = total
    curve.cash[bar] = st.cash
    curve.gross[bar] = gross
    curve.positions[bar] = st.n_held


@njit(nogil=True, cache=True)
def advance_nb(
    state: NDArray[np.void],
    panel: PanelArrays,
    instructions: NDArray[np.void],
    rules: Rules,
    book: Book,
    fills: NDArray[np.void],
    curve: CurveArrays,
    stop: int,
) -> int:
    """Simulate bars ``[state.bar, stop)`` and return a `Status`.

    Parameters
    ----------
    state : STATE (1,)
        Where the run stands; changed in place.
    panel : PanelArrays
        Bars and corporate actions; the bar index of an action after the last bar means "at the end of the last".
    instructions : INSTRUCTION (n,)
        What the strategy asks for, sorted by bar, symbol.
    rules, book, fills, curve
        Costs and execution; positions and orders; ``FILL`` rows; one value per bar.
    stop : int
        First bar not to simulate.
    """
    st = state[0]
    last = len(panel.time_ns) - 1
    while st.bar < stop:
        bar = st.bar
        said = (
            st.next_instruction < len(instructions) and instructions[st.next_instruction].bar == bar
        )
        acts = st.next_action < len(panel.events) and panel.events[st.next_action].bar <= bar + 1
        decides = said or (st.uses_levels == 1 and st.n_held > 0)
        # Most bars bring nothing new: they are only valued. Calls cost more than the work, so they are guarded here.
        if acts or decides or st.n_pending > 0:
            status = room_nb(state, panel, instructions, book, fills, bar)
            if status != _DONE:
                return status
        if acts:
            corporate_actions_nb(state, panel, book, fills, bar, bar, rules.lot)
        if st.n_pending > 0 and rules.fill_at != _SAME_CLOSE:
            at_close = _AT_CLOSE if rules.fill_at == _NEXT_CLOSE else _AT_OPEN
            trade_nb(state, panel, rules, book, fills, bar, at_close, bar - 1)
        if decides or (st.uses_levels == 1 and st.n_held > 0):
            decide_nb(state, panel, instructions, book, bar)
        if st.n_pending > 0 and rules.fill_at == _SAME_CLOSE:
            trade_nb(state, panel, rules, book, fills, bar, _AT_CLOSE, bar)
        mark_nb(state, panel, book, curve, bar)
        if bar == last and acts:
            corporate_actions_nb(state, panel, book, fills, bar, bar + 1, rules.lot)
            mark_nb(state, panel, book, curve, bar)
        st.bar = bar + 1
    return _DONE
