"""The value of the account bar by bar, summed up without being written down.

`mark_nb` brings the sums up to a bar; between two fills nothing about the account changes but the close. A stretch
in which nothing is held is one step, whatever its length: its returns are exactly zero. In a stretch that is held
each bar costs one division, for its exposure and the next bar's return; falls are measured with the reciprocal of the
peak.
"""

from typing import Any

from numba import njit

from engine.kernels.equity import NOISE
from engine.kernels.lean import Tape

Record = Any


@njit(nogil=True, cache=True, error_model="numpy", forceinline=True)
def open_account_nb(account: Record, tape: Tape, centre: float) -> None:
    """Begin before the first counted bar."""
    capital = tape.capital
    account.cash = capital
    account.quantity = 0.0
    account.marked = tape.first
    account.traded = 0.0
    account.n_fills = 0
    account.n_trades = 0
    account.beyond = 0
    account.before = capital
    account.returns = 0.0
    account.centre = centre
    account.squares = 0.0
    account.downside = 0.0
    account.equity = 0.0
    account.exposure = 0.0
    account.lowest = float("inf")
    account.lowest_base = capital
    account.peak = capital
    account.per_peak = 1.0 / capital
    account.peak_bar = -1
    account.below = 0
    account.fall_squares = 0.0
    account.deepest = 0.0
    account.longest_ns = 0
    account.worst = 0.0


@njit(nogil=True, cache=True, error_model="numpy", forceinline=True)
def since_peak_nb(tape: Tape, peak_bar: int, bar: int) -> int:
    """Return the time from the peak to a bar; the capital's peak is dated to the first counted bar."""
    return tape.time_ns[bar] - tape.time_ns[max(peak_bar, tape.first)]


@njit(nogil=True, cache=True, error_model="numpy", forceinline=True)
def rest_nb(account: Record, tape: Tape, stop: int) -> None:
    """Mark the bars up to ``stop`` in which nothing is held: all are worth the cash."""
    start = account.marked
    value = account.cash
    n = stop - start
    change = (value - account.before) * (1.0 / account.before) if account.before != 0.0 else 0.0
    account.returns += change
    away = change - account.centre
    account.squares += away * away + (n - 1) * (account.centre * account.centre)
    excess = min(change - tape.risk_free, 0.0)
    idle = min(-tape.risk_free, 0.0)
    account.downside += excess * excess + (n - 1) * (idle * idle)
    account.equity += n * value
    account.lowest_base = min(account.lowest_base, account.before)
    if n > 1:
        account.lowest_base = min(account.lowest_base, value)
    account.lowest = min(account.lowest, value)
    account.before = value
    account.marked = stop
    if value < account.peak * (1.0 - NOISE):
        account.below = 1
        fall = (value - account.peak) * account.per_peak
        account.fall_squares += n * (fall * fall)
        account.deepest = max(account.deepest, account.peak - value)
        account.worst = min(account.worst, fall)
        return
    if account.below == 1:
        account.below = 0
        account.longest_ns = max(
            account.longest_ns, since_peak_nb(tape, account.peak_bar + tape.first, start)
        )
    if value > account.peak:
        account.peak = value
        account.per_peak = 1.0 / value
    account.peak_bar = stop - 1 - tape.first


@njit(nogil=True, cache=True, error_model="numpy", forceinline=True)
def hold_nb(account: Record, tape: Tape, stop: int) -> None:
    """Mark the bars up to ``stop`` with what is held.

    Locals, because a record is memory; conditional expressions, because a branch that is taken every other bar costs
    more than all the arithmetic.
    """
    cash, quantity = account.cash, account.quantity
    before, centre, target = account.before, account.centre, tape.risk_free
    per_before = 1.0 / before
    returns, squares, downside = account.returns, account.squares, account.downside
    equity, exposure = account.equity, account.exposure
    lowest, lowest_base = account.lowest, account.lowest_base
    peak, per_peak, peak_bar = account.peak, account.per_peak, account.peak_bar + tape.first
    almost = peak * (1.0 - NOISE)
    fall_squares, deepest, longest_ns = account.fall_squares, account.deepest, account.longest_ns
    worst = account.worst
    below = account.below == 1
    close = tape.close
    for bar in range(account.marked, stop):
        position = quantity * close[bar]
        value = cash + position
        change = (value - before) * per_before
        per_before = 1.0 / value
        returns += change
        away = change - centre
        squares += away * away
        excess = change - target
        excess = 0.5 * (excess - abs(excess))
        downside += excess * excess
        equity += value
        exposure += abs(position) * per_before
        lowest_base = lowest_base if lowest_base < before else before
        lowest = lowest if lowest < value else value
        before = value
        if value < almost:
            below = True
            fall = (value - peak) * per_peak
            fall_squares += fall * fall
            money = peak - value
            deepest = deepest if deepest > money else money
            worst = worst if worst < fall else fall
        else:
            if below:
                below = False
                longest_ns = max(longest_ns, since_peak_nb(tape, peak_bar, bar))
            if value > peak:
                peak = value
                per_peak = 1.0 / value
                almost = peak * (1.0 - NOISE)
            peak_bar = bar
    account.before, account.marked = before, stop
    account.returns, account.squares, account.downside = returns, squares, downside
    account.equity, account.exposure = equity, exposure
    account.lowest, account.lowest_base = lowest, lowest_base
    account.peak, account.per_peak, account.peak_bar = peak, per_peak, peak_bar - tape.first
    account.fall_squares, account.deepest, account.longest_ns = fall_squares, deepest, longest_ns
    account.worst = worst
    account.below = 1 if below else 0


@njit(nogil=True, cache=True, error_model="numpy", forceinline=True)
def mark_nb(account: Record, tape: Tape, stop: int) -> None:
    """Bring the sums up to, but not including, bar ``stop``."""
    if stop <= account.marked:
        return
    if account.quantity == 0.0:
        rest_nb(account, tape, stop)
    else:
        hold_nb(account, tape, stop)
