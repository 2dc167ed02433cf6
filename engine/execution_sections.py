"""The sections of a configuration that say how orders become fills, and what that costs."""

from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from engine.sections import Section


class CostsConfig(Section):
    """What trading costs; any mix adds up."""

    commission_pct: float = Field(0.1, ge=0, lt=100, description="Percent of the value of a fill")
    commission_per_share: float = Field(0.0, ge=0, le=1e6, description="Money per share")
    commission_per_order: float = Field(0.0, ge=0, le=1e9, description="Money per order")
    commission_min: float = Field(0.0, ge=0, le=1e9, description="Least commission of an order")
    commission_max: float | None = Field(
        None, ge=0, le=1e12, description="Greatest commission of an order"
    )
    slippage_bps: float = Field(5.0, ge=0, lt=10_000, description="Basis points against the trader")
    spread: float = Field(0.0, ge=0, le=1e9, description="Bid/ask spread in price units")
    spread_bps: float = Field(
        0.0, ge=0, lt=10_000, description="Bid/ask spread in basis points of the price"
    )
    spread_on: Literal["both", "entry"] = Field(
        "both", description="Half the spread on each fill, or all of it on the entry"
    )
    sell_tax_pct: float = Field(0.0, ge=0, lt=100, description="Percent of the value of every sale")
    commission_tiers: tuple[tuple[float, float], ...] = Field(
        (),
        max_length=50,
        description="[[from value, percent], …] by the value of an order, instead of commission_pct",
    )
    slippage_ticks: float = Field(
        0.0, ge=0, le=1e6, description="Ticks against the trader; needs execution.tick_size"
    )
    impact: float = Field(
        0.0,
        ge=0,
        le=100,
        description="Impact: the price moves by this × √(quantity / volume of the bar)",
    )
    borrow_rate: float = Field(
        0.0, ge=0, le=100, description="Yearly cost of the value of shorts, a fraction"
    )
    margin_rate: float = Field(
        0.0, ge=0, le=100, description="Yearly interest on borrowed cash, a fraction"
    )

    @model_validator(mode="before")
    @classmethod
    def _rates_are_fractions(cls, data: Any) -> Any:
        """Accept ``commission_rate`` and ``slippage_rate``, the fractions that the database stores."""
        if not isinstance(data, dict):
            return data
        data = dict(data)
        for alias, name, factor in (
            ("commission_rate", "commission_pct", 100.0),
            ("slippage_rate", "slippage_bps", 10_000.0),
        ):
            if alias in data:
                if name in data:
                    raise ValueError(f"give {alias} or {name}, not both")
                value = data.pop(alias)
                if isinstance(value, bool) or not isinstance(value, int | float):
                    raise ValueError(f"{alias} is {value!r}, a number is wanted")
                # round() takes away the noise that the factor brings in: 0.001 x 100 must be 0.1
                data[name] = round(value * factor, 12)
        return data

    @model_validator(mode="after")
    def _bounds_in_order(self) -> "CostsConfig":
        if self.commission_max is not None and self.commission_max < self.commission_min:
            raise ValueError(
                f"commission_max {self.commission_max} is below commission_min {self.commission_min}"
            )
        return self

    @field_validator("commission_tiers")
    @classmethod
    def _tiers_rise(cls, value: tuple[tuple[float, float], ...]) -> tuple[tuple[float, float], ...]:
        begins = [begin for begin, _ in value]
        if value and (begins[0] != 0 or sorted(set(begins)) != begins):
            raise ValueError("the first tier is from 0, and each begins above the one before")
        if any(not 0 <= percent < 100 for _, percent in value):
            raise ValueError("the percent of a tier is 0 or more and below 100")
        return value


class ExecutionConfig(Section):
    """How orders become fills."""

    fill_at: Literal["next_open", "next_close", "same_close"] = Field(
        "next_open", description="Where a market order fills; same_close is optimistic"
    )
    fractional: bool = Field(False, description="Allow fractions of a share")
    lot_size: float = Field(
        1.0, gt=0, le=1e12, description="Shares in a lot; quantities are whole lots"
    )
    when_short_of_cash: Literal["scale", "first_come", "reject"] = Field(
        "scale", description="When buys together exceed cash"
    )
    intrabar: Literal["pessimistic", "path", "magnifier"] = Field(
        "pessimistic", description="What is assumed about the order of prices inside a bar"
    )
    bracket_base: Literal["fill", "signal_close"] = Field(
        "fill", description="What the levels of a bracket in percent are measured from"
    )
    volume_limit: float | None = Field(
        None, gt=0, le=1, description="Greatest share of a bar's volume; empty is no limit"
    )
    tick_size: float | None = Field(
        None, gt=0, le=1e9, description="Least step of a price; prices of resting orders keep to it"
    )
    multiplier: float = Field(
        1.0, gt=0, le=1e9, description="Money that one point of price is worth for one contract"
    )


class ExitsConfig(Section):
    """A bracket for every entry of a signals strategy that does not bring its own."""

    stop_loss_pct: float | None = Field(
        None, gt=0, lt=10_000, description="Percent against the position at which it is closed"
    )
    take_profit_pct: float | None = Field(
        None, gt=0, lt=10_000, description="Percent in favour at which it is closed"
    )
    trail_pct: float | None = Field(
        None, gt=0, lt=100, description="Percent from the best price since the entry"
    )
    trail_amount: float | None = Field(
        None, gt=0, le=1e9, description="Distance from the best price, in price units"
    )
    trail_atr: float | None = Field(
        None, gt=0, le=1000, description="Distance in average true ranges at the decision"
    )
    atr_bars: int = Field(14, ge=1, le=5000, description="Bars in the average true range")

    @model_validator(mode="after")
    def _one_trail(self) -> "ExitsConfig":
        given = [self.trail_pct, self.trail_amount, self.trail_atr]
        if sum(value is not None for value in given) > 1:
            raise ValueError("give one of trail_pct, trail_amount and trail_atr")
        return self


class EntriesConfig(Section):
    """Which orders the entries of a signals strategy become where it does not say so itself."""

    order: Literal["market", "limit", "stop", "stop_limit", "moo", "moc"] = Field(
        "market", description="Order type"
    )
    offset_pct: float = Field(
        0.0,
        ge=0,
        lt=100,
        description="Percent from the signal's close: a limit better, a stop worse than it",
    )
    limit_offset_pct: float = Field(
        0.0, ge=0, lt=100, description="With stop_limit: percent from the close to the limit, worse"
    )
    time_in_force: Literal["gtc", "day", "gtd"] = Field("gtc", description="How long it lives")
    good_days: int | None = Field(
        None, ge=1, le=10_000, description="With gtd: calendar days from the signal"
    )

    @model_validator(mode="after")
    def _days_with_gtd(self) -> "EntriesConfig":
        if (self.time_in_force == "gtd") != (self.good_days is not None):
            says = "needs" if self.good_days is None else "does not use"
            raise ValueError(f"time_in_force {self.time_in_force} {says} good_days")
        if self.order == "stop_limit" and self.limit_offset_pct < self.offset_pct:
            raise ValueError(
                f"limit_offset_pct {self.limit_offset_pct} is nearer than the stop's {self.offset_pct}"
            )
        return self
