"""Charts with something in them, and a mouse for them."""

import numpy as np
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QMouseEvent, QWheelEvent
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from desktop.charts.chart import Chart
from desktop.charts.cursor import TimeCursor
from desktop.charts.data import Curves, Prices, Trades
from desktop.charts.decimate import Bars
from desktop.charts.price import PriceChart
from desktop.charts.stack import ChartStack
from desktop.tokens import tokens_for
from engine.types import NS_PER_DAY

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


def marker_point(chart: PriceChart, bar: int, price: float) -> QPoint:
    """Return the middle of the entry's triangle below a bar."""
    scale = chart.scale_now()
    y = float(scale.py(np.array([price]))[0]) + 5 + 3.5
    return QPoint(round(float(scale.px(np.array([float(bar)]))[0])), round(y))
