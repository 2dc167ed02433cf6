"""Equal weight: the same part of equity in every symbol, restored at each rebalancing."""

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from engine.market import Panel
from engine.strategies.protocol import Floats, Parameters, TargetStrategy
from engine.types import EventKind


class EqualWeight(TargetStrategy):
    """A symbol takes part from its first bar until it is delisted, while the universe has it.

    One that merely has no bar at a rebalancing (a holiday of its exchange, a halt) keeps its part:
    its order waits.
    """

    name: ClassVar[str] = "equal_weight"
    title: ClassVar[str] = "Equal weight"
    summary: ClassVar[str] = "Holds all symbols in equal parts."
    Params: ClassVar[type[Parameters]] = Parameters

    def weights(self, panel: Panel, bars: NDArray[np.int64]) -> Floats:
        """Return 1 / number of symbols listed at each bar; NaN rows before the first is."""
        there = ~np.isnan(panel.close)
        first = np.where(there.any(axis=0), there.argmax(axis=0), panel.n_bars)
        gone = np.full(panel.n_symbols, panel.n_bars)
        delistings = panel.events[panel.events["kind"] == EventKind.DELISTING]
        np.minimum.at(gone, delistings["symbol"], delistings["bar"])
        at = bars[:, np.newaxis]
        listed = (first <= at) & (at < gone)
        if panel.members is not None:
            listed &= panel.members[bars]
        count = np.count_nonzero(listed, axis=1, keepdims=True)
        weights: Floats = np.where(count > 0, listed / np.maximum(count, 1), np.nan)
        return weights
