"""A grid has the combinations that its section says, and a section that makes no sense says where."""

import itertools
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import BacktestValidationError
from engine.strategies.registry import get
from engine.sweeps.constraints import parse_constraint
from engine.sweeps.grid import Axis, Grid, listed_grid
from engine.sweeps.spec import Range, grid_of, parse_sweep

SMA = get("sma_cross")


def test_the_last_parameter_changes_fastest() -> None:
    grid = Grid((Axis("a", (1, 2)), Axis("b", ("x", "y", "z"))))

    found = [tuple(grid.values(i).values()) for i in range(grid.size)]

    assert found == list(itertools.product((1, 2), "xyz"))


@given(
    st.lists(
        st.lists(st.integers(0, 9), min_size=1, max_size=4, unique=True), min_size=1, max_size=3
    ),
    st.integers(0, 40),
    st.integers(0, 40),
)
def test_blocks_are_the_part_of_the_product_that_the_constraints_leave(
    values: list[list[int]], start: int, length: int
) -> None:
    names = "abc"[: len(values)]
    kinds: Any = dict.fromkeys(names, "number")
    constraint = parse_constraint("a % 2 == 0", kinds, "c")
    axes = tuple(Axis(name, tuple(v)) for name, v in zip(names, values, strict=True))
    grid = Grid(axes, constraints=(constraint,))

    plain = [i for i, row in enumerate(itertools.product(*values)) if row[0] % 2 == 0]

    assert grid.valid(start, start + length).tolist() == [
        i for i in plain if start <= i < start + length
    ]
    assert grid.count() == len(plain)
    assert np.concatenate(list(grid.valid_blocks())).tolist() == plain


def test_a_list_is_taken_row_by_row() -> None:
    grid = listed_grid([{"a": 1, "b": "x"}, {"a": 5, "b": "y"}])

    assert [grid.values(i) for i in range(grid.size)] == [{"a": 1, "b": "x"}, {"a": 5, "b": "y"}]


@pytest.mark.parametrize("index", [-1, 2])
def test_there_is_no_combination_outside_the_grid(index: int) -> None:
    with pytest.raises(IndexError):
        Grid((Axis("a", (1, 2)),)).values(index)


@pytest.mark.parametrize(
    ("start", "to", "step", "values"),
    [
        (5, 20, 5, (5, 10, 15, 20)),
        (5, 19, 5, (5, 10, 15)),
        (0.1, 0.5, 0.1, (0.1, 0.2, 0.3, 0.4, 0.5)),
        (3, 3, 1, (3,)),
        (1, 2, 0.25, (1.0, 1.25, 1.5, 1.75, 2.0)),
    ],
)
def test_a_range_has_both_ends_and_no_noise(
    start: float, to: float, step: float, values: tuple[float, ...]
) -> None:
    assert Range(start=start, to=to, step=step).values() == values


def test_a_section_becomes_a_grid_of_checked_values() -> None:
    sweep = parse_sweep(
        {"params": {"fast": {"from": 2, "to": 4}, "slow": [10.0, 20]}, "constraints": ["fast < 4"]}
    )

    grid = grid_of(sweep, SMA)

    assert [axis.values for axis in grid.axes] == [(2, 3, 4), (10, 20)]
    assert all(isinstance(v, int) for axis in grid.axes for v in axis.values)
    assert grid.count() == 4


@pytest.mark.parametrize(
    ("section", "field"),
    [
        ({}, "sweep"),
        ({"params": {"fast": [1]}, "combinations": [{"fast": 1}]}, "sweep"),
        ({"params": {"fast": []}}, "sweep.params.fast"),
        ({"params": {"fast": [0]}}, "sweep.params.fast"),
        ({"params": {"fast": [5000]}}, "sweep.params.fast"),
        ({"params": {"fast": ["many"]}}, "sweep.params.fast"),
        ({"params": {"fast": [2, 2]}}, "sweep.params.fast"),
        ({"params": {"fast": 3}}, "sweep.params.fast"),
        ({"params": {"fast": {"from": 3, "to": 1}}}, "sweep.params.fast"),
        ({"params": {"fast": {"from": 3}}}, "sweep.params.fast.to"),
        ({"params": {"fast": {"from": 3, "to": 5, "step": 0}}}, "sweep.params.fast.step"),
        ({"params": {"fast": {"from": 0, "to": 1e9, "step": 0.001}}}, "sweep.params.fast"),
        ({"params": {"speed": [3]}}, "sweep.params.speed"),
        ({"params": {"direction": ["sideways"]}}, "sweep.params.direction"),
        ({"params": {"fast": [3]}, "objective": "luck"}, "sweep.objective"),
        ({"params": {"fast": [3]}, "objective": "beta"}, "sweep.objective"),
        ({"params": {"fast": [3]}, "constraints": ["fast < 2"]}, "sweep.constraints"),
        ({"params": {"fast": [3]}, "constraints": ["slow > 2"]}, "sweep.constraints.0"),
        ({"params": {"fast": [3]}, "threads": 0}, "sweep.threads"),
        ({"params": {"fast": [3]}, "chunk": 0}, "sweep.chunk"),
        ({"params": {"fast": [3]}, "speed": "high"}, "sweep.speed"),
        ({"combinations": [{"fast": 1}, {"slow": 2}]}, "sweep.combinations.1"),
        ({"combinations": [{"fast": 1}, {"fast": 0}]}, "sweep.combinations.*.fast"),
        ([], "sweep"),
    ],
)
def test_what_makes_no_sense_is_refused_under_its_key(section: Any, field: str) -> None:
    with pytest.raises(BacktestValidationError) as caught:
        grid_of(parse_sweep(section), SMA)

    assert caught.value.field == field


def test_an_absurd_grid_is_refused_with_its_size() -> None:
    wide = {"from": 1, "to": 1000}
    sweep = parse_sweep(
        {
            "params": {
                "volume_bars": wide,
                "stop_pct": {"from": 0, "to": 99, "step": 0.001},
                "volume_ratio": [1, 2],
            }
        }
    )

    with pytest.raises(BacktestValidationError, match="198,002,000 combinations"):
        grid_of(sweep, get("momentum_volume"))
