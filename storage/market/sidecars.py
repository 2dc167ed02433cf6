"""Files beside files of bars: members.csv, instruments.csv, corporate_actions.csv, stock_info.csv, or .parquet.

Their columns are those of the tables of the same name in a database; ``symbol`` may stand for
``code``. What is odd is refused by file, line and column.
"""

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, cast

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from engine.errors import BacktestValidationError, Problem
from storage.market.parsing import MISSING_TIME
from storage.market.reading import Reading, numbers_of, texts_of, times_of
from storage.market.reference import (
    ActionKind,
    CorporateAction,
    FieldSeries,
    Instrument,
    Membership,
    Reference,
    by_code,
)
from storage.market.tables import read_table
from storage.stopping import ShouldStop, check, never

MEMBERS, INSTRUMENTS, ACTIONS, FIELDS = "members", "instruments", "corporate_actions", "stock_info"
_STEMS: Final = (MEMBERS, "index_members", INSTRUMENTS, ACTIONS, FIELDS)
_ENDINGS: Final = (".csv", ".csv.gz", ".parquet")
CODES: Final = ("code", "symbol", "ticker")
INDEXES: Final = ("index_name", "index", "universe")
_KINDS: Final = ("split", "dividend")
_TEXTS: Final = ("name", "market", "calendar", "currency")
_NUMBERS: Final = ("lot_size", "tick_size", "multiplier", "delisting_return")


def is_sidecar(file: Path) -> bool:
    """Whether a file is one of these by its name."""
    return any(file.name.lower() == stem + ending for stem in _STEMS for ending in _ENDINGS)


def read_reference(folder: Path, should_stop: ShouldStop = never) -> Reference:
    """Return what the files of a folder say, without the values of fields.

    Raises:
        BacktestValidationError: a file cannot be read; names file, line and column.
    """
    members = found(folder, MEMBERS)
    instruments, actions = found(folder, INSTRUMENTS), found(folder, ACTIONS)
    fields = found(folder, FIELDS)
    return Reference(
        instruments=None
        if instruments is None
        else by_code(_instruments(_Table(instruments, should_stop))),
        memberships=None if members is None else tuple(_memberships(_Table(members, should_stop))),
        actions=None if actions is None else _actions(_Table(actions, should_stop)),
        field_names=() if fields is None else tuple(_field_names(_Table(fields, should_stop))),
    )


def read_fields(
    folder: Path,
    names: Collection[str],
    codes: Sequence[str],
    should_stop: ShouldStop = never,
) -> dict[str, dict[str, FieldSeries]]:
    """Return the values of fields by field and code.

    Raises:
        BacktestValidationError: a value is no number or no date.
    """
    file = found(folder, FIELDS)
    if file is None:
        return {}
    table = _Table(file, should_stop)
    code, day = table.codes(), table.days("as_of_date", needed=True)
    order = np.lexsort((day, code))
    wanted = np.isin(code[order], np.array(list(codes), object).astype(str))
    order = order[wanted & (day[order] != MISSING_TIME)]
    bounds = np.flatnonzero(code[order][1:] != code[order][:-1]) + 1
    out: dict[str, dict[str, FieldSeries]] = {}
    for name in _field_names(table):
        check(should_stop)
        if name in names:
            values = table.numbers(name)
            out[name] = {}
            for rows in np.split(order, bounds):
                rows = rows[~np.isnan(values[rows])]
                if len(rows):
                    out[name][str(code[rows[0]])] = day[rows], values[rows]
    return out


def found(folder: Path, kind: str) -> Path | None:
    """Return the file of a folder that holds one of the tables, or None."""
    stems = (MEMBERS, "index_members") if kind == MEMBERS else (kind,)
    places = (folder / (stem + ending) for stem in stems for ending in _ENDINGS)
    return next((file for file in places if file.is_file()), None)


