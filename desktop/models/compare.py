"""Runs side by side as tables: metrics with the best marked, and the settings that differ.

The best is bold and says so to assistive technology; colour only repeats it.
"""

from typing import Any

from PySide6.QtCore import QAbstractTableModel, QObject, Qt
from PySide6.QtGui import QColor

from desktop import fmt
from desktop.models.metrics import BY_NAME, metric_title
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
    SAMPLE,
    TOOL_TIP,
    Index,
    bold,
)
from desktop.service.comparing import Comparison
from desktop.tokens import Tokens
from engine.metric_table import METRICS, Metric
from engine.strategies import registry

_SHOWN = 80  # characters of a setting
_HASH = 8


class _SideBySide(QAbstractTableModel):
    """A table whose first column names the row and whose others are runs."""

    def __init__(self, tokens: Tokens, parent: QObject | None = None) -> None:
        """Begin without runs."""
        super().__init__(parent)
        self._tokens = tokens
        self._comparison: Comparison | None = None
        self._titles: tuple[str, ...] = ()

    def set_comparison(self, comparison: Comparison, titles: tuple[str, ...]) -> None:
        """Show these runs under these titles."""
        self.beginResetModel()
        self._comparison, self._titles = comparison, titles
        self.endResetModel()

    def set_tokens(self, tokens: Tokens) -> None:
        """Take other colours."""
        self._tokens = tokens
        if self.rowCount():
            last = self.index(self.rowCount() - 1, self.columnCount() - 1)
            self.dataChanged.emit(self.index(0, 0), last, [FOREGROUND])
            self.headerDataChanged.emit(Qt.Orientation.Horizontal, 0, len(self._titles))

    def columnCount(self, parent: Index = NOWHERE) -> int:
        """Return the number of columns."""
        return 0 if parent.isValid() or self._comparison is None else len(self._titles) + 1

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = DISPLAY) -> Any:
        """Return what a header has to say in a role."""
        if orientation is not Qt.Orientation.Horizontal or not 0 <= section < self.columnCount():
            return None
        is_run = section > 0
        title = self._titles[section - 1] if is_run else self.corner()
        if role in (DISPLAY, TOOL_TIP):
            return title
        if role == ALIGNMENT:
            return RIGHT if is_run else LEFT
        if role == FOREGROUND and is_run:
            return QColor(self._tokens.series[(section - 1) % len(self._tokens.series)])
        if role == SAMPLE:
            return "−1,000,000.00" if is_run else self.widest()
        return None

    def corner(self) -> str:
        """Return the header of the first column."""
        return ""

    def widest(self) -> str:
        """Return the names of the rows, one a line."""
        return ""


class CompareModel(_SideBySide):
    """Metric by run."""

    def corner(self) -> str:
        """Return the header of the first column."""
        return self.tr("Metric")

    def widest(self) -> str:
        """Return the names of the rows, one a line."""
        return "\n".join(metric.title for metric in METRICS)

    def is_best(self, row: int, column: int) -> bool:
        """Tell whether a cell holds the best value of its metric."""
        comparison = self._comparison
        return comparison is not None and column - 1 in comparison.metrics[row].best

    def rowCount(self, parent: Index = NOWHERE) -> int:
        """Return the number of rows."""
        return 0 if parent.isValid() or self._comparison is None else len(self._comparison.metrics)

    def data(self, index: Index, role: int = DISPLAY) -> Any:
        """Return what a cell has to say in a role."""
        comparison = self._comparison
        if not index.isValid() or comparison is None:
            return None
        metric, column = comparison.metrics[index.row()], index.column()
        currencies = {run.currency for run in comparison.runs}
        shared = currencies.pop() if len(currencies) == 1 else ""
        if column == 0:
            return self._name(BY_NAME[metric.name], shared, role)
        run, value = comparison.runs[column - 1], metric.values[column - 1]
        best = self.is_best(index.row(), column)
        text = fmt.by_kind(value, metric.kind, "" if shared else run.currency)
        if role == DISPLAY:
            return text
        if role == ALIGNMENT:
            return RIGHT
        if role == FONT:
            return bold() if best else None
        if role == FOREGROUND:
            return QColor(self._tokens.accent) if best else None
        if role == RAW:
            return value
        if role == ACCESSIBLE:
            words = f"{metric.title}, {self._titles[column - 1]}: {text}"
            return self.tr("{words}, best").format(words=words) if best else words
        if role == TOOL_TIP:
            if value is None:
                return run.undefined.get(metric.name) or self.tr("Undefined")
            return self.tr("Best of these runs") if best else text
        return None

    def _name(self, metric: Metric, currency: str, role: int) -> Any:
        if role in (DISPLAY, ACCESSIBLE, RAW):
            return metric_title(metric, currency) if currency else metric.title
        if role == TOOL_TIP:
            return f"{metric.meaning}\n= {metric.formula}"
        if role == ALIGNMENT:
            return LEFT
        return QColor(self._tokens.muted) if role == FOREGROUND else None


class DifferencesModel(_SideBySide):
    """Setting by run, only those that are not the same everywhere."""

    def corner(self) -> str:
        """Return the header of the first column."""
        return self.tr("Setting")

    def widest(self) -> str:
        """Return the names of the rows, one a line."""
        found = () if self._comparison is None else self._comparison.differences
        return "\n".join(setting_title(difference.key) for difference in found)

    def rowCount(self, parent: Index = NOWHERE) -> int:
        """Return the number of rows."""
        if parent.isValid() or self._comparison is None:
            return 0
        return len(self._comparison.differences)

    def data(self, index: Index, role: int = DISPLAY) -> Any:
        """Return what a cell has to say in a role."""
        if not index.isValid() or self._comparison is None:
            return None
        difference, column = self._comparison.differences[index.row()], index.column()
        if column == 0:
            if role in (DISPLAY, ACCESSIBLE):
                return setting_title(difference.key)
            if role in (TOOL_TIP, RAW):
                return difference.key
            if role == FOREGROUND:
                return QColor(self._tokens.muted)
            return LEFT if role == ALIGNMENT else None
        value = difference.values[column - 1]
        text = setting_text(difference.key, value)
        if role == DISPLAY:
            return text
        if role in (TOOL_TIP, RAW):
            return _words(value)
        if role == ALIGNMENT:
            return RIGHT
        if role == ACCESSIBLE:
            return f"{setting_title(difference.key)}, {self._titles[column - 1]}: {text}"
        return None


def setting_title(key: str) -> str:
    """Return what people call a setting: ``strategy.params.fast`` is ``Strategy · fast``."""
    parts = [part.replace("_", " ") for part in key.split(".") if part != "params"]
    title = " · ".join(parts)
    return title[:1].upper() + title[1:]


def setting_text(key: str, value: Any) -> str:
    """Return a setting's value, cut where it is long; of a hash the beginning; an en dash for none."""
    text = _words(value)
    if key == "strategy.name":
        return registry.title_of(text)
    if key.endswith("_hash") and value is not None:
        return text[:_HASH]
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…"


def _words(value: Any) -> str:
    if value is None:
        return fmt.UNDEFINED
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return ", ".join(map(_words, value)) or fmt.UNDEFINED
    return str(value)
