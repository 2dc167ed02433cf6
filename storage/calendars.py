"""Exchange calendars as plain arrays, so that the engine needs to know none.

`exchange_calendars` takes a second to import, hence only when a calendar is asked for.
"""

import difflib
import functools
import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.errors import BacktestNotFoundError
from engine.types import NS_PER_DAY


def sessions(name: str, start_ns: int, end_ns: int) -> NDArray[np.int64]:
    """Return the sessions of an exchange in a range as UTC midnights, increasing.

    The calendar reaches about a year into the future; later sessions are not known and not
    returned.

    Raises:
        BacktestNotFoundError: there is no calendar of this name; names those that are near.
    """
    all_ = _all_sessions(name)
    first = np.searchsorted(all_, start_ns - start_ns % NS_PER_DAY, side="left")
    found: NDArray[np.int64] = all_[first : np.searchsorted(all_, end_ns, side="right")].copy()
    return found


def sessions_per_year(name: str, start_ns: int, end_ns: int) -> float:
    """Return the mean number of sessions in the calendar years that the range touches.

    Years that the calendar does not cover whole are left out when there is another.

    Raises:
        BacktestNotFoundError: there is no calendar of this name.
    """
    all_ = _all_sessions(name)
    years = (all_ // NS_PER_DAY).astype("datetime64[D]").astype("datetime64[Y]").astype(np.int64)
    first, last = (
        int(np.datetime64(t, "ns").astype("datetime64[Y]").astype(np.int64))
        for t in (start_ns, end_ns)
    )
    whole_first, whole_last = int(years[0]) + 1, int(years[-1]) - 1
    low, high = min(max(first, whole_first), whole_last), max(min(last, whole_last), whole_first)
    return float(np.count_nonzero((years >= low) & (years <= high))) / (high - low + 1)


def names() -> tuple[str, ...]:
    """Return the names of all calendars."""
    return tuple(_library().get_calendar_names())


def _library() -> Any:
    import exchange_calendars

    return exchange_calendars


@functools.lru_cache(maxsize=8)
def _all_sessions(name: str) -> NDArray[np.int64]:
    library = _library()
    try:
        with warnings.catch_warnings():
            # WORKAROUND: exchange_calendars 4.13 uses what pandas 3.1 deprecates.
            warnings.simplefilter("ignore")
            calendar = library.get_calendar(name, start="1960-01-01")
    except library.errors.InvalidCalendarName as error:
        near = difflib.get_close_matches(name.upper(), names(), n=3)
        hint = f"did you mean {' or '.join(near)}?" if near else "for example XNYS, XKRX or XLON"
        raise BacktestNotFoundError(
            f"There is no exchange calendar {name!r}", field="data.calendar", hint=hint
        ) from error
    days: NDArray[np.int64] = calendar.sessions.to_numpy().astype("datetime64[ns]").astype(np.int64)
    days.flags.writeable = False
    return days
