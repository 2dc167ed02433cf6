"""The indicators that strategies use: equal to their twins over holes, and blind to the future."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from engine import indicators
from tests.naive import indicators as naive
from tests.naive import more_indicators as more

Floats = NDArray[np.float64]
Bars = tuple[Floats, Floats, Floats, Floats]

cents = st.integers(1, 400).map(lambda n: n / 100)
windows = st.integers(1, 6)


@st.composite
def bars_with_holes(draw: st.DrawFn) -> Bars:
    """Draw high, low, close and volume of some symbols that do not trade on every bar."""
    n_bars, n_symbols = draw(st.integers(0, 40)), draw(st.integers(1, 3))
    seed = draw(st.integers(0, 2**16))
    rng = np.random.default_rng(seed)
    close = np.round(rng.uniform(1, 4, (n_bars, n_symbols)), draw(st.integers(0, 2)))
    high = close + np.round(rng.uniform(0, 0.5, close.shape), 1)
    low = close - np.round(rng.uniform(0, 0.5, close.shape), 1)
    volume = np.round(rng.uniform(0, 2, close.shape)) * 100
    gone = rng.random(close.shape) < 0.25
    for column in (high, low, close, volume):
        column[gone] = np.nan
    return high, low, close, volume


def laid_out(close: Floats, twin: Callable[..., Any], *columns: Floats) -> Floats:
    """Apply a twin to each symbol's own bars of some columns and lay its answer on the axis."""
    out = np.full(close.shape, np.nan)
    for symbol in range(close.shape[1]):
        own = np.flatnonzero(~np.isnan(close[:, symbol]))
        answers = twin(*(column[own, symbol].tolist() for column in columns))
        out[own, symbol] = np.array(answers, np.float64)
    return out


def assert_agree(found: Floats, expected: Floats) -> None:
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-9)


@settings(deadline=None)
@given(bars_with_holes(), windows)
def test_averages_equal_their_twins(bars: Bars, n: int) -> None:
    close = bars[2]

    assert_agree(
        indicators.sma(close, n), laid_out(close, lambda c: naive.rolling_mean(c, n, 0), close)
    )
    assert_agree(indicators.ema(close, n), laid_out(close, lambda c: naive.ema(c, n), close))
    assert_agree(indicators.wma(close, n), laid_out(close, lambda c: more.wma(c, n), close))


@settings(deadline=None)
@given(bars_with_holes(), windows)
def test_extremes_and_changes_equal_their_twins(bars: Bars, n: int) -> None:
    high, low, close, _ = bars
    band = indicators.donchian(high, low, n, 1)

    top = laid_out(close, lambda h: naive.rolling_extreme(h, n, 1, 1), high)
    bottom = laid_out(close, lambda v: naive.rolling_extreme(v, n, 1, -1), low)
    assert_agree(band.upper, top)
    assert_agree(band.lower, bottom)
    assert_agree(band.middle, (top + bottom) / 2)
    assert_agree(
        indicators.rolling_max(close, n),
        laid_out(close, lambda c: naive.rolling_extreme(c, n, 0, 1), close),
    )
    assert_agree(
        indicators.rolling_min(close, n),
        laid_out(close, lambda c: naive.rolling_extreme(c, n, 0, -1), close),
    )


@settings(deadline=None)
@given(bars_with_holes(), st.integers(2, 6))
def test_scatter_equals_its_twins(bars: Bars, n: int) -> None:
    close = bars[2]
    sample = laid_out(close, lambda c: more.rolling_sd(c, n, 1), close)
    population = laid_out(close, lambda c: more.rolling_sd(c, n, 0), close)
    mean = laid_out(close, lambda c: naive.rolling_mean(c, n, 0), close)
    band = indicators.bollinger(close, n, 1.5)

    assert_agree(indicators.rolling_sd(close, n), sample)
    assert_agree(indicators.z_score(close, n), laid_out(close, lambda c: more.z_score(c, n), close))
    assert_agree(band.lower, mean - 1.5 * population)
    assert_agree(band.upper, mean + 1.5 * population)


@settings(deadline=None)
@given(bars_with_holes(), windows)
def test_ranges_and_directions_equal_their_twins(bars: Bars, n: int) -> None:
    high, low, close, _ = bars

    found = indicators.adx(high, low, close, n)

    for part in range(3):
        twin = laid_out(close, lambda h, v, c, k=part: more.adx(h, v, c, n)[k], high, low, close)
        assert_agree(found[part], twin)
    assert_agree(
        indicators.atr(high, low, close, n),
        laid_out(close, lambda h, v, c: naive.atr(h, v, c, n), high, low, close),
    )


