"""Trades on the price chart: a triangle where each began and ended, and a thin line between the two.

Buys point up from below the bar, sells point down from above. An entry wears the colour of text, an exit and the line
that of its profit or loss. Triangles are smaller where trades stand close; where they stand closer than a triangle is
wide, one stands for several; where there are hundreds in sight, ticks stand for triangles.
"""

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QPainter, QPolygonF

from desktop.charts import ink
from desktop.charts.candles import CandleLayer
from desktop.charts.data import Ends, Trades
from desktop.charts.layers import NOTHING
from desktop.charts.scale import Scale
from desktop.tokens import Tokens

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]

WIDTH, HEIGHT = 9.0, 7.0  # of a triangle, in pixels
SMALL = 2 / 3  # of that, where trades stand closer than
CLOSE = 24.0  # pixels
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
        self._paint_selected(painter, scale, tokens)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, True)
        count = self._count(scale)
        few, size = count <= MOST_LINES, _size(count, scale)
        if few:
            shown = self._in_sight(scale)
            ends = self._line_ends(shown, scale)
            for token, which in self._by_profit(shown, tokens):
                painter.setPen(ink.pen(token, 1.0))
                ink.draw_segments(painter, *(end[which] for end in ends))
        for is_entry in (True, False):
            found = self._triangles(scale, is_entry, few)
            inks = (
                ((tokens.text, found[0] >= 0),) if is_entry else self._by_profit(found[0], tokens)
            )
            for token, which in inks:
                if few:
                    parts = (part[which] for part in found[1:])
                    _paint_triangles(painter, token, tokens.surface, size, *parts)
                else:
                    _paint_ticks(painter, token, *(part[which] for part in found[1:]))

    def hit(self, point: QPointF, scale: Scale) -> int | None:
        """Return the row of the trade at a pixel, or None."""
        if not self.visible or not len(self.trades):
            return None
        few = self._count(scale) <= MOST_LINES
        best, found = REACH, None
        for is_entry in (True, False):
            trade, x, y, points_up = self._triangles(scale, is_entry, few)
            middle = y + np.where(points_up, HEIGHT / 2, -HEIGHT / 2)
            distance = np.hypot(x - point.x(), middle - point.y())
            if len(trade) and distance.min() <= best:
                best = float(distance.min())
                found = int(self.trades.row[trade[int(distance.argmin())]])
        shown = self._in_sight(scale) if found is None and few else ()
        if len(shown):
            distance = _distance_to_lines(point, *self._line_ends(np.asarray(shown), scale))
            if distance.min() <= LINE_REACH:
                found = int(self.trades.row[shown[int(distance.argmin())]])
        return found

    def index_of(self, row: int) -> int | None:
        """Return which of the trades is known as ``row``; None when it is of another symbol."""
        found = np.flatnonzero(self.trades.row == row)
        return int(found[0]) if len(found) else None

    def _count(self, scale: Scale) -> int:
        """Return how many trades are in sight: all but those that ended before or begin after."""
        gone = sum(
            len(ends.bar) - int(np.searchsorted(ends.bar, scale.x1, side="right"))
            if is_entry
            else int(np.searchsorted(ends.bar, scale.x0))
            for (is_entry, _), ends in self.trades.ends.items()
        )
        return len(self.trades) - gone

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
        self, scale: Scale, is_entry: bool, few: bool
    ) -> tuple[Indices, Floats, Floats, NDArray[np.bool_]]:
        """Return trades, the tips' pixels, and whether they point up; one of each kind per slot of bars."""
        trades = self.trades
        width = WIDTH * _size(self._count(scale), scale)
        step = _slot(scale, width - 1 if few else TICK_WIDTH + 1)
        kept = [_first_of_slots(trades.ends[is_entry, up], scale, step) for up in (False, True)]
        up = np.repeat([False, True], [len(part) for part in kept])
        trade = np.concatenate(kept)
        bars = (trades.entry_bar if is_entry else trades.exit_bar)[trade]
        price = (trades.entry_price if is_entry else trades.exit_price)[trade]
        low, high = self._reach_of_bars(bars, price, scale)
        y = np.where(up, scale.py(low) + GAP, scale.py(high) - GAP)
        y = np.where(up, np.minimum(y, scale.height - HEIGHT - 1), np.maximum(y, HEIGHT + 1))
        return trade, scale.px(bars.astype(np.float64)), y, up

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


def _size(count: int, scale: Scale) -> float:
    """Return how large triangles are, of their full size, where so many trades are in sight."""
    return SMALL if count * CLOSE > scale.width else 1.0


def _slot(scale: Scale, pixels: float) -> int:
    """Return how many bars are so many pixels, at least one."""
    return max(1, int(np.ceil(pixels / scale.pixels_per_bar)))


def _first_of_slots(ends: Ends, scale: Scale, step: int) -> Indices:
    """Return the trade that comes first in each stretch of ``step`` bars; stretches stay on their bars in a drag."""
    start = int(np.ceil(scale.x0))
    edges = np.arange(start // step * step, np.floor(scale.x1) + step + 1, step)
    edges[0] = start
    edges[-1] = np.floor(scale.x1) + 1
    spots = np.searchsorted(ends.bar, edges)
    return ends.trade[spots[:-1][spots[1:] > spots[:-1]]]


def _paint_triangles(
    painter: QPainter,
    token: str,
    outline: str,
    size: float,
    x: Floats,
    y: Floats,
    points_up: NDArray[np.bool_],
) -> None:
    """Draw triangles with their tips at the pixels given, set off from the candles by an outline."""
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, True)
    painter.setPen(ink.pen(outline))
    painter.setBrush(ink.colour(token))
    half, height = WIDTH * size / 2, HEIGHT * size
    feet = np.where(points_up, y + height, y - height)
    for tip_x, tip_y, foot in zip(x.tolist(), y.tolist(), feet.tolist(), strict=True):
        left, right = QPointF(tip_x - half, foot), QPointF(tip_x + half, foot)
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
