"""Painting from numpy arrays, in pixels: lines, boxes and polylines without a Python loop over points."""

from functools import lru_cache

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from pyqtgraph.Qt.internals import PrimitiveArray
from PySide6.QtCore import QLineF, QRectF, Qt
from PySide6.QtGui import QColor, QImage, QPainter, QPen

Floats = NDArray[np.float64]

_TALLEST = 16_384  # pixels of a column
_FAR = (
    1e5  # pixels; what lies further out is out of sight, and Qt's clipping is slow on huge numbers
)


@lru_cache(256)
def colour(token: str, alpha: float = 1.0) -> QColor:
    """Return a token as Qt's colour, let through to its background if asked; it is shared, so leave it as it is."""
    found = QColor(token)
    found.setAlphaF(alpha)
    return found


@lru_cache(256)
def pen(token: str, width: float = 1.0, dash: tuple[float, ...] = (), alpha: float = 1.0) -> QPen:
    """Return a pen with flat ends; ``dash`` is in multiples of the width. It is shared, too."""
    found = QPen(colour(token, alpha), width)
    found.setCapStyle(Qt.PenCapStyle.FlatCap)
    found.setJoinStyle(Qt.PenJoinStyle.BevelJoin)
    if dash:
        found.setDashPattern(list(dash))
    return found


def draw_segments(painter: QPainter, x1: Floats, y1: Floats, x2: Floats, y2: Floats) -> None:
    """Draw separate lines; one with a NaN is left out."""
    rows = np.stack((x1, y1, x2, y2), axis=1)
    rows = rows[np.isfinite(rows).all(axis=1)]
    if not len(rows):
        return
    lines = PrimitiveArray(QLineF, 4)
    lines.resize(len(rows))
    lines.ndarray()[:] = np.clip(rows, -_FAR, _FAR)
    painter.drawLines(*lines.drawargs())


def draw_boxes(
    painter: QPainter, x: Floats, y: Floats, width: Floats | float, height: Floats | float
) -> None:
    """Draw boxes; one with a NaN is left out."""
    rows = np.stack(np.broadcast_arrays(x, y, width, height), axis=1)
    rows = rows[np.isfinite(rows).all(axis=1)]
    if not len(rows):
        return
    boxes = PrimitiveArray(QRectF, 4)
    boxes.resize(len(rows))
    boxes.ndarray()[:] = np.clip(rows, -_FAR, _FAR)
    painter.drawRects(*boxes.drawargs())


def draw_columns(painter: QPainter, left: int, top: Floats, bottom: Floats, fill: QColor) -> None:
    """Fill pixel columns side by side from ``left`` on, each from its top to its bottom; one with a NaN is left out.

    The columns become one picture: as boxes let through to their background they are drawn down the screen's rows one
    by one, which takes ten times as long.
    """
    missing = ~np.isfinite(top + bottom)
    top, bottom = np.where(missing, np.inf, np.floor(top)), np.where(missing, -np.inf, bottom)
    low = int(np.clip(top.min(initial=_FAR), -_FAR, _FAR))
    high = int(np.clip(np.ceil(bottom.max(initial=-_FAR)), -_FAR, _FAR))
    if high <= low or high - low > _TALLEST:
        return
    # Comparing small integers and multiplying by the pixel takes a third of the time of choosing by condition.
    rows = np.arange(high - low, dtype=np.int16)[:, np.newaxis]
    first = np.clip(top - low, 0, high - low).astype(np.int16)
    last = np.clip(np.ceil(bottom - low), 0, high - low).astype(np.int16)
    inside = rows < last
    if first.any():
        inside &= rows >= first
    alpha = fill.alpha()
    red, green, blue = (part * alpha // 255 for part in (fill.red(), fill.green(), fill.blue()))
    pixels = inside.view(np.uint8) * np.uint32(alpha << 24 | red << 16 | green << 8 | blue)
    height, width = pixels.shape
    layout = QImage.Format.Format_ARGB32_Premultiplied
    painter.drawImage(left, low, QImage(pixels.data, width, height, 4 * width, layout))


def draw_curve(painter: QPainter, x: Floats, y: Floats, dense: bool) -> None:
    """Draw a line through points, broken at NaN.

    A dense line (about two points a pixel) is drawn as separate pieces: stroking it as one path takes up to a hundred
    times as long, and at that density nobody can see a join. A dashed pen needs the path.
    """
    if dense and painter.pen().style() == Qt.PenStyle.SolidLine:
        draw_segments(painter, x[:-1], y[:-1], x[1:], y[1:])
        return
    if len(x) > 1:
        painter.setBrush(Qt.BrushStyle.NoBrush)
        path = pg.functions.arrayToQPath(
            np.ascontiguousarray(x), np.clip(y, -_FAR, _FAR), connect="finite"
        )
        painter.drawPath(path)
