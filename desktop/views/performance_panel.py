"""How a run did, table by table: months, sides, falls, years, symbols.

The figures come computed; tables are filled when the panel is looked at, not before.
"""

from PySide6.QtCore import QAbstractItemModel, QModelIndex, QPersistentModelIndex, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QResizeEvent, QShowEvent
from PySide6.QtWidgets import (
    QHBoxLayout,
    QHeaderView,
    QListWidget,
    QListWidgetItem,
    QStackedWidget,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QWidget,
)

from desktop.models.months import MonthsModel
from desktop.models.roles import BACKGROUND
from desktop.models.statistics import (
    STACK,
    SYMBOL_COLUMNS,
    YEAR_COLUMNS,
    FallsModel,
    SidesModel,
    StatisticsModel,
)
from desktop.tokens import Tokens
from desktop.views.empty import StateView
from desktop.views.table import DataTable
from engine.result import BacktestResult
from engine.statistics.performance import Performance

_CHOICE_WIDTH = 148
_MOST_STACKS = 3


class GroundDelegate(QStyledItemDelegate):
    """Paints the ground that the model gives a cell, which style sheets leave out."""

    def paint(
        self,
        painter: QPainter,
        option: QStyleOptionViewItem,
        index: QModelIndex | QPersistentModelIndex,
    ) -> None:
        """Paint the ground, and the cell on it."""
        ground = index.data(BACKGROUND)
        if isinstance(ground, QColor):
            painter.fillRect(option.rect, ground)
        super().paint(painter, option, index)


class PerformancePanel(QWidget):
    """A choice of tables on the left, the chosen one beside it."""

    def __init__(self, tokens: Tokens, parent: QWidget | None = None) -> None:
        """Begin without a run."""
        super().__init__(parent)
        self._result: BacktestResult | None = None
        self._performance: Performance | None = None
        self._is_filled = True
        self.months = MonthsModel(tokens, self)
        self.sides = SidesModel(tokens, self)
        self.falls = FallsModel(tokens, self)
        self.years = StatisticsModel(tokens, self)
        self.symbols = StatisticsModel(tokens, self)
        self.choice = QListWidget(self)
        self.choice.setAccessibleName(self.tr("Tables of the performance"))
        self.choice.setFixedWidth(_CHOICE_WIDTH)
        self.choice.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.pages = QStackedWidget(self)
        self.empty = StateView(self)
        self.tables: list[DataTable] = []
        for title, model, can_sort in self._chapters():
            self._add(title, model, can_sort)
        self.pages.addWidget(self.empty)
        self.tables[0].setItemDelegate(GroundDelegate(self))
        self.tables[0].setProperty("dense", True)  # fourteen columns
        self.tables[0].horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
        self.choice.currentRowChanged.connect(self._show_page)
        self.choice.setCurrentRow(0)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self.choice)
        layout.addWidget(self.pages, 1)
        self.show_result(None, None)

    def show_result(self, result: BacktestResult | None, performance: Performance | None) -> None:
        """Show the tables of a run, or none; they are filled at the next look."""
        self._result, self._performance = result, performance
        self._is_filled = False
        if self.isVisible() or performance is None:
            self._fill()

    def set_tokens(self, tokens: Tokens) -> None:
        """Take other colours."""
        for model in (self.months, self.sides, self.falls, self.years, self.symbols):
            model.set_tokens(tokens)

    def showEvent(self, event: QShowEvent) -> None:
        """Fill the tables, if that was put off."""
        super().showEvent(event)
        self._fill()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Set the statistics by side in as many stacks as fit."""
        super().resizeEvent(event)
        self._stack_sides()

    def _chapters(self) -> list[tuple[str, QAbstractItemModel, bool]]:
        return [
            (self.tr("Months"), self.months, False),
            (self.tr("Long and short"), self.sides, False),
            (self.tr("Deepest falls"), self.falls, True),
            (self.tr("Years"), self.years, True),
            (self.tr("Symbols"), self.symbols, True),
        ]

    def _add(self, title: str, model: QAbstractItemModel, can_sort: bool) -> None:
        table = DataTable(title, self)
        table.setModel(model)
        if can_sort:
            table.setSortingEnabled(True)
            table.horizontalHeader().setSortIndicator(0, Qt.SortOrder.AscendingOrder)
        self.tables.append(table)
        item = QListWidgetItem(title)
        # A list that was never shown takes its items for as high as their text.
        item.setSizeHint(QSize(0, table.verticalHeader().defaultSectionSize() + 4))
        self.choice.addItem(item)
        self.pages.addWidget(table)

    def _fill(self) -> None:
        if self._is_filled:
            return
        self._is_filled = True
        result, figures = self._result, self._performance
        if result is None or figures is None:
            self.months.set_years(())
            self.sides.set_table(None)
            self.falls.set_falls(())
            self.years.set_table(None)
            self.symbols.set_table(None)
        else:
            currency = result.config.account.currency
            self.months.set_years(figures.months)
            self.sides.set_table(figures.sides, currency)
            self.falls.set_falls(figures.falls, currency)
            self.years.set_table(figures.years, YEAR_COLUMNS, currency)
            self.symbols.set_table(figures.symbols, SYMBOL_COLUMNS, currency)
        self._stack_sides()
        self._show_page(self.choice.currentRow())

    def _stack_sides(self) -> None:
        sides = self.tables[1]
        width = sum(sides.columnWidth(column) for column in range(STACK))
        room = self.pages.width() - sides.verticalScrollBar().sizeHint().width()
        if self.sides.rowCount():
            self.sides.set_stacks(max(1, min(_MOST_STACKS, room // width)))

    def _show_page(self, row: int) -> None:
        if row < 0:
            return
        why = self._why_empty(self.tables[row])
        if why:
            self.empty.show_empty(*why)
        self.pages.setCurrentWidget(self.empty if why else self.tables[row])

    def _why_empty(self, table: DataTable) -> tuple[str, ...]:
        """Return what to say instead of a table; nothing where it has something to say itself."""
        result = self._result
        if result is None:
            return (self.tr("Figures appear when the run is finished"),)
        if len(result.time_ns) == 0:
            return (self.tr("The run was stopped before its first bar"),)
        model = table.model()
        if model is self.sides and len(result.trades) == 0:
            text = self.tr("Open positions count in the equity: see the months and the years.")
            return self.tr("No trade was closed"), text
        if model is self.falls and model.rowCount() == 0:
            text = self.tr("Every bar ended at the highest equity so far.")
            return self.tr("Equity never fell"), text
        return ()
