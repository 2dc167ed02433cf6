"""A universe is what it was on each day: members that left, companies that vanished, codes used twice."""

from pathlib import Path

import numpy as np
import pytest

from engine.config import parse_config
from engine.errors import BacktestNotFoundError, BacktestValidationError
from engine.result import BacktestResult
from engine.simulate import run_backtest
from engine.strategies import registry
from engine.types import EventKind
from storage.market.catalog import list_benchmarks, list_universes, load_panel
from tests.storage.folders import events_of, folder_of, panel_of, weekdays

DAYS = [str(day) for day in weekdays(12)]
MEMBERS = (
    "index_name,code,valid_from,valid_to",
    "BIG,A,,",
    f"BIG,B,{DAYS[2]},{DAYS[4]}",
    f"BIG,C,{DAYS[4]},",
    f"SMALL,D,{DAYS[0]},",
)
FLAT = {name: [10.0] * 6 for name in "ABCD"}


def held(folder: Path, **more: object) -> BacktestResult:
    """Hold all members in equal parts from the first close on, without costs."""
    config = parse_config(
        {
            "strategy": {"name": "equal_weight"},
            "data": {"source": str(folder), **more},
            "account": {"initial_capital": 1000},
            "costs": {"commission_pct": 0, "slippage_bps": 0},
            "execution": {"fractional": True},
            "rebalance": {"period": "yearly", "immediately": True},
        }
    )
    panel = load_panel(config.data)
    strategy = registry.get("equal_weight").make({})
    return run_backtest(config, panel, strategy, clock=lambda: 0.0)


def test_members_are_those_of_the_day_from_the_first_on_and_until_before_the_last(
    tmp_path: Path,
) -> None:
    panel = panel_of(folder_of(tmp_path, FLAT, members=MEMBERS), universe="BIG")

    assert panel.symbols == ("A", "B", "C")
    assert panel.members is not None
    inside = {s: np.flatnonzero(panel.members[:, i]).tolist() for i, s in enumerate(panel.symbols)}
    assert inside == {"A": [0, 1, 2, 3, 4, 5], "B": [2, 3], "C": [4, 5]}
    assert panel.membership_known


def test_who_was_no_member_in_the_range_is_not_loaded(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, FLAT, members=MEMBERS)

    before = panel_of(folder, universe="BIG", end=DAYS[1])
    after = panel_of(folder, universe="BIG", start=DAYS[4])

    assert before.symbols == ("A",)
    assert after.symbols == ("A", "C")


def test_indexes_are_universes_and_benchmarks_of_their_folder(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, FLAT, members=MEMBERS)
    data = parse_config({"strategy": {"name": "x"}, "data": {"source": str(folder)}}).data

    assert list_universes(data) == ("all", "BIG", "SMALL")
    assert list_benchmarks(data)[:2] == ("BIG", "SMALL")
    with pytest.raises(BacktestNotFoundError, match="no universe 'BIGG'") as caught:
        panel_of(folder, universe="BIGG")
    assert "BIG" in caught.value.hint


def test_members_without_bars_are_a_warning_and_the_universe_is_not_known_whole(
    tmp_path: Path,
) -> None:
    members = (*MEMBERS, "BIG,GONE,,")

    result = held(folder_of(tmp_path, FLAT, members=members), universe="BIG")

    assert "survivorship" in result.marks
    (warning,) = [text for text in result.warnings if "Survivorship" in text]
    assert "1 members of BIG have no bars in this source (GONE)" in warning


def test_an_unknown_universe_is_warned_of_and_a_known_one_is_not(tmp_path: Path) -> None:
    known = held(folder_of(tmp_path / "a", FLAT, members=MEMBERS), universe="BIG")
    unknown = held(folder_of(tmp_path / "b", FLAT))

    assert "survivorship" not in known.marks
    assert "survivorship" in unknown.marks
    assert any("Survivorship" in text for text in unknown.warnings)


def test_the_corrected_run_loses_what_the_biased_one_does_not_see(tmp_path: Path) -> None:
    closes = {"LIVES": [10, 10, 11, 12, 13], "DIES": [10, 10, 8, None, None]}
    instruments = (
        "code,listed_on,delisted_on,delisting_return",
        "LIVES,2020-01-01,,",
        f"DIES,2020-01-01,{DAYS[2]},-0.5",
    )
    folder = folder_of(tmp_path, closes, instruments=instruments)

    biased = held(folder, symbols=["LIVES"])
    corrected = held(folder, universe="all")

    # bought at the second open for 500 each: 50 shares; those that die pay 8 x (1 - 0.5) = 4
    assert biased.curve.equity[-1] == pytest.approx(1000 / 10 * 13)
    assert corrected.curve.equity[-1] == pytest.approx(50 * 13 + 50 * 4)
    assert corrected.curve.equity[-1] < biased.curve.equity[-1]
    assert "survivorship" not in corrected.marks


def test_a_delisting_is_on_the_next_bar_of_the_axis_or_after_its_end(tmp_path: Path) -> None:
    closes = {"A": [10, 10, 10, 10, None], "B": [10, 10, None, None, 10], "C": [10.0] * 5}
    rows = (
        "code,delisted_on,delisting_return",
        f"A,{DAYS[3]},",
        f"B,{DAYS[3]},0.1",  # halted two days before it left; what came later is not its own
        f"C,{DAYS[4]},",
    )

    panel = panel_of(folder_of(tmp_path, closes, instruments=rows))

    delisting = int(EventKind.DELISTING)
    assert events_of(panel) == [
        (DAYS[3], "B", delisting, 0.1),
        (DAYS[4], "A", delisting, 0.0),
        ("after", "C", delisting, 0.0),
    ]
    assert any("B: 1 bars before its listing or after" in text for text in panel.notices)


