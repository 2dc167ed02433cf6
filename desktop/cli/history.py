"""``history``: the runs of this computer, newest or best first."""

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Final

import typer

from desktop.cli.options import AsJson

if TYPE_CHECKING:
    from rich.table import Table

    from storage.records import RunPage

NAME: Final = "history"


class Sort(StrEnum):
    """What comes first."""

    DATE = "date"
    RETURN = "return"
    SHARPE = "sharpe"


def command(
    limit: Annotated[int, typer.Option(help="How many runs, 1 to 1000.")] = 20,
    strategy: Annotated[str | None, typer.Option(help="Only runs of this strategy.")] = None,
    instrument: Annotated[
        str | None, typer.Option(help="Only runs of this symbol or universe.")
    ] = None,
    status: Annotated[
        str | None,
        typer.Option(
            help="Only runs that are queued, running, completed (or success), failed, cancelled …"
        ),
    ] = None,
    sort: Annotated[
        Sort, typer.Option(help="Newest, highest return or highest Sharpe ratio first.")
    ] = Sort.DATE,
    cursor: Annotated[str | None, typer.Option(help="Where the page before said to go on.")] = None,
    as_json: AsJson = False,
) -> None:
    """List runs."""
    from desktop.cli.output import console, emit
    from desktop.cli.session import open_service

    with open_service() as service:
        from desktop.service.payloads import history_payload
        from storage.records import RunFilter

        where = RunFilter(strategy=strategy, instrument=instrument, status=status)
        page = service.history(where, sort=sort.value, limit=limit, cursor=cursor)
    if as_json:
        emit(history_payload(page))
        return
    out = console()
    if not page.items:
        filtered = any((strategy, instrument, status))
        out.print("No run matches." if filtered else "No runs yet. Make one: tradebench demo")
        return
    out.print(_table(page))
    out.print(f"{len(page.items)} of {page.total}")
    if page.next_cursor:
        out.print(f"More: tradebench history --cursor {page.next_cursor} (with the same options)")


def _table(page: "RunPage") -> "Table":
    from rich import box
    from rich.table import Table
    from rich.text import Text

    from desktop import fmt
    from desktop.cli.report import STATUS_STYLE, signed

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for title in ("Run", "Date (UTC)", "Strategy", "Symbol"):
        table.add_column(title, no_wrap=True)
    for title in ("Return", "Sharpe"):
        table.add_column(title, justify="right", no_wrap=True)
    table.add_column("Status", no_wrap=True)
    for item in page.items:
        table.add_row(
            item.short_id,
            fmt.instant(item.created_at),
            item.strategy_name,
            item.instrument_symbol,
            signed(item.total_return, fmt.percent(item.total_return, sign=True)),
            fmt.ratio(item.sharpe_ratio),
            Text(item.status, style=STATUS_STYLE.get(item.status, "")),
        )
    return table
