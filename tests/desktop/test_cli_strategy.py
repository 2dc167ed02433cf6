"""Screening and saved strategies on the command line: save, show, run and delete."""

from pathlib import Path

import pytest

from tests.desktop.builders import Outcome, tradebench

CRITERIA = """
[strategy.criteria]
where = [{ left = "close", op = ">", right = "sma(50)" }]
rank_by = "roc(60)"
top = 2

[data]
universe = "demo"
start = 2010-01-04
end = 2011-12-30
"""

CRITERIA_AGAIN = CRITERIA.replace("top = 2", "top = 1")

FILE = """
from engine.strategies.protocol import Parameters, TargetStrategy
from pydantic import Field
import numpy as np
from shares import SHARE

class Params(Parameters):
    part: float = Field(0.5, gt=0, le=1)

class Half(TargetStrategy):
    name = "half"
    title = "Half"
    summary = "Half of the account in each symbol's equal part."
    Params = Params

    def weights(self, panel, bars):
        return np.full((len(bars), panel.n_symbols), SHARE * self.params.part / panel.n_symbols)
"""


@pytest.fixture
def criteria_file(tmp_path: Path) -> Path:
    file = tmp_path / "screen.toml"
    file.write_text(CRITERIA, encoding="utf-8")
    return file


def saved(capsys: pytest.CaptureFixture[str], file: Path, name: str = "strong") -> Outcome:
    return tradebench(capsys, "strategy", "save", file, "--name", name, "--json")


def run_of(capsys: pytest.CaptureFixture[str], folder: Path, name: str, more: str = "") -> Outcome:
    file = folder / "run.toml"
    data = CRITERIA[CRITERIA.index("[data]") :]
    file.write_text(f'[strategy]\nname = "{name}"\n{more}\n{data}', encoding="utf-8")
    return tradebench(capsys, "run", file, "--json")


def test_criteria_run_like_any_strategy(capsys, criteria_file):
    ran = tradebench(capsys, "run", criteria_file, "--json")

    assert ran.code == 0
    assert ran.payload["strategy"] == "screening"
    assert ran.payload["trades"] > 3
    assert ran.payload["config"]["strategy"]["criteria"]["rank_by"] == "roc(60)"


def test_a_saved_strategy_runs_as_what_was_saved(capsys, criteria_file, tmp_path):
    plain = tradebench(capsys, "run", criteria_file, "--json").payload
    first = saved(capsys, criteria_file).payload
    criteria_file.write_text(CRITERIA_AGAIN, encoding="utf-8")
    second = saved(capsys, criteria_file).payload

    ran = run_of(capsys, tmp_path, "strong@1.0.0").payload

    assert (first["reference"], first["new"]) == ("strong@1.0.0", True)
    assert second["reference"] == "strong@1.0.1"
    assert (ran["strategy"], ran["strategy_version"]) == ("strong", "1.0.0")
    assert ran["result_hash"] == plain["result_hash"]


def test_saving_what_is_saved_says_so(capsys, criteria_file):
    saved(capsys, criteria_file)

    again = tradebench(capsys, "strategy", "save", criteria_file, "--name", "strong")

    assert again.out.startswith("Unchanged: strong@1.0.0")


def test_a_saved_strategy_is_shown_in_words_and_as_json(capsys, criteria_file):
    saved(capsys, criteria_file)

    words = tradebench(capsys, "strategy", "show", "strong").out
    plain = tradebench(capsys, "strategy", "show", "strong@1.0.0", "--json").payload

    assert "close > sma(50); greatest 2 by roc(60); equal weight" in words
    assert plain["strategy"]["criteria"]["top"] == 2
    assert plain["runs"] == 0


def test_a_version_that_a_run_uses_cannot_be_deleted(capsys, criteria_file, tmp_path):
    saved(capsys, criteria_file)
    run_of(capsys, tmp_path, "strong@1.0.0")

    refused = tradebench(capsys, "strategy", "delete", "strong@1.0.0", "--json")

    assert refused.code == 2
    assert "used by 1 run" in refused.payload["error"]["message"]


def test_parameters_are_saved_and_may_be_changed_for_one_run(capsys, tmp_path):
    file = tmp_path / "fast.toml"
    file.write_text('[strategy]\nname = "sma_cross"\nparams = { fast = 3 }\n', encoding="utf-8")
    saved(capsys, file, "fast")

    ran = run_of(capsys, tmp_path, "fast@1.0.0", "params = { slow = 40 }").payload

    assert (ran["params"]["fast"], ran["params"]["slow"]) == (3, 40)


def test_a_saved_file_runs_after_the_file_is_gone(capsys, tmp_path):
    file, beside = tmp_path / "half.py", tmp_path / "shares.py"
    file.write_text(FILE, encoding="utf-8")
    beside.write_text("SHARE = 1.0\n", encoding="utf-8")
    first = run_of(capsys, tmp_path, file.as_posix()).payload
    kept = saved(capsys, file, "my half")
    file.unlink()
    beside.unlink()

    ran = run_of(capsys, tmp_path, "my half@1.0.0").payload

    assert kept.code == 0
    assert ran["result_hash"] == first["result_hash"]


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ('[strategy.criteria]\nrank_by = "sma"\ntop = 2\n', "strategy.criteria.rank_by"),
        ('[strategy.criteria]\nwhere = [{ left = "per", op = "<", right = 9 }]\n[data]\nuniverse = "demo"\n',
         "strategy.criteria.where.0.left"),
        ('[strategy]\nname = "lost@1.0.0"\n', "strategy.name"),
    ],
)  # fmt: skip
def test_what_cannot_be_run_names_its_place(capsys, tmp_path, text, field):
    file = tmp_path / "wrong.toml"
    file.write_text(text, encoding="utf-8")

    refused = tradebench(capsys, "run", file, "--json")

    assert refused.code in (2, 3)
    assert refused.payload["error"]["field"] == field


def test_the_name_of_a_built_in_strategy_is_not_to_be_had(capsys, criteria_file):
    refused = saved(capsys, criteria_file, "sma_cross")

    assert refused.code == 2
    assert "built-in" in refused.payload["error"]["message"]


def test_the_schema_describes_criteria(capsys):
    properties = tradebench(capsys, "schema").payload["$defs"]["Criteria"]["properties"]

    assert {"where", "rank_by", "top", "weigh_by"} <= set(properties)
