"""Numbers look the same everywhere: separators, decimals by kind, a true minus, a dash for nothing."""

import datetime as dt
import math
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from desktop import fmt


@pytest.mark.parametrize(
    ("value", "decimals", "shown"),
    [
        (1234.5, 2, "1,234.50"),
        (-0.07, 2, "−0.07"),
        (-0.001, 2, "0.00"),
        (2.675, 2, "2.68"),
        (0.125, 2, "0.12"),
        (1_000_000, 0, "1,000,000"),
        (Decimal("12345678901234.5678"), 4, "12,345,678,901,234.5678"),
        (np.float64(3.14159), 2, "3.14"),
        (1e300, 0, "1" + ",000" * 100),
    ],
)
def test_a_number_has_separators_fixed_decimals_and_a_true_minus(value, decimals, shown):
    assert fmt.number(value, decimals) == shown


@pytest.mark.parametrize("value", [None, math.nan, math.inf, -math.inf, Decimal("NaN")])
def test_what_is_undefined_is_a_dash_in_every_kind(value):
    shown = {
        fmt.by_kind(value, kind) for kind in ("money", "percent", "ratio", "count", "days", "bars")
    }

    assert shown == {"–"}


def test_a_sign_is_put_before_gains_on_request_but_never_before_nothing():
    shown = [fmt.number(value, 2, sign=True) for value in (1.5, -1.5, 0.0, 0.004)]

    assert shown == ["+1.50", "−1.50", "0.00", "0.00"]


def test_kinds_have_their_own_decimals_and_units():
    shown = [
        fmt.by_kind(1234.5, "money", "USD"),
        fmt.by_kind(0.12345, "percent"),
        fmt.by_kind(1.234, "ratio"),
        fmt.by_kind(1234, "count"),
        fmt.by_kind(3.5, "days"),
        fmt.by_kind(12.0, "days"),
        fmt.by_kind("2013-05-17", "date"),
    ]

    assert shown == ["1,234.50 USD", "12.34 %", "1.23", "1,234", "3.5 d", "12 d", "2013-05-17"]


def test_prices_follow_their_tick_and_quantities_drop_trailing_zeros():
    shown = [
        fmt.price(1.5),
        fmt.price(1.23456, 0.00001),
        fmt.price(52000, 50),
        fmt.quantity(100.0),
        fmt.quantity(0.12345678),
        fmt.quantity(1500.5),
    ]

    assert shown == ["1.50", "1.23456", "52,000.00", "100", "0.12345678", "1,500.5"]


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (0.0, "0 ms"),
        (0.85, "850 ms"),
        (3.21, "3.2 s"),
        (59.96, "1 min 00 s"),
        (125, "2 min 05 s"),
        (3780, "1 h 03 min"),
        (None, "–"),
    ],
)
def test_spans_of_time_use_the_unit_that_fits(seconds, shown):
    assert fmt.duration(seconds) == shown


def test_an_instant_is_shown_in_utc_and_a_daily_bar_by_its_day():
    korean = dt.datetime(2024, 3, 1, 9, 30, tzinfo=dt.timezone(dt.timedelta(hours=9)))

    assert fmt.instant(korean) == "2024-03-01 00:30"
    assert fmt.instant(1_709_251_200_000_000_000) == "2024-03-01"
    assert fmt.date(1_709_251_200_000_000_000) == "2024-03-01"
    assert fmt.iso_instant(1_709_251_200_000_000_000) == "2024-03-01T00:00:00Z"
    assert fmt.iso_instant(None) == ""


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_formatted_number_reads_back_as_the_rounded_number(value):
    text = fmt.number(value, 2).replace(",", "").replace("−", "-")

    assert abs(Decimal(text) - Decimal(repr(value))) <= Decimal("0.005")
