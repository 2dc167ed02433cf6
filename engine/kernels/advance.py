"""The loop over bars: one resumable state machine.

`advance_nb` simulates bars ``[state.bar, stop)`` and can be called again with a later ``stop``; where it is cut makes
no difference to any bit of the outcome. Bars in which nothing can happen are passed in tight loops (`quiet`). All
others take the full course in the order of time (`session`): what is due, the open, the inside, the close, the
decisions, the account's value. It writes nothing outside the arrays that it is given and refuses nothing by raising:
room that runs out is a status, and the bar has then not begun.
"""

import numpy as np
from numba import njit
from numpy.typing import NDArray

from engine.kernels.book import NEVER, Book, Plan, Rules
from engine.kernels.decide import decide_nb
from engine.kernels.quiet import quiet_nb
from engine.kernels.session import CurveArrays, begin_nb, end_nb, room_nb
from engine.market import PanelArrays
from engine.types import Status

__all__ = ["CurveArrays", "advance_nb"]

_DONE = np.int64(Status.DONE)
_NO_MORE = np.int64(0)
_NEVER = np.int64(NEVER)


@njit(nogil=True, cache=True, no_cpython_wrapper=True, no_cfunc_wrapper=True, _nrt=False)
def first_at_nb(time_ns: NDArray[np.int64], instant: int) -> int:
    """Return the first bar that opens at an instant or after it."""
    low, high = 0, len(time_ns)
    while low < high:
        middle = (low + high) // 2
        if time_ns[middle] < instant:
            low = middle + 1
        else:
            high = middle
    return low


@njit(
    nogil=True,
    cache=True,
    no_cpython_wrapper=True,
    no_cfunc_wrapper=True,
    _nrt=False,
    forceinline=True,
)
def due_nb(state: NDArray[np.void], panel: PanelArrays, plan: Plan, bar: int, stop: int) -> int:
    """Return the first bar from ``bar`` on, ``stop`` at most, for which something was said or is due."""
    st = state[0]
    if len(plan.weights) > 0:
        return bar
    until = stop
    if st.next_instruction < len(plan.instructions):
        until = min(until, plan.instructions[st.next_instruction].bar)
    if st.next_action < len(panel.events):
        # What comes after the last bar happens at its end.
        until = min(until, panel.events[st.next_action].bar, len(panel.time_ns) - 1)
    if st.n_pending > 0 and st.expires_ns < _NEVER:
        until = min(until, first_at_nb(panel.time_ns, st.expires_ns) - 1)
    return max(until, bar)


@njit(nogil=True, cache=True, _nrt=False)
def advance_nb(
    state: NDArray[np.void],
    panel: PanelArrays,
    plan: Plan,
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
    plan : Plan
        What the strategy asks for.
    rules, book, fills, curve
        Costs and execution; positions and orders; ``FILL`` rows; one value per bar.
    stop : int
        First bar not to simulate.
    """
    st = state[0]
    while st.bar < stop:
        until = due_nb(state, panel, plan, st.bar, stop)
        if until > st.bar:
            st.bar = quiet_nb(state, panel, rules, book, curve, st.bar, until)
            if st.bar >= stop:
                break
        bar = st.bar
        status = room_nb(state, panel, plan, book, fills, bar, _NO_MORE)
        if status != _DONE:
            return status
        begin_nb(state, panel, rules, book, fills, bar)
        decide_nb(state, panel, plan, book, bar)
        end_nb(state, panel, rules, plan, book, fills, curve, bar)
        st.bar = bar + 1
    return _DONE
