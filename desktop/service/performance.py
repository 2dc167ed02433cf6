"""Tables of a run's statistics: which there are, and the shapes that other programs rely on."""

from typing import Any, Final, Literal, get_args

from desktop import fmt
from engine.result import BacktestResult
from engine.statistics.falls import Fall
from engine.statistics.tables import Table

By = Literal["side", "symbol", "year", "quarter", "month", "week"]

GROUPINGS: Final[tuple[By, ...]] = get_args(By)


def table_of(result: BacktestResult, by: By) -> Table:
    """Return the statistics of a run by side, by symbol or by the periods of the calendar."""
    from engine.statistics.calendar import by_period
    from engine.statistics.symbols import by_symbol
    from engine.statistics.trades import by_side

    match by:
        case "side":
            return by_side(result)
        case "symbol":
            return by_symbol(result)
        case _:
            return by_period(result, by)


def falls_of(result: BacktestResult, most: int) -> tuple[Fall, ...]:
    """Return the deepest falls of a run, deepest first."""
    from engine.statistics.falls import deepest_falls

    capital = result.config.account.initial_capital
    return deepest_falls(result.time_ns, result.curve.equity, capital, most)


def table_payload(table: Table) -> list[dict[str, Any]]:
    """Return the rows of a table: ``key``, ``values`` by name, and why a value is null."""
    return [
        {"key": row.key, "values": row.values, "undefined": row.undefined} for row in table.rows
    ]


def fall_payload(fall: Fall) -> dict[str, Any]:
    """Return one fall; what has not happened by the end of the run is null."""
    return {
        "depth": fall.depth,
        "money": fall.money,
        "peak": fmt.iso_instant(fall.peak_ns),
        "trough": fmt.iso_instant(fall.trough_ns),
        "recovery": None if fall.recovery_ns is None else fmt.iso_instant(fall.recovery_ns),
        "days_down": fall.days_down,
        "days_back": fall.days_back,
        "days_total": fall.days_total,
        "bars_total": fall.bars_total,
    }
