"""Momentum rotation: hold the strongest few of a universe."""

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from engine.adjust import split_adjusted
from engine.kernels.indicators import change_at_nb
from engine.market import Panel
from engine.strategies.protocol import Floats, Parameters, TargetStrategy


class MomentumRotationParameters(Parameters):
    """Strength is the change of the close over ``lookback`` bars that ended ``skip`` bars ago."""

    lookback: int = Field(
        126, ge=1, le=2000, title="Lookback", description="Bars over which strength is measured"
    )
    top_n: int = Field(
        3, ge=1, le=10_000, title="Hold the top", description="How many symbols to hold"
    )
    skip: int = Field(
        0, ge=0, le=500, title="Skip", description="Latest bars left out of the measurement"
    )
    require_positive: bool = Field(
        False,
        title="Only rising",
        description="Leave the place of a symbol that has fallen in cash",
    )


class MomentumRotation(TargetStrategy):
    """Ranks at each rebalancing the members that have a bar there and enough of them before.

    Each of the strongest ``top_n`` gets 1 / ``top_n`` of equity; equals rank by the order of their
    names. Where fewer are to be had, the rest stays in cash: a universe of two does not make each
    of them twice as attractive.
    """

    name: ClassVar[str] = "momentum_rotation"
    title: ClassVar[str] = "Momentum rotation"
    summary: ClassVar[str] = (
        "Holds the symbols that have risen most, in equal parts, and chooses anew each period."
    )
    Params: ClassVar[type[Parameters]] = MomentumRotationParameters

    def warmup_bars(self) -> int:
        """Return what one measurement spans."""
        return int(self.params.lookback + self.params.skip)

    def weights(self, panel: Panel, bars: NDArray[np.int64]) -> Floats:
        """Return 1 / top_n for the strongest, else 0; NaN rows until one can be measured."""
        top_n = self.params.top_n
        strength = change_at_nb(
            split_adjusted(panel, "close"), bars, self.params.lookback, self.params.skip
        )
        measured = ~np.isnan(strength)
        if panel.members is not None:
            measured &= panel.members[bars]
        eligible = measured & (strength > 0.0) if self.params.require_positive else measured
        score = np.where(eligible, -strength, np.inf)
        best = np.argsort(score, axis=1, kind="stable")[:, :top_n]
        weights = np.zeros(strength.shape)
        np.put_along_axis(weights, best, 1.0 / top_n, axis=1)
        weights[~eligible] = 0.0
        weights[~measured.any(axis=1)] = np.nan
        return weights
