"""How many bars a year has: what turns figures per bar into yearly ones."""

import numpy as np
from numpy.typing import NDArray

from engine.types import NS_PER_DAY


def bars_per_year(
    time_ns: NDArray[np.int64], timeframe: str, sessions_per_year: float | None
) -> float:
    """Return N, the number of bars in a year.

    52 for weekly and 12 for monthly bars. For daily bars ``sessions_per_year`` of the calendar;
    where it is unknown 252, or 365 when weekends trade: when there are at least half as many
    Saturdays as Wednesdays (a stray Saturday session, or a Sunday evening of a currency, is not a
    weekend that trades). For intraday bars the median number of bars a session (UTC date) times
    that.
    """
    if timeframe == "1w":
        return 52.0
    if timeframe == "1mo":
        return 12.0
    if len(time_ns) == 0:
        return sessions_per_year or 252.0
    if timeframe == "1d":
        days, bars = time_ns // NS_PER_DAY, 1.0
    else:
        first, last = int(time_ns[0]) // NS_PER_DAY, int(time_ns[-1]) // NS_PER_DAY
        counts = np.diff(np.searchsorted(time_ns, np.arange(first, last + 2) * NS_PER_DAY))
        days, bars = first + np.flatnonzero(counts), float(np.median(counts[counts > 0]))
    if sessions_per_year:
        return bars * sessions_per_year
    weekdays = np.bincount((days + 3) % 7, minlength=7)  # 1970-01-01 was a Thursday; Monday is 0
    wednesdays, saturdays = int(weekdays[2]), int(weekdays[5])
    trades_weekends = saturdays > 0 and 2 * saturdays >= wednesdays
    return bars * (365.0 if trades_weekends else 252.0)
