"""One run: how it went in a sentence, its key numbers, its charts, and tables of its trades and metrics.

Charts and trades are linked: a row brings its trade into sight on the chart, a click on a marker selects the row.
"""

from dataclasses import replace

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import (
    QComboBox,
    QHBoxLayout,
    QLabel,
    QSplitter,
    QStackedLayout,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)

from desktop.charts.data import Curves
from desktop.charts.stack import ChartStack
from desktop.presenters.run import Failure
from desktop.presenters.state import RunView
from desktop.tokens import Tokens
from desktop.views.empty import StateView
from desktop.views.key_numbers import KeyNumbers
from desktop.views.metrics_panel import MetricsPanel
from desktop.views.notes import NotesPanel
from desktop.views.performance_panel import PerformancePanel
from desktop.views.result_header import ResultHeader
from desktop.views.run_charts import RunCharts, charts_of, prices_of, trades_of
from desktop.views.trades_table import TradesTable

_TABLES = (0.27, 132, 340)  # of the height below the key numbers: share, least and most pixels
_PADDING = 12
_LEAST_WIDTH = 480  # whatever is shown: a longer title must not push the set-up aside


class ResultView(QWidget):
    """The result area.

    Signals:
        trade_selected(int): a trade was chosen, in the table or on the chart; which of the result's.
        action_requested(): the button of the empty, loading or failed state was pressed.
    """

    trade_selected = Signal(int)
    action_requested = Signal()

    def __init__(self, tokens: Tokens, parent: QWidget | None = None) -> None:
        """Begin empty."""
        super().__init__(parent)
        self._view: RunView | None = None
        self._charts: RunCharts | None = None
        self._capital = 0.0
        self.state = StateView(self)
        self.state.action_requested.connect(self.action_requested)
        self.header = ResultHeader(self)
        self.numbers = KeyNumbers(self)
        self.charts = ChartStack(tokens, parent=self)
        self.charts.trade_clicked.connect(self._on_marker_clicked)
        self.trades = TradesTable(tokens, self)
        self.trades.trade_chosen.connect(self._on_trade_chosen)
        self.metrics = MetricsPanel(tokens, self)
        self.performance = PerformancePanel(tokens, self)
        self.notes = NotesPanel(self)
        self.tabs = self._make_tabs()
        self._page = self._make_page()
        self._charts_turn = QTimer(self)
        self._charts_turn.setSingleShot(True)
        self._charts_turn.setInterval(0)
        self._charts_turn.timeout.connect(self._on_charts_turn)
        self._layout = QStackedLayout(self)
        self._layout.addWidget(self.state)
        self._layout.addWidget(self._page)
        self.setMinimumWidth(_LEAST_WIDTH)
        self.clear()

    @property
    def run_id(self) -> str:
        """The run that is shown; empty when none is."""
        return "" if self._view is None else self._view.run_id

    @property
    def run_title(self) -> str:
        """What the run that is shown is called; empty when none is."""
        return "" if self._view is None else self._view.title

    # states

    def clear(self) -> None:
        """Show that there is no run to show."""
        self._forget()
        self.state.show_empty(
            self.tr("No run is shown"), self.tr("Run the set-up, or open a run of the history.")
        )
        self._layout.setCurrentWidget(self.state)

    def show_loading(self, title: str = "") -> None:
        """Show that a run is on its way."""
        self._forget()
        self.state.show_loading(
            self.tr("Opening {title}…").format(title=title)
            if title
            else self.tr("Opening the run…")
        )
        self._layout.setCurrentWidget(self.state)

    def show_failure(self, failure: Failure, title: str = "", action: str = "") -> None:
        """Show why there is no result, and what to do."""
        self._forget()
        self.state.show_failure(title or self.tr("This run has no result"), failure, action)
        self._layout.setCurrentWidget(self.state)

    def show_run(self, view: RunView) -> None:
        """Show a run that has ended."""
        drawn = view.drawn if isinstance(view.drawn, RunCharts) else charts_of(view)
        self._view, self._charts = view, drawn
        self.setUpdatesEnabled(False)  # or the page is painted twice: as it comes up, and laid out
        self.header.show_run(view)
        self.numbers.show_result(view.result)
        self._show_tables(view, drawn)
        benchmark = view.result.config.data.benchmark or ""
        self.charts.show_curves(drawn.curves, "", benchmark)
        self._show_symbols(view, drawn.symbol)
        self._show_prices(drawn)
        self._layout.setCurrentWidget(self._page)
        self._share_height()
        self._page_layout.activate()
        self.charts.setUpdatesEnabled(
            False
        )  # they follow in a turn of their own: half of all there is to paint
        self.setUpdatesEnabled(True)
        self._charts_turn.start()

    # a run under way

    def begin_live(
        self, total_bars: int, initial_capital: float = 0.0, title: str = "", subtitle: str = ""
    ) -> None:
        """Make room for a run of so many bars that is about to grow."""
        self._forget()
        self._capital = initial_capital
        self.header.show_live(title or self.tr("Running"), subtitle)
        self._layout.setCurrentWidget(self._page)
        self.charts.begin_live(total_bars, initial_capital or None)

    def append_live(self, drawn: object, trades: int = 0) -> None:
        """Let the curves grow to what `LiveCharts` has made of the run by now; anything else is not shown."""
        if isinstance(drawn, Curves) and len(drawn):
            self.charts.grow_to(drawn)
            capital, worst = self._capital, drawn.drawdown.lowest()
            rate = float(drawn.equity.values[-1]) / capital - 1.0 if capital > 0 else None
            fall = 0.0 if worst is None else float(drawn.drawdown.values[worst])
            self.numbers.show_live(rate, fall, trades)

    # looks

    def set_tokens(self, tokens: Tokens) -> None:
        """Take other colours."""
        for part in (self.charts, self.trades, self.metrics, self.performance):
            part.set_tokens(tokens)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Give the charts what the tables do not need, until the trader decides otherwise."""
        super().resizeEvent(event)
        self._share_height()

    def show_trade(self, trade: int) -> None:
        """Bring a trade into sight on the charts, showing its symbol's prices."""
        if self._view is None or self._charts is None:
            return
        row = self._view.result.trades[trade]
        if self._charts.prices is None:
            self.charts.go_to(int(row["entry_bar"]))
            return
        if int(row["symbol"]) != self._charts.symbol:
            self.symbols.setCurrentIndex(int(row["symbol"]))
        self.charts.show_trade(trade)

    # inner workings

    def _make_tabs(self) -> QTabWidget:
        self.symbols = QComboBox(self)
        self.symbols.setProperty("dense", True)
        self.symbols.setAccessibleName(self.tr("Symbol of the price chart"))
        self.symbols.currentIndexChanged.connect(self._on_symbol_chosen)
        label = QLabel(self.tr("Price chart"), self)
        label.setProperty("role", "caption")
        label.setBuddy(self.symbols)
        self._corner = QWidget(self)
        row = QHBoxLayout(self._corner)
        row.setContentsMargins(0, 2, 8, 2)
        row.setSpacing(8)
        row.addWidget(label)
        row.addWidget(self.symbols)
        tabs = QTabWidget(self)
        tabs.setDocumentMode(True)
        tabs.addTab(self.trades, self.tr("Trades"))
        tabs.addTab(self.metrics, self.tr("Metrics"))
        tabs.addTab(self.performance, self.tr("Performance"))
        tabs.addTab(self.notes, self.tr("Notes"))
        tabs.setCornerWidget(self._corner)
        return tabs

    def _make_page(self) -> QWidget:
        page = QWidget(self)
        head = QVBoxLayout()
        head.setContentsMargins(_PADDING, 10, _PADDING, 8)
        head.setSpacing(8)
        head.addWidget(self.header)
        head.addWidget(self.numbers)
        split = QSplitter(Qt.Orientation.Vertical, page)
        split.setHandleWidth(1)
        split.setChildrenCollapsible(False)
        split.addWidget(self.charts)
        split.addWidget(self.tabs)
        split.splitterMoved.connect(self._on_splitter_moved)
        self._split, self._is_split_by_hand = split, False
        self.charts.setMinimumHeight(192)
        self.tabs.setMinimumHeight(84)
        self._page_layout = layout = QVBoxLayout(page)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addLayout(head)
        layout.addWidget(split, 1)
        return page

    def _share_height(self) -> None:
        if not self._is_split_by_hand:
            share, least, most = _TABLES
            height = max(self._split.height(), 1)
            tables = round(min(max(share * height, least), most))
            # Less the handle, or Qt would take its pixel from one of the two, not always the same.
            self._split.setSizes([height - tables - self._split.handleWidth(), tables])

    def _on_splitter_moved(self) -> None:
        self._is_split_by_hand = True

    def _forget(self) -> None:
        self._view = self._charts = None
        self.trades.show_result(None)
        self.metrics.show_result(None)
        self.performance.show_result(None, None)
        self.notes.show_result(None)
        self.numbers.clear()
        self._corner.hide()
        self._name_tabs(0, 0)

    def _show_tables(self, view: RunView, drawn: RunCharts) -> None:
        self.trades.show_result(view.result, drawn.arrays)
        self.metrics.show_result(view.result)
        self.performance.show_result(view.result, drawn.performance)
        self._name_tabs(
            len(view.result.trades), self.notes.show_result(view.result, drawn.refusals)
        )

    def _name_tabs(self, trades: int, notes: int) -> None:
        self.tabs.setTabText(0, _counted(self.tr("Trades"), trades))
        self.tabs.setTabText(self.tabs.indexOf(self.notes), _counted(self.tr("Notes"), notes))

    def _show_symbols(self, view: RunView, symbol: int) -> None:
        self.symbols.blockSignals(True)
        self.symbols.clear()
        self.symbols.addItems(list(view.result.symbols))
        self.symbols.setCurrentIndex(symbol)
        self.symbols.blockSignals(False)
        self._corner.setVisible(len(view.result.symbols) > 1 and view.panel is not None)

    def _show_prices(self, drawn: RunCharts) -> None:
        if self._view is None:
            return
        if drawn.prices is None:
            why = self._view.panel_error or self.tr("There are no prices to show.")
            self.charts.price.set_message(why)
            return
        symbol = self._view.result.symbols[drawn.symbol]
        self.charts.show_prices(drawn.prices, drawn.trades, symbol)

    def _on_symbol_chosen(self, symbol: int) -> None:
        if self._view is None or self._charts is None or symbol < 0:
            return
        prices = prices_of(self._view, symbol, self._charts.curves)
        trades = trades_of(self._view, symbol)
        self._charts = replace(self._charts, symbol=symbol, prices=prices, trades=trades)
        self._show_prices(self._charts)

    def _on_charts_turn(self) -> None:
        self.charts.setUpdatesEnabled(True)

    def _on_trade_chosen(self, trade: int) -> None:
        self.show_trade(trade)
        self.trade_selected.emit(trade)

    def _on_marker_clicked(self, trade: int) -> None:
        self.tabs.setCurrentWidget(self.trades)
        self.trades.select(trade)
        self.trade_selected.emit(trade)


def _counted(title: str, count: int) -> str:
    return f"{title} ({count:,})" if count else title
