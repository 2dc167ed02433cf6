"""Bad input is told in one panel with the right exit code; no traceback, and nothing kept is lost."""

import json
import sqlite3
from pathlib import Path

import pytest

from tests.desktop.builders import (
    HEADER,
    Outcome,
    bar_lines,
    bars_file,
    config_file,
    squeezed,
    tradebench,
)

BAD_INPUT, NOT_FOUND, UNAVAILABLE = 2, 3, 5


def assert_told(outcome: Outcome, code: int, *words: str) -> None:
    """The failure is a panel on standard error, without a traceback, with these words, broken wherever."""
    flat = squeezed(outcome.err)
    assert outcome.code == code, outcome.err
    assert "Traceback" not in outcome.err + outcome.out
    assert outcome.out == ""
    for word in words:
        assert squeezed(word) in flat, outcome.err


def with_line(number: int, line: str) -> list[str]:
    """Return good bars, one of them replaced."""
    lines = bar_lines()
    return [*lines[:number], line, *lines[number + 1 :]]


BAD_BARS = {
    "text": (with_line(50, "2020-03-11,AAA,abc,2,1,1.5,10"), ("abc",)),
    "nan": (with_line(50, "2020-03-11,AAA,nan,101,99,100,10"), ("line 52", "nan")),
    "negative": (with_line(50, "2020-03-11,AAA,-100,101,-101,100,10"), ("AAA",)),
    "zero": (with_line(50, "2020-03-11,AAA,0,101,0,100,10"), ("AAA",)),
    "high below low": (with_line(50, "2020-03-11,AAA,100,98,99,100,10"), ("AAA", "high")),
    "duplicate date": (with_line(50, bar_lines()[49]), ("AAA row 51", "row 50")),
    "no date": (with_line(50, "yesterday,AAA,100,101,99,100,10"), ("yesterday",)),
}


@pytest.mark.parametrize("kind", BAD_BARS)
def test_impossible_bars_are_refused_by_name(tmp_path, capsys, kind):
    lines, words = BAD_BARS[kind]
    bars_file(tmp_path, lines)

    outcome = tradebench(capsys, "run", config_file(tmp_path))

    assert_told(outcome, BAD_INPUT, *words)


def test_a_missing_configuration_is_not_found(tmp_path, capsys):
    assert_told(tradebench(capsys, "run", tmp_path / "no.toml"), NOT_FOUND, "no.toml")


def test_a_missing_data_file_is_not_found(tmp_path, capsys):
    outcome = tradebench(capsys, "run", config_file(tmp_path, "nowhere.csv"))

    assert_told(outcome, NOT_FOUND, "nowhere.csv")


def test_an_empty_data_file_is_refused(tmp_path, capsys):
    (tmp_path / "bars.csv").write_text("")

    assert_told(tradebench(capsys, "run", config_file(tmp_path)), BAD_INPUT, "bars.csv", "empty")


def test_a_data_file_with_nothing_but_a_header_is_refused(tmp_path, capsys):
    bars_file(tmp_path, [])

    assert_told(tradebench(capsys, "run", config_file(tmp_path)), BAD_INPUT, "bars.csv")


def test_wrong_columns_are_refused_with_what_was_found(tmp_path, capsys):
    bars_file(tmp_path, ["1,2,3"], header="this,that,other")

    assert_told(tradebench(capsys, "run", config_file(tmp_path)), BAD_INPUT, "that")


def test_one_bar_is_too_few_and_the_remedy_is_told(tmp_path, capsys):
    bars_file(tmp_path, bar_lines(days=1))

    outcome = tradebench(capsys, "run", config_file(tmp_path))

    assert_told(outcome, BAD_INPUT, "only one bar", "two bars")


def test_no_trades_is_a_result_with_a_warning(tmp_path, capsys):
    bars_file(tmp_path, bar_lines(days=15))

    outcome = tradebench(capsys, "run", config_file(tmp_path), "--json")

    assert outcome.code == 0
    assert outcome.payload["trades"] == 0
    assert outcome.payload["metrics"]["final_balance"] == 10000
    assert "No trades" in outcome.payload["warnings"][0]


