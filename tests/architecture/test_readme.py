"""What the README says is so: its commands, its configuration file, its walk-through."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import typer

from desktop.cli.app import app
from engine.config import parse_config
from tests.architecture.planting import copied_tree
from tests.architecture.tree import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")


def _blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", README, flags=re.MULTILINE | re.DOTALL)


def test_each_of_the_two_commands_stands_there_once() -> None:
    lines = README.splitlines()

    assert (
        sum(
            bool(re.fullmatch(r"python3 -m venv .* tradebench demo", x.replace("/", " ")))
            for x in lines
        )
        == 1
    )
    assert sum(bool(re.fullmatch(r"python3 -m venv .* pytest", line)) for line in lines) == 1


def test_the_configuration_file_is_understood() -> None:
    (example,) = _blocks("toml")

    config = parse_config(tomllib.loads(example))

    assert config.strategy.name == "sma_cross"


def test_the_table_names_every_command_and_no_other() -> None:
    told = set(re.findall(r"^\| `tradebench (\w+)", README, flags=re.MULTILINE))

    assert told == set(typer.main.get_command(app).commands)


def test_the_first_change_works_as_it_is_told(tmp_path: Path) -> None:
    root = copied_tree(tmp_path)
    strategy, test = _blocks("python")
    (root / "engine/strategies/falling_days.py").write_text(strategy, encoding="utf-8")
    (root / "tests/engine/test_falling_days.py").write_text(test, encoding="utf-8")

    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "tests/engine/test_falling_days.py"],
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )

    assert done.returncode == 0, done.stdout


def test_the_map_names_what_exists() -> None:
    table = README.split("## The map")[1].split("The loop is one")[0]
    paths = re.findall(r"^\| ((?:`[^`]+`(?:, )?)+) \|", table, flags=re.MULTILINE)
    folder = ""
    missing = []
    for path in re.findall(r"`([^`]+)`", " ".join(paths)):
        folder = path.rpartition("/")[0] if "/" in path else folder
        places = (ROOT / path, ROOT / folder / path)
        missing += [] if any(place.exists() for place in places) else [path]

    assert missing == []
