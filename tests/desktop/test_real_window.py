"""Real windows on a real X server: what is pressed and typed goes through it, as a person's would.

The whole file also runs with QT_SCALE_FACTOR=2, where everything has twice as many pixels.
"""

import csv
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot

from desktop.presenters.run import RunState
from tests.architecture.tree import ROOT
from tests.desktop.test_workbench_access import clipped
from tests.desktop.workbench import Desk, at_work

pytestmark = pytest.mark.xvfb

START_SECONDS = 60


def xdotool(*arguments: object) -> str:
    """Run one command of the X server's hand."""
    done = subprocess.run(
        ["xdotool", *map(str, arguments)], check=True, capture_output=True, text=True, timeout=30
    )
    return done.stdout.strip()


class Hand:
    """A hand on the mouse and the keyboard of the X server."""

    def __init__(self, qtbot: QtBot) -> None:
        self.qtbot = qtbot

    def click(self, widget: QWidget, *, held: str = "") -> None:
        """Press the left button in the middle of a widget."""
        self.click_at(widget, widget.rect().center().x(), widget.rect().center().y(), held)

    def click_at(self, widget: QWidget, x: int, y: int, held: str = "") -> None:
        """Press the left button somewhere in a widget, with a key held."""
        spot = widget.mapToGlobal(widget.rect().topLeft())
        ratio = widget.devicePixelRatioF()
        place = (round((spot.x() + x) * ratio), round((spot.y() + y) * ratio))
        keys = (["keydown", held], ["keyup", held]) if held else ([], [])
        xdotool(*keys[0], "mousemove", *place, "click", 1, *keys[1])
        self.qtbot.wait(50)

    def press(self, keys: str) -> None:
        """Press a shortcut, wherever the keyboard is."""
        xdotool("key", "--clearmodifiers", keys)
        self.qtbot.wait(50)

    def write(self, text: str) -> None:
        """Type a text."""
        xdotool("type", "--delay", 5, text)
        self.qtbot.wait(50)


@pytest.fixture
def hand(qtbot: QtBot) -> Hand:
    return Hand(qtbot)


@pytest.fixture
def real_desk(qtbot: QtBot, qapp: QApplication) -> Iterator[Desk]:
    """Sit down at a window that really has the keyboard."""
    assert QGuiApplication.platformName() == "xcb"
    with at_work(qtbot, qapp) as desk:
        window = desk.bench.window
        window.move(0, 0)
        xdotool("windowfocus", "--sync", int(window.winId()))
        desk.wait_for(window.isActiveWindow)
        yield desk


def screenshot(name: str) -> None:
    """Keep what is on the screen where somebody wants to look at it."""
    if folder := os.environ.get("TRADEBENCH_SCREENSHOTS"):
        ratio = os.environ.get("QT_SCALE_FACTOR", "1")
        image = QGuiApplication.primaryScreen().grabWindow(0)
        image.save(str(Path(folder) / f"{name}_{ratio}.png"))


