"""The composition root: builds every object once and makes every connection between the panels.

Before it, `desktop.__main__` has decided for the window and prepared the kernel cache. Here the local database is
opened (whatever is wrong with it is told in a dialog, and the program ends), then presenters, then windows. When the
window closes, runs are cancelled and joined, the door is closed, the database last: a finished run is already saved,
and one that was under way is kept as stopped.
"""

import asyncio
import datetime as dt
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

import qasync
from PySide6.QtCore import QObject, QSettings, Qt, QTimer
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QApplication, QFileDialog, QMessageBox

from desktop import fmt, logs
from desktop.actions import Actions, Command
from desktop.crash import CrashGuard
from desktop.presenters.compare import ComparePresenter
from desktop.presenters.connections import ConnectionsPresenter
from desktop.presenters.export import TradesExport
from desktop.presenters.health import HealthPresenter
from desktop.presenters.history import HistoryPresenter
from desktop.presenters.passwords import PasswordQuestion, PasswordsPresenter
from desktop.presenters.result import ResultPresenter
from desktop.presenters.run import Failure, Ready, RunPresenter, RunState
from desktop.presenters.setup import SetupPresenter
from desktop.presenters.state import LiveProgress, RunView, strategy_title
from desktop.service.configfile import read_mapping
from desktop.service.databases import database_sources
from desktop.service.demo import demo_config
from desktop.service.facade import Service
from desktop.service.sync import SyncService
from desktop.service.versions import app_version
from desktop.tasks.aio import Door
from desktop.tasks.collector import set_aside, short_collections
from desktop.tasks.worker import Tasks, let_workers_give_way
from desktop.theme.apply import Theme, apply_theme
from desktop.theme.icons import product_icon
from desktop.tokens import Tokens
from desktop.views.compare_window import CompareWindow
from desktop.views.connection_dialog import ConnectionDialog
from desktop.views.file_dialogs import choose_csv_path
from desktop.views.history_panel import HistoryPanel
from desktop.views.main_window import MainWindow
from desktop.views.password_dialog import PasswordDialog
from desktop.views.result_view import ResultView
from desktop.views.run_charts import LiveCharts, charts_of, compare_charts_of
from desktop.views.setup_panel import SetupPanel
from desktop.views.text_window import show_text
from desktop.warm import Warmer
from engine.config import BacktestConfig
from engine.errors import BacktestError, Problem
from engine.result import BacktestProgress
from storage import paths
from storage.connection_report import test_connection
from storage.credentials import Credentials
from storage.errors import DatabaseConnectionError
from storage.profiles import ProfileStore

