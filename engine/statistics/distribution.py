"""How the returns per bar are distributed: a histogram and the figures that describe it."""

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from engine.kernels.equity import NOISE, returns_nb
from engine.kernels.tails import total_nb
from engine.metric_table import Metric
from engine.sheet import Sheet, Value

Floats = NDArray[np.float64]

FEWEST_BINS: Final = 10
MOST_BINS: Final = 100

DISTRIBUTION_COLUMNS: Final[tuple[Metric, ...]] = (
    Metric("mean", "Mean return", "percent", "high", "mean(returns)", "Per bar."),
    Metric("median", "Median return", "percent", "high", "50th percentile of returns", "Per bar."),
    Metric("sd", "Standard deviation", "percent", "low", "sd(returns)", "Per bar, ddof 1."),
    Metric("best", "Best bar", "percent", "high", "max(returns)", "The best return of one bar."),
    Metric("worst", "Worst bar", "percent", "high", "min(returns)", "The worst return of one bar."),
    Metric("positive", "Bars that gained", "percent", "high", "returns > 0 / bars", "Their share."),
    Metric("negative", "Bars that lost", "percent", "low", "returns < 0 / bars", "Their share."),
    Metric("unchanged", "Bars without change", "percent", None, "returns = 0 / bars",
           "Their share; mostly bars without a position."),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Distribution:
    """A histogram of returns.

    Attributes
    ----------
    edges : (n_bins + 1,)
        Of equally wide bins, fractions, ascending; empty where there is no histogram.
    counts : (n_bins,)
        Returns in each bin; the last includes its upper edge.
    values, undefined : dict
        The figures of `DISTRIBUTION_COLUMNS`, and why one is None.
    no_histogram : str
        Why there are no bins; empty when there are.
    """

    edges: Floats
    counts: NDArray[np.int64]
    values: dict[str, Value]
    undefined: dict[str, str]
    no_histogram: str = ""


def distribution(equity: Floats, initial_capital: float) -> Distribution:
    """Return the distribution of the returns of a curve.

    The width of a bin is 2 × interquartile range / n^(1/3) (Freedman and Diaconis 1981), as long as
    that makes `FEWEST_BINS` to `MOST_BINS` of them.

    Parameters
    ----------
    equity : (n_bars,) after each bar, money
    initial_capital : what the first return starts from
    """
    names = tuple(column.name for column in DISTRIBUTION_COLUMNS)
    sheet = Sheet()
    n = len(equity)
    why = ""
    if n < 2:
        why = "one bar is too few" if n else "no bar"
    elif initial_capital <= 0.0 or float(np.min(equity[:-1])) <= 0.0:
        why = "equity fell to zero or below"
    if why:
        sheet.skip(why, *names)
        return Distribution(
            np.empty(0), np.empty(0, np.int64), sheet.ordered(names), sheet.undefined, why
        )
    returns = returns_nb(equity, float(initial_capital))
    ordered = np.sort(returns)
    low, high = float(ordered[0]), float(ordered[-1])
    mean = total_nb(returns) / n
    away = returns - mean
    sheet.put("mean", mean)
    sheet.put("median", _percentile(ordered, 0.5))
    sheet.put("sd", math.sqrt(total_nb(away * away) / (n - 1)))
    sheet.put("best", high)
    sheet.put("worst", low)
    sheet.put("positive", int(np.count_nonzero(returns > 0.0)) / n)
    sheet.put("negative", int(np.count_nonzero(returns < 0.0)) / n)
    sheet.put("unchanged", int(np.count_nonzero(returns == 0.0)) / n)
    values = sheet.ordered(names)
    if high - low <= NOISE:
        why = "the returns do not vary"
        return Distribution(np.empty(0), np.empty(0, np.int64), values, sheet.undefined, why)
    counts, edges = np.histogram(returns, bins=_bins(ordered), range=(low, high))
    return Distribution(edges, counts.astype(np.int64), values, sheet.undefined)


def _bins(ordered: Floats) -> int:
    n = len(ordered)
    spread = _percentile(ordered, 0.75) - _percentile(ordered, 0.25)
    width = 2.0 * spread / n ** (1.0 / 3.0)
    wanted = (float(ordered[-1]) - float(ordered[0])) / width if width > NOISE else MOST_BINS
    return int(min(max(math.ceil(min(wanted, MOST_BINS)), FEWEST_BINS), MOST_BINS))


def _percentile(ordered: Floats, share: float) -> float:
    place = share * (len(ordered) - 1)
    left = int(place)
    if place == left:
        return float(ordered[left])
    below, above = float(ordered[left]), float(ordered[left + 1])
    return below + (place - left) * (above - below)
