"""The lean simulation of one combination: from decision to decision, from fill to fill.

Three things can come next: a decision, a close that passes a level of the position, the first bar in which a waiting
order trades. The walk goes from one to the next. At one bar the order of time is: fills at the open (or, under
``next_close``, at the close), the decisions of the close, fills at the same close.
"""

from typing import Any

import numpy as np
from numba import njit

from engine.kernels.lean import (
    ENTER_LONG,
    ENTER_SHORT,
    EXIT_LONG,
    EXIT_SHORT,
    Decisions,
    Entry,
    Scratch,
    Tape,
)
from engine.kernels.lean_costs import Costs
from engine.kernels.lean_curve import mark_nb, open_account_nb
from engine.kernels.lean_trade import enter_nb, leave_nb
from engine.types import FillAt

Record = Any

_NEXT_OPEN = np.int64(FillAt.NEXT_OPEN)
_SAME_CLOSE = np.int64(FillAt.SAME_CLOSE)
_NOTHING = np.uint8(0)
_SLACK = 1e-12  # of `decide`


@njit(nogil=True, cache=True, error_model="numpy", forceinline=True)
def level_nb(account: Record, tape: Tape, entry: Entry, start: int, stop: int) -> int:
    """Return the first bar in [start, stop) whose close has passed the stop or target, else ``stop``."""
    side = 1.0 if account.quantity > 0.0 else -1.0
    price = account.price
    lose = -entry.stop_rate * price + _SLACK * price if entry.stop_rate > 0.0 else -np.inf
    win = entry.target_rate * price - _SLACK * price if entry.target_rate > 0.0 else np.inf
    for bar in range(start, stop):
        gain = side * (tape.close[bar] - price)
        if gain <= lose or gain >= win:
            return bar
    return stop


@njit(nogil=True, cache=True, error_model="numpy", forceinline=True)
def decide_nb(held: float, leaving: int, entering: int, code: int) -> tuple[int, int]:
    """Return whether an exit and the side of the entry that wait after a decision; see `engine.kernels.decide`.

    An entry of a side withdraws a waiting entry of the other; an exit withdraws a waiting entry of its side.
    """
    if code & EXIT_LONG:
        if entering > 0:
            entering = 0
        if held > 0.0:
            leaving = 1
    if code & EXIT_SHORT:
        if entering < 0:
            entering = 0
        if held < 0.0:
            leaving = 1
    if code & ENTER_LONG and held <= 0.0 and entering <= 0:
        entering = 1
        if held < 0.0:
            leaving = 1
    if code & ENTER_SHORT and held >= 0.0 and entering >= 0:
        entering = -1
        if held > 0.0:
            leaving = 1
    return leaving, entering


@njit(nogil=True, cache=True, error_model="numpy", forceinline=True)
def fill_nb(
    scratch: Scratch,
    tape: Tape,
    costs: Costs,
    entry: Entry,
    leaving: int,
    entering: int,
    bar: int,
) -> None:
    """Fill what waits at the open or close of ``bar``, the exit first."""
    account = scratch.account[0]
    mark_nb(account, tape, bar)
    raw = tape.open[bar] if costs.fill_at == _NEXT_OPEN else tape.close[bar]
    equity = account.cash
    if account.quantity != 0.0:
        equity += account.quantity * raw
    if leaving == 1:
        leave_nb(scratch, costs, bar, raw)
    if entering != 0:
        enter_nb(account, costs, entry, entering, bar, raw, equity)


@njit(nogil=True, cache=True, error_model="numpy", forceinline=True)
def walk_nb(
    said: Decisions,
    tape: Tape,
    costs: Costs,
    entry: Entry,
    scratch: Scratch,
    centre: float,
) -> None:
    """Simulate one combination; what it came to stands in ``scratch.account`` and ``scratch.closed``.

    Parameters
    ----------
    said : Decisions
        At bars that count; entry and exit of one direction never together.
    tape, costs, entry
        Bars; costs and execution; sizes and levels of entries.
    scratch : Scratch
        Written over.
    centre : float
        What the squares of returns are measured from, near their mean.
    """
    account = scratch.account[0]
    open_account_nb(account, tape, centre)
    n_bars = len(tape.close)
    n_said = len(said.bars)
    same = costs.fill_at == _SAME_CLOSE
    uses_levels = entry.stop_rate > 0.0 or entry.target_rate > 0.0
    i = 0
    leaving, entering, due = 0, 0, n_bars  # what waits, and the bar in which it is filled
    looked = tape.first  # first bar whose close has not been held against the levels
    while True:
        bar = said.bars[i] if i < n_said else n_bars
        code = said.codes[i] if i < n_said else _NOTHING
        if uses_levels and account.quantity != 0.0 and leaving == 0:
            # Past a fill the position is another one: it is looked at again from there.
            stop = min(bar + 1, due + 1 if same else due, n_bars)
            looked = level_nb(account, tape, entry, looked, stop)
            if looked < stop:
                leaving = 1
                code = code if looked == bar else _NOTHING
                bar = looked
        if due < bar or (due == bar and not same):
            if due >= n_bars:
                break
            fill_nb(scratch, tape, costs, entry, leaving, entering, due)
            looked = due + 1 if same else due
            leaving, entering, due = 0, 0, n_bars
            continue
        if bar >= n_bars:
            break
        leaving, entering = decide_nb(account.quantity, leaving, entering, code)
        if code != _NOTHING:
            i += 1
        if leaving == 0 and entering == 0:
            due = n_bars
        elif due == n_bars:
            due = tape.trades_at[bar] if same else tape.trades_at[bar + 1]
    mark_nb(account, tape, n_bars)
