"""What each symbol brought: its closed trades, what is open in it, and both together."""

from typing import Final

from engine.metric_table import Metric
from engine.result import BacktestResult
from engine.statistics.tables import Row, Table
from engine.statistics.trade_columns import TRADE_COLUMNS
from engine.statistics.trades import groups_of, trade_sheet

SYMBOL_COLUMNS: Final[tuple[Metric, ...]] = (
    Metric("total_profit", "Total profit", "money", "high",
           "net profit of closed trades + profit of the open position",
           "What the symbol brought by the end; all symbols together gained what the account did."),
    Metric("total_contribution", "Total contribution", "percent", "high",
           "total profit / initial capital",
           "The symbol's part of the total return."),
    Metric("open_profit", "Open profit", "money", "high",
           "profit of what is open at the end, at the last close",
           "Not realised yet; 0 where nothing is open."),
    *TRADE_COLUMNS,
)  # fmt: skip


def by_symbol(result: BacktestResult) -> Table:
    """Return a row for each symbol of the run, those that were never traded included."""
    capital = result.config.account.initial_capital
    open_profit = dict.fromkeys(result.symbols, 0.0)
    for position in result.open_positions:
        open_profit[position.symbol] += position.pnl
    sums = groups_of(
        result.trades, result.trades["symbol"].astype("int64"), len(result.symbols), result.time_ns
    )
    rows = []
    for symbol, row in zip(result.symbols, sums, strict=True):
        sheet = trade_sheet(row, capital)
        total = float(row["profit"]) + open_profit[symbol]
        sheet.put("open_profit", open_profit[symbol])
        sheet.put("total_profit", total)
        sheet.put("total_contribution", total / capital)
        rows.append(Row.of(symbol, sheet, SYMBOL_COLUMNS))
    return Table("Symbol", SYMBOL_COLUMNS, tuple(rows))
