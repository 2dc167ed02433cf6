"""Impossible bars are refused or dropped, by symbol, row, date and value."""

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import BacktestValidationError
from engine.types import NS_PER_DAY
from engine.validate import CheckedBars, Defect, build_panel, check_bars, check_currencies
from tests.shared import shared_path

NAN = float("nan")
Row = tuple[float, float, float, float, float]

GOOD: Row = (10, 11, 9, 10, 100)
BAD: dict[Defect, Row] = {
    Defect.MISSING_PRICE: (10, 11, NAN, 10, 100),
    Defect.PRICE_NOT_POSITIVE: (10, 11, 0, 10, 100),
    Defect.HIGH_TOO_LOW: (10, 9.5, 9, 9.2, 100),
    Defect.LOW_TOO_HIGH: (10, 11, 9.5, 9, 100),
    Defect.BAD_VOLUME: (10, 11, 9, 10, -1),
}


def check(
    rows: list[Row], days: list[int] | None = None, on_bad_bars: Any = "drop", symbol: str = "A"
) -> CheckedBars:
    """Check bars that open on the given days after 2024-01-01 (one after the other by default)."""
    first = np.datetime64("2024-01-01", "D").astype(np.int64)
    numbers = np.arange(len(rows)) if days is None else np.array(days, np.int64)
    columns = np.array(rows, np.float64).reshape(-1, 5).T
    return check_bars(symbol, (first + numbers) * NS_PER_DAY, *columns, on_bad_bars=on_bad_bars)


def refusal(rows: list[Row], days: list[int] | None = None) -> BacktestValidationError:
    with pytest.raises(BacktestValidationError) as refused:
        check(rows, days, "refuse")
    return refused.value


def test_good_bars_come_out_as_they_went_in() -> None:
    bars = check([GOOD, (10, 12, 10, 12, 0)], on_bad_bars="refuse")

    assert bars.close.tolist() == [10, 12]
    assert bars.volume.tolist() == [100, 0]
    assert bars.notices == ()
    assert bars.defects == {}


@pytest.mark.parametrize("kind", BAD)
def test_each_kind_of_bad_bar_is_dropped_and_counted(kind: Defect) -> None:
    bars = check([GOOD, BAD[kind], GOOD, BAD[kind]])

    assert len(bars.time_ns) == 2
    assert bars.defects == {str(kind): 2}


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        (Defect.MISSING_PRICE, "A row 2 (2024-01-02): the low is missing"),
        (Defect.PRICE_NOT_POSITIVE, "A row 2 (2024-01-02): the low is 0, a price must be above 0"),
        (Defect.HIGH_TOO_LOW, "A row 2 (2024-01-02): the high 9.5 is below the open 10"),
        (Defect.LOW_TOO_HIGH, "A row 2 (2024-01-02): the low 9.5 is above the close 9"),
        (Defect.BAD_VOLUME, "A row 2 (2024-01-02): the volume is -1, it must be 0 or more"),
    ],
)
def test_a_refusal_names_symbol_row_date_and_value(kind: Defect, words: str) -> None:
    assert str(refusal([GOOD, BAD[kind]])).startswith(words)


def test_a_refusal_has_one_problem_per_kind_with_its_count_and_rows() -> None:
    problems = refusal([BAD[Defect.HIGH_TOO_LOW], *[BAD[Defect.MISSING_PRICE]] * 8]).problems

    assert [problem.field for problem in problems] == [
        "A row 2 (2024-01-02)",
        "A row 1 (2024-01-01)",
    ]
    assert "8 bars have a missing price (also rows 3, 4, 5, 6, 7, …)" in problems[0].message
    assert 'set data.on_bad_bars to "drop"' in problems[0].hint


def test_a_duplicate_is_told_with_the_row_it_repeats() -> None:
    problem = refusal([GOOD, GOOD, GOOD], [2, 1, 2]).problems[0]

    assert problem.field == "A row 3 (2024-01-03)"
    assert problem.message == "the time is already that of row 1"


def test_of_bars_at_the_same_time_the_first_good_one_is_kept() -> None:
    later: Row = (20, 21, 19, 20, 100)

    first = check([GOOD, later], [1, 1])
    first_good = check([BAD[Defect.MISSING_PRICE], later, GOOD], [1, 1, 1])

    assert first.close.tolist() == [10]
    assert first.defects == {"duplicate": 1}
    assert first_good.close.tolist() == [20]
    assert first_good.defects == {"missing_price": 1, "duplicate": 1}


def test_a_bar_without_a_time_is_a_defect() -> None:
    no_time = np.array(["2024-01-01", "NaT"], "datetime64[ns]").astype(np.int64)

    with pytest.raises(BacktestValidationError, match="A row 2: the time is missing"):
        check_bars("A", no_time, *([[1.0, 1.0]] * 4), None)


def test_infinite_prices_and_volumes_are_defects() -> None:
    bars = check([GOOD, (10, float("inf"), 9, 10, 100), (10, 11, 9, 10, float("inf"))])

    assert bars.defects == {"missing_price": 1, "bad_volume": 1}


def test_a_blank_volume_stays_unknown_and_is_no_defect() -> None:
    blank = check([(10, 11, 9, 10, NAN), (10, 11, 9, 10, 0)], on_bad_bars="refuse").volume

    np.testing.assert_array_equal(blank, [NAN, 0])
    assert check_bars("A", [0], [1.0], [1.0], [1.0], [1.0], None).volume.tolist() == [0]


