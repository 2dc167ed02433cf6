"""The charts under a real mouse and keyboard."""

import numpy as np
import pytest
from PySide6.QtCore import QEvent, QPoint, Qt
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from desktop.charts.cursor import TimeCursor
from desktop.charts.data import Curves
from desktop.charts.equity import EquityChart
from desktop.charts.stack import ChartStack
from tests.desktop.chart_worlds import (
    DARK,
    N,
    filled_stack,
    instants,
    marker_point,
    move,
    some_bars,
    walk,
    wheel,
)

pytestmark = pytest.mark.qt_log_ignore("propagateSizeHints")


@pytest.mark.parametrize("notches", [1, 3, -1])
@pytest.mark.parametrize("x", [200.0, 433.0, 700.0])
def test_the_wheel_keeps_the_bar_under_the_pointer(qtbot: QtBot, notches: int, x: float) -> None:
    stack = filled_stack(qtbot)
    stack.equity.show_range(600, 1400)
    before = stack.equity.scale_now()

    wheel(stack.equity, x, notches)

    after = stack.equity.scale_now()
    assert after.x_at(x) == pytest.approx(before.x_at(x), abs=1e-6)
    assert (after.pixels_per_bar > before.pixels_per_bar) == (notches > 0)


def test_linked_charts_always_show_the_same_bars(qtbot: QtBot) -> None:
    stack = filled_stack(qtbot)

    wheel(stack.drawdown, 300, 4)

    assert stack.equity.x_range == stack.drawdown.x_range == stack.price.x_range
    widths = {chart.scale_now().width for chart in stack.charts}
    assert len(widths) == 1
    assert stack.equity.x_range[1] - stack.equity.x_range[0] < N / 2


def test_the_crosshair_stands_on_the_same_bar_in_every_chart(qtbot: QtBot) -> None:
    stack = filled_stack(qtbot)

    move(stack.price, 321, 60, Qt.MouseButton.NoButton)

    bar = round(stack.price.scale_now().x_at(321))
    assert [chart.cursor_bar for chart in stack.charts] == [bar] * 3
    assert stack.equity.readout[1].value == f"{walk()[bar]:,.2f}"


def test_the_crosshair_goes_when_the_pointer_leaves(qtbot: QtBot) -> None:
    stack = filled_stack(qtbot)
    move(stack.price, 321, 60, Qt.MouseButton.NoButton)

    QApplication.sendEvent(stack.price, QEvent(QEvent.Type.Leave))

    assert [chart.cursor_bar for chart in stack.charts] == [None] * 3


def test_windows_with_other_dates_are_linked_by_the_instant(qtbot: QtBot) -> None:
    cursor = TimeCursor()
    one, other = filled_stack(qtbot, cursor), ChartStack(DARK, cursor)
    qtbot.addWidget(other)
    other.resize(900, 700)
    other.show_curves(Curves(instants(N, 10_957 + 500), walk()), "Later")
    other.show()

    one.equity.show_range(800, 1200)
    cursor.move(one.equity.base, 1000.0)

    assert other.equity.cursor_bar == 500
    assert other.equity.x_range == pytest.approx((300, 700))


def test_dragging_moves_time_with_the_hand(qtbot: QtBot) -> None:
    stack = filled_stack(qtbot)
    stack.equity.show_range(600, 1000)
    bar = stack.equity.scale_now().x_at(400)

    qtbot.mousePress(stack.equity.viewport(), Qt.MouseButton.LeftButton, pos=QPoint(400, 100))
    move(stack.equity, 450, 100, Qt.MouseButton.LeftButton)
    move(stack.equity, 520, 100, Qt.MouseButton.LeftButton)
    qtbot.mouseRelease(stack.equity.viewport(), Qt.MouseButton.LeftButton, pos=QPoint(520, 100))

    assert stack.equity.scale_now().x_at(520) == pytest.approx(bar)
    assert stack.price.x_range == stack.equity.x_range


def test_a_double_click_shows_everything(qtbot: QtBot) -> None:
    stack = filled_stack(qtbot)
    whole = stack.equity.x_range
    stack.equity.show_range(600, 700)

    qtbot.mouseDClick(stack.price.viewport(), Qt.MouseButton.LeftButton, pos=QPoint(200, 50))

    assert stack.equity.x_range == pytest.approx(whole)
    assert whole[0] < 0
    assert whole[1] > N - 1


