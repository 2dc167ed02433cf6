"""``compare``: two to ten runs side by side."""

from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from desktop.cli.options import AsJson

if TYPE_CHECKING:
    from rich.table import Table

    from desktop.service.comparing import Comparison

NAME: Final = "compare"


def command(
    run_ids: Annotated[
        list[str], typer.Argument(metavar="ID ID…", help="Two to ten ids, or their beginnings.")
    ],
    as_json: AsJson = False,
) -> None:
    """Compare runs: every metric with the best marked, and what was set differently."""
    from desktop.cli.output import console, emit
    from desktop.cli.session import open_service

    with open_service() as service:
        comparison = service.compare(run_ids)
    if as_json:
        emit(comparison.as_json())
        return
    out = console()
    out.print(_metrics(comparison))
    if comparison.differences:
        out.print(_differences(comparison))
    else:
        out.print("All settings are the same.")
    for caution in comparison.cautions:
        out.print(f"! {caution}", style="yellow")


def _metrics(comparison: "Comparison") -> "Table":
    from rich.text import Text

    from desktop import fmt

    table = _table(comparison, "Metric", "right")
    for row in comparison.metrics:
        if all(value is None for value in row.values):
            continue
        cells = [
            Text(
                ("★ " if i in row.best else "") + fmt.by_kind(value, row.kind),
                "bold" if i in row.best else "",
            )
            for i, value in enumerate(row.values)
        ]
        table.add_row(row.title, *cells)
    return table


def _differences(comparison: "Comparison") -> "Table":
    table = _table(comparison, "Setting", "left")
    for difference in comparison.differences:
        table.add_row(difference.key, *(_setting(value) for value in difference.values))
    return table


def _table(comparison: "Comparison", first: str, justify: Any) -> "Table":
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column(first, no_wrap=True)
    for run in comparison.runs:
        table.add_column(f"{run.short_id}\n{run.name or run.strategy_name}", justify=justify)
    return table


def _setting(value: object) -> str:
    from desktop import fmt

    if value is None:
        return fmt.UNDEFINED
    if isinstance(value, list):
        return ", ".join(map(str, value))
    text = str(value)
    return text if len(text) < 64 else f"{text[:12]}…"
