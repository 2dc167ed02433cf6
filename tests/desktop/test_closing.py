"""The window closes soon, whoever else has stopped answering, and leaves no thread and no run behind."""

import contextlib
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence

import psycopg
import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from desktop.presenters.run import RunState
from desktop.service.facade import Service
from storage.profiles import Profile
from tests.architecture.tree import ROOT
from tests.desktop.test_connections import SECRET, fill_in, fill_market, opened
from tests.desktop.workbench import Desk, Keyring, at_work
from tests.postgres import Cluster
from tests.storage.servers import profile_of
from tests.storage.sync_worlds import set_up

GOAL_S, LIMIT_S = 2.0, 10.0
CLOSED_MID_RUN = """
import itertools, sys, threading
from PySide6.QtCore import QTimer
from desktop import app
from desktop.workbench import bench
from engine.strategies.sma_cross import SmaCross

bench._STOP_SECONDS = 0.5
app.Warmer.start = lambda warmer: False
reached = threading.Event()

def signals(strategy, panel):
    reached.set()
    return all(True for _ in itertools.count())

SmaCross.signals = signals

class Closes(app.Workbench):
    def start(self):
        super().start()
        QTimer.singleShot(200, self.run_demo)
        self.look = QTimer(interval=100)
        self.look.timeout.connect(self.close_once_it_hangs)
        self.look.start()

    def close_once_it_hangs(self):
        if reached.is_set():
            self.look.stop()
            self.window.close()

app.Workbench = Closes
sys.exit(app.run_window())
"""


@contextlib.contextmanager
def closed_soon(
    qtbot: QtBot, qapp: QApplication, figure: Callable[[str], None], hangs: Sequence[str] = ()
) -> Iterator[Desk]:
    """Open the program for the block, then close it: that is to be quick, and to leave no thread but what hangs."""
    before = set(threading.enumerate())
    with at_work(qtbot, qapp) as desk:
        yield desk
        began = time.monotonic()
    seconds = time.monotonic() - began
    figure(f"closed in {seconds:.2f} s, goal {GOAL_S} s")
    left = [
        thread.name
        for thread in set(threading.enumerate()) - before
        if not isinstance(thread, threading._DummyThread)
    ]
    assert left == list(hangs)
    assert seconds < LIMIT_S


@pytest.fixture
def prices(own_cluster: Cluster) -> Profile:
    own_cluster.execute("CREATE DATABASE market")
    dsn = own_cluster.dsn_of("market")
    with psycopg.connect(dsn) as connection:
        fill_market(connection)
    return profile_of(dsn, name="Prices")


def set_up_on_prices(desk: Desk, prices: Profile) -> None:
    desk.profiles.save(prices)
    credentials = desk.bench.passwords._credentials
    credentials.remember(prices, "")
    desk.set_up(
        data={"source": "Prices", "symbols": ["005930"], "benchmark": "KOSPI"},
        account={"currency": "KRW"},
    )


def test_closing_does_not_wait_for_a_frozen_team_server(
    qtbot: QtBot, qapp: QApplication, own_cluster: Cluster, figure: Callable[[str], None]
) -> None:
    set_up(own_cluster.dsn)
    with contextlib.ExitStack() as stack:
        with closed_soon(qtbot, qapp, figure) as desk:
            team = profile_of(own_cluster.dsn, name="Team", purpose="shared", read_only=False)
            desk.profiles.save(team)
            desk.set_up()
            stack.enter_context(own_cluster.frozen())
            desk.press(Qt.Key.Key_R)
            desk.wait_for(lambda: bool(desk.runs()) and desk.newest().status == "completed")
            desk.wait_for(lambda: not desk.bench.tasks.alive)
            qtbot.wait(300)
            assert not desk.bench.door.is_idle

    with Service.open() as service:
        assert [run.status for run in service.history().items] == ["completed"]


def test_closing_does_not_wait_for_a_run_on_a_frozen_price_server(
    qtbot: QtBot,
    qapp: QApplication,
    own_cluster: Cluster,
    prices: Profile,
    figure: Callable[[str], None],
) -> None:
    with contextlib.ExitStack() as stack:
        with closed_soon(qtbot, qapp, figure) as desk:
            set_up_on_prices(desk, prices)
            stack.enter_context(own_cluster.frozen())
            desk.press(Qt.Key.Key_R)
            desk.wait_for(lambda: desk.bench.run.state is RunState.RUNNING)
            qtbot.wait(500)

    with Service.open() as service:
        assert [run.status for run in service.history().items] == ["cancelled"]


def test_closing_does_not_wait_for_the_prices_of_a_run_that_is_opened(
    qtbot: QtBot,
    qapp: QApplication,
    own_cluster: Cluster,
    prices: Profile,
    figure: Callable[[str], None],
) -> None:
    with contextlib.ExitStack() as stack:
        with closed_soon(qtbot, qapp, figure) as desk:
            set_up_on_prices(desk, prices)
            desk.press(Qt.Key.Key_R)
            desk.wait_for(lambda: bool(desk.runs()) and desk.newest().status == "completed")
            desk.wait_idle()
            stack.enter_context(own_cluster.frozen())
            desk.bench.opener.open(desk.newest().run_id)
            qtbot.wait(500)
            assert not desk.bench.door.is_idle

    with Service.open() as service:
        assert len(service.history().items) == 1


def test_closing_does_not_wait_for_the_test_of_a_connection(
    qtbot: QtBot,
    qapp: QApplication,
    own_cluster: Cluster,
    prices: Profile,
    figure: Callable[[str], None],
) -> None:
    with contextlib.ExitStack() as stack:
        with closed_soon(qtbot, qapp, figure) as desk:
            dialog = opened(desk)
            fill_in(desk, dialog, prices, SECRET)
            stack.enter_context(own_cluster.frozen())
            desk.click(dialog.test)
            qtbot.wait(300)
            assert not desk.bench.door.is_idle


def test_closing_does_not_wait_for_a_keyring(
    qtbot: QtBot, qapp: QApplication, figure: Callable[[str], None]
) -> None:
    unlocked = threading.Event()

    class Locked(Keyring):
        def get_password(self, service: str, username: str) -> str | None:
            unlocked.wait(30)
            return None

    Locked.__module__, Locked.__qualname__ = Keyring.__module__, Keyring.__qualname__
    # a call of the system's own, which nobody can end; it does not keep the program from ending
    with closed_soon(qtbot, qapp, figure, hangs=["keyring"]) as desk:
        desk.bench.passwords._credentials._find_backend = Locked
        desk.bench.connections.check_keyring()
        qtbot.wait(200)
        assert not desk.bench.door.is_idle
    unlocked.set()


def test_a_strategy_that_never_comes_back_does_not_keep_the_program() -> None:
    ended = subprocess.run(
        [sys.executable, "-c", CLOSED_MID_RUN],
        cwd=ROOT,
        timeout=120,
        check=False,
        capture_output=True,
        text=True,
    )

    assert ended.returncode == 1, ended.stderr
    assert "Traceback" not in ended.stderr
    with Service.open() as service:
        assert [run.status for run in service.history().items] == ["interrupted"]
