"""``history``: the runs of this computer, newest or best first."""

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Final

import typer

from desktop.cli.options import AsJson

if TYPE_CHECKING:
    from desktop.cli.tables import Column
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
    from desktop.cli.tables import print_table

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
    print_table(out, _columns(page))
    out.print(f"{len(page.items)} of {page.total}")
    if page.next_cursor:
        # Broken over two lines a cursor could not be copied.
        out.print("More, with the same options:", style="dim")
        out.print(f"tradebench history --cursor {page.next_cursor}", soft_wrap=True)


def _columns(page: "RunPage") -> "list[Column]":
    from rich.text import Text

    from desktop import fmt
    from desktop.cli.report import STATUS_STYLE, signed
    from desktop.cli.tables import Column

    runs = page.items
    returns = [signed(r.total_return, fmt.percent(r.total_return, sign=True)) for r in runs]
    statuses = [Text(r.status, style=STATUS_STYLE.get(r.status, "")) for r in runs]
    return [
        Column("Run", [r.short_id for r in runs]),
        Column("Date (UTC)", [fmt.date(r.created_at) for r in runs]),
        Column("Time", [f"{r.created_at:%H:%M}" for r in runs], spare=1),
        Column("Strategy", [r.strategy_name for r in runs]),
        Column("Symbol", [r.instrument_symbol for r in runs]),
        Column("Return", returns, "right"),
        Column("Sharpe", [fmt.ratio(r.sharpe_ratio) for r in runs], "right"),
        Column("Status", statuses),
    ]
