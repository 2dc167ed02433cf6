"""Tables that fit the terminal: whole columns make room, so that what is shown can be read.

Left to itself a table cuts every column a little, and in 80 characters neither ids nor prices
survive that. Here the columns first move together; then those that can best be spared go, and a
line under the table names them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from rich import box
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from rich.console import Console

_UNLIMITED = 10_000


@dataclass(frozen=True, slots=True)
class Column:
    """One column with all its cells.

    Attributes:
        title: its head.
        cells: a text per row.
        justify: to which side.
        spare: 0 is always shown; of the others the highest goes first.
    """

    title: str
    cells: Sequence[str | Text]
    justify: Literal["left", "right"] = "left"
    spare: int = 0


def print_table(out: "Console", columns: Sequence[Column]) -> None:
    """Print the columns that the console has room for, and name those that it has not."""
    shown = list(columns)
    table = _table(shown, gap=1)
    if _width(out, table) > out.width:
        table = _table(shown, gap=0)
    while _width(out, table) > out.width and any(column.spare for column in shown):
        shown.remove(max(shown, key=lambda column: column.spare))
        table = _table(shown, gap=0)
    out.print(table)
    hidden = [column.title for column in columns if column not in shown]
    if hidden:
        out.print(f"No room here for: {', '.join(hidden)}", style="dim")


def _table(columns: Sequence[Column], gap: int) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, padding=(0, gap))
    for column in columns:
        table.add_column(column.title, justify=column.justify, no_wrap=True)
    for cells in zip(*(column.cells for column in columns), strict=True):
        table.add_row(*cells)
    return table


def _width(out: "Console", table: Table) -> int:
    """Return how wide the table would like to be."""
    return Measurement.get(out, out.options.update(max_width=_UNLIMITED), table).maximum
