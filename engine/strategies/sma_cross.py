"""SMA crossover: long while a fast average of the closes is above a slow one."""

from typing import ClassVar, Literal

from pydantic import Field, model_validator

from engine.adjust import split_adjusted
from engine.kernels.indicators import compare_averages, turns_nb
from engine.market import Panel
from engine.strategies.protocol import Parameters, Signals, SignalStrategy


class SmaCrossParameters(Parameters):
    """A fast average of 1 is the price itself."""

    fast: int = Field(
        10,
        ge=1,
        le=1000,
        title="Fast average",
        description="Bars in the fast average; 1 is the price",
    )
    slow: int = Field(
        20, ge=2, le=2000, title="Slow average", description="Bars in the slow average"
    )
    direction: Literal["long_only", "long_short"] = Field(
        "long_only",
        title="Direction",
        description="What to do while fast is below slow: nothing, or hold a short",
    )
    enter_on: Literal["state", "cross"] = Field(
        "state",
        title="Enter on",
        description="state: enter at once when already above; cross: wait for the next cross",
    )

    @model_validator(mode="after")
    def _fast_below_slow(self) -> "SmaCrossParameters":
        if self.fast >= self.slow:
            raise ValueError(f"fast {self.fast} must be less than slow {self.slow}")
        return self


class SmaCross(SignalStrategy):
    """Decides on the bars where the sign of fast - slow turns, and on no others.

    Averages that are equal in exact arithmetic (see `compare_averages`) keep the sign before
    them: below, equal, above is a cross, and below, equal, below is none. In ``state`` the first
    sign known from the first counted bar on is acted on at once; in ``cross`` only a turn from the
    opposite sign is, which may have been seen in the warm-up. An entry that the account refuses is
    not tried again before the next turn.
    """

    name: ClassVar[str] = "sma_cross"
    title: ClassVar[str] = "SMA crossover"
    summary: ClassVar[str] = (
        "Long while the fast average of the closes is above the slow one; flat or short below."
    )
    Params: ClassVar[type[Parameters]] = SmaCrossParameters

    def warmup_bars(self) -> int:
        """Return the bars that show a cross on the first counted one."""
        return int(self.params.slow)

    def signals(self, panel: Panel) -> Signals:
        """Long on a turn up, out (or short) on a turn down."""
        signs = compare_averages(split_adjusted(panel, "close"), self.params.fast, self.params.slow)
        turns = turns_nb(signs, panel.first_counted, self.params.enter_on == "state")
        up, down = turns == 1, turns == -1
        shorts = self.params.direction == "long_short"
        return Signals(
            enter_long=up,
            exit_long=down,
            enter_short=down if shorts else None,
            exit_short=up if shorts else None,
            labels=("fast above slow", "fast below slow", "fast below slow", "fast above slow"),
        )
