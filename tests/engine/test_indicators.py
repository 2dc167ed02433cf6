"""Indicators against their plain twins on columns with holes, and their edge cases."""

import json
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from engine.kernels import indicators
from tests.naive import indicators as naive
from tests.shared import shared_path

Floats = NDArray[np.float64]

cents = st.integers(1, 400).map(lambda n: n / 100)
any_price = st.floats(0.01, 1000, allow_nan=False)
windows = st.integers(1, 6)


def columns(prices: st.SearchStrategy[float]) -> st.SearchStrategy[Floats]:
    """Draw (n_bars, n_symbols) arrays of prices with holes."""
    cell = st.one_of(prices, prices, prices, st.just(float("nan")))
    shape = st.tuples(st.integers(0, 30), st.integers(1, 3))
    return shape.flatmap(
        lambda s: st.lists(cell, min_size=s[0] * s[1], max_size=s[0] * s[1]).map(
            lambda flat: np.array(flat, np.float64).reshape(s)
        )
    )


def by_own_bars(values: Floats, twin: Callable[[list[float]], list[float | None]]) -> Floats:
    """Apply a twin to each symbol's own bars and lay the answers back on the axis."""
    out = np.full(values.shape, np.nan)
    for symbol in range(values.shape[1]):
        bars = np.flatnonzero(~np.isnan(values[:, symbol]))
        answers = twin(values[bars, symbol].tolist())
        out[bars, symbol] = np.array(answers, np.float64)
    return out


@settings(deadline=None)
@given(columns(any_price), windows, st.integers(0, 1))
def test_a_rolling_mean_is_the_mean_of_the_symbols_own_bars(
    values: Floats, window: int, lag: int
) -> None:
    mean = indicators.rolling_mean_nb(values, window, lag)

    expected = by_own_bars(values, lambda own: naive.rolling_mean(own, window, lag))
    np.testing.assert_allclose(mean, expected, rtol=1e-14)


@settings(deadline=None)
@given(columns(cents), windows, st.integers(0, 1), st.sampled_from([-1, 1]))
def test_a_rolling_extreme_is_one_of_the_symbols_own_bars(
    values: Floats, window: int, lag: int, sign: int
) -> None:
    extreme = indicators.rolling_extreme_nb(values, window, lag, sign)

    expected = by_own_bars(values, lambda own: naive.rolling_extreme(own, window, lag, sign))
    np.testing.assert_array_equal(extreme, expected)


@settings(deadline=None)
@given(columns(any_price), windows)
def test_a_change_counts_the_symbols_own_bars(values: Floats, lookback: int) -> None:
    change = indicators.change_nb(values, lookback)

    np.testing.assert_array_equal(
        change, by_own_bars(values, lambda own: naive.change(own, lookback))
    )


@settings(deadline=None)
@given(columns(any_price), windows, st.integers(0, 3), st.data())
def test_a_change_at_some_bars_is_the_change_at_all_bars_seen_there(
    values: Floats, lookback: int, skip: int, data: st.DataObject
) -> None:
    chosen = sorted(data.draw(st.sets(st.integers(0, len(values) - 1)))) if len(values) else []
    bars = np.array(chosen, np.int64)

    change = indicators.change_at_nb(values, bars, lookback, skip)

    everywhere = by_own_bars(values, lambda own: naive.change(own, lookback, skip))
    np.testing.assert_array_equal(change, everywhere[bars])


@settings(deadline=None)
@given(columns(any_price), windows)
def test_rsi_is_wilders(values: Floats, period: int) -> None:
    rsi = indicators.rsi_nb(values, period)

    np.testing.assert_allclose(
        rsi, by_own_bars(values, lambda own: naive.rsi(own, period)), rtol=1e-9, atol=1e-9
    )


def test_rsi_of_a_series_that_stands_still_says_neither() -> None:
    rsi = indicators.rsi_nb(np.full((6, 1), 10.0), 3)

    np.testing.assert_array_equal(rsi[:, 0], [np.nan, np.nan, np.nan, 50, 50, 50])


@settings(deadline=None)
@given(
    st.lists(st.one_of(cents, any_price, st.integers(1, 10**9).map(lambda n: n / 1e8)), max_size=12)
)
def test_the_price_grid_is_the_coarsest_that_holds_all_closes(prices: list[float]) -> None:
    assert indicators.price_grid(np.array(prices, np.float64)) == naive.grid(prices)


