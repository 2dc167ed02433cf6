"""The whole program but its process: a real database, loop and window, opened and closed as `main` does.

Nothing of the program is replaced except the keyring, the day, and the dialogs that ask for a path.
"""

import asyncio
import contextlib
import datetime as dt
import functools
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import qasync
from PySide6.QtCore import QEvent, QObject, QSettings, Qt
from PySide6.QtWidgets import QApplication, QLineEdit, QWidget
from pytestqt.qtbot import QtBot
from shiboken6 import isValid

from desktop.actions import Command
from desktop.presenters.run import RunState
from desktop.service.databases import database_sources
from desktop.service.demo import demo_config
from desktop.service.facade import Service
from desktop.service.running import bars_of, strategy_of
from desktop.service.sync import SyncService
from desktop.tasks.aio import Door
from desktop.tasks.collector import short_collections
from desktop.tasks.worker import let_workers_give_way
from desktop.theme import apply_theme
from desktop.workbench.bench import Parts, Workbench
from engine.simulate import run_backtest
from storage import paths
from storage.credentials import Credentials
from storage.profiles import ProfileStore
from storage.records import RunSummary

TODAY = dt.date(2026, 1, 2)
WAIT_MS = 30_000
CONTROL = Qt.KeyboardModifier.ControlModifier


