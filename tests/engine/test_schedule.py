"""When rebalancings are decided, with a calendar and without."""

import datetime as dt
import json
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from engine.config import Period
from engine.schedule import rebalance_bars
from engine.types import NS_PER_DAY, NS_PER_SECOND
from tests.shared import shared_path

Ints = NDArray[np.int64]

EPOCH = dt.date(1970, 1, 1)


def times_of(*texts: str) -> Ints:
    return np.array(texts, "datetime64[ns]").astype(np.int64)


def weekdays(first: str, last: str) -> Ints:
    days = np.arange(np.datetime64(first), np.datetime64(last) + 1)
    return days[np.is_busday(days)].astype("datetime64[ns]").astype(np.int64)


def decided(
    time_ns: Ints, period: str, sessions: Ints | None = None, first_counted: int = 0
) -> list[str]:
    bars = rebalance_bars(time_ns, first_counted, period, sessions)
    return [
        str(time)[:10] for time in time_ns[bars].astype("datetime64[ns]").astype("datetime64[D]")
    ]


def period_of(time_ns: int, period: str) -> tuple[int, ...]:
    """Return what a date's period is called, from the standard library's calendar."""
    day = EPOCH + dt.timedelta(days=time_ns // NS_PER_DAY)
    return {
        "daily": (day.toordinal(),),
        "weekly": day.isocalendar()[:2],
        "monthly": (day.year, day.month),
        "quarterly": (day.year, (day.month - 1) // 3),
        "yearly": (day.year,),
    }[period]


def naive_without_calendar(time_ns: list[int], period: str) -> list[int]:
    if period == "daily" and all(time % NS_PER_DAY == 0 for time in time_ns):
        return list(range(len(time_ns)))
    names = [period_of(time, period) for time in time_ns]
    return [i for i in range(1, len(names)) if names[i] != names[i - 1]]


def naive_by_calendar(time_ns: list[int], period: str, sessions: list[int]) -> list[int]:
    bars = []
    for session, following in pairwise(sessions):
        name = period_of(session, period)
        end_of_day = session + NS_PER_DAY
        seen = [
            i
            for i, time in enumerate(time_ns)
            if time < end_of_day and period_of(time, period) == name
        ]
        in_data = bool(time_ns) and time_ns[-1] >= session
        if period_of(following, period) != name and in_data and seen:
            bars.append(seen[-1])
    return bars


day_sets = st.sets(st.integers(0, 900), max_size=60).map(sorted)
CALENDAR = [p for p in Period if p not in (Period.BARS, Period.DRIFT)]
periods = st.sampled_from([str(period) for period in CALENDAR])


@pytest.mark.needs_shared
@pytest.mark.parametrize(
    ("case_id", "sessions"),
    [
        ("monthly_with_calendar", weekdays("2024-01-01", "2024-03-29")),
        ("monthly_without_calendar", None),
    ],
)
def test_the_published_cases_hold(case_id: str, sessions: Ints | None) -> None:
    cases = json.loads(shared_path("published", "semantics_cases.json").read_text())["cases"]
    case = next(case for case in cases if case["id"] == case_id)
    time_ns = times_of(*(bar[0] for bar in case["bars"]["A"]))

    assert decided(time_ns, "monthly", sessions) == case["expect"]["rebalance_decided"]


@settings(deadline=None)
@given(day_sets, periods, st.booleans(), st.integers(0, 10))
def test_without_a_calendar_a_period_ends_with_the_first_bar_of_the_next(
    days: list[int], period: str, intraday: bool, first_counted: int
) -> None:
    offset = 9 * 3600 * NS_PER_SECOND if intraday else 0
    time_ns = [day * NS_PER_DAY + offset for day in days]

    bars = rebalance_bars(np.array(time_ns, np.int64), first_counted, period)

    assert bars.tolist() == [
        bar for bar in naive_without_calendar(time_ns, period) if bar >= first_counted
    ]


@settings(deadline=None)
@given(day_sets, day_sets, periods, st.integers(1, 3), st.integers(0, 10))
def test_with_a_calendar_a_period_ends_with_its_last_session(
    days: list[int], session_days: list[int], period: str, bars_a_day: int, first_counted: int
) -> None:
    time_ns = [
        day * NS_PER_DAY + n * 3600 * NS_PER_SECOND for day in days for n in range(bars_a_day)
    ]
    sessions = [day * NS_PER_DAY for day in session_days or [0]]

    bars = rebalance_bars(
        np.array(time_ns, np.int64), first_counted, period, np.array(sessions, np.int64)
    )

    expected = naive_by_calendar(time_ns, period, sessions)
    assert bars.tolist() == [bar for bar in expected if bar >= first_counted]


@settings(deadline=None)
@given(day_sets, periods, st.booleans(), st.data())
def test_no_decision_changes_when_later_bars_are_cut_off(
    days: list[int], period: str, with_calendar: bool, data: st.DataObject
) -> None:
    time_ns = np.array(days, np.int64) * NS_PER_DAY
    sessions = np.arange(0, 1300, dtype=np.int64) * NS_PER_DAY if with_calendar else None
    cut = data.draw(st.integers(0, len(days)))

    bars = rebalance_bars(time_ns, 0, period, sessions)
    of_cut = rebalance_bars(time_ns[:cut], 0, period, sessions)

    # the last bar of a cut may stand for a later session, of which the cut knows nothing
    assert of_cut[of_cut < cut - 1].tolist() == bars[bars < cut - 1].tolist()


def test_weeks_are_iso_weeks_across_the_turn_of_the_year() -> None:
    time_ns = weekdays("2024-12-27", "2025-01-07")

    assert decided(time_ns, "weekly", weekdays("2024-12-02", "2025-01-31")) == [
        "2024-12-27",
        "2025-01-03",
    ]
    assert decided(time_ns, "weekly") == ["2024-12-30", "2025-01-06"]


def test_a_missing_last_session_is_decided_on_what_is_known_by_then() -> None:
    time_ns = times_of("2024-01-29", "2024-01-30", "2024-02-01")

    assert decided(time_ns, "monthly", weekdays("2024-01-01", "2024-03-29")) == ["2024-01-30"]


def test_a_period_that_the_data_do_not_reach_the_end_of_is_not_decided() -> None:
    time_ns = weekdays("2024-01-29", "2024-02-28")

    assert decided(time_ns, "monthly", weekdays("2024-01-01", "2024-03-29")) == ["2024-01-31"]


def test_a_period_that_ends_with_the_data_is_decided_by_the_calendar_alone() -> None:
    time_ns = weekdays("2024-01-29", "2024-02-29")

    assert decided(time_ns, "monthly", weekdays("2024-01-01", "2024-03-29")) == [
        "2024-01-31",
        "2024-02-29",
    ]
    assert decided(time_ns, "monthly") == ["2024-02-01"]


def test_an_intraday_session_is_decided_at_its_last_bar() -> None:
    time_ns = times_of(
        "2024-01-31T14:30", "2024-01-31T20:30", "2024-02-01T14:30", "2024-02-01T20:30"
    )

    by_calendar = rebalance_bars(time_ns, 0, "daily", weekdays("2024-01-29", "2024-02-09"))
    by_bars = rebalance_bars(time_ns, 0, "daily")

    assert by_calendar.tolist() == [1, 3]
    assert by_bars.tolist() == [2]


def test_a_period_that_ended_in_the_warm_up_is_seen_at_the_first_counted_bar() -> None:
    time_ns = weekdays("2024-01-29", "2024-02-29")

    assert decided(time_ns, "monthly", first_counted=3) == ["2024-02-01"]
    assert decided(time_ns, "monthly", first_counted=4) == []


@pytest.mark.parametrize("period", list(Period))
def test_no_bars_have_no_decisions(period: Period) -> None:
    none = np.empty(0, np.int64)

    assert rebalance_bars(none, 0, period).tolist() == []
    assert rebalance_bars(none, 0, period, weekdays("2024-01-01", "2024-12-31")).tolist() == []


def test_every_so_many_bars_counts_from_the_first_counted_bar() -> None:
    times = np.arange(10, dtype=np.int64) * NS_PER_DAY

    assert rebalance_bars(times, 2, Period.BARS, every=3).tolist() == [4, 7]
    assert rebalance_bars(times, 2, Period.BARS).tolist() == [2, 3, 4, 5, 6, 7, 8, 9]


def test_drift_is_decided_by_the_account_and_not_by_the_calendar() -> None:
    times = np.arange(10, dtype=np.int64) * NS_PER_DAY

    assert len(rebalance_bars(times, 0, Period.DRIFT)) == 0
