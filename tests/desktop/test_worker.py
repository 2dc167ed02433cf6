"""A task says how it ended exactly once, and then that it has finished; a throttle swallows only what is replaced."""

import threading
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from desktop.tasks.throttle import Throttle
from desktop.tasks.worker import PROGRESS_PER_SECOND, Control, Tasks
from storage.errors import Stopped
from tests.desktop.listener import Listener

WAIT_MS = 10_000


@pytest.fixture
def tasks(qapp: QApplication) -> Iterator[Tasks]:
    tasks = Tasks()
    yield tasks
    assert tasks.shut_down()
    QApplication.sendPostedEvents()


def finished(qtbot: QtBot, tasks: Tasks, work: Callable[[Control], Any]) -> Listener:
    """Run a work to its end and return who listened."""
    task = tasks.add(work, "planted")
    listener = Listener(task)
    task.start()
    qtbot.waitUntil(lambda: not tasks.alive, timeout=WAIT_MS)
    return listener


def test_work_that_returns_succeeds_and_then_finishes(qtbot: QtBot, tasks: Tasks) -> None:
    listener = finished(qtbot, tasks, lambda control: 42)

    assert listener.heard == [("succeeded", 42), ("finished", None)]


def test_work_that_raises_fails_with_what_it_raised(qtbot: QtBot, tasks: Tasks) -> None:
    error = ValueError("planted")

    def work(control: Control) -> None:
        raise error

    listener = finished(qtbot, tasks, work)

    assert listener.heard == [("failed", error), ("finished", None)]


def test_work_that_stops_because_it_was_asked_to_is_cancelled(qtbot: QtBot, tasks: Tasks) -> None:
    def work(control: Control) -> None:
        while True:
            control.check()
            time.sleep(0.001)

    task = tasks.add(work, "endless")
    listener = Listener(task)
    task.start()
    task.cancel()
    qtbot.waitUntil(lambda: not tasks.alive, timeout=WAIT_MS)

    assert listener.heard == [("cancelled", None), ("finished", None)]


def test_work_may_hand_back_what_it_has_when_it_is_asked_to_stop(
    qtbot: QtBot, tasks: Tasks
) -> None:
    def work(control: Control) -> str:
        while not control.should_stop():
            time.sleep(0.001)
        return "partial"

    task = tasks.add(work, "partial")
    listener = Listener(task)
    task.start()
    task.cancel()
    qtbot.waitUntil(lambda: not tasks.alive, timeout=WAIT_MS)

    assert listener.heard == [("succeeded", "partial"), ("finished", None)]


def test_cancelling_twice_is_the_same_as_once(qtbot: QtBot, tasks: Tasks) -> None:
    def work(control: Control) -> None:
        while True:
            control.check()
            time.sleep(0.001)

    task = tasks.add(work, "endless")
    listener = Listener(task)
    task.start()
    task.cancel()
    task.cancel()
    qtbot.waitUntil(lambda: not tasks.alive, timeout=WAIT_MS)

    assert listener.heard == [("cancelled", None), ("finished", None)]


def test_cancelling_what_has_ended_changes_nothing(qtbot: QtBot, tasks: Tasks) -> None:
    ended = threading.Event()
    task = tasks.add(lambda control: ended.set(), "quick")
    listener = Listener(task)
    task.start()
    assert ended.wait(5)
    task.cancel()
    qtbot.waitUntil(lambda: not tasks.alive, timeout=WAIT_MS)

    assert listener.heard == [("succeeded", None), ("finished", None)]


def test_a_cancel_before_the_start_is_not_lost(qtbot: QtBot, tasks: Tasks) -> None:
    task = tasks.add(lambda control: control.check(), "late")
    listener = Listener(task)
    task.cancel()
    task.start()
    qtbot.waitUntil(lambda: not tasks.alive, timeout=WAIT_MS)

    assert listener.heard == [("cancelled", None), ("finished", None)]


