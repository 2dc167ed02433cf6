"""Thinned curves keep first, last, highest and lowest, in no more points than asked for."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from desktop.service.charting import MonthlyReturn, Series, monthly_returns, thin_indices, thinned
from engine.statistics.calendar import monthly_returns as statistics_by_month
from tests.engine.results import crossing

CURVES = hnp.arrays(
    np.float64, st.integers(1, 400), elements=st.floats(-1e6, 1e6, allow_nan=False, width=32)
)


@given(CURVES, st.integers(4, 120))
def test_first_last_lowest_and_highest_stay(values, max_points):
    index = thin_indices(values, max_points)

    assert len(index) <= max_points
    assert index[0] == 0
    assert index[-1] == len(values) - 1
    assert np.all(np.diff(index) > 0)
    assert values[index].min() == values.min()
    assert values[index].max() == values.max()


@given(CURVES)
def test_a_curve_that_fits_is_left_alone(values):
    assert np.array_equal(thin_indices(values, max(4, len(values))), np.arange(len(values)))


def test_a_loss_of_a_single_bar_is_still_there_at_full_depth():
    values = np.full(100_000, 100.0)
    values[54_321] = 40.0

    kept = thinned(Series(np.arange(100_000, dtype=np.int64), values), 200)

    assert kept.values.min() == 40.0
    assert 54_321 in kept.time_ns
    assert len(kept.values) <= 200


def test_unknown_values_do_not_hide_the_extremes_beside_them():
    values = np.full(1000, np.nan)
    values[500], values[501] = 1.0, 9.0

    kept = values[thin_indices(values, 10)]

    assert np.nanmin(kept) == 1.0
    assert np.nanmax(kept) == 9.0


def test_fewer_than_four_points_are_refused():
    with pytest.raises(ValueError, match="3"):
        thin_indices(np.arange(10.0), 3)


def test_months_are_chained_from_the_initial_capital():
    days = np.array(["2020-01-15", "2020-01-31", "2020-02-28", "2020-04-01"], "datetime64[ns]")
    series = Series(days.astype(np.int64), np.array([105.0, 110.0, 99.0, 198.0]))

    months = monthly_returns(series, 100.0)

    assert [(m.year, m.month) for m in months] == [(2020, 1), (2020, 2), (2020, 4)]
    assert [m.rate for m in months] == pytest.approx([0.10, -0.10, 1.0])


@given(CURVES)
def test_the_months_multiply_up_to_the_total_return(values):
    equity = np.abs(values) + 1.0
    time_ns = np.arange(len(equity), dtype=np.int64) * 86_400_000_000_000 * 7

    months = monthly_returns(Series(time_ns, equity), 1000.0)

    assert np.prod([1 + m.rate for m in months]) == pytest.approx(equity[-1] / 1000.0, rel=1e-9)
    assert months[0] == MonthlyReturn(1970, 1, months[0].rate)


def test_the_months_of_a_chart_are_those_of_the_statistics():
    result = crossing()
    chart = monthly_returns(Series(result.time_ns, result.curve.equity), 100_000.0)

    years = statistics_by_month(result.time_ns, result.curve.equity, 100_000.0)

    theirs = {
        (year.year, month): rate
        for year in years
        for month, rate in enumerate(year.months, start=1)
        if rate is not None
    }
    assert {(m.year, m.month): m.rate for m in chart} == pytest.approx(theirs, rel=1e-9, abs=1e-12)
