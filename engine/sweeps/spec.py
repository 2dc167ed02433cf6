"""What the ``[sweep]`` section of a file says, and the grid it makes of a strategy's parameters.

.. code-block:: toml

    [sweep]
    params = { fast = { from = 5, to = 50, step = 5 }, slow = [50, 100, 200] }
    constraints = ["fast < slow"]
    objective = "sharpe_ratio"
"""

import math
from dataclasses import replace
from typing import Annotated, Any, Final

from pydantic import (
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    TypeAdapter,
    ValidationError,
    model_validator,
)
from pydantic.fields import FieldInfo

from engine.config import problems_of
from engine.errors import BacktestValidationError, Problem
from engine.kernels.lean_row import COLUMNS
from engine.metric_table import METRICS
from engine.strategies.protocol import Strategy
from engine.sweeps.constraints import parse_constraint
from engine.sweeps.grid import Axis, Grid, kind_of, listed_grid

MOST_INDICES: Final = 100_000_000  # of the grid, before constraints
MOST_COMBINATIONS: Final = 10_000_000
MOST_VALUES: Final = 100_000  # of one parameter

Scalar = bool | int | float | str


class _Section(BaseModel):
    model_config = ConfigDict(
        extra="forbid", frozen=True, allow_inf_nan=False, populate_by_name=True
    )


class Range(_Section):
    """Evenly spaced numbers, both ends included."""

    start: int | float = Field(alias="from", description="First value")
    to: int | float = Field(description="Last value")
    step: int | float = Field(1, gt=0, description="From one value to the next")

    @model_validator(mode="after")
    def _rises(self) -> "Range":
        if self.to < self.start:
            raise ValueError(f"to {self.to} is below from {self.start}")
        if (self.to - self.start) / self.step >= MOST_VALUES:
            raise ValueError(f"more than {MOST_VALUES:,} values; choose a larger step")
        return self

    def values(self) -> tuple[int | float, ...]:
        """Return the numbers; rounding noise of the step is taken away."""
        n = math.floor((self.to - self.start) / self.step * (1 + 1e-12) + 1e-9) + 1
        numbers = (self.start + i * self.step for i in range(n))
        return tuple(number if isinstance(number, int) else round(number, 12) for number in numbers)


def _form(value: Any) -> str:
    return "range" if isinstance(value, dict | Range) else "values"


Values = Annotated[
    Annotated[Range, Tag("range")] | Annotated[list[Scalar], Tag("values")], Discriminator(_form)
]


class SweepConfig(_Section):
    """Which combinations to try, and how."""

    params: dict[str, Values] = Field(
        default_factory=dict,
        description="Values of each parameter: a list, or {from, to, step}; all are combined",
    )
    combinations: list[dict[str, Scalar]] = Field(
        default_factory=list, description="Combinations one by one, in place of params"
    )
    constraints: list[str] = Field(
        default_factory=list, max_length=50, description='What must hold: "fast < slow"'
    )
    objective: str = Field("sharpe_ratio", description="The metric that says which is best")
    chunk: int | None = Field(
        None, ge=1, le=1_000_000, description="Combinations that a thread takes at a time"
    )
    threads: int | None = Field(
        None, ge=1, le=256, description="Threads at work; all cores but one when empty"
    )

    @model_validator(mode="after")
    def _one_of_two(self) -> "SweepConfig":
        if bool(self.params) == bool(self.combinations):
            raise ValueError("give either params or combinations")
        return self


def parse_sweep(data: Any) -> SweepConfig:
    """Build the section from plain data.

    Raises
    ------
    BacktestValidationError
        With one problem per key, under ``sweep``.
    """
    try:
        return SweepConfig.model_validate(data)
    except ValidationError as error:
        problems = [
            replace(problem, field=problem.field.replace(".range", "").replace(".values", ""))
            for problem in problems_of(error, prefix="sweep")
        ]
        raise BacktestValidationError(problems) from error


def better_of(objective: str) -> int:
    """Return 1 when more of a metric is better, -1 when less is."""
    known = {metric.name: metric for metric in METRICS}
    return -1 if known[objective].better == "low" else 1


