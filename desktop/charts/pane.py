"""One pane: layers over a time base, axes right and below, and a height that always fits what is in sight.

Whatever changes a pane only marks it: it is laid out once, before the next frame, however many changes there were. Who
asks for a pixel or a range before that has it laid out at once.
"""

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QRect, QRectF, Qt, Signal
from PySide6.QtGui import QFontMetricsF, QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QWidget

from desktop import fmt
from desktop.charts import ink
from desktop.charts.axes import PriceAxis, Tag, TimeAxis
from desktop.charts.canvas import Canvas, Overlay
from desktop.charts.gestures import GestureView
from desktop.charts.layers import GridLayer, Layer
from desktop.charts.scale import Scale, padded
from desktop.charts.timebase import TimeBase
from desktop.theme.fonts import font
from desktop.tokens import Tokens

BOTTOM_ROOM = 12.0
LEFT_ROOM = 8.0
LABEL_GAP = 20.0
LEAST_LABEL_ROOM = 12.0


class Pane(GestureView):
    """What a chart looks like.

    Signals:
        needs_changed(): the width that the axis or the labels at the lines' ends need has changed.
    """

    needs_changed = Signal()
    _marked = Signal()

    top_room = 34.0  # pixels above the highest value: the read-out stands there

    def __init__(self, name: str, tokens: Tokens, parent: QWidget | None = None) -> None:
        """Make an empty pane that assistive technology calls ``name``."""
        super().__init__(parent)
        self.setAccessibleName(name)
        self.setMinimumSize(160, 64)
        self.tokens = tokens
        self.base = TimeBase()
        self._x0, self._x1 = -0.5, 99.5
        self._fitted = True
        self._live_total = 0
        self._log = False
        self._shows_time = True
        self._room: tuple[float, float] | None = None  # agreed with the charts above and below
        self._needs = (0.0, 0.0)
        self._is_stale = False
        # Queued, it arrives after what else is still to change in this turn, and before Qt's own request to paint.
        self._marked.connect(self.settle, Qt.ConnectionType.QueuedConnection)
        self.centralWidget.setLayout(None)
        # Not a ViewBox: it keeps a range of its own, and to set it in every frame paints every frame twice.
        self._field = pg.GraphicsWidget(parent=self.centralWidget)
        self._grid = GridLayer()
        self._canvas = Canvas(self._field)
        self._canvas.layers = [self._grid]
        self._overlay = Overlay(self._field)
        self._overlay.setZValue(10)
        self.price_axis = PriceAxis(self.format_value)
        self.time_axis = TimeAxis()
        self.price_axis.setParentItem(self.centralWidget)
        self.time_axis.setParentItem(self.centralWidget)
        # The canvas paints every pixel of the pane: two fills of it underneath would be a quarter of a frame.
        self.setBackground(None)
        self.viewport().setAutoFillBackground(False)
        self.viewport().setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)

    # what a subclass says

    def format_value(self, value: float, decimals: int) -> str:
        """Return how the axis writes a value."""
        return fmt.number(value, decimals)

    def tag_text(self, value: float) -> str:
        """Return how a tag on the axis writes a value."""
        return self.format_value(value, 2 if abs(value) < 10_000 else 0)

    def summary(self) -> str:
        """Return what the chart shows, in a sentence or two, for those who do not see it."""
        return ""

    def framed(self, low: float, high: float) -> tuple[float, float]:
        """Return the values to fit, from those in sight; for charts that always show zero."""
        return low, high

    def tags(self) -> list[Tag]:
        """Return what is marked on the axis: the last value in sight of each labelled line."""
        scale = self._scale()
        ends = [(line, line.last_in_sight(scale)[1]) for line in self._canvas.labelled()]
        return [
            Tag(value, self.tag_text(value), line.ink_of(self.tokens), self.tokens.on_accent)
            for line, value in ends
            if np.isfinite(value)
        ]

    # data and looks

    def set_layers(self, layers: list[Layer], base: TimeBase) -> None:
        """Show other data; everything of it comes in sight when it is on another time base."""
        self._canvas.layers = [self._grid, *layers]
        self._overlay.message = ""
        if base is not self.base:
            self.base = base
            self._live_total = 0
            self._overlay.cursor_x = None
            self._fitted = True
        self.setAccessibleDescription(self.summary())
        self.refresh()

    def set_message(self, text: str) -> None:
        """Show a sentence instead of data: what will be here, or why it is not."""
        self._canvas.layers = [self._grid]
        self._overlay.message = text
        self._overlay.cursor_x = None
        self.base = TimeBase()
        self.setAccessibleDescription(text)
        self.refresh()

    @property
    def message(self) -> str:
        """The sentence shown instead of data."""
        return self._overlay.message

    def set_live_total(self, bars: int) -> None:
        """Make room for a run of so many bars, of which most have still to come."""
        self._live_total = bars
        self._fitted = True
        self.refresh()

    def set_tokens(self, tokens: Tokens) -> None:
        """Take other colours."""
        self.tokens = tokens
        self.refresh()

    def set_log(self, log: bool) -> None:
        """Draw equal ratios equally high, or equal differences."""
        self._log = log
        self.refresh()

    @property
    def is_log(self) -> bool:
        """Whether equal ratios are to take equal heights; values of zero and less are still drawn linearly."""
        return self._log

    def show_time_axis(self, shown: bool) -> None:
        """Show or hide the axis below; linked charts need it once."""
        if shown != self._shows_time:
            self._shows_time = shown
            self.time_axis.setVisible(shown)
            self.refresh()

    @property
    def needs(self) -> tuple[float, float]:
        """The widths that this chart needs for its axis and for the labels right of the last bar."""
        return self._needs

    def set_room(self, axis: float, labels: float) -> None:
        """Take the widths that linked charts have agreed on, so that bars stand under bars."""
        if self._room != (axis, labels):
            self._room = (axis, labels)
            self.refresh()

    def scale_now(self) -> Scale:
        """Return how bars and values map to pixels of the pane."""
        self.settle()
        scale = self._canvas.scale_now
        return self._scale() if scale is None else scale

    def refresh(self) -> None:
        """Fit the height and repaint before the next frame; call it after data changed."""
        if not self._is_stale:
            self._is_stale = True
            self._marked.emit()

    def settle(self) -> None:
        """Do at once what `refresh` has put off, if anything."""
        if self._is_stale:
            self._is_stale = False
            self._lay_out()
            self.viewport().update()

    def _lay_out(self) -> None:
        scale = self._laid_out()
        tags = [] if self.message else self.tags()
        self.price_axis.show_scale(scale, self.tokens, tags)
        needs = (self.price_axis.needed_width(), self._label_need())
        if needs != self._needs:
            self._needs = needs
            self.needs_changed.emit()
            self._is_stale = False  # the new room, if that is what came of it, is taken up here
            scale = self._laid_out()
            self.price_axis.show_scale(scale, self.tokens, tags)
        self._grid.values = [] if self.message else self.price_axis.labelled()
        self.price_axis.setVisible(not self.message)
        if self._shows_time:
            self.time_axis.show_scale(scale, self.tokens, self.base)
        self._canvas.show_scale(scale, self.tokens)
        self._overlay.show_scale(scale, self.tokens)

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        """Lay the pane out anew."""
        super().resizeEvent(event)
        if event is not None:
            self.refresh()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint what there is now; a window that is exposed does not wait for the turn's end."""
        if self._is_stale and event.rect() == self.viewport().rect():
            self._is_stale = False
            self._lay_out()  # all of it is painted here and now: nothing to ask for
        self.settle()
        super().paintEvent(event)

    def drawBackground(self, painter: QPainter, rect: QRectF | QRect) -> None:
        """Fill what the canvas leaves: the strips of the axes."""
        seen, pane = QRectF(rect), self._canvas.boundingRect()
        beside = QRectF(pane.right(), 0, self.width() - pane.right(), self.height())
        below = QRectF(0, pane.bottom(), pane.right(), self.height() - pane.bottom())
        for strip in (beside, below):
            painter.fillRect(strip.intersected(seen), ink.colour(self.tokens.surface))

    # inner workings

    def _total(self) -> int:
        return max(1, len(self.base), self._live_total)

    def _whole(self) -> tuple[float, float]:
        """Return the range that holds every bar and the labels beside the last."""
        width = self._pane_size()[0]
        labels = min((self._room or self._needs)[1], width / 2)
        left = min(LEFT_ROOM, width / 8)
        bars_a_pixel = self._total() / max(1.0, width - labels - left)
        return -0.5 - left * bars_a_pixel, self._total() - 0.5 + labels * bars_a_pixel

    def _pane_size(self) -> tuple[float, float]:
        axis = (self._room or self._needs)[0]
        below = TimeAxis.HEIGHT if self._shows_time else 0
        return max(1.0, self.width() - axis), max(1.0, float(self.height() - below))

    def _label_need(self) -> float:
        metrics = QFontMetricsF(font("caption", strong=True))
        lines = self._canvas.labelled()
        named = [line.label for line in lines if line.names_end]
        widths = [metrics.horizontalAdvance(label) + LABEL_GAP for label in named]
        return max(widths, default=LEAST_LABEL_ROOM)

    def _laid_out(self) -> Scale:
        if self._fitted:
            self._x0, self._x1 = self._whole()
        width, height = self._pane_size()
        self._field.setGeometry(QRectF(0, 0, width, height))
        self.price_axis.setGeometry(QRectF(width, 0, max(0.0, self.width() - width), height))
        self.time_axis.setGeometry(QRectF(0, height, self.width(), TimeAxis.HEIGHT))
        return self._scale()

    def _scale(self) -> Scale:
        width, height = self._pane_size()
        log = self._log and self._extent(True)[0] > 0 and self._extent(False)[0] > 0
        low, high = self.framed(*self._extent(log))
        inner = max(8.0, height - self.top_room - BOTTOM_ROOM)
        low, high = padded(low, high, BOTTOM_ROOM / inner, self.top_room / inner, log)
        return Scale(self._x0, self._x1, low, high, width, height, log)

    def _extent(self, log: bool) -> tuple[float, float]:
        width, height = self._pane_size()
        rough = Scale(self._x0, self._x1, 1.0, 10.0, width, height, log)
        extents = np.array([layer.extent(rough) for layer in self._canvas.layers])
        return float(np.fmin.reduce(extents[:, 0])), float(np.fmax.reduce(extents[:, 1]))