class Keyring:
    """A keyring that works, in memory."""

    def __init__(self) -> None:
        self.entries: dict[tuple[str, str], str] = {}

    def get_password(self, service: str, username: str) -> str | None:
        return self.entries.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self.entries[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        del self.entries[service, username]


@dataclass
class Desk:
    """A person at an open workbench."""

    bench: Workbench
    qtbot: QtBot
    profiles: ProfileStore
    keyring: Keyring
    heard: list[str] = field(default_factory=list)

    # what a person does

    def click(self, widget: QWidget) -> None:
        """Press the left button in the middle of a widget."""
        self.qtbot.mouseClick(widget, Qt.MouseButton.LeftButton)

    def press(self, keys: Qt.Key, modifiers: Qt.KeyboardModifier = CONTROL) -> None:
        """Go to the main window and press a shortcut, wherever the keyboard is in it."""
        with self.qtbot.waitActive(self.bench.window):
            self.bench.window.activateWindow()
        self.qtbot.keyClick(self.bench.window, keys, modifiers)

    def type_into(self, path: str, text: str) -> None:
        """Replace the text of a field of the set-up by typing."""
        line = self.line(path)
        line.setFocus()
        line.selectAll()
        self.qtbot.keyClick(line, Qt.Key.Key_Delete)
        self.qtbot.keyClicks(line, text)

    def set_up(self, **sections: Any) -> None:
        """Load a configuration as File → Open does; the demo with sections replaced."""
        base: dict[str, Any] = {
            "strategy": {"name": "sma_cross", "params": {}},
            "data": {"source": "demo", "symbols": ["AAPL"], "start": "2010-01-01"},
        }
        self.bench.setup.load(base | sections)

    def run_to_end(self) -> RunSummary:
        """Run by the keyboard, wait for the end and return the run that is newest then."""
        self.press(Qt.Key.Key_R)
        assert self.bench.run.state is RunState.RUNNING
        self.wait_idle()
        return self.newest()

    def select_runs(self, *rows: int) -> None:
        """Click rows of the history with Ctrl held."""
        table = self.bench.window.history.table
        table.clearSelection()
        for row in rows:
            spot = table.visualRect(table.model().index(row, 0)).center()
            self.qtbot.mouseClick(table.viewport(), Qt.MouseButton.LeftButton, CONTROL, spot)

    def click_close(self, window: QWidget) -> None:
        """Close a window that is not the main one, and let it go."""
        window.close()
        self.wait_for(lambda: not isValid(window))

    # what a person sees

    def line(self, path: str) -> QLineEdit:
        """Return the editor of a field of the set-up."""
        editor = self.bench.window.setup.editor(path).editor
        assert isinstance(editor, QLineEdit)
        return editor

    def problem(self, path: str) -> str:
        """Return what stands beside a field."""
        return self.bench.window.setup.editor(path).problem()

    def message(self) -> str:
        """Return what the status bar says."""
        return self.bench.window.status.currentMessage()

    def can_run(self) -> bool:
        """Tell whether Run can be pressed, by mouse and by keyboard alike."""
        button = self.bench.window.setup.run_button().isEnabled()
        action = self.bench.actions[Command.RUN].isEnabled()
        assert button == action, "button and command disagree"
        return button

    def runs(self) -> tuple[RunSummary, ...]:
        """Return the runs in the database, newest first."""
        return tuple(self.bench.service.history(limit=100).items)

    def newest(self) -> RunSummary:
        """Return the newest run in the database."""
        return self.runs()[0]

    # waiting

    def wait_for(self, condition: Callable[[], bool], timeout_ms: int = WAIT_MS) -> None:
        """Let the window live until something is so."""
        self.qtbot.waitUntil(condition, timeout=timeout_ms)

    def wait_idle(self, timeout_ms: int = WAIT_MS) -> None:
        """Let the window live until no run, no question and no answer is under way."""
        self.wait_for(lambda: self.bench.run.state is RunState.IDLE, timeout_ms)
        self.wait_for(lambda: not self.bench.tasks.alive and self.bench.door.is_idle, timeout_ms)


@contextlib.contextmanager
def at_work(
    qtbot: QtBot, qapp: QApplication, keyring: Keyring | None = None, path: Path | None = None
) -> Iterator[Desk]:
    """Open the program for the block, close its window afterwards, and wait until it has ended."""
    compile_kernels()
    let_workers_give_way()
    keyring = keyring or Keyring()
    name = f"{Keyring.__module__}.{Keyring.__qualname__}"
    credentials = Credentials(lambda: keyring, accepted=frozenset({name}), deadline_s=5.0)
    profiles = ProfileStore()
    theme = apply_theme(qapp, "dark")
    qapp.setQuitOnLastWindowClosed(False)
    settings = QSettings(str(paths.config_dir() / "window.ini"), QSettings.Format.IniFormat)
    with (
        running_loop(qapp) as loop,
        Service.open(path, database=database_sources(profiles, credentials)) as service,
    ):
        door = Door(loop)
        sync = SyncService.over(service.store, profiles, credentials, door.is_closing)
        parts = Parts(profiles, credentials, sync, today=lambda: TODAY)
        bench = Workbench(service, door, theme, settings, parts)
        desk = Desk(bench, qtbot, profiles, keyring)
        bench.start()
        qtbot.waitExposed(bench.window)
        desk.wait_for(lambda: door.is_idle)
        try:
            with short_collections():
                yield desk
        finally:
            bench.window.close()
            qtbot.waitUntil(bench.ended.is_set, timeout=WAIT_MS)
            asyncio._set_running_loop(None)
            loop.run_until_complete(door.close())
            delete(bench.window, bench, door, theme)


@contextlib.contextmanager
def running_loop(qapp: QApplication) -> Iterator[qasync.QEventLoop]:
    """Let Qt's loop be asyncio's, too, for the block."""
    loop = qasync.QEventLoop(qapp)
    asyncio.set_event_loop(loop)
    asyncio._set_running_loop(loop)
    try:
        yield loop
    finally:
        asyncio._set_running_loop(None)
        loop.close()
        asyncio.set_event_loop(None)


@functools.cache
def compile_kernels() -> None:
    """Compile what the tests' runs use, once a session: on a new computer it takes longer than they would wait."""
    config = demo_config()
    strategy = strategy_of(config)
    run_backtest(config, bars_of(config, strategy, None), strategy, clock=time.perf_counter)


def windows_left() -> list[str]:
    """Return every window there is, shown or not."""
    return [type(window).__name__ for window in QApplication.topLevelWidgets()]


def delete(*objects: QObject) -> None:
    """Delete Qt objects now, as the end of the program does."""
    for one in objects:
        one.deleteLater()
        QApplication.sendPostedEvents(one, QEvent.Type.DeferredDelete.value)
