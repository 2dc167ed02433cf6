"""Closed trades by group: all, long and short; by symbol; by the period of their exit."""

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from engine.kernels.groups import GROUP, trade_groups_nb
from engine.result import BacktestResult
from engine.sheet import Sheet
from engine.statistics.tables import Row, Table
from engine.statistics.trade_columns import TRADE_COLUMNS
from engine.types import Side

Ints = NDArray[np.int64]

NO_TRADES: Final = "no closed trades"
NO_WINS: Final = "no winning trades"
NO_LOSSES: Final = "no losing trades"


def groups_of(
    trades: NDArray[np.void], group_of: Ints, n_groups: int, time_ns: Ints, first_bar: int = 0
) -> NDArray[np.void]:
    """Return the sums (``GROUP``) of closed trades by group.

    Parameters
    ----------
    trades : TRADE (n_trades,)
        In the order of exit.
    group_of : (n_trades,)
        The row that each belongs to; -1 for none.
    n_groups : int
    time_ns : (n_bars,)
        Opens of the bars from ``first_bar`` of the axis that the trades' bars count.
    first_bar : int

    Returns
    -------
    GROUP (n_groups,)
    """
    rows = np.zeros(n_groups, GROUP)
    axis = time_ns.view()
    axis.flags.writeable = False  # those of a panel are, so kernels are compiled for one kind only
    trade_groups_nb(trades, group_of, axis, first_bar, rows)
    return rows


def put_trade_metrics(sheet: Sheet, row: NDArray[np.void]) -> None:
    """Put those figures of a group (``GROUP``, one row of shape ()) that are metrics of a run."""
    n, winning, losing = (int(row[name]) for name in ("trades", "winning", "losing"))
    won, lost, profit = (float(row[name]) for name in ("won", "lost", "profit"))
    no_wins, no_losses = (NO_WINS, NO_LOSSES) if n else (NO_TRADES, NO_TRADES)
    sheet.put("total_trades", n)
    sheet.put("winning_trades", winning)
    sheet.put("losing_trades", losing)
    sheet.put("breakeven_trades", n - winning - losing)
    sheet.divide("win_rate", winning, n, NO_TRADES)
    sheet.divide("expectancy", profit, n, NO_TRADES)
    sheet.divide("avg_holding_period", float(row["days"]), n, NO_TRADES)
    sheet.divide("avg_holding_bars", int(row["bars"]), n, NO_TRADES)
    sheet.divide("avg_win", won, winning, no_wins)
    sheet.divide("avg_loss", lost, losing, no_losses)
    sheet.divide("profit_factor", won, abs(lost), no_losses)
    if winning and losing:
        ratio = (won / winning) / (abs(lost) / losing)
        rate = winning / n
        sheet.put("profit_loss_ratio", ratio)
        sheet.divide("kelly", rate * ratio - (1.0 - rate), ratio, NO_WINS)
    else:
        sheet.skip(no_losses if losing == 0 else no_wins, "profit_loss_ratio", "kelly")
    if n < 2:
        sheet.skip("one trade is too few" if n else NO_TRADES, "sqn")
        return
    mean, deviation = profit / n, math.sqrt(float(row["squares"]) / (n - 1))
    if deviation <= 1e-12 * abs(mean):
        sheet.skip("the profits do not vary", "sqn")
    else:
        sheet.put("sqn", math.sqrt(n) * mean / deviation)


def trade_sheet(row: NDArray[np.void], initial_capital: float) -> Sheet:
    """Return every figure of `TRADE_COLUMNS` of a group (``GROUP``, one row of shape ())."""
    sheet = Sheet()
    put_trade_metrics(sheet, row)
    n = int(row["trades"])
    no_wins, no_losses = (NO_WINS, NO_LOSSES) if n else (NO_TRADES, NO_TRADES)
    profit = float(row["profit"])
    sheet.put("net_profit", profit)
    sheet.put("contribution", profit / initial_capital)
    sheet.put("profit_drawdown", float(row["fall"]) / initial_capital)
    sheet.put("gross_profit", float(row["won"]))
    sheet.put("gross_loss", float(row["lost"]))
    if row["winning"]:
        sheet.put("largest_win", float(row["largest_win"]))
    else:
        sheet.skip(no_wins, "largest_win")
    if row["losing"]:
        sheet.put("largest_loss", float(row["largest_loss"]))
    else:
        sheet.skip(no_losses, "largest_loss")
    sheet.divide("avg_trade_return", float(row["rates"]), n, NO_TRADES)
    sheet.divide("avg_bars_winning", int(row["winning_bars"]), int(row["winning"]), no_wins)
    sheet.divide("avg_bars_losing", int(row["losing_bars"]), int(row["losing"]), no_losses)
    sheet.divide("avg_mae", float(row["mae"]), n, NO_TRADES)
    sheet.divide("avg_mfe", float(row["mfe"]), n, NO_TRADES)
    for name in ("most_wins", "most_losses"):
        sheet.put(name, int(row[name]))
    for name in ("commission", "tax", "slippage", "dividends"):
        sheet.put(name, float(row[name]))
    sheet.put("ambiguous_trades", int(row["ambiguous"]))
    return sheet


def by_side(result: BacktestResult) -> Table:
    """Return the closed trades all together, the long ones and the short ones."""
    trades, n = result.trades, len(result.trades)
    short = np.where(trades["side"] == Side.SELL, 1, 0).astype(np.int64)
    whole = groups_of(trades, np.zeros(n, np.int64), 1, result.time_ns)
    sides = groups_of(trades, short, 2, result.time_ns)
    capital = result.config.account.initial_capital
    rows = (whole[0], sides[0], sides[1])
    return Table(
        "Side",
        TRADE_COLUMNS,
        tuple(
            Row.of(key, trade_sheet(row, capital), TRADE_COLUMNS)
            for key, row in zip(("all", "long", "short"), rows, strict=True)
        ),
    )