_SHUTDOWN_MS = 5000
_TICK_MS = 60_000


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
        """Build presenters and panels, and connect them."""
        super().__init__()
        self.ended = asyncio.Event()
        self.service = service
        self.door = door
        self.theme = theme
        self.settings = settings
        self.profiles = parts.profiles
        self.tasks = Tasks(self)
        self.actions = Actions(self)
        self.compare_windows: list[CompareWindow] = []
        self._leaving = False
        self._live, self._capital, self._title = False, 0.0, ""
        tokens = theme.tokens
        self.setup = SetupPresenter(parts.today, self)
        self.run = RunPresenter(
            service, self.tasks, charts_of, self, ready=parts.ready, follow=LiveCharts
        )
        self.passwords = PasswordsPresenter(door, parts.profiles, parts.credentials, self)
        self.history = HistoryPresenter(service, door, tokens, self)
        self.opener = ResultPresenter(service, door, charts_of, self)
        self.connections = ConnectionsPresenter(
            door, parts.profiles, parts.credentials, test_connection, self
        )
        self.health = HealthPresenter(door, parts.sync, parts.profiles, self)
        self.window = MainWindow(
            self.actions,
            SetupPanel(self.setup),
            ResultView(tokens),
            HistoryPanel(self.history, tokens),
        )
        self.export = TradesExport(service, door, self._choose_csv, self)
        self._tick = QTimer(self)
        self._tick.setInterval(_TICK_MS)
        self._connect_run()
        self._connect_history()
        self._connect_actions()
        self._connect_rest()

    def start(self) -> None:
        """Show the window and ask for what it shows."""
        self.window.restore_layout(self.settings)
        self.window.show()
        self.history.refresh()
        self.health.start()
        self.connections.check_keyring()
        self._tick.start()

    # connections

    def _connect_run(self) -> None:
        run, panel, result = self.run, self.window.setup, self.window.result
        panel.run_requested.connect(self.start_run)
        panel.stop_requested.connect(run.stop)
        self.passwords.ready.connect(self._on_run_ready)
        self.passwords.wanted.connect(self._on_password_wanted)
        self.passwords.given_up.connect(self._tell)
        run.state_changed.connect(panel.run_bar.set_state)
        run.state_changed.connect(self._on_run_state_changed)
        run.progressed.connect(panel.run_bar.show_progress)
        run.progressed.connect(self._on_run_progressed)
        run.completed.connect(self._on_run_completed)
        run.stopped.connect(self._on_run_stopped)
        run.failed.connect(self._on_run_failed)
        result.action_requested.connect(self.window.show_start)
        self.window.start_page.demo_requested.connect(self.set_up_demo)

    def _connect_history(self) -> None:
        self.history.open_requested.connect(self.opener.open)
        self.history.compare_requested.connect(self.open_compare)
        self.history.export_requested.connect(self.export.export)
        self.opener.loading.connect(self._on_opener_loading)
        self.opener.opened.connect(self._on_opener_opened)
        self.opener.failed.connect(self._on_opener_failed)
        self.export.saved.connect(self._tell)
        self.export.failed.connect(self._tell_failure)
        self.window.history.selection_changed.connect(self._on_selection_changed)
        self._on_selection_changed([])

    def _connect_actions(self) -> None:
        for command, slot in (
            (Command.NEW_RUN, self.new_run),
            (Command.OPEN_CONFIG, self._open_config),
            (Command.EXPORT_TRADES, self.export_trades),
            (Command.QUIT, self.window.close),
            (Command.RUN, self.start_run),
            (Command.STOP, self.run.stop),
            (Command.DEMO, self.set_up_demo),
            (Command.COMPARE, self.window.history.compare_selected),
            (Command.SWITCH_THEME, self._switch_theme),
            (Command.FOLLOW_SYSTEM, self._follow_system),
            (Command.CONNECTIONS, self.open_connections),
            (Command.SYNC_NOW, self.health.sync_now),
            (Command.WHATS_NEW, self._show_changes),
            (Command.COPY_DIAGNOSTICS, self._copy_diagnostics),
            (Command.ABOUT, self._show_about),
        ):
            self.actions[command].triggered.connect(slot)
        self.actions[Command.STOP].setEnabled(False)

    def _connect_rest(self) -> None:
        self.theme.changed.connect(self._on_theme_changed)
        self.health.lit.connect(self.window.status.set_light)
        self.health.sync_changed.connect(self.window.status.set_sync)
        self.connections.keyring_answered.connect(self.health.on_keyring_answer)
        self.connections.saved.connect(self.health.look_again)
        self.door.failed.connect(self._on_door_failed)
        self._tick.timeout.connect(self.health.sync)
        self.setup.changed.connect(self._on_setup_changed)
        self.window.closing.connect(self.leave)
        self._on_setup_changed()

    # what a person asks for

    def start_run(self) -> None:
        """Run what is set up; does nothing while the set-up has a problem or a run is under way."""
        config = self.setup.state.config
        if config is not None and self.run.state is RunState.IDLE and not self._leaving:
            self.passwords.prepare(config)

    def new_run(self) -> None:
        """Begin with an empty result and the set-up in focus."""
        self.opener.forget()
        self.window.show_start()
        self.window.setup.strategy.setFocus()

    def set_up_demo(self) -> None:
        """Fill in the demo; Run is then one press away."""
        self.setup.load(demo_config().model_dump(mode="json", exclude_defaults=True))
        self.window.setup.run_button().setFocus()

    def export_trades(self) -> None:
        """Save the trades of the run that is shown, else of the one selected in the history."""
        result = self.window.result
        if result.run_id:
            self.export.export(result.run_id, result.run_title)
        else:
            self.window.history.export_selected()

    def open_compare(self, run_ids: list[str]) -> CompareWindow:
        """Open one more compare window."""
        presenter = ComparePresenter(self.service, self.door, run_ids, compare_charts_of)
        window = CompareWindow(presenter, self.theme.tokens)
        self.compare_windows.append(window)
        self.theme.changed.connect(window.set_tokens)
        window.closed.connect(self._on_compare_closed)
        window.move(self.window.pos() + self.window.rect().center() / 4 * len(self.compare_windows))
        window.show()
        return window

    def open_connections(self) -> ConnectionDialog:
        """Open the connections; the window behind stays usable."""
        dialog = ConnectionDialog(self.connections, self.window)
        dialog.setModal(False)
        dialog.show()
        return dialog

    def leave(self) -> None:
        """End what is under way, keep what has ended, then close. Asked twice is asked once."""
        if self._leaving:
            return
        self._leaving = True
        self.run.stop()
        self.history.stop_watching()
        self._tick.stop()
        self.window.save_layout(self.settings)
        for window in list(self.compare_windows):
            window.close()
        self.window.hide()
        self.tasks.cancel_all()
        self.door.start(self._end())

    async def _end(self) -> None:
        waited = 0
        while self.tasks.alive and waited < _SHUTDOWN_MS:
            await asyncio.sleep(0.01)
            waited += 10
        if self.tasks.alive:
            logs.get("window").warning("tasks_outlived_the_window", count=len(self.tasks.alive))
        self.ended.set()

    # what presenters tell

    def _on_run_ready(self, config: BacktestConfig) -> None:
        if self._leaving:
            return
        self.opener.forget()
        self._live, self._capital = False, config.account.initial_capital
        self._title = config.name or strategy_title(config.strategy.name)
        self.run.start(config)

    def _on_password_wanted(self, question: PasswordQuestion) -> None:
        dialog = PasswordDialog(question, self.window)
        dialog.answered.connect(self.passwords.answer)
        dialog.rejected.connect(self.passwords.give_up)
        dialog.open()

    def _on_run_state_changed(self, state: RunState) -> None:
        self.actions[Command.STOP].setEnabled(state is RunState.RUNNING)
        self._on_setup_changed()
        if state is not RunState.RUNNING:
            self.history.refresh()

    def _on_run_progressed(self, progress: BacktestProgress) -> None:
        if progress.stage == "signals":
            self.history.refresh()
        is_early = progress.stage not in ("signals", "simulate") or not progress.bars_total
        if is_early or self._leaving:
            return
        result = self.window.result
        if not self._live:
            # Room is made when the number of bars is known: together with the first curve it would take too long.
            self._live = True
            result.begin_live(progress.bars_total, self._capital, self._title)
            self.window.show_result()
        if isinstance(progress, LiveProgress):
            result.append_live(progress.drawn, progress.trades)

    def _on_run_completed(self, view: RunView) -> None:
        self.window.result.show_run(view)
        self.window.show_result()
        self._tell(self.tr("Finished in {0}").format(fmt.duration(view.result.duration_seconds)))
        self.health.sync()

    def _on_run_stopped(self, view: RunView | None) -> None:
        if view is None:
            self.window.show_start()
            self._tell(self.tr("Stopped before there was anything to show."))
            return
        self.window.result.show_run(view)
        self.window.show_result()
        self._tell(self.tr("Stopped; what there was until then is kept, marked partial."))
        self.health.sync()

    def _on_run_failed(self, failure: Failure) -> None:
        if failure.kind == DatabaseConnectionError.kind:
            self.passwords.distrust()
        if failure.field:
            self.setup.add_problem(Problem(failure.field, failure.message, failure.hint))
            self.window.setup.go_to(failure.field)
        self.window.result.show_failure(
            failure, self.tr("The run failed"), self.tr("Back to the start")
        )
        self.window.show_result()
        self._tell_failure(failure)

    def _on_opener_loading(self, _run_id: str) -> None:
        self.window.result.show_loading()
        self.window.show_result()

    def _on_opener_opened(self, view: RunView) -> None:
        self.window.result.show_run(view)
        self.window.show_result()

    def _on_opener_failed(self, failure: Failure) -> None:
        self.window.result.show_failure(failure)
        self.window.show_result()

    def _on_selection_changed(self, run_ids: list[str]) -> None:
        self.actions[Command.COMPARE].setEnabled(2 <= len(run_ids) <= 10)

    def _on_setup_changed(self, _state: object = None) -> None:
        ready = self.setup.state.config is not None and self.run.state is RunState.IDLE
        self.actions[Command.RUN].setEnabled(ready)

    def _on_theme_changed(self, tokens: Tokens) -> None:
        self.window.result.set_tokens(tokens)
        self.window.history.set_tokens(tokens)

    def _on_compare_closed(self) -> None:
        window = self.sender()
        if isinstance(window, CompareWindow) and window in self.compare_windows:
            self.compare_windows.remove(window)

    def _on_door_failed(self, error: Exception) -> None:
        logs.get("window").error("unexpected", error=repr(error), exc_info=error)
        self._tell(self.tr("An error inside the program: {0}").format(type(error).__name__))

    def on_crash_caught(self, text: str) -> None:
        """Tell of an exception that nobody caught; the log has the rest."""
        self._tell(self.tr("An error inside the program: {0}").format(text))

    # small things

    def _choose_csv(self, suggested: str) -> Path | None:
        return choose_csv_path(self.window, self.settings, suggested)

    def _open_config(self) -> None:
        chosen, _ = QFileDialog.getOpenFileName(
            self.window,
            self.tr("Open configuration"),
            "",
            self.tr("Configurations (*.toml *.json)"),
        )
        if chosen:
            self.door.start(self._read_config(Path(chosen)))

    async def _read_config(self, path: Path) -> None:
        try:
            values: dict[str, Any] = await self.door.call(read_mapping, path)
        except BacktestError as error:
            self._tell(error.message)
            return
        self.setup.load(values)

    def _switch_theme(self) -> None:
        self._choose_theme("light" if self.theme.tokens.scheme == "dark" else "dark")

    def _follow_system(self) -> None:
        self._choose_theme("system")

    def _choose_theme(self, choice: str) -> None:
        self.theme.choose(choice)
        self.settings.setValue("theme", choice)

    def _show_changes(self) -> None:
        show_text(
            self.window,
            self.tr("What's new"),
            (files("resources") / "changelog.md").read_text("utf-8"),
        )

    def _copy_diagnostics(self) -> None:
        self.door.start(self._gather_diagnostics())

    async def _gather_diagnostics(self) -> None:
        health = await self.door.call(self.service.health)
        lines = [
            f"Tradebench {health.version}",
            f"Python {sys.version.split()[0]} on {sys.platform}",
        ]
        lines += [f"{part.name}: {part.state}: {part.message}" for part in health.parts]
        QGuiApplication.clipboard().setText("\n".join(lines))
        self._tell(self.tr("Diagnostics are in the clipboard."))

    def _show_about(self) -> None:
        text = self.tr(
            "Tradebench {0}\nA backtesting workbench. MIT licence.\n\n"
            "Qt for Python is used under the LGPL. Demo prices: public domain.\n"
            "Past performance says nothing certain about the future."
        )
        show_text(self.window, self.tr("About Tradebench"), text.format(app_version()))

    def _tell(self, text: str) -> None:
        self.window.status.showMessage(text, 15_000)

    def _tell_failure(self, failure: Failure) -> None:
        self._tell(f"{failure.message} – {failure.hint}" if failure.hint else failure.message)


