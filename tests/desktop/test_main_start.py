"""How long it takes from nothing to a window that can be used, in a process of its own."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from typing import Any

from tests.architecture.tree import ROOT

CPU_GOAL_S, CPU_LIMIT_S = 1.5, 15.0

# The program's own way to its window; in the first turn of the event loop it tells what that took and leaves.
_PROGRAM = """
import gc, json, sys, time

import qasync
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication

from desktop import __main__ as program
from desktop.warm import Warmer

def tell():
    (window,) = [one for one in QApplication.topLevelWidgets() if one.objectName() == "main_window"]
    heavy = ("pandas", "exchange_calendars", "typer")
    told = {
        "cpu": time.process_time(),
        "whole": gc.get_stats()[2]["collections"] - before,
        "on": gc.isenabled(),
        "shown": window.isVisible(),
        "heavy": [name for name in heavy if name in sys.modules],
    }
    print(json.dumps(told))
    window.close()

wait = qasync.QEventLoop.run_until_complete
waits = []

def watched(loop, future):
    if not waits:
        QTimer.singleShot(0, tell)
    waits.append(future)
    return wait(loop, future)

qasync.QEventLoop.run_until_complete = watched
Warmer.start = lambda self: False
before = gc.get_stats()[2]["collections"]
program._window(demo=False)
"""


def started() -> dict[str, Any]:
    """Start the program, and return what it told when its window was there."""
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM],
        env={**os.environ, "PYTHONPATH": str(ROOT), "QT_QPA_PLATFORM": "offscreen"},
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return told


def test_the_window_is_there_after_a_moment(figure: Callable[[str], None]) -> None:
    told = started()

    figure(f"window there after {told['cpu']:.2f} s of processor time, goal {CPU_GOAL_S} s")
    assert told["shown"]
    assert told["cpu"] < CPU_LIMIT_S


def test_until_then_no_time_is_spent_on_what_stays_anyway() -> None:
    told = started()

    assert told["heavy"] == []
    assert told["whole"] == 0
    assert told["on"]