SETTINGS = {
    "data.start=2020-06-01 data.end=2020-01-01": ("2020-06-01", "before"),
    "data.start=2999-01-01": ("data.start", "2999-01-01", "future"),
    "name=5": ("name", "5", "text"),
    "name=": ("name", "1 to 255"),
    "account.initial_capital=0": ("account.initial_capital", "0"),
    "account.initial_capital=-5": ("account.initial_capital", "-5"),
    "account.initial_capital=nan": ("account.initial_capital", "nan"),
    "strategy.params.fast=0": ("strategy.params.fast", "0"),
    "strategy.params.fast=soon": ("strategy.params.fast", "soon"),
    "strategy.params.speed=3": ("strategy.params.speed",),
    "costs.comission_pct=1": ("costs.comission_pct", "commission_pct"),
    "costs.commission_pct=-1": ("costs.commission_pct", "-1"),
    "colour=red": ("colour",),
    "execution.fill_at=yesterday": ("execution.fill_at", "yesterday", "next_open"),
    "data.timeframe=1y": ("data.timeframe", "1y"),
    "costs": ("--set", "costs"),
}


@pytest.mark.parametrize("settings", SETTINGS)
def test_impossible_settings_are_refused_with_key_value_and_what_is_allowed(
    tmp_path, capsys, settings
):
    bars_file(tmp_path)
    options = [option for text in settings.split() for option in ("--set", text)]

    outcome = tradebench(capsys, "run", config_file(tmp_path), *options)

    assert_told(outcome, BAD_INPUT, *SETTINGS[settings])


def test_an_unknown_strategy_is_not_found_and_near_names_are_told(tmp_path, capsys):
    bars_file(tmp_path)

    outcome = tradebench(capsys, "run", config_file(tmp_path), "--set", "strategy.name=sma_crosss")

    assert_told(outcome, NOT_FOUND, "sma_crosss", "sma_cross")


def test_a_strategy_file_that_is_not_there_is_named(tmp_path, capsys):
    """A file that is missing is not found, and says so with its path."""

    outcome = tradebench(capsys, "run", config_file(tmp_path), "--set", "strategy.name=mine.py")

    assert_told(outcome, NOT_FOUND, "mine.py")


def test_what_a_strategy_file_raises_names_its_line(tmp_path, capsys):
    """An error in a person's own code is told with file and line, and is no defect of the program."""
    file = tmp_path / "mine.py"
    file.write_text(
        "from engine.strategies.protocol import Signals, SignalStrategy\n"
        "class Mine(SignalStrategy):\n"
        "    name, title, summary = 'mine', 'Mine', 'Divides by zero'\n"
        "    def signals(self, panel):\n"
        "        return Signals(enter_long=1 / 0)\n"
    )

    config = tmp_path / "mine.toml"
    config.write_text(f'[strategy]\nname = "{file.as_posix()}"\n')

    outcome = tradebench(capsys, "run", str(config), "--trust")

    assert_told(outcome, BAD_INPUT, "mine.py, line 5", "ZeroDivisionError")


def test_an_unknown_symbol_is_not_found_and_the_run_is_kept_as_failed(tmp_path, capsys):
    bars_file(tmp_path)

    outcome = tradebench(
        capsys, "run", config_file(tmp_path), "--set", "data.symbols=ZZZ", "--json"
    )

    error = outcome.payload["error"]
    assert outcome.code == NOT_FOUND
    assert set(error) == {"kind", "message", "field", "hint", "run_id"}
    assert error["kind"] == "not_found"
    assert "ZZZ" in error["message"]
    shown = tradebench(capsys, "show", error["run_id"], "--json")
    assert shown.code == 0
    assert shown.payload["status"] == "failed"
    assert "ZZZ" in shown.payload["error_message"]
    assert shown.payload["trades"] is None


def test_a_refused_configuration_leaves_no_run_behind(tmp_path, capsys):
    bars_file(tmp_path)

    tradebench(capsys, "run", config_file(tmp_path), "--set", "strategy.params.fast=0")

    assert tradebench(capsys, "history", "--json").payload["total"] == 0


@pytest.mark.parametrize(
    "command",
    [("show", "ffffffff"), ("trades", "ffffffff"), ("chart", "ffffffff"), ("stop", "ffffffff")],
)
def test_an_unknown_run_is_not_found(capsys, command):
    assert_told(tradebench(capsys, *command), NOT_FOUND, "ffffffff")


@pytest.mark.parametrize("count", [1, 11])
def test_one_run_and_eleven_runs_are_not_compared(tmp_path, capsys, count):
    bars_file(tmp_path)
    file = config_file(tmp_path)
    ids = [tradebench(capsys, "run", file, "--json").payload["run_id"] for _ in range(count)]

    assert_told(tradebench(capsys, "compare", *ids), BAD_INPUT, str(count), "two to ten")


