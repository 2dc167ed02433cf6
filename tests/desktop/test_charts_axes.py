"""Where axes are labelled, and how bars, instants and pixels turn into each other."""

import datetime as dt
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from desktop.charts.axes import spread, tick_text
from desktop.charts.scale import Scale, padded
from desktop.charts.ticks import time_ticks, value_ticks
from desktop.charts.timebase import TimeBase
from engine.types import NS_PER_DAY


def business_days(start: str, n: int) -> np.ndarray:
    """Return Mondays to Fridays, UTC nanoseconds."""
    days = np.busday_offset(np.datetime64(start, "D"), np.arange(n), roll="forward")
    return days.astype("datetime64[ns]").astype(np.int64)


def minutes(start: str, days: int) -> np.ndarray:
    """Return sessions of 390 minutes from 14:30."""
    first = np.datetime64(start, "ns").astype(np.int64)
    sessions = [
        first + day * NS_PER_DAY + (870 + np.arange(390)) * 60_000_000_000 for day in range(days)
    ]
    return np.concatenate(sessions)


@pytest.mark.parametrize(
    ("stop", "gap", "texts"),
    [
        (2000, 200.0, ["2011", "2012", "2013", "2014", "2015", "2016", "2017"]),
        (260, 20.0, ["Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]),
        (20, 4.5, ["4 Jan", "11 Jan", "18 Jan", "25 Jan"]),
    ],
)
def test_labels_are_years_then_months_then_days_as_one_zooms_in(
    stop: int, gap: float, texts: list[str]
) -> None:
    days = business_days("2010-01-01", 2610)

    assert [tick_text(tick) for tick in time_ticks(days, 0, stop, gap)] == texts


def test_minutes_are_labelled_by_the_hour_and_a_new_day_by_its_date() -> None:
    ticks = time_ticks(minutes("2024-03-04", 2), 0, 780, 50.0)

    texts = [tick_text(tick) for tick in ticks]
    assert "5 Mar" in texts
    assert {"16:00", "18:00"} <= set(texts)


def test_nights_and_weekends_take_no_room() -> None:
    base = TimeBase(business_days("2024-03-01", 3))

    assert dt.datetime.fromtimestamp(base.time_at(1) / 1e9, dt.UTC).date() == dt.date(2024, 3, 4)
    assert base.index_at(base.time_at(0.5)) == pytest.approx(0.5)


@given(st.integers(1, 400), st.floats(-50, 450))
def test_instants_and_bars_turn_into_each_other(n: int, x: float) -> None:
    base = TimeBase(business_days("2015-01-01", n))

    assert base.index_at(base.time_at(x)) == pytest.approx(x, abs=1e-6)


@given(st.integers(2, 5000), st.floats(1, 500))
def test_labelled_bars_stand_apart_and_inside(n: int, gap: float) -> None:
    ticks = time_ticks(business_days("1999-05-05", n), 0, n, gap)

    index = [tick.index for tick in ticks]
    assert all(b - a >= gap for a, b in pairwise(index))
    assert all(0 < i < n for i in index)


@given(st.floats(-1e9, 1e9), st.floats(1e-3, 1e9), st.integers(2, 20))
def test_labelled_values_are_inside_round_and_not_too_many(
    low: float, span: float, most: int
) -> None:
    high = low + span

    values, decimals = value_ticks(low, high, most, False)

    slack = span * 1e-6 + abs(low) * 1e-12
    assert len(values) <= most + 1
    assert all(low - slack <= v <= high + slack for v in values)
    assert all(abs(round(v, decimals) - v) <= slack for v in values)


def test_a_log_axis_is_labelled_by_decades() -> None:
    assert value_ticks(0.8, 1200.0, 8, True)[0] == [1.0, 3.0, 10.0, 30.0, 100.0, 300.0, 1000.0]


@given(
    st.floats(-1e6, 1e6),
    st.floats(1, 1e6),
    st.floats(0.01, 1e5),
    st.floats(1.5, 100),
    st.booleans(),
)
def test_values_and_pixels_turn_into_each_other(
    x0: float, bars: float, low: float, ratio: float, log: bool
) -> None:
    scale = Scale(x0, x0 + bars, low, low * ratio, 800, 300, log)
    value = low * (1 + (ratio - 1) * 0.3)

    y = float(scale.py(np.array([value]))[0])

    assert scale.value_at(y) == pytest.approx(value, rel=1e-9)
    assert 0 <= y <= 300
    assert scale.x_at(float(scale.px(np.array([x0 + bars / 3]))[0])) == pytest.approx(
        x0 + bars / 3, abs=1e-6 * max(1.0, abs(x0), bars)
    )


@pytest.mark.parametrize(("low", "high"), [(5.0, 5.0), (0.0, 0.0), (np.nan, np.nan), (-3.0, -3.0)])
def test_a_flat_line_still_gets_a_height(low: float, high: float) -> None:
    found = padded(low, high, 0.1, 0.1, False)

    assert found[0] < found[1]


@given(st.lists(st.floats(0, 300), max_size=10))
def test_labels_that_would_cover_each_other_are_pushed_apart(wanted: list[float]) -> None:
    placed = spread(np.array(wanted), 14.0, 293.0)

    y = [spot for _, spot in placed]
    assert sorted(k for k, _ in placed) == list(range(len(wanted)))
    assert all(b - a >= 14 - 1e-9 for a, b in pairwise(y))
    assert all(spot <= 293 for spot in y)
