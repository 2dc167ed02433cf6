"""What the metrics are made of: sums over equity curve, benchmark, fills and trades.

Every sum runs in the order of time in one plain loop, so the same input gives the same bits
everywhere. Each array is read as few times as its formulas allow: once for all that needs no mean,
once more for what does.
"""

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from engine.types import NS_PER_DAY

NOISE = 1e-14  # a relative change smaller than this is rounding, not a movement of the account


class CurveSums(NamedTuple):
    """One pass over equity, returns and positions."""

    lowest: float  # equity, all bars
    lowest_base: float  # what a return starts from: the initial capital, all bars but the last
    returns: float  # sum
    downside: float  # sum of min(return - target, 0)^2
    equity: float  # sum
    exposure: float  # sum of gross / equity


class Falls(NamedTuple):
    """The drawdowns. Bar -1 is the point before the first bar, or none."""

    squares: float  # sum of drawdown^2
    money: float  # greatest peak - equity
    longest_ns: float  # longest span from a peak to its recovery, or to the end
    worst: float  # lowest drawdown
    trough: int  # its bar
    peak: int  # the last bar at the peak before it
    recovery: int  # first bar back at that peak


class Moments(NamedTuple):
    """Sums of powers of the distance from the mean."""

    second: float
    third: float
    fourth: float


class PairSums(NamedTuple):
    """Returns (r) against the benchmark's (b), each about its mean."""

    r_b: float
    b_b: float
    difference: float  # sum of squares of (r - b) about its mean


class TradeSums(NamedTuple):
    """Closed trades."""

    winning: int
    losing: int
    won: float
    lost: float  # negative
    profit: float
    profit_squares: float  # sum of squared distances from the mean profit
    days: float  # calendar days held, sum
    bars: float  # bars held, sum


@njit(nogil=True, cache=True)
def drawdown_nb(equity: NDArray[np.float64], capital: float) -> NDArray[np.float64]:
    """Return equity / running maximum - 1, (n_bars,); the capital is the first maximum."""
    out = np.empty(len(equity))
    peak = capital
    for i in range(len(equity)):
        peak = max(peak, equity[i])
        out[i] = equity[i] / peak - 1.0
    return out


@njit(nogil=True, cache=True)
def returns_nb(equity: NDArray[np.float64], capital: float) -> NDArray[np.float64]:
    """Return the simple return of each bar, (n_bars,); 0 where it starts from nothing."""
    out = np.empty(len(equity))
    before = capital
    for i in range(len(equity)):
        out[i] = equity[i] / before - 1.0 if before != 0.0 else 0.0
        before = equity[i]
    return out


@njit(nogil=True, cache=True)
def curve_nb(
    equity: NDArray[np.float64],
    gross: NDArray[np.float64],
    returns: NDArray[np.float64],
    capital: float,
    target: float,
) -> CurveSums:
    """Sum up the curve, (n_bars,) each; a return below ``target`` counts as downside.

    Together with `falls_nb` in one loop it needs more registers than there are and takes longer.
    """
    lowest, lowest_base, before = np.inf, capital, capital
    total = downside = money = exposure = 0.0
    for i in range(len(equity)):
        value = equity[i]
        lowest_base = min(lowest_base, before)
        lowest = min(lowest, value)
        before = value
        total += returns[i]
        excess = min(returns[i] - target, 0.0)
        downside += excess * excess
        money += value
        if gross[i] != 0.0 and value != 0.0:
            exposure += gross[i] / value
    return CurveSums(lowest, lowest_base, total, downside, money, exposure)


