"""Small files and commands that the desktop tests are made of."""

import datetime as dt
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from desktop.cli.app import run_cli

HEADER = "date,symbol,open,high,low,close,volume"


@dataclass(frozen=True)
class Outcome:
    """What one command line came to."""

    code: int
    out: str
    err: str

    @property
    def payload(self) -> dict[str, Any]:
        """The one JSON object on standard output."""
        found: dict[str, Any] = json.loads(self.out)
        return found


def tradebench(capsys: pytest.CaptureFixture[str], *arguments: object) -> Outcome:
    """Run one command line in this process."""
    capsys.readouterr()
    code = run_cli([str(argument) for argument in arguments])
    captured = capsys.readouterr()
    return Outcome(code, captured.out, captured.err)


def squeezed(text: str) -> str:
    """Return what a panel says without its frame and without blanks, so that it may be broken anywhere."""
    return "".join(text.replace("│", "").split())


def bar_lines(symbol: str = "AAA", days: int = 260, phase: float = 0.0) -> list[str]:
    """Return daily bars that swing around a rising line: crossovers for certain."""
    lines, day = [], dt.date(2020, 1, 1)
    for number in range(days):
        level = 100 + 0.05 * number + 12 * math.sin(number / 9 + phase)
        low, high = level - 1, level + 1.5
        lines.append(
            f"{day},{symbol},{level - 0.5:.2f},{high:.2f},{low:.2f},{level:.2f},{1000 + number}"
        )
        day += dt.timedelta(days=3 if day.weekday() == 4 else 1)
    return lines


def bars_file(folder: Path, lines: Sequence[str] | None = None, header: str = HEADER) -> Path:
    """Write a CSV file of bars."""
    file = folder / "bars.csv"
    rows = bar_lines() if lines is None else lines
    file.write_text("\n".join((header, *rows)) + "\n", encoding="utf-8")
    return file


def config_file(folder: Path, source: object = "bars.csv", **sections: dict[str, Any]) -> Path:
    """Write a JSON configuration of a moving-average crossover; sections are merged into it."""
    config: dict[str, Any] = {
        "strategy": {"name": "sma_cross", "params": {"fast": 5, "slow": 20}},
        "data": {"source": str(source)},
        "account": {"initial_capital": 10000},
    }
    for name, values in sections.items():
        config[name] = {**config.get(name, {}), **values}
    file = folder / "run.json"
    file.write_text(json.dumps(config), encoding="utf-8")
    return file
