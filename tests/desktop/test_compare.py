"""Compare windows: runs over each other, the best marked, what differs, and any number of windows."""

from collections.abc import Sequence

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QFont
from pytestqt.qtbot import QtBot
from shiboken6 import isValid

from desktop.presenters.compare import ComparePresenter, compare_runs, labels_of
from desktop.service.comparing import compare
from desktop.service.facade import Service
from desktop.tasks.aio import Door
from desktop.theme import Theme
from desktop.tokens import tokens_for
from desktop.views.compare_window import CompareWindow
from desktop.views.run_charts import compare_charts_of
from tests.desktop.windows import awaited, failed, finished

pytestmark = pytest.mark.qt_log_ignore("propagateSizeHints")

SLOW = {"name": "sma_cross", "params": {"fast": 20, "slow": 200}}
HOLD = {"name": "buy_and_hold", "params": {}}
RSI = {"name": "rsi_reversion", "params": {}}
LATE = {"source": "demo", "symbols": ["AAPL"], "start": "2008-01-01", "benchmark": "EQUAL5"}


def opened(
    qtbot: QtBot, service: Service, door: Door, theme: Theme, run_ids: Sequence[str]
) -> CompareWindow:
    presenter = ComparePresenter(service, door, run_ids, compare_charts_of)
    window = CompareWindow(presenter, theme.tokens)
    qtbot.addWidget(window)
    with awaited(qtbot, presenter.loaded):
        window.show()
    return window


def two_runs(service: Service) -> list[str]:
    return [finished(service).record.run_id, finished(service, strategy=SLOW).record.run_id]


def test_runs_lie_over_each_other_from_a_hundred_percent(
    qtbot: QtBot, service: Service, door: Door, theme: Theme
) -> None:
    window = opened(qtbot, service, door, theme, two_runs(service))

    first = window.charts.equity.readings(0)
    window.charts.equity.cursor.move(window.charts.equity.base, 0)

    assert window.windowTitle() == "Compare – 2 runs"
    assert [reading.name for reading in first[1:]] == ["slow 50", "slow 200"]
    assert [reading.value for reading in first[1:]] == ["100.00 %", "100.00 %"]
    assert window.legend.titles == ("SMA crossover · slow 50", "SMA crossover · slow 200")


def test_the_crosshair_reads_every_run_in_both_panes(
    qtbot: QtBot, service: Service, door: Door, theme: Theme
) -> None:
    window = opened(qtbot, service, door, theme, two_runs(service))

    window.charts.equity.cursor.move(window.charts.equity.base, 700)

    assert window.charts.drawdown.cursor_bar == 700
    assert len(window.charts.equity.readout) == 3
    assert len(window.charts.drawdown.readout) == 2


def test_equity_can_be_shown_as_money(
    qtbot: QtBot, service: Service, door: Door, theme: Theme
) -> None:
    window = opened(qtbot, service, door, theme, two_runs(service))

    qtbot.mouseClick(window.as_money, Qt.MouseButton.LeftButton)
    money = window.charts.equity.readings(0)[1].value
    qtbot.mouseClick(window.as_share, Qt.MouseButton.LeftButton)
    share = window.charts.equity.readings(0)[1].value

    assert money == "100,000.00"
    assert share == "100.00 %"


def test_the_best_of_each_metric_is_bold_and_settings_that_differ_are_listed(
    qtbot: QtBot, service: Service, door: Door, theme: Theme
) -> None:
    ids = two_runs(service)
    window = opened(qtbot, service, door, theme, ids)
    returns = [service.status(run_id).metrics["total_return"] for run_id in ids]
    best = 1 + int(np.argmax(returns))

    font = window.metrics.index(0, best).data(Qt.ItemDataRole.FontRole)
    other = window.metrics.index(0, 3 - best).data(Qt.ItemDataRole.FontRole)
    settings = [
        [window.differences.index(row, column).data() for column in range(3)]
        for row in range(window.differences.rowCount())
    ]

    assert font.weight() == QFont.Weight.DemiBold
    assert other is None
    assert settings == [["Strategy · slow", "50", "200"]]


def test_runs_of_different_dates_share_one_time_axis_and_a_caution(
    qtbot: QtBot, service: Service, door: Door, theme: Theme
) -> None:
    long, late = finished(service).record, finished(service, data=LATE).record
    window = opened(qtbot, service, door, theme, [long.run_id, late.run_id])
    base = window.charts.equity.base
    first_late = int(np.searchsorted(base.time_ns, late.start_ns))

    before = window.charts.equity.readings(first_late - 1)
    after = window.charts.equity.readings(first_late)

    assert (base.time_ns[0], base.time_ns[-1]) == (long.start_ns, long.end_ns)
    assert before[2].value == "–"
    assert after[2].value == "100.00 %"
    assert "different dates" in window.cautions.text()
    assert window.cautions.isVisible()


