"""Indicators for strategies, by the names that traders give them.

Every function takes and returns arrays ``(n_bars, n_symbols)`` and keeps three promises. A symbol's
*own* bars are counted: a NaN is a bar that it does not have, so 20 bars are its last 20 however many
rows of the shared axis they span. The value at bar *t* depends on nothing after the close of *t*.
It is NaN where the symbol has no bar, where it has not had enough of them yet, and where the formula
has no value. Compare averages with `engine.kernels.indicators.compare_averages`: ties on the
price grid are exact there, and a cross is never born of rounding.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from engine.kernels.averages import scatter_nb, vwap_nb, wma_nb
from engine.kernels.direction import adx_nb
from engine.kernels.indicators import change_nb, rolling_extreme_nb, rolling_mean_nb, rsi_nb
from engine.kernels.smoothing import atr_nb, ema_nb

Floats = NDArray[np.float64]


class Macd(NamedTuple):
    """Line, its average, and the distance between them."""

    line: Floats
    signal: Floats
    histogram: Floats


class Band(NamedTuple):
    """A middle with a bound on each side."""

    lower: Floats
    middle: Floats
    upper: Floats


class Stochastic(NamedTuple):
    """%K and its average %D, 0 to 100."""

    k: Floats
    d: Floats


class Direction(NamedTuple):
    """Average directional index, and the two directions that it is made of, 0 to 100."""

    adx: Floats
    plus: Floats
    minus: Floats


def sma(values: Floats, bars: int) -> Floats:
    """Return the simple average: the mean of the last ``bars`` values."""
    return rolling_mean_nb(values, _least(bars), 0)


def ema(values: Floats, bars: int) -> Floats:
    """Return the exponential average: previous + (value - previous) x 2 / (bars + 1).

    It begins as the mean of the first ``bars`` values.
    """
    return ema_nb(values, _least(bars))


def wma(values: Floats, bars: int) -> Floats:
    """Return the average weighed 1, 2, … ``bars``, the latest value most."""
    return wma_nb(values, _least(bars))


def rolling_max(values: Floats, bars: int) -> Floats:
    """Return the greatest of the last ``bars`` values."""
    return rolling_extreme_nb(values, _least(bars), 0, 1)


def rolling_min(values: Floats, bars: int) -> Floats:
    """Return the least of the last ``bars`` values."""
    return rolling_extreme_nb(values, _least(bars), 0, -1)


def rolling_sd(values: Floats, bars: int, ddof: int = 1) -> Floats:
    """Return the standard deviation of the last ``bars`` values: √(squared distances / (bars - ddof)).

    Exactly 0 where all are equal.
    """
    return scatter_nb(values, _least(bars, ddof + 1), ddof)


def z_score(values: Floats, bars: int) -> Floats:
    """Return (value - average) / standard deviation (ddof 1) of the last ``bars`` values.

    NaN where they are all equal.
    """
    spread = rolling_sd(values, bars)
    spread[spread == 0.0] = np.nan
    score: Floats = (values - rolling_mean_nb(values, bars, 0)) / spread
    return score


def roc(values: Floats, bars: int) -> Floats:
    """Return the rate of change: value / value ``bars`` own bars ago - 1, a fraction."""
    return change_nb(values, _least(bars))


def rsi(close: Floats, bars: int = 14) -> Floats:
    """Return Wilder's relative strength index, 0 to 100; 50 where nothing has moved."""
    return rsi_nb(close, _least(bars))


def atr(high: Floats, low: Floats, close: Floats, bars: int = 14) -> Floats:
    """Return Wilder's average true range, price units."""
    return atr_nb(high, low, close, _least(bars))


def macd(close: Floats, fast: int = 12, slow: int = 26, signal: int = 9) -> Macd:
    """Return EMA(fast) - EMA(slow), its EMA over ``signal`` bars, and the difference of both.

    Source: G. Appel, The Moving Average Convergence-Divergence Method, 1979.

    Raises
    ------
    ValueError
        when ``fast`` is not less than ``slow``.
    """
    if fast >= slow:
        raise ValueError(f"fast {fast} must be less than slow {slow}")
    line = ema(close, fast) - ema(close, slow)
    average = ema(line, signal)
    return Macd(line, average, line - average)


def bollinger(close: Floats, bars: int = 20, deviations: float = 2.0) -> Band:
    """Return the average and ``deviations`` standard deviations (ddof 0) on each side of it.

    Source: J. Bollinger, Bollinger on Bollinger Bands, 2001.
    """
    middle, width = sma(close, bars), deviations * rolling_sd(close, bars, ddof=0)
    return Band(middle - width, middle, middle + width)


def donchian(high: Floats, low: Floats, bars: int = 20, lag: int = 0) -> Band:
    """Return the lowest low, the highest high and their mean over ``bars`` bars.

    With a ``lag`` of 1 they are the bars before this one, which is what a breakout leaves behind.
    """
    upper = rolling_extreme_nb(high, _least(bars), lag, 1)
    lower = rolling_extreme_nb(low, bars, lag, -1)
    return Band(lower, (lower + upper) / 2.0, upper)


def stochastic(
    high: Floats, low: Floats, close: Floats, bars: int = 14, smooth: int = 3, signal: int = 3
) -> Stochastic:
    """Return %K and %D: where the close lies in the range of the last ``bars`` bars.

    %K is the average over ``smooth`` bars of 100 x (close - lowest low) / (highest high - lowest
    low), 50 where there is no range, which says "neither"; %D is its average over ``signal`` bars.

    Source: G. Lane, Lane's Stochastics, 1984.
    """
    lower, _, upper = donchian(high, low, bars)
    span = upper - lower
    place = np.full(close.shape, np.nan)
    np.divide(100.0 * (close - lower), span, out=place, where=span > 0.0)
    place[span == 0.0] = 50.0
    k = sma(place, smooth)
    return Stochastic(k, sma(k, signal))


def adx(high: Floats, low: Floats, close: Floats, bars: int = 14) -> Direction:
    """Return Wilder's average directional index with +DI and -DI; see `adx_nb`."""
    return Direction(*adx_nb(high, low, close, _least(bars)))


def vwap(high: Floats, low: Floats, close: Floats, volume: Floats, bars: int) -> Floats:
    """Return the mean of (high + low + close) / 3 over ``bars`` bars, weighed by volume.

    NaN where nothing was traded in them.
    """
    return vwap_nb((high + low + close) / 3.0, volume, _least(bars))


def _least(bars: int, least: int = 1) -> int:
    if bars < least:
        raise ValueError(f"bars is {bars}: at least {least} needed")
    return bars
