"""Sums over what was traded: executions and closed round trips."""

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from engine.types import NS_PER_DAY


class TradeSums(NamedTuple):
    """Closed trades."""

    winning: int
    losing: int
    won: float
    lost: float  # negative
    profit: float
    profit_squares: float  # sum of squared distances from the mean profit
    days: float  # calendar days held, sum
    bars: float  # bars held, sum


@njit(nogil=True, cache=True)
def traded_value_nb(fills: NDArray[np.void]) -> float:
    """Return the sum of quantity x price over all fills."""
    total = 0.0
    for i in range(len(fills)):
        total += fills[i].quantity * fills[i].price
    return total


@njit(nogil=True, cache=True)
def trade_sums_nb(
    trades: NDArray[np.void], time_ns: NDArray[np.int64], first_bar: int
) -> TradeSums:
    """Sum up closed trades; ``time_ns`` begins at ``first_bar`` of the axis they count."""
    winning = losing = 0
    won = lost = profit = days = bars = squares = 0.0
    for i in range(len(trades)):
        trade = trades[i]
        profit += trade.pnl
        if trade.pnl > 0.0:
            winning += 1
            won += trade.pnl
        elif trade.pnl < 0.0:
            losing += 1
            lost += trade.pnl
        held = time_ns[trade.exit_bar - first_bar] - time_ns[trade.entry_bar - first_bar]
        days += held / NS_PER_DAY
        bars += trade.bars_held
    for i in range(len(trades)):
        away = trades[i].pnl - profit / len(trades)
        squares += away * away
    return TradeSums(winning, losing, won, lost, profit, squares, days, bars)