def test_no_bars_and_no_good_bars_are_refused() -> None:
    with pytest.raises(BacktestValidationError, match="A: has no bars"):
        check([])
    with pytest.raises(BacktestValidationError, match="A: has no good bar: 2 with a missing price"):
        check([BAD[Defect.MISSING_PRICE]] * 2)


@settings(deadline=None)
@given(st.permutations([(day, (10.0 + day, 20.0, 1.0, 10.0, day)) for day in range(6)]))
def test_the_order_of_the_bars_does_not_matter_and_sorting_is_noticed(
    shuffled: list[tuple[int, Row]],
) -> None:
    days = [day for day, _ in shuffled]

    bars = check([row for _, row in shuffled], days)

    assert bars.open.tolist() == [10, 11, 12, 13, 14, 15]
    assert (bars.notices != ()) == (days != sorted(days))
    assert all("A: " in notice and "sorted" in notice for notice in bars.notices)


def test_sorting_keeps_the_first_of_many_bars_at_the_same_time() -> None:
    days = [day for day in range(40, 0, -1) for _ in range(3)]
    rows: list[Row] = [(10 + n % 3, 20, 1, 10, 0) for n in range(120)]

    bars = check(rows, days)

    assert bars.open.tolist() == [10] * 40


@settings(deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 4), st.sampled_from([GOOD, *BAD.values()])),
        min_size=1,
        max_size=12,
    )
)
def test_every_bar_is_kept_or_counted_once_and_what_is_kept_is_flawless(
    drawn: list[tuple[int, Row]],
) -> None:
    days = [0, *(day for day, _ in drawn)]

    bars = check([GOOD, *(row for _, row in drawn)], days)

    assert len(bars.time_ns) + sum(bars.defects.values()) == len(days)
    assert (np.diff(bars.time_ns) > 0).all()
    assert set(zip(bars.open, bars.high, bars.low, bars.close, bars.volume, strict=True)) == {GOOD}


@pytest.mark.needs_shared
@pytest.mark.parametrize(
    "case_id", ["unsorted_bars", "bad_bars_drop_identical_duplicate", "bad_bars_refuse"]
)
def test_the_published_cases_hold(case_id: str) -> None:
    cases = json.loads(shared_path("published", "semantics_cases.json").read_text())["cases"]
    case = next(case for case in cases if case["id"] == case_id)
    rows = case["bars"]["A"]
    times = np.array([row[0] for row in rows], "datetime64[ns]").astype(np.int64)
    columns = np.array([row[1:] for row in rows], np.float64).T

    bars = check_bars("A", times, *columns, on_bad_bars="drop")

    assert sum(bars.defects.values()) == case["expect"].get("defects", 0)
    assert bool(bars.notices) == ("notices" in case["expect"])


def test_a_panel_has_the_union_of_the_times_and_the_symbols_in_bytewise_order() -> None:
    late = check([GOOD, GOOD], [1, 2], symbol="b")
    early = check([(20, 21, 19, 20, 5)] * 2, [0, 2], symbol="Z")

    panel = build_panel({"b": late, "Z": early}, timeframe="1d", currency="EUR")

    assert panel.symbols == ("Z", "b")
    assert panel.n_bars == 3
    np.testing.assert_array_equal(panel.close, [[20, NAN], [NAN, 10], [20, 10]])
    np.testing.assert_array_equal(panel.volume, [[5, NAN], [NAN, 100], [5, 100]])
    assert panel.currency == "EUR"


def test_a_panel_is_the_same_whatever_the_order_of_its_symbols() -> None:
    series = {
        name: check([GOOD, GOOD], days, symbol=name)
        for name, days in [("A", [0, 1]), ("B", [1, 3])]
    }

    panel = build_panel(series)
    reversed_panel = build_panel(dict(reversed(series.items())))

    assert panel.content_hash() == reversed_panel.content_hash()


def test_a_panel_carries_what_was_noticed_and_dropped() -> None:
    series = {
        "A": check([GOOD, GOOD], [1, 0]),
        "B": check([GOOD, BAD[Defect.BAD_VOLUME], GOOD], [0, 1, 1], symbol="B"),
        "C": check([GOOD, BAD[Defect.BAD_VOLUME]], symbol="C"),
    }

    panel = build_panel(series, notices=("from a test",), defects={"bad_volume": 1, "text": 1})

    assert panel.defects == {"bad_volume": 3, "text": 1}
    assert panel.notices == (*series["A"].notices, "from a test")


def test_a_panel_shares_no_memory_with_the_bars_it_was_built_from() -> None:
    bars = check([GOOD, GOOD])

    panel = build_panel({"A": bars})
    bars.close[0] = 99

    assert panel.close[0, 0] == 10


def test_a_panel_of_nothing_is_refused() -> None:
    with pytest.raises(BacktestValidationError, match="no symbol with bars"):
        build_panel({})


def test_symbols_of_another_currency_are_refused_by_name() -> None:
    with pytest.raises(BacktestValidationError) as refused:
        check_currencies({"SAP": "EUR", "AAPL": "USD", "BMW": "EUR", "7203": "JPY"}, "USD")

    assert [problem.message for problem in refused.value.problems] == [
        "7203 trades in JPY, the account is in USD",
        "BMW, SAP trade in EUR, the account is in USD",
    ]


def test_one_currency_is_accepted() -> None:
    check_currencies({"AAPL": "USD", "MSFT": "USD"}, "USD")
