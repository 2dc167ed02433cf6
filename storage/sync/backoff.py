"""How long to wait before something that failed is tried again."""

import random
from collections.abc import Callable
from typing import Final

LONGEST_SECONDS: Final = 300.0


def pause_seconds(failures: int, draw: Callable[[], float] = random.random) -> float:
    """Return the pause after so many failures in a row: 1, 2, 4 … 300 s, less up to a half.

    The chance in it keeps the computers of a team from coming back all at once.
    """
    full = min(LONGEST_SECONDS, 2.0 ** min(max(failures, 1) - 1, 30))
    return full * (1.0 - draw() / 2)
