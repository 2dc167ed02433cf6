"""A window with two to ten runs side by side: curves over each other, metrics with the best marked, what differs."""

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QCloseEvent, QKeySequence, QShortcut
from PySide6.QtWidgets import (
    QButtonGroup,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSplitter,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from desktop.charts.stack import ChartStack
from desktop.models.compare import CompareModel, DifferencesModel
from desktop.presenters.compare import ComparePresenter, CompareView
from desktop.presenters.run import Failure
from desktop.tokens import Tokens
from desktop.views.empty import StateView
from desktop.views.legend import Legend
from desktop.views.run_charts import CompareCharts, compare_charts_of
from desktop.views.table import DataTable

_SETTINGS_SHARE = 0.75
_HEIGHTS = (62, 38, 0)  # shares of equity, drawdown and price


class CompareWindow(QWidget):
    """One of any number of compare windows; it deletes itself when it is closed.

    Signals:
        closed(): the window is about to go; its geometry can still be read.
    """

    closed = Signal()

    def __init__(
        self, presenter: ComparePresenter, tokens: Tokens, parent: QWidget | None = None
    ) -> None:
        """Open empty and show the runs as soon as the presenter has them."""
        super().__init__(parent, Qt.WindowType.Window)
        self.setObjectName("compare_window")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(self.tr("Compare – {n} runs").format(n=len(presenter.run_ids)))
        self.resize(1120, 760)
        presenter.setParent(self)
        self._presenter = presenter
        self._drawn: CompareCharts | None = None
        self.charts = ChartStack(tokens, parent=self)
        self.charts.set_price_shown(False)
        self.charts.share_height(*_HEIGHTS)
        self.legend = Legend(tokens, self)
        self.cautions = QLabel(self)
        self.cautions.setProperty("role", "warn")
        self.cautions.setWordWrap(True)
        self.metrics = CompareModel(tokens, self)
        self.differences = DifferencesModel(tokens, self)
        self.state = StateView(self)
        self.state.show_loading(self.tr("Reading the runs…"))
        self._pages = QStackedWidget(self)
        self._pages.addWidget(self.state)
        self._pages.addWidget(self._make_page())
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._pages)
        for keys in QKeySequence.keyBindings(QKeySequence.StandardKey.Close) or [
            QKeySequence("Ctrl+W")
        ]:
            QShortcut(keys, self, self.close)
        self.state.action_requested.connect(self.close)
        presenter.loaded.connect(self._on_presenter_loaded)
        presenter.failed.connect(self._on_presenter_failed)
        presenter.load()

    def set_tokens(self, tokens: Tokens) -> None:
        """Take other colours."""
        for part in (self.charts, self.legend, self.metrics, self.differences):
            part.set_tokens(tokens)

    def show_money(self, as_money: bool) -> None:
        """Draw equity as money, or as a share of each run's initial capital."""
        if self._drawn is not None:
            equity = self._drawn.money if as_money else self._drawn.share
            self.charts.show_comparison(equity, self._drawn.drawdown, percent=not as_money)

    def closeEvent(self, event: QCloseEvent) -> None:
        """Tell that the window goes."""
        self._presenter.forget()
        self.closed.emit()
        super().closeEvent(event)

    def _make_page(self) -> QWidget:
        page = QWidget(self)
        head = QVBoxLayout()
        head.setContentsMargins(12, 10, 12, 8)
        head.setSpacing(6)
        line = QHBoxLayout()
        line.setSpacing(12)
        line.addWidget(self.legend, 1)
        line.addWidget(self._make_switch(), 0, Qt.AlignmentFlag.AlignTop)
        head.addLayout(line)
        head.addWidget(self.cautions)
        split = QSplitter(Qt.Orientation.Vertical, page)
        split.setHandleWidth(1)
        split.setChildrenCollapsible(False)
        split.addWidget(self.charts)
        split.addWidget(self._make_tables())
        split.setStretchFactor(0, 58)
        split.setStretchFactor(1, 42)
        split.setSizes([580, 420])
        layout = QVBoxLayout(page)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addLayout(head)
        layout.addWidget(split, 1)
        return page

    def _make_switch(self) -> QWidget:
        switch = QWidget(self)
        row = QHBoxLayout(switch)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(0)
        self.as_share = QPushButton(self.tr("% of start"), switch)
        self.as_money = QPushButton(self.tr("Money"), switch)
        group = QButtonGroup(switch)
        for button in (self.as_share, self.as_money):
            button.setCheckable(True)
            button.setProperty("dense", True)
            group.addButton(button)
            row.addWidget(button)
        self.as_share.setChecked(True)
        self.as_share.setAccessibleName(self.tr("Equity in percent of the initial capital"))
        self.as_money.setAccessibleName(self.tr("Equity in money"))
        self.as_money.toggled.connect(self.show_money)
        return switch

    def _make_tables(self) -> QWidget:
        self.metrics_table = DataTable(self.tr("Metrics of all runs"), self)
        self.metrics_table.setModel(self.metrics)
        self.differences_table = DataTable(self.tr("Settings that differ"), self)
        self.differences_table.setModel(self.differences)
        self._same = StateView(self)
        self._same.show_empty(
            self.tr("Nothing differs"), self.tr("The runs were set up alike, on the same data.")
        )
        self._difference_pages = QStackedWidget(self)
        self._difference_pages.addWidget(self.differences_table)
        self._difference_pages.addWidget(self._same)
        split = QSplitter(Qt.Orientation.Horizontal, self)
        split.setHandleWidth(1)
        split.setChildrenCollapsible(False)
        split.addWidget(self.metrics_table)
        split.addWidget(self._difference_pages)
        self._tables = split
        return split

    def _share_width(self) -> None:
        """Let each table have what it needs; where that is too much, the settings are the first to be scrolled."""
        settings = self.differences_table.needed_width * _SETTINGS_SHARE
        self._tables.setSizes([self.metrics_table.needed_width, round(settings)])

    def _on_presenter_loaded(self, view: CompareView) -> None:
        drawn = view.drawn if isinstance(view.drawn, CompareCharts) else compare_charts_of(view)
        self._drawn = drawn
        labels = tuple(curve.label for curve in view.curves)
        self.legend.show_runs(view.curves)
        self.cautions.setText("\n".join(view.comparison.cautions))
        self.cautions.setVisible(bool(view.comparison.cautions))
        self.metrics.set_comparison(view.comparison, labels)
        self.differences.set_comparison(view.comparison, labels)
        differ = bool(view.comparison.differences)
        self._difference_pages.setCurrentWidget(self.differences_table if differ else self._same)
        self._share_width()
        self.show_money(self.as_money.isChecked())
        self._pages.setCurrentIndex(1)

    def _on_presenter_failed(self, failure: Failure) -> None:
        self.state.show_failure(
            self.tr("The runs can't be compared"), failure, self.tr("Close the window")
        )
        self._pages.setCurrentIndex(0)
