"""One row of figures from the sums of a lean run; NaN where a metric is undefined.

The formulas, and the cases in which there is none, are those of `engine.metrics`.
"""

import math
from typing import Any, Final

import numpy as np
from numba import njit
from numpy.typing import NDArray

from engine.kernels.equity import NOISE
from engine.kernels.lean import Scratch, Tape
from engine.types import NS_PER_DAY

Record = Any

_NAN = float("nan")
_DAYS_PER_YEAR = 365.25

COLUMNS: Final = (
    "total_return",
    "cagr",
    "volatility",
    "sharpe_ratio",
    "sortino_ratio",
    "max_drawdown",
    "max_drawdown_duration",
    "calmar_ratio",
    "total_trades",
    "winning_trades",
    "losing_trades",
    "breakeven_trades",
    "win_rate",
    "profit_factor",
    "profit_loss_ratio",
    "avg_win",
    "avg_loss",
    "expectancy",
    "avg_holding_period",
    "avg_holding_bars",
    "exposure",
    "turnover",
    "sqn",
    "kelly",
    "ulcer_index",
    "recovery_factor",
    "final_balance",
    "final_pnl",
)

BEYOND: Final = 2

ROW: Final = np.dtype(
    [
        ("index", "<i8"),  # of the combination in its grid
        # 1 when the strategy does not take these parameters, BEYOND until the full loop has run it
        ("refused", "<i8"),
        *((name, "<f8") for name in COLUMNS),
    ]
)


def new_rows(index: NDArray[np.int64]) -> NDArray[np.void]:
    """Return a ``ROW`` per combination without figures yet."""
    rows = np.full((len(index), len(ROW.names or ())), _NAN).view(ROW)[:, 0]
    rows["index"] = index
    rows["refused"] = 0
    return rows


@njit(nogil=True, cache=True, error_model="numpy", forceinline=True)
def defined_nb(part: float, whole: float) -> float:
    """Return part / whole; NaN where there is nothing to divide by, or nothing that can be stated."""
    value = part / whole if whole != 0.0 else _NAN
    return value if math.isfinite(value) else _NAN


@njit(nogil=True, cache=True, error_model="numpy", forceinline=True)
def growth_nb(account: Record, tape: Tape, row: Record) -> None:
    """Write what the account came to, and how deep and long it fell."""
    capital, final = tape.capital, account.before
    n_bars, first = len(tape.close), tape.first
    row.final_balance = final
    row.final_pnl = final - capital
    growth = final / capital
    row.total_return = growth - 1.0
    days = float(tape.time_ns[n_bars - 1] - tape.time_ns[first]) / NS_PER_DAY
    if days > 0.0 and growth > 0.0:
        power = math.log(growth) * _DAYS_PER_YEAR / days
        row.cagr = math.expm1(power) if power < 700.0 else _NAN
    longest = account.longest_ns
    if account.below == 1:
        last = tape.time_ns[n_bars - 1] - tape.time_ns[first + max(account.peak_bar, 0)]
        longest = max(longest, last)
    row.max_drawdown = account.worst
    row.max_drawdown_duration = float(longest) / NS_PER_DAY
    row.ulcer_index = math.sqrt(account.fall_squares / (n_bars - first))
    row.recovery_factor = defined_nb(final - capital, account.deepest)
    row.calmar_ratio = defined_nb(row.cagr, abs(account.worst))


@njit(nogil=True, cache=True, error_model="numpy", forceinline=True)
def second_moment_nb(account: Record, n: int) -> float:
    """Return the sum of squared distances of the returns from their mean."""
    away = account.returns / n - account.centre
    return max(account.squares - n * (away * away), 0.0)


@njit(nogil=True, cache=True, error_model="numpy", forceinline=True)
def ratios_nb(account: Record, tape: Tape, row: Record) -> None:
    """Write what is made of returns."""
    n = len(tape.close) - tape.first
    if account.lowest > 0.0:
        row.exposure = account.exposure / n
        traded = account.traded / 2.0
        row.turnover = traded / (account.equity / n) * tape.bars_per_year / n
    if n < 2 or account.lowest_base <= 0.0:
        return
    root = math.sqrt(tape.bars_per_year)
    mean = account.returns / n
    deviation = math.sqrt(second_moment_nb(account, n) / (n - 1))
    if deviation <= NOISE:
        row.volatility = 0.0
    else:
        row.volatility = deviation * root
        row.sharpe_ratio = (mean - tape.risk_free) / deviation * root
    downside = math.sqrt(account.downside / n)
    if downside > NOISE:
        row.sortino_ratio = (mean - tape.risk_free) * root / downside


@njit(nogil=True, cache=True, error_model="numpy", forceinline=True)
def trades_nb(scratch: Scratch, tape: Tape, row: Record) -> None:
    """Write what is made of round trips, in the order of their exits."""
    n = scratch.account[0].n_trades
    closed = scratch.closed
    winning = losing = 0
    won = lost = profit = days = bars = squares = 0.0
    for i in range(n):
        trade = closed[i]
        profit += trade.pnl
        if trade.pnl > 0.0:
            winning += 1
            won += trade.pnl
        elif trade.pnl < 0.0:
            losing += 1
            lost += trade.pnl
        days += (tape.time_ns[trade.exit_bar] - tape.time_ns[trade.entry_bar]) / NS_PER_DAY
        bars += trade.exit_bar - trade.entry_bar
    row.total_trades = n
    row.winning_trades = winning
    row.losing_trades = losing
    row.breakeven_trades = n - winning - losing
    row.win_rate = defined_nb(winning, n)
    row.expectancy = defined_nb(profit, n)
    row.avg_holding_period = defined_nb(days, n)
    row.avg_holding_bars = defined_nb(bars, n)
    row.avg_win = defined_nb(won, winning)
    row.avg_loss = defined_nb(lost, losing)
    row.profit_factor = defined_nb(won, abs(lost))
    if winning > 0 and losing > 0:
        ratio = (won / winning) / (abs(lost) / losing)
        rate = winning / n
        row.profit_loss_ratio = ratio
        row.kelly = defined_nb(rate * ratio - (1.0 - rate), ratio)
    if n >= 2:
        mean = profit / n
        for i in range(n):
            away = closed[i].pnl - mean
            squares += away * away
        deviation = math.sqrt(squares / (n - 1))
        if deviation > 1e-12 * abs(mean):
            row.sqn = math.sqrt(n) * mean / deviation


@njit(nogil=True, cache=True, error_model="numpy", forceinline=True)
def row_nb(scratch: Scratch, tape: Tape, row: Record) -> None:
    """Write the figures of the run that stands in ``scratch`` into a ``ROW`` whose figures are NaN."""
    account = scratch.account[0]
    if not math.isfinite(account.equity):
        return
    growth_nb(account, tape, row)
    ratios_nb(account, tape, row)
    trades_nb(scratch, tape, row)
