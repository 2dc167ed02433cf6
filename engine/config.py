"""What a run is made of: the model that a configuration file holds, the form edits and a run stores as its snapshot.

One declaration per setting gives the file format, the validation, the JSON Schema, the form and the help. Values
are refused only when they are impossible; what is merely unusual becomes a warning (`unusual`).
"""

import datetime as dt
import hashlib
import json
import unicodedata
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)

from engine.errors import BacktestValidationError, Problem

SNAPSHOT_VERSION = "1.0"


class Period(StrEnum):
    """How often a targets strategy is asked for new weights."""

    DAILY = "daily"
    WEEKLY = "weekly"
    MONTHLY = "monthly"
    QUARTERLY = "quarterly"
    YEARLY = "yearly"


class SizingMethod(StrEnum):
    """How large an entry is."""

    FIXED_QUANTITY = "fixed_quantity"
    FIXED_CASH = "fixed_cash"
    PERCENT_OF_EQUITY = "percent_of_equity"
    TARGET_WEIGHT = "target_weight"
    EQUAL_WEIGHT = "equal_weight"


def _plain_name(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{value!r} is not a text")
    name = unicodedata.normalize("NFC", value)
    if not name.strip() or len(name) > 255:
        raise ValueError("a name has 1 to 255 characters")
    if not all(c.isalnum() or c in " _-.()" for c in name):
        raise ValueError("letters, digits, space and _-.() are allowed")
    return name


class _Section(BaseModel):
    model_config = ConfigDict(
        extra="forbid", frozen=True, allow_inf_nan=False, populate_by_name=True
    )


class StrategyConfig(_Section):
    """Which strategy, and the values of its parameters (defaults for those not named)."""

    name: str = Field(
        min_length=1, description="A built-in strategy, or the path of a strategy file (.py)"
    )
    params: dict[str, Any] = Field(
        default_factory=dict, description="Values of the strategy's parameters"
    )


class DataConfig(_Section):
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
    timeframe: Literal["1m", "5m", "15m", "30m", "1h", "4h", "1d", "1w", "1mo"] = Field(
        "1d", description="Length of a bar"
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
        None, description="Exchange calendar (XNYS, XKRX …) that says when periods end"
    )
    on_bad_bars: Literal["refuse", "drop"] = Field(
        "refuse", description="What to do with impossible bars"
    )
    columns: dict[str, str] = Field(
        default_factory=dict, description="Odd column names of a file: our name = the file's name"
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
        if self.symbols and self.universe:
            raise ValueError("give symbols or a universe, not both")
        return self


class AccountConfig(_Section):
    """The one cash account of the run."""

    initial_capital: float = Field(100_000.0, gt=0, le=1e12, description="Money at the start")
    currency: str = Field(
        "USD", pattern=r"^[A-Z]{3}$", description="ISO code of the account's currency"
    )
    risk_free_rate: float = Field(
        0.0, gt=-1, lt=10, description="Yearly, a fraction; used by the ratios"
    )


class CostsConfig(_Section):
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


class ExecutionConfig(_Section):
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


class SizingConfig(_Section):
    """How large an entry is; empty means 100 % of equity for one symbol, equal weight for several."""

    method: SizingMethod | None = Field(None, description="How the size of an entry is found")
    value: float | None = Field(
        None, gt=0, le=1e15, description="Shares, money or percent, by the method"
    )

    @model_validator(mode="after")
    def _value_where_needed(self) -> "SizingConfig":
        needs = (SizingMethod.FIXED_QUANTITY, SizingMethod.FIXED_CASH)
        if self.method in needs and self.value is None:
            raise ValueError(f"method {self.method} needs a value")
        return self


class RebalanceConfig(_Section):
    """When a targets strategy is asked again."""

    period: Period = Field(Period.MONTHLY, description="How often")
    immediately: bool = Field(
        False, description="Also at the first close at which the strategy has what it needs"
    )


class BacktestConfig(_Section):
    """Everything that a run is made of."""

    name: Annotated[str | None, BeforeValidator(lambda v: v if v is None else _plain_name(v))] = (
        Field(None, description="A name for the run")
    )
    strategy: StrategyConfig
    data: DataConfig = Field(default_factory=DataConfig)
    account: AccountConfig = Field(default_factory=AccountConfig)
    costs: CostsConfig = Field(default_factory=CostsConfig)
    execution: ExecutionConfig = Field(default_factory=ExecutionConfig)
    sizing: SizingConfig = Field(default_factory=SizingConfig)
    rebalance: RebalanceConfig = Field(default_factory=RebalanceConfig)

    def canonical_json(self) -> str:
        """Return the one text that stands for this configuration: sorted keys, no spaces, ISO dates."""
        return json.dumps(
            self.model_dump(mode="json"),
            sort_keys=True,
            separators=(",", ":"),
            ensure_ascii=False,
            allow_nan=False,
        )

    def fingerprint(self) -> str:
        """Return the SHA-256 (64 hex) of the canonical text without the run's name."""
        return hashlib.sha256(
            self.model_copy(update={"name": None}).canonical_json().encode()
        ).hexdigest()


def parse_config(data: dict[str, Any]) -> BacktestConfig:
    """Build a configuration from plain data, as read from TOML or JSON.

    Raises:
        BacktestValidationError: with one problem per key: the key, the value, what is allowed.
    """
    try:
        return BacktestConfig.model_validate(data)
    except ValidationError as error:
        raise BacktestValidationError(problems_of(error)) from error


def problems_of(error: ValidationError, prefix: str = "") -> list[Problem]:
    """Translate pydantic's findings into ours: dotted key, value, what is allowed."""
    return [_problem_of(dict(item), prefix) for item in error.errors(include_url=False)]


def _problem_of(item: dict[str, Any], prefix: str) -> Problem:
    place = ".".join(str(p) for p in item["loc"])
    field = ".".join(p for p in (prefix, place) if p)
    value = item.get("input")
    context = item.get("ctx") or {}
    match item["type"]:
        case "extra_forbidden":
            return Problem(
                field,
                "unknown key",
                f"allowed here: {_allowed_keys(item['loc'])}" if not prefix else "",
            )
        case "missing":
            return Problem(field, "is missing", "this key is required")
        case "value_error":
            return Problem(field, str(context.get("error", item["msg"])), "")
        case _:
            shown = repr(value) if len(repr(value)) <= 80 else repr(value)[:77] + "…"
            return Problem(field, f"{shown} is not allowed", item["msg"])


def _allowed_keys(loc: tuple[int | str, ...]) -> str:
    model: type[BaseModel] = BacktestConfig
    for part in loc[:-1]:
        annotation = model.model_fields[str(part)].annotation
        if not (isinstance(annotation, type) and issubclass(annotation, BaseModel)):
            break
        model = annotation
    return ", ".join(model.model_fields)


def check_dates(config: BacktestConfig, today: dt.date) -> None:
    """Refuse a start in the future. The engine has no clock, so the caller says what day it is.

    Raises:
        BacktestValidationError: naming ``data.start``.
    """
    start = config.data.start
    if start and start > today:
        raise BacktestValidationError(
            Problem("data.start", f"{start} is in the future", f"choose a date up to {today}")
        )


# Bounds of capital that are usual, by currency: a thousand to ten million dollars and what comes near it elsewhere.
_USUAL_CAPITAL = {
    "USD": (1e3, 1e7),
    "EUR": (1e3, 1e7),
    "KRW": (1e6, 1e10),
    "JPY": (1e5, 1e9),
    "CNY": (1e4, 1e8),
}


def unusual(config: BacktestConfig, today: dt.date) -> list[str]:
    """Return what is possible but worth a second look, one sentence each."""
    found = []
    low, high = _USUAL_CAPITAL.get(config.account.currency, (1e3, 1e7))
    capital = config.account.initial_capital
    if not low <= capital <= high:
        found.append(
            f"An initial capital of {capital:,.0f} {config.account.currency} is outside the usual "
            f"{low:,.0f} to {high:,.0f}"
        )
    if config.costs.commission_pct >= 5:
        found.append(
            f"A commission of {config.costs.commission_pct:g} % of value is very high; 0.1 means 0.1 %"
        )
    if config.costs.slippage_bps > 500:
        found.append(
            f"A slippage of {config.costs.slippage_bps:g} basis points is {config.costs.slippage_bps / 100:g} %"
        )
    start, end = config.data.start, config.data.end
    if end and end > today:
        found.append(f"The end {end} is in the future; the run ends with the data")
    if start and end and (end - start).days > 3653:
        found.append(f"The range {start} to {end} is longer than ten years")
    return found
