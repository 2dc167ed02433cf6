"""What a price has done until a bar, for the sizes that depend on it."""

import numpy as np
from numba import njit
from numpy.typing import NDArray


@njit(nogil=True, cache=True)
def volatility_at_nb(
    close: NDArray[np.float64], bars: NDArray[np.int64], symbols: NDArray[np.int64], n: int
) -> NDArray[np.float64]:
    """Return the standard deviation (ddof 1) of the last ``n`` simple returns of symbols at bars, (len(bars),) each.

    Of the symbol's own bars; NaN where there are not so many returns yet, or the symbol has no bar at all.
    """
    found = np.full(len(bars), np.nan)
    returns = np.empty(n)
    for i in range(len(bars)):
        count = 0
        later = np.nan
        bar = bars[i]
        while bar >= 0 and count < n:
            price = close[bar, symbols[i]]
            if not np.isnan(price):
                if not np.isnan(later):
                    returns[count] = later / price - 1.0
                    count += 1
                later = price
            bar -= 1
        if count < n:
            continue
        mean = 0.0
        for k in range(n):
            mean += returns[k]
        mean /= n
        squares = 0.0
        for k in range(n):
            squares += (returns[k] - mean) ** 2
        found[i] = np.sqrt(squares / (n - 1))
    return found