def test_equal_runs_say_that_nothing_differs(
    qtbot: QtBot, service: Service, door: Door, theme: Theme
) -> None:
    ids = [finished(service).record.run_id, finished(service).record.run_id]

    window = opened(qtbot, service, door, theme, ids)

    assert window.differences.rowCount() == 0
    assert not window.differences_table.isVisible()
    assert len(set(window.legend.titles)) == 2


def test_ten_runs_differ_by_colour_and_dash_or_label(
    qtbot: QtBot, service: Service, door: Door, theme: Theme
) -> None:
    ids = [
        finished(
            service, strategy={"name": "sma_cross", "params": {"fast": fast, "slow": 100}}
        ).record.run_id
        for fast in range(5, 55, 5)
    ]

    window = opened(qtbot, service, door, theme, ids)

    readings = window.charts.equity.readings(0)[1:]
    assert window.windowTitle() == "Compare – 10 runs"
    assert len({reading.name for reading in readings}) == 10
    assert len({reading.ink for reading in readings}) == 10


def test_any_number_of_windows_stand_beside_each_other(
    qtbot: QtBot, service: Service, door: Door, theme: Theme
) -> None:
    ids = [*two_runs(service), finished(service, strategy=HOLD).record.run_id]

    first = opened(qtbot, service, door, theme, ids[:2])
    second = opened(qtbot, service, door, theme, ids)
    second.charts.equity.cursor.move(second.charts.equity.base, 50)

    assert (first.windowTitle(), second.windowTitle()) == ("Compare – 2 runs", "Compare – 3 runs")
    assert first.charts.equity.cursor_bar is None


def test_the_close_key_closes_the_window_and_says_so(
    qtbot: QtBot, service: Service, door: Door, theme: Theme
) -> None:
    presenter = ComparePresenter(service, door, two_runs(service), compare_charts_of)
    window = CompareWindow(presenter, theme.tokens)
    with awaited(qtbot, presenter.loaded):
        window.show()
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow)

    with awaited(qtbot, window.closed):
        qtbot.keyClick(window, Qt.Key.Key_W, Qt.KeyboardModifier.ControlModifier)

    qtbot.waitUntil(lambda: not isValid(window))


def test_a_window_closed_before_its_runs_have_come_hears_nothing_more(
    qtbot: QtBot, service: Service, door: Door, theme: Theme
) -> None:
    presenter = ComparePresenter(service, door, two_runs(service), compare_charts_of)
    window = CompareWindow(presenter, theme.tokens)
    window.show()
    troubles: list[object] = []
    door.failed.connect(troubles.append)

    window.close()
    qtbot.waitUntil(lambda: not isValid(window) and door.is_idle, timeout=10_000)

    assert troubles == []


def test_a_run_without_result_cannot_be_compared_and_the_window_says_why(
    qtbot: QtBot, service: Service, door: Door, theme: Theme
) -> None:
    ids = [finished(service).record.run_id, failed(service)]
    presenter = ComparePresenter(service, door, ids)
    window = CompareWindow(presenter, theme.tokens)
    qtbot.addWidget(window)

    with awaited(qtbot, presenter.failed):
        window.show()

    assert window.state.words.splitlines()[:2] == [
        "The runs can't be compared",
        "The run is failed",
    ]


def test_light_and_dark_change_while_runs_are_compared(
    qtbot: QtBot, service: Service, door: Door, theme: Theme
) -> None:
    window = opened(qtbot, service, door, theme, two_runs(service))

    window.set_tokens(tokens_for("light"))

    reading = window.charts.equity.readings(0)[1]
    assert reading.ink == tokens_for("light").series[0]


def test_runs_are_told_apart_by_name_then_by_setting_then_by_id(service: Service) -> None:
    fast, slow = finished(service).record, finished(service, strategy=SLOW).record
    hold, same = finished(service, strategy=HOLD).record, finished(service).record

    assert labels_of(compare([fast, hold])) == ("SMA crossover", "Buy and hold")
    assert labels_of(compare([fast, slow])) == ("slow 50", "slow 200")
    assert labels_of(compare([fast, same])) == (fast.short_id, same.short_id)
    assert labels_of(compare([fast, hold, same])) == (fast.short_id, "Buy and hold", same.short_id)
    assert labels_of(compare([fast, hold, slow])) == ("slow 50", "Buy and hold", "slow 200")


def test_the_same_run_twice_is_one_run_too_few(service: Service) -> None:
    run_id = finished(service).record.run_id

    with pytest.raises(Exception, match="two to ten"):
        compare_runs(service, [run_id, run_id])


def test_four_runs_fit_beside_each_other_without_scrolling_their_metrics(
    qtbot: QtBot, service: Service, door: Door, theme: Theme
) -> None:
    strategies = ({}, {"strategy": SLOW}, {"strategy": HOLD}, {"strategy": RSI})
    ids = [finished(service, **sections).record.run_id for sections in strategies]
    window = opened(qtbot, service, door, theme, ids)

    window.resize(1280, 800)
    window.show()
    qtbot.wait(50)

    assert window.metrics_table.horizontalScrollBar().maximum() == 0
