"""The window's loop for tests: Qt's and asyncio's in one, as in the program."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
import qasync
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from desktop.service.facade import Service
from desktop.tasks.aio import Door
from desktop.theme import Theme, apply_theme
from tests.desktop.million import million_bars
from tests.desktop.workbench import Desk, at_work


@pytest.fixture
def theme(qapp: QApplication) -> Theme:
    """Return the dark look, put on the application."""
    return apply_theme(qapp, "dark")


@pytest.fixture
def service() -> Iterator[Service]:
    """Open the local database of a home of its own."""
    with Service.open() as service:
        yield service


@pytest.fixture
def door(qapp: QApplication) -> Iterator[Door]:
    """Open the door between Qt's loop and storage; whatever waits for a Qt signal lets it work."""
    loop = qasync.QEventLoop(qapp)
    asyncio.set_event_loop(loop)
    asyncio._set_running_loop(loop)
    door = Door(loop)
    yield door
    asyncio._set_running_loop(None)
    loop.run_until_complete(door.close())
    loop.close()
    asyncio.set_event_loop(None)


@pytest.fixture
def desk(qtbot: QtBot, qapp: QApplication) -> Iterator[Desk]:
    """Sit down at an open workbench."""
    with at_work(qtbot, qapp) as desk:
        yield desk


@pytest.fixture(scope="session")
def million(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write a million bars once and return the file."""
    return million_bars(tmp_path_factory.mktemp("million"))
