"""``show``: everything about one run, or tables of its statistics."""

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from desktop.cli.options import AsJson, RunId

if TYPE_CHECKING:
    from engine.result import BacktestResult
    from storage.records import StoredRun

NAME: Final = "show"


class Grouping(StrEnum):
    """What statistics can be grouped by; the names of `desktop.service.performance.By`."""

    SIDE = "side"
    SYMBOL = "symbol"
    YEAR = "year"
    QUARTER = "quarter"
    MONTH = "month"
    WEEK = "week"


def command(
    run_id: RunId,
    by: Annotated[
        list[Grouping] | None,
        typer.Option("--by", help="Statistics by side, symbol or period; can be given repeatedly."),
    ] = None,
    drawdowns: Annotated[
        int, typer.Option("--drawdowns", min=0, metavar="N", help="The N deepest falls.")
    ] = 0,
    as_json: AsJson = False,
) -> None:
    """Show a run: its figures, warnings and settings, or tables of its statistics."""
    from desktop.cli.output import console, emit
    from desktop.cli.session import open_service

    with open_service() as service:
        from desktop.cli.report import report
        from desktop.service.payloads import run_payload

        stored = service.load(run_id)
        groupings = list(dict.fromkeys(by or ()))
        result = _result_of(stored) if groupings or drawdowns else None
        if as_json:
            emit(run_payload(stored) | _statistics(result, groupings, drawdowns))
        elif result is None:
            console().print(report(stored, settings=True))
        else:
            _print(stored, result, groupings, drawdowns)


def _statistics(
    result: "BacktestResult | None", groupings: list[Grouping], drawdowns: int
) -> dict[str, Any]:
    """Return what was asked for beyond the run itself, and nothing else."""
    from desktop.service.performance import fall_payload, falls_of, table_of, table_payload

    found: dict[str, Any] = {}
    if result is not None and groupings:
        found["tables"] = {by.value: table_payload(table_of(result, by.value)) for by in groupings}
    if result is not None and drawdowns:
        found["drawdowns"] = [fall_payload(fall) for fall in falls_of(result, drawdowns)]
    return found


def _print(
    stored: "StoredRun", result: "BacktestResult", groupings: list[Grouping], drawdowns: int
) -> None:
    from desktop.cli.output import console
    from desktop.cli.report import head, marks
    from desktop.cli.statistics import print_falls, print_statistics
    from desktop.service.performance import falls_of, table_of

    out = console()
    out.print(head(stored.record))
    for line in marks(stored.record, result):
        out.print(line)
    for by in groupings:
        out.print()
        print_statistics(out, table_of(result, by.value), stored.record.currency)
    if drawdowns:
        out.print()
        print_falls(out, falls_of(result, drawdowns), stored.record.currency)


def _result_of(stored: "StoredRun") -> "BacktestResult":
    """Return the result.

    Raises:
        BacktestNotFoundError: the run has none, saying what it has come to.
    """
    from engine.errors import BacktestNotFoundError

    if stored.result is None:
        record = stored.record
        hint = "statistics are made of a result; show it without --by and --drawdowns"
        raise BacktestNotFoundError(f"The run is {record.status}", hint=hint, run_id=record.run_id)
    return stored.result
