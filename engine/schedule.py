"""When a targets strategy is asked again: the bars at whose close a rebalancing is decided.

With an exchange calendar a period is decided at the close of its last session, which the calendar
knows beforehand. Without one a period is seen to have ended when the first bar of the next arrives,
and is decided at that bar's close; only a day of daily bars ends with its own bar.
"""

import numpy as np
from numpy.typing import NDArray

from engine.config import Period
from engine.types import NS_PER_DAY

Ints = NDArray[np.int64]

_MONTHS = {Period.MONTHLY: 1, Period.QUARTERLY: 3, Period.YEARLY: 12}
_THURSDAY_TO_MONDAY = 3  # 1970-01-01 was a Thursday; ISO weeks begin on Mondays


def rebalance_bars(
    time_ns: Ints,
    first_counted: int,
    period: Period | str,
    sessions: Ints | None = None,
    every: int = 1,
) -> Ints:
    """Return the bars at whose close the weights are decided, ascending.

    Parameters
    ----------
    time_ns : (n_bars,) opens of the bars, UTC, strictly increasing; daily bars carry 00:00 of their
        session
    first_counted : bars before it are warm-up: nothing is decided in them
    period : how often; ``drift`` has no bars of its own, the account decides it
    sessions : (n_sessions,) UTC midnights of the sessions of an exchange, increasing, or None. A
        period counts as known only when a session of a later one is among them, so they should
        reach past the last bar.
    every : with the period ``bars``: every so many bars, the first counted bar's close being 1

    Returns
    -------
    (n,) rows of ``time_ns``. By the calendar: the last bar up to the period's last session that
    lies in the period; for a session without a bar that is the last bar before it, as what is known
    at that session's close. A period whose last session comes after the data is not decided. A
    period without bars has no decision.
    """
    kind = Period(period)
    if kind is Period.DRIFT:
        return np.empty(0, np.int64)
    if kind is Period.BARS:
        return np.arange(first_counted + every - 1, len(time_ns), every, dtype=np.int64)
    days = time_ns // NS_PER_DAY
    keys = _period_keys(days, kind)
    if sessions is not None and len(sessions) > 0:
        bars = _by_calendar(days, keys, np.asarray(sessions, np.int64) // NS_PER_DAY, kind)
    elif kind is Period.DAILY and not bool(np.any(time_ns % NS_PER_DAY)):
        bars = np.arange(len(time_ns), dtype=np.int64)
    else:
        bars = np.flatnonzero(keys[1:] != keys[:-1]).astype(np.int64) + 1
    counted: Ints = bars[bars >= first_counted]
    return counted


def _by_calendar(days: Ints, keys: Ints, session_days: Ints, kind: Period) -> Ints:
    session_keys = _period_keys(session_days, kind)
    is_last = session_keys[1:] != session_keys[:-1]  # the calendar's own last period stays unknown
    last_days, last_keys = session_days[:-1][is_last], session_keys[:-1][is_last]
    bars = np.searchsorted(days, last_days, side="right").astype(np.int64) - 1
    reached = last_days <= (days[-1] if len(days) else -1)
    in_period = (bars >= 0) & reached
    in_period[in_period] = keys[bars[in_period]] == last_keys[in_period]
    decided: Ints = bars[in_period]
    return decided


def _period_keys(days: Ints, kind: Period) -> Ints:
    """Return a number per day since 1970 that is the same within a period and grows with it."""
    match kind:
        case Period.DAILY:
            return days
        case Period.WEEKLY:
            return (days + _THURSDAY_TO_MONDAY) // 7
        case _:
            months: Ints = days.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64)
            return months // _MONTHS[kind]
