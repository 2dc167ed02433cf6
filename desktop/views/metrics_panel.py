"""All metrics of a run, in as many columns as there is room for."""

from PySide6.QtGui import QFontMetrics, QResizeEvent
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QVBoxLayout, QWidget

from desktop.models.metrics import GROUPS, MetricsModel
from desktop.theme import font
from desktop.tokens import Tokens
from desktop.views.table import DataTable
from engine.metric_table import METRICS
from engine.result import BacktestResult

_VALUE = "−10,000,000.00"


class MetricsPanel(QWidget):
    """Titles and values under the headings of their groups."""

    def __init__(self, tokens: Tokens, parent: QWidget | None = None) -> None:
        """Begin without a run."""
        super().__init__(parent)
        self.model = MetricsModel(tokens, self)
        self.table = DataTable(self.tr("Metrics"), self)
        self.table.shares_room = False  # its columns are shared out below, by twos
        self.table.horizontalHeader().hide()
        self.table.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        self.table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectItems)
        self.table.setModel(self.model)
        self.model.modelReset.connect(self._set_widths)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.table)

    def show_result(self, result: BacktestResult | None) -> None:
        """Show the metrics of a run, or none."""
        self.model.set_result(result)

    def set_tokens(self, tokens: Tokens) -> None:
        """Take other colours."""
        self.model.set_tokens(tokens)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Set the groups in as many columns as fit."""
        super().resizeEvent(event)
        title, value = self._needs()
        self.model.set_stacks(min(len(GROUPS), self.width() // (title + value)))
        self._set_widths()

    def _needs(self) -> tuple[int, int]:
        metrics = QFontMetrics(font())
        title = max(metrics.horizontalAdvance(metric.title) for metric in METRICS)
        return title + 24, metrics.horizontalAdvance(_VALUE) + 24

    def _set_widths(self) -> None:
        """Share the width: values stand near their titles, and the stacks fill the room."""
        stacks = self.model.columnCount() // 2
        if stacks:
            title, value = self._needs()
            room = self.table.viewport().width() // stacks
            for stack in range(stacks):
                self.table.setColumnWidth(2 * stack, min(room - value, title + 80))
                rest = room - min(room - value, title + 80)
                self.table.setColumnWidth(2 * stack + 1, rest)
