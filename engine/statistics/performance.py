"""Everything that the tables of a run show, computed in one go."""

from dataclasses import dataclass

from engine.result import BacktestResult
from engine.statistics.calendar import YearOfReturns, by_period, monthly_returns
from engine.statistics.falls import Fall, deepest_falls
from engine.statistics.symbols import by_symbol
from engine.statistics.tables import Table
from engine.statistics.trades import by_side


@dataclass(frozen=True, slots=True)
class Performance:
    """The tables of one run; ``falls`` are the deepest, deepest first."""

    sides: Table
    symbols: Table
    years: Table
    months: tuple[YearOfReturns, ...]
    falls: tuple[Fall, ...]


def performance_of(result: BacktestResult, falls: int = 10) -> Performance:
    """Return the tables of a run, with so many of its deepest falls."""
    equity, capital = result.curve.equity, result.config.account.initial_capital
    return Performance(
        sides=by_side(result),
        symbols=by_symbol(result),
        years=by_period(result, "year"),
        months=monthly_returns(result.time_ns, equity, capital),
        falls=deepest_falls(result.time_ns, equity, capital, falls),
    )
