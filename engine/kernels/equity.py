"""What the metrics are made of: sums over the equity curve.

Every sum runs in the order of time in one plain loop, so the same input gives the same bits
everywhere. No array of returns is made: each loop forms the return of a bar from the two equities
it lies between, which costs less than writing a million of them down and reading them again.
"""

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

NOISE = 1e-14  # a relative change smaller than this is rounding, not a movement of the account


class CurveSums(NamedTuple):
    """One pass over equity and positions. Distances are of returns from a provisional mean."""

    lowest: float  # equity, all bars
    lowest_base: float  # what a return starts from: the initial capital, all bars but the last
    first: float  # sum of distances
    second: float  # sum of squared distances
    third: float  # of cubes
    fourth: float  # of fourth powers
    downside: float  # sum of min(return - target, 0)^2
    equity: float  # sum
    exposure: float  # sum of gross / equity
    kept: int  # how many returns were kept


class Falls(NamedTuple):
    """The drawdowns. Bar -1 is the point before the first bar, or none."""

    squares: float  # sum of drawdown^2
    money: float  # greatest peak - equity
    longest_ns: float  # longest span from a peak to its recovery, or to the end
    worst: float  # lowest drawdown
    trough: int  # its bar
    peak: int  # the last bar at the peak before it
    recovery: int  # first bar back at that peak


@njit(nogil=True, cache=True)
def drawdown_nb(equity: NDArray[np.float64], capital: float) -> NDArray[np.float64]:
    """Return equity / running maximum - 1, (n_bars,); the capital is the first maximum.

    As (equity - peak) x (1 / peak), which is right to its last digits.
    """
    out = np.empty(len(equity))
    peak = capital
    per_peak = 1.0 / peak
    for i in range(len(equity)):
        if equity[i] > peak:
            peak = equity[i]
            per_peak = 1.0 / peak
        out[i] = (equity[i] - peak) * per_peak
    return out


@njit(nogil=True, cache=True)
def returns_nb(equity: NDArray[np.float64], capital: float) -> NDArray[np.float64]:
    """Return the simple return of each bar, (n_bars,); 0 where it starts from nothing.

    (value - before) x (1 / before): the difference of neighbours is exact, so the return is right
    to its last digits, where value / before - 1 is right to the sixteenth place after the point.
    """
    out = np.empty(len(equity))
    before = capital
    for i in range(len(equity)):
        out[i] = (equity[i] - before) * (1.0 / before) if before != 0.0 else 0.0
        before = equity[i]
    return out


@njit(nogil=True, cache=True)
def curve_nb(
    equity: NDArray[np.float64],
    gross: NDArray[np.float64],
    capital: float,
    target: float,
    middle: float,
    outside: tuple[float, float],
    kept: NDArray[np.float64],
) -> CurveSums:
    """Sum up the curve, (n_bars,) each, and keep the returns at or beyond two bounds, in their order.

    A return below ``target`` counts as downside; ``middle`` is the provisional mean. One division a
    bar serves its exposure and the next bar's return. Together with `falls_nb` in one loop it needs
    more registers than there are and takes longer.
    """
    lowest, lowest_base, before = np.inf, capital, capital
    per_before = 1.0 / before if before != 0.0 else 0.0
    first = second = third = fourth = downside = money = exposure = 0.0
    n = 0
    for i in range(len(equity)):
        value = equity[i]
        change = (value - before) * per_before
        lowest_base = min(lowest_base, before)
        lowest = min(lowest, value)
        before = value
        per_before = 1.0 / value if value != 0.0 else 0.0
        # It stays when it counts, else the next takes its place: no branch to guess wrong.
        kept[n] = change
        n += (change <= outside[0]) | (change >= outside[1])
        away = change - middle
        square = away * away
        first += away
        second += square
        third += square * away
        fourth += square * square
        excess = min(change - target, 0.0)
        downside += excess * excess
        money += value
        exposure += gross[i] * per_before
    return CurveSums(
        lowest, lowest_base, first, second, third, fourth, downside, money, exposure, n
    )


@njit(nogil=True, cache=True)
def falls_nb(time_ns: NDArray[np.int64], equity: NDArray[np.float64], capital: float) -> Falls:
    """Measure the drawdowns, each bar's as `drawdown_nb` has it.

    A fall of less than `NOISE` below the peak is none: equity bought and sold at one price may
    return with its last bit changed. The capital is the first peak, dated to the first bar.
    """
    squares = deepest = longest = worst = 0.0
    trough = peak_before = recovery = peak_bar = -1
    peak = capital
    per_peak, calm = 1.0 / peak, peak * (1.0 - NOISE)
    below = False
    for i in range(len(equity)):
        value = equity[i]
        if value < calm:
            below = True
            fall = (value - peak) * per_peak
            squares += fall * fall
            deepest = max(deepest, peak - value)
            if fall < worst:
                worst = fall
                trough, peak_before, recovery = i, peak_bar, -1
        else:
            if below:
                below = False
                longest = max(longest, float(time_ns[i] - time_ns[max(peak_bar, 0)]))
                if recovery < 0:
                    recovery = i
            if value > peak:
                peak = value
                per_peak, calm = 1.0 / peak, peak * (1.0 - NOISE)
            peak_bar = i
    if below:
        longest = max(longest, float(time_ns[-1] - time_ns[max(peak_bar, 0)]))
    return Falls(squares, deepest, longest, worst, trough, peak_before, recovery)
