"""Averages that smooth, ranges, deviations and lags against their plain twins on columns with holes."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from engine.kernels import smoothing
from tests.engine.test_indicators import any_price, by_own_bars, cents, columns, windows
from tests.naive import indicators as naive

Floats = NDArray[np.float64]


@given(columns(any_price), windows)
def test_an_exponential_average_begins_as_a_mean_and_then_forgets(
    values: Floats, bars: int
) -> None:
    average = smoothing.ema_nb(values, bars)

    expected = by_own_bars(values, lambda own: naive.ema(own, bars))
    np.testing.assert_allclose(average, expected, rtol=1e-12)


@given(columns(cents), windows, st.integers(0, 50))
def test_a_true_range_spans_the_close_before(close: Floats, bars: int, reach: int) -> None:
    high, low = close + reach / 100, close * 0.9

    average = smoothing.atr_nb(high, low, close, bars)

    for symbol in range(close.shape[1]):
        there = ~np.isnan(close[:, symbol])
        own = [column[there, symbol].tolist() for column in (high, low, close)]
        expected = np.array(naive.atr(*own, bars), np.float64)
        np.testing.assert_allclose(average[there, symbol], expected, rtol=1e-12, atol=1e-14)
        assert np.isnan(average[~there, symbol]).all()


@given(columns(cents), st.integers(2, 6))
def test_a_deviation_is_that_of_the_last_returns(values: Floats, bars: int) -> None:
    deviation = smoothing.deviation_nb(values, bars)

    expected = by_own_bars(values, lambda own: naive.deviation(own, bars))
    np.testing.assert_allclose(deviation, expected, rtol=1e-12, atol=1e-14)


@given(columns(any_price), st.integers(0, 5))
def test_a_lag_counts_own_values(values: Floats, lag: int) -> None:
    lagged = smoothing.lagged_nb(values, lag)

    expected = by_own_bars(
        values, lambda own: [own[i - lag] if i >= lag else None for i in range(len(own))]
    )
    np.testing.assert_array_equal(lagged, expected)
