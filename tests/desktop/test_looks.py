"""What the eye runs along: edges that are one line, room that is used, words where a person looks for them."""

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QLineEdit, QWidget
from pytestqt.qtbot import QtBot

from desktop.charts.markers import MOST_LINES, SMALL, _size
from desktop.charts.scale import Scale
from desktop.models.columns import Column, ColumnsModel
from desktop.presenters.run import Failure
from desktop.presenters.setup import SetupPresenter
from desktop.presenters.state import LiveProgress
from desktop.theme import Theme
from desktop.views.empty import StateView
from desktop.views.key_numbers import KeyNumbers
from desktop.views.run_charts import LiveCharts
from desktop.views.setup_panel import SetupPanel
from desktop.views.table import DataTable
from engine.result import BacktestProgress, LiveCurve
from tests.builders import days
from tests.desktop.chart_worlds import filled_stack
from tests.desktop.workbench import TODAY, Desk

pytestmark = pytest.mark.qt_log_ignore("propagateSizeHints")


def right_edge(widget: QWidget, of: QWidget) -> int:
    """Return the pixel right of a widget, in another one."""
    return widget.mapTo(of, QPoint(widget.width(), 0)).x()


def table_of(qtbot: QtBot, theme: Theme, width: int) -> DataTable:
    """Return a table of three narrow columns, so wide."""
    model = ColumnsModel(theme.tokens)
    table = DataTable("Numbers")
    table.setModel(model)
    qtbot.addWidget(table)
    values = np.arange(5.0)
    model.set_columns([Column(f"C{k}", values, str, "1,000.00") for k in range(3)], 5)
    table.resize(width, 200)
    table.show()
    return table


@pytest.mark.parametrize("height", [400, 1400])
def test_fields_end_where_the_button_below_them_does(qtbot: QtBot, desk: Desk, height: int) -> None:
    panel = SetupPanel(SetupPresenter(lambda: TODAY), desk.bench.strategies)
    qtbot.addWidget(panel)
    panel.resize(316, height)
    panel.show()
    qtbot.wait(50)

    button = right_edge(panel.run_button(), panel)

    assert right_edge(panel.strategy, panel) == button
    assert right_edge(panel.editor("data.symbols").editor, panel) == button


def test_columns_share_the_room_there_is_and_need_no_more_where_there_is_none(
    qtbot: QtBot, theme: Theme
) -> None:
    narrow, wide, vast = (table_of(qtbot, theme, width) for width in (200, 300, 3000))

    widths = [[t.columnWidth(k) for k in range(3)] for t in (narrow, wide, vast)]

    assert widths[0] < widths[1] < widths[2]
    assert sum(widths[1]) == pytest.approx(wide.viewport().width(), abs=3)
    assert max(widths[2]) - max(widths[0]) < 64


def test_triangles_are_smaller_where_trades_stand_close() -> None:
    scale = Scale(0.0, 100.0, 0.0, 1.0, 900.0, 300.0)

    assert _size(20, scale) == 1.0
    assert _size(100, scale) == SMALL
    assert _size(MOST_LINES, scale) == SMALL


def test_no_line_is_drawn_where_no_value_is_written(qtbot: QtBot) -> None:
    drawdown = filled_stack(qtbot).drawdown

    image: QImage = drawdown.grab().toImage()
    above = range(int(drawdown.scale_now().py(np.array([0.0]))[0]) - 2)

    colours = {image.pixelColor(600, y).name() for y in above}
    assert drawdown.price_axis.labelled()
    assert all(value <= 0 for value in drawdown.price_axis.labelled())
    assert colours == {drawdown.tokens.surface}


def test_figures_of_a_run_under_way_are_shown_as_far_as_they_are_known(qtbot: QtBot) -> None:
    numbers = KeyNumbers()
    qtbot.addWidget(numbers)

    numbers.show_live(0.125, -0.2, 42)

    names = ("total_return", "max_drawdown", "total_trades", "sharpe_ratio")
    assert [numbers.text_of(name) for name in names] == ["+12.50 %", "−20.00 %", "42", "–"]


def test_a_hint_is_a_sentence(qtbot: QtBot) -> None:
    state = StateView()
    qtbot.addWidget(state)

    state.show_failure("It failed", Failure("There is no symbol", hint="choose another one"))

    assert state.words.endswith("\nChoose another one")


def test_after_a_failure_the_keyboard_is_in_the_field_to_mend(desk: Desk) -> None:
    desk.set_up(data={"source": "demo", "symbols": ["NOPE"]})

    desk.run_to_end()

    field = desk.bench.window.setup.editor("data.symbols").editor
    assert isinstance(field, QLineEdit)
    assert field.hasFocus()
    assert field.selectedText() == "NOPE"


def test_what_is_to_be_mended_is_said_without_a_path(desk: Desk) -> None:
    desk.set_up(strategy={"name": "sma_cross", "params": {"fast": 30, "slow": 20}})

    said = desk.bench.window.setup.run_bar._reason.text()

    assert said.startswith("To mend: ")
    assert "strategy.params" not in said


def test_the_history_has_one_line_above_its_table(desk: Desk) -> None:
    window = desk.bench.window

    assert window.history_dock.titleBarWidget() is window.history.bar
    assert window.history.bar.isVisible()
    assert window.history.bar.height() < 48


def test_a_run_under_way_goes_by_its_name(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    run, result = desk.bench.run, desk.bench.window.result
    monkeypatch.setattr(run, "start", lambda config: None)
    desk.set_up(name="My own")
    curve = LiveCurve(days(50), np.linspace(100_000.0, 110_000.0, 50))
    progress = BacktestProgress("simulate", 0.5, bars_done=50, bars_total=100, trades=3, live=curve)

    desk.press(Qt.Key.Key_R)
    run.progressed.emit(LiveProgress.of(progress, LiveCharts(100_000.0)(curve)))

    assert result.header.title.text() == "My own"
    assert result.numbers.text_of("total_return") == "+10.00 %"
    assert result.numbers.text_of("total_trades") == "3"
    assert result.run_id == ""
