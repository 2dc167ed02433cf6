"""A million one-minute bars: the window lives while they are run, Stop is heard in every phase, one outcome comes.

How long the window was silent and how long a stop took is printed; what is asserted leaves room for a busy machine.
"""

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import Qt

from desktop.presenters.run import RunState
from desktop.tasks.worker import PROGRESS_PER_SECOND
from engine.result import BacktestProgress
from tests.desktop.listener import Listener
from tests.desktop.million import BARS, Heartbeat, million_bars, set_up_on
from tests.desktop.workbench import Desk

GAP_GOAL_MS, GAP_LIMIT_MS = 50.0, 500.0
WORK_GOAL_MS, WORK_LIMIT_MS = 16.0, 160.0  # of the thread that paints, in one go
STOP_GOAL_S, STOP_LIMIT_S = 0.2, 2.0
WHOLE_LIMIT_S = 10.0  # in the last phases there is nothing left to stop: the whole result is kept


@pytest.fixture(scope="module")
def million(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return million_bars(tmp_path_factory.mktemp("million"))


def begin(desk: Desk) -> Listener:
    """Press Run and return who listens to the task."""
    desk.press(Qt.Key.Key_R)
    (task,) = desk.bench.tasks.alive
    return Listener(task)


class Held:
    """Holds the run at the first report of a stage, until somebody lets it go on."""

    def __init__(self, desk: Desk, stage: str, monkeypatch: pytest.MonkeyPatch) -> None:
        self.stage = stage
        self.reached = threading.Event()
        self.go_on = threading.Event()
        self._execute = desk.bench.service.execute
        monkeypatch.setattr(desk.bench.service, "execute", self._held)

    def _held(self, run_id: str, on_progress: Callable[[Any], None], *others: Any) -> Any:
        def tell(progress: BacktestProgress) -> None:
            on_progress(progress)
            if progress.stage == self.stage and not self.reached.is_set():
                self.reached.set()
                self.go_on.wait(30)

        return self._execute(run_id, tell, *others)


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


@pytest.mark.parametrize(
    ("stage", "status", "bars"),
    [
        ("load", "cancelled", None),
        ("signals", "cancelled", (1, BARS - 1)),
        ("simulate", "cancelled", (1, BARS - 1)),
        ("metrics", "completed", (BARS, BARS)),
        ("save", "completed", (BARS, BARS)),
    ],
)
def test_stop_is_heard_in_every_phase_and_one_outcome_comes(
    desk: Desk,
    million: Path,
    monkeypatch: pytest.MonkeyPatch,
    figure: Callable[[str], None],
    stage: str,
    status: str,
    bars: tuple[int, int] | None,
) -> None:
    desk.set_up(**set_up_on(million))
    held = Held(desk, stage, monkeypatch)
    listener = begin(desk)
    desk.wait_for(held.reached.is_set)

    pressed = time.perf_counter()
    desk.press(Qt.Key.Key_Period)
    answered = time.perf_counter() - pressed
    assert desk.bench.run.state is RunState.STOPPING
    assert not desk.bench.window.setup.run_button().isEnabled()
    desk.press(Qt.Key.Key_Period)
    held.go_on.set()
    released = time.perf_counter()
    desk.wait_for(lambda: desk.bench.run.state is RunState.IDLE)
    ended = time.perf_counter() - released
    desk.wait_idle()

    figure(f"{stage}: answered in {answered:.3f} s, over in {ended:.3f} s, goal {STOP_GOAL_S} s")
    assert answered < STOP_LIMIT_S
    assert ended < (STOP_LIMIT_S if status == "cancelled" else WHOLE_LIMIT_S)
    assert listener.ends == ["succeeded", "finished"]
    assert desk.newest().status == status
    result = desk.bench.service.load(desk.newest().run_id).result
    assert (result is None) == (bars is None)
    assert bars is None or bars[0] <= len(result.time_ns) <= bars[1]
    shown = desk.bench.window.result
    assert shown.run_id == (desk.newest().run_id if bars else "")
    assert ("partial" in shown.header.badges) == (bars is not None and status == "cancelled")
    assert desk.can_run()
