"""What a pane paints: the data underneath, kept as a picture once it stands still, and the crosshair above it."""

from dataclasses import dataclass

import numpy as np
from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QFontMetricsF, QPainter, QPixmap
from PySide6.QtWidgets import QGraphicsItem

from desktop.charts import ink
from desktop.charts.axes import spread
from desktop.charts.layers import Layer, LineLayer
from desktop.charts.scale import Scale
from desktop.theme.fonts import font
from desktop.tokens import Tokens

INSET = 12.0  # pixels from the pane's edge to its read-out
READOUT_HEIGHT = 96.0  # never more rows than fit in this
READING_GAP = 16.0  # between two figures of it


@dataclass(frozen=True, slots=True)
class Reading:
    """One figure of the read-out: what it is, its value, and a colour (the token's, or the text's when empty)."""

    name: str
    value: str
    ink: str = ""


class _PaneItem(QGraphicsItem):
    """An item as large as the pane."""

    def __init__(self, parent: QGraphicsItem) -> None:
        super().__init__(parent)
        self.setAcceptedMouseButtons(Qt.MouseButton.NoButton)
        self.scale_now: Scale | None = None
        self.tokens: Tokens | None = None
        self._box = QRectF()

    def show_scale(self, scale: Scale, tokens: Tokens) -> None:
        """Take a new view; who lays the pane out asks for all of it to be painted."""
        box = QRectF(0, 0, scale.width, scale.height)
        if box != self._box:
            self.prepareGeometryChange()
            self._box = box
        self.scale_now, self.tokens = scale, tokens

    def boundingRect(self) -> QRectF:
        return self._box


class Canvas(_PaneItem):
    """The layers and the labels at the lines' ends; moving the crosshair does not repaint it."""

    def __init__(self, parent: QGraphicsItem) -> None:
        """Begin empty."""
        super().__init__(parent)
        self.layers: list[Layer] = []
        self._picture: QPixmap | None = None
        self._is_new = True

    def show_scale(self, scale: Scale, tokens: Tokens) -> None:
        """Take a new view."""
        self._is_new = True
        super().show_scale(scale, tokens)

    def paint(self, painter: QPainter, *_: object) -> None:
        """Draw the layers, bottom to top, or the picture kept of them.

        A new view is drawn where it is seen: while one drags, each frame is another, and a picture would be filled and
        copied for nothing. What is asked for again is a picture, and opaque, so that a moving crosshair costs a copy of
        a few strips; Qt's own cache of an item would blend all of it.
        """
        if self.scale_now is None or self.tokens is None:
            return
        if self._is_new:
            self._is_new, self._picture = False, None
            painter.save()
            painter.setClipRect(self._box, Qt.ClipOperation.IntersectClip)
            self._paint_layers(painter, self.scale_now, self.tokens)
            painter.restore()
            return
        ratio = painter.device().devicePixelRatio()
        if self._picture is None or self._picture.devicePixelRatio() != ratio:
            self._picture = self._picture_of(self.scale_now, self.tokens, ratio)
        painter.drawPixmap(0, 0, self._picture)

    def _picture_of(self, scale: Scale, tokens: Tokens, ratio: float) -> QPixmap:
        picture = QPixmap(int(np.ceil(scale.width * ratio)), int(np.ceil(scale.height * ratio)))
        picture.setDevicePixelRatio(ratio)
        painter = QPainter(picture)
        self._paint_layers(painter, scale, tokens)
        painter.end()
        return picture

    def _paint_layers(self, painter: QPainter, scale: Scale, tokens: Tokens) -> None:
        painter.fillRect(self._box, ink.colour(tokens.surface))
        for layer in self.layers:
            layer.paint(painter, scale, tokens)
        self._paint_labels(painter, scale, tokens)

    def labelled(self) -> list[LineLayer]:
        """Return the lines that have a name and are shown."""
        lines = [layer for layer in self.layers if isinstance(layer, LineLayer)]
        return [line for line in lines if line.visible and line.label]

    def _paint_labels(self, painter: QPainter, scale: Scale, tokens: Tokens) -> None:
        painter.setFont(font("caption", strong=True))
        metrics = QFontMetricsF(painter.font())
        lines = [line for line in self.labelled() if line.names_end]
        ends = np.array([line.last_in_sight(scale) for line in lines]).reshape(-1, 2)
        height = metrics.height()
        places = spread(scale.py(ends[:, 1]), height, scale.height - height / 2)
        for k, y in places:
            width = metrics.horizontalAdvance(lines[k].label)
            left = float(scale.px(ends[k, 0])) + 8
            if left > scale.width - width:
                continue  # it would cover its line, and the read-out names it, too
            box = QRectF(left, y - height / 2, width, height)
            painter.setPen(ink.pen(lines[k].ink_of(tokens)))
            painter.drawText(
                box, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, lines[k].label
            )


