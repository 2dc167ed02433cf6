"""How work that lasts is stopped: it is handed a question, and asks it often.

Whoever starts the work hands in ``should_stop``; whoever does it calls `check` between two pieces,
none of which takes longer than a person notices. A call that cannot be cut into pieces (a name
looked up in the network, a keyring that waits for its owner) goes to a thread of its own in
`beside`, which does not wait for it once the work is stopped.
"""

import threading
import time
from collections.abc import Callable
from typing import Any, Final, TypeVar

from storage.errors import Stopped

T = TypeVar("T")

ShouldStop = Callable[[], bool]
POLL_SECONDS: Final = 0.02


def never() -> bool:
    """Say that nobody stops the work."""
    return False


def check(should_stop: ShouldStop) -> None:
    """Go on, or raise `Stopped`."""
    if should_stop():
        raise Stopped


def beside(call: Callable[[], T], should_stop: ShouldStop, name: str) -> T:
    """Return what a call returns that cannot be interrupted; it runs in a daemon thread.

    Raises:
        Stopped: it was asked for before the call ended; what comes of the call is dropped.
    """
    done = threading.Event()
    outcome: list[Any] = []

    def work() -> None:
        try:
            outcome.append((call(), None))
        except BaseException as error:
            outcome.append((None, error))
        done.set()

    threading.Thread(target=work, name=name, daemon=True).start()
    while not done.wait(POLL_SECONDS):
        check(should_stop)
    value, error = outcome[0]
    if error is not None:
        raise error
    result: T = value
    return result


def taken(
    try_to_take: Callable[[float], bool], seconds: float, should_stop: ShouldStop = never
) -> bool:
    """Try for so many seconds to take something, in short attempts; return whether it was taken.

    Raises:
        Stopped: it was asked for first.
    """
    end = time.monotonic() + seconds
    while not try_to_take(max(0.0, min(POLL_SECONDS, end - time.monotonic()))):
        check(should_stop)
        if time.monotonic() >= end:
            return False
    return True
