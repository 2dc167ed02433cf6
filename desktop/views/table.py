"""The table of this program: dense rows, columns as wide as their widest figure, copied with their headers."""

from PySide6.QtCore import QAbstractItemModel, QModelIndex, Qt, Signal
from PySide6.QtGui import QFontMetrics, QGuiApplication, QKeyEvent, QKeySequence, QResizeEvent
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QTableView, QWidget

from desktop.models.roles import SAMPLE
from desktop.theme import font

ROW_HEIGHT = 24
MOST_COPIED = 10_000  # rows; more are a matter for an export
_PADDING = 24
_ARROW = 14
_WIDEST_TITLE = 128  # a longer one is cut, and whole in its tooltip
_MOST_SPARE = (
    48  # pixels that a column may be wider than it needs to be: figures must stay near each other
)


class DataTable(QTableView):
    """A table view with the habits that traders know from other tables.

    Signals:
        opened(QModelIndex): a double click on a row, or Enter.
    """

    opened = Signal(QModelIndex)

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        """Make an empty table that assistive technology calls ``name``."""
        super().__init__(parent)
        self.setAccessibleName(name)
        self.setShowGrid(False)
        self.setWordWrap(False)
        self.setCornerButtonEnabled(False)
        self.setTabKeyNavigation(False)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        rows = self.verticalHeader()
        rows.hide()
        rows.setMinimumSectionSize(ROW_HEIGHT)
        rows.setDefaultSectionSize(max(ROW_HEIGHT, QFontMetrics(font()).height() + 8))
        rows.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        head = self.horizontalHeader()
        head.setHighlightSections(False)
        head.setMinimumSectionSize(32)
        head.setTextElideMode(Qt.TextElideMode.ElideRight)
        self.doubleClicked.connect(self.opened)
        self.shares_room = True
        self._needs: list[int] = []

    def setModel(self, model: QAbstractItemModel | None) -> None:
        """Show a model and make its columns as wide as they need to be."""
        super().setModel(model)
        if model is not None:
            model.modelReset.connect(self.fit_columns)
        self.fit_columns()

    def fit_columns(self) -> None:
        """Make each column as wide as its header and the widest text it is made for."""
        model = self.model()
        if model is None:
            return
        body, head = QFontMetrics(font()), QFontMetrics(font("caption", strong=True))
        self._needs = []
        for column in range(model.columnCount()):
            title = str(model.headerData(column, Qt.Orientation.Horizontal) or "")
            sample = str(model.headerData(column, Qt.Orientation.Horizontal, SAMPLE) or "")
            wanted = max(
                max(map(body.horizontalAdvance, sample.split("\n"))),
                min(head.horizontalAdvance(title) + _ARROW, _WIDEST_TITLE),
            )
            self._needs.append(wanted + _PADDING)
        self._share_room()

    @property
    def needed_width(self) -> int:
        """The width at which nothing has to be scrolled sideways."""
        return (
            sum(self._needs) + self.verticalScrollBar().sizeHint().width() + 2 * self.frameWidth()
        )

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Share the room that there is now."""
        super().resizeEvent(event)
        if self.shares_room:
            self._share_room()

    def _share_room(self) -> None:
        """Give every column what it needs and an equal part of the room that is left."""
        if not self._needs:
            return
        left = self.viewport().width() - sum(self._needs)
        spare = min(max(0, left // len(self._needs)), _MOST_SPARE) if self.shares_room else 0
        for column, needed in enumerate(self._needs):
            self.setColumnWidth(column, needed + spare)

    def selected_rows(self) -> list[int]:
        """Return the selected rows, top to bottom."""
        selection = self.selectionModel()
        return sorted(index.row() for index in selection.selectedRows()) if selection else []

    def selection_text(self) -> str:
        """Return the selected rows with their headers, cells parted by tabs."""
        model = self.model()
        columns = range(model.columnCount())
        across = Qt.Orientation.Horizontal
        lines = ["\t".join(str(model.headerData(c, across) or "") for c in columns)]
        rows = self.selected_rows()
        lines += [
            "\t".join(str(model.index(row, c).data() or "") for c in columns)
            for row in rows[:MOST_COPIED]
        ]
        if len(rows) > MOST_COPIED:
            more = self.tr("{n} more rows: export them instead")
            lines.append(more.format(n=len(rows) - MOST_COPIED))
        return "\n".join(lines)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Copy rows, or open the current one."""
        if event.matches(QKeySequence.StandardKey.Copy):
            QGuiApplication.clipboard().setText(self.selection_text())
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            if self.currentIndex().isValid():
                self.opened.emit(self.currentIndex())
        else:
            super().keyPressEvent(event)
