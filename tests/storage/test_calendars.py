"""Periods end with the last sessions of the exchange: twenty years of two exchanges against their library."""

import warnings

import exchange_calendars
import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from engine.schedule import rebalance_bars
from engine.types import NS_PER_DAY, NS_PER_SECOND
from storage import calendars
from storage.paths import cache_dir

PERIODS = {"weekly": "W-SUN", "monthly": "M", "quarterly": "Q", "yearly": "Y"}
FIRST, LAST = "2004-01-01", "2024-12-31"


def ns(text: str) -> int:
    return int(np.datetime64(text, "ns").astype(np.int64))


def sessions(name: str, first: str = FIRST, last: str = "2026-06-30") -> NDArray[np.int64]:
    return calendars.sessions(name, ns(first), ns(last))


def dates(times: NDArray[np.int64]) -> list[str]:
    return times.astype("datetime64[ns]").astype("datetime64[D]").astype(str).tolist()


def last_sessions(name: str, frequency: str) -> list[str]:
    """Return the last session of each period, from the library and pandas alone."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        calendar = exchange_calendars.get_calendar(name, start="2003-12-01", end="2025-03-31")
        found = calendar.sessions_in_range(FIRST, "2025-01-31").to_series()
    lasts = found.groupby(found.index.to_period(frequency)).max()
    return [str(day.date()) for day in lasts if day <= pd.Timestamp(LAST)]


@pytest.mark.parametrize("name", ["XKRX", "XNYS"])
@pytest.mark.parametrize("period", PERIODS)
def test_twenty_years_of_periods_end_with_the_last_session_of_the_exchange(
    name: str, period: str
) -> None:
    known = sessions(name)
    bars = known[known <= ns(LAST)]

    decided = rebalance_bars(bars, 0, period, known)

    expected = last_sessions(name, PERIODS[period])
    assert dates(bars[decided]) == expected
    assert len(expected) > 20


@pytest.mark.parametrize("name", ["XKRX", "XNYS"])
def test_every_session_is_one_of_the_library_and_none_is_left_out(name: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        calendar = exchange_calendars.get_calendar(name, start="2003-12-01", end="2025-03-31")
    theirs = calendar.sessions_in_range(FIRST, LAST)

    assert dates(sessions(name, FIRST, LAST)) == [str(day.date()) for day in theirs]


def test_the_week_of_a_lunar_new_year_ends_before_it() -> None:
    known = sessions("XKRX")
    bars = known[(known >= ns("2024-01-29")) & (known <= ns("2024-02-23"))]

    decided = dates(bars[rebalance_bars(bars, 0, "weekly", known)])

    assert decided == ["2024-02-02", "2024-02-08", "2024-02-16", "2024-02-23"]
    assert not {"2024-02-09", "2024-02-12"} & set(dates(bars))


def test_a_month_whose_last_day_is_a_holiday_ends_before_it() -> None:
    known = sessions("XNYS")
    bars = known[(known >= ns("2024-03-01")) & (known <= ns("2024-04-02"))]

    assert dates(bars[rebalance_bars(bars, 0, "monthly", known)]) == ["2024-03-28"]


def test_sessions_past_the_last_bar_say_whether_the_last_period_has_ended() -> None:
    known = sessions("XKRX")
    december = known[(known >= ns("2023-12-01")) & (known <= ns("2023-12-28"))]

    ended = rebalance_bars(december, 0, "monthly", known)
    not_ended = rebalance_bars(december[:-1], 0, "monthly", known)

    assert dates(december[ended]) == ["2023-12-28"]  # 29 December is closed in Seoul
    assert not_ended.tolist() == []


def test_a_half_day_closes_early_and_its_last_bar_decides() -> None:
    hours = calendars.hours("XNYS", ns("2023-11-20"), ns("2023-11-30"))
    half = hours.sessions[hours.is_half]
    at = int(np.flatnonzero(hours.is_half)[0])
    minutes = 30 * 60 * NS_PER_SECOND
    bars = np.concatenate(
        [np.arange(o, c, minutes) for o, c in zip(hours.opens, hours.closes, strict=True)]
    )

    decided = bars[rebalance_bars(bars, 0, "weekly", sessions("XNYS"))]

    assert dates(half) == ["2023-11-24"]
    assert hours.closes[at] - hours.opens[at] == 3.5 * 3600 * NS_PER_SECOND
    assert decided.tolist() == [hours.closes[at] - minutes]


def test_what_was_computed_once_is_kept_and_what_is_damaged_is_computed_again() -> None:
    calendars._all_sessions.cache_clear()
    first = calendars.sessions("XHKG", ns("2020-01-01"), ns("2020-12-31"))
    (kept,) = cache_dir().glob("sessions-XHKG-*.npy")
    kept.write_bytes(b"nonsense")
    calendars._all_sessions.cache_clear()

    again = calendars.sessions("XHKG", ns("2020-01-01"), ns("2020-12-31"))

    np.testing.assert_array_equal(again, first)
    assert len(np.load(kept)) > 10_000


def test_a_calendar_that_begins_late_begins_where_it_can() -> None:
    first = calendars.first_session("XTKS")

    assert dates(np.array([first])) == ["1997-01-06"]
    assert first % NS_PER_DAY == 0