def test_a_company_that_leaves_after_the_range_is_still_there(tmp_path: Path) -> None:
    rows = ("code,delisted_on", f"A,{DAYS[4]}")
    folder = folder_of(tmp_path, {"A": [10.0] * 5, "B": [10.0] * 5}, instruments=rows)

    assert events_of(panel_of(folder, end=DAYS[3])) == []


def test_a_series_that_merely_ends_is_stale_and_nothing_closes_it(tmp_path: Path) -> None:
    result = held(folder_of(tmp_path, {"A": [10, 10, 10, None], "B": [10.0] * 4}))

    assert [p.symbol for p in result.open_positions if p.stale] == ["A"]
    assert any(text.startswith("Stale") for text in result.warnings)


def test_a_code_that_two_companies_used_is_two_symbols(tmp_path: Path) -> None:
    closes = {"AAL": [10, 11, 12, None, 50, 51], "B": [10.0] * 6}
    instruments = (
        "code,name,listed_on,delisted_on",
        f"AAL,American Airlines,{DAYS[4]},",
        f"AAL,Alexander & Alexander,2000-01-03,{DAYS[2]}",
        "B,Other,2000-01-03,",
    )
    members = ("code,valid_from,valid_to", f"AAL,,{DAYS[2]}", f"AAL,{DAYS[5]},", "B,,")
    folder = folder_of(tmp_path, closes, instruments=instruments, members=members)

    panel = panel_of(folder, universe="members")

    assert panel.symbols == ("AAL", "AAL~2024", "B")
    assert panel.members is not None
    np.testing.assert_array_equal(panel.close[:, 0], [np.nan] * 4 + [50, 51])
    np.testing.assert_array_equal(panel.close[:, 1], [10, 11, 12] + [np.nan] * 3)
    assert panel.members[:, 0].tolist() == [False] * 5 + [True]
    assert panel.members[:, 1].tolist() == [True] * 2 + [False] * 4
    assert events_of(panel) == [(DAYS[3], "AAL~2024", int(EventKind.DELISTING), 0.0)]
    assert panel_of(folder, symbols=["AAL~2024"]).n_bars == 3


def test_a_basket_changes_with_its_members_on_their_date_alone(tmp_path: Path) -> None:
    closes = {"A": [10, 11, 11, 11, 11, 11], "B": [10, 10, 10, 20, 10, 10], "C": [10.0] * 5 + [20]}
    folder = folder_of(tmp_path, closes | {"D": [10.0] * 6}, members=MEMBERS)

    panel = panel_of(folder, universe="BIG", benchmark="BIG")

    assert panel.benchmark is not None
    # A alone rises by 10 %; B doubles while it is one of two, halves likewise; C doubles as one of two
    expected = 100 * np.cumprod([1, 1.1, 1.0, 1.5, 0.75, 1.5])
    np.testing.assert_allclose(panel.benchmark.values, expected)


def test_lots_ticks_and_multipliers_come_from_the_companies(tmp_path: Path) -> None:
    rows = ("code,lot_size,tick_size,multiplier", "A,100,0.05,", "B,,0.01,50")

    panel = panel_of(folder_of(tmp_path, {"A": [10.0, 10], "B": [10.0, 10]}, instruments=rows))

    assert panel.lot_size is not None
    assert panel.lot_size.tolist() == [100, 1]
    assert panel.tick_size is not None
    assert panel.tick_size.tolist() == [0.05, 0.01]
    assert panel.multiplier is not None
    assert panel.multiplier.tolist() == [1, 50]


def test_a_company_in_another_currency_is_refused(tmp_path: Path) -> None:
    rows = ("code,currency", "A,USD", "B,KRW")
    folder = folder_of(tmp_path, {"A": [10.0, 10], "B": [10.0, 10]}, instruments=rows)
    data = parse_config({"strategy": {"name": "x"}, "data": {"source": str(folder)}}).data

    with pytest.raises(BacktestValidationError, match="B trades in KRW"):
        load_panel(data, account_currency="USD")


@pytest.mark.parametrize(
    ("name", "rows", "said"),
    [
        ("members", ("symbol,valid_from", "A,soon"), "'soon' is not a date"),
        ("members", ("code,valid_from,valid_to", f"A,{DAYS[1]},{DAYS[0]}"), "leaves before"),
        ("members", ("name,valid_from", f"A,{DAYS[1]}"), "there is no column 'code'"),
        ("instruments", ("code,delisting_return", "A,-1.5"), "loses more than all"),
        ("instruments", ("code,lot_size", "A,0"), "lot_size of A is not above 0"),
        ("instruments", ("code,listed_on,delisted_on", f"A,{DAYS[1]},{DAYS[0]}"), "before it is"),
        ("corporate_actions", ("code,ex_date,kind,value", f"A,{DAYS[1]},merger,1"), "'merger'"),
        ("corporate_actions", ("code,ex_date,kind,value", f"A,{DAYS[1]},split,0"), "split of 0"),
        ("stock_info", ("code,as_of_date,per", f"A,{DAYS[1]},cheap"), "'cheap' is not a number"),
    ],
)
def test_a_file_beside_the_bars_that_is_odd_is_refused_by_name(
    tmp_path: Path, name: str, rows: tuple[str, ...], said: str
) -> None:
    folder = folder_of(tmp_path, {"A": [10.0, 10]}, **{name: rows})

    with pytest.raises(BacktestValidationError) as caught:
        panel_of(folder)

    assert said in caught.value.message
    assert f"{name}.csv" in caught.value.field