def test_the_program_starts_with_its_title_and_icon_and_ends_by_keyboard(tmp_path: Path) -> None:
    environment = {**os.environ, "TRADEBENCH_HOME": str(tmp_path / "home")}
    program = subprocess.Popen(
        [sys.executable, "-m", "desktop"], cwd=ROOT, env=environment, stderr=subprocess.PIPE
    )
    try:
        found = visible_window(program)
        properties = subprocess.run(
            ["xprop", "-id", found, "WM_CLASS", "_NET_WM_ICON", "_NET_WM_NAME", "_NET_WM_PID"],
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        xdotool("windowfocus", "--sync", found)
        xdotool("key", "ctrl+q")
        _, said = program.communicate(timeout=30)
    finally:
        if program.poll() is None:
            program.send_signal(signal.SIGKILL)
            program.communicate()

    assert '_NET_WM_NAME(UTF8_STRING) = "Tradebench"' in properties
    assert "tradebench" in properties.split("WM_CLASS", 1)[1].splitlines()[0].lower()
    assert "Icon (" in properties
    assert str(program.pid) in properties
    assert program.returncode == 0
    assert said.decode() == ""


def visible_window(program: subprocess.Popen[bytes]) -> str:
    """Wait for the program's window."""
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end and program.poll() is None:
        found = subprocess.run(
            [
                "xdotool",
                "search",
                "--onlyvisible",
                "--pid",
                str(program.pid),
                "--name",
                "Tradebench",
            ],
            capture_output=True,
            text=True,
            check=False,
        ).stdout.split()
        if found:
            return found[0]
        time.sleep(0.1)
    raise AssertionError("no window came")


def test_from_the_demo_to_a_comparison_and_a_file_by_mouse_and_keyboard(
    real_desk: Desk, hand: Hand, tmp_path: Path
) -> None:
    desk, window = real_desk, real_desk.bench.window
    screenshot("start")

    hand.click(window.start_page.demo)
    hand.click(window.setup.run_button())
    desk.wait_for(lambda: len(desk.runs()) == 1)
    desk.wait_idle()
    hand.press("F5")
    desk.wait_for(lambda: len(desk.runs()) == 2)
    desk.wait_idle()
    desk.qtbot.wait(300)
    screenshot("result")
    assert [run.status for run in desk.runs()] == ["completed"] * 2

    table = window.history.table
    rows = [table.visualRect(table.model().index(row, 1)).center() for row in (0, 1)]
    hand.click_at(table.viewport(), rows[0].x(), rows[0].y())
    hand.click_at(table.viewport(), rows[1].x(), rows[1].y(), held="ctrl")
    hand.press("ctrl+d")
    desk.wait_for(lambda: len(desk.bench.compare_windows) == 1)
    compare = desk.bench.compare_windows[0]
    desk.wait_for(lambda: compare.metrics.rowCount() > 0)
    desk.qtbot.wait(300)
    screenshot("compare")
    compare.close()

    xdotool("windowfocus", "--sync", int(window.winId()))
    file = tmp_path / "trades.csv"
    dialog = threading.Thread(target=save_as, args=(file,), name="hand")
    dialog.start()
    hand.press("ctrl+e")
    desk.wait_for(lambda: "Saved" in desk.message())
    dialog.join()
    with file.open(newline="", encoding="utf-8") as read:
        trades = list(csv.DictReader(read))
    assert len(trades) == desk.bench.service.trades(desk.newest().run_id).total


def save_as(file: Path) -> None:
    """Wait for the dialog that asks where to, and type a path."""
    end = time.monotonic() + 20
    while time.monotonic() < end:
        found = subprocess.run(
            ["xdotool", "search", "--onlyvisible", "--name", "Export trades"],
            capture_output=True,
            text=True,
            check=False,
        ).stdout.split()
        if found:
            time.sleep(0.5)
            xdotool("windowfocus", "--sync", found[0])
            xdotool("key", "ctrl+a", "type", "--delay", 5, str(file))
            xdotool("key", "Return")
            return
        time.sleep(0.1)


def test_the_keyboard_goes_where_the_mouse_was_and_shortcuts_work_from_there(
    real_desk: Desk, hand: Hand
) -> None:
    desk = real_desk
    desk.set_up()
    slow = desk.line("strategy.params.slow")

    hand.click(slow)
    desk.wait_for(slow.hasFocus)
    hand.press("ctrl+a")
    hand.write("90")
    hand.press("Tab")
    assert not slow.hasFocus()
    hand.press("ctrl+r")
    desk.wait_for(lambda: len(desk.runs()) == 1)
    desk.wait_idle()

    params = desk.bench.service.load(desk.newest().run_id).record.config.strategy.params
    assert params == {"slow": 90}


def test_stop_is_heard_from_the_keyboard(
    real_desk: Desk, hand: Hand, million: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tests.desktop.million import set_up_on
    from tests.desktop.test_stop import Held

    desk = real_desk
    desk.set_up(**set_up_on(million))
    held = Held("simulate", monkeypatch)

    hand.press("ctrl+r")
    desk.wait_for(held.reached.is_set)
    hand.press("ctrl+period")
    desk.wait_for(lambda: desk.bench.run.state is RunState.STOPPING)
    held.go_on.set()
    desk.wait_idle()

    assert desk.newest().status == "cancelled"


def test_nothing_is_clipped_and_the_window_fits_the_screen(
    real_desk: Desk, figure: Callable[[str], None]
) -> None:
    desk, window = real_desk, real_desk.bench.window
    wanted = float(os.environ.get("QT_SCALE_FACTOR", "1"))
    start = clipped(window)
    desk.set_up()
    desk.bench.start_run()
    desk.wait_for(lambda: len(desk.runs()) == 1)
    desk.wait_idle()
    connections = desk.bench.open_connections()
    desk.qtbot.addWidget(connections)
    desk.wait_idle()
    desk.qtbot.wait(200)
    screenshot("connections")

    figure(f"{window.devicePixelRatioF():g} pixels a point, {window.width()} x {window.height()}")
    assert window.devicePixelRatioF() == wanted
    assert [start, clipped(window), clipped(connections)] == [[], [], []]
    assert window.screen().availableGeometry().contains(window.geometry())
