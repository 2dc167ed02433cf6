"""Tables of statistics in the terminal: groups of trades, calendar periods, falls."""

from typing import TYPE_CHECKING, Final

from rich.text import Text

from desktop import fmt
from desktop.cli.report import signed
from desktop.cli.tables import Column, print_table
from engine.metric_table import Metric
from engine.statistics.falls import Fall
from engine.statistics.tables import Row, Table

if TYPE_CHECKING:
    from rich.console import Console

_CHANGES: Final = (
    "return", "pnl", "net_profit", "total_profit", "open_profit", "contribution",
    "total_contribution", "benchmark_return",
)  # fmt: skip
# What a line of a table with many rows shows, from what is always shown to what goes first.
_ACROSS: Final = (
    "return", "total_profit", "pnl", "max_drawdown", "total_trades", "win_rate", "profit_factor",
    "net_profit", "total_contribution", "sharpe_ratio", "benchmark_return", "volatility",
    "expectancy", "largest_win", "largest_loss", "commission",
)  # fmt: skip
_ALWAYS: Final = 4
_FEW: Final = 4  # rows that stand beside each other, with all their figures


def print_statistics(out: "Console", table: Table, currency: str) -> None:
    """Print a table: few rows as columns with every figure, many with the chief ones."""
    if len(table.rows) < _FEW and table.title == "Side":
        print_table(out, _upright(table))
    elif not table.rows:
        out.print(f"By {table.title.lower()}: there is nothing to show.", style="dim")
    else:
        print_table(out, _across(table))
    out.print(
        f"Money in {currency}. Every figure, also those without room here: --json", style="dim"
    )


def print_falls(out: "Console", falls: tuple[Fall, ...], currency: str) -> None:
    """Print falls, deepest first."""
    if not falls:
        out.print("Equity never fell below an earlier peak.", style="dim")
        return
    back = [fmt.date(fall.recovery_ns) if fall.recovery_ns else "not yet" for fall in falls]
    columns = [
        Column("No.", [str(i + 1) for i in range(len(falls))], "right", 1),
        Column("Depth", [Text(fmt.percent(fall.depth), "red") for fall in falls], "right"),
        Column("Peak", [fmt.date(fall.peak_ns) for fall in falls]),
        Column("Trough", [fmt.date(fall.trough_ns) for fall in falls]),
        Column("Recovery", back),
        Column("Down", [fmt.days(fall.days_down) for fall in falls], "right", 3),
        Column("Back", [fmt.days(fall.days_back) for fall in falls], "right", 4),
        Column("Whole", [fmt.days(fall.days_total) for fall in falls], "right", 2),
        Column(f"Lost, {currency}", [fmt.money(-fall.money) for fall in falls], "right", 5),
    ]
    print_table(out, columns)


def _upright(table: Table) -> list[Column]:
    titles = [column.title for column in table.columns]
    cells = {row.key: [_cell(row, column) for column in table.columns] for row in table.rows}
    return [
        Column("Closed trades", titles),
        *(Column(key.capitalize(), cells[key], "right") for key in cells),
    ]


def _across(table: Table) -> list[Column]:
    known = {column.name: column for column in table.columns}
    shown = [known[name] for name in _ACROSS if name in known]
    keys = Column(table.title, [row.key for row in table.rows])
    return [
        keys,
        *(
            Column(column.title, [_cell(row, column) for row in table.rows], "right", spare)
            for spare, column in zip(_spares(len(shown)), shown, strict=True)
        ),
    ]


def _spares(n: int) -> list[int]:
    """Return how soon each of n columns goes: the first ones never."""
    return [max(0, i + 1 - _ALWAYS) for i in range(n)]


def _cell(row: Row, column: Metric) -> Text:
    value = row.values[column.name]
    text = fmt.by_kind(value, column.kind)
    if column.name in _CHANGES and isinstance(value, int | float):
        return signed(value, text)
    return Text(text)
