"""Opened, run and closed again and again, the program leaves nothing behind."""

import gc
import threading
from collections import Counter

import psutil
import pytest
from PySide6.QtCore import QCoreApplication, QEvent, QThread, QTimer
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot
from shiboken6 import isValid

from desktop.workbench.bench import Workbench
from tests.desktop.workbench import at_work


def session(qtbot: QtBot, qapp: QApplication) -> None:
    """Open the program, run, compare, close."""
    with at_work(qtbot, qapp) as desk:
        desk.set_up()
        desk.run_to_end()
        desk.run_to_end()
        desk.select_runs(0, 1)
        desk.bench.window.history.compare_selected()
        desk.bench.open_connections()
        desk.wait_idle()


def left() -> Counter[str]:
    """Count what a session may leave: windows and widgets, Qt objects that work, threads, files and connections."""
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete.value)
    gc.collect()
    found: Counter[str] = Counter()
    for widget in QApplication.allWidgets():
        found[f"widget {type(widget).__name__}"] += 1
    for one in gc.get_objects():
        if issubclass(type(one), QThread | QTimer | Workbench) and isValid(one):
            found[f"object {type(one).__name__}"] += 1
    for thread in threading.enumerate():
        if not isinstance(thread, threading._DummyThread):
            found[f"thread {thread.name}"] += 1
    process = psutil.Process()
    for file in process.open_files():
        found[f"file {file.path}"] += 1
    found["descriptors"] = process.num_fds() if hasattr(process, "num_fds") else 0
    found["connections"] = len(process.net_connections())
    return found


def assert_nothing_is_left(qtbot: QtBot, qapp: QApplication, times: int) -> None:
    session(qtbot, qapp)  # what is made once and kept: fonts, caches, the log
    before = left()

    for _ in range(times):
        session(qtbot, qapp)

    assert left() - before == Counter()


def test_a_few_sessions_leave_nothing(qtbot: QtBot, qapp: QApplication) -> None:
    assert_nothing_is_left(qtbot, qapp, 5)


@pytest.mark.heavy
@pytest.mark.timeout(900)
def test_fifty_sessions_leave_nothing(qtbot: QtBot, qapp: QApplication) -> None:
    assert_nothing_is_left(qtbot, qapp, 50)
