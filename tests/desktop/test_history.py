"""The history panel over a real database: listed, sorted, filtered, opened, compared, exported."""

import sqlite3
from pathlib import Path

import pytest
from PySide6.QtCore import Qt, QTimer
from pytestqt.qtbot import QtBot

from desktop.presenters.export import TradesExport, suggested_name
from desktop.presenters.history import HistoryPresenter
from desktop.service.facade import Service
from desktop.tasks.aio import Door
from desktop.theme import Theme
from desktop.views.history_panel import HistoryPanel
from storage.records import RunFilter
from storage.runs import RunStore
from tests.builders import make_config, make_strategy
from tests.desktop.windows import (
    awaited,
    clipboard,
    failed,
    finished,
    lines_of,
)

pytestmark = pytest.mark.qt_log_ignore("propagateSizeHints")

NAME, STATUS, RETURN = 8, 7, 3
CONTROL = Qt.KeyboardModifier.ControlModifier


@pytest.fixture
def presenter(service: Service, door: Door, theme: Theme) -> HistoryPresenter:
    return HistoryPresenter(service, door, theme.tokens)


def listed(qtbot: QtBot, presenter: HistoryPresenter, theme: Theme) -> HistoryPanel:
    panel = HistoryPanel(presenter, theme.tokens)
    qtbot.addWidget(panel)
    panel.resize(1280, 240)
    panel.show()
    with awaited(qtbot, presenter.changed):
        presenter.refresh()
    return panel


def click_row(qtbot: QtBot, panel: HistoryPanel, row: int, keys: Qt.KeyboardModifier) -> None:
    spot = panel.table.visualRect(panel.table.model().index(row, 0)).center()
    qtbot.mouseClick(panel.table.viewport(), Qt.MouseButton.LeftButton, keys, spot)


def submitted(count: int) -> None:
    """Write many rows of runs that never began."""
    with RunStore.open() as store:
        for number in range(count):
            store.submit(make_config(name=f"run {number}"), make_strategy(), engine_version="0.1.0")


def test_runs_are_listed_newest_first_with_their_figures(
    qtbot: QtBot, service: Service, presenter: HistoryPresenter, theme: Theme
) -> None:
    older = finished(service, name="older").record
    newer = failed(service)

    listed(qtbot, presenter, theme)

    model = presenter.model
    assert [run.run_id for run in model.runs] == [newer, older.run_id]
    assert [model.index(row, STATUS).data() for row in (0, 1)] == ["Failed", "Completed"]
    assert model.index(0, RETURN).data() == "–"
    assert model.index(1, RETURN).data().startswith("+")
    assert model.index(1, NAME).data() == "older"


def test_an_empty_history_says_what_will_be_here(
    qtbot: QtBot, presenter: HistoryPresenter, theme: Theme
) -> None:
    panel = listed(qtbot, presenter, theme)

    assert panel.state.isVisible()
    assert panel.state.words.startswith("No runs yet")


def test_more_pages_come_when_the_end_is_in_sight(
    qtbot: QtBot, presenter: HistoryPresenter, theme: Theme
) -> None:
    submitted(130)
    panel = listed(qtbot, presenter, theme)
    first = presenter.model.rowCount()

    with awaited(qtbot, presenter.changed):
        panel.table.scrollToBottom()

    assert first == 100
    assert presenter.model.rowCount() == 130
    assert len({run.run_id for run in presenter.model.runs}) == 130
    presenter.stop_watching()


