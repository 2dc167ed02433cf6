"""What nobody catches is in the log, and somebody is told."""

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QObject, QTimer, qWarning

from desktop.crash import FILE_NAME, CrashGuard
from tests.architecture.tree import ROOT

DIES = """
import ctypes, sys
from pathlib import Path
from desktop.crash import CrashGuard
guard = CrashGuard(Path(sys.argv[1]))
guard.install()
ctypes.string_at(0)
"""


@contextmanager
def guarding(folder: Path) -> Iterator[CrashGuard]:
    """Put a guard in place for a while."""
    guard = CrashGuard(folder)
    guard.install()
    try:
        yield guard
    finally:
        guard.remove()


def logged(folder: Path, event: str) -> list[dict[str, Any]]:
    """Return the records of one event."""
    lines = (folder / "tradebench.log").read_text("utf-8").splitlines()
    return [record for record in map(json.loads, lines) if record["event"] == event]


class Clumsy(QObject):
    """Has a slot that fails."""

    def fall(self) -> None:
        """Raise."""
        raise ZeroDivisionError("password=hunter2 in a slot")


def test_an_exception_in_a_slot_is_logged_and_told_without_secrets(qtbot, tmp_path, capsys):
    clumsy = Clumsy()

    with guarding(tmp_path) as guard, qtbot.waitSignal(guard.caught) as told:
        QTimer.singleShot(0, clumsy.fall)

    (record,) = logged(tmp_path, "unexpected")
    assert told.args[0].startswith("ZeroDivisionError")
    assert "ZeroDivisionError" in record["exception"]
    assert "details in" in capsys.readouterr().err
    assert "hunter2" not in told.args[0] + json.dumps(record)


def test_an_exception_in_a_thread_is_logged_and_told(qtbot, tmp_path):
    def fail() -> None:
        raise RuntimeError("in a thread")

    with guarding(tmp_path) as guard, qtbot.waitSignal(guard.caught) as told:
        threading.Thread(target=fail, name="worker").start()

    (record,) = logged(tmp_path, "unexpected")
    assert told.args == ["RuntimeError: in a thread"]
    assert record["place"] == "worker"


def test_what_qt_says_is_logged_with_its_level(qapp, tmp_path):
    with guarding(tmp_path):
        qWarning("a widget is unwell")

    (record,) = logged(tmp_path, "qt_message")
    assert record["text"] == "a widget is unwell"
    assert record["level"] == "warning"


def test_installing_twice_is_the_same_as_once_and_removing_gives_all_back(qapp, tmp_path):
    before = (sys.excepthook, threading.excepthook, sys.unraisablehook)
    guard = CrashGuard(tmp_path / "log")

    guard.install()
    guard.install()
    during = (sys.excepthook, threading.excepthook, sys.unraisablehook)
    guard.remove()
    guard.remove()

    assert all(old != new for old, new in zip(before, during, strict=True))
    assert (sys.excepthook, threading.excepthook, sys.unraisablehook) == before


def test_a_log_folder_that_cannot_be_written_stops_nobody(qapp, tmp_path):
    (tmp_path / "log" / FILE_NAME).mkdir(parents=True)

    with guarding(tmp_path / "log"):
        pass

    assert logged(tmp_path / "log", "crash_file_not_opened")


@pytest.mark.needs_posix
def test_a_process_that_dies_leaves_its_stacks_and_the_next_start_logs_them(qapp, tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", DIES, str(tmp_path)], cwd=ROOT, capture_output=True, timeout=60
    )
    left = (tmp_path / FILE_NAME).read_text("utf-8")

    with guarding(tmp_path):
        pass

    assert done.returncode != 0
    assert "string_at" in left
    (record,) = logged(tmp_path, "last_session_crashed")
    assert "string_at" in record["stacks"]
    assert (tmp_path / FILE_NAME).read_text("utf-8") == ""
