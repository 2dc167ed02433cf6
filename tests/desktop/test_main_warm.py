"""Kernels are compiled once, in a process of their own, and runs wait for it instead of compiling again."""

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from desktop.presenters.attempt import Attempt
from desktop.service.facade import Service
from desktop.service.kernel_cache import VARIABLE
from desktop.tasks.worker import Control
from desktop.warm import Warmer, command, note_of
from engine.result import BacktestProgress
from storage.errors import Stopped
from tests.architecture.tree import ROOT
from tests.desktop.windows import demo_config


def child(code: str) -> tuple[str, ...]:
    """Return the command line of a child that runs this code in place of compiling."""
    return (sys.executable, "-c", code)


def warming(folder: Path, seconds: float = 0.3) -> tuple[str, ...]:
    """Return a child that takes some time and leaves the note."""
    note = str(note_of(folder))
    return child(f"import pathlib, time; time.sleep({seconds}); pathlib.Path({note!r}).touch()")


def never() -> bool:
    return False


def test_a_run_waits_for_the_child_and_is_told_once(tmp_path):
    warmer = Warmer(warming(tmp_path), tmp_path)
    told: list[str] = []

    started = warmer.start()
    warm = warmer.wait_until_warm(never, lambda: told.append("compiling"))

    assert started
    assert warm
    assert told == ["compiling"]
    assert not warmer.is_warming


def test_what_is_warm_is_not_warmed_again_and_nobody_waits(tmp_path):
    note_of(tmp_path).touch()
    warmer = Warmer(child("raise SystemExit(1)"), tmp_path)
    told: list[str] = []

    started = warmer.start()

    assert not started
    assert warmer.wait_until_warm(never, lambda: told.append("compiling"))
    assert told == []


def test_starting_twice_starts_one_child(tmp_path):
    warmer = Warmer(warming(tmp_path), tmp_path)

    assert warmer.start()
    assert not warmer.start()
    assert warmer.wait_until_warm(never)


def test_a_child_that_fails_lets_the_run_compile_for_itself(tmp_path):
    warmer = Warmer(child("raise SystemExit(3)"), tmp_path)
    warmer.start()

    assert warmer.wait_until_warm(never) is False


def test_a_program_that_is_not_there_is_no_reason_to_fail(tmp_path):
    warmer = Warmer((str(tmp_path / "nosuch"),), tmp_path)

    assert not warmer.start()
    assert warmer.wait_until_warm(never) is False


def test_stop_is_heard_while_waiting(tmp_path):
    warmer = Warmer(child("import time; time.sleep(60)"), tmp_path)
    warmer.start()
    asked = threading.Event()
    threading.Timer(0.1, asked.set).start()

    began = time.monotonic()
    warm = warmer.wait_until_warm(asked.is_set)
    seconds = time.monotonic() - began
    warmer.stop()

    assert not warm
    assert seconds < 2.0


def test_closing_ends_the_child_and_twice_is_the_same_as_once(tmp_path):
    warmer = Warmer(child("import time; time.sleep(60)"), tmp_path)
    warmer.start()

    warmer.stop()
    warmer.stop()

    assert not warmer.is_warming


def test_the_child_is_this_program_from_the_source_and_from_a_bundle(monkeypatch):
    from_source = command()
    monkeypatch.setattr(sys, "frozen", True, raising=False)

    assert from_source == (sys.executable, "-m", "desktop", "--warm-kernels")
    assert command() == (sys.executable, "--warm-kernels")


def test_the_work_of_a_run_says_that_it_compiles_before_it_loads(service: Service):
    stages: list[str] = []

    def report(progress: BacktestProgress) -> None:
        stages.append(progress.stage)

    def ready(_should_stop: object, on_wait) -> None:
        on_wait()

    view = Attempt(service, demo_config(), ready=ready).drive(Control(report, threading.Event()))

    assert view is not None
    assert stages[:2] == ["compile", "load"]


def test_a_run_that_is_stopped_while_it_waits_is_kept_as_cancelled(service: Service):
    stop = threading.Event()

    def ready(_should_stop: object, _on_wait: object) -> None:
        stop.set()

    attempt = Attempt(service, demo_config(), ready=ready)
    control = Control(lambda _report: None, stop)

    with pytest.raises(Stopped):
        attempt.drive(control)
    view = attempt.keep(control)

    assert view is None
    assert [run.status for run in service.history().items] == ["cancelled"]


@pytest.mark.heavy
def test_after_warming_no_built_in_strategy_compiles_anything(tmp_path):
    env = {**os.environ, VARIABLE: str(tmp_path / "kernels"), "PYTHONPATH": str(ROOT)}
    (tmp_path / "kernels").mkdir(mode=0o700)

    warmed = subprocess.run(
        [sys.executable, "-m", "desktop", "--warm-kernels"], env=env, timeout=900, check=False
    )
    before = sorted(file.name for file in (tmp_path / "kernels").rglob("*.nbc"))
    demo = subprocess.run(
        [sys.executable, "-m", "desktop", "demo", "--json"],
        env=env,
        timeout=300,
        check=False,
        capture_output=True,
    )
    after = sorted(file.name for file in (tmp_path / "kernels").rglob("*.nbc"))

    assert warmed.returncode == 0
    assert demo.returncode == 0
    assert before
    assert after == before
