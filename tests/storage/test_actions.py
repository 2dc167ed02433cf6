"""Splits, dividends and fields reach the panel by their dates, and by what is in the prices already."""

from pathlib import Path

import numpy as np
import pytest

from engine.config import DataConfig
from engine.types import EventKind
from storage.market.catalog import load_panel
from tests.storage.folders import events_of, folder_of, panel_of, weekdays

DAYS = [str(day) for day in weekdays(8)]
SPLIT, DIVIDEND = int(EventKind.SPLIT), int(EventKind.DIVIDEND)
ACTIONS = (
    "symbol,ex_date,kind,value",
    f"A,{DAYS[1]},dividend,1",
    f"A,{DAYS[2]},Split,2",
    f"A,{DAYS[3]},dividend,0.5",
    f"A,{DAYS[0]},split,3",  # on the first bar: in its price already
    "A,2030-01-01,split,5",  # after the last: moves nothing
)
RAW = {"A": [20.0, 20, 10, 10]}
ADJUSTED = {"A": [10.0, 10, 10, 10]}


def test_raw_prices_get_splits_and_dividends_as_they_were_paid(tmp_path: Path) -> None:
    panel = panel_of(folder_of(tmp_path, RAW, corporate_actions=ACTIONS))

    assert events_of(panel) == [
        (DAYS[1], "A", DIVIDEND, 1.0),
        (DAYS[2], "A", SPLIT, 2.0),
        (DAYS[3], "A", DIVIDEND, 0.5),
    ]
    assert panel.has_dividends


def test_prices_adjusted_for_splits_get_dividends_in_todays_shares(tmp_path: Path) -> None:
    actions = [row for row in ACTIONS if "2030" not in row]

    panel = panel_of(folder_of(tmp_path, ADJUSTED, corporate_actions=actions), adjustment="split")

    assert events_of(panel) == [(DAYS[1], "A", DIVIDEND, 0.5), (DAYS[3], "A", DIVIDEND, 0.5)]
    assert panel.adjustment == "split"


def test_prices_adjusted_for_everything_get_nothing(tmp_path: Path) -> None:
    panel = panel_of(folder_of(tmp_path, ADJUSTED, corporate_actions=ACTIONS), adjustment="total")

    assert events_of(panel) == []


def test_a_split_without_a_jump_is_told(tmp_path: Path) -> None:
    adjusted = panel_of(folder_of(tmp_path / "a", ADJUSTED, corporate_actions=ACTIONS))
    raw = panel_of(folder_of(tmp_path / "b", RAW, corporate_actions=ACTIONS))
    declared = panel_of(tmp_path / "a", adjustment="split")

    (told,) = adjusted.warnings
    assert f"A: a split of 2 on {DAYS[2]} moved the close by +0.0 %" in told
    assert 'data.adjustment to "split"' in told
    assert raw.warnings == declared.warnings == ()


def test_without_a_file_of_actions_dividends_are_not_known(tmp_path: Path) -> None:
    assert not panel_of(folder_of(tmp_path, RAW)).has_dividends


def test_a_field_is_the_last_that_was_published_and_never_a_later_one(tmp_path: Path) -> None:
    saturday = "2024-01-13"
    rows = (
        "code,as_of_date,market_cap,per",
        f"A,{DAYS[1]},100,",
        f"A,{saturday},300,8",
        f"A,{DAYS[6]},400,9",
        "A,2023-01-01,50,",
        f"B,{DAYS[0]},1,1",
    )
    folder = folder_of(tmp_path, {"A": [10.0] * 8, "B": [10.0] * 8}, stock_info=rows)

    panel = panel_of(folder)

    assert sorted(panel.fields) == ["market_cap", "per"]
    cap, per = panel.fields["market_cap"][:, 0], panel.fields["per"][:, 0]
    assert cap.tolist() == [50, 100, 100, 100, 100, 300, 400, 400]
    np.testing.assert_array_equal(per, [np.nan] * 5 + [8, 9, 9])


def test_only_the_fields_that_are_wanted_are_read(tmp_path: Path) -> None:
    rows = ("code,as_of_date,market_cap,per", f"A,{DAYS[0]},1,2")
    folder = folder_of(tmp_path, {"A": [10.0] * 2}, stock_info=rows)
    data = DataConfig.model_validate({"source": str(folder)})

    assert sorted(load_panel(data, fields={"per", "pbr"}).fields) == ["per"]
    assert load_panel(data, fields=()).fields == {}


def test_a_field_of_a_code_used_twice_is_that_of_its_company(tmp_path: Path) -> None:
    instruments = ("code,listed_on,delisted_on", f"A,,{DAYS[1]}", f"A,{DAYS[3]},")
    rows = ("code,as_of_date,per", f"A,{DAYS[0]},5", f"A,{DAYS[4]},7")
    folder = folder_of(tmp_path, {"A": [10.0] * 6}, instruments=instruments, stock_info=rows)

    panel = panel_of(folder)

    per = panel.fields["per"]
    assert panel.symbols == ("A", "A~2024")
    np.testing.assert_array_equal(per[:, 0], [np.nan] * 3 + [7, 7])
    assert per[0, 1] == pytest.approx(5)


@pytest.mark.parametrize(
    ("rows", "calendar"),
    [
        (("code,market", "A,KOSDAQ"), "XKRX"),
        (("code,market", "A,Nasdaq"), "XNYS"),
        (("code,market,calendar", "A,KOSDAQ,XTKS"), "XTKS"),
        (("code,market", "A,the moon"), None),
    ],
)
def test_the_calendar_of_a_known_market_is_recognised(
    tmp_path: Path, rows: tuple[str, ...], calendar: str | None
) -> None:
    folder = folder_of(tmp_path, {"A": [10.0] * 6}, instruments=rows)

    found = panel_of(folder).sessions

    named = panel_of(folder, calendar=calendar or "none").sessions
    assert (found is None) == (calendar is None)
    np.testing.assert_array_equal(found, named)


def test_symbols_of_different_calendars_have_none_and_say_so(tmp_path: Path) -> None:
    rows = ("code,calendar", "A,XKRX", "B,XNYS")
    panel = panel_of(folder_of(tmp_path, {"A": [10.0] * 2, "B": [10.0] * 2}, instruments=rows))

    assert panel.sessions is None
    assert any("different calendars (XKRX, XNYS)" in text for text in panel.notices)


def test_bars_on_days_without_a_session_are_told(tmp_path: Path) -> None:
    panel = panel_of(folder_of(tmp_path, {"A": [10.0] * 8}), calendar="XNYS")

    assert any(
        "XNYS has no session on 2024-01-15, yet there are bars" in text for text in panel.notices
    )
