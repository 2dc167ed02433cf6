"""A table of figures: named columns, and rows whose undefined cells say why."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from engine.metric_table import Metric
from engine.sheet import Sheet, Value


@dataclass(frozen=True, slots=True)
class Row:
    """One row.

    Attributes
    ----------
    key : str
        What it is about: a side, a symbol, a year, a month.
    values : dict
        By name of the column; None where undefined.
    undefined : dict
        The reason, by the name of each value that is None.
    """

    key: str
    values: dict[str, Value]
    undefined: dict[str, str]

    @classmethod
    def of(cls, key: str, sheet: Sheet, columns: Iterable[Metric]) -> "Row":
        """Return the row of what a sheet says in these columns."""
        names = [column.name for column in columns]
        reasons = {name: sheet.undefined[name] for name in names if name in sheet.undefined}
        return cls(key, sheet.ordered(names), reasons)


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under columns; ``title`` says what a row is."""

    title: str
    columns: tuple[Metric, ...]
    rows: tuple[Row, ...]

    def __iter__(self) -> Iterator[Row]:
        """Return the rows in order."""
        return iter(self.rows)

    def row(self, key: str) -> Row:
        """Return a row by its key.

        Raises
        ------
        KeyError
            naming the keys that there are.
        """
        for row in self.rows:
            if row.key == key:
                return row
        raise KeyError(f"no row {key!r}; there are {', '.join(row.key for row in self.rows)}")
