"""What a pane is made of, bottom to top: grid, filled area, lines. Each layer paints itself in pixels."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QPainter

from desktop.charts import ink
from desktop.charts.decimate import LinePyramid
from desktop.charts.scale import Scale
from desktop.tokens import Tokens

Floats = NDArray[np.float64]
Ink = Callable[[Tokens], str]

FILL_STRENGTH = 0.25
NOTHING = (np.nan, np.nan)


class Layer(Protocol):
    """Something that a pane shows."""

    def paint(self, painter: QPainter, scale: Scale, tokens: Tokens) -> None:
        """Draw what is in sight."""
        ...

    def extent(self, scale: Scale) -> tuple[float, float]:
        """Return the lowest and highest value in sight; NaN when there is none."""
        ...


@dataclass(slots=True)
class GridLayer:
    """Hairlines at the labelled values, and a stronger one at a value that matters (zero)."""

    values: list[float] = field(default_factory=list)
    base: float | None = None

    def paint(self, painter: QPainter, scale: Scale, tokens: Tokens) -> None:
        """Draw the hairlines on whole pixels."""
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
        for token, values in (
            (tokens.grid, [value for value in self.values if value != self.base]),
            (tokens.border, [] if self.base is None else [self.base]),
        ):
            y = np.floor(scale.py(np.array(values))) + 0.5
            painter.setPen(ink.pen(token))
            ink.draw_segments(painter, np.zeros(len(y)), y, np.full(len(y), scale.width), y)

    def extent(self, scale: Scale) -> tuple[float, float]:
        """Return nothing: the grid follows the data."""
        return NOTHING


class Series:
    """A line's values with a pyramid over them, at bars 0, 1, 2 … or at positions of its own."""

    def __init__(self, values: Floats | LinePyramid, positions: Floats | None = None) -> None:
        """Take the values, or a pyramid that was built elsewhere.

        Args:
            values: (n,) or a pyramid of them.
            positions: (n,) ascending bars on the chart's time base; None for 0 … n-1.
        """
        self.pyramid = values if isinstance(values, LinePyramid) else LinePyramid(values)
        self.positions = positions
        self._key: tuple[float, float, float, int] | None = None
        self._seen: tuple[Floats, Floats] = (np.empty(0), np.empty(0))

    def __len__(self) -> int:
        return len(self.pyramid)

    def in_sight(self, scale: Scale) -> tuple[Floats, Floats]:
        """Return the bars and values to draw, about two points a pixel."""
        key = (scale.x0, scale.x1, scale.width, len(self))
        if key != self._key:
            self._key, self._seen = key, self._thinned(scale)
        return self._seen

    def at(self, x: float) -> float:
        """Return the value at a bar, the last one before it where the line has points of its own; NaN outside."""
        if self.positions is None:
            index = int(np.floor(x + 0.5))
        else:
            index = int(np.searchsorted(self.positions, x + 0.5, side="right")) - 1
            if index == len(self) - 1 and len(self) and x > self.positions[-1] + 0.5:
                return float("nan")
        return float(self.pyramid.values[index]) if 0 <= index < len(self) else float("nan")

    def _thinned(self, scale: Scale) -> tuple[Floats, Floats]:
        if self.positions is None:
            start, stop = scale.bars(len(self))
        else:
            start = max(0, int(np.searchsorted(self.positions, scale.x0)) - 1)
            stop = int(np.searchsorted(self.positions, scale.x1, side="right")) + 1
        index = self.pyramid.indices(start, stop, max(1, int(scale.width)))
        x = index.astype(np.float64) if self.positions is None else self.positions[index]
        return x, self.pyramid.values[index]


class LineLayer:
    """A line."""

    def __init__(
        self,
        series: Series,
        ink_of: Ink,
        width: float = 1.5,
        dash: tuple[float, ...] = (),
        label: str = "",
    ) -> None:
        """Take the data and how it looks; a label stands at the line's end."""
        self.series = series
        self.label = label
        self.ink_of = ink_of
        self.width = width
        self.dash = dash
        self.visible = True
        self.names_end = True  # whether the label stands at the line's end, or only in read-outs

    def paint(self, painter: QPainter, scale: Scale, tokens: Tokens) -> None:
        """Draw the part in sight."""
        if not self.visible:
            return
        x, y = self.series.in_sight(scale)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, True)
        painter.setPen(ink.pen(self.ink_of(tokens), self.width, self.dash))
        ink.draw_curve(painter, scale.px(x), scale.py(y), dense=len(x) > scale.width / 2)

    def last_in_sight(self, scale: Scale) -> tuple[float, float]:
        """Return the bar and the value of the rightmost point in sight; NaN when there is none."""
        x, y = self.series.in_sight(scale)
        shown = np.flatnonzero(np.isfinite(y) & (x >= scale.x0) & (x <= scale.x1))
        return (float(x[shown[-1]]), float(y[shown[-1]])) if len(shown) else NOTHING

    def extent(self, scale: Scale) -> tuple[float, float]:
        """Return the lowest and highest value in sight."""
        return extent_of(self.series.in_sight(scale)[1], scale.log) if self.visible else NOTHING


class AreaLayer(LineLayer):
    """A line with the area between it and zero filled at a quarter of its strength."""

    def paint(self, painter: QPainter, scale: Scale, tokens: Tokens) -> None:
        """Draw the area, then the line."""
        x, y = self.series.in_sight(scale)
        finite = np.isfinite(y)
        px, py = scale.px(x[finite]), scale.py(y[finite])
        if len(px):
            painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
            fill = ink.colour(self.ink_of(tokens), FILL_STRENGTH)
            zero = float(scale.py(np.array([0.0]))[0])
            if len(px) > scale.width / 2:
                _fill_columns(painter, px, py, zero, fill)
            else:
                outline = pg.functions.arrayToQPolygonF(
                    np.concatenate((px[:1], px, px[-1:])), np.concatenate(([zero], py, [zero]))
                )
                painter.setPen(Qt.PenStyle.NoPen)
                painter.setBrush(fill)
                painter.drawPolygon(outline)
        super().paint(painter, scale, tokens)


def _fill_columns(painter: QPainter, px: Floats, py: Floats, zero: float, fill: QColor) -> None:
    """Fill between a dense line below zero and zero, a pixel column at a time: a polygon takes five times as long."""
    columns = np.floor(px).astype(np.int64)
    starts = np.flatnonzero(np.diff(columns, prepend=columns[0] - 1))
    depth = np.maximum.reduceat(py, starts)
    bottom = np.repeat(depth, np.diff(columns[starts], append=columns[-1] + 1))
    ink.draw_columns(painter, int(columns[0]), np.full(len(bottom), zero), bottom, fill)


def ends_of(values: Floats) -> tuple[float, float] | None:
    """Return the first and the last finite value; None when there is none. Looks no further than it has to."""
    step = 1024
    while True:
        head, tail = values[:step], values[-step:]
        first, last = head[np.isfinite(head)], tail[np.isfinite(tail)]
        if len(first) and len(last):
            return float(first[0]), float(last[-1])
        if step >= len(values):
            return None
        step *= 4


def extent_of(values: Floats, log: bool = False) -> tuple[float, float]:
    """Return the lowest and the highest finite value (positive ones only on a log scale), NaN when there is none."""
    finite = values[np.isfinite(values) & (values > 0)] if log else values[np.isfinite(values)]
    return (float(finite.min()), float(finite.max())) if len(finite) else NOTHING
