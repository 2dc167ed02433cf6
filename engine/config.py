"""What a run is made of: the model that a configuration file holds, the form edits and a run stores as its snapshot.

One declaration per setting gives the file format, the validation, the JSON Schema, the form and the help. Values
are refused only when they are impossible; what is merely unusual becomes a warning (`unusual`).
"""

import datetime as dt
import hashlib
import json
import unicodedata
from typing import Annotated, Any, get_args

from pydantic import BaseModel, BeforeValidator, Field, ValidationError, model_validator

from engine.errors import BacktestValidationError, Problem
from engine.execution_sections import CostsConfig, EntriesConfig, ExecutionConfig, ExitsConfig
from engine.sections import (
    SCREENING,
    AccountConfig,
    DataConfig,
    PacingConfig,
    Period,
    RebalanceConfig,
    Section,
    SizingConfig,
    SizingMethod,
    StrategyConfig,
)

__all__ = [
    "SCREENING",
    "SNAPSHOT_VERSION",
    "AccountConfig",
    "BacktestConfig",
    "CostsConfig",
    "DataConfig",
    "EntriesConfig",
    "ExecutionConfig",
    "ExitsConfig",
    "PacingConfig",
    "Period",
    "RebalanceConfig",
    "SizingConfig",
    "SizingMethod",
    "StrategyConfig",
    "check_dates",
    "parse_config",
    "problems_of",
    "unusual",
]

SNAPSHOT_VERSION = "1.0"


def _plain_name(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{value!r} is not a text")
    name = unicodedata.normalize("NFC", value)
    if not name.strip() or len(name) > 255:
        raise ValueError("a name has 1 to 255 characters")
    if not all(c.isalnum() or c in " _-.()" for c in name):
        raise ValueError("letters, digits, space and _-.() are allowed")
    return name


_CAME_LATER = ("finer", "finer_source", "decide_on")  # in ``data``


class BacktestConfig(Section):
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
    entries: EntriesConfig = Field(default_factory=EntriesConfig)
    exits: ExitsConfig = Field(default_factory=ExitsConfig)
    pacing: PacingConfig = Field(default_factory=PacingConfig)

    @model_validator(mode="after")
    def _sections_agree(self) -> "BacktestConfig":
        if self.costs.slippage_ticks > 0 and self.execution.tick_size is None:
            raise ValueError("costs.slippage_ticks needs execution.tick_size")
        by_weight = (
            None,
            SizingMethod.TARGET_WEIGHT,
            SizingMethod.EQUAL_WEIGHT,
            SizingMethod.PERCENT_OF_EQUITY,
            SizingMethod.MARKET_CAP_WEIGHT,
        )
        if self.rebalance.period is Period.DRIFT and self.sizing.method not in by_weight:
            raise ValueError(
                f"rebalance.period drift compares weights; sizing.method {self.sizing.method} has none"
            )
        return self

    def canonical_json(self) -> str:
        """Return the one text that stands for this configuration: sorted keys, no spaces, ISO dates.

        Keys that came later stand in it only where they say something: what was stored before them keeps its text.
        """
        said = self.model_dump(mode="json")
        for name in _CAME_LATER:
            if said["data"][name] is None:
                del said["data"][name]
        return json.dumps(
            said,
            sort_keys=True,
            separators=(",", ":"),
            ensure_ascii=False,
            allow_nan=False,
        )

    def fingerprint(self) -> str:
        """Return the SHA-256 (64 hex) of the canonical text without what changes no result: the run's name and pace."""
        return hashlib.sha256(
            self.model_copy(update={"name": None, "pacing": PacingConfig()})
            .canonical_json()
            .encode()
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
        if isinstance(part, str):
            inner = _model_in(model.model_fields[part].annotation)
            if inner is None:
                break
            model = inner
    return ", ".join(model.model_fields)


def _model_in(annotation: Any) -> type[BaseModel] | None:
    """Return the section inside ``Section | None`` or ``tuple[Section, ...]``."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for part in get_args(annotation) if (found := _model_in(part))), None)


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
