"""A sweep from its file to its table: planned, run, stopped, gone on with, looked at, one of it run in full."""

import csv
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from desktop.cli import progress
from desktop.service.facade import Service
from desktop.service.sweeping import Sweeps, spare_cores
from desktop.tasks.sweep import prepare_work, sweep_work
from desktop.tasks.worker import PROGRESS_PER_SECOND, Tasks
from engine.config import parse_config
from engine.errors import BacktestNotFoundError, BacktestValidationError
from engine.sweeps.spec import SweepConfig, parse_sweep
from storage import paths
from storage.sweeps import SweepRecord, SweepStore
from tests.desktop.builders import Outcome, bars_file, config_file, tradebench
from tests.desktop.listener import Listener
from tests.desktop.ownfiles import trusted

ROOT = Path(__file__).resolve().parents[2]
GRID: dict[str, Any] = {
    "params": {"fast": {"from": 2, "to": 12}, "slow": [10, 20, 30]},
    "constraints": ["fast < slow"],
    "objective": "total_return",
}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Write bars and a configuration with a sweep of 30 combinations."""
    bars_file(tmp_path)
    return config_file(tmp_path, sweep=GRID)


@pytest.fixture
def sweeps(service: Service) -> Sweeps:
    return service.sweeps()


def config_of(file: Path) -> Any:
    data = json.loads(file.read_text())
    data["data"]["source"] = str(file.parent / "bars.csv")
    return parse_config({key: value for key, value in data.items() if key != "sweep"})


def run_whole(sweeps: Sweeps, file: Path, **section: Any) -> SweepRecord:
    sweep: SweepConfig = parse_sweep({**GRID, **section})
    return sweeps.run(sweeps.prepare(config_of(file), sweep))


def test_the_best_come_first_and_are_what_a_run_of_them_comes_to(
    sweeps: Sweeps, file: Path
) -> None:
    record = run_whole(sweeps, file)

    best = sweeps.top(record, 5)
    stored = sweeps.run_one(record.sweep_id, best[0].number)

    assert record.status == "completed"
    returns = [found.figures["total_return"] for found in best]
    assert returns == sorted(returns, key=lambda value: -(value or 0.0))
    assert stored.record.strategy_snapshot["params"].items() >= best[0].params.items()
    alone = stored.record.metrics
    for name, value in best[0].figures.items():
        assert value == pytest.approx(alone[name], rel=1e-9, abs=1e-4), name


def test_what_is_better_when_it_is_lower_comes_first_when_it_is_lower(
    sweeps: Sweeps, file: Path
) -> None:
    record = run_whole(sweeps, file, objective="volatility")

    found = [found.figures["volatility"] for found in sweeps.top(record, 5)]

    assert found == sorted(found, key=lambda value: value or 0.0)


def test_a_stopped_sweep_is_gone_on_with_to_the_same_rows(sweeps: Sweeps, file: Path) -> None:
    whole = run_whole(sweeps, file, chunk=2)
    prepared = sweeps.prepare(config_of(file), parse_sweep({**GRID, "chunk": 2}))
    told: list[float] = []

    part = sweeps.run(prepared, lambda p: told.append(p.fraction), lambda: len(told) > 3)
    done, _ = sweeps.counts(part)
    rest = sweeps.run(sweeps.prepare_rest(part.short_id))

    assert part.status == "partial" and 0 < done < 30
    assert rest.status == "completed" and rest.sweep_id == part.sweep_id
    assert all_rows(sweeps, rest).tobytes() == all_rows(sweeps, whole).tobytes()


def all_rows(sweeps: Sweeps, record: SweepRecord) -> Any:
    return np.concatenate(list(sweeps.rows(record)))


def test_other_bars_are_not_mixed_in(sweeps: Sweeps, file: Path) -> None:
    prepared = sweeps.prepare(config_of(file), parse_sweep({**GRID, "chunk": 2}))
    part = sweeps.run(prepared, should_stop=lambda: True)
    lines = (file.parent / "bars.csv").read_text().splitlines()
    (file.parent / "bars.csv").write_text("\n".join(lines[:-1]) + "\n")

    with pytest.raises(BacktestValidationError, match="bars are not those it was begun with"):
        sweeps.prepare_rest(part.sweep_id)


@pytest.mark.parametrize("number", [0, -1, 100, 28])
def test_there_is_no_run_of_a_combination_that_is_not_in_the_sweep(
    sweeps: Sweeps, file: Path, number: int
) -> None:
    record = run_whole(sweeps, file)

    with pytest.raises(BacktestNotFoundError):
        sweeps.run_one(record.sweep_id, number)


def test_a_thread_is_left_to_the_person() -> None:
    assert spare_cores() >= 1


# -- as a task


@pytest.fixture
def tasks(qapp: QApplication) -> Iterator[Tasks]:
    tasks = Tasks()
    yield tasks
    assert tasks.shut_down()
    QApplication.sendPostedEvents()


def heard_of(qtbot: QtBot, tasks: Tasks, work: Any, cancel: bool = False) -> Listener:
    task = tasks.add(work, "sweep")
    listener = Listener(task)
    if cancel:
        task.cancel()
    task.start()
    qtbot.waitUntil(lambda: "finished" in listener.ends and not tasks.alive, timeout=30_000)
    return listener


def test_a_task_succeeds_once_with_the_record_after_at_most_twenty_reports_a_second(
    qtbot: QtBot, tasks: Tasks, sweeps: Sweeps, file: Path
) -> None:
    ready = heard_of(
        qtbot, tasks, prepare_work(sweeps, config_of(file), parse_sweep({**GRID, "chunk": 1}))
    )
    prepared = dict(ready.heard)["succeeded"]
    begun: list[str] = []

    listener = heard_of(qtbot, tasks, sweep_work(sweeps, prepared, begun.append))

    assert listener.ends == ["succeeded", "finished"]
    record = dict(listener.heard)["succeeded"]
    assert record.status == "completed" and begun == [record.sweep_id]
    seconds = listener.times[-1] - listener.times[0]
    assert len(listener.times) <= seconds * PROGRESS_PER_SECOND + 2
    assert [value for what, value in listener.heard if what == "progress"][-1].fraction == 1.0


def test_a_cancelled_task_says_so_once_and_the_sweep_is_kept(
    qtbot: QtBot, tasks: Tasks, sweeps: Sweeps, file: Path
) -> None:
    prepared = sweeps.prepare(config_of(file), parse_sweep({**GRID, "chunk": 1}))
    begun: list[str] = []

    listener = heard_of(qtbot, tasks, sweep_work(sweeps, prepared, begun.append), cancel=True)

    assert listener.ends == ["cancelled", "finished"]
    assert sweeps.get(begun[0]).status == "partial"


def test_a_task_whose_sweep_is_refused_fails_once(
    qtbot: QtBot, tasks: Tasks, sweeps: Sweeps, file: Path
) -> None:
    sweep = parse_sweep({"params": {"speed": [1]}})

    listener = heard_of(qtbot, tasks, prepare_work(sweeps, config_of(file), sweep))

    assert listener.ends == ["failed", "finished"]
    assert isinstance(dict(listener.heard)["failed"], BacktestValidationError)


# -- as a command


def swept(capsys: pytest.CaptureFixture[str], *arguments: object) -> Outcome:
    return tradebench(capsys, "sweep", *arguments)


def test_the_command_shows_the_best_and_how_to_go_on(
    capsys: pytest.CaptureFixture[str], file: Path
) -> None:
    outcome = swept(capsys, file, "--top", "3")

    assert outcome.code == 0
    assert "30 of 30 combinations" in outcome.out
    assert "tradebench sweep run" in outcome.out
    assert "30 combinations, about" in outcome.err
    assert outcome.out.count("%") == 3 * 3


def test_all_is_one_object_for_other_programs(
    capsys: pytest.CaptureFixture[str], file: Path
) -> None:
    payload = swept(capsys, file, "--json", "--top", "2").payload
    listed = swept(capsys, "list", "--json").payload
    shown = swept(capsys, "show", payload["sweep_id"][:13], "--json", "--top", "2").payload
    run = swept(capsys, "run", payload["sweep_id"], payload["items"][0]["number"], "--json").payload

    assert payload["status"] == "completed" and payload["done"] == 30
    assert listed["total"] == 1
    assert shown == payload
    assert run["metrics"]["total_trades"] == payload["items"][0]["metrics"]["total_trades"]
    assert run["params"].items() >= payload["items"][0]["params"].items()


def test_all_combinations_go_into_a_table(
    capsys: pytest.CaptureFixture[str], file: Path, tmp_path: Path
) -> None:
    target = tmp_path / "all.csv"

    swept(capsys, file, "--csv", target)

    with target.open(newline="") as stream:
        lines = list(csv.DictReader(stream))
    assert len(lines) == 30
    assert [int(line["number"]) for line in lines] == sorted(int(line["number"]) for line in lines)
    assert {line["fast"] for line in lines} == {str(n) for n in range(2, 13)}
    assert "nan" not in target.read_text()


def test_a_setting_can_be_changed_for_once(capsys: pytest.CaptureFixture[str], file: Path) -> None:
    outcome = swept(capsys, file, "--set", "sweep.params.slow=[40]", "--json")

    assert outcome.payload["combinations"] == 11


def test_stopping_keeps_what_is_done_and_says_how_to_go_on(
    capsys: pytest.CaptureFixture[str], file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(progress, "stop_on_interrupt", AlreadyStopped)
        stopped = swept(capsys, file)
    sweep_id = swept(capsys, "list", "--json").payload["items"][0]["sweep_id"]

    outcome = swept(capsys, "--resume", sweep_id[:13], "--json")

    assert stopped.code == 130
    assert f"tradebench sweep --resume {sweep_id[:13]}" in stopped.out
    assert outcome.code == 0 and outcome.payload["sweep_id"] == sweep_id
    assert outcome.payload["done"] == 30


class AlreadyStopped:
    """Ctrl-C before the first combination."""

    def __enter__(self) -> Any:
        return lambda: True

    def __exit__(self, *_exc: object) -> None:
        return


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["show", "ffff"], 3, "There is no sweep"),
        (["missing.toml"], 3, "no configuration file"),
        (["--resume", "ffff"], 3, "There is no sweep"),
        (["run", "ffff", "1"], 3, "There is no sweep"),
        (["show"], 2, "ID"),
        ([], 2, "FILE"),
    ],
)
def test_what_cannot_be_done_says_why(
    capsys: pytest.CaptureFixture[str], arguments: list[str], code: int, words: str
) -> None:
    outcome = swept(capsys, *arguments)

    assert outcome.code == code
    assert words in outcome.err + outcome.out


def test_a_file_without_a_section_and_one_with_a_wrong_one_are_told_by_key(
    capsys: pytest.CaptureFixture[str], file: Path, tmp_path: Path
) -> None:
    wrong = swept(capsys, file, "--set", "sweep.objective=luck", "--json")
    without = swept(capsys, config_file(tmp_path), "--json")

    assert (wrong.code, wrong.payload["error"]["field"]) == (2, "sweep.objective")
    assert (without.code, without.payload["error"]["field"]) == (2, "sweep")


def test_a_removed_sweep_is_gone(capsys: pytest.CaptureFixture[str], file: Path) -> None:
    sweep_id = swept(capsys, file, "--json").payload["sweep_id"]

    assert swept(capsys, "remove", sweep_id).code == 0
    assert "No sweeps yet" in swept(capsys, "list").out


SLOW = """
import time
from typing import ClassVar

