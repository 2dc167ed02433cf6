"""pytest's own net: what a test leaves behind or lets slip fails it."""

import subprocess
import sys
from pathlib import Path

from tests.architecture.planting import Plant, copied_tree, plant

_LEAKS = """
import threading
import time
import warnings

import pytest
from PySide6.QtCore import QTimer, qWarning

kept = []

def test_thread():
    threading.Thread(target=time.sleep, args=(5,), daemon=True).start()

def test_timer(qtbot):
    kept.append(QTimer())
    kept[0].start(1000)

def test_message(qtbot):
    qWarning("a message of Qt")

def test_warning():
    warnings.warn("a warning of Python", stacklevel=1)

def test_slot(qtbot):
    timer = QTimer(singleShot=True)
    timer.timeout.connect(lambda: 1 / 0)
    with qtbot.waitSignal(timer.timeout):
        timer.start(1)
"""


def test_what_a_test_lets_slip_fails_it(tmp_path: Path) -> None:
    root = copied_tree(tmp_path)
    plant(root, Plant("pytest", "tests/test_leaks.py", _LEAKS))

    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-rfE", "tests/test_leaks.py"],
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )

    lines = [line.split(" - ")[0] for line in done.stdout.splitlines() if "::" in line]
    assert sorted(line for line in lines if line.startswith(("FAILED", "ERROR"))) == [
        "ERROR tests/test_leaks.py::test_thread",
        "ERROR tests/test_leaks.py::test_timer",
        "FAILED tests/test_leaks.py::test_message",
        "FAILED tests/test_leaks.py::test_slot",
        "FAILED tests/test_leaks.py::test_warning",
    ], done.stdout


def test_a_mark_that_is_not_declared_is_refused(tmp_path: Path) -> None:
    root = copied_tree(tmp_path)
    plant(
        root,
        Plant(
            "pytest",
            "tests/test_mark.py",
            "import pytest\n@pytest.mark.sometime\ndef test_x(): pass",
        ),
    )

    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "tests/test_mark.py"],
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )

    assert "'sometime' not found in `markers`" in done.stdout
