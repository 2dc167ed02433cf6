"""Raw prices made comparable over splits, without looking ahead.

An average or a breakout over raw prices would see a 2:1 split as a fall by half. Strategies
therefore compute from prices in the units of the *first* bar: from its ex-date on a price is
multiplied by the new shares per old share, so the past never changes when a split comes, and a
decision at bar *t* rests on nothing later. (The usual chart does it the other way round, dividing
the past, and so knows every later split.) Ratios and comparisons of prices are the same either way.
Orders, fills and equity use the raw prices.
"""

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from engine.market import Panel
from engine.types import EventKind

Column = Literal["open", "high", "low", "close", "volume"]


def split_adjusted(panel: Panel, column: Column) -> NDArray[np.float64]:
    """Return a column in units of the first bar's shares.

    Prices are multiplied by all split ratios so far, volumes divided by them.

    Parameters
    ----------
    panel : its ``events`` of the kind split hold new shares per old share, from their bar on
    column : which column

    Returns
    -------
    (n_bars, n_symbols) read-only; the panel's own array where there is no split or prices are
    adjusted already.
    """
    values: NDArray[np.float64] = getattr(panel, column)
    if len(panel.events) == 0:  # as most are, and a sweep asks ten thousand times
        return values
    splits = panel.events[panel.events["kind"] == EventKind.SPLIT]
    if panel.adjustment != "raw" or len(splits) == 0:
        return values
    adjusted = values.copy()
    for split in splits:
        ratio = float(split["value"])
        since = adjusted[int(split["bar"]) :, int(split["symbol"])]
        since *= 1.0 / ratio if column == "volume" else ratio
    adjusted.flags.writeable = False
    return adjusted


def split_factor(panel: Panel) -> NDArray[np.float64] | None:
    """Return by how much a share of each bar has been divided since the first one.

    A price in units of the first bar's shares, divided by this, is in the shares of its own bar.

    Returns
    -------
    (n_bars, n_symbols), or None where there is no split or prices are adjusted already.
    """
    splits = panel.events[panel.events["kind"] == EventKind.SPLIT]
    if panel.adjustment != "raw" or len(splits) == 0:
        return None
    factor = np.ones(panel.close.shape)
    for split in splits:
        factor[int(split["bar"]) :, int(split["symbol"])] *= float(split["value"])
    return factor
