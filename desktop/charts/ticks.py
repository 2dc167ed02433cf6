"""Where an axis is labelled: round values, and the bars with which a year, month, day or hour begins."""

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from engine.types import NS_PER_DAY, NS_PER_SECOND

Rank = Literal["year", "month", "day", "time"]

# calendar unit (numpy), how many of it, first period that counts, its length in nanoseconds
_LADDER: Final[tuple[tuple[str, int, int, int], ...]] = (
    *(("m", step, 0, step * 60 * NS_PER_SECOND) for step in (1, 5, 15, 30)),
    *(("h", step, 0, step * 3600 * NS_PER_SECOND) for step in (1, 3, 6, 12)),
    ("D", 1, 0, NS_PER_DAY),
    ("D", 7, 4, 7 * NS_PER_DAY),  # 1970-01-05 was a Monday
    *(("M", step, 0, step * 30 * NS_PER_DAY) for step in (1, 3, 6)),
    *(("Y", step, 0, step * 365 * NS_PER_DAY) for step in (1, 2, 5, 10, 20, 50, 100)),
)
_MOST_PERIODS: Final = 4000
_RANKS: Final[tuple[Rank, ...]] = ("year", "month", "day", "time")
_UNITS: Final = ("Y", "M", "D")


@dataclass(frozen=True, slots=True)
class TimeTick:
    """A labelled bar, and the coarsest period that begins with it."""

    index: int
    time_ns: int
    rank: Rank


def time_ticks(
    time_ns: NDArray[np.int64], start: int, stop: int, least_gap: float
) -> list[TimeTick]:
    """Return bars of ``[start, stop)`` to label, at least ``least_gap`` bars apart.

    The finest calendar period is taken whose beginnings leave that room; where gaps in trading push two of them
    together, the beginning of the longer period stays.
    """
    start, stop = max(0, start), min(stop, len(time_ns))
    if stop - start < 2:
        return []
    wanted = (stop - start) / max(least_gap, 1e-9) + 1
    span = int(time_ns[stop - 1] - time_ns[start])
    for unit, step, first, length in _LADDER:
        if span // length > _MOST_PERIODS:
            continue
        found = _beginnings(time_ns, start, stop, unit, step, first)
        if len(found) <= wanted:
            return _spaced(_ranked(time_ns, found), least_gap)
    return []


def _beginnings(
    time_ns: NDArray[np.int64], start: int, stop: int, unit: str, step: int, first: int
) -> NDArray[np.int64]:
    """Return the bars, after the very first, with which periods of ``step`` units begin."""
    edges = time_ns[[start, stop - 1]].astype("datetime64[ns]").astype(f"datetime64[{unit}]")
    low, high = edges.astype(np.int64)
    if unit == "Y":
        first = -1970  # years are round in the common era, not from 1970
    periods = np.arange((low - first) // step * step + first, high + 1, step, dtype=np.int64)
    instants = periods.astype(f"datetime64[{unit}]").astype("datetime64[ns]").astype(np.int64)
    found = np.unique(np.searchsorted(time_ns, instants))
    return found[(found >= max(start, 1)) & (found < stop)]


def _ranked(time_ns: NDArray[np.int64], indices: NDArray[np.int64]) -> list[TimeTick]:
    ranks = np.full(len(indices), len(_UNITS))
    for place, unit in reversed(list(enumerate(_UNITS))):
        now = time_ns[indices].astype("datetime64[ns]").astype(f"datetime64[{unit}]")
        before = time_ns[indices - 1].astype("datetime64[ns]").astype(f"datetime64[{unit}]")
        ranks[now != before] = place
    return [
        TimeTick(int(index), int(time_ns[index]), _RANKS[rank])
        for index, rank in zip(indices, ranks, strict=True)
    ]


def _spaced(ticks: list[TimeTick], least_gap: float) -> list[TimeTick]:
    kept: list[TimeTick] = []
    for tick in sorted(ticks, key=lambda t: (_RANKS.index(t.rank), t.index)):
        if all(abs(tick.index - other.index) >= least_gap for other in kept):
            kept.append(tick)
    return sorted(kept, key=lambda t: t.index)


def value_ticks(low: float, high: float, most: int, log: bool) -> tuple[list[float], int]:
    """Return round values inside a range, at most about ``most``, and the decimals they need."""
    if not (np.isfinite(low) and np.isfinite(high)) or high <= low or most < 1:
        return [], 0
    if log and low > 0 and high / low > 8:
        return _decade_ticks(low, high, most)
    rough = (high - low) / most
    magnitude = 10.0 ** np.floor(np.log10(rough))
    step = next(m * magnitude for m in (1.0, 2.0, 2.5, 5.0, 10.0) if m * magnitude >= rough * 0.999)
    count = np.arange(np.ceil(low / step - 1e-9), np.floor(high / step + 1e-9) + 1)
    return [float(value) for value in count * step], _decimals(step)


def _decade_ticks(low: float, high: float, most: int) -> tuple[list[float], int]:
    decades = range(int(np.floor(np.log10(low))), int(np.ceil(np.log10(high))) + 1)
    found: list[float] = []
    for steps in ((1.0, 2.0, 3.0, 5.0, 7.0), (1.0, 2.0, 5.0), (1.0, 3.0), (1.0,)):
        found = [s * 10.0**d for d in decades for s in steps if low <= s * 10.0**d <= high]
        if len(found) <= most:
            break
    return found, _decimals(found[0]) if found else 0


def _decimals(step: float) -> int:
    """Return the decimals that a step like 0.25 or 5 needs."""
    for decimals in range(9):
        if abs(round(step, decimals) - step) <= step * 1e-6:
            return decimals
    return 9