def test_a_click_on_a_header_asks_the_database_for_that_order(
    qtbot: QtBot, service: Service, presenter: HistoryPresenter, theme: Theme
) -> None:
    best = finished(service).record
    finished(service, strategy={"name": "rsi_reversion", "params": {}})
    panel = listed(qtbot, presenter, theme)
    head = panel.table.horizontalHeader()
    spot = head.viewport().rect().topLeft()
    spot.setX(head.sectionViewportPosition(RETURN) + head.sectionSize(RETURN) // 2)
    spot.setY(head.height() // 2)
    newest_first = [run.run_id for run in presenter.model.runs]

    with awaited(qtbot, presenter.changed):
        qtbot.mouseClick(head.viewport(), Qt.MouseButton.LeftButton, pos=spot)

    assert newest_first[0] != best.run_id
    assert presenter.model.runs[0].run_id == best.run_id
    assert head.sortIndicatorSection() == RETURN


def test_filters_narrow_the_list_and_can_be_taken_off(
    qtbot: QtBot, service: Service, presenter: HistoryPresenter, theme: Theme
) -> None:
    finished(service)
    failed(service)
    panel = listed(qtbot, presenter, theme)

    with awaited(qtbot, presenter.changed):
        panel.status.setCurrentIndex(panel.status.findData("failed"))
    only_failed = [run.status for run in presenter.model.runs]
    with awaited(qtbot, presenter.changed):
        qtbot.keyClicks(panel.symbol, "ibm")
    words = panel.state.words
    with awaited(qtbot, presenter.changed):
        qtbot.mouseClick(panel.state.button, Qt.MouseButton.LeftButton)

    assert only_failed == ["failed"]
    assert words == "No run matches"
    qtbot.waitUntil(lambda: presenter.model.rowCount() == 2)
    assert presenter.where == RunFilter()


def test_enter_and_double_click_open_a_run(
    qtbot: QtBot, service: Service, presenter: HistoryPresenter, theme: Theme
) -> None:
    run = finished(service).record
    panel = listed(qtbot, presenter, theme)
    asked: list[str] = []
    presenter.open_requested.connect(asked.append)
    click_row(qtbot, panel, 0, Qt.KeyboardModifier.NoModifier)

    qtbot.keyClick(panel.table, Qt.Key.Key_Return)
    spot = panel.table.visualRect(panel.table.model().index(0, 0)).center()
    qtbot.mouseDClick(panel.table.viewport(), Qt.MouseButton.LeftButton, pos=spot)

    assert asked == [run.run_id, run.run_id]


def test_two_selected_runs_can_be_compared_and_one_cannot(
    qtbot: QtBot, service: Service, presenter: HistoryPresenter, theme: Theme
) -> None:
    older = finished(service).record
    newer = finished(service, strategy={"name": "buy_and_hold", "params": {}}).record
    panel = listed(qtbot, presenter, theme)
    asked: list[list[str]] = []
    presenter.compare_requested.connect(asked.append)

    click_row(qtbot, panel, 0, Qt.KeyboardModifier.NoModifier)
    alone = panel.compare_button.isEnabled()
    panel.compare_selected()
    click_row(qtbot, panel, 1, CONTROL)
    qtbot.mouseClick(panel.compare_button, Qt.MouseButton.LeftButton)

    assert not alone
    assert asked == [[newer.run_id, older.run_id]]


def test_a_refresh_keeps_the_selection(
    qtbot: QtBot, service: Service, presenter: HistoryPresenter, theme: Theme
) -> None:
    kept = finished(service).record
    panel = listed(qtbot, presenter, theme)
    click_row(qtbot, panel, 0, Qt.KeyboardModifier.NoModifier)
    failed(service)

    with awaited(qtbot, presenter.changed):
        presenter.refresh()
    after_insert = panel.selected_ids()
    with awaited(qtbot, presenter.changed):
        presenter.set_sort("return")

    assert after_insert == [kept.run_id]
    assert panel.selected_ids() == [kept.run_id]


def test_a_run_under_way_is_read_again_until_it_has_ended(
    qtbot: QtBot, service: Service, presenter: HistoryPresenter, theme: Theme
) -> None:
    with RunStore.open() as store:
        run_id = store.submit(make_config(), make_strategy(), engine_version="0.1.0")
        store.mark_running(run_id)
        listed(qtbot, presenter, theme)
        under_way = presenter.model.index(0, STATUS).data()

        store.fail(run_id, "It went wrong")
        qtbot.waitUntil(lambda: presenter.model.runs[0].status == "failed", timeout=10_000)

    assert under_way == "Running"
    assert presenter.model.index(0, STATUS).data() == "Failed"


def test_the_ids_of_the_selected_runs_can_be_copied(
    qtbot: QtBot, service: Service, presenter: HistoryPresenter, theme: Theme
) -> None:
    run = finished(service).record
    panel = listed(qtbot, presenter, theme)
    click_row(qtbot, panel, 0, Qt.KeyboardModifier.NoModifier)
    menu = panel.make_menu()
    entries = {action.text().split("\t")[0]: action for action in menu.actions()}

    entries["Copy id"].trigger()

    assert clipboard() == run.run_id
    assert not entries["Compare"].isEnabled()
    assert entries["Open"].isEnabled()
    menu.close()


def test_a_history_that_cannot_be_read_says_so_and_can_be_tried_again(
    qtbot: QtBot, service: Service, presenter: HistoryPresenter, theme: Theme, tmp_path: Path
) -> None:
    finished(service)
    database = next(tmp_path.rglob("*.db"), None) or next(tmp_path.rglob("*.sqlite*"))
    _execute(database, "ALTER TABLE backtest_metrics RENAME TO gone")
    panel = listed(qtbot, presenter, theme)
    words = panel.state.words
    _execute(database, "ALTER TABLE gone RENAME TO backtest_metrics")

    with awaited(qtbot, presenter.changed):
        qtbot.mouseClick(panel.state.button, Qt.MouseButton.LeftButton)

    assert words.startswith("The history can't be read")
    assert presenter.model.rowCount() == 1
    assert panel.table.isVisible()


def test_the_window_lives_while_the_history_is_read(
    qtbot: QtBot, presenter: HistoryPresenter
) -> None:
    submitted(400)
    beats: list[int] = []
    heart = QTimer(presenter)
    heart.timeout.connect(lambda: beats.append(presenter.model.rowCount()))
    heart.start(1)

    with awaited(qtbot, presenter.changed):
        presenter.refresh()
    heart.stop()
    presenter.stop_watching()

    assert presenter.model.rowCount() == 100
    assert beats.count(0) > 3


def test_exported_trades_reconcile_with_the_metrics(
    qtbot: QtBot, service: Service, door: Door, tmp_path: Path
) -> None:
    run = finished(service)
    target = tmp_path / "trades.csv"
    suggested: list[str] = []
    export = TradesExport(service, door, lambda name: suggested.append(name) or target)

    with awaited(qtbot, export.saved) as told:
        export.export(run.record.run_id, "SMA crossover")

    head, *rows = (line.split(",") for line in lines_of(target))
    profits = [float(row[head.index("net_pnl")]) for row in rows]
    metrics = run.record.metrics
    assert told.args == [f"Saved {len(rows)} trades to {target}"]
    assert suggested == [f"trades-sma-crossover-{run.record.run_id[-8:]}.csv"]
    assert len(rows) == metrics["total_trades"]
    assert sum(profit > 0 for profit in profits) == metrics["winning_trades"]
    assert sum(profits) / len(profits) == pytest.approx(metrics["expectancy"], abs=1e-3)


def test_an_export_that_cannot_be_written_says_why_and_leaves_nothing(
    qtbot: QtBot, service: Service, door: Door, tmp_path: Path
) -> None:
    run = finished(service).record
    target = tmp_path / "missing" / "trades.csv"
    export = TradesExport(service, door, lambda _name: target)

    with awaited(qtbot, export.failed) as told:
        export.export(run.run_id)

    failure = told.args[0]
    assert str(target) in failure.message
    assert "folder that exists" in failure.hint
    assert not target.exists()


def test_an_export_that_is_called_off_writes_nothing(service: Service, door: Door) -> None:
    run = finished(service).record
    export = TradesExport(service, door, lambda _name: None)

    export.export(run.run_id)

    assert door.is_idle


def test_a_suggested_name_is_allowed_on_every_system() -> None:
    name = suggested_name("0192f3a1-aaaa-7bbb-8ccc-1234567890ab", 'A/B: "new" <run>?')

    assert name == "trades-a-b-new-run-567890ab.csv"


def _execute(database: Path, statement: str) -> None:
    connection = sqlite3.connect(database)
    connection.execute(statement)
    connection.commit()
    connection.close()
