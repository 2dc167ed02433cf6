"""What happens when the account is worth too little for what it holds."""

import numpy as np
from numba import njit
from numpy.typing import NDArray

from engine.kernels.book import Book, Rules
from engine.kernels.execute import event_nb
from engine.kernels.orders import create_nb, is_waiting_nb, wait_nb
from engine.types import Action, OrderKind, Reason, RunEvent

_EXIT_LONG = np.int64(Action.EXIT_LONG)
_EXIT_SHORT = np.int64(Action.EXIT_SHORT)
_MARGIN = np.int64(Reason.MARGIN)
_BREACH = np.int64(RunEvent.MARGIN_BREACH)
_MOO = np.int64(OrderKind.MOO)
_NO_LABEL = np.int64(0)
_ACCOUNT = np.int64(-1)


@njit(nogil=True, cache=True, no_cpython_wrapper=True, no_cfunc_wrapper=True, _nrt=False)
def margin_nb(
    state: NDArray[np.void], rules: Rules, book: Book, bar: int, equity: float, gross: float
) -> None:
    """Order whole positions closed at the next open when equity is below ``maintenance_margin`` x gross value.

    The largest loss first, ties by symbol, until equity would do for what stays, all at the closes of this bar. A
    position that a market exit already waits for counts as closed.
    """
    st = state[0]
    if st.n_held == 0 or equity >= rules.maintenance_margin * gross:
        return
    event_nb(state, book, bar, _BREACH, _ACCOUNT, rules.maintenance_margin * gross - equity)
    stays = gross
    for i in range(st.n_held):
        symbol = book.held[i]
        position = book.positions[symbol]
        position.moved = 0.0  # here: 1 once it is going to be closed
        action = _EXIT_LONG if position.quantity > 0.0 else _EXIT_SHORT
        if is_waiting_nb(state, book, symbol, action):
            position.moved = 1.0
            stays -= abs(position.quantity * (position.mark * position.multiplier))
    while equity < rules.maintenance_margin * stays:
        worst = -1
        least = np.inf
        for i in range(st.n_held):
            position = book.positions[book.held[i]]
            gain = (position.mark - position.entry) * position.quantity * position.multiplier
            if position.moved == 0.0 and gain < least:
                worst, least = book.held[i], gain
        if worst < 0:
            break
        position = book.positions[worst]
        position.moved = 1.0
        stays -= abs(position.quantity * (position.mark * position.multiplier))
        action = _EXIT_LONG if position.quantity > 0.0 else _EXIT_SHORT
        row = create_nb(state, book, bar, worst, action, _MARGIN, _NO_LABEL)
        book.orders[row].kind = _MOO
        wait_nb(state, book, row)
    for i in range(st.n_held):
        book.positions[book.held[i]].moved = 0.0
