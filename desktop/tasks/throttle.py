"""Lets through at most so many calls a second, and never swallows the last one."""

from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Throttle(Generic[T]):
    """Forwards values to ``emit`` at most ``per_second`` times a second.

    The caller says which value must not be lost (`flush` sends what was held back). Not thread-safe: one thread feeds
    it.
    """

    def __init__(
        self, emit: Callable[[T], None], per_second: float, clock: Callable[[], float]
    ) -> None:
        """Begin with nothing held back."""
        self._emit = emit
        self._interval = 1.0 / per_second
        self._clock = clock
        self._next = float("-inf")
        self._held: T | None = None

    def feed(self, value: T) -> None:
        """Send the value when its time has come, else hold it back in place of an older one."""
        now = self._clock()
        if now >= self._next:
            self._next = now + self._interval
            self._held = None
            self._emit(value)
        else:
            self._held = value

    def flush(self) -> None:
        """Send what was held back, if anything was."""
        if self._held is not None:
            value, self._held = self._held, None
            self._emit(value)
