"""Strategies that say what a test gave them."""

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from engine.market import Panel
from engine.strategies.protocol import Parameters, Signals, SignalStrategy, TargetStrategy


class GivenSignals(SignalStrategy):
    """Says the signals that it was given."""

    name: ClassVar[str] = "given_signals"

    def __init__(self, said: Signals) -> None:
        super().__init__(Parameters())
        self.said = said

    def signals(self, panel: Panel) -> Signals:
        return self.said


class GivenWeights(TargetStrategy):
    """Wants the weights that it was given, (n_bars, n_symbols)."""

    name: ClassVar[str] = "given_weights"

    def __init__(self, wanted: NDArray[np.float64]) -> None:
        super().__init__(Parameters())
        self.wanted = wanted

    def weights(self, panel: Panel, bars: NDArray[np.int64]) -> NDArray[np.float64]:
        return self.wanted[bars]
