"""Which exchange's calendar a run goes by: the one that is asked for, or the one of a market that is known."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from engine.config import DataConfig
from engine.types import NS_PER_DAY
from storage import calendars
from storage.market.ranging import day_of
from storage.market.source import MarketSource, Times
from storage.market.universe import Selection

NO_CALENDAR: Final = "none"
# What markets are called, and the calendar they keep.
MARKETS: Final = {
    "KRX": "XKRX", "KOSPI": "XKRX", "KOSDAQ": "XKRX", "KOSDAQ GLOBAL": "XKRX", "KONEX": "XKRX",
    "NYSE": "XNYS", "NASDAQ": "XNYS", "AMEX": "XNYS", "NYSE ARCA": "XNYS", "NYSE AMERICAN": "XNYS",
    "TSE": "XTKS", "LSE": "XLON", "HKEX": "XHKG", "SSE": "XSHG", "SZSE": "XSHG", "XETRA": "XFRA",
    "EURONEXT PARIS": "XPAR", "EURONEXT AMSTERDAM": "XAMS", "TSX": "XTSE", "ASX": "XASX",
}  # fmt: skip
_LONG: Final = ("1w", "1mo")  # their labels need not be sessions
_SESSIONS_AHEAD = 400 * NS_PER_DAY  # the last period must be seen to end


@dataclass(frozen=True, slots=True)
class Recognised:
    """The calendar of a run, or None, and what is to be told of how it was found."""

    name: str | None
    notices: tuple[str, ...] = ()


def recognised(
    source: MarketSource, data: DataConfig, chosen: Selection, symbols: Sequence[str]
) -> Recognised:
    """Return the calendar that a configuration names, else the one that all its symbols keep."""
    if data.calendar is not None:
        return Recognised(None if data.calendar.lower() == NO_CALENDAR else data.calendar)
    fallback = str(getattr(source, "calendar", ""))
    kept = set()
    for symbol in symbols:
        one = chosen.lives[symbol].instrument
        market = "" if one is None else MARKETS.get(one.market.strip().upper(), "")
        kept.add((one.calendar if one is not None else "") or market or fallback)
    if len(kept) == 1:
        return Recognised(kept.pop() or None)
    told = ", ".join(sorted(name or "an unknown one" for name in kept))
    return Recognised(
        None, (f"The symbols keep different calendars ({told}): periods end with the bars",)
    )


def sessions_of(
    calendar: str | None, timeframe: str, axis: Times
) -> tuple[Times | None, float | None]:
    """Return the sessions of a calendar around an axis and past its end, and bars a year.

    Raises:
        BacktestNotFoundError: there is no such calendar.
    """
    if calendar is None:
        return None, None
    first, last = int(axis[0]), int(axis[-1])
    sessions = calendars.sessions(calendar, first, last + _SESSIONS_AHEAD)
    begins = calendars.first_session(calendar)
    if first < begins:
        # The calendar does not reach back that far: each day with a bar was a session.
        days = np.unique(axis - axis % NS_PER_DAY)
        sessions = np.concatenate([days[days < begins], sessions])
    per_year = calendars.sessions_per_year(calendar, first, last)
    if timeframe in _LONG:
        return sessions, None
    if timeframe != "1d":
        _, bars_a_day = np.unique(axis // NS_PER_DAY, return_counts=True)
        per_year *= float(np.median(bars_a_day))
    return sessions, per_year


def off_sessions(
    calendar: str | None, sessions: Times | None, timeframe: str, axis: Times
) -> tuple[str, ...]:
    """Return what is to be told of bars that lie on no session, or outside its hours."""
    if calendar is None or sessions is None or timeframe in _LONG:
        return ()
    days = np.unique(axis - axis % NS_PER_DAY)
    strays = np.setdiff1d(days, sessions)
    told = []
    if len(strays):
        more = f" and {len(strays) - 1} more" if len(strays) > 1 else ""
        told.append(
            f"{calendar} has no session on {day_of(int(strays[0]))}{more}, yet there are bars"
        )
    if timeframe != "1d":
        open_hours = calendars.hours(calendar, int(axis[0]), int(axis[-1]))
        after = np.searchsorted(open_hours.opens, axis, side="right") - 1
        inside = (after >= 0) & (axis < open_hours.closes[np.maximum(after, 0)])
        outside = int(np.count_nonzero(~inside)) if len(open_hours.opens) else len(axis)
        if outside:
            told.append(f"{outside} bars begin outside the hours of {calendar}, half days included")
    return tuple(told)
