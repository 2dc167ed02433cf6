"""Indicators that smooth or spread: exponential average, average true range, deviation of returns, a lag.

The conventions are those of `engine.kernels.indicators`: whole panels in and out, a symbol's own
bars, NaN where there is no bar or not yet enough of them, nothing after the close of *t*.
"""

import math

import numpy as np
from numba import njit

from engine.kernels.indicators import Floats


@njit(nogil=True, cache=True)
def ema_nb(values: Floats, bars: int) -> Floats:
    """Return the exponential average: previous + (value - previous) x 2 / (bars + 1).

    It begins as the mean of the first ``bars`` own values and is NaN before.

    Parameters
    ----------
    values : (n_bars, n_symbols)
    bars : own bars, 1 or more
    """
    n_bars, n_symbols = values.shape
    out = np.full((n_bars, n_symbols), np.nan)
    share = 2.0 / (bars + 1.0)
    for symbol in range(n_symbols):
        count, mean = 0, 0.0
        for bar in range(n_bars):
            value = values[bar, symbol]
            if math.isnan(value):
                continue
            count += 1
            if count <= bars:
                mean += (value - mean) / count
            else:
                mean += (value - mean) * share
            if count >= bars:
                out[bar, symbol] = mean
    return out


@njit(nogil=True, cache=True)
def atr_nb(high: Floats, low: Floats, close: Floats, bars: int) -> Floats:
    """Return the average true range in price units.

    The true range is the greatest of high - low, high - previous close and previous close - low;
    the average is the mean of the first ``bars`` of them that have a previous close, then
    (previous x (bars - 1) + current) / bars.

    Source: J. Welles Wilder, New Concepts in Technical Trading Systems, 1978.

    Parameters
    ----------
    high, low, close : (n_bars, n_symbols) comparable over splits
    bars : own bars, 1 or more
    """
    n_bars, n_symbols = close.shape
    out = np.full((n_bars, n_symbols), np.nan)
    for symbol in range(n_symbols):
        count, mean, before = 0, 0.0, np.nan
        for bar in range(n_bars):
            last = close[bar, symbol]
            if math.isnan(last):
                continue
            if not math.isnan(before):
                top, bottom = max(high[bar, symbol], before), min(low[bar, symbol], before)
                count += 1
                if count <= bars:
                    mean += (top - bottom - mean) / count
                else:
                    mean = (mean * (bars - 1.0) + (top - bottom)) / bars
                if count >= bars:
                    out[bar, symbol] = mean
            before = last
    return out


@njit(nogil=True, cache=True)
def deviation_nb(values: Floats, bars: int) -> Floats:
    """Return the standard deviation (ddof 1) of the last ``bars`` simple returns, a fraction.

    Each window is summed anew: a running sum of squares loses what a calm window after a wild one
    has left.

    Parameters
    ----------
    values : (n_bars, n_symbols) prices comparable over splits
    bars : returns in the window, 2 or more
    """
    n_bars, n_symbols = values.shape
    out = np.full((n_bars, n_symbols), np.nan)
    ring = np.empty(bars)
    for symbol in range(n_symbols):
        count, before = 0, np.nan
        for bar in range(n_bars):
            value = values[bar, symbol]
            if math.isnan(value):
                continue
            if not math.isnan(before):
                ring[count % bars] = value / before - 1.0
                count += 1
                if count >= bars:
                    mean = 0.0
                    for i in range(bars):
                        mean += ring[i]
                    mean /= bars
                    squares = 0.0
                    for i in range(bars):
                        squares += (ring[i] - mean) ** 2
                    out[bar, symbol] = math.sqrt(squares / (bars - 1.0))
            before = value
    return out


@njit(nogil=True, cache=True)
def lagged_nb(values: Floats, lag: int) -> Floats:
    """Return the value of ``lag`` own values ago.

    Parameters
    ----------
    values : (n_bars, n_symbols)
    lag : own values, 0 or more
    """
    n_bars, n_symbols = values.shape
    out = np.full((n_bars, n_symbols), np.nan)
    ring = np.empty(lag + 1)
    for symbol in range(n_symbols):
        count = 0
        for bar in range(n_bars):
            value = values[bar, symbol]
            if math.isnan(value):
                continue
            ring[count % (lag + 1)] = value
            count += 1
            if count > lag:
                out[bar, symbol] = ring[count % (lag + 1)]
    return out