import numpy as np

from engine.market import Panel
from engine.strategies.protocol import Parameters, Signals, SignalStrategy


class SlowParameters(Parameters):
    hold: int = 5


class Slow(SignalStrategy):
    name: ClassVar[str] = "slow"
    title: ClassVar[str] = "Slow"
    summary: ClassVar[str] = "Slow."
    Params: ClassVar[type[Parameters]] = SlowParameters

    def signals(self, panel: Panel) -> Signals:
        time.sleep(0.005)
        bars = np.arange(panel.n_bars).reshape(-1, 1)
        return Signals(enter_long=bars % (2 * self.params.hold) == 0, exit_long=bars % self.params.hold == 0)
"""


@pytest.mark.needs_posix
def test_a_sweep_that_was_killed_is_gone_on_with_and_nothing_is_lost(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    trusted(tmp_path / "slow.py", SLOW)
    bars_file(tmp_path)
    file = config_file(
        tmp_path,
        strategy={"name": "slow.py", "params": {}},
        sweep={"params": {"hold": {"from": 2, "to": 61}}, "chunk": 2},
    )
    process = subprocess.Popen(
        [sys.executable, "-m", "desktop", "sweep", str(file)],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    folder = paths.sweep_dir()
    end = time.monotonic() + 120
    while time.monotonic() < end and not any(len(r.spans) > 5 for r in SweepStore(folder).all()):
        time.sleep(0.02)
    process.kill()
    process.wait()
    (record,) = SweepStore(folder).all()
    kept = sum(stop - start for start, stop in record.spans)

    outcome = swept(capsys, "--resume", record.short_id, "--json")
    again = swept(capsys, file, "--json")

    assert 10 <= kept < 60
    assert outcome.payload["done"] == again.payload["done"] == 60
    assert outcome.payload["items"] == again.payload["items"]
