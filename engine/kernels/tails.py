"""The outer percentiles of returns, by selection.

A sample says about where a percentile lies; one pass counts what is surely beyond it and keeps what
is near, and only that is put in order. Sorting a million returns takes twenty times as long.
"""

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

Floats = NDArray[np.float64]


class Near(NamedTuple):
    """What lies in two windows of returns, in the order of time, and what lies beyond them."""

    low: Floats  # within the lower window
    high: Floats  # within the upper window
    below: int  # how many are less than the lower window
    below_sum: float  # their sum
    above: int  # how many are greater than the upper window


@njit(nogil=True, cache=True)
def near_nb(
    equity: Floats, capital: float, low: tuple[float, float], high: tuple[float, float]
) -> Near:
    """Return which of a curve's returns lie in two windows, bounds included."""
    outer = np.empty(len(equity))
    n = 0
    before = capital
    for value in equity:
        change = (value - before) * (1.0 / before) if before != 0.0 else 0.0
        before = value
        # It stays when it counts, else the next takes its place: no branch to guess wrong.
        outer[n] = change
        n += (change <= low[1]) | (change >= high[0])
    in_low, in_high = np.empty(n), np.empty(n)
    n_low = n_high = below = above = 0
    below_sum = 0.0
    for i in range(n):
        change = outer[i]
        is_below = change < low[0]
        below += is_below
        below_sum += change if is_below else 0.0
        in_low[n_low] = change
        n_low += (not is_below) & (change <= low[1])
        in_high[n_high] = change
        n_high += (change >= high[0]) & (change <= high[1])
        above += change > high[1]
    return Near(in_low[:n_low].copy(), in_high[:n_high].copy(), below, below_sum, above)


@njit(nogil=True, cache=True)
def total_nb(values: Floats) -> float:
    """Return the sum in the order of the array."""
    total = 0.0
    for value in values:
        total += value
    return total
