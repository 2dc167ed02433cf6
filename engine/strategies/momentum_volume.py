"""Momentum + volume: a rise on unusual volume, with a loss limit and a profit target."""

from typing import ClassVar

from pydantic import Field

from engine.adjust import split_adjusted
from engine.kernels.indicators import above, change_nb, rolling_mean_nb
from engine.market import Panel
from engine.strategies.protocol import Parameters, Signals, SignalStrategy
from engine.strategies.sharing import shared


class MomentumVolumeParameters(Parameters):
    """Percentages; a stop or target of 0 is none."""

    min_rise_pct: float = Field(
        0.1,
        ge=-50,
        le=100,
        title="Rise (%)",
        description="The close must have risen by more than this since the previous close",
        json_schema_extra={"step": 0.1},
    )
    volume_ratio: float = Field(
        1.5,
        ge=0,
        le=1000,
        title="Volume ratio",
        description="Volume must exceed the mean of the previous bars this many times",
        json_schema_extra={"step": 0.1},
    )
    volume_bars: int = Field(
        20, ge=1, le=1000, title="Volume bars", description="Previous bars in the mean volume"
    )
    stop_pct: float = Field(
        5.0,
        ge=0,
        lt=100,
        title="Stop (%)",
        description="Leave when a close is this far below the entry price",
        json_schema_extra={"step": 0.5},
    )
    target_pct: float = Field(
        10.0,
        ge=0,
        le=10_000,
        title="Target (%)",
        description="Leave when a close is this far above the entry price",
        json_schema_extra={"step": 0.5},
    )


class MomentumVolume(SignalStrategy):
    """Enters on any bar that qualifies; a symbol of unknown volume never does."""

    name: ClassVar[str] = "momentum_volume"
    title: ClassVar[str] = "Momentum + volume"
    summary: ClassVar[str] = (
        "Buys a rise on unusual volume and leaves at a loss limit or a profit target."
    )
    Params: ClassVar[type[Parameters]] = MomentumVolumeParameters

    def warmup_bars(self) -> int:
        """Return the bars of the mean volume, the previous close among them."""
        return int(self.params.volume_bars)

    def signals(self, panel: Panel) -> Signals:
        """Ask for the rise and the volume; stop and target go with the entry."""
        params = self.params
        growth = shared(panel, change_nb, "close", 1) + 1.0
        volume = split_adjusted(panel, "volume")
        usual = shared(panel, rolling_mean_nb, "volume", params.volume_bars, 1)
        enter = above(growth, 1.0 + params.min_rise_pct / 100.0)
        enter &= above(volume, params.volume_ratio * usual) & (usual > 0.0)
        return Signals(
            enter_long=enter,
            close_stop_rate=params.stop_pct / 100.0,
            close_target_rate=params.target_pct / 100.0,
            labels=("rise on volume", "", "", ""),
        )
