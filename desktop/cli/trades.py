"""``trades``: the round trips of a run, on the screen or as a CSV file."""

import datetime as dt
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from desktop.cli.options import AsJson, RunId

if TYPE_CHECKING:
    from desktop.cli.tables import Column
    from storage.records import TradePage

NAME: Final = "trades"

FirstDay = Annotated[
    dt.datetime | None,
    typer.Option(
        "--from", formats=["%Y-%m-%d"], help="First day of the exit.", metavar="YYYY-MM-DD"
    ),
]
LastDay = Annotated[
    dt.datetime | None,
    typer.Option("--to", formats=["%Y-%m-%d"], help="Last day of the exit.", metavar="YYYY-MM-DD"),
]


def command(
    run_id: RunId,
    csv: Annotated[
        Path | None,
        typer.Option("--csv", metavar="FILE", help="Write all that match to a CSV file."),
    ] = None,
    symbol: Annotated[str | None, typer.Option(help="Only this symbol.")] = None,
    first: FirstDay = None,
    last: LastDay = None,
    limit: Annotated[int, typer.Option(help="How many trades, 1 to 1000.")] = 50,
    offset: Annotated[int, typer.Option(help="How many trades to leave out first.")] = 0,
    partial: Annotated[bool, typer.Option("--partial", help="Also of a cancelled run.")] = False,
    as_json: AsJson = False,
) -> None:
    """List the round trips of a run, or write them to a CSV file."""
    from desktop.cli.output import console, emit
    from desktop.cli.session import open_service
    from desktop.cli.tables import print_table

    days = (first.date() if first else None, last.date() if last else None)
    out = console()
    with open_service() as service:
        from desktop.service.payloads import trades_payload

        record = service.status(run_id)
        if csv is not None:
            count = service.export_trades_csv(
                run_id, csv, symbol=symbol, first=days[0], last=days[1], partial=partial
            )
            if as_json:
                emit({"run_id": record.run_id, "file": str(csv), "trades": count})
            else:
                out.print(f"Wrote {count:,} trade{'s' * (count != 1)} to {csv}")
            return
        page = service.trades(
            run_id,
            symbol=symbol,
            first=days[0],
            last=days[1],
            limit=limit,
            offset=offset,
            partial=partial,
        )
    if as_json:
        emit(trades_payload(record, page))
        return
    if record.partial:
        out.print("Partial: the run was cancelled before its end.", style="yellow")
    if page.items:
        print_table(out, _columns(page))
    begin = page.offset + 1 if page.items else 0
    out.print(f"{begin:,} to {page.offset + len(page.items):,} of {page.total:,} trades")
    if page.next_offset is not None:
        again = f"tradebench trades {record.short_id} --offset {page.next_offset}"
        out.print(f"More: {again} (with the same options)")


def _columns(page: "TradePage") -> "list[Column]":
    from desktop import fmt
    from desktop.cli.report import signed
    from desktop.cli.tables import Column

    trades = page.items
    profits = [signed(t.pnl, fmt.money(t.pnl, sign=True)) for t in trades]
    return [
        Column("No", [str(t.trade_no) for t in trades], "right"),
        Column("Symbol", [t.symbol for t in trades]),
        Column("Side", [t.side for t in trades]),
        Column("Quantity", [fmt.quantity(t.quantity) for t in trades], "right", spare=1),
        Column("Entry", [fmt.instant(t.entry_time_ns) for t in trades]),
        Column("Price", [fmt.price(t.entry_price) for t in trades], "right"),
        Column("Exit", [fmt.instant(t.exit_time_ns) for t in trades]),
        Column("Price", [fmt.price(t.exit_price) for t in trades], "right"),
        Column("Profit", profits, "right"),
        Column("%", [fmt.number(t.pnl_percent, 2, sign=True) for t in trades], "right"),
        Column("Bars", [fmt.count(t.bars_held) for t in trades], "right", spare=2),
        Column("Why out", [t.exit_reason for t in trades], spare=3),
    ]
