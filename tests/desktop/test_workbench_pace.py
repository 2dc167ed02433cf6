"""The hand on a run in the window: pause, steps, speeds, and runs that were cut off, with real buttons."""

import pytest
from PySide6.QtCore import Qt

from desktop.presenters.run import RunState
from desktop.views.transport_bar import TransportBar, paces
from desktop.workbench.interrupted import DISCARD, RESTART, RESUME
from engine.pacing import Pace, PaceMode
from engine.result import BacktestProgress
from tests.desktop.test_resume import killed_run
from tests.desktop.workbench import Desk

SLOW = {"mode": "accelerated", "acceleration_factor": 10}


def transport_of(desk: Desk) -> TransportBar:
    (bar,) = desk.bench.window.findChildren(TransportBar)
    return bar


def begin_slowly(desk: Desk) -> list[BacktestProgress]:
    """Start a run of which a bar takes 8.64 seconds, and wait until it stands before its second."""
    heard: list[BacktestProgress] = []
    desk.bench.run.progressed.connect(heard.append)
    desk.set_up(pacing=SLOW)
    desk.press(Qt.Key.Key_R)
    desk.wait_for(lambda: any(one.stage == "simulate" for one in heard))
    return heard


def bars(heard: list[BacktestProgress]) -> int:
    return max(one.bars_done for one in heard)


def test_a_run_is_paused_stepped_and_let_go(desk: Desk) -> None:
    heard, bar = begin_slowly(desk), transport_of(desk)
    assert bar.isVisible()
    assert bar.speed.currentText() == "× 10"

    desk.click(bar.play)
    assert bar.play.accessibleName() == "Go on"
    before = bars(heard)
    desk.click(bar.bar)
    desk.click(bar.bar)
    desk.wait_for(lambda: bars(heard) == before + 2)
    desk.click(bar.trade)
    desk.wait_for(lambda: bars(heard) > before + 2 and desk.bench.run.is_held)
    desk.qtbot.wait(100)
    at_trade = bars(heard)
    desk.qtbot.wait(200)
    stands = bars(heard)
    desk.qtbot.keyClick(bar.speed, Qt.Key.Key_Home)
    bar.speed.activated.emit(bar.speed.currentIndex())
    desk.click(bar.play)
    desk.wait_idle()

    assert stands == at_trade
    assert desk.newest().status == "completed"
    assert not bar.isVisible()


def test_a_paused_run_can_be_stopped(desk: Desk) -> None:
    begin_slowly(desk)
    desk.click(transport_of(desk).play)

    desk.press(Qt.Key.Key_Period)
    desk.wait_idle()

    assert desk.newest().status == "cancelled"
    assert desk.can_run()


def test_the_speeds_say_how_long_a_day_takes(desk: Desk) -> None:
    bar, splitter = transport_of(desk), desk.bench.window.setup
    before = splitter.width()
    begin_slowly(desk)

    hint, width = bar._hint.text(), splitter.width()
    desk.press(Qt.Key.Key_Period)
    desk.wait_idle()

    assert hint == "8.64 s/day"
    assert bar._hint_of(Pace(PaceMode.ACCELERATED, 2000.0)) == "43.2 ms/day"
    assert width == before  # the panel grows for no hint
    assert [pace.mode for pace in paces()][::6] == [PaceMode.MAX, PaceMode.REAL_TIME]


@pytest.mark.needs_posix
def test_a_run_that_was_cut_off_is_offered_and_resumed(qtbot, qapp) -> None:
    from tests.desktop.workbench import at_work

    run_id = killed_run()

    with at_work(qtbot, qapp) as desk:
        notice = desk.bench.window.notice
        desk.wait_for(lambda: "was interrupted" in notice.text)
        desk.click(notice.button(RESUME))
        assert desk.bench.run.state is RunState.RUNNING
        assert notice.text == ""
        desk.wait_idle()

        assert desk.bench.window.result.run_id == run_id
        assert desk.newest().status == "completed"
        assert [run.run_id for run in desk.runs()] == [run_id]
        assert notice.text == ""


@pytest.mark.needs_posix
@pytest.mark.parametrize(("answer", "left"), [(DISCARD, []), (RESTART, ["completed"])])
def test_a_run_that_was_cut_off_can_be_discarded_or_restarted(qtbot, qapp, answer, left) -> None:
    from tests.desktop.workbench import at_work

    killed_run()

    with at_work(qtbot, qapp) as desk:
        notice = desk.bench.window.notice
        desk.wait_for(lambda: "was interrupted" in notice.text)
        desk.click(notice.button(answer))
        desk.wait_idle()
        desk.wait_for(lambda: [run.status for run in desk.runs()] == left)

        assert notice.text == ""
        assert desk.bench.service.interrupted() == []
