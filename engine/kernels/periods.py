"""An equity curve by stretches: calendar periods, and falls from peak to recovery."""

from typing import Any, Final

import numpy as np
from numba import njit
from numpy.typing import NDArray

from engine.kernels.equity import NOISE

Floats = NDArray[np.float64]

PERIOD: Final = np.dtype(
    [
        ("last_bar", "<i8"),
        ("bars", "<i8"),
        ("base", "<f8"),  # equity before its first bar
        ("last", "<f8"),  # equity after its last bar
        ("lowest", "<f8"),  # of what its returns start from, and of its last equity
        ("worst", "<f8"),  # lowest drawdown from the highest equity since its beginning
        ("mean", "<f8"),  # of the returns per bar
        ("squares", "<f8"),  # sum of their squared distances from it
    ],
    align=True,
)

EPISODE: Final = np.dtype(
    [
        ("peak", "<i8"),  # last bar at the peak; -1 is the point before the first bar
        ("trough", "<i8"),  # bar of the lowest drawdown
        ("recovery", "<i8"),  # first bar back at the peak; -1 when there is none
        ("depth", "<f8"),  # lowest drawdown, negative
        ("money", "<f8"),  # peak - equity at the trough
    ],
    align=True,
)


@njit(nogil=True, cache=True)
def periods_nb(equity: Floats, capital: float, rows: NDArray[np.void]) -> None:
    """Fill ``rows``, of which ``last_bar`` is given, ascending; the first begins at bar 0."""
    bar, before = 0, capital
    for p in range(len(rows)):
        row = rows[p]
        row.base = row.lowest = peak = before
        row.bars = row.last_bar + 1 - bar
        n, mean, squares, worst = 0, 0.0, 0.0, 0.0
        while bar <= row.last_bar:
            value = equity[bar]
            change = (value - before) * (1.0 / before) if before != 0.0 else 0.0
            n += 1
            away = change - mean
            mean += away / n
            squares += away * (change - mean)
            peak = max(peak, value)
            if value < peak * (1.0 - NOISE):
                worst = min(worst, (value - peak) * (1.0 / peak))
            before = value
            row.lowest = min(row.lowest, value)
            bar += 1
        row.last, row.worst, row.mean, row.squares = before, worst, mean, squares


@njit(nogil=True, cache=True)
def deepest_nb(equity: Floats, capital: float, rows: NDArray[np.void]) -> int:
    """Find the deepest falls, deepest first, earlier ones first of equals, as many as ``rows``.

    A fall lasts from a peak until equity is back there, to within `NOISE`. Returns how many there
    are, at most ``len(rows)``.
    """
    found = 0
    peak, peak_bar = capital, -1
    depth, trough = 0.0, -1
    for bar in range(len(equity)):
        value = equity[bar]
        if value < peak * (1.0 - NOISE):
            if (value - peak) * (1.0 / peak) < depth:
                depth, trough = (value - peak) * (1.0 / peak), bar
            continue
        if depth < 0.0:
            found = _keep_nb(rows, found, depth, peak_bar, trough, bar, peak - equity[trough])
            depth = 0.0
        peak, peak_bar = max(peak, value), bar
    if depth < 0.0:
        found = _keep_nb(rows, found, depth, peak_bar, trough, -1, peak - equity[trough])
    return found


@njit(nogil=True, cache=True, no_cpython_wrapper=True, no_cfunc_wrapper=True)
def _keep_nb(
    rows: Any, found: int, depth: float, peak: int, trough: int, recovery: int, money: float
) -> int:
    # Puts a fall in its place among the deepest, if it has one there.
    place = found
    while place > 0 and rows[place - 1].depth > depth:
        place -= 1
    if place == len(rows):
        return found
    for i in range(min(found, len(rows) - 1), place, -1):
        rows[i] = rows[i - 1]
    row = rows[place]
    row.depth, row.money = depth, money
    row.peak, row.trough, row.recovery = peak, trough, recovery
    return min(found + 1, len(rows))
