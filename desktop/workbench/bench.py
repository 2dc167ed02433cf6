"""One session of the window: every presenter and panel is built here, and handed to the areas that connect them.

Before it, `desktop.app` has opened the local database and the door. When the window closes, `Workbench.leave` stops
what is under way, cuts what waits for a server, and lets only what stores a stopped run go on to its end.
"""

import asyncio
import datetime as dt
import time
from collections.abc import Callable
from dataclasses import dataclass

from PySide6.QtCore import QObject, QSettings

from desktop import logs
from desktop.actions import Actions, Command
from desktop.presenters.attempt import Ready
from desktop.presenters.connections import ConnectionsPresenter
from desktop.presenters.health import HealthPresenter
from desktop.presenters.history import HistoryPresenter
from desktop.presenters.ownfiles import OwnFilesPresenter
from desktop.presenters.passwords import PasswordsPresenter
from desktop.presenters.result import ResultPresenter
from desktop.presenters.run import KEEP, RunPresenter
from desktop.presenters.setup import SetupPresenter
from desktop.presenters.strategies import StrategiesPresenter
from desktop.presenters.team_password import TeamPasswordPresenter
from desktop.service.facade import Service
from desktop.service.sync import SyncService
from desktop.tasks.aio import Door
from desktop.tasks.worker import Tasks
from desktop.theme.apply import Theme
from desktop.views.compare_window import CompareWindow
from desktop.views.connection_dialog import ConnectionDialog
from desktop.views.history_panel import HistoryPanel
from desktop.views.main_window import MainWindow
from desktop.views.result_view import ResultView
from desktop.views.run_charts import LiveCharts, charts_of
from desktop.views.setup_panel import SetupPanel
from desktop.workbench.browsing import BrowseArea
from desktop.workbench.interrupted import InterruptedArea
from desktop.workbench.menus import MenuArea
from desktop.workbench.ownfiles import OwnFilesArea
from desktop.workbench.pacing import PaceArea
from desktop.workbench.room import Room
from desktop.workbench.running import RunArea
from desktop.workbench.team import TeamArea
from storage.connection_report import test_connection
from storage.credentials import Credentials
from storage.profiles import ProfileStore

_STOP_SECONDS = 5.0  # for work that was told to stop
_KEEP_SECONDS = 120.0  # for what a stopped run had: it must not be lost
_LOOK_SECONDS = 0.01


@dataclass(frozen=True)
class Parts:
    """What a workbench stands on besides the service; tests hand in their own."""

    profiles: ProfileStore
    credentials: Credentials
    sync: SyncService
    ready: Ready | None = None
    today: Callable[[], dt.date] = lambda: dt.datetime.now(dt.UTC).date()


