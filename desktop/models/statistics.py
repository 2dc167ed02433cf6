"""Tables of statistics for Qt: groups of trades and periods across, sides upright, the deepest falls."""

from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np
from PySide6.QtCore import QCoreApplication, QObject

from desktop import fmt
from desktop.models.columns import Column, ColumnsModel
from desktop.models.metrics import metric_title
from desktop.models.roles import DISPLAY, FOREGROUND, TOOL_TIP, Index
from desktop.tokens import Tokens
from engine.metric_table import Metric
from engine.statistics.falls import Fall
from engine.statistics.tables import Row, Table

STACK: Final = 4  # columns of one stack of sides
YEAR_COLUMNS: Final = (
    "return", "benchmark_return", "pnl", "max_drawdown", "volatility", "sharpe_ratio", "total_trades",
    "win_rate", "profit_factor", "net_profit", "expectancy", "commission",
)  # fmt: skip
SYMBOL_COLUMNS: Final = (
    "total_profit", "total_contribution", "net_profit", "open_profit", "total_trades", "win_rate",
    "profit_factor", "expectancy", "largest_win", "largest_loss", "avg_holding_bars", "commission",
)  # fmt: skip
_CHANGES: Final = {
    "return", "benchmark_return", "pnl", "net_profit", "total_profit", "open_profit", "contribution",
    "total_contribution", "expectancy",
}  # fmt: skip


class StatisticsModel(ColumnsModel):
    """The chosen columns of a table, a row a key; a tooltip says what a figure means, or why there is none."""

    def set_table(self, table: Table | None, names: Sequence[str] = (), currency: str = "") -> None:
        """Show some columns of a table, or nothing."""
        self._rows: Sequence[Row] = () if table is None else table.rows
        self._metrics: list[Metric] = []
        if table is None:
            self.set_columns([], 0)
            return
        known = {column.name: column for column in table.columns}
        self._metrics = [known[name] for name in names]
        columns = [
            _keys(table),
            *(_figures(metric, table.rows, currency) for metric in self._metrics),
        ]
        self.set_columns(columns, len(table.rows))

    def data(self, index: Index, role: int = DISPLAY) -> Any:
        """Return what a cell has to say in a role."""
        if role == TOOL_TIP and index.isValid() and index.column() > 0:
            return tip(self._metrics[index.column() - 1], self._rows[self.item_at(index.row())])
        return super().data(index, role)


