"""Candles and volume, merged to what the screen can show.

A rising candle is hollow and a falling one filled, so colour is never the only cue. Where bars are closer than four
pixels, several become one: first open, highest high, lowest low, last close, all the volume.
"""

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import Qt
from PySide6.QtGui import QPainter

from desktop.charts import ink
from desktop.charts.data import Prices
from desktop.charts.decimate import BarView
from desktop.charts.layers import extent_of
from desktop.charts.scale import Scale
from desktop.tokens import Tokens

Floats = NDArray[np.float64]

CLOSEST = 4.0  # pixels from candle to candle
BODY_SHARE = 0.7  # of that distance
WIDEST = 31  # pixels of a body
VOLUME_SHARE = 0.30  # of the pane's height
VOLUME_STRENGTH = 0.28


class CandleLayer:
    """Price bars with their volume behind them."""

    def __init__(self, prices: Prices) -> None:
        """Take the bars."""
        self.prices = prices
        self._key: tuple[float, float, float] | None = None
        self._view: BarView | None = None

    def in_sight(self, scale: Scale) -> BarView:
        """Return the bars to draw."""
        key = (scale.x0, scale.x1, scale.width)
        if key != self._key or self._view is None:
            start, stop = scale.bars(len(self.prices.pyramid))
            blocks = max(1, int(scale.width / CLOSEST))
            self._view = self.prices.pyramid.view(start, stop, blocks)
            self._key = key
        return self._view

    def extent(self, scale: Scale) -> tuple[float, float]:
        """Return the lowest low and the highest high in sight."""
        bars = self.in_sight(scale).bars
        return extent_of(bars.low, scale.log)[0], extent_of(bars.high, scale.log)[1]

    def paint(self, painter: QPainter, scale: Scale, tokens: Tokens) -> None:
        """Draw volume, then wicks, then bodies, on whole pixels."""
        view = self.in_sight(scale)
        if not len(view.first):
            return
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
        x = np.floor(scale.px(view.first + (view.size - 1) / 2))
        body = body_width(scale.pixels_per_bar * view.size)
        painter.setPen(Qt.PenStyle.NoPen)
        self._paint_volume(painter, scale, tokens, x, body)
        bars = view.bars
        top = np.floor(scale.py(np.fmax(bars.open, bars.close)))
        bottom = np.floor(scale.py(np.fmin(bars.open, bars.close)))
        high, low = np.floor(scale.py(bars.high)), np.floor(scale.py(bars.low))
        rising = bars.close >= bars.open
        for token, which in ((tokens.up, rising), (tokens.down, bars.close < bars.open)):
            painter.setBrush(ink.colour(token))
            tall = np.maximum(low - high, 0) + 1
            ink.draw_boxes(painter, x[which], high[which], 1.0, tall[which])
            left = x - body // 2
            ink.draw_boxes(
                painter, left[which], top[which], float(body), np.maximum(bottom - top, 1)[which]
            )
        hollow = rising & (bottom - top >= 3)
        if body >= 3:
            painter.setBrush(ink.colour(tokens.surface))
            inner = (bottom - top - 2)[hollow]
            ink.draw_boxes(painter, (x - body // 2 + 1)[hollow], top[hollow] + 1, body - 2.0, inner)

    def _paint_volume(
        self, painter: QPainter, scale: Scale, tokens: Tokens, x: Floats, body: int
    ) -> None:
        volume = self.in_sight(scale).bars.volume
        most = float(volume.max(initial=0.0))
        if most > 0:
            left = int(x[0]) - body // 2
            top = np.full(int(x[-1]) + body // 2 + 1 - left, np.nan)
            tall = np.ceil(volume / most * scale.height * VOLUME_SHARE)
            spots = (x.astype(np.int64) - body // 2 - left)[:, np.newaxis] + np.arange(body)
            top[spots] = (scale.height - tall)[:, np.newaxis]
            fill = ink.colour(tokens.muted, VOLUME_STRENGTH)
            ink.draw_columns(painter, left, top, np.full(len(top), scale.height), fill)


def body_width(distance: float) -> int:
    """Return the pixels of a body: odd, so that the wick stands in its middle, and at least one."""
    width = int(min(max(1.0, distance * BODY_SHARE), WIDEST))
    return width if width % 2 else max(1, width - 1 if width + 1 > distance - 1 else width + 1)