@pytest.mark.parametrize(
    ("prices", "decimals"),
    [
        ([], 0),
        ([5.0, float("nan")], 0),
        ([0.1, 0.25], 2),
        ([0.00000001], 8),
        ([0.000000001], -1),
        ([1 / 3], -1),
        ([1e9, 0.00000001], -1),
    ],
)
def test_the_grid_of_some_prices(prices: list[float], decimals: int) -> None:
    assert indicators.price_grid(np.array(prices, np.float64)) == decimals


@settings(deadline=None)
@given(columns(st.one_of(cents, cents, cents, any_price)), windows, windows)
def test_averages_compare_as_in_exact_arithmetic(close: Floats, fast: int, more: int) -> None:
    slow = fast + more

    signs = indicators.compare_averages(close, fast, slow)

    expected = by_own_bars(
        close, lambda own: [float(s) for s in naive.compare_averages(own, fast, slow)]
    )
    np.testing.assert_array_equal(
        signs, np.where(np.isnan(expected), indicators.UNDEFINED, expected)
    )


@settings(deadline=None)
@given(columns(st.integers(1, 10**15).map(lambda n: n / 1e8)), st.just(5), st.just(6))
def test_products_too_large_for_an_integer_compare_as_exactly(
    close: Floats, fast: int, slow: int
) -> None:
    factor = (
        400  # windows of 2,000 bars of up to 10^15 units: the cross products would need 72 bits
    )
    long_close = np.repeat(close, factor, axis=0)

    signs = indicators.compare_averages(long_close, fast * factor, slow * factor)

    expected = by_own_bars(
        close, lambda own: [float(s) for s in naive.compare_averages(own, fast, slow)]
    )
    at_ends = signs[factor - 1 :: factor]
    np.testing.assert_array_equal(
        at_ends, np.where(np.isnan(expected), indicators.UNDEFINED, expected)
    )


def test_a_grid_that_is_refined_late_compares_as_exactly() -> None:
    moves = np.random.default_rng(3).integers(-3, 4, 5000)
    tenths = 100_000 + np.cumsum(moves * np.where(np.arange(5000) < 3000, 10, 1))  # of a cent
    fast, slow = 7, 30

    signs = indicators.compare_averages(tenths.reshape(-1, 1) / 1000.0, fast, slow)

    totals = np.concatenate([[0], np.cumsum(tenths)])
    near = (totals[slow:] - totals[slow - fast : -fast]) * slow
    far = (totals[slow:] - totals[:-slow]) * fast
    assert set(signs[: slow - 1, 0]) == {indicators.UNDEFINED}
    np.testing.assert_array_equal(signs[slow - 1 :, 0], np.sign(near - far))
    assert 0 in signs


def test_long_windows_without_a_grid_do_not_drift() -> None:
    close = np.tile([[1e6 + 1 / 3], [1 / 3], [7 / 3]], (50_000, 1))

    signs = indicators.compare_averages(close, 3, 6)

    assert set(signs[5:].ravel()) == {0}


def test_a_later_price_off_the_grid_changes_no_earlier_sign() -> None:
    close = np.array([[1000000.0], [1000000.00000001], [1 / 3]])  # apart by less than the tolerance

    before = indicators.compare_averages(close[:2].copy(), 1, 2)
    after = indicators.compare_averages(close, 1, 2)

    assert before[:, 0].tolist() == [indicators.UNDEFINED, 1]
    assert after[:, 0].tolist() == [indicators.UNDEFINED, 1, -1]


@pytest.mark.needs_shared
def test_the_published_case_of_equal_averages_holds() -> None:
    cases = json.loads(shared_path("published", "semantics_cases.json").read_text())["cases"]
    case = next(case for case in cases if case["id"] == "averages_equal_exactly")
    close = np.array([[bar[4]] for bar in case["bars"]["A"]])
    asked = case["averages"]

    signs = indicators.compare_averages(close, asked["fast_bars"], asked["slow_bars"])

    expected = [
        indicators.UNDEFINED if s is None else s for s in case["expect"]["sign_of_fast_minus_slow"]
    ]
    assert signs[:, 0].tolist() == expected


@settings(deadline=None)
@given(st.lists(st.sampled_from([-1, 0, 1, 2]), max_size=20), st.integers(0, 10), st.booleans())
def test_a_turn_is_a_new_sign_that_zeros_do_not_hide(
    signs: list[int], start: int, at_once: bool
) -> None:
    column = np.array(signs, np.int8).reshape(-1, 1)

    turns = indicators.turns_nb(column, start, at_once)

    assert turns[:, 0].tolist() == naive.turns(signs, start, at_once)


def test_rounding_noise_is_not_above() -> None:
    grown = np.array([30.03 / 30, 20.02 / 20, 1.002, np.nan])

    above = indicators.above(grown, 1.001)

    assert above.tolist() == [False, False, True, False]
