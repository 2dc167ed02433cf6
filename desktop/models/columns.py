"""A table over columns of numpy arrays, sorted by their raw values.

Sorting moves row numbers, never rows: a hundred thousand of them take a few milliseconds.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QAbstractTableModel, QObject, Qt
from PySide6.QtGui import QColor

from desktop.models.roles import (
    ACCESSIBLE,
    ALIGNMENT,
    DISPLAY,
    FOREGROUND,
    LEFT,
    NOWHERE,
    RAW,
    RIGHT,
    SAMPLE,
    TOOL_TIP,
    Index,
)
from desktop.tokens import Tokens


@dataclass(frozen=True)
class Column:
    """One column.

    Attributes:
        title: the header.
        values: (n_rows,) raw numbers that it is sorted by; NaN comes last either way.
        text: what a row shows, by its number in the arrays.
        sample: what it must have room for, one text a line.
        hint: what the header's tooltip says.
        is_figure: aligned right.
        is_change: coloured as a gain or a loss.
    """

    title: str
    values: NDArray[Any]
    text: Callable[[int], str]
    sample: str
    hint: str = ""
    is_figure: bool = True
    is_change: bool = False


class ColumnsModel(QAbstractTableModel):
    """Rows of equally long columns."""

    def __init__(self, tokens: Tokens, parent: QObject | None = None) -> None:
        """Begin without columns."""
        super().__init__(parent)
        self._columns: list[Column] = []
        self._order: NDArray[np.int64] = np.empty(0, np.int64)
        self._sorted_by: tuple[int, Qt.SortOrder] = (-1, Qt.SortOrder.AscendingOrder)
        self._tokens = tokens
        self._inks = _inks(tokens)

    def set_columns(self, columns: list[Column], n_rows: int) -> None:
        """Show other rows; the sort of the rows before stays in force."""
        self.beginResetModel()
        self._columns = columns
        self._order = np.arange(n_rows, dtype=np.int64)
        if self._sorted_by[0] >= 0:
            self._order = self._ordered(*self._sorted_by)
        self.endResetModel()

    def set_tokens(self, tokens: Tokens) -> None:
        """Take other colours."""
        self._tokens, self._inks = tokens, _inks(tokens)
        if len(self._order) and self._columns:
            last = self.index(len(self._order) - 1, len(self._columns) - 1)
            self.dataChanged.emit(self.index(0, 0), last, [FOREGROUND])

    def item_at(self, row: int) -> int:
        """Return which item of the arrays a row shows."""
        return int(self._order[row])

    def row_of(self, item: int) -> int:
        """Return the row that shows an item of the arrays; -1 when none does."""
        found = np.flatnonzero(self._order == item)
        return int(found[0]) if len(found) else -1

    def rowCount(self, parent: Index = NOWHERE) -> int:
        """Return the number of rows."""
        return 0 if parent.isValid() else len(self._order)

    def columnCount(self, parent: Index = NOWHERE) -> int:
        """Return the number of columns."""
        return 0 if parent.isValid() else len(self._columns)

    def data(self, index: Index, role: int = DISPLAY) -> Any:
        """Return what a cell has to say in a role."""
        if not index.isValid():
            return None
        column = self._columns[index.column()]
        if role in (DISPLAY, TOOL_TIP):
            return column.text(int(self._order[index.row()]))
        if role == ALIGNMENT:
            return RIGHT if column.is_figure else LEFT
        if role == FOREGROUND:
            if not column.is_change:
                return None
            return self._inks[_sign(float(column.values[self._order[index.row()]]))]
        if role == RAW:
            return column.values[self._order[index.row()]].item()
        if role == ACCESSIBLE:
            return f"{column.title}: {column.text(int(self._order[index.row()]))}"
        return None

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = DISPLAY) -> Any:
        """Return what a header has to say in a role."""
        if orientation is not Qt.Orientation.Horizontal or not 0 <= section < len(self._columns):
            return None
        column = self._columns[section]
        if role == DISPLAY:
            return column.title
        if role == TOOL_TIP:
            return column.hint or None
        if role == ALIGNMENT:
            return RIGHT if column.is_figure else LEFT
        if role == SAMPLE:
            return column.sample
        return None

    def sort(self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder) -> None:
        """Sort by the raw values of a column; rows with equal ones keep the arrays' order."""
        self._sorted_by = (column, order)
        self.layoutAboutToBeChanged.emit()
        before = self.persistentIndexList()
        items = [self.item_at(index.row()) for index in before]
        self._order = self._ordered(column, order)
        rows = np.empty_like(self._order)
        rows[self._order] = np.arange(len(rows))
        after = [
            self.index(int(rows[item]), index.column())
            for item, index in zip(items, before, strict=True)
        ]
        self.changePersistentIndexList(before, after)
        self.layoutChanged.emit()

    def _ordered(self, column: int, order: Qt.SortOrder) -> NDArray[np.int64]:
        if not 0 <= column < len(self._columns):
            return np.arange(len(self._order), dtype=np.int64)
        values = self._columns[column].values
        descending = order is Qt.SortOrder.DescendingOrder
        return np.argsort(-values if descending else values, kind="stable").astype(np.int64)


def _inks(tokens: Tokens) -> dict[int, QColor]:
    return {sign: QColor(tokens.of_change(sign)) for sign in (-1, 0, 1)}


def _sign(value: float) -> int:
    return (value > 0) - (value < 0)
