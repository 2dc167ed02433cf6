"""What lay beside imported bars is imported with them, and a later import replaces its own part."""

from pathlib import Path

import numpy as np
import pytest

from engine.config import DataConfig
from engine.errors import BacktestValidationError
from storage.market.catalog import list_universes, load_panel
from storage.market.local import import_bars, imported
from tests.storage.folders import events_of, folder_of, panel_of, weekdays

DAYS = [str(day) for day in weekdays(8)]
CLOSES = {"A": [20.0, 20, 10, 10, 10], "B": [10.0] * 5}
BESIDE = {
    "members": ("symbol,valid_from,valid_to,index", f"A,,{DAYS[3]},TWO", "B,,,TWO"),
    "instruments": ("code,market,lot_size", "A,NYSE,10", "B,NYSE,1"),
    "corporate_actions": ("code,ex_date,kind,value", f"A,{DAYS[2]},split,2"),
    "stock_info": ("code,as_of_date,per", f"A,{DAYS[1]},8", f"B,{DAYS[0]},9"),
}
LOCAL = {"source": "local"}


def local(**data: object):
    return load_panel(DataConfig.model_validate(LOCAL | data))


def test_an_imported_folder_makes_the_panel_that_the_folder_makes(tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "in", CLOSES, **BESIDE)

    import_bars([folder])

    imported_, direct = local(universe="TWO"), panel_of(folder, universe="TWO")
    assert imported_.content_hash() == direct.content_hash()
    assert list_universes(DataConfig.model_validate(LOCAL)) == ("all", "TWO")


def test_a_later_import_replaces_what_it_speaks_of_and_leaves_the_rest(tmp_path: Path) -> None:
    import_bars([folder_of(tmp_path / "one", CLOSES, **BESIDE)])
    later = {
        "members": ("index_name,code,valid_from,valid_to", "OTHER,C,,", f"TWO,B,{DAYS[2]},"),
        "stock_info": ("symbol,as_of_date,per,pbr", f"A,{DAYS[0]},5,1"),
    }

    import_bars([folder_of(tmp_path / "two", {"C": [5.0] * 5}, **later)])

    panel = local(universe="all")
    assert panel.symbols == ("A", "B", "C")
    np.testing.assert_array_equal(panel.fields["per"][:, 0], [5.0] * 5)
    np.testing.assert_array_equal(panel.fields["per"][:, 1], [9.0] * 5)
    assert np.isnan(panel.fields["pbr"][:, 1]).all()
    assert len(events_of(panel)) == 1
    assert local(universe="TWO").symbols == ("B",)
    assert local(universe="OTHER").symbols == ("C",)


def test_nothing_is_kept_of_a_folder_with_an_odd_table(tmp_path: Path) -> None:
    odd = {"stock_info": ("code,as_of_date,per", f"A,{DAYS[1]},cheap")}

    with pytest.raises(BacktestValidationError, match="'cheap' is not a number"):
        import_bars([folder_of(tmp_path / "in", CLOSES, **odd)])

    assert imported() == ()


def test_what_is_worked_into_the_prices_is_said_at_the_import(tmp_path: Path) -> None:
    import_bars([folder_of(tmp_path / "in", CLOSES)], adjustment="split")

    assert local().adjustment == "split"
    assert local(adjustment="raw").adjustment == "raw"


def test_prices_of_different_adjustment_do_not_share_a_panel(tmp_path: Path) -> None:
    import_bars([folder_of(tmp_path / "one", {"A": [1.0, 1]})], adjustment="split")
    import_bars([folder_of(tmp_path / "two", {"B": [1.0, 1]})])

    with pytest.raises(BacktestValidationError, match="adjusted differently: raw, split"):
        local()
