"""Weighted averages: by age, by volume; and how far values scatter about the plain one.

The conventions are those of `engine.kernels.indicators`: whole panels in and out, a symbol's own
bars, NaN where there is no bar or not yet enough of them, nothing after the close of *t*.
"""

import math
from typing import Any

import numpy as np
from numba import njit

from engine.kernels.indicators import Floats, add_nb, own_bars_nb
from engine.kernels.windows import windows_nb


@njit(nogil=True, cache=True)
def wma_nb(values: Floats, window: int) -> Floats:
    """Return the average of ``window`` own bars weighed 1, 2, … window, the latest most.

    The weighed sum moves on by window x newest - sum of the window before; it is formed anew every
    ``window`` bars, so that rounding has no time to grow.
    """
    n_bars, n_symbols = values.shape
    out = np.full((n_bars, n_symbols), np.nan)
    own, bars = np.empty(n_bars), np.empty(n_bars, np.int64)
    weights = window * (window + 1) / 2.0
    for symbol in range(n_symbols):
        n = own_bars_nb(values, symbol, own, bars)
        total = weighed = 0.0
        for i in range(window - 1, n):
            if (i + 1) % window == 0:
                total = weighed = 0.0
                for k in range(window):
                    total += own[i - window + 1 + k]
                    weighed += own[i - window + 1 + k] * (k + 1)
            else:
                weighed += window * own[i] - total
                total += own[i] - own[i - window]
            out[bars[i], symbol] = weighed / weights
    return out


@njit(nogil=True, cache=True)
def vwap_nb(price: Floats, volume: Floats, window: int) -> Floats:
    """Return the mean price of ``window`` own bars weighed by volume; NaN where none was traded.

    ``price`` decides which bars there are; a volume that is NaN counts as none.
    """
    n_bars, n_symbols = price.shape
    out = np.full((n_bars, n_symbols), np.nan)
    own, bars = np.empty(n_bars), np.empty(n_bars, np.int64)
    for symbol in range(n_symbols):
        n = own_bars_nb(price, symbol, own, bars)
        value, value_lost, shares, shares_lost = 0.0, 0.0, 0.0, 0.0
        traded = 0  # bars of the window with a volume
        for i in range(n):
            v = _volume_nb(volume, bars[i], symbol)
            traded += v > 0.0
            value, value_lost = add_nb(value, value_lost, own[i] * v)
            shares, shares_lost = add_nb(shares, shares_lost, v)
            if i >= window:
                v = _volume_nb(volume, bars[i - window], symbol)
                traded -= v > 0.0
                value, value_lost = add_nb(value, value_lost, -own[i - window] * v)
                shares, shares_lost = add_nb(shares, shares_lost, -v)
            if i >= window - 1 and traded > 0:
                out[bars[i], symbol] = (value + value_lost) / (shares + shares_lost)
    return out


@njit(nogil=True, cache=True, no_cpython_wrapper=True, no_cfunc_wrapper=True)
def _volume_nb(volume: Any, bar: int, symbol: int) -> float:
    v = volume[bar, symbol]
    return 0.0 if math.isnan(v) else v


@njit(nogil=True, cache=True)
def scatter_nb(values: Floats, window: int, ddof: int) -> Floats:
    """Return the standard deviation of ``window`` own bars, √(squared distances / (window - ddof))."""
    n_bars, n_symbols = values.shape
    out = np.full((n_bars, n_symbols), np.nan)
    own, bars = np.empty(n_bars), np.empty(n_bars, np.int64)
    for symbol in range(n_symbols):
        n = own_bars_nb(values, symbol, own, bars)
        _, squares = windows_nb(own[:n], window)
        for i in range(len(squares)):
            out[bars[i + window - 1], symbol] = math.sqrt(squares[i] / (window - ddof))
    return out
