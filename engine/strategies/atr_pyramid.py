"""ATR pyramid: adds to what rises, and leaves all of it when the close falls back by some ATR from its highest."""

from typing import Any, ClassVar

from pydantic import Field

from engine.adjust import split_adjusted
from engine.kernels.indicators import rolling_extreme_nb
from engine.kernels.smoothing import atr_nb
from engine.market import Panel
from engine.strategies.context import Context
from engine.strategies.protocol import Floats, OnBarStrategy, Parameters


class AtrPyramidParameters(Parameters):
    """Distances are in average true ranges, so they fit quiet and restless markets."""

    entry_bars: int = Field(
        20, ge=1, le=1000, title="Entry range", description="Previous bars to break out of"
    )
    atr_bars: int = Field(
        14, ge=1, le=500, title="ATR", description="Bars of the average true range"
    )
    step_atr: float = Field(
        1.0,
        gt=0,
        le=20,
        title="Step",
        description="Rise, in ATR, after which a unit is added",
        json_schema_extra={"step": 0.5},
    )
    trail_atr: float = Field(
        3.0,
        gt=0,
        le=20,
        title="Trail",
        description="Fall from the highest close, in ATR, that ends it",
        json_schema_extra={"step": 0.5},
    )
    max_units: int = Field(4, ge=1, le=20, title="Units", description="Most units held at a time")
    unit_pct: float = Field(
        25.0,
        gt=0,
        le=100,
        title="Unit",
        description="Percent of equity in a unit, divided by the number of symbols",
        json_schema_extra={"step": 5},
    )


class AtrPyramid(OnBarStrategy):
    """Its rules depend on what it holds: units, the price of the last one, the highest close since the first."""

    name: ClassVar[str] = "atr_pyramid"
    title: ClassVar[str] = "ATR pyramid"
    summary: ClassVar[str] = (
        "Buys a breakout, adds a unit with every rise by an ATR, leaves when the close falls back by three."
    )
    Params: ClassVar[type[Parameters]] = AtrPyramidParameters
    State: ClassVar[dict[str, type]] = {"units": int, "added_at": float, "highest": float}
    labels: ClassVar[tuple[str, ...]] = ("breakout", "add", "fall back")

    def warmup_bars(self) -> int:
        """Return the longer range; Wilder's average forgets its first bars after some lengths."""
        return max(int(self.params.entry_bars), 10 * int(self.params.atr_bars))

    def inputs(self, panel: Panel) -> dict[str, Floats]:
        """Return close, the highest high of the bars before, and ATR, comparable over splits."""
        high, low, close = (split_adjusted(panel, column) for column in ("high", "low", "close"))
        return {
            "close": close,
            "edge": rolling_extreme_nb(high, self.params.entry_bars, 1, 1),
            "atr": atr_nb(high, low, close, self.params.atr_bars),
        }

    @staticmethod
    def on_bar(ctx: Context, state: Any, params: Any) -> None:
        """Enter, add or leave, symbol by symbol; while an order waits, nothing."""
        for symbol in range(ctx.n_symbols):
            now = ctx.inputs(symbol)
            own = state[symbol]
            if ctx.waiting(symbol) > 0 or not now.atr > 0.0:
                continue
            size = params.unit_pct / ctx.n_symbols
            if ctx.position(symbol) == 0.0:
                if now.close > now.edge:
                    ctx.buy(symbol, percent=size, label=0)
                    own.units, own.added_at, own.highest = 1, now.close, now.close
                continue
            own.highest = max(own.highest, now.close)
            if now.close < own.highest - params.trail_atr * now.atr:
                ctx.exit(symbol, label=2)
            elif (
                own.units < params.max_units
                and now.close >= own.added_at + params.step_atr * now.atr
            ):
                ctx.buy(symbol, percent=size, label=1)
                own.units, own.added_at = own.units + 1, now.close
