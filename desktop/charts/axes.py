"""The two axes, without lines of their own: values on the right, where traders look for them, and time below."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QLocale, QRectF, Qt
from PySide6.QtGui import QFontMetricsF, QPainter

from desktop import fmt
from desktop.charts import ink
from desktop.charts.scale import Scale
from desktop.charts.ticks import TimeTick, time_ticks, value_ticks
from desktop.charts.timebase import TimeBase
from desktop.theme.fonts import font
from desktop.tokens import Tokens

FormatValue = Callable[[float, int], str]

TICK_GAP = 36  # pixels between labelled values, at least
TIME_GAP = 72  # pixels between labelled bars, at least
_PAD = 8.0


@dataclass(frozen=True, slots=True)
class Tag:
    """A value marked on the axis: the last of a line, or the one under the crosshair."""

    value: float
    text: str
    fill: str
    ink: str


class PriceAxis(pg.GraphicsWidget):
    """Values on the right: round numbers, the last value of each line as a tag, the crosshair's value above them."""

    def __init__(self, format_value: FormatValue) -> None:
        """Take how values are written."""
        super().__init__()
        self._format = format_value
        self._scale: Scale | None = None
        self._tokens: Tokens | None = None
        self.ticks: list[float] = []
        self._decimals = 0
        self.tags: list[Tag] = []
        self.cursor_tag: Tag | None = None

    def show_scale(self, scale: Scale, tokens: Tokens, tags: list[Tag]) -> None:
        """Choose the labels for what the pane shows."""
        most = max(4, int(scale.height / TICK_GAP))
        self._scale, self._tokens, self.tags = scale, tokens, tags
        found, self._decimals = value_ticks(scale.low, scale.high, most, scale.log)
        edge = QFontMetricsF(font("caption")).height() / 2
        y = scale.py(np.array(found))
        inside = (y >= edge) & (y <= scale.height - edge)
        self.ticks = [value for value, fits in zip(found, inside, strict=True) if fits]

    def labelled(self) -> list[float]:
        """Return the values that are written; a pane may have none to write for some (a gain, in a drawdown)."""
        return [value for value in self.ticks if self._format(value, self._decimals)]

    def show_cursor(self, tag: Tag | None) -> None:
        """Mark the value under the crosshair."""
        if tag != self.cursor_tag:
            self.cursor_tag = tag
            self.update()

    def needed_width(self) -> float:
        """Return the pixels that the longest label takes, rounded up so that it rarely changes."""
        metrics = QFontMetricsF(font("caption"))
        texts = [self._format(value, self._decimals) for value in self.ticks]
        texts += [tag.text for tag in self.tags]
        widest = max((metrics.horizontalAdvance(text) for text in texts), default=0.0)
        return float(np.ceil((widest + 2 * _PAD + 2) / 8) * 8)

    def paint(self, painter: QPainter, *_: object) -> None:
        """Draw labels, then tags over them."""
        if self._scale is None or self._tokens is None:
            return
        painter.setFont(font("caption"))
        metrics = QFontMetricsF(painter.font())
        painter.setPen(ink.pen(self._tokens.muted))
        placed = self._placed_tags(metrics.height() + 4)
        for value, y in zip(self.ticks, self._scale.py(np.array(self.ticks)), strict=True):
            if all(abs(y - other) >= metrics.height() for _, other in placed):
                painter.drawText(self._row(y, metrics), _LEFT, self._format(value, self._decimals))
        for tag, y in placed:
            self._paint_tag(painter, tag, y, metrics)
        if self.cursor_tag is not None:
            y = float(self._scale.py(np.array([self.cursor_tag.value]))[0])
            self._paint_tag(painter, self.cursor_tag, y, metrics)

    def _placed_tags(self, height: float) -> list[tuple[Tag, float]]:
        """Return tags with their pixels, pushed apart where they would cover each other."""
        assert self._scale is not None
        values = np.array([tag.value for tag in self.tags])
        limit = self._scale.height - height / 2
        y = np.clip(self._scale.py(values), height / 2, limit)
        return [(self.tags[k], spot) for k, spot in spread(y, height, limit)]

    def _row(self, y: float, metrics: QFontMetricsF) -> QRectF:
        height = metrics.height()
        return QRectF(_PAD, y - height / 2, self.size().width() - _PAD, height)

    def _paint_tag(self, painter: QPainter, tag: Tag, y: float, metrics: QFontMetricsF) -> None:
        row = self._row(y, metrics)
        box = QRectF(
            2.0,
            row.top() - 1,
            metrics.horizontalAdvance(tag.text) + 2 * (_PAD - 2),
            row.height() + 2,
        )
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, True)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(ink.colour(tag.fill))
        painter.drawRoundedRect(box, 2, 2)
        painter.setPen(ink.pen(tag.ink))
        painter.drawText(row, _LEFT, tag.text)


