"""``data``: bring prices in, and see which there are."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from desktop.cli.options import AsJson

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rich.table import Table

    from storage.market.source import SymbolInfo

app = typer.Typer(help="Import market data, and list what there is.", no_args_is_help=True)


class BadBars(StrEnum):
    """What to do with impossible bars."""

    REFUSE = "refuse"
    DROP = "drop"


class Adjustment(StrEnum):
    """What is worked into the prices."""

    RAW = "raw"
    SPLIT = "split"
    TOTAL = "total"


@app.command("import")
def import_command(
    paths: Annotated[
        list[Path],
        typer.Argument(metavar="PATH…", help="CSV or Parquet files, or folders of them."),
    ],
    symbol: Annotated[
        str | None, typer.Option(help="Symbol of a file that has no column of symbols.")
    ] = None,
    timeframe: Annotated[
        str | None, typer.Option(help="Length of a bar (1d, 1h, 1m …); found from the data.")
    ] = None,
    currency: Annotated[str, typer.Option(help="Currency of the prices.")] = "USD",
    columns: Annotated[
        list[str] | None,
        typer.Option("--column", metavar="OURS=THEIRS", help="An odd name: --column close=px_last"),
    ] = None,
    on_bad_bars: Annotated[
        BadBars, typer.Option(help="Refuse everything, or drop the bars.")
    ] = BadBars.REFUSE,
    adjustment: Annotated[
        Adjustment, typer.Option(help="What is worked into the prices: nothing, splits, or all.")
    ] = Adjustment.RAW,
    as_json: AsJson = False,
) -> None:
    """Check files of prices and keep a copy; a symbol that is there already is replaced."""
    from desktop.cli.output import console, emit
    from desktop.cli.session import open_log
    from desktop.service.market import import_files, import_payload

    open_log()
    done = import_files(
        paths,
        symbol=symbol,
        timeframe=timeframe,
        currency=currency,
        columns=_pairs(columns or ()),
        on_bad_bars=on_bad_bars.value,
        adjustment=adjustment.value,
    )
    if as_json:
        items = [import_payload(one) for one in done]
        emit({"items": items, "next_cursor": None, "total": len(items)})
        return
    out = console()
    out.print(_table(one.info for one in done))
    for one in done:
        for text in one.notices:
            out.print(f"· {one.info.symbol}: {text}", style="dim")
        for kind, count in one.defects.items():
            out.print(f"! {one.info.symbol}: {count} bars dropped ({kind})", style="yellow")
    replaced = sum(one.replaced for one in done)
    out.print(f"Imported {len(done)} symbols" + (f", {replaced} replaced" if replaced else ""))
    out.print('Use them with: data.source = "local"', style="dim")


@app.command("list")
def list_command(as_json: AsJson = False) -> None:
    """List the bundled and the imported market data."""
    from desktop.cli.output import console, emit
    from desktop.cli.session import open_log
    from desktop.service.market import holdings

    open_log()
    found = holdings()
    if as_json:
        emit({"items": [one.as_json() for one in found], "next_cursor": None, "total": len(found)})
        return
    out = console()
    for one in found:
        out.print(f"{one.source.name}: {one.source.title}", style="bold")
        if not one.symbols:
            out.print(
                "  nothing yet; bring files in with: tradebench data import PATH", style="dim"
            )
            continue
        out.print(_table(one.symbols))
        out.print(f"  universes: {', '.join(one.universes)}")
        series = [name for name in one.benchmarks if name not in {s.symbol for s in one.symbols}]
        if series:
            out.print(f"  benchmarks: {', '.join(series)} and every symbol")


def _pairs(texts: "Iterable[str]") -> dict[str, str]:
    from engine.errors import BacktestValidationError, Problem

    pairs = {}
    for text in texts:
        ours, equals, theirs = text.partition("=")
        if not (ours and equals and theirs):
            hint = "write --column close=px_last"
            raise BacktestValidationError(Problem("--column", f"{text!r} is no pair", hint))
        pairs[ours.strip()] = theirs.strip()
    return pairs


def _table(infos: "Iterable[SymbolInfo]") -> "Table":
    from rich import box
    from rich.table import Table

    from desktop import fmt

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for title in ("Symbol", "Bars of", "Currency", "First", "Last"):
        table.add_column(title, no_wrap=True)
    table.add_column("Bars", justify="right")
    table.add_column("From")
    for info in infos:
        table.add_row(
            info.symbol,
            info.timeframe,
            info.currency,
            fmt.instant(info.first_ns),
            fmt.instant(info.last_ns),
            fmt.count(info.n_bars),
            info.origin,
        )
    return table
