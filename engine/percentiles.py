"""The outer percentiles of an equity curve's returns, and the mean of what lies beyond the lower.

Linear between neighbours, as a sorted list would give them, but found by selection: of a million
returns a sample tells where to look, so that only some thousands are put in order.
"""

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from engine.kernels.equity import returns_nb
from engine.kernels.tails import near_nb, total_nb

Floats = NDArray[np.float64]

TAIL: Final = 0.05  # share of the returns in each tail

_MANY: Final = 20_000  # fewer are sorted as a whole
_SAMPLE: Final = 4096
_SLACK: Final = 0.015  # a sample's 5th percentile is off by 0.0034 (one standard deviation)


class Tails(NamedTuple):
    """Both percentiles and the mean of the returns at or below the lower one."""

    low: float
    high: float
    shortfall: float


def tails_of(equity: Floats, initial_capital: float) -> Tails:
    """Return the 5th and 95th percentile of the returns per bar, and the mean at or below the 5th.

    Parameters
    ----------
    equity : (n_bars,) after each bar, money; two bars or more
    initial_capital : what the first return starts from
    """
    if len(equity) > _MANY:
        found = _by_selection(equity, initial_capital)
        if found is not None:
            return found
    ordered = np.sort(returns_nb(equity, initial_capital))
    low = _between(ordered, TAIL * (len(ordered) - 1), 0)
    high = _between(ordered, (1.0 - TAIL) * (len(ordered) - 1), 0)
    beyond = int(np.searchsorted(ordered, low, side="right"))
    return Tails(low, high, total_nb(ordered[:beyond]) / beyond)


def _by_selection(equity: Floats, initial_capital: float) -> Tails | None:
    """Return the tails from what lies near them, or None when the sample has misled."""
    n = len(equity)
    at = np.arange(1, n, n // _SAMPLE)
    before = equity[at - 1]
    sample = np.sort((equity[at] - before) * (1.0 / before))
    inner, outer = (round(len(sample) * share) for share in (TAIL + _SLACK, TAIL - _SLACK))
    low_window = float(sample[outer]), float(sample[inner])
    high_window = float(sample[-1 - inner]), float(sample[-1 - outer])
    near = near_nb(equity, initial_capital, low_window, high_window)
    low_place = TAIL * (n - 1)
    high_place = (1.0 - TAIL) * (n - 1)
    skipped = n - near.above - len(near.high)
    inside = _holds(low_place - near.below, near.low) and _holds(high_place - skipped, near.high)
    if not inside:
        return None
    lower, upper = np.sort(near.low), np.sort(near.high)
    low = _between(lower, low_place, near.below)
    beyond = int(np.searchsorted(lower, low, side="right"))
    total = near.below_sum + total_nb(lower[:beyond])
    return Tails(low, _between(upper, high_place, skipped), total / (near.below + beyond))


def _holds(place: float, values: Floats) -> bool:
    """Return whether the place, and the next, are within the values."""
    return place >= 0.0 and int(place) + 1 < len(values)


def _between(ordered: Floats, place: float, skipped: int) -> float:
    """Return the value at a fractional place of a list whose first ``skipped`` are left out."""
    left = int(place)
    share = place - left
    below = float(ordered[left - skipped])
    if share == 0.0:
        return below
    return below + share * (float(ordered[left - skipped + 1]) - below)