class Workbench(QObject):
    """Everything of one session of the window."""

    def __init__(
        self, service: Service, door: Door, theme: Theme, settings: QSettings, parts: Parts
    ) -> None:
        """Build presenters and panels, and let the areas connect them."""
        super().__init__()
        self.ended = asyncio.Event()
        self.service = service
        self.door = door
        self.settings = settings
        self.tasks = Tasks(self)
        self.actions = Actions(self)
        self._leaving = False
        profiles, credentials, tokens = parts.profiles, parts.credentials, theme.tokens
        self.setup = SetupPresenter(parts.today, self)
        self.strategies = StrategiesPresenter(door, service.store, self)
        self.own_files = OwnFilesPresenter(door, self.setup, self)
        self.run = RunPresenter(
            service, self.tasks, charts_of, self, ready=parts.ready, follow=LiveCharts
        )
        self.passwords = PasswordsPresenter(door, profiles, credentials, self)
        self.history = HistoryPresenter(service, door, tokens, self)
        self.opener = ResultPresenter(service, door, charts_of, self)
        self.connections = ConnectionsPresenter(door, profiles, credentials, test_connection, self)
        self.health = HealthPresenter(door, parts.sync, profiles, self)
        self.team_password = TeamPasswordPresenter(door, profiles, credentials, self)
        self.window = MainWindow(
            self.actions,
            SetupPanel(self.setup, self.strategies),
            ResultView(tokens),
            HistoryPanel(self.history, tokens),
        )
        room = Room(self.window, self.actions, service, door, theme, settings)
        self._room = room
        self._runs = RunArea(room, self.setup, self.run, self.passwords, self)
        self._browsing = BrowseArea(room, self.history, self.opener, self)
        self._team = TeamArea(room, self.health, self.connections, self.team_password, self)
        self._own = OwnFilesArea(room, self.own_files, self.strategies, self)
        self._pace = PaceArea(room, self.run, self)
        self._interrupted = InterruptedArea(room, self.run, self)
        self._menus = MenuArea(room, self._commands(), self)
        self._connect_areas()

    def _commands(self) -> dict[Command, Callable[[], object]]:
        return {
            Command.NEW_RUN: self._runs.new_run,
            Command.RUN: self._runs.start_run,
            Command.STOP: self.run.stop,
            Command.DEMO: self._runs.set_up_demo,
            Command.EXPORT_TRADES: self._browsing.export_trades,
            Command.COMPARE: self.window.history.compare_selected,
            Command.CONNECTIONS: self._team.open_connections,
            Command.SYNC_NOW: self._team.sync_now,
        }

    def _connect_areas(self) -> None:
        self._runs.began.connect(self.opener.forget)
        self._runs.listed.connect(self.history.refresh)
        self._runs.ended.connect(self.health.sync)
        self._interrupted.listed.connect(self.history.refresh)
        self._menus.config_read.connect(self.setup.load)
        self.door.failed.connect(self._on_door_failed)
        self.window.closing.connect(self.leave)

    @property
    def compare_windows(self) -> list[CompareWindow]:
        """The compare windows that are open."""
        return self._browsing.compare_windows

    def start(self) -> None:
        """Show the window and ask for what it shows."""
        self.window.restore_layout(self.settings)
        self.window.show()
        self.history.refresh()
        self.strategies.refresh()
        self._interrupted.start()
        self._team.start()

    def run_demo(self) -> None:
        """Set the demo up and run it, without anybody pressing anything."""
        self._runs.set_up_demo()
        self.start_run()

    def start_run(self) -> None:
        """Run what is set up."""
        self._runs.start_run()

    def open_compare(self, run_ids: list[str]) -> CompareWindow:
        """Open one more compare window."""
        return self._browsing.open_compare(run_ids)

    def open_connections(self) -> ConnectionDialog:
        """Open the connections; the window behind stays usable."""
        return self._team.open_connections()

    def leave(self) -> None:
        """End what is under way, keep what has ended, then close. Asked twice is asked once."""
        if self._leaving:
            return
        self._leaving = True
        self._runs.leave()
        self._team.leave()
        self.window.save_layout(self.settings)
        self._browsing.leave()
        self.window.hide()
        self.tasks.cancel_all()
        self.service.leave()
        self.door.begin_closing()
        self.door.start(self._end())

    async def _end(self) -> None:
        """Wait for the tasks: shortly for those that were told to stop, longer for one that stores."""
        began = time.monotonic()
        while alive := self.tasks.alive:
            stores = any(task.objectName() == KEEP for task in alive)
            if time.monotonic() - began > (_KEEP_SECONDS if stores else _STOP_SECONDS):
                logs.get("window").warning("tasks_outlived_the_window", count=len(alive))
                break
            await asyncio.sleep(_LOOK_SECONDS)
        self.ended.set()

    def _on_door_failed(self, error: Exception) -> None:
        logs.get("window").error("unexpected", error=repr(error), exc_info=error)
        self.on_crash_caught(type(error).__name__)

    def on_crash_caught(self, text: str) -> None:
        """Tell of an exception that nobody caught; the log has the rest."""
        self._room.tell(self.tr("An error inside the program: {0}").format(text))
