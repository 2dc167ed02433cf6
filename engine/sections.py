"""The sections of a configuration that say what is run and on what: strategy, data, account, sizing, rebalancing.

How orders become fills and what that costs is in `engine.execution_sections`; `engine.config` puts them together.
"""

import datetime as dt
from enum import StrEnum
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from engine.criteria import Criteria
from engine.pacing import Pace, PaceMode
from engine.types import TIMEFRAME_NS

LengthWithin = Literal["1m", "5m", "15m", "30m", "1h", "4h", "1d"]  # of bars of a day at most
SCREENING = "screening"  # what a strategy of criteria is called


class Section(BaseModel):
    """Base of every section: unknown keys are refused, values never change, numbers are finite."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, allow_inf_nan=False, populate_by_name=True
    )


class Period(StrEnum):
    """How often a targets strategy is asked for new weights."""

    DAILY = "daily"
    WEEKLY = "weekly"
    MONTHLY = "monthly"
    QUARTERLY = "quarterly"
    YEARLY = "yearly"
    BARS = "bars"
    DRIFT = "drift"


class SizingMethod(StrEnum):
    """How large an entry is."""

    FIXED_QUANTITY = "fixed_quantity"
    FIXED_CASH = "fixed_cash"
    PERCENT_OF_EQUITY = "percent_of_equity"
    TARGET_WEIGHT = "target_weight"
    EQUAL_WEIGHT = "equal_weight"
    MARKET_CAP_WEIGHT = "market_cap_weight"
    RISK_PER_TRADE = "risk_per_trade"
    VOLATILITY_TARGET = "volatility_target"
    KELLY = "kelly"


class StrategyConfig(Section):
    """Which strategy: by name, with the values of its parameters, or by criteria. One of the two.

    Criteria are the strategy ``screening``; a configuration that was written down says both.
    """

    model_config = ConfigDict(
        json_schema_extra={"anyOf": [{"required": ["name"]}, {"required": ["criteria"]}]}
    )

    name: str = Field(
        min_length=1,
        description="A built-in strategy, the path of a strategy file (.py), or a saved strategy "
        "as name@version",
    )
    params: dict[str, Any] = Field(
        default_factory=dict, description="Values of the strategy's parameters"
    )
    criteria: Criteria | None = Field(None, description="What to hold, instead of a name")

    @model_validator(mode="before")
    @classmethod
    def _criteria_have_a_name(cls, data: Any) -> Any:
        if isinstance(data, dict) and data.get("criteria") is not None and "name" not in data:
            return {**data, "name": SCREENING}
        return data

    @model_validator(mode="after")
    def _name_or_criteria(self) -> "StrategyConfig":
        if self.criteria is None:
            if self.name == SCREENING:
                raise ValueError("screening needs criteria: what to hold")
        elif self.name != SCREENING:
            raise ValueError(f"give a name ({self.name}) or criteria, not both")
        elif self.params:
            raise ValueError("criteria take no params")
        return self


class DataConfig(Section):
    """Which bars."""

    source: str = Field(
        "demo",
        min_length=1,
        description='"demo", "local" (imported files), a connection profile, or a file or folder',
    )
    symbols: tuple[str, ...] = Field(
        (), description="Symbols to trade; empty takes the universe, or all of the source"
    )
    universe: str | None = Field(None, description="Name of a universe of the source")
    timeframe: Literal["tick", "1m", "5m", "15m", "30m", "1h", "4h", "1d", "1w", "1mo"] = Field(
        "1d", description='Length of a bar; "tick" runs on single trades and quotes'
    )
    decide_on: LengthWithin | None = Field(
        None,
        description="Of a run on ticks: the strategy sees bars of this length, built of the ticks, decides at their "
        "closes, and its orders fill on ticks; it sees every tick when empty",
    )
    start: dt.date | None = Field(
        None, description="First date that counts; the first of the data when empty"
    )
    end: dt.date | None = Field(
        None, description="Last date that counts; the last of the data when empty"
    )
    benchmark: str | None = Field(
        None, description="A symbol or series of the source to compare with"
    )
    calendar: str | None = Field(
        None,
        description="Exchange calendar (XNYS, XKRX …) that says when periods end; that of the market "
        'where the source knows it, "none" for none',
    )
    adjustment: Literal["raw", "split", "total"] | None = Field(
        None, description="What is worked into the prices; what the source says when empty"
    )
    on_bad_bars: Literal["refuse", "drop"] = Field(
        "refuse", description="What to do with impossible bars"
    )
    columns: dict[str, str] = Field(
        default_factory=dict, description="Odd column names of a file: our name = the file's name"
    )

    finer: LengthWithin | None = Field(
        None,
        description="Length of the finer bars that decide what comes first inside a bar, for "
        'execution.intrabar = "magnifier"',
    )
    finer_source: str | None = Field(
        None,
        min_length=1,
        description='Where the finer bars are, when not in the source: "local", a connection profile, or a '
        "file or folder",
    )

    @field_validator("symbols", mode="before")
    @classmethod
    def _one_symbol_is_a_list(cls, value: Any) -> Any:
        return (value,) if isinstance(value, str) else value

    @field_validator("symbols")
    @classmethod
    def _sorted_and_unique(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if any(not s.strip() for s in value):
            raise ValueError("a symbol is empty")
        return tuple(sorted(set(value), key=str.encode))

    @model_validator(mode="after")
    def _ordered(self) -> "DataConfig":
        if self.start and self.end and self.end < self.start:
            raise ValueError(f"end {self.end} is before start {self.start}")
        if self.decide_on and self.timeframe != "tick":
            raise ValueError(
                f'decide_on goes with timeframe "tick"; a run on bars of {self.timeframe} decides on these'
            )
        if self.symbols and self.universe:
            raise ValueError("give symbols or a universe, not both")
        if self.finer and TIMEFRAME_NS[self.finer] >= TIMEFRAME_NS[self.timeframe]:
            raise ValueError(f"finer bars of {self.finer} are not finer than {self.timeframe}")
        return self


class AccountConfig(Section):
    """The one cash account of the run."""

    initial_capital: float = Field(100_000.0, gt=0, le=1e12, description="Money at the start")
    currency: str = Field(
        "USD", pattern=r"^[A-Z]{3}$", description="ISO code of the account's currency"
    )
    risk_free_rate: float = Field(
        0.0, gt=-1, lt=10, description="Yearly, a fraction; used by the ratios"
    )
    initial_margin: float | None = Field(
        None, gt=0, le=1, description="Equity needed to open, a fraction of gross value"
    )
    maintenance_margin: float | None = Field(
        None, gt=0, le=1, description="Equity below this fraction of gross value closes positions"
    )

    @model_validator(mode="after")
    def _margins_together(self) -> "AccountConfig":
        initial, maintenance = self.initial_margin, self.maintenance_margin
        if (initial is None) != (maintenance is None):
            raise ValueError("give initial_margin and maintenance_margin, or neither")
        if initial is not None and maintenance is not None and maintenance > initial:
            raise ValueError(f"maintenance_margin {maintenance} is above initial_margin {initial}")
        return self


class SizingConfig(Section):
    """How large an entry is; empty means 100 % of equity for one symbol, equal weight for several."""

    method: SizingMethod | None = Field(None, description="How the size of an entry is found")
    value: float | None = Field(
        None, gt=0, le=1e15, description="Shares, money or percent, by the method"
    )
    volatility_bars: int = Field(
        60, ge=2, le=5000, description="Returns in the volatility of volatility_target"
    )
    kelly_min_trades: int = Field(
        20, ge=1, le=100_000, description="Closed stays before kelly trusts them"
    )
    kelly_start_pct: float = Field(10.0, ge=0, le=100, description="Percent of equity until then")

    @model_validator(mode="after")
    def _value_where_needed(self) -> "SizingConfig":
        needs = (
            SizingMethod.FIXED_QUANTITY,
            SizingMethod.FIXED_CASH,
            SizingMethod.RISK_PER_TRADE,
            SizingMethod.VOLATILITY_TARGET,
        )
        if self.method in needs and self.value is None:
            raise ValueError(f"method {self.method} needs a value")
        return self


class RebalanceConfig(Section):
    """When a targets strategy is asked again."""

    period: Period = Field(Period.MONTHLY, description="How often")
    immediately: bool = Field(
        False, description="Also at the first close at which the strategy has what it needs"
    )
    bars: int | None = Field(
        None, ge=1, le=1_000_000, description="With period bars: every so many bars"
    )
    drift_pct: float | None = Field(
        None,
        gt=0,
        lt=1000,
        description="With period drift: points of weight between actual and wanted",
    )

    @model_validator(mode="after")
    def _its_own_number(self) -> "RebalanceConfig":
        for period, key, value in (
            (Period.BARS, "bars", self.bars),
            (Period.DRIFT, "drift_pct", self.drift_pct),
        ):
            if (self.period is period) != (value is not None):
                says = "needs" if value is None else "does not use"
                raise ValueError(f"period {self.period} {says} {key}")
        return self


class PacingConfig(Section):
    """How fast a run goes; it changes nothing of what comes out."""

    mode: PaceMode = Field(
        PaceMode.MAX,
        description="max, accelerated (a session takes 86.4 s / factor), or real_time",
    )
    acceleration_factor: float = Field(
        10.0, gt=0, le=1e9, description="10 lets a session take 8.64 seconds"
    )

    @property
    def pace(self) -> Pace:
        """The speed that this says."""
        return Pace(self.mode, self.acceleration_factor)
