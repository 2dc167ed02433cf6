"""Prices come in whole or not at all, and are there for the next run."""

import stat
from pathlib import Path

import pytest

from desktop.service import kernel_cache
from storage.runs import RunStore
from tests.desktop.builders import HEADER, bar_lines, bars_file, config_file, tradebench


def test_imported_bars_are_listed_and_can_be_run(tmp_path, capsys):
    file = bars_file(tmp_path)

    done = tradebench(capsys, "data", "import", file, "--json").payload
    listed = tradebench(capsys, "data", "list", "--json").payload
    file.unlink()
    run = tradebench(capsys, "run", config_file(tmp_path, "local"), "--json").payload

    assert [(item["symbol"], item["bars"]) for item in done["items"]] == [("AAA", 260)]
    sources = {item["source"]: item for item in listed["items"]}
    assert set(sources) == {"demo", "local"}
    assert [s["symbol"] for s in sources["local"]["symbols"]] == ["AAA"]
    assert "EQUAL5" in sources["demo"]["benchmarks"]
    assert run["status"] == "completed"


def test_importing_again_replaces_and_says_so(tmp_path, capsys):
    file = bars_file(tmp_path)
    tradebench(capsys, "data", "import", file)

    again = tradebench(capsys, "data", "import", file)

    assert again.code == 0
    assert "1 replaced" in again.out


def test_odd_column_names_are_mapped(tmp_path, capsys):
    file = bars_file(tmp_path, header=HEADER.replace("close", "px_last"))

    refused = tradebench(capsys, "data", "import", file)
    done = tradebench(capsys, "data", "import", file, "--column", "close=px_last", "--json")

    assert refused.code == 2
    assert "close" in refused.err
    assert done.payload["total"] == 1


def test_one_bad_bar_keeps_everything_out_unless_it_may_be_dropped(tmp_path, capsys):
    bad = [*bar_lines(), "2021-12-31,AAA,5,4,3,5,1"]
    file = bars_file(tmp_path, bad)

    refused = tradebench(capsys, "data", "import", file)
    listed = tradebench(capsys, "data", "list", "--json").payload
    done = tradebench(capsys, "data", "import", file, "--on-bad-bars", "drop", "--json").payload

    assert refused.code == 2
    assert listed["items"][1]["symbols"] == []
    assert sum(done["items"][0]["defects"].values()) == 1


@pytest.mark.parametrize("option", ["close", "=x", "close="])
def test_a_column_that_is_no_pair_is_refused(tmp_path, capsys, option):
    outcome = tradebench(capsys, "data", "import", bars_file(tmp_path), "--column", option)

    assert outcome.code == 2
    assert "--column" in outcome.err


def test_a_path_that_is_not_there_is_not_found(tmp_path, capsys):
    assert tradebench(capsys, "data", "import", tmp_path / "no.csv").code == 3


def test_compiled_kernels_are_kept_in_a_private_folder(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv(kernel_cache.VARIABLE, raising=False)

    folder = kernel_cache.prepare()

    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert kernel_cache.prepare() == folder
    assert not kernel_cache.is_filled(folder)


def test_a_folder_that_others_can_write_to_is_not_used(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv(kernel_cache.VARIABLE, raising=False)
    planted = kernel_cache.prepare()
    planted.chmod(0o777)
    monkeypatch.delenv(kernel_cache.VARIABLE)

    folder = kernel_cache.prepare()

    assert folder != planted
    assert kernel_cache.is_private(folder)
    Path(folder).rmdir()


def test_an_order_fills_on_a_bar_whose_volume_is_blank_and_waits_where_it_is_zero(tmp_path, capsys):
    def first_fill(volume: str) -> str:
        lines = bar_lines()
        lines[1] = lines[1].rsplit(",", 1)[0] + f",{volume}"
        bars_file(tmp_path, lines)
        config = config_file(tmp_path, strategy={"name": "buy_and_hold", "params": {}})
        run = tradebench(capsys, "run", config, "--json").payload
        with RunStore.open() as store:
            return str(store.fills(run["run_id"])["bar"][0])

    assert [first_fill(volume) for volume in ("1000", "", "0")] == ["1", "1", "2"]
