"""The metrics of a run in groups, set in as many columns beside each other as there is room for.

A metric that is undefined shows an en dash; its tooltip says why. Every tooltip says what the metric means and how it
is computed.
"""

from typing import Any, Final

from PySide6.QtCore import (
    QAbstractTableModel,
    QCoreApplication,
    QObject,
    Qt,
)
from PySide6.QtGui import QColor

from desktop import fmt
from desktop.models.roles import (
    ACCESSIBLE,
    ALIGNMENT,
    DISPLAY,
    FONT,
    FOREGROUND,
    LEFT,
    NOWHERE,
    RAW,
    RIGHT,
    TOOL_TIP,
    Index,
    bold,
)
from desktop.tokens import Tokens
from engine.metric_table import METRICS, Metric
from engine.result import BacktestResult

BY_NAME: Final = {metric.name: metric for metric in METRICS}

GROUPS: Final[tuple[tuple[str, tuple[str, ...]], ...]] = (
    (
        "return",
        ("total_return", "cagr", "final_balance", "final_pnl"),
    ),
    (
        "benchmark",
        ("benchmark_return", "alpha", "beta", "information_ratio"),
    ),
    (
        "risk",
        (
            "max_drawdown", "max_drawdown_peak_date", "max_drawdown_date",
            "max_drawdown_recovery_date", "max_drawdown_duration", "volatility", "var_95",
            "cvar_95", "ulcer_index",
        ),
    ),
    (
        "ratios",
        ("sharpe_ratio", "sortino_ratio", "calmar_ratio", "recovery_factor"),
    ),
    (
        "shape",
        ("skew", "kurtosis", "tail_ratio"),
    ),
    (
        "trades",
        (
            "total_trades", "winning_trades", "losing_trades", "breakeven_trades", "win_rate",
            "profit_factor", "profit_loss_ratio", "avg_win", "avg_loss", "expectancy",
        ),
    ),
    (
        "activity",
        (
            "avg_holding_period", "avg_holding_bars", "exposure", "turnover", "sqn", "kelly",
        ),
    ),
)  # fmt: skip

Entry = Metric | str  # a metric, the key of a group, or an empty line
MOST_COLUMNS: Final = len(GROUPS)


def metric_text(metric: Metric, result: BacktestResult) -> str:
    """Return the value of a metric as people read it; the currency stands with the title."""
    return fmt.by_kind(result.metrics.get(metric.name), metric.kind)


def metric_title(metric: Metric, currency: str) -> str:
    """Return what a metric is called, with the currency where it is money."""
    return f"{metric.title}, {currency}" if metric.kind == "money" else metric.title


def metric_tip(metric: Metric, result: BacktestResult) -> str:
    """Return what a metric means, how it is computed and, where it is undefined, why."""
    lines = [metric.title, metric.meaning, f"= {metric.formula}"]
    if result.metrics.get(metric.name) is None:
        why = result.undefined.get(metric.name) or "it was not computed"
        text = QCoreApplication.translate("MetricsModel", "Undefined here: {why}")
        lines.append(text.format(why=why))
    return "\n".join(lines)


