"""Sums over executions."""

import numpy as np
from numba import njit
from numpy.typing import NDArray


@njit(nogil=True, cache=True)
def traded_value_nb(fills: NDArray[np.void]) -> float:
    """Return the sum of quantity x price over all fills."""
    total = 0.0
    for i in range(len(fills)):
        total += fills[i].quantity * fills[i].price
    return total


@njit(nogil=True, cache=True)
def traded_by_bar_nb(fills: NDArray[np.void], n_bars: int) -> NDArray[np.float64]:
    """Return the sum of quantity x price of the fills of each bar, (n_bars,)."""
    out = np.zeros(n_bars)
    for i in range(len(fills)):
        out[fills[i].bar] += fills[i].quantity * fills[i].price
    return out
