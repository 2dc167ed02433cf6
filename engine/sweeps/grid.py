"""Which combinations a sweep has, without ever writing them all down.

A combination is known by its index: in a Cartesian grid the last parameter changes fastest, in a list
it is the row. Indices are dense over the whole grid; constraints leave some of them out, block by
block, so that memory does not grow with the grid.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from engine.sweeps.constraints import Constraint, Kind

Indices = NDArray[np.int64]

_BLOCK: Final = 65_536


@dataclass(frozen=True)
class Axis:
    """One parameter and its values, in their order; of one kind."""

    name: str
    values: tuple[Any, ...]

    @property
    def kind(self) -> Kind:
        """What the values are to a constraint."""
        return kind_of(self.values[0])

    @cached_property
    def column(self) -> NDArray[Any]:
        """The values as an array: float64 for numbers."""
        return np.array(self.values, np.float64 if self.kind == "number" else None)


@dataclass(frozen=True)
class Grid:
    """All combinations of some axes, or row by row when they are ``listed``.

    Attributes:
        axes: the parameters; at least one, or none at all for a single combination.
        listed: whether the axes belong together row by row (all are of one length).
        constraints: what a combination must fulfil to count.
    """

    axes: tuple[Axis, ...]
    listed: bool = False
    constraints: tuple[Constraint, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """The parameters' names."""
        return tuple(axis.name for axis in self.axes)

    @property
    def size(self) -> int:
        """How many indices there are, constraints aside."""
        if self.listed:
            return len(self.axes[0].values)
        return math.prod(len(axis.values) for axis in self.axes)

    def values(self, index: int) -> dict[str, Any]:
        """Return the parameters of one combination.

        Raises
        ------
        IndexError
            When there is no such index.
        """
        if not 0 <= index < self.size:
            raise IndexError(f"{index} is not in 0 to {self.size - 1}")
        return self.rows(np.array([index], np.int64))[0]

    def rows(self, indices: Indices) -> list[dict[str, Any]]:
        """Return the parameters of combinations, one dictionary each."""
        if not self.axes:
            return [{} for _ in indices]
        columns = (
            [axis.values[place] for place in at.tolist()]
            for axis, at in zip(self.axes, self._places(indices), strict=True)
        )
        return [dict(zip(self.names, row, strict=True)) for row in zip(*columns, strict=True)]

    def columns(self, indices: Indices) -> dict[str, NDArray[Any]]:
        """Return the parameters of combinations as columns, (n,) each: numbers as float64."""
        places = self._places(indices)
        return {axis.name: axis.column[at] for axis, at in zip(self.axes, places, strict=True)}

    def valid(self, start: int, stop: int) -> Indices:
        """Return the indices of [start, stop) that fulfil all constraints, ascending."""
        indices = np.arange(start, min(stop, self.size), dtype=np.int64)
        if not self.constraints or len(indices) == 0:
            return indices
        columns = self.columns(indices)
        chosen = np.ones(len(indices), np.bool_)
        for constraint in self.constraints:
            chosen &= constraint.holds(columns)
        return indices[chosen]

    def count(self) -> int:
        """Return how many combinations there are, constraints considered."""
        if not self.constraints:
            return self.size
        return sum(len(self.valid(start, start + _BLOCK)) for start in range(0, self.size, _BLOCK))

    def valid_blocks(self) -> Iterator[Indices]:
        """Yield the valid indices in blocks, ascending."""
        for start in range(0, self.size, _BLOCK):
            yield self.valid(start, start + _BLOCK)

    def _places(self, indices: Indices) -> list[Indices]:
        """Return which value each axis has, (n,) a axis."""
        if self.listed:
            return [indices] * len(self.axes)
        places, rest = [], indices
        for axis in reversed(self.axes):
            places.append(rest % len(axis.values))
            rest = rest // len(axis.values)
        return places[::-1]


def listed_grid(
    rows: Sequence[Mapping[str, Any]], constraints: tuple[Constraint, ...] = ()
) -> Grid:
    """Return the grid of combinations given one by one; all name the same parameters."""
    names = tuple(rows[0])
    axes = tuple(Axis(name, tuple(row[name] for row in rows)) for name in names)
    return Grid(axes, listed=True, constraints=constraints)


def kind_of(value: Any) -> Kind:
    """Return what a value is to a constraint."""
    if isinstance(value, bool):
        return "truth"
    return "number" if isinstance(value, int | float) else "text"