class MetricsModel(QAbstractTableModel):
    """Titles and values, two model columns for each column of groups."""

    def __init__(self, tokens: Tokens, parent: QObject | None = None) -> None:
        """Begin without a run."""
        super().__init__(parent)
        self._result: BacktestResult | None = None
        self._tokens = tokens
        self._stacks: list[list[Entry]] = []
        self._n_stacks = 1
        self._titles = {
            "return": self.tr("Return"),
            "benchmark": self.tr("Against the benchmark"),
            "risk": self.tr("Risk"),
            "ratios": self.tr("Return for risk"),
            "shape": self.tr("Shape of returns"),
            "trades": self.tr("Trades"),
            "activity": self.tr("Activity"),
        }

    def set_result(self, result: BacktestResult | None) -> None:
        """Show the metrics of a run, or none."""
        self.beginResetModel()
        self._result = result
        self._stacks = [] if result is None else stacked(self._n_stacks)
        self.endResetModel()

    def set_stacks(self, count: int) -> None:
        """Set the groups in so many columns beside each other."""
        count = max(1, min(count, MOST_COLUMNS))
        if count != self._n_stacks:
            self._n_stacks = count
            self.set_result(self._result)

    def set_tokens(self, tokens: Tokens) -> None:
        """Take other colours."""
        self._tokens = tokens
        if self.rowCount():
            last = self.index(self.rowCount() - 1, self.columnCount() - 1)
            self.dataChanged.emit(self.index(0, 0), last, [FOREGROUND])

    def entry(self, row: int, column: int) -> Entry | None:
        """Return the metric or the key of the group at a cell; None where the column has ended."""
        stack = self._stacks[column // 2]
        return stack[row] if row < len(stack) else None

    def rowCount(self, parent: Index = NOWHERE) -> int:
        """Return the number of rows."""
        return 0 if parent.isValid() else max(map(len, self._stacks), default=0)

    def columnCount(self, parent: Index = NOWHERE) -> int:
        """Return the number of columns."""
        return 0 if parent.isValid() else 2 * len(self._stacks)

    def flags(self, index: Index) -> Qt.ItemFlag:
        """Return what can be done with a cell."""
        if index.isValid() and isinstance(self.entry(index.row(), index.column()), Metric):
            return Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable
        return Qt.ItemFlag.NoItemFlags

    def data(self, index: Index, role: int = DISPLAY) -> Any:
        """Return what a cell has to say in a role."""
        if not index.isValid() or self._result is None:
            return None
        entry = self.entry(index.row(), index.column())
        if entry is None or entry == "":
            return None
        is_value = index.column() % 2 == 1
        if isinstance(entry, str):
            return None if is_value else self._title(entry, role)
        return self._metric(entry, is_value, role, self._result)

    def _title(self, key: str, role: int) -> Any:
        if role in (DISPLAY, ACCESSIBLE):
            return self._titles[key]
        if role == FONT:
            return bold()
        if role == FOREGROUND:
            return QColor(self._tokens.text)
        return None

    def _metric(self, metric: Metric, is_value: bool, role: int, result: BacktestResult) -> Any:
        title = metric_title(metric, result.config.account.currency)
        if role == DISPLAY:
            return metric_text(metric, result) if is_value else title
        if role == TOOL_TIP:
            return metric_tip(metric, result)
        if role == ALIGNMENT:
            return RIGHT if is_value else LEFT
        if role == FOREGROUND:
            return None if is_value else QColor(self._tokens.muted)
        if role == RAW and is_value:
            return result.metrics.get(metric.name)
        if role == ACCESSIBLE:
            return f"{title}: {metric_text(metric, result)}"
        return None


def stacked(count: int) -> list[list[Entry]]:
    """Return the groups, whole and in order, in ``count`` columns whose longest is as short as can be."""
    heights = [len(names) + 1 for _, names in GROUPS]
    ends = _partition(heights, count)
    stacks: list[list[Entry]] = []
    start = 0
    for end in ends:
        stack: list[Entry] = []
        for key, names in GROUPS[start:end]:
            if stack:
                stack.append("")
            stack += [key, *(BY_NAME[name] for name in names)]
        stacks.append(stack)
        start = end
    return stacks


def _partition(heights: list[int], count: int) -> list[int]:
    """Return where each of at most ``count`` runs of consecutive groups ends; an empty line parts groups of a run."""
    for limit in range(max(heights), sum(heights) + len(heights)):
        ends, used = [], heights[0]
        for index, height in enumerate(heights[1:], start=1):
            used += 1 + height
            if used > limit:
                ends.append(index)
                used = height
        if len(ends) < count:
            return [*ends, len(heights)]
    return [len(heights)]
