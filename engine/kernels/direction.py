"""Wilder's directional movement: which way prices reach, and how decidedly.

The conventions are those of `engine.kernels.indicators`.
"""

import math
from typing import Any

import numpy as np
from numba import njit

from engine.kernels.indicators import Floats


@njit(nogil=True, cache=True)
def adx_nb(high: Floats, low: Floats, close: Floats, period: int) -> tuple[Floats, Floats, Floats]:
    """Return (ADX, +DI, -DI), 0 to 100 each.

    +DM is what the high rose by where that is more than the low fell by, else 0; -DM the reverse.
    +DI = 100 x average(+DM) / average(true range), -DI likewise; DX = 100 x abs(+DI - -DI) / (+DI +
    -DI), 0 where neither moves; ADX its average. All averages are Wilder's: the mean of the first
    ``period`` values, then (previous x (period - 1) + current) / period.

    Source: J. Welles Wilder, New Concepts in Technical Trading Systems, 1978.
    """
    shape = close.shape
    adx, plus, minus = np.full(shape, np.nan), np.full(shape, np.nan), np.full(shape, np.nan)
    for symbol in range(shape[1]):
        count, before = 0, -1
        up = down = spread = average = 0.0
        for bar in range(shape[0]):
            if math.isnan(close[bar, symbol]):
                continue
            if before >= 0:
                count += 1
                rise = high[bar, symbol] - high[before, symbol]
                fall = low[before, symbol] - low[bar, symbol]
                top = max(high[bar, symbol], close[before, symbol])
                bottom = min(low[bar, symbol], close[before, symbol])
                up = _wilder_nb(up, rise if rise > fall and rise > 0.0 else 0.0, count, period)
                down = _wilder_nb(down, fall if fall > rise and fall > 0.0 else 0.0, count, period)
                spread = _wilder_nb(spread, top - bottom, count, period)
                if count >= period:
                    plus[bar, symbol] = 100.0 * up / spread if spread > 0.0 else 0.0
                    minus[bar, symbol] = 100.0 * down / spread if spread > 0.0 else 0.0
                    both = up + down
                    dx = 100.0 * abs(up - down) / both if both > 0.0 else 0.0
                    average = _wilder_nb(average, dx, count - period + 1, period)
                if count >= 2 * period - 1:
                    adx[bar, symbol] = average
            before = bar
    return adx, plus, minus


@njit(nogil=True, cache=True, no_cpython_wrapper=True, no_cfunc_wrapper=True)
def _wilder_nb(average: Any, value: float, count: int, period: int) -> float:
    # The mean of the first values, then Wilder's smoothing.
    if count <= period:
        return average + (value - average) / count
    return (average * (period - 1.0) + value) / period