def grid_of(sweep: SweepConfig, strategy: type[Strategy]) -> Grid:
    """Return the combinations that a section makes of a strategy's parameters.

    Raises
    ------
    BacktestValidationError
        With every problem found: unknown parameters and metrics, values out of range, constraints
        that can't be read, more combinations than anyone can look at, none at all.
    """
    problems: list[Problem] = []
    if sweep.objective not in COLUMNS:
        hint = f"a sweep measures {', '.join(COLUMNS)}"
        problems.append(Problem("sweep.objective", f"{sweep.objective!r} is not measured", hint))
    axes = (
        _listed_axes(sweep, strategy, problems)
        if sweep.combinations
        else [
            axis
            for name, given in sweep.params.items()
            if (axis := _axis(name, given, f"sweep.params.{name}", strategy, problems)) is not None
        ]
    )
    if problems:
        raise BacktestValidationError(problems)
    grid = Grid(tuple(axes), listed=bool(sweep.combinations))
    _refuse_too_many(grid.size, MOST_INDICES)
    grid = Grid(grid.axes, grid.listed, _constraints(sweep, grid))
    count = grid.count()
    _refuse_too_many(count, MOST_COMBINATIONS)
    if count == 0:
        hint = "loosen the constraints"
        raise BacktestValidationError(Problem("sweep.constraints", "no combination is left", hint))
    return grid


def _constraints(sweep: SweepConfig, grid: Grid) -> Any:
    kinds = {axis.name: axis.kind for axis in grid.axes}
    return tuple(
        parse_constraint(text, kinds, f"sweep.constraints.{i}")
        for i, text in enumerate(sweep.constraints)
    )


def _axis(
    name: str,
    given: Range | list[Scalar],
    field: str,
    strategy: type[Strategy],
    problems: list[Problem],
) -> Axis | None:
    declared = strategy.Params.model_fields.get(name)
    if declared is None:
        known = ", ".join(strategy.Params.model_fields) or "none"
        problems.append(
            Problem(field, f"{strategy.name} has no such parameter", f"its parameters: {known}")
        )
        return None
    raw = given.values() if isinstance(given, Range) else tuple(given)
    if not raw:
        problems.append(Problem(field, "there is no value", "give a list or from, to and step"))
        return None
    if len(raw) > MOST_VALUES:
        problems.append(Problem(field, f"{len(raw):,} values", f"at most {MOST_VALUES:,}"))
        return None
    adapter = _adapter(declared)
    values = []
    for value in raw:
        try:
            values.append(adapter.validate_python(value))
        except ValidationError as error:
            problems.append(Problem(field, f"{value!r} is not allowed", error.errors()[0]["msg"]))
            return None
    if len({kind_of(value) for value in values}) > 1:
        problems.append(Problem(field, "the values are of several kinds", "numbers or texts"))
        return None
    doubled = len(set(values)) < len(values)
    if doubled and "combinations" not in field:
        problems.append(Problem(field, "a value is given twice", "give each value once"))
        return None
    return Axis(name, tuple(values))


def _adapter(declared: FieldInfo) -> TypeAdapter[Any]:
    """Return what checks a value of one parameter by itself."""
    kind: Any = declared.annotation
    return TypeAdapter(Annotated[(kind, *declared.metadata)] if declared.metadata else kind)


def _listed_axes(
    sweep: SweepConfig, strategy: type[Strategy], problems: list[Problem]
) -> list[Axis]:
    rows = sweep.combinations
    for i, row in enumerate(rows):
        if set(row) != set(rows[0]) or not row:
            names = ", ".join(rows[0]) or "a parameter"
            message = f"it names {', '.join(row) or 'nothing'}"
            problems.append(Problem(f"sweep.combinations.{i}", message, f"each names {names}"))
            return []
    found = (
        _axis(axis.name, list(axis.values), f"sweep.combinations.*.{axis.name}", strategy, problems)
        for axis in listed_grid(rows).axes
    )
    return [axis for axis in found if axis is not None]


def _refuse_too_many(count: int, most: int) -> None:
    if count > most:
        raise BacktestValidationError(
            Problem(
                "sweep.params",
                f"{count:,} combinations are more than anyone can compare",
                f"at most {most:,}: use larger steps, fewer values or constraints",
            )
        )
