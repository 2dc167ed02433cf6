"""The charts under a real mouse and keyboard, and the pixels they paint."""

import time

import numpy as np
import pytest
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QColor, QImage, QMouseEvent, QWheelEvent
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from desktop.charts.candles import body_width
from desktop.charts.chart import Chart
from desktop.charts.cursor import TimeCursor
from desktop.charts.data import Comparison, Curves, NamedLine, Prices, Trades
from desktop.charts.decimate import Bars
from desktop.charts.equity import EquityChart
from desktop.charts.price import PriceChart
from desktop.charts.stack import ChartStack
from desktop.theme import Theme
from desktop.tokens import tokens_for
from engine.types import NS_PER_DAY, TRADE

pytestmark = pytest.mark.qt_log_ignore("propagateSizeHints")

DARK = tokens_for("dark")
N = 2000


def instants(n: int = N, first_day: int = 10_957) -> np.ndarray:
    """Return days from the first of January 2000."""
    return (first_day + np.arange(n)) * NS_PER_DAY


def walk(n: int = N, seed: int = 1) -> np.ndarray:
    """Return an account that wanders."""
    steps = np.random.default_rng(seed).standard_normal(n) * 0.01
    return 100_000 * np.exp(steps.cumsum())


def some_bars(n: int = N) -> Bars:
    """Return bars around a random walk."""
    close = walk(n, 2) / 1000
    opened = np.concatenate((close[:1], close[:-1]))
    high, low = np.maximum(opened, close) + 0.5, np.minimum(opened, close) - 0.5
    return Bars(opened, high, low, close, np.full(n, 1000.0))


def some_trades(bars: Bars, entries: list[int], length: int = 20) -> Trades:
    """Return long trades, known by rows 100, 101 …"""
    entry = np.array(entries)
    leave = entry + length
    return Trades(
        100 + np.arange(len(entry)),
        entry,
        bars.close[entry],
        leave,
        bars.close[leave],
        np.ones(len(entry), np.int64),
        bars.close[leave] - bars.close[entry],
    )


def filled_stack(qtbot: QtBot, cursor: TimeCursor | None = None) -> ChartStack:
    """Return a stack of three charts with data, on the screen."""
    stack = ChartStack(DARK, cursor)
    qtbot.addWidget(stack)
    stack.resize(900, 700)
    curves = Curves(instants(), walk(), walk(seed=3), None, 100_000.0)
    bars = some_bars()
    stack.show_curves(curves, "Momentum", "KOSPI")
    stack.show_prices(Prices(curves.base, bars), some_trades(bars, [500, 900, 1400]), "AAA")
    stack.show()
    QApplication.processEvents()
    stack.fit()
    return stack