class _Table:
    """A file as columns by plain name."""

    def __init__(self, file: Path, should_stop: ShouldStop) -> None:
        self.file = file
        self.should_stop = should_stop
        self.table, self.is_text = read_table(file, should_stop)
        self.names = {re.sub(r"\W", "_", n.strip().lower()): n for n in self.table.column_names}

    def _column(self, names: Sequence[str], needed: bool) -> str | None:
        found = next((self.names[name] for name in names if name in self.names), None)
        if found is None and needed:
            raise BacktestValidationError(
                Problem(
                    str(self.file),
                    f"there is no column {names[0]!r}",
                    f"there are {', '.join(self.table.column_names)}",
                )
            )
        return found

    def codes(self) -> NDArray[Any]:
        name = cast(str, self._column(CODES, needed=True))
        coded = texts_of(self._reading(symbol=name))
        return np.asarray(coded.dictionary_decode().to_pylist(), dtype=str)

    def texts(self, *names: str) -> list[str]:
        name = self._column(names, needed=False)
        if name is None:
            return [""] * self.table.num_rows
        column = pc.fill_null(pc.cast(self.table.column(name), pa.string()), "")
        return [str(text).strip() for text in column.to_pylist()]

    def days(self, *names: str, needed: bool = False) -> NDArray[np.int64]:
        name = self._column(names, needed)
        if name is None:
            return np.full(self.table.num_rows, MISSING_TIME)
        return times_of(self._reading(time=name))

    def numbers(self, name: str, needed: bool = False) -> NDArray[np.float64]:
        found = self._column((name,), needed)
        if found is None:
            return np.full(self.table.num_rows, np.nan)
        return numbers_of(self._reading(number=found), "number")

    def _reading(self, **named: str) -> Reading:
        return Reading(self.file, self.table, named, "1d", self.is_text, self.should_stop)

    def refuse(self, bad: NDArray[np.bool_], said: Callable[[int], str], hint: str) -> None:
        if bad.any():
            row = int(np.flatnonzero(bad)[0])
            raise BacktestValidationError(Problem(f"{self.file} row {row + 1}", said(row), hint))


def _known(time: int) -> int | None:
    return None if time == MISSING_TIME else int(time)


def _memberships(table: _Table) -> Iterator[Membership]:
    code, index = table.codes(), table.texts(*INDEXES)
    since = table.days("valid_from", "start_date", "from")
    until = table.days("valid_to", "end_date", "to")
    table.refuse(
        (until != MISSING_TIME) & (until <= since),
        lambda row: f"{code[row]} leaves before it enters",
        "valid_to is the first day on which it is no member",
    )
    for i in range(len(code)):
        yield Membership(index[i] or MEMBERS, str(code[i]), _known(since[i]), _known(until[i]))


def _instruments(table: _Table) -> list[Instrument]:
    code = table.codes()
    texts = {name: table.texts(name) for name in _TEXTS}
    figures = {name: table.numbers(name) for name in _NUMBERS}
    listed, delisted = table.days("listed_on"), table.days("delisted_on")
    table.refuse(
        (listed != MISSING_TIME) & (delisted != MISSING_TIME) & (delisted < listed),
        lambda row: f"{code[row]} is delisted before it is listed",
        "correct listed_on or delisted_on",
    )
    table.refuse(
        figures["delisting_return"] < -1,
        lambda row: (
            f"a delisting return of {figures['delisting_return'][row]:g} loses more than all"
        ),
        "it is a fraction: -0.3 loses 30 %",
    )
    for name in ("lot_size", "tick_size", "multiplier"):
        _refuse_not_positive(table, name, figures[name], code)
    rows: list[dict[str, Any]] = [
        {name: texts[name][i] for name in _TEXTS}
        | {name: None if np.isnan(v[i]) else float(v[i]) for name, v in figures.items()}
        | {"listed_on": _known(listed[i]), "delisted_on": _known(delisted[i])}
        for i in range(len(code))
    ]
    return [Instrument(str(code[i]), **row) for i, row in enumerate(rows)]


def _refuse_not_positive(
    table: _Table, name: str, values: NDArray[np.float64], code: NDArray[Any]
) -> None:
    table.refuse(values <= 0, lambda row: f"the {name} of {code[row]} is not above 0", "correct it")


def _actions(table: _Table) -> tuple[CorporateAction, ...]:
    code, day = table.codes(), table.days("ex_date", needed=True)
    kind = [text.lower() for text in table.texts("kind")]
    value = table.numbers("value", needed=True)
    table.refuse(
        ~np.isin(np.array(kind, str), _KINDS),
        lambda row: f"{kind[row]!r} is no kind of action",
        "write split or dividend",
    )
    table.refuse(
        ~(value > 0) | (day == MISSING_TIME),
        lambda row: f"a {kind[row]} of {value[row]:g} is not possible",
        "a split is new shares per old share, a dividend money per share, each with its ex_date",
    )
    rows = np.argsort(day, kind="stable")
    return tuple(
        CorporateAction(str(code[i]), int(day[i]), cast(ActionKind, kind[i]), float(value[i]))
        for i in rows
    )


def _field_names(table: _Table) -> Mapping[str, str]:
    """Return the columns that hold values: our name → the file's."""
    others = (*CODES, "as_of_date", "name", "market")
    return {plain: name for plain, name in table.names.items() if plain not in others}
