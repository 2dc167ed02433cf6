"""Expressions over a panel as data: a price, an indicator, a point-in-time field, a multiple or a ratio of these.

An expression is a small record that TOML and JSON can hold, or the same said as a text that people type:

    close    1.5 * sma(200)    roc(126, skip 21)    volume / volume_mean(20)    sma(10, high)    market_cap    12

The text is read by one fixed pattern; nothing in it is ever run. Names that are neither a column nor
an indicator are fields of the data; ``field:close`` means a field that is called like one of ours.
"""

import re
from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal, get_args

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    GetJsonSchemaHandler,
    model_serializer,
    model_validator,
)
from pydantic_core import CoreSchema

Column = Literal["open", "high", "low", "close", "volume"]
Indicator = Literal[
    "sma", "ema", "rsi", "atr", "roc", "volatility", "highest", "lowest", "volume_mean", "dollar_volume"
]  # fmt: skip
Unit = Literal["price", "shares", "money", "percent"]

COLUMNS: Final = get_args(Column)
MOST_BARS: Final = 5000
LONGEST_TEXT: Final = 200
_SYNONYMS: Final = {"momentum": "roc", "change": "roc", "vol": "volatility"}
# Indicators that smooth without end have to forget where they began.
_FORGETS_AFTER: Final = 10


@dataclass(frozen=True, slots=True)
class IndicatorInfo:
    """What an indicator is: its unit, the column it is computed from, the bars it needs, one sentence.

    ``of`` is None where the columns are fixed; ``least`` is the smallest window that has a meaning.
    """

    unit: Unit
    of: Column | None
    least: int
    title: str
    help: str


INDICATORS: Final[dict[str, IndicatorInfo]] = {
    "sma": IndicatorInfo("price", "close", 1, "Average", "mean of the last bars"),
    "ema": IndicatorInfo(
        "price", "close", 1, "Exponential average", "average that forgets by 2 / (bars + 1) a bar"
    ),
    "rsi": IndicatorInfo("percent", None, 1, "RSI", "relative strength index, 0 to 100 (Wilder)"),
    "atr": IndicatorInfo(
        "price", None, 1, "Average true range", "smoothed true range in price units (Wilder)"
    ),
    "roc": IndicatorInfo("percent", "close", 1, "Change", "percent of change over the bars"),
    "volatility": IndicatorInfo(
        "percent",
        "close",
        2,
        "Volatility",
        "standard deviation of returns in percent, a year's for daily bars and longer",
    ),
    "highest": IndicatorInfo("price", "high", 1, "Highest", "greatest high of the last bars"),
    "lowest": IndicatorInfo("price", "low", 1, "Lowest", "least low of the last bars"),
    "volume_mean": IndicatorInfo("shares", None, 1, "Mean volume", "mean volume of the last bars"),
    "dollar_volume": IndicatorInfo(
        "money", None, 1, "Traded value", "mean of close times volume over the last bars"
    ),
}

_NUMBER = r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d{1,3})?"
_ATOM = r"(?:field\s*:\s*)?[^\W\d]\w*(?:\s*\([^()]*\))?"
_TEXT: Final = re.compile(
    rf"\s*(?:(?P<number>{_NUMBER})|(?:(?P<times>{_NUMBER})\s*\*\s*)?(?P<atom>{_ATOM})"
    rf"(?:\s*\*\s*(?P<times_after>{_NUMBER}))?(?:\s*/\s*(?P<over>{_ATOM}))?)\s*"
)
_ATOM_PARTS: Final = re.compile(r"(field\s*:\s*)?([^\W\d]\w*)(?:\s*\(([^()]*)\))?")
_SKIP: Final = re.compile(r"skip\s*=?\s*(\d{1,6})")


