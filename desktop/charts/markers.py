"""Trades on the price chart: a triangle where each began and ended, and a thin line between the two.

Buys point up from below the bar, sells point down from above. An entry wears the colour of text, an exit and the line
that of its profit or loss. Where trades stand closer than a triangle is wide, one stands for several; where there are
hundreds in sight, ticks stand for triangles.
"""

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QPainter, QPolygonF

from desktop.charts import ink
from desktop.charts.candles import CandleLayer
from desktop.charts.data import Trades
from desktop.charts.layers import NOTHING
from desktop.charts.scale import Scale
from desktop.tokens import Tokens

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]

WIDTH, HEIGHT = 9.0, 7.0  # of a triangle, in pixels
GAP = 5.0  # from the bar to it
MOST_LINES = 300  # in sight; beyond, ticks
TICK_WIDTH, TICK_HEIGHT = 2.0, 5.0
REACH = 9.0  # pixels within which a click means a triangle
LINE_REACH = 4.0


class MarkerLayer:
    """The trades of the symbol shown."""

    def __init__(self, trades: Trades, candles: CandleLayer) -> None:
        """Take the trades and the candles they stand beside."""
        self.trades = trades
        self.visible = True
        self.selected: int | None = None  # row of a trade
        self._candles = candles

    def extent(self, scale: Scale) -> tuple[float, float]:
        """Return nothing: the candles set the range."""
        return NOTHING

    def paint(self, painter: QPainter, scale: Scale, tokens: Tokens) -> None:
        """Draw the lines, then the triangles, of the trades in sight."""
        if not self.visible:
            return
        shown = self._in_sight(scale)
        self._paint_selected(painter, scale, tokens)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, True)
        if len(shown) <= MOST_LINES:
            ends = self._line_ends(shown, scale)
            for token, which in self._by_profit(shown, tokens):
                painter.setPen(ink.pen(token, 1.0))
                ink.draw_segments(painter, *(end[which] for end in ends))
        for is_entry in (True, False):
            found = self._triangles(shown, scale, is_entry)
            inks = (
                ((tokens.text, found[0] >= 0),) if is_entry else self._by_profit(found[0], tokens)
            )
            for token, which in inks:
                if len(shown) <= MOST_LINES:
                    _paint_triangles(
                        painter, token, tokens.surface, *(part[which] for part in found[1:])
                    )
                else:
                    _paint_ticks(painter, token, *(part[which] for part in found[1:]))

    def hit(self, point: QPointF, scale: Scale) -> int | None:
        """Return the row of the trade at a pixel, or None."""
        if not self.visible or not len(self.trades):
            return None
        shown = self._in_sight(scale)
        best, found = REACH, None
        for is_entry in (True, False):
            rows, x, y, points_up = self._triangles(shown, scale, is_entry)
            middle = y + np.where(points_up, HEIGHT / 2, -HEIGHT / 2)
            distance = np.hypot(x - point.x(), middle - point.y())
            if len(rows) and distance.min() <= best:
                best = float(distance.min())
                found = int(self.trades.row[rows[int(distance.argmin())]])
        if found is None and 0 < len(shown) <= MOST_LINES:
            distance = _distance_to_lines(point, *self._line_ends(shown, scale))
            if distance.min() <= LINE_REACH:
                found = int(self.trades.row[shown[int(distance.argmin())]])
        return found

    def index_of(self, row: int) -> int | None:
        """Return which of the trades is known as ``row``; None when it is of another symbol."""
        found = np.flatnonzero(self.trades.row == row)
        return int(found[0]) if len(found) else None

    def _in_sight(self, scale: Scale) -> Indices:
        trades = self.trades
        return np.flatnonzero((trades.exit_bar >= scale.x0) & (trades.entry_bar <= scale.x1))

    def _line_ends(self, shown: Indices, scale: Scale) -> tuple[Floats, Floats, Floats, Floats]:
        trades = self.trades
        return (
            scale.px(trades.entry_bar[shown].astype(np.float64)),
            scale.py(trades.entry_price[shown]),
            scale.px(trades.exit_bar[shown].astype(np.float64)),
            scale.py(trades.exit_price[shown]),
        )

    def _by_profit(
        self, shown: Indices, tokens: Tokens
    ) -> tuple[tuple[str, NDArray[np.bool_]], ...]:
        pnl = self.trades.pnl[shown]
        return (
            (tokens.up, pnl > 0),
            (tokens.down, pnl < 0),
            (tokens.muted, ~((pnl > 0) | (pnl < 0))),
        )

    def _triangles(
        self, shown: Indices, scale: Scale, is_entry: bool
    ) -> tuple[Indices, Floats, Floats, NDArray[np.bool_]]:
        """Return trades, the tips' pixels, and whether they point up; one of each kind per slot of pixels."""
        trades = self.trades
        bars = (trades.entry_bar if is_entry else trades.exit_bar)[shown]
        price = (trades.entry_price if is_entry else trades.exit_price)[shown]
        points_up = (trades.side[shown] > 0) == is_entry
        x = scale.px(bars.astype(np.float64))
        in_view = np.flatnonzero((bars >= scale.x0) & (bars <= scale.x1))
        apart = WIDTH - 1 if len(shown) <= MOST_LINES else TICK_WIDTH + 1
        slot = (x[in_view] // apart).astype(np.int64) * 2 + points_up[in_view]
        holder = np.full(int(scale.width // apart + 2) * 2, -1, np.int64)
        holder[slot[::-1]] = in_view[::-1]  # the first of a slot is written last
        kept = holder[holder >= 0]
        low, high = self._reach_of_bars(bars[kept], price[kept], scale)
        up = points_up[kept]
        y = np.where(up, scale.py(low) + GAP, scale.py(high) - GAP)
        y = np.where(up, np.minimum(y, scale.height - HEIGHT - 1), np.maximum(y, HEIGHT + 1))
        return shown[kept], x[kept], y, up

    def _reach_of_bars(self, bars: Indices, price: Floats, scale: Scale) -> tuple[Floats, Floats]:
        """Return low and high of the candles as drawn, stretched to the fill's price."""
        view = self._candles.in_sight(scale)
        if not len(view.first):
            return price, price
        block = np.clip(bars // view.size - view.first[0] // view.size, 0, len(view.first) - 1)
        return np.fmin(view.bars.low[block], price), np.fmax(view.bars.high[block], price)

    def _paint_selected(self, painter: QPainter, scale: Scale, tokens: Tokens) -> None:
        index = None if self.selected is None else self.index_of(self.selected)
        if index is None:
            return
        x1, y1, x2, y2 = (float(end[0]) for end in self._line_ends(np.array([index]), scale))
        half = max(scale.pixels_per_bar / 2, 3.0)
        band = QRectF(x1 - half, 0, x2 - x1 + 2 * half, scale.height)
        painter.fillRect(band, ink.colour(tokens.accent, 0.12))
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, True)
        painter.setPen(ink.pen(tokens.accent, 3.0, alpha=0.55))
        painter.drawLine(QPointF(x1, y1), QPointF(x2, y2))
        painter.setPen(Qt.PenStyle.NoPen)


def _paint_triangles(
    painter: QPainter, token: str, outline: str, x: Floats, y: Floats, points_up: NDArray[np.bool_]
) -> None:
    """Draw triangles with their tips at the pixels given, set off from the candles by an outline."""
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, True)
    painter.setPen(ink.pen(outline))
    painter.setBrush(ink.colour(token))
    feet = np.where(points_up, y + HEIGHT, y - HEIGHT)
    for tip_x, tip_y, foot in zip(x.tolist(), y.tolist(), feet.tolist(), strict=True):
        left, right = QPointF(tip_x - WIDTH / 2, foot), QPointF(tip_x + WIDTH / 2, foot)
        painter.drawPolygon(QPolygonF([QPointF(tip_x, tip_y), right, left]))


def _paint_ticks(
    painter: QPainter, token: str, x: Floats, y: Floats, points_up: NDArray[np.bool_]
) -> None:
    """Draw short strokes with their tips at the pixels given."""
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(ink.colour(token))
    top = np.where(points_up, y, y - TICK_HEIGHT)
    ink.draw_boxes(painter, np.floor(x), np.floor(top), TICK_WIDTH, TICK_HEIGHT)


def _distance_to_lines(point: QPointF, x1: Floats, y1: Floats, x2: Floats, y2: Floats) -> Floats:
    """Return how far a pixel is from each line between two others."""
    dx, dy = x2 - x1, y2 - y1
    length = np.maximum(dx * dx + dy * dy, 1e-9)
    share = np.clip(((point.x() - x1) * dx + (point.y() - y1) * dy) / length, 0.0, 1.0)
    return np.hypot(x1 + share * dx - point.x(), y1 + share * dy - point.y())
