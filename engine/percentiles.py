"""The outer percentiles of an equity curve's returns, and the mean of what lies beyond the lower.

Linear between neighbours, as a sorted list would give them, but found by selection: of a million
returns a sample tells where to look (`bounds_of`), the pass over the curve keeps what lies outside,
and of that only what is near is put in order (`tails_of`).
"""

import math
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from engine.kernels.tails import near_nb, total_nb

Floats = NDArray[np.float64]

TAIL: Final = 0.05  # share of the returns in each tail

_MANY: Final = 20_000  # fewer are sorted as a whole
_SAMPLE: Final = 4096
_SLACK: Final = 0.015  # a sample's 5th percentile is off by 0.0034 (one standard deviation)


class Bounds(NamedTuple):
    """Where both percentiles are looked for: two windows of returns."""

    low: tuple[float, float]
    high: tuple[float, float]

    @property
    def outside(self) -> tuple[float, float]:
        """The inner ends: what lies at or beyond them has to be kept."""
        return self.low[1], self.high[0]


EVERYWHERE: Final = Bounds((-math.inf, math.inf), (-math.inf, math.inf))


class Tails(NamedTuple):
    """Both percentiles and the mean of the returns at or below the lower one."""

    low: float
    high: float
    shortfall: float


def bounds_of(equity: Floats) -> Bounds:
    """Return where the 5th and the 95th percentile of the returns of a curve surely lie, or nearly so.

    Parameters
    ----------
    equity : (n_bars,) after each bar, money
    """
    n = len(equity)
    if n <= _MANY:
        return EVERYWHERE
    at = np.arange(1, n, n // _SAMPLE)
    before = equity[at - 1]
    with np.errstate(all="ignore"):  # a curve that is ruined or no number is found out elsewhere
        sample = np.sort((equity[at] - before) * (1.0 / before))
    inner, outer = (round(len(sample) * share) for share in (TAIL + _SLACK, TAIL - _SLACK))
    low = float(sample[outer]), float(sample[inner])
    return Bounds(low, (float(sample[-1 - inner]), float(sample[-1 - outer])))


def tails_of(kept: Floats, n: int, bounds: Bounds) -> Tails | None:
    """Return the 5th and 95th percentile of ``n`` returns, and the mean at or below the 5th.

    Parameters
    ----------
    kept : (n_kept,)
        In the order of time those returns that lie at or beyond ``bounds.outside``.
    n : int
        Two or more.
    bounds : Bounds
        From `bounds_of`, or `EVERYWHERE` when all returns were kept.

    Returns
    -------
    None when the sample behind the bounds has misled: then all returns are needed.
    """
    if bounds == EVERYWHERE and len(kept) < n:  # a return that is no number is at no bound
        return Tails(math.nan, math.nan, math.nan)
    low_place, high_place = TAIL * (n - 1), (1.0 - TAIL) * (n - 1)
    if bounds == EVERYWHERE:
        lower = upper = np.sort(kept)
        below, below_sum, skipped = 0, 0.0, 0
    else:
        near = near_nb(kept, bounds.low, bounds.high)
        lower, upper = np.sort(near.low), np.sort(near.high)
        below, below_sum, skipped = near.below, near.below_sum, n - near.above - len(upper)
        if not (_holds(low_place - below, lower) and _holds(high_place - skipped, upper)):
            return None
    low = _between(lower, low_place, below)
    beyond = int(np.searchsorted(lower, low, side="right"))
    shortfall = (below_sum + total_nb(lower[:beyond])) / (below + beyond)
    return Tails(low, _between(upper, high_place, skipped), shortfall)


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
