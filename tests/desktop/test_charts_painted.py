"""What the charts paint, say and keep while a run grows."""

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QImage
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from desktop.charts.candles import body_width
from desktop.charts.chart import Chart
from desktop.charts.data import Comparison, Curves, NamedLine, Prices, Trades
from desktop.charts.decimate import Bars
from desktop.charts.price import PriceChart
from desktop.charts.stack import ChartStack
from desktop.theme import Theme
from desktop.tokens import tokens_for
from engine.types import TRADE
from tests.desktop.chart_worlds import (
    DARK,
    N,
    filled_stack,
    instants,
    walk,
    wheel,
)

pytestmark = pytest.mark.qt_log_ignore("propagateSizeHints")


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


def pixels(chart: Chart) -> QImage:
    """Return what a chart paints."""
    return chart.grab().toImage()


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

    grown = Curves(initial_capital=100_000.0)
    grown.grow_to(instants()[:500], walk()[:500])
    stack.grow_to(grown.snapshot())
    grown.grow_to(instants()[:900], walk()[:900])
    stack.grow_to(grown.snapshot())

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


def test_many_changes_before_a_frame_are_laid_out_once(
    qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    stack = filled_stack(qtbot)
    qtbot.wait(20)
    laid_out: list[Chart] = []
    lay_out = Chart._lay_out

    def counted(chart: Chart) -> None:
        laid_out.append(chart)
        lay_out(chart)

    monkeypatch.setattr(Chart, "_lay_out", counted)

    for k in range(10):
        stack.cursor.set_range(stack.equity.base, 100.0 + k, 400.0 + k)
    before = len(laid_out)
    qtbot.wait(20)

    assert before == 0
    assert sorted(map(id, laid_out)) == sorted(map(id, stack.charts))
    assert stack.price.x_range == (109.0, 409.0)


def test_who_asks_for_a_pixel_before_the_frame_gets_the_one_of_the_last_change(
    qtbot: QtBot,
) -> None:
    stack = filled_stack(qtbot)

    stack.cursor.set_range(stack.equity.base, 100.0, 400.0)

    scale = stack.price.scale_now()
    assert (scale.x0, scale.x1) == (100.0, 400.0)
