"""Equity, drawdown and price under each other: one time, one crosshair, bars exactly under bars."""

from functools import partial

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QSplitter, QVBoxLayout, QWidget

from desktop.charts.chart import Chart
from desktop.charts.cursor import TimeCursor
from desktop.charts.data import Comparison, Curves, Prices, Trades
from desktop.charts.drawdown import DrawdownChart
from desktop.charts.equity import EquityChart
from desktop.charts.price import PriceChart
from desktop.tokens import Tokens

HEIGHTS = (46, 19, 35)  # shares of equity, drawdown and price


class ChartStack(QWidget):
    """The charts of one run, or with `show_comparison` of several.

    Signals:
        trade_clicked(int): the row of a trade that was clicked on the price chart.
    """

    trade_clicked = Signal(int)

    def __init__(
        self, tokens: Tokens, cursor: TimeCursor | None = None, parent: QWidget | None = None
    ) -> None:
        """Make three empty, linked charts.

        Args:
            tokens: colours.
            cursor: shared with other windows; its own when None.
            parent: owner.
        """
        super().__init__(parent)
        self.cursor = TimeCursor(self) if cursor is None else cursor
        self.equity = EquityChart(tokens, self.cursor)
        self.drawdown = DrawdownChart(tokens, self.cursor)
        self.price = PriceChart(tokens, self.cursor)
        self._curves: Curves | None = None
        self._splitter = QSplitter(Qt.Orientation.Vertical)
        self._splitter.setHandleWidth(1)
        self._splitter.setChildrenCollapsible(False)
        for chart, share in zip(self.charts, HEIGHTS, strict=True):
            self._splitter.addWidget(chart)
            self._splitter.setStretchFactor(self._splitter.indexOf(chart), share)
            chart.needs_changed.connect(self._on_needs_changed)
            chart.command.connect(partial(self._on_command, chart))
        self.share_height(*HEIGHTS)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._splitter)
        self.price.trade_clicked.connect(self.trade_clicked)
        self._arrange()

    @property
    def charts(self) -> tuple[Chart, ...]:
        """The charts, top to bottom."""
        return self.equity, self.drawdown, self.price

    def set_tokens(self, tokens: Tokens) -> None:
        """Take other colours."""
        for chart in self.charts:
            chart.set_tokens(tokens)

    def share_height(self, *shares: int) -> None:
        """Share the height out between the charts, top to bottom."""
        self._splitter.setSizes([share * 10 for share in shares])

    def set_price_shown(self, shown: bool) -> None:
        """Show or hide the prices."""
        self.price.setVisible(shown)
        self._arrange()

    def show_curves(self, curves: Curves, name: str = "", benchmark_name: str = "") -> None:
        """Show the account of a run."""
        self._curves = curves
        self.equity.set_curves(curves, name, benchmark_name)
        self.drawdown.set_curves(curves)
        self.drawdown.show()
        self._arrange()

    def show_prices(
        self, prices: Prices, trades: Trades | None = None, symbol: str = "", tick: float = 0.01
    ) -> None:
        """Show prices and trades below; build them on the time base of the curves."""
        self.price.set_prices(prices, trades, symbol, tick)
        self.set_price_shown(True)
        if self.price.base is self.equity.base and not self.equity.shows_all:
            self.cursor.set_range(self.equity.base, *self.equity.x_range)

    def show_no_prices(self, why: str) -> None:
        """Say in the place of the prices why there are none."""
        self.price.set_message(why)
        self.set_price_shown(True)

    def show_comparison(
        self, equity: Comparison, drawdown: Comparison, percent: bool = True
    ) -> None:
        """Show the accounts of several runs, without prices."""
        self._curves = None
        self.equity.set_comparison(equity, percent)
        self.drawdown.set_comparison(drawdown)
        self.drawdown.show()
        self.set_price_shown(False)

    def clear(self, message: str) -> None:
        """Show nothing but a sentence."""
        self._curves = None
        self.equity.set_message(message)
        self.drawdown.hide()
        self.set_price_shown(False)

    def show_trade(self, row: int) -> bool:
        """Highlight a trade and bring it in sight; False when its symbol is not the one shown."""
        return self.price.show_trade(row)

    def go_to(self, bar: int) -> None:
        """Bring a bar to the middle of all charts."""
        self.equity.go_to(bar)

    def fit(self) -> None:
        """Show every bar."""
        self.equity.fit()

    def begin_live(
        self, total_bars: int, initial_capital: float | None = None, name: str = ""
    ) -> None:
        """Make room for a run that is about to start; prices come with `show_prices`."""
        self.show_curves(Curves(initial_capital=initial_capital), name)
        self.set_price_shown(False)
        self.set_live_total(total_bars)

    def set_live_total(self, bars: int) -> None:
        """Leave room for so many bars."""
        self.equity.set_live_total(bars)
        self.drawdown.set_live_total(bars)

    def grow_to(self, curves: Curves) -> None:
        """Take the whole curves so far: a snapshot of those that grow on the run's own thread."""
        if self._curves is not None and len(curves) > len(self._curves):
            self._curves.take(curves)
            self.equity.refresh()
            self.drawdown.refresh()

    def summary(self) -> str:
        """Return what the charts show, in sentences."""
        shown = [chart for chart in self.charts if not chart.isHidden()]
        return " ".join(chart.message or chart.summary() for chart in shown)

    def _in_use(self) -> list[Chart]:
        return [chart for chart in self.charts if not chart.isHidden() and not chart.message]

    def _arrange(self) -> None:
        """Put the time axis below the lowest chart that has data."""
        lowest = (self._in_use() or [self.equity])[-1]
        for chart in self.charts:
            chart.show_time_axis(chart is lowest)
        self._on_needs_changed()

    def _on_needs_changed(self) -> None:
        needs = [chart.needs for chart in self._in_use()]
        if needs:
            room = (max(axis for axis, _ in needs), max(labels for _, labels in needs))
            for chart in self.charts:
                chart.set_room(*room)

    def _on_command(self, chart: Chart, name: str) -> None:
        """Let keys that belong to one chart work on all of them."""
        owners: dict[str, Chart] = {
            "benchmark": self.equity,
            "markers": self.price,
            "previous-trade": self.price,
            "next-trade": self.price,
        }
        owner = owners.get(name, chart)
        if owner is not chart:
            owner.on_command(name)