def run_window(*, demo: bool = False) -> int:
    """Open the window and return when it has been closed; with ``demo`` the demo runs at once."""
    app = make_application()
    guard = CrashGuard(paths.log_dir(), app)
    guard.install()
    try:
        return _run_window(app, guard, demo)
    finally:
        guard.remove()


def _run_window(app: QApplication, guard: CrashGuard, demo: bool) -> int:
    settings = QSettings(str(paths.config_dir() / "window.ini"), QSettings.Format.IniFormat)
    chosen = str(settings.value("theme", "system"))
    theme = apply_theme(app, chosen if chosen in ("light", "dark") else "system")
    profiles, credentials = ProfileStore(), Credentials()
    try:
        service = Service.open(database=database_sources(profiles, credentials))
    except BacktestError as error:
        text = f"{error.message}\n\n{error.hint}" if error.hint else error.message
        QMessageBox.critical(None, "Tradebench", text)
        return error.exit_code
    loop = qasync.QEventLoop(app)
    with loop, service:
        door = Door(loop)
        sync = SyncService(
            service.store, profiles, lambda profile: credentials.load(profile).password
        )
        warmer = Warmer()
        parts = Parts(profiles, credentials, sync, warmer.wait_until_warm)
        bench = Workbench(service, door, theme, settings, parts)
        guard.caught.connect(bench.on_crash_caught)
        bench.start()
        warmer.start()
        if demo:
            bench.set_up_demo()
            bench.start_run()
        bench.run.completed.connect(set_aside, Qt.ConnectionType.SingleShotConnection)
        with short_collections():
            loop.run_until_complete(bench.ended.wait())
        warmer.stop()
        loop.run_until_complete(door.close())
        bench.window.deleteLater()
    return 0


def make_application() -> QApplication:
    """Return the QApplication under the product's own name and icon."""
    let_workers_give_way()
    QApplication.setApplicationName("Tradebench")
    QApplication.setOrganizationName("Tradebench")
    QApplication.setDesktopFileName("tradebench")
    existing = QApplication.instance()
    app = existing if isinstance(existing, QApplication) else QApplication(sys.argv[:1])
    app.setApplicationDisplayName("Tradebench")
    app.setApplicationVersion(app_version())
    app.setWindowIcon(product_icon())
    app.setQuitOnLastWindowClosed(
        False
    )  # closing asks `Workbench.leave`, which ends what is under way
    return app
