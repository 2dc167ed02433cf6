"""``show --by`` and ``--drawdowns``: on paper and as data."""

import math
from pathlib import Path

import pytest

from desktop.cli.show import Grouping
from desktop.service.performance import GROUPINGS
from tests.desktop.builders import Outcome, bars_file, config_file, squeezed, tradebench


@pytest.fixture
def run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> dict:
    bars_file(tmp_path)
    return tradebench(capsys, "run", config_file(tmp_path), "--json").payload


def shown(capsys: pytest.CaptureFixture[str], run: dict, *options: str) -> Outcome:
    return tradebench(capsys, "show", run["run_id"], *options)


def test_tables_are_added_to_the_run_as_data(run, capsys):
    found = shown(capsys, run, "--by", "side", "--by", "year", "--drawdowns", "2", "--json").payload

    assert {key: found[key] for key in run} == run
    assert [row["key"] for row in found["tables"]["side"]] == ["all", "long", "short"]
    whole = found["tables"]["side"][0]["values"]
    assert whole["total_trades"] == run["trades"]
    profits = [row["values"]["pnl"] for row in found["tables"]["year"]]
    assert math.fsum(profits) == pytest.approx(run["metrics"]["final_pnl"], abs=1e-3)
    deepest = found["drawdowns"][0]["depth"]  # of the curve as kept, in ten-thousandths of money
    assert deepest == pytest.approx(run["metrics"]["max_drawdown"], abs=1e-7)
    assert found["drawdowns"][0]["trough"][:10] == run["metrics"]["max_drawdown_date"]
    assert len(found["drawdowns"]) == 2


def test_what_is_undefined_is_null_with_its_reason(run, capsys):
    found = shown(capsys, run, "--by", "side", "--json").payload

    short = found["tables"]["side"][2]

    assert short["values"]["win_rate"] is None
    assert short["undefined"]["win_rate"] == "no closed trades"
    assert "drawdowns" not in found


@pytest.mark.parametrize("by", GROUPINGS)
def test_every_grouping_prints_a_table(run, capsys, by):
    outcome = shown(capsys, run, "--by", by)

    assert outcome.code == 0
    assert ("Closed trades" if by == "side" else by.capitalize()) in outcome.out
    assert "Money in USD" in outcome.out
    assert "costs.commission_pct" not in outcome.out


def test_the_options_are_those_that_the_service_knows():
    assert tuple(item.value for item in Grouping) == GROUPINGS


def test_falls_on_paper_have_their_days(run, capsys):
    outcome = shown(capsys, run, "--drawdowns", "3")

    assert outcome.code == 0
    for word in ("Depth", "Peak", "Trough", "Recovery", run["metrics"]["max_drawdown_date"]):
        assert word in outcome.out


def test_a_narrow_terminal_keeps_what_matters(run, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")

    outcome = shown(capsys, run, "--by", "year")

    assert max(map(len, outcome.out.splitlines())) <= 80
    assert "No room here for" in outcome.out
    assert "Max drawdown" in outcome.out


def test_statistics_of_a_failed_run_say_that_it_failed(tmp_path, capsys):
    bars_file(tmp_path)
    failed = tradebench(capsys, "run", config_file(tmp_path), "--set", "data.symbols=ZZZ", "--json")

    outcome = tradebench(capsys, "show", failed.payload["error"]["run_id"], "--by", "side")

    assert outcome.code == 3
    assert "The run is failed" in outcome.err


def test_an_unknown_grouping_is_bad_input(run, capsys):
    outcome = shown(capsys, run, "--by", "moon")

    assert outcome.code == 2
    assert "'side','symbol','year'" in squeezed(outcome.err)