class Overlay(_PaneItem):
    """The crosshair, the read-out top left, the focus ring, and what an empty pane says."""

    def __init__(self, parent: QGraphicsItem) -> None:
        """Begin with nothing to show."""
        super().__init__(parent)
        self.cursor_x: int | None = None
        self.cursor_y: float | None = None
        self.readings: list[Reading] = []
        self.message = ""
        self.focused = False

    def show_cursor(self, x: int | None, y: float | None) -> None:
        """Move the crosshair; only the strips it leaves and enters are repainted."""
        for strip in self._strips():
            self.update(strip)
        self.cursor_x, self.cursor_y = x, y
        for strip in self._strips():
            self.update(strip)

    def show_readings(self, readings: list[Reading]) -> None:
        """Show other figures."""
        if readings != self.readings:
            self.readings = readings
            self.update(QRectF(0, 0, self._box.width(), READOUT_HEIGHT))

    def _strips(self) -> list[QRectF]:
        found = []
        if self.scale_now is not None and self.cursor_x is not None:
            x = float(self.scale_now.px(np.array([self.cursor_x]))[0])
            found.append(QRectF(x - 2, 0, 5, self._box.height()))
        if self.cursor_y is not None:
            found.append(QRectF(0, self.cursor_y - 2, self._box.width(), 5))
        return found

    def paint(self, painter: QPainter, *_: object) -> None:
        """Draw what there is."""
        if self.scale_now is None or self.tokens is None:
            return
        if self.message:
            self._paint_message(painter, self.tokens)
        else:
            self._paint_cross(painter, self.scale_now, self.tokens)
            self._paint_readings(painter, self.tokens)
        if self.focused:
            painter.setPen(ink.pen(self.tokens.focus, 2))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRect(self._box.adjusted(1, 1, -1, -1))

    def _paint_message(self, painter: QPainter, tokens: Tokens) -> None:
        painter.setFont(font("body"))
        painter.setPen(ink.pen(tokens.muted))
        flags = Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap
        painter.drawText(self._box.adjusted(INSET, INSET, -INSET, -INSET), int(flags), self.message)

    def _paint_cross(self, painter: QPainter, scale: Scale, tokens: Tokens) -> None:
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
        painter.setPen(ink.pen(tokens.muted, dash=(3, 3)))
        if self.cursor_x is not None:
            x = np.floor(scale.px(np.array([self.cursor_x]))) + 0.5
            ink.draw_segments(painter, x, np.zeros(1), x, np.full(1, scale.height))
        if self.cursor_y is not None:
            y = np.full(1, np.floor(self.cursor_y) + 0.5)
            ink.draw_segments(painter, np.zeros(1), y, np.full(1, scale.width), y)

    def _paint_readings(self, painter: QPainter, tokens: Tokens) -> None:
        caption, strong = font("caption"), font("caption", strong=True)
        plain, bold = QFontMetricsF(caption), QFontMetricsF(strong)
        height = plain.height() + 4
        x, y = INSET, 8.0
        for place, reading in enumerate(self.readings, 1):
            name_width = plain.horizontalAdvance(reading.name)
            gap = 5.0 if reading.name else 0.0
            width = name_width + gap + bold.horizontalAdvance(reading.value)
            if x > INSET and x + width > self._box.width() - INSET:
                x, y = INSET, y + height
            gap_after = READING_GAP if place < len(self.readings) else 4
            back = QRectF(x - (4 if x == INSET else 0), y, width + gap_after, height)
            painter.fillRect(back, ink.colour(tokens.surface, 0.85))
            painter.setFont(caption)
            painter.setPen(ink.pen(tokens.muted))
            painter.drawText(QRectF(x, y, name_width + 2, height), _LEFT, reading.name)
            painter.setFont(strong)
            painter.setPen(ink.pen(reading.ink or tokens.text))
            painter.drawText(QRectF(x + name_width + gap, y, width, height), _LEFT, reading.value)
            x += width + READING_GAP


_LEFT = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
