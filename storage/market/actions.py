"""Splits and dividends as events of a panel, by what has been worked into the prices already.

Raw prices get both. Prices adjusted for splits get dividends alone, each in the units of today's
shares, as the prices are. Prices adjusted for everything get none. A series whose closes show no
jump where a split is on record is probably adjusted, whatever its source says: that is told.
"""

import math
from collections.abc import Iterable, Mapping
from typing import Final

import numpy as np

from engine.types import EventKind
from engine.validate import CheckedBars
from storage.market.lives import EventRow, Life
from storage.market.reference import CorporateAction
from storage.market.source import Times

_KINDS: Final = {"split": EventKind.SPLIT, "dividend": EventKind.DIVIDEND}
_LEAST_SPLIT = 1.4  # a smaller one cannot be told from a lively day


def actions_of(actions: Iterable[CorporateAction], life: Life) -> list[CorporateAction]:
    """Return the actions of one company, in the order of time."""
    return [
        one
        for one in actions
        if one.code == life.code
        and (life.listed_on is None or one.ex_date >= life.listed_on)
        and (life.delisted_on is None or one.ex_date <= life.delisted_on)
    ]


def action_events(
    series: Mapping[str, CheckedBars],
    actions: Mapping[str, list[CorporateAction]],
    adjustment: str,
    axis: Times,
) -> list[EventRow]:
    """Return the events that are still to come about in the prices of an axis.

    An action before the first bar is in the prices already; one after the last moves nothing.
    """
    rows: list[EventRow] = []
    if adjustment == "total":
        return rows
    for index, symbol in enumerate(sorted(series, key=str.encode)):
        own = actions.get(symbol, [])
        for one in own:
            if not axis[0] < one.ex_date <= axis[-1]:
                continue
            bar = int(np.searchsorted(axis, one.ex_date))
            if one.kind == "dividend":
                since = _splits_after(own, one.ex_date) if adjustment == "split" else 1.0
                rows.append((bar, index, int(EventKind.DIVIDEND), one.value / since))
            elif adjustment == "raw":
                rows.append((bar, index, int(EventKind.SPLIT), one.value))
    return rows


def _splits_after(actions: Iterable[CorporateAction], day: int) -> float:
    return math.prod(one.value for one in actions if one.kind == "split" and one.ex_date > day)


def suspicions(
    series: Mapping[str, CheckedBars],
    actions: Mapping[str, list[CorporateAction]],
    adjustment: str,
) -> list[str]:
    """Return one sentence per symbol whose raw prices do not jump where a split is on record."""
    found = []
    for symbol in sorted(series, key=str.encode):
        for one in actions.get(symbol, []) if adjustment == "raw" else []:
            moved = _move_over(series[symbol], one.ex_date)
            if one.kind != "split" or moved is None or not _is_large(one.value):
                continue
            # nearer to no move at all than to the split
            if abs(math.log(moved)) < abs(math.log(moved * one.value)):
                day = str(np.datetime64(one.ex_date, "ns").astype("datetime64[D]"))
                found.append(
                    f"{symbol}: a split of {one.value:g} on {day} moved the close by "
                    f"{100 * (moved - 1):+.1f} %; if the prices are adjusted for splits, "
                    'set data.adjustment to "split"'
                )
                break
    return found


def _is_large(ratio: float) -> bool:
    return ratio >= _LEAST_SPLIT or ratio <= 1 / _LEAST_SPLIT


def _move_over(bars: CheckedBars, day: int) -> float | None:
    """Return the first close from a day on as a multiple of the one before it."""
    at = int(np.searchsorted(bars.time_ns, day))
    if at == 0 or at >= len(bars.close):
        return None
    return float(bars.close[at] / bars.close[at - 1])
