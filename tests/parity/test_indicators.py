"""Indicators against TA-Lib, where it begins as Wilder did at once, elsewhere once the beginning is forgotten.

TA-Lib sets off differently in three: it starts the fast average of the MACD where the slow one starts,
sums one bar less at the start of its directional averages, and has 0 where a stochastic has no range.
"""

from functools import cache
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from engine import indicators

pytestmark = pytest.mark.parity

Floats = NDArray[np.float64]
N, SETTLED = 1500, 700


@cache
def bars() -> tuple[Floats, Floats, Floats]:
    """Return high, low and close of a walk, (n_bars, 1) each."""
    rng = np.random.default_rng(11)
    close = 50 * np.exp(np.cumsum(rng.normal(0, 0.02, (N, 1)), axis=0))
    high, low = (
        close * (1 + rng.uniform(0, 0.02, (N, 1))),
        close * (1 - rng.uniform(0, 0.02, (N, 1))),
    )
    return high, low, close


def ta() -> Any:
    import talib

    return talib


def assert_agree(found: Floats, theirs: Floats, since: int = 0) -> None:
    np.testing.assert_allclose(found[since:, 0], theirs[since:], rtol=1e-8, atol=1e-9)


def test_averages_and_scatter() -> None:
    close = bars()[2]
    flat = close[:, 0]

    assert_agree(indicators.sma(close, 20), ta().SMA(flat, 20))
    assert_agree(indicators.ema(close, 20), ta().EMA(flat, 20))
    assert_agree(indicators.wma(close, 20), ta().WMA(flat, 20))
    assert_agree(indicators.rolling_sd(close, 20, ddof=0), ta().STDDEV(flat, 20))
    assert_agree(indicators.rolling_max(close, 20), ta().MAX(flat, 20))
    assert_agree(indicators.rolling_min(close, 20), ta().MIN(flat, 20))
    assert_agree(100 * indicators.roc(close, 10), ta().ROC(flat, 10))


def test_bands() -> None:
    close = bars()[2]

    upper, middle, lower = ta().BBANDS(close[:, 0], 20, 2, 2)

    band = indicators.bollinger(close, 20, 2.0)
    assert_agree(band.upper, upper)
    assert_agree(band.middle, middle)
    assert_agree(band.lower, lower)


def test_wilders() -> None:
    high, low, close = bars()
    flat = [column[:, 0] for column in (high, low, close)]

    assert_agree(indicators.rsi(close, 14), ta().RSI(flat[2], 14))
    assert_agree(indicators.atr(high, low, close, 14), ta().ATR(*flat, 14))
    found = indicators.adx(high, low, close, 14)
    assert_agree(found.adx, ta().ADX(*flat, 14), SETTLED)
    assert_agree(found.plus, ta().PLUS_DI(*flat, 14), SETTLED)
    assert_agree(found.minus, ta().MINUS_DI(*flat, 14), SETTLED)


def test_macd_and_stochastic() -> None:
    high, low, close = bars()

    line, signal, histogram = ta().MACD(close[:, 0], 12, 26, 9)
    k, d = ta().STOCH(high[:, 0], low[:, 0], close[:, 0], 14, 3, 0, 3, 0)

    macd = indicators.macd(close)
    assert_agree(macd.line, line, SETTLED)
    assert_agree(macd.signal, signal, SETTLED)
    assert_agree(macd.histogram, histogram, SETTLED)
    place = indicators.stochastic(high, low, close)
    since = 20  # theirs begins when both are there
    assert_agree(place.k, k, since)
    assert_agree(place.d, d, since)
