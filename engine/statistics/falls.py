"""The deepest falls of an equity curve: when each began, how deep it went, when it was made good."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.kernels.periods import EPISODE, deepest_nb
from engine.types import NS_PER_DAY

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Fall:
    """One fall, from its peak to its recovery. Instants are the opens of bars, UTC nanoseconds.

    Attributes
    ----------
    depth : float
        Lowest drawdown, negative.
    money : float
        Equity at the peak − equity at the trough.
    peak_bar, trough_bar : int
        The last bar at the peak (0 where it is the initial capital), and that of the lowest equity.
    recovery_bar : int or None
        The first bar back at the peak; None when it was not recovered by the end.
    peak_ns, trough_ns : int
    recovery_ns : int or None
    days_down, days_total : float
        Calendar days from the peak to the trough, and to the recovery, or the end.
    days_back : float or None
        From the trough to the recovery.
    bars_total : int
        Bars from the peak to the recovery, or the end.
    """

    depth: float
    money: float
    peak_bar: int
    trough_bar: int
    recovery_bar: int | None
    peak_ns: int
    trough_ns: int
    recovery_ns: int | None
    days_down: float
    days_back: float | None
    days_total: float
    bars_total: int


def deepest_falls(
    time_ns: Ints, equity: Floats, initial_capital: float, most: int = 5
) -> tuple[Fall, ...]:
    """Return the ``most`` deepest falls, deepest first; none where equity never fell.

    Parameters
    ----------
    time_ns : (n_bars,) opens of the bars, UTC nanoseconds
    equity : (n_bars,) after each bar, money
    initial_capital : the first peak, dated to the first bar
    most : one or more

    Raises
    ------
    ValueError
        when ``most`` is less than one.
    """
    if most < 1:
        raise ValueError(f"most is {most}: ask for one fall or more")
    rows = np.zeros(min(most, len(equity)), EPISODE)
    n = deepest_nb(equity, float(initial_capital), rows) if len(equity) else 0
    return tuple(_fall_of(row, time_ns) for row in rows[:n])


def _fall_of(row: NDArray[np.void], time_ns: Ints) -> Fall:
    peak, trough, recovery = (int(row[name]) for name in ("peak", "trough", "recovery"))
    peak = max(peak, 0)
    end = recovery if recovery >= 0 else len(time_ns) - 1
    peak_ns, trough_ns, end_ns = (int(time_ns[bar]) for bar in (peak, trough, end))
    return Fall(
        depth=float(row["depth"]),
        money=float(row["money"]),
        peak_bar=peak,
        trough_bar=trough,
        recovery_bar=None if recovery < 0 else recovery,
        peak_ns=peak_ns,
        trough_ns=trough_ns,
        recovery_ns=None if recovery < 0 else end_ns,
        days_down=(trough_ns - peak_ns) / NS_PER_DAY,
        days_back=None if recovery < 0 else (end_ns - trough_ns) / NS_PER_DAY,
        days_total=(end_ns - peak_ns) / NS_PER_DAY,
        bars_total=end - peak,
    )