@njit(nogil=True, cache=True)
def falls_nb(time_ns: NDArray[np.int64], equity: NDArray[np.float64], capital: float) -> Falls:
    """Measure the drawdowns.

    A fall of less than `NOISE` below the peak is none: equity bought and sold at one price may
    return with its last bit changed. The capital is the first peak, dated to the first bar.
    """
    squares = deepest = longest = worst = 0.0
    trough = peak_before = recovery = peak_bar = -1
    peak = worst_top = capital
    per_peak = 1.0 / peak
    below = False
    for i in range(len(equity)):
        value = equity[i]
        if value < peak * (1.0 - NOISE):
            below = True
            fall = value * per_peak - 1.0
            squares += fall * fall
            deepest = max(deepest, peak - value)
            if fall < worst:
                worst, worst_top = fall, peak
                trough, peak_before, recovery = i, peak_bar, -1
        else:
            if below:
                below = False
                longest = max(longest, float(time_ns[i] - time_ns[max(peak_bar, 0)]))
                if recovery < 0:
                    recovery = i
            if value > peak:
                peak = value
                per_peak = 1.0 / peak
            peak_bar = i
    if below:
        longest = max(longest, float(time_ns[-1] - time_ns[max(peak_bar, 0)]))
    if trough >= 0:
        worst = equity[trough] / worst_top - 1.0
    return Falls(squares, deepest, longest, worst, trough, peak_before, recovery)


@njit(nogil=True, cache=True)
def moments_nb(values: NDArray[np.float64], mean: float) -> Moments:
    """Return the sums of the second, third and fourth power of the distances from ``mean``."""
    second = third = fourth = 0.0
    for value in values:
        away = value - mean
        square = away * away
        second += square
        third += square * away
        fourth += square * square
    return Moments(second, third, fourth)


@njit(nogil=True, cache=True)
def benchmark_returns_nb(values: NDArray[np.float64], base: float) -> NDArray[np.float64]:
    """Return the benchmark's return of each bar, (n_bars,).

    The first value is measured from ``base``; it is 0 where there is none, and wherever no value is
    known: nothing is filled in from later bars. What is not a positive number is not known.
    """
    out = np.zeros(len(values))
    before = base
    for i in range(len(values)):
        if values[i] > 0.0:
            if before > 0.0:
                out[i] = values[i] / before - 1.0
            before = values[i]
    return out


@njit(nogil=True, cache=True)
def pair_nb(
    returns: NDArray[np.float64], others: NDArray[np.float64], mean: float, other_mean: float
) -> PairSums:
    """Return what regression and tracking error are made of."""
    both = squares = apart = 0.0
    for i in range(len(returns)):
        r = returns[i] - mean
        b = others[i] - other_mean
        both += r * b
        squares += b * b
        apart += (r - b) * (r - b)
    return PairSums(both, squares, apart)


@njit(nogil=True, cache=True)
def total_nb(values: NDArray[np.float64]) -> float:
    """Return the sum in the order of the array."""
    total = 0.0
    for value in values:
        total += value
    return total


@njit(nogil=True, cache=True)
def traded_value_nb(fills: NDArray[np.void]) -> float:
    """Return the sum of quantity x price over all fills."""
    total = 0.0
    for i in range(len(fills)):
        total += fills[i].quantity * fills[i].price
    return total


@njit(nogil=True, cache=True)
def outside_nb(
    values: NDArray[np.float64], lower: float, upper: float
) -> tuple[NDArray[np.float64], int, int]:
    """Return the values at or beyond two bounds, in their order, and how many are at each end."""
    kept = np.empty(len(values))
    n = n_low = n_high = 0
    for value in values:
        is_low, is_high = value <= lower, value >= upper
        # It stays when it counts, else the next takes its place: no branch to guess wrong.
        kept[n] = value
        n += is_low | is_high
        n_low += is_low
        n_high += is_high
    return kept[:n].copy(), n_low, n_high


@njit(nogil=True, cache=True)
def trade_sums_nb(
    trades: NDArray[np.void], time_ns: NDArray[np.int64], first_bar: int
) -> TradeSums:
    """Sum up closed trades; ``time_ns`` begins at ``first_bar`` of the axis they count."""
    winning = losing = 0
    won = lost = profit = days = bars = squares = 0.0
    for i in range(len(trades)):
        trade = trades[i]
        profit += trade.pnl
        if trade.pnl > 0.0:
            winning += 1
            won += trade.pnl
        elif trade.pnl < 0.0:
            losing += 1
            lost += trade.pnl
        held = time_ns[trade.exit_bar - first_bar] - time_ns[trade.entry_bar - first_bar]
        days += held / NS_PER_DAY
        bars += trade.bars_held
    for i in range(len(trades)):
        away = trades[i].pnl - profit / len(trades)
        squares += away * away
    return TradeSums(winning, losing, won, lost, profit, squares, days, bars)
