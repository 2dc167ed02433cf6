"""RSI reversion: buy what has fallen too fast, sell when it has recovered."""

from typing import ClassVar, Literal

from pydantic import Field, model_validator

from engine.kernels.indicators import above, rsi_nb
from engine.market import Panel
from engine.strategies.protocol import Parameters, Signals, SignalStrategy
from engine.strategies.sharing import shared

# Wilder's smoothing never forgets: after ten periods the first bars weigh less than 1/20,000.
_PERIODS_TO_SETTLE = 10


class RsiReversionParameters(Parameters):
    """The short side mirrors the long one at 50: it enters above 100 - ``enter_below``."""

    period: int = Field(
        14, ge=2, le=500, title="RSI period", description="Bars in Wilder's smoothing"
    )
    enter_below: float = Field(
        30.0,
        ge=0,
        le=100,
        title="Enter below",
        description="Buy while the RSI is below this",
        json_schema_extra={"step": 1.0},
    )
    exit_above: float = Field(
        50.0,
        ge=0,
        le=100,
        title="Exit above",
        description="Sell when the RSI is above this",
        json_schema_extra={"step": 1.0},
    )
    direction: Literal["long_only", "long_short"] = Field(
        "long_only",
        title="Direction",
        description="long_short also sells short, by the same levels mirrored at 50",
    )

    @model_validator(mode="after")
    def _levels_in_order(self) -> "RsiReversionParameters":
        if self.enter_below >= self.exit_above:
            raise ValueError(
                f"enter_below {self.enter_below:g} must be less than exit_above {self.exit_above:g}"
            )
        short_level = 100 - self.enter_below
        if self.direction == "long_short" and self.exit_above > short_level:
            raise ValueError(
                f"with long_short exit_above {self.exit_above:g} must not exceed "
                f"{short_level:g}, where the short side enters"
            )
        return self


class RsiReversion(SignalStrategy):
    """Enters on every bar beyond the level: an entry that the account refused is tried again."""

    name: ClassVar[str] = "rsi_reversion"
    title: ClassVar[str] = "RSI reversion"
    summary: ClassVar[str] = (
        "Buys while the relative strength index is low and sells when it has recovered."
    )
    Params: ClassVar[type[Parameters]] = RsiReversionParameters

    def warmup_bars(self) -> int:
        """Return ten periods: the smoothing has to forget where it began."""
        return int(self.params.period) * _PERIODS_TO_SETTLE

    def signals(self, panel: Panel) -> Signals:
        """Compare the RSI of the closes with the levels."""
        rsi = shared(panel, rsi_nb, "close", self.params.period)
        enter, leave = self.params.enter_below, self.params.exit_above
        shorts = self.params.direction == "long_short"
        return Signals(
            enter_long=above(-rsi, -enter),
            exit_long=above(rsi, leave),
            enter_short=above(rsi, 100.0 - enter) if shorts else None,
            exit_short=above(-rsi, leave - 100.0) if shorts else None,
            labels=("RSI low", "RSI recovered", "RSI high", "RSI recovered"),
        )
