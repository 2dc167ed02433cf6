"""From bars and values to pixels and back, for one pane at one moment."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Scale:
    """What a pane shows.

    Attributes:
        x0, x1: bars at the left and right edge; bar *i* has its middle at x = i.
        low, high: values at the bottom and top edge.
        width, height: of the pane in pixels.
        log: whether equal ratios take equal heights.
    """

    x0: float
    x1: float
    low: float
    high: float
    width: float
    height: float
    log: bool = False

    @property
    def pixels_per_bar(self) -> float:
        """How wide one bar is."""
        return self.width / max(self.x1 - self.x0, 1e-9)

    def px(self, x: Floats) -> Floats:
        """Return the horizontal pixel of bars."""
        return (x - self.x0) * self.pixels_per_bar

    def py(self, values: Floats) -> Floats:
        """Return the vertical pixel of values, counted from the top; NaN where there is none."""
        values = np.asarray(values, np.float64)
        low, high = self.low, self.high
        if self.log:
            with np.errstate(invalid="ignore", divide="ignore"):
                values = np.where(values > 0, np.log10(values), np.nan)
            low, high = np.log10(low), np.log10(high)
        return self.height * (1.0 - (values - low) / max(high - low, 1e-300))

    def x_at(self, pixel: float) -> float:
        """Return the bar, with its fraction, at a horizontal pixel."""
        return self.x0 + pixel / self.pixels_per_bar

    def value_at(self, pixel: float) -> float:
        """Return the value at a vertical pixel."""
        share = 1.0 - pixel / max(self.height, 1e-9)
        if self.log:
            return float(self.low * (self.high / self.low) ** share)
        return self.low + share * (self.high - self.low)

    def bars(self, n: int) -> tuple[int, int]:
        """Return the range of bars, of ``n``, that is in sight, with one neighbour on either side."""
        start = min(max(0, int(np.floor(self.x0))), n)
        return start, max(start, min(n, int(np.ceil(self.x1)) + 1))


def padded(low: float, high: float, bottom: float, top: float, log: bool) -> tuple[float, float]:
    """Return a range with shares of it added below and above; never empty."""
    if not (np.isfinite(low) and np.isfinite(high)):
        return (1.0, 10.0) if log else (0.0, 1.0)
    if log:
        low, high = np.log10(low), np.log10(high)
    span = high - low
    if span <= abs(high) * 1e-12:
        span = max(abs(high) * 0.02, 1e-9)
        low, high = low - span / 2, high + span / 2
    low, high = low - bottom * span, high + top * span
    return (float(10.0**low), float(10.0**high)) if log else (float(low), float(high))
