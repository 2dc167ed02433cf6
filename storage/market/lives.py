"""Companies behind codes: a code that two companies used becomes two symbols, and each has a beginning and an end.

The latest company keeps the code; an earlier one is called ``AAL~1997``, after the year in which it
left. Bars before a listing or after a delisting belong to nobody and are left out by number.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.types import NS_PER_DAY, EventKind
from storage.market.parsing import MISSING_TIME
from storage.market.reference import Instrument, Membership, Reference
from storage.market.source import RawBars, Timed, Times

EventRow = tuple[int, int, int, float]


@dataclass(frozen=True, slots=True)
class Life:
    """A company as one symbol of a panel; ``instrument`` is None where nothing is known of it."""

    symbol: str
    code: str
    instrument: Instrument | None = None

    @property
    def listed_on(self) -> int | None:
        """First day on the market, if it is known."""
        return self.instrument.listed_on if self.instrument else None

    @property
    def delisted_on(self) -> int | None:
        """Last day on the market; None while it is there, or when it is not known."""
        return self.instrument.delisted_on if self.instrument else None

    def spans(self, membership: Membership) -> bool:
        """Whether a membership of the code is this company's: it lived on one of its days."""
        begins, ends = membership.valid_from, membership.valid_to
        too_late = ends is not None and self.listed_on is not None and ends <= self.listed_on
        too_early = (
            begins is not None and self.delisted_on is not None and begins > self.delisted_on
        )
        return not (too_late or too_early)


def lives_of(codes: Iterable[str], reference: Reference) -> dict[str, Life]:
    """Return the companies of codes by symbol, in bytewise order of the symbols."""
    found: dict[str, Life] = {}
    for code in codes:
        companies = (reference.instruments or {}).get(code, ())
        *earlier, latest = companies or (None,)
        found[code] = Life(code, code, latest)
        for company in earlier:
            if company is not None:
                symbol = _earlier_name(code, company, found)
                found[symbol] = Life(symbol, code, company)
    return dict(sorted(found.items(), key=lambda item: item[0].encode()))


def _earlier_name(code: str, company: Instrument, taken: Mapping[str, Life]) -> str:
    last = company.delisted_on if company.delisted_on is not None else company.listed_on
    day = str(np.datetime64(last or 0, "ns").astype("datetime64[D]"))
    by_year = f"{code}~{day[:4]}"
    return f"{code}~{day}" if by_year in taken else by_year


def own_bars(bars: RawBars, life: Life) -> RawBars:
    """Return the bars of a company's time on the market."""
    mine = own_times(bars.time_ns, life)
    if bool(mine.all()):
        return bars
    columns = {
        name: getattr(bars, name)[mine] for name in ("time_ns", "open", "high", "low", "close")
    }
    volume = None if bars.volume is None else bars.volume[mine]
    return RawBars(**columns, volume=volume)


def own_times(times: Times, life: Life) -> NDArray[np.bool_]:
    """Return which instants lie in a company's time on the market; what has no time is anybody's."""
    mine = np.ones(len(times), np.bool_)
    if life.listed_on is not None:
        mine &= times >= life.listed_on
    if life.delisted_on is not None:
        mine &= times < life.delisted_on + NS_PER_DAY
    mine |= times == MISSING_TIME
    return mine


def foreign_bars(bars: Timed, lives: Sequence[Life]) -> int:
    """Return how many bars of a code belong to none of its companies."""
    if not lives or any(life.instrument is None for life in lives):
        return 0
    times = bars.time_ns[bars.time_ns != MISSING_TIME]
    theirs = np.zeros(len(times), np.bool_)
    for life in lives:
        begins = np.iinfo(np.int64).min if life.listed_on is None else life.listed_on
        ends = np.iinfo(np.int64).max if life.delisted_on is None else life.delisted_on + NS_PER_DAY
        theirs |= (times >= begins) & (times < ends)
    return int(np.count_nonzero(~theirs))


def delisting_events(
    lives: Mapping[str, Life], last_bars: Mapping[str, int], axis: Times
) -> list[EventRow]:
    """Return a delisting for each symbol that left the market within the axis.

    It is on the first bar of the axis after the company's last day and its last bar; on the one
    after all when the axis ends with it. A company that leaves later than the axis is still there.
    """
    rows = []
    for index, symbol in enumerate(sorted(last_bars, key=str.encode)):
        instrument = lives[symbol].instrument
        if instrument is None or instrument.delisted_on is None:
            continue
        last_day = int(axis[-1]) - int(axis[-1]) % NS_PER_DAY
        if instrument.delisted_on > last_day:
            continue
        # a day without a bar of its own is the first that it is gone
        gone_from = max(instrument.delisted_on, last_bars[symbol] + 1)
        bar = int(np.searchsorted(axis, gone_from, side="left"))
        rows.append((bar, index, int(EventKind.DELISTING), instrument.delisting_return or 0.0))
    return rows


def members_of(
    lives: Mapping[str, Life],
    symbols: Sequence[str],
    memberships: Iterable[Membership],
    axis: Times,
) -> NDArray[np.bool_]:
    """Return (n_bars, n_symbols) whether each symbol is a member on the day of each bar."""
    days = axis - axis % NS_PER_DAY
    column = {symbol: i for i, symbol in enumerate(symbols)}
    inside = np.zeros((len(axis), len(symbols)), np.bool_)
    by_code: dict[str, list[Life]] = {}
    for symbol in symbols:
        by_code.setdefault(lives[symbol].code, []).append(lives[symbol])
    for one in memberships:
        for life in by_code.get(one.code, ()):
            if life.spans(one):
                first = 0 if one.valid_from is None else np.searchsorted(days, one.valid_from)
                last = len(days) if one.valid_to is None else np.searchsorted(days, one.valid_to)
                inside[int(first) : int(last), column[life.symbol]] = True
    return inside


def listed(lives: Mapping[str, Life], symbols: Sequence[str], axis: Times) -> NDArray[np.bool_]:
    """Return (n_bars, n_symbols) whether each symbol is on the market on the day of each bar."""
    days = axis - axis % NS_PER_DAY
    inside = np.zeros((len(axis), len(symbols)), np.bool_)
    for i, symbol in enumerate(symbols):
        begins, ends = lives[symbol].listed_on, lives[symbol].delisted_on
        first = 0 if begins is None else int(np.searchsorted(days, begins))
        last = len(days) if ends is None else int(np.searchsorted(days, ends, side="right"))
        inside[first:last, i] = True
    return inside


def instrument_columns(
    lives: Mapping[str, Life], symbols: Sequence[str]
) -> dict[str, NDArray[np.float64]]:
    """Return lot size, tick size and multiplier as (n_symbols,) where the source knows any.

    A symbol of which it is not known has lots of 1 and a multiplier of 1; ticks are given only when
    those of all symbols are known.
    """
    out = {}
    for name in ("lot_size", "tick_size", "multiplier"):
        known = [
            None if (one := lives[symbol].instrument) is None else getattr(one, name)
            for symbol in symbols
        ]
        if all(value is None for value in known) or (name == "tick_size" and None in known):
            continue
        out[name] = np.array([1.0 if value is None else value for value in known], np.float64)
    return out
