"""Fields as they were last published: the join of what is known to the bars that may know it."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from storage.market.lives import Life
from storage.market.reference import FieldSeries
from storage.market.source import Times


def as_of(
    series: Mapping[str, Mapping[str, FieldSeries]],
    lives: Mapping[str, Life],
    symbols: Sequence[str],
    axis: Times,
) -> dict[str, NDArray[np.float64]]:
    """Return each field as (n_bars, n_symbols): the last value of a date on or before the bar's.

    A value is known at the closes of its date, never before; NaN before the first. Of a code that
    two companies used each gets what was published while it was on the market.
    """
    return {
        name: np.column_stack([_column(by_code, lives[symbol], axis) for symbol in symbols])
        for name, by_code in series.items()
    }


def _column(by_code: Mapping[str, FieldSeries], life: Life, axis: Times) -> NDArray[np.float64]:
    days, values = by_code.get(life.code, (np.empty(0, np.int64), np.empty(0)))
    if life.listed_on is not None:
        first = int(np.searchsorted(days, life.listed_on))
        days, values = days[first:], values[first:]
    at = np.searchsorted(days, axis, side="right") - 1
    known = at >= 0
    column = np.full(len(axis), np.nan)
    column[known] = values[at[known]]
    return column
