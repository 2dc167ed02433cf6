"""The first window from end to end, by mouse and keyboard: demo, result, another parameter, comparison, export."""

import csv
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from tests.desktop.workbench import Desk, at_work


@pytest.fixture
def desk(qtbot: QtBot, qapp: QApplication):
    with at_work(qtbot, qapp) as desk:
        yield desk


def test_from_the_first_start_to_a_result_it_takes_two_clicks(desk: Desk) -> None:
    window = desk.bench.window
    assert window.start_page.isVisible()

    desk.click(window.start_page.demo)
    desk.click(window.setup.run_button())
    desk.wait_idle()

    (run,) = desk.runs()
    assert run.status == "completed"
    assert window.result.isVisible()
    assert window.result.run_id == run.run_id
    assert [one.run_id for one in desk.bench.history.model.runs] == [run.run_id]
