"""A run by the calendar: years, quarters, months and ISO weeks, in UTC.

A bar belongs to the day that it carries. A period begins where the equity stood at the end of the
one before, the first with the initial capital; what lies in no bar of the run has no row.
"""

import datetime as dt
import math
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from engine.kernels.equity import NOISE
from engine.kernels.periods import PERIOD, periods_nb
from engine.metric_table import Metric
from engine.result import BacktestResult
from engine.sheet import Sheet
from engine.statistics.tables import Row, Table
from engine.statistics.trade_columns import TRADE_COLUMNS
from engine.statistics.trades import groups_of, trade_sheet
from engine.types import NS_PER_DAY

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Length = Literal["year", "quarter", "month", "week"]

BROKE: Final = "equity fell to zero or below"
NO_BENCHMARK: Final = "no benchmark"

_TITLES: Final = {"year": "Year", "quarter": "Quarter", "month": "Month", "week": "Week"}
_MONTHS: Final = {"year": 12, "quarter": 3, "month": 1}
_THURSDAY_TO_MONDAY: Final = 3  # 1970-01-01 was a Thursday; ISO weeks begin on Mondays
_ONE_BAR: Final = "one bar is too few"

PERIOD_COLUMNS: Final[tuple[Metric, ...]] = (
    Metric("return", "Return", "percent", "high",
           "last equity / equity before the period − 1",
           "What the account gained in the period, open positions included."),
    Metric("benchmark_return", "Benchmark return", "percent", None,
           "benchmark's last value / its value before the period − 1",
           "What the benchmark gained in the period."),
    Metric("pnl", "Profit", "money", "high",
           "last equity − equity before the period",
           "The same in money."),
    Metric("max_drawdown", "Max drawdown", "percent", "high",
           "min(equity / its maximum since the beginning of the period − 1)",
           "The deepest fall inside the period."),
    Metric("volatility", "Volatility", "percent", "low",
           "sd(returns of the period) × √N",
           "How much returns scatter, as a yearly figure."),
    Metric("sharpe_ratio", "Sharpe ratio", "ratio", "high",
           "mean(returns of the period − rf/N) / sd × √N",
           "Gain for scatter, as a yearly figure."),
    *TRADE_COLUMNS,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class YearOfReturns:
    """The returns of the months of a year, None where there is no bar or no return, and of the year."""

    year: int
    months: tuple[float | None, ...]
    total: float | None
    undefined: dict[int, str]  # why, by month; 0 is the total


def period_rows(
    time_ns: Ints, equity: Floats, initial_capital: float, length: Length
) -> tuple[Ints, NDArray[np.void]]:
    """Return the periods that have bars, ascending, and what the equity did in each (``PERIOD``).

    Periods are counted from 1970: years, quarters, months, or the ISO week of its first day.
    """
    if len(time_ns) == 0:
        return np.empty(0, np.int64), np.zeros(0, PERIOD)
    days = time_ns // NS_PER_DAY
    last_of_day = _last_of_each(days)
    numbers = _period_numbers(days[last_of_day], length)
    last_day = _last_of_each(numbers)
    rows = np.zeros(len(last_day), PERIOD)
    rows["last_bar"] = last_of_day[last_day]
    periods_nb(equity, float(initial_capital), rows)
    return numbers[last_day], rows


def by_period(result: BacktestResult, length: Length) -> Table:
    """Return a row for each ``2009``, ``2009-Q1``, ``2009-03`` or ``2009-W07`` of the run."""
    capital = result.config.account.initial_capital
    numbers, rows = period_rows(result.time_ns, result.curve.equity, capital, length)
    sums = groups_of(
        result.trades,
        np.searchsorted(rows["last_bar"], result.trades["exit_bar"]).astype(np.int64),
        len(rows),
        result.time_ns,
    )
    others = _benchmark_returns(result.benchmark, rows["last_bar"], capital)
    found = []
    for number, row, group, other in zip(numbers, rows, sums, others, strict=True):
        sheet = trade_sheet(group, capital)
        _put_period(sheet, row, result)
        if other is None:
            why = NO_BENCHMARK if result.benchmark is None else "the benchmark has no value here"
            sheet.skip(why, "benchmark_return")
        else:
            sheet.put("benchmark_return", other)
        found.append(Row.of(_key_of(int(number), length), sheet, PERIOD_COLUMNS))
    return Table(_TITLES[length], PERIOD_COLUMNS, tuple(found))


def monthly_returns(
    time_ns: Ints, equity: Floats, initial_capital: float
) -> tuple[YearOfReturns, ...]:
    """Return the years of a curve with the return of each month, January first, and of the year."""
    numbers, months = period_rows(time_ns, equity, initial_capital, "month")
    years, totals = period_rows(time_ns, equity, initial_capital, "year")
    by_month = dict(zip(numbers.tolist(), months, strict=True))
    found = []
    for year, total in zip(years.tolist(), totals, strict=True):
        undefined: dict[int, str] = {}
        cells: list[float | None] = []
        for month in range(1, 13):
            row = by_month.get(year * 12 + month - 1)
            cells.append(None if row is None else _return_of(row))
            if cells[-1] is None:
                undefined[month] = "no bar" if row is None else BROKE
        whole = _return_of(total)
        if whole is None:
            undefined[0] = BROKE
        found.append(YearOfReturns(1970 + year, tuple(cells), whole, undefined))
    return tuple(found)


def _last_of_each(numbers: Ints) -> Ints:
    """Return where each run of equal numbers ends."""
    return np.append(np.flatnonzero(numbers[1:] != numbers[:-1]), len(numbers) - 1)


def _period_numbers(days: Ints, length: Length) -> Ints:
    if length == "week":
        return (days + _THURSDAY_TO_MONDAY) // 7
    months: Ints = days.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64)
    return months // _MONTHS[length]


