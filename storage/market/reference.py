"""What a source may know beside bars: companies with their lives, members of indexes, corporate actions, fields.

Each part may be missing, and a missing part is None: "no table" is not "nothing happened". All
instants are UTC midnights in nanoseconds.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

ActionKind = Literal["split", "dividend"]
FieldSeries = tuple[NDArray[np.int64], NDArray[np.float64]]
"""Dates, ascending, and the values published on them."""


@dataclass(frozen=True, slots=True)
class Instrument:
    """A company under a code; a code that two companies used has two, told apart by their dates.

    Attributes:
        code: as the bars have it.
        name, market, calendar, currency: "" where it is not known.
        lot_size, tick_size, multiplier: None where it is not known.
        listed_on: first day of trading, or None.
        delisted_on: last day of the company on the market, or None while it is there.
        delisting_return: what holders got beyond the last close, a fraction; None is not known.
    """

    code: str
    name: str = ""
    market: str = ""
    calendar: str = ""
    currency: str = ""
    lot_size: float | None = None
    tick_size: float | None = None
    multiplier: float | None = None
    listed_on: int | None = None
    delisted_on: int | None = None
    delisting_return: float | None = None


@dataclass(frozen=True, slots=True)
class Membership:
    """A code was in an index from a day on (None: from ever on) and until before another (None: still)."""

    index_name: str
    code: str
    valid_from: int | None
    valid_to: int | None


@dataclass(frozen=True, slots=True)
class CorporateAction:
    """A split (new shares per old share) or a dividend (money per share as then held)."""

    code: str
    ex_date: int
    kind: ActionKind
    value: float


@dataclass(frozen=True)
class Reference:
    """All of that, by code; a part that the source does not have is None.

    Attributes:
        instruments: companies of each code, by the time of their listing.
        memberships: of all indexes.
        actions: of all codes, in the order of time.
        field_names: fields there are, whether or not they were read.
        fields: those that were asked for, by field and code.
    """

    instruments: Mapping[str, tuple[Instrument, ...]] | None = None
    memberships: tuple[Membership, ...] | None = None
    actions: tuple[CorporateAction, ...] | None = None
    field_names: tuple[str, ...] = ()
    fields: Mapping[str, Mapping[str, FieldSeries]] = field(default_factory=dict)

    @property
    def index_names(self) -> tuple[str, ...]:
        """The indexes whose members are known."""
        return tuple(dict.fromkeys(m.index_name for m in self.memberships or ()))


NOTHING = Reference()


@runtime_checkable
class ReferencedSource(Protocol):
    """A source that knows more than bars."""

    def reference(self) -> Reference:
        """Return everything but the values of fields."""

    def field_series(
        self, names: Collection[str], codes: Sequence[str]
    ) -> Mapping[str, Mapping[str, FieldSeries]]:
        """Return the values of fields by field and code; those that there are none of are left out."""


def by_code(instruments: Sequence[Instrument]) -> dict[str, tuple[Instrument, ...]]:
    """Return instruments by code, each code's in the order of their listing."""
    found: dict[str, list[Instrument]] = {}
    for one in sorted(instruments, key=lambda i: (i.listed_on is not None, i.listed_on or 0)):
        found.setdefault(one.code, []).append(one)
    return {code: tuple(ones) for code, ones in found.items()}
