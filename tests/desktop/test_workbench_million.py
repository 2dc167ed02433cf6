"""A million one-minute bars: the window lives while they are run and shown.

How long the window was silent is printed; what is asserted leaves room for a busy machine.
"""

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import Qt

from desktop.tasks.worker import PROGRESS_PER_SECOND
from tests.desktop.listener import Listener
from tests.desktop.million import BARS, Heartbeat, set_up_on
from tests.desktop.workbench import Desk

GAP_GOAL_MS, GAP_LIMIT_MS = 50.0, 500.0
WORK_GOAL_MS, WORK_LIMIT_MS = 16.0, 160.0  # of the thread that paints, in one go


def begin(desk: Desk) -> Listener:
    """Press Run and return who listens to the task."""
    desk.press(Qt.Key.Key_R)
    (task,) = desk.bench.tasks.alive
    return Listener(task)


def test_the_window_lives_while_a_million_bars_are_run_and_shown(
    desk: Desk, million: Path, figure: Callable[[str], None]
) -> None:
    desk.set_up()
    desk.run_to_end()  # what is loaded and laid out once a session is no matter of how many bars there are
    desk.set_up(**set_up_on(million))

    with Heartbeat() as heart:
        listener = begin(desk)
        desk.wait_idle()
        desk.qtbot.wait(300)

    progress = [one for what, one in listener.heard if what == "progress"]
    seconds = listener.times[-1] - listener.times[0]
    figure(f"largest gap {heart.largest_gap_ms:.0f} ms, goal {GAP_GOAL_MS:.0f} ms")
    figure(f"most work in one go {heart.largest_work_ms:.1f} ms, goal {WORK_GOAL_MS:.0f} ms")
    figure(f"{len(progress)} reports in {seconds:.1f} s")
    assert desk.newest().status == "completed"
    assert desk.bench.window.result.isVisible()
    assert len(desk.bench.service.load(desk.newest().run_id).result.time_ns) == BARS
    assert heart.largest_gap_ms < GAP_LIMIT_MS
    assert heart.largest_work_ms < WORK_LIMIT_MS
    assert listener.ends == ["succeeded", "finished"]
    assert len(progress) <= seconds * PROGRESS_PER_SECOND + 2
    assert [one.fraction for one in progress] == sorted(one.fraction for one in progress)
    assert progress[-1].stage == "done"


def test_the_window_lives_while_a_stored_run_of_a_million_bars_is_opened(
    desk: Desk, million: Path, figure: Callable[[str], None]
) -> None:
    desk.set_up(**set_up_on(million))
    long = desk.run_to_end().run_id
    desk.set_up()
    desk.run_to_end()

    with Heartbeat() as heart:
        desk.bench.opener.open(long)
        desk.wait_for(lambda: desk.bench.window.result.run_id == long)
        desk.wait_idle()
        desk.qtbot.wait(300)

    figure(f"largest gap {heart.largest_gap_ms:.0f} ms, goal {GAP_GOAL_MS:.0f} ms")
    figure(f"most work in one go {heart.largest_work_ms:.1f} ms, goal {WORK_GOAL_MS:.0f} ms")
    assert len(desk.bench.window.result.charts.equity.base) == BARS
    assert heart.largest_gap_ms < GAP_LIMIT_MS
    assert heart.largest_work_ms < WORK_LIMIT_MS
