"""Exchange calendars as plain arrays, so that the engine needs to know none.

`exchange_calendars` takes a second to import and another to compute a calendar; the sessions are kept
in the cache folder, so that only the first run of a month waits for it.
"""

import contextlib
import difflib
import functools
import importlib.metadata
import os
import re
import time
import warnings
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from engine.errors import BacktestError, BacktestNotFoundError
from engine.types import NS_PER_DAY
from storage.paths import cache_dir

_SINCE: Final = "1960-01-01"
_KEPT_SECONDS: Final = 30 * 86_400


class Hours(NamedTuple):
    """When sessions open and close, UTC nanoseconds, (n_sessions,) each; half days close early."""

    sessions: NDArray[np.int64]
    opens: NDArray[np.int64]
    closes: NDArray[np.int64]
    is_half: NDArray[np.bool_]


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


def first_session(name: str) -> int:
    """Return the first session that the calendar knows."""
    return int(_all_sessions(name)[0])


def hours(name: str, start_ns: int, end_ns: int) -> Hours:
    """Return the hours of the sessions of a range; a session of a half day has its early close.

    Raises:
        BacktestNotFoundError: there is no calendar of this name.
    """
    days = sessions(name, start_ns, end_ns)
    calendar = _calendar(name)
    rows = np.searchsorted(_nanoseconds(calendar.sessions), days)
    early = np.isin(days, _nanoseconds(calendar.early_closes))
    return Hours(days, calendar.opens_nanos[rows], calendar.closes_nanos[rows], early)


def _nanoseconds(index: Any) -> NDArray[np.int64]:
    found: NDArray[np.int64] = index.to_numpy().astype("datetime64[ns]").astype(np.int64)
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
    kept = _kept_file(name)
    days = _read_kept(kept)
    if days is None:
        index = _calendar(name).sessions
        days = _nanoseconds(index)
        with contextlib.suppress(OSError, BacktestError):  # a cache that cannot be kept is none
            part = kept.with_suffix(f".{os.getpid()}.npy")
            np.save(part, days)
            os.replace(part, kept)
    days.flags.writeable = False
    return days


def _kept_file(name: str) -> Path:
    """Return where the sessions of a calendar are kept between two starts of the program."""
    version = importlib.metadata.version("exchange-calendars")
    plain = re.sub(r"[^A-Za-z0-9]", "_", name)
    return cache_dir() / f"sessions-{plain}-{version}.npy"


def _read_kept(file: Path) -> NDArray[np.int64] | None:
    """Return kept sessions; None when there are none, they are old, or they are damaged."""
    try:
        if time.time() - file.stat().st_mtime > _KEPT_SECONDS:
            return None  # the library knows the sessions of about a year ahead
        days: NDArray[np.int64] = np.load(file, allow_pickle=False)
    except (OSError, ValueError):
        return None
    sound = days.ndim == 1 and days.dtype == np.int64 and len(days) > 1
    return days if sound and bool(np.all(np.diff(days) > 0)) else None


@functools.lru_cache(maxsize=8)
def _calendar(name: str) -> Any:
    library = _library()
    try:
        with warnings.catch_warnings():
            # WORKAROUND: exchange_calendars 4.13 uses what pandas 3.1 deprecates.
            warnings.simplefilter("ignore")
            earliest = type(library.get_calendar(name)).bound_min()
            start = _SINCE if earliest is None else max(_SINCE, str(earliest.date()))
            return library.get_calendar(name, start=start)
    except library.errors.InvalidCalendarName as error:
        near = difflib.get_close_matches(name.upper(), names(), n=3)
        hint = f"did you mean {' or '.join(near)}?" if near else "for example XNYS, XKRX or XLON"
        raise BacktestNotFoundError(
            f"There is no exchange calendar {name!r}", field="data.calendar", hint=hint
        ) from error
