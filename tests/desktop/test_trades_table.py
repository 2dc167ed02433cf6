"""The trades table by mouse and keyboard."""

from dataclasses import replace

import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from desktop.theme import Theme
from desktop.views.trades_table import TradesTable
from engine.result import BacktestResult
from tests.builders import make_result
from tests.desktop.windows import clipboard

pytestmark = pytest.mark.qt_log_ignore("propagateSizeHints")

PROFIT = 8


def shown(qtbot: QtBot, theme: Theme, result: BacktestResult | None) -> TradesTable:
    view = TradesTable(theme.tokens)
    qtbot.addWidget(view)
    view.resize(900, 240)
    view.show_result(result)
    view.show()
    return view


def click_row(qtbot: QtBot, view: TradesTable, row: int) -> None:
    spot = view.table.visualRect(view.model.index(row, 1)).center()
    qtbot.mouseClick(view.table.viewport(), Qt.MouseButton.LeftButton, pos=spot)


def click_header(qtbot: QtBot, view: TradesTable, column: int) -> None:
    head = view.table.horizontalHeader()
    spot = head.viewport().rect().topLeft()
    spot.setX(head.sectionViewportPosition(column) + head.sectionSize(column) // 2)
    spot.setY(head.height() // 2)
    qtbot.mouseClick(head.viewport(), Qt.MouseButton.LeftButton, pos=spot)


def test_a_click_on_a_row_tells_which_trade_it_is(qtbot: QtBot, theme: Theme) -> None:
    view = shown(qtbot, theme, make_result(n_trades=8))

    with qtbot.waitSignal(view.trade_chosen) as told:
        click_row(qtbot, view, 3)

    assert told.args == [3]


def test_the_arrow_keys_walk_from_trade_to_trade(qtbot: QtBot, theme: Theme) -> None:
    view = shown(qtbot, theme, make_result(n_trades=8))
    told: list[int] = []
    click_row(qtbot, view, 0)
    view.trade_chosen.connect(told.append)

    qtbot.keyClick(view.table, Qt.Key.Key_Down)
    qtbot.keyClick(view.table, Qt.Key.Key_Down)

    assert told == [1, 2]


def test_a_click_on_a_header_sorts_by_value_and_a_second_one_the_other_way(
    qtbot: QtBot, theme: Theme
) -> None:
    view = shown(qtbot, theme, make_result(n_trades=30))

    click_header(qtbot, view, 7)
    up = [view.model.index(row, 7).data(Qt.ItemDataRole.EditRole) for row in range(30)]
    click_header(qtbot, view, 7)
    down = [view.model.index(row, 7).data(Qt.ItemDataRole.EditRole) for row in range(30)]

    assert up == sorted(up)
    assert down == sorted(down, reverse=True)


def test_a_row_tells_its_own_trade_after_sorting(qtbot: QtBot, theme: Theme) -> None:
    view = shown(qtbot, theme, make_result(n_trades=30))
    view.table.sortByColumn(PROFIT, Qt.SortOrder.DescendingOrder)
    best = view.model.item_at(0)

    with qtbot.waitSignal(view.trade_chosen) as told:
        click_row(qtbot, view, 0)

    assert told.args == [best]


def test_selecting_from_outside_brings_the_row_in_sight_and_says_nothing(
    qtbot: QtBot, theme: Theme
) -> None:
    view = shown(qtbot, theme, make_result(n_bars=500, n_trades=200))

    with qtbot.assertNotEmitted(view.trade_chosen):
        view.select(150)

    assert view.table.selected_rows() == [150]
    visible = view.table.visualRect(view.model.index(150, 0))
    assert view.table.viewport().rect().contains(visible.center().x(), visible.center().y())


def test_copied_rows_carry_their_headers(qtbot: QtBot, theme: Theme) -> None:
    view = shown(qtbot, theme, make_result(n_trades=8))
    click_row(qtbot, view, 2)

    qtbot.keyClick(view.table, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)

    head, row = clipboard().splitlines()
    assert head.split("\t")[:3] == ["No.", "Symbol", "Side"]
    assert row.split("\t")[0] == "3"
    assert len(row.split("\t")) == view.model.columnCount()


def test_a_run_without_trades_says_why(qtbot: QtBot, theme: Theme) -> None:
    result = make_result(n_trades=0)

    holding = shown(qtbot, theme, result)
    idle = shown(qtbot, theme, replace(result, open_positions=()))
    nothing = shown(qtbot, theme, None)

    assert "still open at the end: 1" in holding.empty.words
    assert "gave no signal" in idle.empty.words
    assert "when the run is finished" in nothing.empty.words


@pytest.mark.parametrize("n_trades", [1, 100_000])
def test_a_table_of_any_length_is_shown_at_once(qtbot: QtBot, theme: Theme, n_trades: int) -> None:
    view = shown(qtbot, theme, make_result(n_bars=50_000, n_trades=n_trades))

    view.table.scrollToBottom()

    last = view.table.visualRect(view.model.index(n_trades - 1, 0))
    assert view.table.viewport().rect().intersects(last)