def test_the_same_run_twice_is_one_run_and_not_compared(tmp_path, capsys):
    bars_file(tmp_path)
    run_id = tradebench(capsys, "run", config_file(tmp_path), "--json").payload["run_id"]

    assert_told(tradebench(capsys, "compare", run_id, run_id), BAD_INPUT, "1")


def test_trades_and_chart_of_a_failed_run_say_that_it_failed(tmp_path, capsys):
    bars_file(tmp_path)
    failed = tradebench(capsys, "run", config_file(tmp_path), "--set", "data.symbols=ZZZ", "--json")
    run_id = failed.payload["error"]["run_id"]

    assert_told(tradebench(capsys, "trades", run_id), NOT_FOUND, "run is failed")
    assert_told(tradebench(capsys, "chart", run_id), NOT_FOUND, "run is failed")


@pytest.mark.parametrize("limit", [0, -1, 1001])
def test_a_page_has_one_to_a_thousand_rows(capsys, limit):
    assert_told(tradebench(capsys, "history", "--limit", limit), BAD_INPUT, str(limit), "1000")


def test_an_unknown_status_and_a_cursor_of_nobody_are_refused(capsys):
    assert_told(tradebench(capsys, "history", "--status", "happy"), BAD_INPUT, "happy", "completed")
    assert_told(tradebench(capsys, "history", "--cursor", "x!"), BAD_INPUT, "cursor")


@pytest.mark.parametrize(
    "arguments",
    [("frobnicate",), ("run",), ("history", "--frob"), ("history", "--sort", "luck"), ("history", "--limit", "x")],
)  # fmt: skip
def test_a_command_line_that_is_none_is_told_with_where_to_look(capsys, arguments):
    assert_told(tradebench(capsys, *arguments), BAD_INPUT, "--help")


def test_a_command_line_that_is_none_is_one_json_object_on_request(capsys):
    outcome = tradebench(capsys, "history", "--frob", "--json")

    assert outcome.code == BAD_INPUT
    assert "--frob" in outcome.payload["error"]["message"]


def test_a_csv_into_a_folder_that_is_not_there_is_told(tmp_path, capsys):
    bars_file(tmp_path)
    run_id = tradebench(capsys, "run", config_file(tmp_path), "--json").payload["run_id"]

    outcome = tradebench(capsys, "trades", run_id, "--csv", tmp_path / "nowhere" / "t.csv")

    assert_told(outcome, 1, "nowhere")


def database(tmp_path: Path) -> Path:
    """Return where the database of a test's home is."""
    return tmp_path / "home" / "runs.sqlite"


@pytest.mark.parametrize(
    "content", [b"", b"not a database at all", b"SQLite format 3\x00" + b"\xff" * 5000]
)
def test_a_damaged_database_is_refused_and_left_as_it_is(tmp_path, capsys, content):
    database(tmp_path).parent.mkdir(parents=True)
    database(tmp_path).write_bytes(content)

    outcome = tradebench(capsys, "history")

    assert_told(outcome, UNAVAILABLE, "runs.sqlite")
    assert database(tmp_path).read_bytes() == content


def test_a_database_of_a_newer_version_is_refused_and_left_as_it_is(tmp_path, capsys):
    tradebench(capsys, "history")
    connection = sqlite3.connect(database(tmp_path), isolation_level=None)
    connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    before = database(tmp_path).read_bytes()

    outcome = tradebench(capsys, "run", config_file(tmp_path))

    assert_told(outcome, UNAVAILABLE, "newer")
    assert database(tmp_path).read_bytes() == before


def test_the_doctor_finds_a_damaged_database(tmp_path, capsys):
    database(tmp_path).parent.mkdir(parents=True)
    database(tmp_path).write_bytes(b"not a database at all")

    outcome = tradebench(capsys, "doctor", "--json")

    assert outcome.code == UNAVAILABLE
    parts = {part["name"]: part for part in json.loads(outcome.out)["parts"]}
    assert parts["database"]["state"] == "failed"
    assert "runs.sqlite" in parts["database"]["message"]


def test_markup_in_names_is_shown_as_it_is(tmp_path, capsys):
    lines = [line.replace("AAA", "[bold]x[/nope]") for line in bar_lines()]
    bars_file(tmp_path, lines, HEADER)

    outcome = tradebench(capsys, "run", config_file(tmp_path))

    assert outcome.code in (0, BAD_INPUT)
    assert "[bold]x[/nope]" in outcome.out + outcome.err
