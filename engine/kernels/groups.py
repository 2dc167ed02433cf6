"""Closed trades summed up by group: one pass for sums and runs of luck, one for the scatter.

Sums run in the order of exit, the order in which trades are listed.
"""

from typing import Any, Final

import numpy as np
from numba import njit
from numpy.typing import NDArray

from engine.types import NS_PER_DAY

GROUP: Final = np.dtype(
    [
        ("trades", "<i8"),
        ("winning", "<i8"),
        ("losing", "<i8"),
        ("won", "<f8"),  # money, sum of profits > 0
        ("lost", "<f8"),  # money, sum of profits < 0; negative
        ("largest_win", "<f8"),
        ("largest_loss", "<f8"),  # negative
        ("profit", "<f8"),
        ("squares", "<f8"),  # sum of squared distances from the mean profit
        ("rates", "<f8"),  # sum of profit / (quantity x entry price)
        ("days", "<f8"),  # calendar days held, sum
        ("bars", "<i8"),  # bars held, sum
        ("winning_bars", "<i8"),
        ("losing_bars", "<i8"),
        ("streak", "<i8"),  # wins in a row at the end, losses negative
        ("most_wins", "<i8"),  # in a row
        ("most_losses", "<i8"),
        ("commission", "<f8"),
        ("tax", "<f8"),
        ("slippage", "<f8"),
        ("dividends", "<f8"),
        ("mae", "<f8"),  # sums of the worst and of the best excursions
        ("mfe", "<f8"),
        ("ambiguous", "<i8"),
        ("peak", "<f8"),  # highest sum of profits so far, 0 at first
        ("fall", "<f8"),  # deepest fall of the sum of profits below its peak; zero or negative
    ],
    align=True,
)


@njit(nogil=True, cache=True)
def trade_groups_nb(
    trades: NDArray[np.void],
    group_of: NDArray[np.int64],
    time_ns: NDArray[np.int64],
    first_bar: int,
    rows: NDArray[np.void],
) -> None:
    """Sum up trades (n,) by group into ``rows``, which are zero at first.

    ``group_of`` (n,) is the row of each trade, -1 for none. ``time_ns`` begins at ``first_bar`` of
    the axis that the trades' bars count.
    """
    for i in range(len(trades)):
        if group_of[i] >= 0:
            _add_nb(trades[i], rows[group_of[i]])
            held = time_ns[trades[i].exit_bar - first_bar]
            held -= time_ns[trades[i].entry_bar - first_bar]
            rows[group_of[i]].days += held / NS_PER_DAY
    for i in range(len(trades)):
        if group_of[i] >= 0:
            row = rows[group_of[i]]
            away = trades[i].pnl - row.profit / row.trades
            row.squares += away * away


@njit(nogil=True, cache=True, no_cpython_wrapper=True, no_cfunc_wrapper=True)
def _add_nb(trade: Any, row: Any) -> None:
    row.trades += 1
    row.profit += trade.pnl
    row.rates += trade.pnl_rate
    row.bars += trade.bars_held
    row.commission += trade.commission
    row.tax += trade.tax
    row.slippage += trade.slippage
    row.dividends += trade.dividends
    row.mae += trade.mae
    row.mfe += trade.mfe
    row.ambiguous += trade.ambiguous
    row.peak = max(row.peak, row.profit)
    row.fall = min(row.fall, row.profit - row.peak)
    if trade.pnl > 0.0:
        row.winning += 1
        row.won += trade.pnl
        row.winning_bars += trade.bars_held
        row.largest_win = max(row.largest_win, trade.pnl)
        row.streak = max(row.streak, 0) + 1
        row.most_wins = max(row.most_wins, row.streak)
    elif trade.pnl < 0.0:
        row.losing += 1
        row.lost += trade.pnl
        row.losing_bars += trade.bars_held
        row.largest_loss = min(row.largest_loss, trade.pnl)
        row.streak = min(row.streak, 0) - 1
        row.most_losses = max(row.most_losses, -row.streak)
    else:
        row.streak = 0  # a trade that came to nothing ends either run
