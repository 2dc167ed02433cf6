"""Years and months: where each begins, what it gained, and that together they are the run."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.statistics.calendar import PERIOD_COLUMNS, by_period, monthly_returns, period_rows
from engine.types import NS_PER_DAY
from tests.engine.results import crossing, idle
from tests.naive.statistics import naive_periods

START = 14_600 * NS_PER_DAY  # 2009-12-22


def days_from(*offsets: int) -> np.ndarray:
    return START + np.array(offsets, np.int64) * NS_PER_DAY


def test_a_year_begins_where_the_one_before_ended() -> None:
    times = days_from(0, 9, 10, 400)  # 22 and 31 December 2009, 1 January 2010, 26 January 2011

    (first, second, third) = monthly_returns(times, np.array([110.0, 99, 108.9, 54.45]), 100.0)

    assert (first.year, second.year, third.year) == (2009, 2010, 2011)
    assert first.total == pytest.approx(-0.01)
    assert first.months[11] == pytest.approx(-0.01)
    assert second.months[0] == pytest.approx(0.1)
    assert third.total == pytest.approx(-0.5)
    assert second.months[1] is None
    assert second.undefined[2] == "no bar"
    assert 1 not in second.undefined


def test_an_account_that_is_ruined_has_no_return_afterwards() -> None:
    (year, after) = monthly_returns(days_from(0, 20), np.array([-5.0, -4.0]), 100.0)

    assert year.total == pytest.approx(-1.05)
    assert after.total is None
    assert after.undefined[0] == after.undefined[1] == "equity fell to zero or below"


def test_no_bars_are_no_years() -> None:
    assert monthly_returns(np.empty(0, np.int64), np.empty(0), 100.0) == ()


def test_the_months_of_a_year_compound_to_it_and_the_years_to_the_run() -> None:
    result = crossing()

    years = monthly_returns(result.time_ns, result.curve.equity, 100_000)

    for year in years:
        months = [1 + rate for rate in year.months if rate is not None]
        assert math.prod(months) == pytest.approx(1 + year.total, rel=1e-12)
    whole = math.prod(1 + year.total for year in years)
    assert whole == pytest.approx(1 + result.metrics["total_return"], rel=1e-12)


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.tuples(st.integers(1, 90), st.integers(1, 300)), min_size=1, max_size=30),
    st.integers(1, 300),
    st.booleans(),
)
def test_periods_equal_their_plain_twin(
    steps: list[tuple[int, int]], capital: int, by_month: bool
) -> None:
    times = START + np.cumsum([gap for gap, _ in steps]) * NS_PER_DAY
    equity = np.array([float(e) for _, e in steps])

    numbers, rows = period_rows(times, equity, float(capital), "month" if by_month else "year")
    expected = naive_periods(times.tolist(), equity.tolist(), float(capital), by_month)

    keys = [(1970 + n // 12, n % 12 + 1) if by_month else (1970 + n,) for n in numbers.tolist()]
    assert keys == list(expected)
    for row, twin in zip(rows, expected.values(), strict=True):
        assert row["last"] - row["base"] == pytest.approx(twin["pnl"])
        assert row["worst"] == pytest.approx(min(twin["max_drawdown"], 0.0), abs=1e-12)
        assert row["mean"] == pytest.approx(twin["mean"], rel=1e-9, abs=1e-12)
        if twin["sd"] is not None:
            spread = math.sqrt(row["squares"] / (row["bars"] - 1))
            assert spread == pytest.approx(twin["sd"], rel=1e-9, abs=1e-12)


@pytest.mark.parametrize(
    ("length", "first"),
    [("year", "2020"), ("quarter", "2020-Q1"), ("month", "2020-01"), ("week", "2020-W01")],
)
def test_the_periods_of_a_run_add_up_to_it(length: str, first: str) -> None:
    result = crossing()

    table = by_period(result, length)

    assert math.fsum(row.values["pnl"] for row in table) == pytest.approx(
        result.metrics["final_pnl"], abs=1e-6
    )
    assert sum(row.values["total_trades"] for row in table) == result.metrics["total_trades"]
    bench = math.prod(1 + row.values["benchmark_return"] for row in table)
    assert bench == pytest.approx(1 + result.metrics["benchmark_return"], rel=1e-9)
    assert [row.key for row in table] == sorted(row.key for row in table)
    assert table.rows[0].key == first


def test_a_week_is_named_by_the_year_of_its_thursday() -> None:
    times = days_from(5, 9, 10, 12, 13)  # 27 and 31 December 2009, 1, 3 and 4 January 2010

    numbers, rows = period_rows(times, np.ones(5), 1.0, "week")

    assert rows["bars"].tolist() == [1, 3, 1]
    assert np.diff(numbers).tolist() == [1, 1]


def test_a_year_without_trades_says_so_and_has_no_ratio() -> None:
    row = by_period(idle(), "year").row("2021")

    assert row.values["return"] == 0.0
    assert row.values["volatility"] == 0.0
    assert row.undefined["sharpe_ratio"] == "the returns do not vary"
    assert row.undefined["win_rate"] == "no closed trades"
    assert set(row.values) == {column.name for column in PERIOD_COLUMNS}
