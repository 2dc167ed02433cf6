"""The program with a window: the application, the local database, the loop; `desktop.workbench` builds the rest.

Before it, `desktop.__main__` has decided for the window and prepared the kernel cache. Here the local database is
opened (whatever is wrong with it is told in a dialog, and the program ends), then the window. When the window closes,
runs are stopped and what they have is stored, waits for servers are cut, the door is closed, the database last: a
finished run is already saved, and one that was under way is kept as stopped.
"""

import os
import sys

import qasync
from PySide6.QtCore import QSettings, Qt
from PySide6.QtWidgets import QApplication, QMessageBox

from desktop import logs
from desktop.crash import CrashGuard
from desktop.service.databases import database_sources
from desktop.service.facade import Service
from desktop.service.sync import SyncService
from desktop.service.versions import app_version
from desktop.tasks.aio import Door
from desktop.tasks.collector import set_aside, short_collections
from desktop.tasks.worker import let_workers_give_way
from desktop.theme.apply import apply_theme
from desktop.theme.icons import product_icon
from desktop.warm import Warmer
from desktop.workbench.bench import Parts, Workbench
from engine.errors import BacktestError
from storage import paths
from storage.credentials import Credentials
from storage.profiles import ProfileStore

_NOT_ENDED = 1


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
        warmer = Warmer()
        sync = SyncService.over(service.store, profiles, credentials, door.is_closing)
        parts = Parts(profiles, credentials, sync, warmer.wait_until_warm)
        bench = Workbench(service, door, theme, settings, parts)
        guard.caught.connect(bench.on_crash_caught)
        bench.start()
        warmer.start()
        if demo:
            bench.run_demo()
        bench.run.completed.connect(set_aside, Qt.ConnectionType.SingleShotConnection)
        with short_collections():
            loop.run_until_complete(bench.ended.wait())
        warmer.stop()
        loop.run_until_complete(door.close())
        bench.window.deleteLater()
        has_ended = not bench.tasks.alive
    if not has_ended:
        # A strategy's own code may never come back, and a thread cannot be ended from outside. Its run is found as
        # interrupted at the next start; all others are stored.
        logs.get("window").error("ended_with_a_task_that_does_not_end")
        os._exit(_NOT_ENDED)
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
    # closing asks `Workbench.leave`, which ends what is under way
    app.setQuitOnLastWindowClosed(False)
    return app