class Expression(BaseModel):
    """One value per bar and symbol; exactly one of ``number``, ``what`` and ``field`` says which."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    number: float | None = Field(None, description="A constant")
    what: Column | Indicator | None = Field(
        None, description="A column of the bars, or an indicator"
    )
    field: Annotated[str, Field(pattern=r"^[^\W\d]\w*$", max_length=63)] | None = Field(
        None, description="A point-in-time field of the data, such as market_cap, per or pbr"
    )
    bars: int | None = Field(
        None, ge=1, le=MOST_BARS, strict=True, description="Bars of an indicator's window"
    )
    of: Column | None = Field(
        None,
        description="Column that sma, ema, roc, volatility, highest or lowest is computed from",
    )
    skip: int = Field(
        0, ge=0, le=MOST_BARS, strict=True, description="The value of so many bars ago"
    )
    times: float = Field(1.0, description="A factor")
    over: "Expression | None" = Field(None, description="Divided by this")

    @model_validator(mode="before")
    @classmethod
    def _short_forms(cls, value: Any) -> Any:
        """Take a number or a text for the record it stands for."""
        if isinstance(value, bool):
            raise ValueError(f"{value!r} is neither a number nor an expression")
        if isinstance(value, int | float):
            return {"number": value}
        return parse_text(value) if isinstance(value, str) else value

    @model_validator(mode="after")
    def _one_meaning(self) -> "Expression":
        said = [n for n in ("number", "what", "field") if getattr(self, n) is not None]
        if len(said) != 1:
            raise ValueError("say exactly one of number, what and field")
        info = INDICATORS.get(self.what or "")
        if info is not None:
            self._check_window(info)
        elif self.bars is not None:
            raise ValueError(f"{self.what or said[0]} has no bars; only indicators have")
        if self.of is not None and (info is None or info.of is None):
            raise ValueError(f"{self.what or said[0]} is not computed from a column of choice")
        if self.of == "volume" and info is not None and info.unit == "percent":
            raise ValueError(f"{self.what} is of prices; volume may be 0")
        if self.skip and self.what is None:
            raise ValueError("only columns and indicators can be taken from earlier bars (skip)")
        if self.number is not None and (self.times != 1.0 or self.over is not None):
            raise ValueError("a number takes neither times nor over")
        if self.times == 0.0:
            raise ValueError("times is 0, which makes everything equal")
        below = self.over
        if below is not None and (below.over or below.times != 1.0 or below.number is not None):
            raise ValueError("what stands below the line is a plain column, indicator or field")
        return self

    def _check_window(self, info: IndicatorInfo) -> None:
        if self.bars is None:
            raise ValueError(f"{self.what} needs its bars: {self.what}(20)")
        if self.bars < info.least:
            raise ValueError(f"{self.what} needs {info.least} bars or more")

    @model_serializer
    def _said(self) -> float | str:
        """Write a constant as the number that it is, anything else as people type it."""
        return self.text if self.number is None else self.number

    @classmethod
    def __get_pydantic_json_schema__(
        cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        """Say that a number or a text may stand for the record."""
        record = handler(core_schema)
        text = "As people type it: close, sma(200), 1.5 * volume_mean(20), roc(126, skip 21)"
        return {
            "anyOf": [
                {"type": "number"},
                {"type": "string", "maxLength": LONGEST_TEXT, "description": text},
                record,
            ]
        }

    @property
    def text(self) -> str:
        """The expression as people type it; reading it gives the same expression."""
        if self.number is not None:
            return _plain(self.number)
        factor = "" if self.times == 1.0 else f"{_plain(self.times)} * "
        below = "" if self.over is None else f" / {self.over._atom}"
        return f"{factor}{self._atom}{below}"

    @property
    def _atom(self) -> str:
        if self.field is not None:
            ours = self.field in (*COLUMNS, *INDICATORS, *_SYNONYMS)
            return f"field:{self.field}" if ours else self.field
        parts = [] if self.bars is None else [str(self.bars)]
        parts += [] if self.of is None else [self.of]
        parts += [f"skip {self.skip}"] if self.skip else []
        return f"{self.what}({', '.join(parts)})" if parts else str(self.what)

    @property
    def column(self) -> Column:
        """The column that it is computed from, where there is a choice."""
        info = INDICATORS.get(self.what or "")
        return self.of or (info.of if info else None) or "close"

    @property
    def warmup_bars(self) -> int:
        """Bars before the deciding one that it looks at."""
        match self.what:
            case "ema" | "rsi" | "atr":
                own = _FORGETS_AFTER * (self.bars or 0)
            case "roc" | "volatility":
                own = self.bars or 0
            case _:
                own = (self.bars or 1) - 1
        return max(own + self.skip, 0 if self.over is None else self.over.warmup_bars)

    @property
    def fields(self) -> frozenset[str]:
        """The point-in-time fields that it reads."""
        own = frozenset() if self.field is None else frozenset({self.field})
        return own if self.over is None else own | self.over.fields


def parse_text(text: str) -> dict[str, Any]:
    """Return the record that a text stands for, not yet validated.

    Raises:
        ValueError: it does not follow the pattern; says what is allowed.
    """
    match = _TEXT.fullmatch(text) if len(text) <= LONGEST_TEXT else None
    if match is None or (match["times"] and match["times_after"]):
        shown = text if len(text) <= 40 else text[:39] + "…"
        raise ValueError(
            f"{shown!r} is not understood; write close, sma(200), 1.5 * volume_mean(20), "
            "roc(126, skip 21), volume / volume_mean(20), a field such as market_cap, or a number"
        )
    if match["number"]:
        return {"number": float(match["number"])}
    record = _parse_atom(match["atom"])
    factor = match["times"] or match["times_after"]
    if factor:
        record["times"] = float(factor)
    if match["over"]:
        record["over"] = _parse_atom(match["over"])
    return record


def _parse_atom(text: str) -> dict[str, Any]:
    parts = _ATOM_PARTS.fullmatch(text)
    assert parts is not None, "the pattern of the whole text holds this one"
    as_field, name, inside = parts.groups()
    name = name if as_field else _SYNONYMS.get(name, name)
    known = name in COLUMNS or name in INDICATORS
    if (as_field or not known) and inside is not None:
        raise ValueError(f"there is no indicator {name!r}; there are {', '.join(INDICATORS)}")
    if as_field or not known:
        return {"field": name}
    record: dict[str, Any] = {"what": name}
    for argument in (part.strip() for part in (inside or "").split(",")):
        _add_argument(record, name, argument, inside)
    return record


def _add_argument(record: dict[str, Any], name: str, argument: str, inside: str | None) -> None:
    skip = _SKIP.fullmatch(argument)
    if argument.isdecimal() and argument.isascii() and len(argument) <= 6 and "bars" not in record:
        record["bars"] = int(argument)
    elif argument in COLUMNS and "of" not in record:
        record["of"] = argument
    elif skip and "skip" not in record:
        record["skip"] = int(skip[1])
    elif inside is not None:
        raise ValueError(
            f"{argument!r} is not understood in {name}({inside}); write bars, a column, skip n"
        )


def _plain(number: float) -> str:
    text = repr(float(number))
    return text.removesuffix(".0")
