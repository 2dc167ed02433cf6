"""The curves of a run under way are built on its own thread, and the window only takes them over."""

import threading

import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from desktop.charts.data import Curves
from desktop.presenters.attempt import Attempt
from desktop.presenters.state import LiveProgress
from desktop.service.facade import Service
from desktop.tasks.worker import Control
from desktop.views.run_charts import LiveCharts
from engine.result import BacktestProgress, LiveCurve
from tests.builders import days
from tests.desktop.chart_worlds import filled_stack
from tests.desktop.windows import demo_config
from tests.desktop.workbench import Desk


def test_every_report_with_a_curve_carries_what_is_drawn_of_it(service: Service) -> None:
    told: list[BacktestProgress] = []
    work = Attempt(service, demo_config(), follow=LiveCharts).drive

    view = work(Control(told.append, threading.Event()))

    live = [one for one in told if one.live is not None]
    assert view is not None
    assert live
    assert all(isinstance(one, LiveProgress) and isinstance(one.drawn, Curves) for one in live)
    np.testing.assert_allclose(live[-1].drawn.equity.values, view.result.curve.equity, atol=1e-4)
    assert (live[-1].stage, live[-1].fraction) == ("simulate", 0.9)


def test_what_was_handed_out_stays_as_it_was_while_the_run_goes_on() -> None:
    time_ns, equity = days(900), np.linspace(100.0, 200.0, 900)
    grow = LiveCharts(100.0)

    early = grow(LiveCurve(time_ns[:300], equity[:300]))
    late = grow(LiveCurve(time_ns, equity))

    assert (len(early), len(late)) == (300, 900)
    assert np.array_equal(early.equity.values, equity[:300])
    assert np.array_equal(early.drawdown.values, np.zeros(300))
    assert len(early.base) == len(early.equity)


def test_the_axis_of_a_run_under_way_is_labelled_to_its_end(qtbot: QtBot) -> None:
    time_ns, equity = days(900), np.linspace(100.0, 200.0, 900)
    grow = LiveCharts(100.0)
    stack = filled_stack(qtbot)
    stack.begin_live(900, 100.0)

    stack.grow_to(grow(LiveCurve(time_ns[:50], equity[:50], time_ns)))
    qtbot.wait(50)

    ticks = stack.drawdown.time_axis.ticks
    assert len(stack.equity.base) == 50
    assert max(tick.index for tick in ticks) > 600


def test_no_curve_is_built_on_the_thread_that_paints(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads: list[int] = []
    build = LiveCharts.__call__

    def noted(self: LiveCharts, live: LiveCurve) -> Curves:
        threads.append(threading.get_ident())
        return build(self, live)

    monkeypatch.setattr(LiveCharts, "__call__", noted)
    desk.set_up()

    desk.run_to_end()

    assert threads
    assert threading.get_ident() not in threads
