"""The account beside its benchmark: sums over the returns of both."""

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

Floats = NDArray[np.float64]


class PairSums(NamedTuple):
    """Distances of returns (r) and of the benchmark's (b) from a provisional mean of each."""

    r: float  # sum
    b: float  # sum
    r_b: float  # sum of products
    b_b: float  # sum of squares
    apart: float  # sum of (r - b)^2


@njit(nogil=True, cache=True)
def benchmark_returns_nb(values: Floats, base: float) -> Floats:
    """Return the benchmark's return of each bar, (n_bars,).

    The first value is measured from ``base``; it is 0 where there is none, and wherever no value is
    known: nothing is filled in from later bars. What is not a positive number is not known.
    """
    out = np.zeros(len(values))
    before = base
    for i in range(len(values)):
        if values[i] > 0.0:
            if before > 0.0:
                out[i] = (values[i] - before) * (1.0 / before)
            before = values[i]
    return out


@njit(nogil=True, cache=True)
def known_ends_nb(values: Floats) -> tuple[int, int]:
    """Return the first and the last bar whose value is known, -1 twice where none is."""
    first, last = 0, len(values) - 1
    while first <= last and not values[first] > 0.0:
        first += 1
    while last >= first and not values[last] > 0.0:
        last -= 1
    return (first, last) if first <= last else (-1, -1)


@njit(nogil=True, cache=True)
def pair_nb(
    equity: Floats, capital: float, values: Floats, base: float, middles: tuple[float, float]
) -> PairSums:
    """Return what regression and tracking error are made of.

    Returns of the curve and of the benchmark as `benchmark_returns_nb` has them, (n_bars,) both;
    ``middles`` are the provisional means.
    """
    sum_r = sum_b = products = squares = apart = 0.0
    before, other_before = capital, base
    for i in range(len(equity)):
        value, other = equity[i], values[i]
        r = (value - before) * (1.0 / before) if before != 0.0 else 0.0
        before = value
        b = 0.0
        if other > 0.0:
            if other_before > 0.0:
                b = (other - other_before) * (1.0 / other_before)
            other_before = other
        r -= middles[0]
        b -= middles[1]
        sum_r += r
        sum_b += b
        products += r * b
        squares += b * b
        apart += (r - b) * (r - b)
    return PairSums(sum_r, sum_b, products, squares, apart)
