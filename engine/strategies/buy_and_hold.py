"""Buy and hold: the yardstick that every other strategy has to beat."""

from typing import ClassVar

import numpy as np

from engine.market import Panel
from engine.strategies.protocol import Parameters, Signals, SignalStrategy


class BuyAndHold(SignalStrategy):
    """Decides once per symbol, at its first counted close in the universe, and never again.

    An entry that the account refuses (no cash, less than one lot) is not tried again on later bars:
    a purchase years later, when some dividend has left a little cash, is not what "buy and hold"
    means.
    """

    name: ClassVar[str] = "buy_and_hold"
    title: ClassVar[str] = "Buy and hold"
    summary: ClassVar[str] = "Buys every symbol at its first bar and keeps it to the end."
    Params: ClassVar[type[Parameters]] = Parameters

    def signals(self, panel: Panel) -> Signals:
        """Enter each symbol at the first counted bar that it has as a member."""
        there = ~np.isnan(panel.close)
        if panel.members is not None:
            there &= panel.members
        there[: panel.first_counted] = False
        enter = np.zeros_like(there)
        listed = np.flatnonzero(there.any(axis=0))
        enter[there[:, listed].argmax(axis=0), listed] = True
        return Signals(enter_long=enter, labels=("first bar", "", "", ""))