def wheel(chart: Chart, x: float, notches: int) -> None:
    """Turn the wheel over a chart."""
    place = QPointF(x, 40)
    event = QWheelEvent(
        place,
        QPointF(chart.viewport().mapToGlobal(place.toPoint())),
        QPoint(),
        QPoint(0, 120 * notches),
        Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    QApplication.sendEvent(chart.viewport(), event)


def move(chart: Chart, x: float, y: float, buttons: Qt.MouseButton) -> None:
    """Move the mouse over a chart, with buttons held."""
    place = QPointF(x, y)
    event = QMouseEvent(
        QEvent.Type.MouseMove,
        place,
        QPointF(chart.viewport().mapToGlobal(place.toPoint())),
        Qt.MouseButton.NoButton,
        buttons,
        Qt.KeyboardModifier.NoModifier,
    )
    QApplication.sendEvent(chart.viewport(), event)


def pixels(chart: Chart) -> QImage:
    """Return what a chart paints."""
    return chart.grab().toImage()


def marker_point(chart: PriceChart, bar: int, price: float) -> QPoint:
    """Return the middle of the entry's triangle below a bar."""
    scale = chart.scale_now()
    y = float(scale.py(np.array([price]))[0]) + 5 + 3.5
    return QPoint(round(float(scale.px(np.array([float(bar)]))[0])), round(y))


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


def test_a_theme_repaints_the_charts_while_they_are_open(qtbot: QtBot, theme: Theme) -> None:
    theme.choose("dark")
    stack = filled_stack(qtbot)
    theme.changed.connect(stack.set_tokens)
    dark = pixels(stack.equity)

    theme.choose("light")

    light = pixels(stack.equity)
    assert dark.pixelColor(5, 200) == QColor(DARK.surface)
    assert light.pixelColor(5, 200) == QColor(tokens_for("light").surface)
    colours = {light.pixelColor(x, y).name() for x in range(700, 900) for y in range(300)}
    assert tokens_for("light").accent in colours
    assert DARK.accent not in colours
    theme.choose("dark")


def three_candles(qtbot: QtBot) -> PriceChart:
    """Return a chart of a rise, a fall, and a bar that closed where it opened."""
    chart = PriceChart(DARK)
    qtbot.addWidget(chart)
    chart.resize(400, 400)
    columns = ([10.0, 20.0, 15.0], [25.0, 22.0, 18.0], [5.0, 8.0, 12.0], [20.0, 10.0, 15.0])
    bars = Bars(*(np.array(column) for column in columns), np.zeros(3))
    chart.set_prices(Prices(instants(3), bars))
    chart.show()
    chart.fit()
    return chart


def pixel_of(chart: Chart, image: QImage, bar: int, value: float, dx: int = 0) -> str:
    """Return the colour where a bar and a value are."""
    scale = chart.scale_now()
    x = int(np.floor(scale.px(np.array([float(bar)]))[0])) + dx
    return image.pixelColor(x, int(scale.py(np.array([value]))[0])).name()


def test_candles_are_painted_where_their_prices_are(qtbot: QtBot) -> None:
    chart = three_candles(qtbot)
    image = pixels(chart)
    half = body_width(chart.scale_now().pixels_per_bar) // 2

    assert pixel_of(chart, image, 0, 23.0) == DARK.up  # upper wick
    assert pixel_of(chart, image, 0, 7.0) == DARK.up  # lower wick
    assert pixel_of(chart, image, 0, 16.3) == DARK.surface  # a rise is hollow
    assert pixel_of(chart, image, 0, 16.3, dx=half) == DARK.up  # its side
    assert pixel_of(chart, image, 0, 16.3, dx=half + 1) == DARK.surface
    assert pixel_of(chart, image, 0, 23.0, dx=1) == DARK.surface  # the wick is one pixel
    assert pixel_of(chart, image, 1, 15.5, dx=half - 1) == DARK.down  # a fall is filled
    assert pixel_of(chart, image, 1, 9.0) == DARK.down
    assert pixel_of(chart, image, 2, 15.0, dx=half) == DARK.up  # no body is still one pixel


def test_a_rise_is_red_where_that_is_the_custom(qtbot: QtBot) -> None:
    chart = three_candles(qtbot)

    chart.set_tokens(tokens_for("dark", "korea"))

    image = pixels(chart)
    assert pixel_of(chart, image, 0, 23.0) == DARK.red
    assert pixel_of(chart, image, 1, 15.5) == DARK.blue


def test_the_area_above_a_drawdown_is_filled_at_a_quarter(qtbot: QtBot) -> None:
    stack = filled_stack(qtbot)
    flat = np.concatenate((np.full(10, 100.0), np.full(N - 10, 50.0)))
    stack.show_curves(Curves(instants(), flat))
    QApplication.processEvents()

    image = pixels(stack.drawdown)

    scale = stack.drawdown.scale_now()
    spot = image.pixelColor(300, int(scale.py(np.array([-0.21]))[0]))
    want = [round(s + (d - s) / 4) for s, d in ((0x15, 0xFF), (0x1A, 0x5A), (0x21, 0x6E))]
    assert [spot.red(), spot.green(), spot.blue()] == pytest.approx(want, abs=2)


def test_a_run_grows_from_the_left_into_the_room_kept_for_it(qtbot: QtBot) -> None:
    stack = ChartStack(DARK)
    qtbot.addWidget(stack)
    stack.resize(900, 600)
    stack.show()
    stack.begin_live(N, 100_000.0, "Momentum")
    room = stack.equity.x_range

    stack.append(instants()[:500], walk()[:500])
    stack.grow_to(instants()[:900], walk()[:900])

    assert room[1] > N - 1
    assert stack.equity.x_range[1] == pytest.approx(room[1], rel=0.02)
    assert stack.equity.readout[1].value == f"{walk()[899]:,.2f}"
    assert stack.price.isHidden()
    assert stack.equity.x_range == stack.drawdown.x_range


def test_growing_gives_the_drawdown_of_the_whole(qtbot: QtBot) -> None:
    grown, whole = Curves(initial_capital=100_000.0), Curves(instants(), walk(), None, None, 1e5)

    grown.append(instants()[:700], walk()[:700])
    grown.grow_to(instants(), walk())

    assert np.array_equal(grown.drawdown.values, whole.drawdown.values)
    peaks = np.maximum(np.maximum.accumulate(walk()), 100_000.0)
    np.testing.assert_allclose(whole.drawdown.values, walk() / peaks - 1)


def test_runs_with_other_dates_are_compared_on_one_axis(qtbot: QtBot) -> None:
    stack = filled_stack(qtbot)
    lines = [
        NamedLine("early", instants(100), np.linspace(0, 0.5, 100)),
        NamedLine("late", instants(100, 10_957 + 50), np.linspace(0, -0.2, 100)),
    ]
    comparison = Comparison.of(lines)

    stack.show_comparison(comparison, comparison)
    stack.cursor.move(stack.equity.base, 120.0)

    values = {reading.name: reading.value for reading in stack.equity.readout}
    assert len(comparison.base) == 150
    assert values["early"] == "–"
    assert values["late"] == "−14.14 %"
    assert stack.price.isHidden()


def test_trades_of_one_symbol_keep_their_rows() -> None:
    rows = np.zeros(5, TRADE)
    rows["symbol"] = [0, 1, 0, 1, 1]
    rows["side"] = [1, -1, 1, 1, -1]

    trades = Trades.of(rows, 1)

    assert trades.row.tolist() == [1, 3, 4]
    assert trades.side.tolist() == [-1, 1, -1]


def test_an_empty_chart_says_what_will_be_here(qtbot: QtBot) -> None:
    stack = filled_stack(qtbot)

    stack.clear("Run a backtest, and its curves appear here.")

    assert stack.equity.message == "Run a backtest, and its curves appear here."
    assert stack.equity.readout == []
    assert stack.drawdown.isHidden()
    assert stack.summary() == stack.equity.message
    wheel(stack.equity, 100, 1)
    qtbot.keyClick(stack.equity, Qt.Key.Key_Right)
    assert stack.equity.cursor_bar is None


def test_charts_can_be_read_without_seeing_them(qtbot: QtBot) -> None:
    stack = filled_stack(qtbot)

    names = [chart.accessibleName() for chart in stack.charts]
    texts = [chart.accessibleDescription() for chart in stack.charts]

    assert names == ["Equity chart", "Drawdown chart", "Price chart"]
    assert texts[0].startswith("Equity from 2000-01-01 to 2005-06-22. Momentum went from ")
    assert "deepest drawdown" in texts[1]
    assert texts[2].endswith("Trades marked: 3.")


def test_tab_shows_a_focus_ring_of_two_pixels(qtbot: QtBot) -> None:
    stack = filled_stack(qtbot)
    stack.price.setFocus(Qt.FocusReason.MouseFocusReason)

    stack.equity.setFocus(Qt.FocusReason.TabFocusReason)
    qtbot.waitUntil(stack.equity.hasFocus)

    image = pixels(stack.equity)
    assert [image.pixelColor(300, y).name() for y in (0, 1)] == [DARK.focus] * 2
    assert image.pixelColor(301, 2).name() != DARK.focus


def test_a_million_candles_are_painted_in_a_moment(qtbot: QtBot) -> None:
    n = 1_000_000
    bars = some_bars(n)
    chart = PriceChart(DARK)
    qtbot.addWidget(chart)
    chart.resize(1280, 800)
    entries = np.arange(0, n - 30, 20).tolist()
    chart.set_prices(Prices(instants(n, 0) // 1440, bars), some_trades(bars, entries))
    chart.show()
    QApplication.processEvents()

    began = time.perf_counter()
    for step in range(20):
        chart.show_range(10_000 + step * 3000, 510_000 + step * 3000)
        QApplication.processEvents()
    each = (time.perf_counter() - began) / 20

    assert each < 0.33  # ten times the goal of 30 a second
