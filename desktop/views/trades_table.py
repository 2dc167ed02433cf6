"""The trades of a run; choosing one tells which, so that the chart can go there."""

from PySide6.QtCore import QItemSelectionModel, QModelIndex, Qt, Signal
from PySide6.QtWidgets import QAbstractItemView, QStackedLayout, QWidget

from desktop.models.trades import TradeArrays, TradesModel
from desktop.tokens import Tokens
from desktop.views.empty import StateView
from desktop.views.table import DataTable
from engine.result import BacktestResult


class TradesTable(QWidget):
    """Round trips, sorted by any column.

    Signals:
        trade_chosen(int): a row was clicked or reached by keyboard; which of the result's trades it is.
    """

    trade_chosen = Signal(int)

    def __init__(self, tokens: Tokens, parent: QWidget | None = None) -> None:
        """Begin without trades."""
        super().__init__(parent)
        self.model = TradesModel(tokens, self)
        self.table = DataTable(self.tr("Trades"), self)
        self.table.setModel(self.model)
        self.table.setSortingEnabled(True)
        self.table.horizontalHeader().setSortIndicator(0, Qt.SortOrder.AscendingOrder)
        self.table.selectionModel().currentRowChanged.connect(self._on_current_row_changed)
        self.empty = StateView(self, calm=True)
        self._layout = QStackedLayout(self)
        self._layout.addWidget(self.empty)
        self._layout.addWidget(self.table)
        self._is_told = False
        self.show_result(None)

    def show_result(self, result: BacktestResult | None, arrays: TradeArrays | None = None) -> None:
        """Show the trades of a run, or say why there are none."""
        self.model.set_result(result, arrays)
        has_rows = self.model.rowCount() > 0
        if result is None:
            self.empty.show_empty(self.tr("Trades appear when the run is finished"))
        elif not has_rows:
            self.empty.show_empty(self.tr("No trade was closed"), self._why(result))
        self._layout.setCurrentWidget(self.table if has_rows else self.empty)

    def select(self, trade: int) -> None:
        """Mark a trade and bring its row in sight; says nothing, for whoever asks knows it."""
        row = self.model.row_of(trade)
        if row < 0:
            return
        index = self.model.index(row, 0)
        flag = QItemSelectionModel.SelectionFlag
        self._is_told = True
        # Not selectRow: that asks the keyboard, and Shift may be held on the chart.
        self.table.selectionModel().setCurrentIndex(index, flag.ClearAndSelect | flag.Rows)
        self._is_told = False
        self.table.scrollTo(index, QAbstractItemView.ScrollHint.PositionAtCenter)

    def set_tokens(self, tokens: Tokens) -> None:
        """Take other colours."""
        self.model.set_tokens(tokens)

    def _why(self, result: BacktestResult) -> str:
        held = len(result.open_positions)
        if held:
            text = self.tr(
                "Positions that are still open at the end: {n}. They count in the equity."
            )
            return text.format(n=held)
        if len(result.orders):
            return self.tr("Orders were given, but none led to a trade: see the notes.")
        return self.tr("The strategy gave no signal in this range.")

    def _on_current_row_changed(self, current: QModelIndex) -> None:
        if current.isValid() and not self._is_told:
            self.trade_chosen.emit(self.model.item_at(current.row()))
