"""How fast a run goes, by a clock that the test moves: what is allowed when, and what the hand on it changes."""

import numpy as np
import pytest

from engine.pacing import SESSION_SECONDS, Pace, PaceMode, Pacer, Transport, session_shares
from engine.types import NS_PER_DAY, NS_PER_SECOND

DAYS = np.array([0, 1, 2, 3, 7, 8, 9], np.int64) * NS_PER_DAY  # a weekend in the middle
MINUTES = np.concatenate(
    [day * NS_PER_DAY + np.arange(4, dtype=np.int64) * 60 * NS_PER_SECOND for day in (0, 1, 5)]
)


class Clock:
    """Seconds that pass when they are told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Watched:
    """A pacer on a clock of its own, and a run that goes as far as it is allowed at every look."""

    def __init__(self, time_ns=DAYS, timeframe="1d", pace=None, *, paused=False) -> None:
        self.clock = Clock()
        self.transport = Transport(pace, paused=paused)
        self.pacer = Pacer(time_ns, timeframe, self.transport, self.clock)
        self.bar = 0
        self.n_bars = len(time_ns)

    def look(self, seconds: float = 0.0, filled: bool = False) -> int:
        """Let time pass in small steps, simulate what is allowed after each, and return the bars simulated."""
        steps = max(1, round(seconds / 0.04))
        began = self.bar
        for _ in range(steps):
            self.clock.now += seconds / steps
            allowed = self.pacer.allowed(self.bar)
            until = self.n_bars if allowed is None else min(allowed, self.n_bars)
            self.transport.stepped(max(0, until - self.bar), filled and until > self.bar)
            self.bar = max(self.bar, until)
        return self.bar - began


def accelerated(factor: float = 10.0) -> Pace:
    return Pace(PaceMode.ACCELERATED, factor)


def test_at_full_speed_nothing_is_held_back():
    run = Watched()

    assert run.look() == len(DAYS)


def test_at_a_factor_of_ten_a_session_takes_eight_seconds_and_two_thirds():
    run = Watched(pace=accelerated(10))
    run.look()

    before = run.look(8.6)
    after = run.look(0.1)

    assert (before, after) == (0, 1)
    assert accelerated(10).session_seconds == pytest.approx(8.64)


def test_nights_weekends_and_holidays_take_no_time():
    run = Watched(pace=accelerated(SESSION_SECONDS))  # a session a second
    run.look()

    simulated = [run.look(1.0) for _ in DAYS]

    assert simulated == [1] * len(DAYS)


def test_the_bars_of_a_day_share_its_session():
    run = Watched(MINUTES, "1m", accelerated(SESSION_SECONDS / 4))  # a session in four seconds
    run.look()

    simulated = [run.look(1.0) for _ in MINUTES]

    assert simulated == [1] * len(MINUTES)


def test_in_real_time_a_bar_takes_as_long_as_it_lasts():
    run = Watched(MINUTES, "1m", Pace(PaceMode.REAL_TIME))
    run.look()

    assert run.look(59.0) == 0
    assert run.look(1.5) == 1
    assert run.look(120.0) == 2


def test_in_real_time_an_event_lasts_until_the_next_one_of_its_day():
    events = np.array([0, 1, 3, 3 + 86_400], np.int64) * NS_PER_SECOND
    run = Watched(events, "tick", Pace(PaceMode.REAL_TIME))
    run.look()

    simulated = [run.look(0.5), run.look(0.6), run.look(1.8), run.look(0.2)]

    assert simulated == [0, 1, 0, 3]


def test_another_speed_counts_from_now_on():
    run = Watched(pace=accelerated(SESSION_SECONDS))
    run.look()
    run.look(0.9)

    run.transport.set_pace(accelerated(SESSION_SECONDS * 10))
    run.look()
    soon = run.look(0.11)
    run.transport.set_pace(Pace())

    assert soon == 1
    assert run.look() == len(DAYS) - 1


def test_a_paused_run_stands_still_and_does_not_catch_up():
    run = Watched(pace=accelerated(SESSION_SECONDS))
    run.look()
    run.look(1.05)

    run.transport.pause()
    still = run.look(30.0)
    run.transport.play()
    run.look()
    after = run.look(1.0)

    assert (still, after) == (0, 1)


def test_a_computer_that_slept_does_not_catch_up():
    run = Watched(pace=accelerated(SESSION_SECONDS))
    run.look()

    run.clock.now += 3600.0
    woken = run.look()

    assert woken == 0
    assert run.look(1.0) == 1


def test_steps_are_counted_and_then_it_stands_still():
    run = Watched(paused=True)

    run.transport.step_bar()
    run.transport.step_bar(2)

    assert run.look() == 3
    assert run.look(10.0) == 0
    assert run.transport.is_held


def test_a_step_to_the_next_trade_ends_with_the_bar_that_brings_it():
    run = Watched(paused=True)

    run.transport.step_trade()
    searched = [run.look(), run.look(), run.look(filled=True), run.look()]

    assert searched == [1, 1, 1, 0]


def test_pausing_twice_is_the_same_as_once_and_play_forgets_steps():
    run = Watched(paused=True, pace=accelerated(SESSION_SECONDS))

    run.transport.step_bar(5)
    run.transport.pause()
    run.transport.pause()

    assert run.look(1.0) == 0
    run.transport.step_bar(3)
    run.transport.play()
    run.look()
    assert run.look(1.0) == 1


def test_waiting_ends_when_something_is_asked_for():
    run = Watched(pace=Pace(PaceMode.REAL_TIME))
    run.look()
    run.transport.pause()

    run.pacer.wait(run.bar)  # told already: it returns at once

    assert run.transport.is_held


@pytest.mark.parametrize("factor", [0.0, -1.0, float("inf"), float("nan")])
def test_a_factor_that_is_no_speed_is_refused(factor):
    with pytest.raises(ValueError, match="acceleration factor"):
        Pace(PaceMode.ACCELERATED, factor)


def test_a_step_of_nothing_is_refused():
    with pytest.raises(ValueError, match="step of 0"):
        Transport().step_bar(0)


def test_shares_of_a_day_come_to_one_session_and_long_bars_to_several():
    assert session_shares(MINUTES, "1m").tolist() == [0.25] * 12
    assert session_shares(DAYS, "1d").tolist() == [1.0] * 7
    assert session_shares(DAYS[:2], "1w").tolist() == [5.0, 5.0]
    assert session_shares(DAYS[:0], "1m").tolist() == []
