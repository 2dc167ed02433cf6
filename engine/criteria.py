"""Screening criteria as data: which symbols qualify, in which order, how many of them, with what weight.

Everything is a frozen record that goes to TOML or JSON and back; nothing here is code. What the
records mean is said by `engine.screening`.
"""

from collections.abc import Iterator
from typing import Any, Final, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    model_serializer,
    model_validator,
)

from engine.expressions import MOST_BARS, Expression

Operator = Literal[">", ">=", "<", "<=", "between", "top", "bottom", "top_pct", "bottom_pct"]
WeighBy = Literal["equal", "expression", "market_cap", "inverse_volatility"]

MOST_DEPTH: Final = 4
MOST_CRITERIA: Final = 64
MOST_SYMBOLS: Final = 10_000
MARKET_CAP: Final = "market_cap"
_MATHEMATICAL: Final = {"≥": ">=", "≤": "<=", "=>": ">=", "=<": "<="}
_COMPARE: Final = (">", ">=", "<", "<=", "between")


class _Record(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    @model_serializer(mode="wrap")
    def _compact(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Leave out what is as it is by default: TOML has no null."""
        defaults = {name: info.default for name, info in type(self).model_fields.items()}
        return {k: v for k, v in handler(self).items() if v != defaults[k] and v not in (None, ())}


class Criterion(_Record):
    """One condition (``left``, ``op``, ``right``), or a group of them under ``all`` or ``any``.

    Comparisons hold between values; ``top`` and ``bottom`` (so many) and ``top_pct`` and
    ``bottom_pct`` (so many percent, rounded up) rank the members of the universe by ``left``.
    """

    left: Expression | None = Field(None, description="What is looked at")
    op: Operator | None = Field(None, description="How it is compared or ranked")
    right: Expression | None = Field(
        None, description="Compared with this; for a ranking how many, or how many percent"
    )
    upto: Expression | None = Field(None, description="The upper bound of between")
    all: tuple["Criterion", ...] | None = Field(None, description="A group: all of these must hold")
    any: tuple["Criterion", ...] | None = Field(None, description="A group: one of these must hold")

    @model_validator(mode="before")
    @classmethod
    def _plain_operators(cls, value: Any) -> Any:
        if isinstance(value, dict) and value.get("op") in _MATHEMATICAL:
            return {**value, "op": _MATHEMATICAL[value["op"]]}
        return value

    @model_validator(mode="after")
    def _one_form(self) -> "Criterion":
        parts = [n for n in ("left", "op", "right", "upto") if getattr(self, n) is not None]
        groups = [n for n in ("all", "any") if getattr(self, n) is not None]
        if groups:
            if parts or len(groups) > 1:
                raise ValueError("a group has all or any, and nothing beside it")
            if not self.members:
                raise ValueError("the group is empty")
            return self
        for name in ("left", "op", "right"):
            if name not in parts:
                raise ValueError(f"{name} is missing; a criterion has left, op and right")
        if (self.op == "between") != (self.upto is not None):
            raise ValueError("between, and nothing else, has two bounds: right and upto")
        if self.op not in _COMPARE:
            self._check_count()
        elif self.left is not None and self.left.number is not None:
            raise ValueError("left is a number; put the number on the right")
        return self

    def _check_count(self) -> None:
        assert self.left is not None
        assert self.right is not None
        assert self.op is not None
        count = self.right.number
        if self.left.number is not None:
            raise ValueError("a number cannot be ranked")
        if self.op.endswith("_pct"):
            if count is None or not 0 < count <= 100:
                raise ValueError(f"{self.op} takes percent: right is above 0 and at most 100")
        elif count is None or not 1 <= count <= MOST_SYMBOLS or count != int(count):
            raise ValueError(f"{self.op} takes how many: right is a whole number from 1 on")

    @property
    def members(self) -> tuple["Criterion", ...]:
        """What a group holds; empty for a condition."""
        return self.all or self.any or ()

    @property
    def text(self) -> str:
        """The criterion as people read it."""
        if self.members:
            word = " and " if self.all else " or "
            return "(" + word.join(member.text for member in self.members) + ")"
        assert self.left is not None
        assert self.right is not None
        match self.op:
            case "between":
                assert self.upto is not None
                return f"{self.left.text} between {self.right.text} and {self.upto.text}"
            case "top_pct" | "bottom_pct":
                return f"{self.left.text} in {self.op[:-4]} {self.right.text} %"
            case "top" | "bottom":
                return f"{self.left.text} in {self.op} {self.right.text}"
            case _:
                return f"{self.left.text} {self.op} {self.right.text}"


class Criteria(_Record):
    """A screening strategy: all of ``where`` must hold, the best ``top`` by ``rank_by`` are held."""

    where: tuple[Criterion, ...] = Field((), description="All of these must hold")
    rank_by: Expression | None = Field(None, description="What those that qualify are ordered by")
    order: Literal["descending", "ascending"] = Field(
        "descending", description="Whether the greatest or the least comes first"
    )
    top: int | None = Field(
        None, ge=1, le=MOST_SYMBOLS, strict=True, description="How many are held; all when empty"
    )
    weigh_by: WeighBy = Field("equal", description="What the weights are proportional to")
    weight: Expression | None = Field(
        None, description='Of weigh_by = "expression": the weights are proportional to it'
    )
    volatility_bars: int = Field(
        60, ge=2, le=MOST_BARS, strict=True, description="Returns behind inverse volatility"
    )
    max_weight_pct: float | None = Field(
        None, gt=0, le=100, description="Most of one symbol, percent; the rest stays in cash"
    )

    @model_validator(mode="before")
    @classmethod
    def _bounded(cls, value: Any) -> Any:
        """Refuse what is nested too deep before it is read."""
        if isinstance(value, dict):
            level, count = [value.get("where")], 0
            for _ in range(MOST_DEPTH + 1):
                inside = [c for group in level if isinstance(group, list | tuple) for c in group]
                count += len(inside)
                level = [c.get(k) for c in inside if isinstance(c, dict) for k in ("all", "any")]
                level = [group for group in level if group is not None]
            if level:
                raise ValueError(f"groups are nested deeper than {MOST_DEPTH} levels")
            if count > MOST_CRITERIA:
                raise ValueError(f"there are {count} criteria, at most {MOST_CRITERIA} are allowed")
        return value

    @model_validator(mode="after")
    def _fitting(self) -> "Criteria":
        if self.top is not None and self.rank_by is None:
            raise ValueError("top needs rank_by: by what the best are found")
        if self.rank_by is not None and self.rank_by.number is not None:
            raise ValueError("rank_by is a number; everything would be equal")
        if (self.weigh_by == "expression") != (self.weight is not None):
            raise ValueError('weight and weigh_by = "expression" belong together')
        if not self.where and self.top is None:
            raise ValueError("say what qualifies (where) or how many are held (top)")
        return self

    @property
    def weight_expression(self) -> Expression | None:
        """What the weights are proportional to; None for equal parts."""
        match self.weigh_by:
            case "equal":
                return None
            case "market_cap":
                return Expression(field=MARKET_CAP)
            case "inverse_volatility":
                return Expression(what="volatility", bars=self.volatility_bars)
            case _:
                return self.weight

    def expressions(self) -> Iterator[tuple[str, Expression]]:
        """Yield every expression with its path, as ``where.0.any.1.left``."""
        for i, criterion in enumerate(self.where):
            yield from _expressions(criterion, f"where.{i}")
        if self.rank_by is not None:
            yield "rank_by", self.rank_by
        weight = self.weight_expression
        if weight is not None:
            yield ("weight" if self.weigh_by == "expression" else "weigh_by"), weight

    @property
    def fields(self) -> frozenset[str]:
        """The point-in-time fields that any of its expressions reads."""
        return frozenset().union(*(expression.fields for _, expression in self.expressions()))

    @property
    def warmup_bars(self) -> int:
        """Bars before the start that the longest look back needs."""
        return max((expression.warmup_bars for _, expression in self.expressions()), default=0)

    @property
    def text(self) -> str:
        """The strategy in one sentence."""
        parts = [" and ".join(criterion.text for criterion in self.where) or "all members"]
        if self.rank_by is not None:
            first = "greatest" if self.order == "descending" else "least"
            parts.append(f"{first} {self.top or ''} by {self.rank_by.text}".replace("  ", " "))
        weigh = self.weight.text if self.weight is not None else self.weigh_by.replace("_", " ")
        return "; ".join([*parts, f"weighed by {weigh}" if weigh != "equal" else "equal weight"])


def _expressions(criterion: Criterion, path: str) -> Iterator[tuple[str, Expression]]:
    for name in ("left", "right", "upto"):
        expression = getattr(criterion, name)
        if expression is not None:
            yield f"{path}.{name}", expression
    group = "all" if criterion.all else "any"
    for i, member in enumerate(criterion.members):
        yield from _expressions(member, f"{path}.{group}.{i}")
