"""The Performance tab: filled when it is looked at, saying something in every state."""

from dataclasses import replace

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QFontMetrics
from pytestqt.qtbot import QtBot

from desktop.models.months import TOTAL
from desktop.presenters.result import open_run
from desktop.service.facade import Service
from desktop.theme import Theme
from desktop.theme.fonts import font
from desktop.tokens import tokens_for
from desktop.views.performance_panel import PerformancePanel
from desktop.views.result_view import ResultView
from desktop.views.run_charts import charts_of
from engine.result import BacktestResult
from engine.statistics.performance import performance_of
from tests.desktop.windows import finished
from tests.engine.results import crossing, idle

pytestmark = pytest.mark.qt_log_ignore("propagateSizeHints")

MONTHS, SIDES, FALLS, YEARS, SYMBOLS = range(5)


def on_screen(qtbot: QtBot, theme: Theme, width: int = 1280) -> PerformancePanel:
    panel = PerformancePanel(theme.tokens)
    qtbot.addWidget(panel)
    panel.resize(width, 300)
    panel.show()
    return panel


def show(panel: PerformancePanel, result: BacktestResult) -> None:
    panel.show_result(result, performance_of(result))


def test_every_table_of_a_run_can_be_chosen(qtbot: QtBot, theme: Theme) -> None:
    panel = on_screen(qtbot, theme)
    show(panel, crossing())

    shown = []
    for row in range(panel.choice.count()):
        panel.choice.setCurrentRow(row)
        shown.append(panel.pages.currentWidget().accessibleName())

    assert shown == ["Months", "Long and short", "Deepest falls", "Years", "Symbols"]
    assert panel.months.rowCount() == panel.years.rowCount() == 4
    assert panel.symbols.rowCount() == 4
    assert panel.falls.rowCount() == 10


def test_nothing_is_filled_before_it_is_looked_at(qtbot: QtBot, theme: Theme) -> None:
    panel = PerformancePanel(theme.tokens)
    qtbot.addWidget(panel)

    show(panel, crossing())
    before = panel.months.rowCount()
    panel.show()

    assert (before, panel.months.rowCount()) == (0, 4)


def test_without_a_run_each_table_says_what_will_be_there(qtbot: QtBot, theme: Theme) -> None:
    panel = on_screen(qtbot, theme)

    for row in range(panel.choice.count()):
        panel.choice.setCurrentRow(row)
        assert panel.empty.words == "Figures appear when the run is finished"
    assert panel.pages.currentWidget() is panel.empty


def test_a_run_without_trades_or_falls_says_so(qtbot: QtBot, theme: Theme) -> None:
    panel = on_screen(qtbot, theme)
    show(panel, idle())

    panel.choice.setCurrentRow(SIDES)
    sides = panel.empty.words
    panel.choice.setCurrentRow(FALLS)
    falls = panel.empty.words
    panel.choice.setCurrentRow(YEARS)

    assert sides.startswith("No trade was closed")
    assert falls.startswith("Equity never fell")
    assert panel.pages.currentWidget() is panel.tables[YEARS]


def test_a_run_that_was_stopped_before_its_first_bar_says_so(qtbot: QtBot, theme: Theme) -> None:
    result = idle()
    nothing = result.curve.equity[:0]
    curve = replace(
        result.curve,
        equity=nothing,
        cash=nothing,
        gross=nothing,
        positions=result.curve.positions[:0],
    )
    empty = replace(
        result, time_ns=result.time_ns[:0], curve=curve, drawdown=nothing, benchmark=None
    )
    panel = on_screen(qtbot, theme)

    show(panel, empty)

    assert panel.empty.words == "The run was stopped before its first bar"


def test_sides_stand_in_stacks_where_there_is_room(qtbot: QtBot, theme: Theme) -> None:
    wide, narrow = on_screen(qtbot, theme, 1280), on_screen(qtbot, theme, 560)

    show(wide, crossing())
    show(narrow, crossing())

    assert wide.sides.stacks > narrow.sides.stacks == 1


def test_a_month_of_loss_is_painted_on_the_ground_of_loss(qtbot: QtBot, theme: Theme) -> None:
    panel = on_screen(qtbot, theme)
    show(panel, crossing())
    table = panel.tables[MONTHS]
    totals = np.array([panel.months.index(r, TOTAL).data(2) for r in range(4)])
    spot = table.visualRect(panel.months.index(int(totals.argmin()), TOTAL))

    colour = table.viewport().grab().toImage().pixelColor(spot.left() + 3, spot.top() + 3)

    assert colour == panel.months.index(int(totals.argmin()), TOTAL).data(8)


def test_no_month_is_cut_where_the_window_is_small(qtbot: QtBot, theme: Theme) -> None:
    panel = on_screen(qtbot, theme, 960)
    show(panel, crossing())
    table, model = panel.tables[MONTHS], panel.months
    metrics = QFontMetrics(font("body", strong=True))
    room = [table.columnWidth(column) - 10 for column in range(model.columnCount())]

    longest = [
        max(
            metrics.horizontalAdvance(str(model.index(row, column).data() or ""))
            for row in range(4)
        )
        for column in range(model.columnCount())
    ]
    head = metrics.horizontalAdvance(str(model.headerData(0, Qt.Orientation.Horizontal)))

    assert all(text <= width for text, width in zip(longest, room, strict=True))
    assert metrics.horizontalAdvance("−99.9") <= min(room)
    assert head <= room[0]


def test_the_result_view_hands_the_tables_over_and_takes_them_away(
    qtbot: QtBot, service: Service, theme: Theme
) -> None:
    view = ResultView(theme.tokens)
    qtbot.addWidget(view)
    view.resize(1280, 800)
    view.show()

    view.show_run(open_run(service, finished(service).record.run_id, charts_of))
    view.tabs.setCurrentWidget(view.performance)
    years = view.performance.years.rowCount()
    view.set_tokens(tokens_for("light"))
    view.clear()

    assert years > 5
    assert view.performance.years.rowCount() == 0