class SidesModel(ColumnsModel):
    """A row a statistic: its title, all closed trades, the long ones, the short ones.

    Set in as many stacks beside each other as there is room for.
    """

    def __init__(self, tokens: Tokens, parent: QObject | None = None) -> None:
        """Begin without a table, in one stack."""
        super().__init__(tokens, parent)
        self._table: Table | None = None
        self._currency = ""
        self.stacks = 1

    def set_table(self, table: Table | None, currency: str = "") -> None:
        """Show a table by side, or nothing."""
        self._table, self._currency = table, currency
        if table is None:
            self.set_columns([], 0)
            return
        height = -(-len(table.columns) // self.stacks)
        columns: list[Column] = []
        for start in range(0, height * self.stacks, height):
            columns += self._stack(table, table.columns[start : start + height])
        self.set_columns(columns, height)

    def set_stacks(self, count: int) -> None:
        """Set the statistics in so many stacks."""
        if count != self.stacks:
            self.stacks = count
            self.set_table(self._table, self._currency)

    def entry(self, index: Index) -> tuple[Metric, Row | None] | None:
        """Return the statistic of a cell and whose it is, None for titles; None below the end of a stack."""
        assert self._table is not None, "there are cells"
        stack, column = divmod(index.column(), STACK)
        at = stack * self.rowCount() + self.item_at(index.row())
        if at >= len(self._table.columns):
            return None
        return self._table.columns[at], self._table.rows[column - 1] if column else None

    def data(self, index: Index, role: int = DISPLAY) -> Any:
        """Return what a cell has to say in a role."""
        if role not in (TOOL_TIP, FOREGROUND) or not index.isValid():
            return super().data(index, role)
        entry = self.entry(index)
        if entry is None:
            return None
        metric, row = entry
        if role == TOOL_TIP:
            return tip(metric, row)
        return super().data(index, role) if metric.name in _CHANGES and row is not None else None

    def _stack(self, table: Table, metrics: Sequence[Metric]) -> list[Column]:
        heads = {"all": self.tr("All"), "long": self.tr("Long"), "short": self.tr("Short")}
        titles = [metric_title(metric, self._currency) for metric in metrics]
        every = [metric_title(metric, self._currency) for metric in table.columns]
        title = self.tr("Closed trades")
        return [
            Column(
                title, np.arange(len(titles)), _texts(titles), max(every, key=len), is_figure=False
            ),
            *(_side(heads[row.key], row, metrics, table.columns) for row in table.rows),
        ]


class FallsModel(ColumnsModel):
    """The deepest falls, deepest first until sorted otherwise."""

    def set_falls(self, falls: Sequence[Fall], currency: str = "") -> None:
        """Show other falls."""
        ends = [fall.recovery_ns for fall in falls]
        never = self.tr("not yet")
        depth, money = _numbers(f.depth for f in falls), _numbers(f.money for f in falls)
        down, whole = _numbers(f.days_down for f in falls), _numbers(f.days_total for f in falls)
        back, back_at = _numbers(f.days_back for f in falls), _numbers(ends)
        order = np.arange(len(falls)) + 1.0
        columns = [
            Column(self.tr("No."), order, lambda i: fmt.count(i + 1), "100"),
            Column(
                self.tr("Depth"),
                depth,
                lambda i: fmt.percent(depth[i]),
                "−100.00 %",
                is_change=True,
            ),
            Column(
                self.tr("Lost, {currency}").format(currency=currency),
                money,
                lambda i: fmt.money(money[i]),
                fmt.money(max((f.money for f in falls), default=0.0)),
                self.tr("Equity at the peak − equity at the trough"),
            ),
            _days(self.tr("Peak"), [f.peak_ns for f in falls]),
            _days(self.tr("Trough"), [f.trough_ns for f in falls]),
            Column(
                self.tr("Recovery"),
                back_at,
                lambda i: fmt.date(ends[i]) if ends[i] is not None else never,
                f"2000-00-00\n{never}",
                self.tr("The first bar back at the peak"),
            ),
            Column(self.tr("Way down"), down, lambda i: fmt.days(down[i]), "10,000 d"),
            Column(self.tr("Way back"), back, lambda i: fmt.days(back[i]), "10,000 d"),
            Column(
                self.tr("Whole"),
                whole,
                lambda i: fmt.days(whole[i]),
                "10,000 d",
                self.tr("From the peak to the recovery, or to the end of the run"),
            ),
        ]
        self.set_columns(columns, len(falls))


def tip(metric: Metric, row: Row | None) -> str:
    """Return what a statistic means, how it is computed and, where a row has none, why."""
    lines = [metric.title, metric.meaning, f"= {metric.formula}"]
    if row is not None and row.values[metric.name] is None:
        text = QCoreApplication.translate("StatisticsModel", "Undefined here: {why}")
        lines.append(text.format(why=row.undefined[metric.name]))
    return "\n".join(lines)


def _numbers(values: Any) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Return raw values to sort by; NaN, which comes last, for what is undefined."""
    return np.array([np.nan if value is None else value for value in values], np.float64)


def _days(title: str, instants: list[int]) -> Column:
    values = np.array(instants, np.int64)
    return Column(title, values, lambda i: fmt.date(int(values[i])), "2000-00-00")


def _keys(table: Table) -> Column:
    keys = [row.key for row in table.rows]
    ranks = np.argsort(np.argsort(np.array(keys, dtype=object), kind="stable"), kind="stable")
    widest = max(keys, key=len, default="")
    return Column(table.title, ranks, lambda i: keys[i], widest, is_figure=False)


def _figures(metric: Metric, rows: Sequence[Row], currency: str) -> Column:
    cells = [row.values[metric.name] for row in rows]
    values = _numbers(cells)
    most = float(np.nanmax(np.abs(values), initial=0.0)) if np.isfinite(values).any() else 0.0
    return Column(
        metric_title(metric, currency),
        values,
        lambda i: fmt.by_kind(cells[i], metric.kind),
        fmt.by_kind(-most, metric.kind),
        f"{metric.meaning}\n= {metric.formula}",
        is_change=metric.name in _CHANGES,
    )


def _texts(texts: Sequence[str]) -> Callable[[int], str]:
    """Return what a row shows; below the end of a stack nothing."""
    return lambda i: texts[i] if i < len(texts) else ""


def _side(title: str, row: Row, metrics: Sequence[Metric], every: Sequence[Metric]) -> Column:
    def words(shown: Sequence[Metric]) -> list[str]:
        return [fmt.by_kind(row.values[metric.name], metric.kind) for metric in shown]

    height = len(metrics)
    values = _numbers(row.values[metric.name] for metric in metrics)
    padded = np.append(values, np.full(len(every) - height, np.nan))
    sample = max(words(every), key=len)
    return Column(title, padded, _texts(words(metrics)), sample, is_change=True)