def _key_of(number: int, length: Length) -> str:
    if length == "week":
        monday = dt.date(1970, 1, 1) + dt.timedelta(days=7 * number - _THURSDAY_TO_MONDAY)
        year, week, _ = monday.isocalendar()
        return f"{year}-W{week:02d}"
    year, month = divmod(number * _MONTHS[length], 12)
    match length:
        case "year":
            return str(1970 + year)
        case "quarter":
            return f"{1970 + year}-Q{month // 3 + 1}"
        case _:
            return f"{1970 + year}-{month + 1:02d}"


def _put_period(sheet: Sheet, row: NDArray[np.void], result: BacktestResult) -> None:
    n, per_year = int(row["bars"]), result.bars_per_year
    sheet.put("pnl", float(row["last"] - row["base"]))
    growth = _return_of(row)
    if growth is None:
        sheet.skip(BROKE, "return", "max_drawdown", "volatility", "sharpe_ratio")
        return
    sheet.put("return", growth)
    sheet.put("max_drawdown", float(row["worst"]))
    if n < 2 or row["lowest"] <= 0.0:
        sheet.skip(_ONE_BAR if n < 2 else BROKE, "volatility", "sharpe_ratio")
        return
    deviation = math.sqrt(float(row["squares"]) / (n - 1))
    if deviation <= NOISE:
        sheet.put("volatility", 0.0)
        sheet.skip("the returns do not vary", "sharpe_ratio")
        return
    rate = result.config.account.risk_free_rate / per_year
    sheet.put("volatility", deviation * math.sqrt(per_year))
    sheet.put("sharpe_ratio", (float(row["mean"]) - rate) / deviation * math.sqrt(per_year))


def _return_of(row: NDArray[np.void]) -> float | None:
    """Return what a period gained, None where it began with nothing."""
    base = float(row["base"])
    return (float(row["last"]) - base) / base if base > 0.0 else None


def _benchmark_returns(
    benchmark: Floats | None, last_bars: Ints, capital: float
) -> list[float | None]:
    """Return each period's return of a benchmark that was scaled to the initial capital."""
    if benchmark is None:
        return [None] * len(last_bars)
    found: list[float | None] = []
    before = capital
    for bar in last_bars:
        value = float(benchmark[bar])
        known = math.isfinite(value)
        found.append(value / before - 1.0 if known else None)
        before = value if known else before
    return found
