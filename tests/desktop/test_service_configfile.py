"""A configuration file is untrusted: understood, or refused with key, value and remedy."""

import json
from pathlib import Path

import pytest

from desktop.service.configfile import MAX_BYTES, load_config
from engine.errors import BacktestNotFoundError, BacktestValidationError

TOML = """
[strategy]
name = "sma_cross"
params = { fast = 10, slow = 20 }
[data]
source = "demo"
symbols = ["AAPL"]
start = 2010-01-04
[account]
initial_capital = 10000
[costs]
commission_pct = 0.2
"""


def written(tmp_path: Path, text: str, name: str = "run.toml") -> Path:
    file = tmp_path / name
    file.write_text(text, encoding="utf-8")
    return file


def refusal(file: Path, overrides: tuple[str, ...] = ()) -> str:
    with pytest.raises(BacktestValidationError) as caught:
        load_config(file, overrides)
    return str(caught.value)


def test_toml_and_json_mean_the_same(tmp_path):
    same = {
        "strategy": {"name": "sma_cross", "params": {"fast": 10, "slow": 20}},
        "data": {"source": "demo", "symbols": ["AAPL"], "start": "2010-01-04"},
        "account": {"initial_capital": 10000},
        "costs": {"commission_pct": 0.2},
    }

    from_toml = load_config(written(tmp_path, TOML))
    from_json = load_config(written(tmp_path, json.dumps(same), "run.json"))

    assert from_toml == from_json
    assert from_toml.costs.commission_pct == 0.2


def test_overrides_follow_tomls_grammar_and_bare_words_are_texts(tmp_path):
    config = load_config(
        written(tmp_path, TOML),
        (
            "costs.commission_pct=0.5",
            "strategy.params.fast=5",
            "execution.fractional=true",
            "execution.fill_at=next_close",
            "data.start=2012-02-01",
            'data.symbols=["MSFT", "IBM"]',
            "name=bare words",
        ),
    )

    assert config.costs.commission_pct == 0.5
    assert config.strategy.params == {"fast": 5, "slow": 20}
    assert config.execution.fractional is True
    assert config.execution.fill_at == "next_close"
    assert str(config.data.start) == "2012-02-01"
    assert config.data.symbols == ("IBM", "MSFT")
    assert config.name == "bare words"


@pytest.mark.parametrize("text", ["costs", "=1", "costs..x=1", ".a=1", "strategy.name.x=1"])
def test_an_override_that_is_none_is_refused(tmp_path, text):
    assert "--set" in refusal(written(tmp_path, TOML), (text,))


def test_an_unknown_key_is_refused_with_what_is_allowed(tmp_path):
    message = refusal(written(tmp_path, TOML), ("costs.comission_pct=1",))

    assert "costs.comission_pct" in message
    assert "commission_pct" in message.split("allowed")[1]


def test_all_problems_are_told_at_once(tmp_path):
    message = refusal(
        written(tmp_path, TOML), ("account.initial_capital=0", "costs.slippage_bps=-1")
    )

    assert "account.initial_capital" in message
    assert "costs.slippage_bps" in message
    assert "-1" in message


def test_paths_in_a_file_are_relative_to_the_file(tmp_path):
    (tmp_path / "sub").mkdir()
    file = written(tmp_path, TOML.replace('"demo"', '"prices/a.csv"'), "sub/run.toml")

    config = load_config(file)

    assert Path(config.data.source) == tmp_path / "sub" / "prices" / "a.csv"


@pytest.mark.parametrize("word", ["demo", "local", "my profile"])
def test_names_of_sources_are_no_paths(tmp_path, word):
    config = load_config(written(tmp_path, TOML.replace('"demo"', f'"{word}"')))

    assert config.data.source == word


def test_a_missing_file_is_not_found(tmp_path):
    with pytest.raises(BacktestNotFoundError, match="nowhere"):
        load_config(tmp_path / "nowhere.toml")


@pytest.mark.parametrize(
    ("text", "name", "words"),
    [
        ("", "run.toml", "is empty"),
        (" \n\t", "run.json", "is empty"),
        ("[strategy", "run.toml", "not valid TOML"),
        ("{", "run.json", "line 1"),
        ("[1, 2]", "run.json", "not an object"),
        ('{"a": 1, "a": 2}', "run.json", "given twice"),
        ('{"a": NaN}', "run.json", "NaN"),
        ('{"a": -Infinity}', "run.json", "Infinity"),
        ("[" * 5000, "run.json", "nested deeper"),
        ("a = " + "[" * 5000, "run.toml", "nested deeper"),
        ("a = " + "1" * 5000, "run.toml", "not valid TOML"),
        ('{"a": ' + "1" * 5000 + "}", "run.json", "not valid JSON"),
        ("#" * (MAX_BYTES + 1), "run.toml", "larger than"),
    ],
)
def test_text_that_is_no_configuration_is_refused(tmp_path, text, name, words):
    assert words in refusal(written(tmp_path, text, name))


def test_bytes_that_are_no_text_are_refused(tmp_path):
    file = tmp_path / "run.toml"
    file.write_bytes(b"name = \xff\xfe")

    assert "not UTF-8" in refusal(file)


def test_a_folder_is_refused(tmp_path):
    assert "is a folder" in refusal(tmp_path)


def test_brackets_inside_texts_are_not_nesting(tmp_path):
    text = json.dumps(
        {"name": "x", "strategy": {"name": "sma_cross", "params": {"a": '"[{\\' * 50}}}
    )

    assert load_config(written(tmp_path, text, "run.json")).name == "x"


def test_a_file_of_a_sweep_says_what_to_do_with_it(tmp_path):
    file = written(tmp_path, TOML + "[sweep]\nparams = { fast = [5, 10] }\n")

    told = refusal(file)

    assert "sweep: this section asks for many combinations" in told
    assert f"`tradebench sweep {file}`" in told


def test_the_file_of_finer_bars_is_relative_to_the_file_too(tmp_path):
    more = 'finer = "1m"\nfiner_source = "minutes.csv"\n'
    file = written(tmp_path, TOML.replace("[data]\n", f"[data]\n{more}"))

    assert load_config(file).data.finer_source == str(tmp_path / "minutes.csv")