@pytest.mark.parametrize(
    ("key", "grows"), [(Qt.Key.Key_Plus, False), (Qt.Key.Key_Minus, True), (Qt.Key.Key_0, True)]
)
def test_plus_minus_and_nought_zoom(qtbot: QtBot, key: Qt.Key, grows: bool) -> None:
    stack = filled_stack(qtbot)
    stack.equity.show_range(600, 1000)

    qtbot.keyClick(stack.equity, key)

    start, stop = stack.equity.x_range
    assert (stop - start > 400) == grows


def test_arrows_step_bar_by_bar_and_the_view_follows(qtbot: QtBot) -> None:
    stack = filled_stack(qtbot)
    stack.equity.show_range(600, 1000)

    qtbot.keyClick(stack.equity, Qt.Key.Key_Home)
    at_home = (stack.price.cursor_bar, stack.price.x_range[0])
    qtbot.keyClick(stack.equity, Qt.Key.Key_Right)
    qtbot.keyClick(stack.equity, Qt.Key.Key_Right)
    qtbot.keyClick(stack.equity, Qt.Key.Key_Left)
    stepped = stack.price.cursor_bar
    qtbot.keyClick(stack.equity, Qt.Key.Key_End)

    assert at_home[0] == 0
    assert at_home[1] <= 0
    assert stepped == 1
    assert stack.price.cursor_bar == N - 1
    assert stack.price.x_range[1] >= N - 1


def test_letters_toggle_log_benchmark_and_markers_from_any_chart(qtbot: QtBot) -> None:
    stack = filled_stack(qtbot)

    qtbot.keyClick(stack.equity, Qt.Key.Key_L)
    qtbot.keyClick(stack.price, Qt.Key.Key_B)
    qtbot.keyClick(stack.equity, Qt.Key.Key_M)

    assert stack.equity.is_log
    assert stack.equity.scale_now().log
    assert not stack.equity.is_benchmark_shown
    assert not stack.price.are_markers_shown
    qtbot.keyClick(stack.price, Qt.Key.Key_B)
    assert stack.equity.is_benchmark_shown


def test_a_key_with_control_is_left_to_the_window(qtbot: QtBot) -> None:
    stack = filled_stack(qtbot)

    qtbot.keyClick(stack.equity, Qt.Key.Key_L, Qt.KeyboardModifier.ControlModifier)

    assert not stack.equity.is_log


def test_a_log_scale_waits_until_every_value_is_positive(qtbot: QtBot) -> None:
    chart = EquityChart(DARK)
    qtbot.addWidget(chart)
    chart.set_curves(Curves(instants(3), np.array([10.0, -5.0, 20.0])))

    chart.set_log(True)

    assert chart.is_log
    assert not chart.scale_now().log


def test_a_click_on_a_marker_names_its_trade(qtbot: QtBot) -> None:
    stack = filled_stack(qtbot)
    stack.price.show_range(850, 950)
    bars = some_bars()
    spot = marker_point(stack.price, 900, bars.low[900])

    with qtbot.waitSignal(stack.trade_clicked) as clicked:
        qtbot.mouseClick(stack.price.viewport(), Qt.MouseButton.LeftButton, pos=spot)

    assert clicked.args == [101]
    assert stack.price.selected_trade == 101


def test_a_click_beside_the_markers_names_no_trade(qtbot: QtBot) -> None:
    stack = filled_stack(qtbot)
    stack.price.show_range(850, 950)

    with qtbot.assertNotEmitted(stack.trade_clicked):
        qtbot.mouseClick(stack.price.viewport(), Qt.MouseButton.LeftButton, pos=QPoint(60, 100))


def test_showing_a_trade_brings_it_in_sight_everywhere(qtbot: QtBot) -> None:
    stack = filled_stack(qtbot)

    shown = stack.show_trade(102)

    start, stop = stack.equity.x_range
    assert shown
    assert start < 1400 < 1420 < stop
    assert stack.equity.cursor_bar == 1400
    assert not stack.show_trade(7)


def test_shift_arrows_step_from_trade_to_trade(qtbot: QtBot) -> None:
    stack = filled_stack(qtbot)
    seen: list[int] = []
    stack.trade_clicked.connect(seen.append)

    for key in (Qt.Key.Key_Right, Qt.Key.Key_Right, Qt.Key.Key_Right, Qt.Key.Key_Left):
        qtbot.keyClick(stack.equity, key, Qt.KeyboardModifier.ShiftModifier)

    assert seen == [100, 101, 102, 101]
