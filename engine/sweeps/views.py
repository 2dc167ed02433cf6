"""The bars as each combination sees them.

A run loads as many bars before its start as its strategy asks for, and that may hang on the
parameters. A sweep loads the most that any combination asks for, once, and shows each its own part:
so a combination that is run again by itself meets the same bars, and comes to the same figures.
"""

import threading
from collections import OrderedDict
from dataclasses import dataclass
from typing import Final

from engine.market import Panel
from engine.strategies.sharing import Memory, share_indicators
from engine.ticks import bars_within
from engine.years import bars_per_year

_MOST_VIEWS: Final = 1024
_SHARED_BYTES: Final = 64 * 2**20  # indicators kept for the next combination, all views together


@dataclass(frozen=True)
class View:
    """A part of the panel.

    Attributes:
        panel: the bars; what its strategies compute by `engine.strategies.sharing` is kept.
        offset: what is added to a bar of it to have the bar of the whole panel.
        bars_per_year: N of its metrics.
    """

    panel: Panel
    offset: int
    bars_per_year: float


class Views:
    """Views by number of warm-up bars, made when first asked for; any thread may ask."""

    def __init__(self, panel: Panel, decide_on: str | None = None) -> None:
        """Take the panel with the longest warm-up, and the bars in which that is counted where it has ticks."""
        self._panel = panel
        self._decide_on = decide_on
        self._memory = Memory(_SHARED_BYTES)
        self._per_year: dict[int, float] = {}
        self._views: OrderedDict[int, View] = OrderedDict()
        self._lock = threading.Lock()

    def of(self, warmup_bars: int) -> View:
        """Return the view with so many bars before the first counted one, or all that there are."""
        warmup = self._rows_of(warmup_bars)
        per_year = self._rows_per_year(warmup)
        with self._lock:
            if warmup in self._views:
                self._views.move_to_end(warmup)
                return self._views[warmup]
            offset = self._panel.first_counted - warmup
            panel = self._panel.slice(offset, self._panel.n_bars)
            share_indicators(panel, self._memory, offset)
            view = self._views[warmup] = View(panel, offset, per_year)
            while len(self._views) > _MOST_VIEWS:
                self._views.popitem(last=False)
            return view

    def bars_per_year(self, warmup_bars: int) -> float:
        """Return N of the view with so many warm-up bars."""
        return self._rows_per_year(self._rows_of(warmup_bars))

    def _rows_of(self, warmup_bars: int) -> int:
        """Return how many rows of the panel so many warm-up bars are."""
        first = self._panel.first_counted
        if self._decide_on is None:
            return min(warmup_bars, first)
        within = bars_within(self._panel, self._decide_on)
        return first - min(
            within.first_event(max(within.bars.first_counted - warmup_bars, 0)), first
        )

    def _rows_per_year(self, warmup: int) -> float:
        panel = self._panel
        if warmup not in self._per_year:
            times = panel.time_ns[panel.first_counted - warmup :]
            self._per_year[warmup] = bars_per_year(times, panel.timeframe, panel.bars_per_year)
        return self._per_year[warmup]