def test_stopped_raised_without_being_asked_is_cancelled_too(qtbot: QtBot, tasks: Tasks) -> None:
    def work(control: Control) -> None:
        raise Stopped

    listener = finished(qtbot, tasks, work)

    assert listener.heard == [("cancelled", None), ("finished", None)]


def test_everything_is_heard_on_the_gui_thread(qtbot: QtBot, tasks: Tasks) -> None:
    listener = finished(qtbot, tasks, lambda control: control.report(1))

    assert listener.threads == {threading.get_ident()}


def test_progress_comes_at_most_twenty_times_a_second_and_the_last_one_always(
    qtbot: QtBot, tasks: Tasks
) -> None:
    def work(control: Control) -> float:
        begun = time.monotonic()
        while (elapsed := time.monotonic() - begun) < 0.5:
            control.report(elapsed)
        control.report("last")
        return elapsed

    listener = finished(qtbot, tasks, work)

    told = [value for what, value in listener.heard if what == "progress"]
    elapsed = dict(listener.heard)["succeeded"]
    assert told[-1] == "last"
    assert 2 <= len(told) <= elapsed * PROGRESS_PER_SECOND + 2


def test_an_outcome_comes_after_all_progress(qtbot: QtBot, tasks: Tasks) -> None:
    def work(control: Control) -> None:
        for value in range(100):
            control.report(value)
        raise ValueError("planted")

    listener = finished(qtbot, tasks, work)

    assert [what for what, _ in listener.heard][-3:] == ["progress", "failed", "finished"]
    assert listener.heard[-3] == ("progress", 99)


def test_all_tasks_end_when_the_program_does(qapp: QApplication) -> None:
    def work(control: Control) -> None:
        while True:
            control.check()
            time.sleep(0.001)

    tasks = Tasks()
    many = [tasks.add(work, f"endless {number}") for number in range(4)]
    for task in many:
        task.start()

    ended = tasks.shut_down(limit_ms=WAIT_MS)

    assert ended
    assert [task.isRunning() for task in many] == [False] * 4


def test_a_task_that_does_not_listen_is_said_to_be_still_there(qapp: QApplication) -> None:
    release = threading.Event()
    tasks = Tasks()
    tasks.add(lambda control: release.wait(WAIT_MS / 1000), "deaf").start()

    ended = tasks.shut_down(limit_ms=20)
    release.set()

    assert not ended
    assert tasks.shut_down()


# the throttle

STEPS = st.lists(st.floats(0, 0.2), max_size=60)


class Ticking:
    """A clock that goes when it is told to."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def fed(steps: list[float], per_second: float = 20.0) -> list[tuple[float, int]]:
    """Feed a throttle its numbers at times so far apart, flush it, and return what came out and when."""
    clock = Ticking()
    out: list[tuple[float, int]] = []
    throttle: Throttle[int] = Throttle(lambda v: out.append((clock.now, v)), per_second, clock)
    for number, step in enumerate(steps):
        clock.now += step
        throttle.feed(number)
    throttle.flush()
    return out


@given(STEPS)
def test_a_throttle_keeps_order_and_never_repeats(steps: list[float]) -> None:
    values = [value for _, value in fed(steps)]

    assert values == sorted(set(values))


@given(STEPS.filter(bool))
def test_a_throttle_never_swallows_the_first_and_the_last(steps: list[float]) -> None:
    values = [value for _, value in fed(steps)]

    assert values[0] == 0
    assert values[-1] == len(steps) - 1


@given(STEPS)
def test_a_throttle_keeps_its_distance_but_for_the_flush(steps: list[float]) -> None:
    times = [when for when, _ in fed(steps)][:-1]

    assert all(later - sooner >= 0.05 - 1e-9 for sooner, later in pairwise(times))


def test_flushing_an_empty_throttle_says_nothing() -> None:
    assert fed([]) == []
