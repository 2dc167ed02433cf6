"""What is said of a group of closed trades: the columns of every table of trades.

Those that are metrics of the run, too, are the same entries of `METRICS`: one definition each.
"""

from typing import Final

from engine.metric_table import METRICS, Metric

_METRICS: Final = {metric.name: metric for metric in METRICS}

SHARED: Final = (
    "total_trades", "winning_trades", "losing_trades", "breakeven_trades", "win_rate",
    "profit_factor", "profit_loss_ratio", "avg_win", "avg_loss", "expectancy",
    "avg_holding_period", "avg_holding_bars", "sqn", "kelly",
)  # fmt: skip

TRADE_COLUMNS: Final[tuple[Metric, ...]] = (
    Metric("net_profit", "Realised profit", "money", "high",
           "sum of profits after costs",
           "What the trades brought together."),
    Metric("contribution", "Contribution", "percent", "high",
           "net profit / initial capital",
           "What the trades added to the return."),
    Metric("profit_drawdown", "Drawdown of profits", "percent", "high",
           "min(sum of profits so far − its maximum so far, from 0) / initial capital",
           "The deepest fall of what the trades had brought, counted trade by trade; ≤ 0."),
    *(_METRICS[name] for name in SHARED),
    Metric("gross_profit", "Gross profit", "money", "high",
           "sum of profits > 0",
           "What the winning trades brought."),
    Metric("gross_loss", "Gross loss", "money", "high",
           "sum of profits < 0",
           "What the losing trades cost; negative."),
    Metric("largest_win", "Largest win", "money", "high",
           "max(profit) of winning trades",
           "The best trade."),
    Metric("largest_loss", "Largest loss", "money", "high",
           "min(profit) of losing trades",
           "The worst trade; negative."),
    Metric("avg_trade_return", "Average trade return", "percent", "high",
           "mean(profit / (quantity × entry price))",
           "What a trade brings on what it put in."),
    Metric("avg_bars_winning", "Bars held, wins", "ratio", None,
           "mean of exit bar − entry bar of winning trades",
           "How long a good trade lasts."),
    Metric("avg_bars_losing", "Bars held, losses", "ratio", None,
           "mean of exit bar − entry bar of losing trades",
           "How long a bad trade is held."),
    Metric("most_wins", "Most wins in a row", "count", "high",
           "longest run of winning trades, in the order of exit",
           "A break-even trade ends the run."),
    Metric("most_losses", "Most losses in a row", "count", "low",
           "longest run of losing trades, in the order of exit",
           "What must be sat through; a break-even trade ends the run."),
    Metric("avg_mae", "Average MAE", "money", "high",
           "mean of the worst excursion of prices × quantity",
           "How far a trade goes wrong on the way; ≤ 0."),
    Metric("avg_mfe", "Average MFE", "money", "high",
           "mean of the best excursion of prices × quantity",
           "How far a trade goes right on the way."),
    Metric("commission", "Commission", "money", "low",
           "sum of commissions of entries and exits",
           "Paid to the broker."),
    Metric("tax", "Tax", "money", "low",
           "sum of taxes on sales",
           "Paid to the state."),
    Metric("slippage", "Slippage", "money", "low",
           "sum of what slippage and spread made of the prices",
           "Lost against the prices quoted; already in the profits."),
    Metric("dividends", "Dividends", "money", "high",
           "sum of dividends received less those paid on shorts",
           "Already in the profits."),
    Metric("ambiguous_trades", "Ambiguous trades", "count", "low",
           "trades that an assumption about the order of prices inside a bar decided",
           "How much rests on that assumption."),
)  # fmt: skip
