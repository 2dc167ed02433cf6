"""The first window from end to end, by mouse and keyboard: demo, result, another parameter, comparison, export."""

import csv
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from desktop.presenters.run import RunState
from desktop.service.facade import Service
from desktop.views.compare_window import CompareWindow
from tests.desktop.workbench import Desk, at_work, windows_left


def exported(desk: Desk, path: Path, monkeypatch: pytest.MonkeyPatch) -> list[dict[str, str]]:
    """Press Ctrl+E, choose a path, and read what was written there."""
    monkeypatch.setattr("desktop.workbench.browsing.choose_csv_path", lambda *_: path)
    desk.press(Qt.Key.Key_E)
    desk.wait_for(lambda: "Saved" in desk.message())
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def compared(desk: Desk) -> CompareWindow:
    """Press Ctrl+D and return the window that opens, with what it shows."""
    desk.press(Qt.Key.Key_D)
    window = desk.bench.compare_windows[-1]
    desk.wait_for(lambda: window.metrics.rowCount() > 0)
    return window


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


def test_a_parameter_typed_by_keyboard_is_in_the_next_run(desk: Desk) -> None:
    desk.set_up()
    first = desk.run_to_end()
    desk.type_into("strategy.params.slow", "90")
    second = desk.run_to_end()

    params = [
        desk.bench.service.load(one.run_id).record.config.strategy.params for one in (first, second)
    ]

    assert params == [{}, {"slow": 90}]
    assert desk.bench.window.result.run_id == second.run_id


def test_two_compare_windows_stand_open_at_once_each_with_its_runs(desk: Desk) -> None:
    desk.set_up()
    runs = [desk.run_to_end()]
    for slow in ("60", "90"):
        desk.type_into("strategy.params.slow", slow)
        runs.append(desk.run_to_end())

    desk.select_runs(0, 1)
    first = compared(desk)
    desk.select_runs(0, 1, 2)
    second = compared(desk)

    assert first is not second
    assert first.isVisible()
    assert second.isVisible()
    assert [first.windowTitle(), second.windowTitle()] == ["Compare – 2 runs", "Compare – 3 runs"]
    assert [len(first.legend.titles), len(second.legend.titles)] == [2, 3]
    desk.click_close(first)
    assert desk.bench.compare_windows == [second]


def test_the_exported_trades_add_up_to_the_final_balance(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.set_up(data={"source": "demo", "universe": "demo"}, costs={"commission_pct": 0.1})
    run = desk.run_to_end()

    rows = exported(desk, tmp_path / "trades.csv", monkeypatch)

    result = desk.bench.service.load(run.run_id).result
    assert result is not None
    realised = sum(float(row["net_pnl"]) for row in rows)
    unrealised = sum(position.pnl for position in result.open_positions)
    rounded = len(rows) + len(result.open_positions)
    assert len(rows) == result.metrics["total_trades"] > 10
    assert run.initial_capital + realised + unrealised == pytest.approx(
        result.metrics["final_balance"], rel=0, abs=rounded * 5e-5
    )
    assert {row["run_id"] for row in rows} == {run.run_id}


def test_an_export_that_is_not_wanted_after_all_writes_nothing(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.set_up()
    desk.run_to_end()
    before = sorted(tmp_path.iterdir())
    monkeypatch.setattr("desktop.workbench.browsing.choose_csv_path", lambda *_: None)

    desk.press(Qt.Key.Key_E)
    desk.wait_idle()

    assert sorted(tmp_path.iterdir()) == before


def test_a_run_of_the_history_opens_with_enter(desk: Desk) -> None:
    desk.set_up()
    first = desk.run_to_end()
    desk.run_to_end()
    table = desk.bench.window.history.table

    desk.select_runs(1)
    desk.qtbot.keyClick(table, Qt.Key.Key_Return)
    desk.wait_for(lambda: desk.bench.window.result.run_id == first.run_id)

    assert desk.bench.window.result.isVisible()


def test_however_soon_a_run_ends_the_next_one_can_be_started(desk: Desk) -> None:
    desk.set_up(data={"source": "demo", "symbols": ["NOPE"]})

    for _ in range(25):
        assert desk.run_to_end().status == "failed"

    assert len(desk.runs()) == 25


def test_closing_in_the_middle_of_a_run_keeps_what_there_was(
    qtbot: QtBot, qapp: QApplication
) -> None:
    with at_work(qtbot, qapp) as desk:
        desk.set_up(data={"source": "demo", "universe": "demo"})
        desk.press(Qt.Key.Key_R)
        assert desk.bench.run.state is RunState.RUNNING

    with Service.open() as service:
        (run,) = service.history().items
        assert service.load(run.run_id).record.completed_at is not None
    assert run.status in ("cancelled", "completed")


def test_closing_twice_is_the_same_as_once(qtbot: QtBot, qapp: QApplication) -> None:
    with at_work(qtbot, qapp) as desk:
        desk.set_up()
        desk.press(Qt.Key.Key_R)
        desk.bench.window.close()
        desk.bench.window.close()

    with Service.open() as service:
        assert len(service.history().items) == 1


def test_closing_takes_the_compare_windows_along(qtbot: QtBot, qapp: QApplication) -> None:
    with at_work(qtbot, qapp) as desk:
        desk.set_up()
        desk.run_to_end()
        desk.run_to_end()
        desk.select_runs(0, 1)
        compared(desk)
        compared(desk)
        assert len(desk.bench.compare_windows) == 2

    assert windows_left() == []


def test_after_the_window_is_closed_nothing_can_be_started(
    qtbot: QtBot, qapp: QApplication
) -> None:
    with at_work(qtbot, qapp) as desk:
        desk.set_up()
        desk.bench.window.close()

        desk.bench.start_run()

        assert desk.bench.run.state is RunState.IDLE

    with Service.open() as service:
        assert service.history().items == ()