class TimeAxis(pg.GraphicsWidget):
    """Time below: years, months, days or hours of the bars in sight; the crosshair's instant as a tag. UTC."""

    HEIGHT = 24

    def __init__(self) -> None:
        """Begin without bars."""
        super().__init__()
        self._scale: Scale | None = None
        self._tokens: Tokens | None = None
        self.ticks: list[TimeTick] = []
        self.cursor_x: float | None = None
        self.cursor_text = ""

    def show_scale(self, scale: Scale, tokens: Tokens, base: TimeBase) -> None:
        """Choose the labels for what the pane shows."""
        self._scale, self._tokens = scale, tokens
        time_ns = base.labelled_ns
        start, stop = scale.bars(len(time_ns))
        self.ticks = time_ticks(time_ns, start, stop, TIME_GAP / scale.pixels_per_bar)

    def show_cursor(self, x: float | None, text: str) -> None:
        """Mark the instant under the crosshair."""
        if (x, text) != (self.cursor_x, self.cursor_text):
            self.cursor_x, self.cursor_text = x, text
            self.update()

    def texts(self) -> list[str]:
        """Return the labels, left to right."""
        return [tick_text(tick) for tick in self.ticks]

    def paint(self, painter: QPainter, *_: object) -> None:
        """Draw labels (longer periods stronger), then the tag over them."""
        if self._scale is None or self._tokens is None:
            return
        metrics = QFontMetricsF(font("caption"))
        tag = self._tag_box(metrics)
        for tick in self.ticks:
            strong = tick.rank == "year" or (tick.rank == "day" and self._is_intraday())
            painter.setFont(font("caption", strong=strong))
            painter.setPen(ink.pen(self._tokens.text if strong else self._tokens.muted))
            text = tick_text(tick)
            box = self._text_box(QFontMetricsF(painter.font()), float(tick.index), text)
            fits = box.left() >= 0 and box.right() <= self._scale.width + box.width() / 4
            if fits and not box.intersects(tag):
                painter.drawText(box, Qt.AlignmentFlag.AlignCenter, text)
        if not tag.isNull():
            painter.setFont(font("caption"))
            painter.setRenderHint(QPainter.RenderHint.Antialiasing, True)
            painter.setPen(ink.pen(self._tokens.muted))
            painter.setBrush(ink.colour(self._tokens.raised))
            painter.drawRoundedRect(tag.adjusted(0.5, 0.5, -0.5, -0.5), 2, 2)
            painter.setPen(ink.pen(self._tokens.text))
            painter.drawText(tag, Qt.AlignmentFlag.AlignCenter, self.cursor_text)

    def _is_intraday(self) -> bool:
        return any(tick.rank == "time" for tick in self.ticks)

    def _text_box(self, metrics: QFontMetricsF, x: float, text: str) -> QRectF:
        assert self._scale is not None
        width = metrics.horizontalAdvance(text) + 12
        px = float(self._scale.px(np.array([x]))[0])
        return QRectF(px - width / 2, 0, width, self.size().height())

    def _tag_box(self, metrics: QFontMetricsF) -> QRectF:
        if self.cursor_x is None:
            return QRectF()
        box = self._text_box(metrics, self.cursor_x, self.cursor_text).adjusted(-2, 2, 2, -2)
        box.moveLeft(min(max(0.0, box.left()), self.size().width() - box.width()))
        return box


_LEFT = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter


def spread(
    wanted: "np.ndarray[tuple[int], np.dtype[np.float64]]", gap: float, limit: float
) -> list[tuple[int, float]]:
    """Return places at least ``gap`` apart and near the wanted ones, as (index, place), top to bottom."""
    order = [int(k) for k in np.argsort(wanted, kind="stable") if np.isfinite(wanted[k])]
    placed: list[float] = []
    for k in order:
        placed.append(max(float(wanted[k]), placed[-1] + gap if placed else -np.inf))
    below = limit
    for k in range(len(placed) - 1, -1, -1):
        placed[k] = min(placed[k], below)
        below = placed[k] - gap
    return list(zip(order, placed, strict=True))


def tick_text(tick: TimeTick) -> str:
    """Return the label of a bar: the year, month, day or time of day that begins with it."""
    moment = fmt.instant_of_ns(tick.time_ns)
    locale = QLocale()
    month = locale.standaloneMonthName(moment.month, QLocale.FormatType.ShortFormat)
    match tick.rank:
        case "year":
            return f"{moment.year}"
        case "month":
            return month
        case "day":
            return f"{moment.day} {month}"
        case _:
            return f"{moment.hour:02d}:{moment.minute:02d}"
