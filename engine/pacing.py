"""How fast a simulation goes: as fast as it can, or so that somebody can watch.

Nothing here reads a clock or sleeps: both are handed in. The driver asks a `Pacer` which bars may be simulated by now;
a `Transport` is the hand on it (play, pause, step, another speed), and may be used from any thread.

Simulated time counts only while a market is open. A session (one day of trading) takes ``86.4 s / factor`` when
accelerated, whatever its bars are: 8.64 s at a factor of 10. Its bars share that time evenly; nights, weekends and
holidays take none. In real time a bar takes as long as it lasts.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import numpy as np
from numpy.typing import NDArray

from engine.types import NS_PER_DAY, NS_PER_SECOND, TIMEFRAME_NS

SESSION_SECONDS: Final = 86.4  # what one session takes at a factor of 1
LONGEST_WAIT: Final = 0.05  # seconds; so soon a stop or another speed is noticed
_SESSIONS_OF: Final = {"1w": 5.0, "1mo": 21.0}  # sessions that a bar longer than a day stands for


class PaceMode(StrEnum):
    """What the speed follows."""

    MAX = "max"  # no waiting
    ACCELERATED = "accelerated"  # a session takes 86.4 s / factor
    REAL_TIME = "real_time"  # a bar takes as long as it lasts


@dataclass(frozen=True, slots=True)
class Pace:
    """A speed. ``factor`` matters when accelerated only."""

    mode: PaceMode = PaceMode.MAX
    factor: float = 10.0

    def __post_init__(self) -> None:
        """Refuse a factor that is no speed."""
        if not 0.0 < self.factor < float("inf"):
            raise ValueError(f"an acceleration factor of {self.factor} is not allowed: above 0")

    @property
    def session_seconds(self) -> float:
        """Seconds that one session takes when accelerated."""
        return SESSION_SECONDS / self.factor


def session_shares(time_ns: NDArray[np.int64], timeframe: str) -> NDArray[np.float64]:
    """Return which part of a session each bar is.

    Parameters
    ----------
    time_ns : (n_bars,) opens of the bars, UTC, ascending
    timeframe : length of a bar, a key of ``engine.types.TIMEFRAME_NS``

    Returns
    -------
    (n_bars,) positive; the bars of one UTC day sum to 1, a weekly bar is 5 sessions, a monthly one 21.
    """
    if TIMEFRAME_NS[timeframe] >= NS_PER_DAY:
        return np.full(len(time_ns), _SESSIONS_OF.get(timeframe, 1.0))
    if not len(time_ns):
        return np.empty(0)
    days = time_ns // NS_PER_DAY
    starts = np.flatnonzero(np.diff(days, prepend=days[0] - 1))
    counts = np.diff(starts, append=len(days))
    return np.repeat(1.0 / counts, counts)


def real_seconds(time_ns: NDArray[np.int64], timeframe: str) -> NDArray[np.float64]:
    """Return how long each bar lasts, in seconds; an event lasts until the next one of its UTC day.

    Parameters
    ----------
    time_ns : (n_bars,) opens of the bars, UTC, ascending
    timeframe : length of a bar, a key of ``engine.types.TIMEFRAME_NS``

    Returns
    -------
    (n_bars,) zero or positive
    """
    if timeframe != "tick":
        return np.full(len(time_ns), TIMEFRAME_NS[timeframe] / NS_PER_SECOND)
    gaps = np.diff(time_ns, append=time_ns[-1:])
    days = time_ns // NS_PER_DAY
    same_day = np.diff(days, append=days[-1:]) == 0
    return np.where(same_day, gaps / NS_PER_SECOND, 0.0)


class Transport:
    """The hand on a run: play, pause, step, speed. Every method may be called from any thread.

    A run begins playing at the pace it is given. What is asked for is taken up between two bars, at the latest
    `LONGEST_WAIT` later.
    """

    def __init__(self, pace: Pace | None = None, *, paused: bool = False) -> None:
        """Begin at a pace (as fast as possible by default), playing unless told otherwise."""
        self._lock = threading.Lock()
        self._pace = pace or Pace()
        self._paused = paused
        self._bars_asked = 0
        self._seeks_fill = False
        self._version = 0
        self._changed = threading.Event()

    @property
    def pace(self) -> Pace:
        """The speed that is asked for."""
        with self._lock:
            return self._pace

    @property
    def is_paused(self) -> bool:
        """Whether the run stands still until it is told to go on."""
        with self._lock:
            return self._paused

    @property
    def is_held(self) -> bool:
        """Whether the run waits for a hand: paused, and no step is under way."""
        with self._lock:
            return self._paused and not self._bars_asked and not self._seeks_fill

    @property
    def version(self) -> int:
        """A number that changes whenever something is asked for."""
        with self._lock:
            return self._version

    def set_pace(self, pace: Pace) -> None:
        """Go on at another speed; a run that is paused stays so."""
        with self._lock:
            self._pace = pace
            self._tell()

    def play(self) -> None:
        """Go on."""
        with self._lock:
            self._paused, self._bars_asked, self._seeks_fill = False, 0, False
            self._tell()

    def pause(self) -> None:
        """Stand still after the bar under way."""
        with self._lock:
            self._paused, self._bars_asked, self._seeks_fill = True, 0, False
            self._tell()

    def step_bar(self, bars: int = 1) -> None:
        """Simulate so many bars more, then stand still."""
        if bars < 1:
            raise ValueError(f"a step of {bars} bars is not allowed: 1 or more")
        with self._lock:
            self._paused, self._seeks_fill = True, False
            self._bars_asked += bars
            self._tell()

    def step_trade(self) -> None:
        """Go on to the end of the next bar in which something is executed, then stand still."""
        with self._lock:
            self._paused, self._bars_asked, self._seeks_fill = True, 0, True
            self._tell()

    def wait(self, seconds: float) -> None:
        """Wait so long, or until something is asked for."""
        self._changed.wait(seconds)
        self._changed.clear()

    # what the pacer takes

    def steps_wanted(self) -> int:
        """Return how many bars are still to be stepped."""
        with self._lock:
            return self._bars_asked

    def seeks_fill(self) -> bool:
        """Whether the run goes on to the next execution."""
        with self._lock:
            return self._seeks_fill

    def stepped(self, bars: int, filled: bool) -> None:
        """Take notice of bars that were simulated while paused."""
        with self._lock:
            self._bars_asked = max(0, self._bars_asked - bars)
            if filled:
                self._seeks_fill = False

    def _tell(self) -> None:
        self._version += 1
        self._changed.set()


class Pacer:
    """Says how far a run may go by now.

    It keeps an anchor: the bar and the instant from which the present speed counts. Whatever changes the speed, or
    takes the run out of its time (a pause, a step, a computer that slept), sets a new one, so nothing is caught up.
    """

    def __init__(
        self,
        time_ns: NDArray[np.int64],
        timeframe: str,
        transport: Transport,
        clock: Callable[[], float],
    ) -> None:
        """Take the axis of a run, the hand on it, and a steady clock in seconds."""
        self.transport = transport
        self._clock = clock
        self._sessions = _until(session_shares(time_ns, timeframe))
        self._seconds = _until(real_seconds(time_ns, timeframe))
        self._anchor = (-1, 0.0, 0)  # bar, instant, version of the transport
        self._last_look = float("-inf")

    def allowed(self, bar: int) -> int | None:
        """Return the first bar that must not be simulated yet; None when nothing holds the run back.

        ``bar`` is the first that has not been simulated.
        """
        transport = self.transport
        if transport.is_paused:
            self._forget()
            if transport.seeks_fill():
                return bar + 1
            return bar + transport.steps_wanted()
        pace = transport.pace
        if pace.mode is PaceMode.MAX:
            self._forget()
            return None
        begun_bar, begun, _ = self._anchored(bar)
        elapsed = self._clock() - begun
        until, unit = self._course(pace)
        reached = until[begun_bar] + elapsed / unit
        return int(np.searchsorted(until, reached * (1.0 + 1e-12), side="right")) - 1

    def wait(self, bar: int) -> None:
        """Wait until ``bar`` may be simulated or something is asked for, at most `LONGEST_WAIT`."""
        self.transport.wait(min(max(self._seconds_to(bar), 0.0), LONGEST_WAIT))

    def _seconds_to(self, bar: int) -> float:
        pace = self.transport.pace
        if self.transport.is_paused or pace.mode is PaceMode.MAX:
            return LONGEST_WAIT
        begun_bar, begun, _ = self._anchor
        if begun_bar < 0:
            return 0.0
        until, unit = self._course(pace)
        ahead = float(until[min(bar + 1, len(until) - 1)] - until[begun_bar])
        return begun + ahead * unit - self._clock()

    def _course(self, pace: Pace) -> tuple[NDArray[np.float64], float]:
        """Return what passes until the end of each bar, and how many seconds a unit of it takes."""
        if pace.mode is PaceMode.REAL_TIME:
            return self._seconds, 1.0
        return self._sessions, pace.session_seconds

    def _anchored(self, bar: int) -> tuple[int, float, int]:
        now, version = self._clock(), self.transport.version
        slept = now - self._last_look > 20 * LONGEST_WAIT
        if self._anchor[0] < 0 or self._anchor[2] != version or slept:
            self._anchor = (bar, now, version)
        self._last_look = now
        return self._anchor

    def _forget(self) -> None:
        self._anchor = (-1, 0.0, 0)
        self._last_look = self._clock()


def _until(parts: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return (n + 1,) sums of the first 0 … n parts."""
    return np.concatenate(([0.0], np.cumsum(parts)))
