"""Donchian breakout: follow the price out of its recent range."""

from typing import ClassVar, Literal

from pydantic import Field, model_validator

from engine.adjust import split_adjusted
from engine.kernels.indicators import above, rolling_extreme_nb
from engine.market import Panel
from engine.strategies.protocol import Floats, Parameters, Signals, SignalStrategy
from engine.strategies.sharing import shared


class DonchianBreakoutParameters(Parameters):
    """The exit range is within the entry range, so a reversal closes what it reverses."""

    entry_bars: int = Field(
        20, ge=1, le=1000, title="Entry range", description="Previous bars to break out of"
    )
    exit_bars: int = Field(
        10, ge=1, le=1000, title="Exit range", description="Previous bars whose other end ends it"
    )
    direction: Literal["long_only", "long_short"] = Field(
        "long_only",
        title="Direction",
        description="long_short also sells breakouts to the downside",
    )

    @model_validator(mode="after")
    def _exit_within_entry(self) -> "DonchianBreakoutParameters":
        if self.exit_bars > self.entry_bars:
            raise ValueError(
                f"exit_bars {self.exit_bars} must not exceed entry_bars {self.entry_bars}"
            )
        return self


class DonchianBreakout(SignalStrategy):
    """The bar itself is not part of its range, and a close at the very edge has not left it."""

    name: ClassVar[str] = "donchian_breakout"
    title: ClassVar[str] = "Donchian breakout"
    summary: ClassVar[str] = (
        "Buys a close above the highest high of the previous bars; leaves below the lowest low."
    )
    Params: ClassVar[type[Parameters]] = DonchianBreakoutParameters

    def warmup_bars(self) -> int:
        """Return the entry range."""
        return int(self.params.entry_bars)

    def signals(self, panel: Panel) -> Signals:
        """Compare the close with the range of the bars before it."""
        close = split_adjusted(panel, "close")
        entry, leave = self.params.entry_bars, self.params.exit_bars
        shorts = self.params.direction == "long_short"
        return Signals(
            enter_long=above(close, highest(panel, entry)),
            exit_long=above(lowest(panel, leave), close),
            enter_short=above(lowest(panel, entry), close) if shorts else None,
            exit_short=above(close, highest(panel, leave)) if shorts else None,
            labels=("new high", "new low", "new low", "new high"),
        )


def highest(panel: Panel, bars: int) -> Floats:
    """Return the highest high of the previous bars."""
    return shared(panel, rolling_extreme_nb, "high", bars, 1, 1)


def lowest(panel: Panel, bars: int) -> Floats:
    """Return the lowest low of the previous bars."""
    return shared(panel, rolling_extreme_nb, "low", bars, 1, -1)