@settings(deadline=None)
@given(bars_with_holes(), windows, st.integers(1, 3), st.integers(1, 3))
def test_oscillators_equal_their_twins(bars: Bars, n: int, smooth: int, signal: int) -> None:
    high, low, close, _ = bars
    macd = indicators.macd(close, n, n + smooth, signal)
    place = indicators.stochastic(high, low, close, n, smooth, signal)

    for part in range(3):
        twin = laid_out(close, lambda c, k=part: more.macd(c, n, n + smooth, signal)[k], close)
        assert_agree(macd[part], twin)
    for part in range(2):
        twin = laid_out(
            close,
            lambda h, v, c, k=part: more.stochastic(h, v, c, n, smooth, signal)[k],
            high,
            low,
            close,
        )
        assert_agree(place[part], twin)


@settings(deadline=None)
@given(bars_with_holes(), windows)
def test_vwap_equals_its_twin(bars: Bars, n: int) -> None:
    high, low, close, volume = bars
    typical = (high + low + close) / 3

    found = indicators.vwap(high, low, close, volume, n)

    assert_agree(found, laid_out(close, lambda p, v: more.vwap(p, v, n), typical, volume))


EVERY: dict[str, Callable[[Bars], Any]] = {
    "sma": lambda b: indicators.sma(b[2], 3),
    "ema": lambda b: indicators.ema(b[2], 3),
    "wma": lambda b: indicators.wma(b[2], 3),
    "rolling_max": lambda b: indicators.rolling_max(b[2], 3),
    "rolling_min": lambda b: indicators.rolling_min(b[2], 3),
    "rolling_sd": lambda b: indicators.rolling_sd(b[2], 3),
    "z_score": lambda b: indicators.z_score(b[2], 3),
    "roc": lambda b: indicators.roc(b[2], 3),
    "rsi": lambda b: indicators.rsi(b[2], 3),
    "atr": lambda b: indicators.atr(b[0], b[1], b[2], 3),
    "macd": lambda b: indicators.macd(b[2], 2, 4, 2),
    "bollinger": lambda b: indicators.bollinger(b[2], 3),
    "donchian": lambda b: indicators.donchian(b[0], b[1], 3),
    "stochastic": lambda b: indicators.stochastic(b[0], b[1], b[2], 3, 2, 2),
    "adx": lambda b: indicators.adx(b[0], b[1], b[2], 3),
    "vwap": lambda b: indicators.vwap(b[0], b[1], b[2], b[3], 3),
}


def parts(found: Any) -> list[Floats]:
    return list(found) if isinstance(found, tuple) else [found]


def test_every_public_indicator_is_tried_below() -> None:
    public = {
        name
        for name, value in vars(indicators).items()
        if callable(value) and value.__module__ == indicators.__name__ and name.islower()
    }

    assert {name for name in public if not name.startswith("_")} == set(EVERY)


@pytest.mark.parametrize("name", EVERY)
@settings(deadline=None, max_examples=25)
@given(bars=bars_with_holes(), data=st.data())
def test_what_comes_later_changes_nothing(name: str, bars: Bars, data: st.DataObject) -> None:
    until = data.draw(st.integers(0, len(bars[2])))
    first = tuple(column[:until].copy() for column in bars)

    for whole, alone in zip(parts(EVERY[name](bars)), parts(EVERY[name](first)), strict=True):
        np.testing.assert_array_equal(whole[:until], alone)


@pytest.mark.parametrize("name", EVERY)
@settings(deadline=None, max_examples=25)
@given(bars=bars_with_holes())
def test_no_bar_has_no_value_and_other_symbols_do_not_matter(name: str, bars: Bars) -> None:
    alone = tuple(column[:, :1].copy() for column in bars)

    for all_, one in zip(parts(EVERY[name](bars)), parts(EVERY[name](alone)), strict=True):
        assert np.isnan(all_[np.isnan(bars[2])]).all()
        np.testing.assert_array_equal(all_[:, :1], one)


def test_a_series_that_stands_still_has_the_values_that_say_so() -> None:
    still = np.full((40, 1), 7.0)

    assert indicators.wma(still, 5)[-1, 0] == 7.0
    assert indicators.rolling_sd(still, 5)[-1, 0] == 0.0
    assert np.isnan(indicators.z_score(still, 5)[-1, 0])
    assert indicators.stochastic(still, still, still).k[-1, 0] == 50.0
    assert indicators.adx(still, still, still, 5).adx[-1, 0] == 0.0
    assert indicators.bollinger(still, 5).lower[-1, 0] == 7.0


def test_a_weighed_average_does_not_drift() -> None:
    rng = np.random.default_rng(1)
    walk = (1000 * np.exp(np.cumsum(rng.normal(0, 1e-3, 200_000)))).reshape(-1, 1)

    found = indicators.wma(walk, 50)[-1, 0]

    assert found == pytest.approx(more.wma(walk[-50:, 0].tolist(), 50)[-1], rel=1e-14)


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda c: indicators.sma(c, 0), "bars is 0: at least 1 needed"),
        (lambda c: indicators.rolling_sd(c, 1), "bars is 1: at least 2 needed"),
        (lambda c: indicators.macd(c, 5, 5), "fast 5 must be less than slow 5"),
    ],
)
def test_a_window_without_meaning_is_refused(call: Callable[[Floats], Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        call(np.ones((3, 1)))
