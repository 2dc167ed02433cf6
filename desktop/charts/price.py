"""The prices of one symbol as candles, with the trades on them."""

import numpy as np
from PySide6.QtCore import QPointF, Qt, Signal
from PySide6.QtWidgets import QWidget

from desktop import fmt
from desktop.charts.axes import Tag
from desktop.charts.candles import CandleLayer
from desktop.charts.canvas import Reading
from desktop.charts.chart import Chart
from desktop.charts.cursor import TimeCursor
from desktop.charts.data import Prices, Trades
from desktop.charts.layers import ends_of
from desktop.charts.markers import MarkerLayer
from desktop.tokens import Tokens

TRADE_BARS = 60.0  # in sight around a trade, at least
TRADE_SHARE = 3.0  # or so many times its length


class PriceChart(Chart):
    """Candles, volume and trade markers.

    Signals:
        trade_clicked(int): the row of a trade whose marker or line was clicked, or that a key went to.
    """

    trade_clicked = Signal(int)

    def __init__(
        self, tokens: Tokens, cursor: TimeCursor | None = None, parent: QWidget | None = None
    ) -> None:
        """Make an empty chart."""
        self._candles: CandleLayer | None = None
        self._markers: MarkerLayer | None = None
        self._symbol = ""
        self._decimals = 2
        self._shows_markers = True
        self._hovered: int | None = None
        super().__init__("", tokens, cursor, parent)
        self.setAccessibleName(self.tr("Price chart"))
        self.clicked.connect(self._on_clicked)
        self.pointed.connect(self._on_pointed_at_trade)

    def set_prices(
        self, prices: Prices, trades: Trades | None = None, symbol: str = "", tick: float = 0.01
    ) -> None:
        """Show the bars of a symbol and its trades.

        Args:
            prices: bars on the time base that ``trades`` count.
            trades: round trips of this symbol.
            symbol: its name.
            tick: the step of its price, for the decimals.
        """
        self._symbol = symbol
        self._decimals = max(2, fmt.decimals_of(tick))
        self._hovered = None
        self._candles = CandleLayer(prices)
        self._markers = MarkerLayer(Trades.none() if trades is None else trades, self._candles)
        self._markers.visible = self._shows_markers
        self.set_layers([self._candles, self._markers], prices.base)

    def set_message(self, text: str) -> None:
        """Show a sentence instead of prices."""
        self._candles = self._markers = None
        super().set_message(text)

    def set_markers_shown(self, shown: bool) -> None:
        """Show or hide the trades."""
        self._shows_markers = shown
        if self._markers is not None:
            self._markers.visible = shown
        self.refresh()

    @property
    def are_markers_shown(self) -> bool:
        """Whether trades, if there are any, are drawn."""
        return self._shows_markers

    @property
    def selected_trade(self) -> int | None:
        """The row of the highlighted trade."""
        return None if self._markers is None else self._markers.selected

    def show_trade(self, row: int) -> bool:
        """Highlight a trade and bring it in sight; False when it is not one of this symbol."""
        index = None if self._markers is None else self._markers.index_of(row)
        if self._markers is None or index is None:
            return False
        trades = self._markers.trades
        self._markers.selected = row
        entry, leave = int(trades.entry_bar[index]), int(trades.exit_bar[index])
        half = max(TRADE_BARS, TRADE_SHARE * (leave - entry)) / 2
        middle = (entry + leave) / 2
        self.show_range(middle - half, middle + half)
        self.cursor.move(self.base, entry)
        self.refresh()
        return True

    def marker_at(self, point: QPointF) -> int | None:
        """Return the row of the trade at a pixel, or None."""
        return None if self._markers is None else self._markers.hit(point, self.scale_now())

    def on_command(self, name: str) -> None:
        """Follow the keys of markers and trades."""
        if name == "markers":
            self.set_markers_shown(not self._shows_markers)
        elif name in ("previous-trade", "next-trade"):
            self._step_trade(1 if name == "next-trade" else -1)

    def format_value(self, value: float, decimals: int) -> str:
        """Return a price."""
        return fmt.number(value, decimals)

    def tag_text(self, value: float) -> str:
        """Return a price with the decimals of its tick."""
        return fmt.number(value, self._decimals)

    def tags(self) -> list[Tag]:
        """Return the last close in sight, in the colour of its candle."""
        if self._candles is None:
            return []
        bars = self._candles.in_sight(self._scale()).bars
        traded = np.flatnonzero(np.isfinite(bars.close))
        if not len(traded):
            return []
        last = traded[-1]
        fill = self.tokens.up if bars.close[last] >= bars.open[last] else self.tokens.down
        value = float(bars.close[last])
        return [Tag(value, self.tag_text(value), fill, self.tokens.on_accent)]

    def readings(self, bar: int) -> list[Reading]:
        """Return open, high, low, close, change and volume of a bar, and the trade under the pointer."""
        if self._candles is None:
            return []
        bars = self._candles.prices.pyramid.bars
        opened, closed = float(bars.open[bar]), float(bars.close[bar])
        before = float(bars.close[bar - 1]) if bar else opened
        change = closed / before - 1 if before > 0 else float("nan")
        found = [
            Reading("", self._symbol),
            Reading("O", self.tag_text(opened)),
            Reading("H", self.tag_text(float(bars.high[bar]))),
            Reading("L", self.tag_text(float(bars.low[bar]))),
            Reading("C", self.tag_text(closed)),
            Reading("", fmt.percent(change, sign=True), self.tokens.of_change(change)),
            Reading(self.tr("Vol"), fmt.count(float(bars.volume[bar]))),
        ]
        return [*(found if self._symbol else found[1:]), *self._trade_reading()]

    def summary(self) -> str:
        """Return from where to where the price went, and how many trades are marked."""
        if self._candles is None or not len(self.base):
            return self.tr("The price chart is empty.")
        ends = ends_of(self._candles.prices.pyramid.bars.close)
        if ends is None:
            return self.tr("{0} has no prices in these dates.").format(self._symbol)
        words = [self.tag_text(value) for value in ends]
        span = [fmt.date(int(self.base.time_ns[k])) for k in (0, -1)]
        count = 0 if self._markers is None else len(self._markers.trades)
        return self.tr(
            "{0} from {1} to {2}: close went from {3} to {4}. Trades marked: {5}."
        ).format(self._symbol or self.tr("Price"), *span, *words, count)

    def _trade_reading(self) -> list[Reading]:
        index = None
        if self._hovered is not None and self._markers is not None:
            index = self._markers.index_of(self._hovered)
        if index is None or self._markers is None:
            return []
        trades = self._markers.trades
        kind = self.tr("Long") if trades.side[index] > 0 else self.tr("Short")
        ends = f"{self.tag_text(trades.entry_price[index])} → {self.tag_text(trades.exit_price[index])}"
        pnl = float(trades.pnl[index])
        return [
            Reading(kind, ends),
            Reading(self.tr("P&L"), fmt.money(pnl, ""), self.tokens.of_change(pnl)),
        ]

    def _step_trade(self, step: int) -> None:
        if self._markers is None or not len(self._markers.trades):
            return
        trades = self._markers.trades
        now = (
            None
            if self._markers.selected is None
            else self._markers.index_of(self._markers.selected)
        )
        if now is None:
            bar = self.cursor_bar if self.cursor_bar is not None else self.x_range[0]
            later = np.flatnonzero(trades.entry_bar > bar)
            following = int(later[0]) if len(later) else len(trades)
            index = following if step > 0 else following - 1
        else:
            index = now + step
        row = int(trades.row[min(max(0, index), len(trades) - 1)])
        self.show_trade(row)
        self.trade_clicked.emit(row)

    def _on_clicked(self, point: QPointF) -> None:
        if self._markers is None:
            return
        row = self.marker_at(point)
        if row != self._markers.selected:
            self._markers.selected = row
            self.refresh()
        if row is not None:
            self.trade_clicked.emit(row)

    def _on_pointed_at_trade(self, point: QPointF) -> None:
        row = self.marker_at(point)
        if row != self._hovered:
            self._hovered = row
            shape = Qt.CursorShape.ArrowCursor if row is None else Qt.CursorShape.PointingHandCursor
            self.viewport().setCursor(shape)
            self._read()
