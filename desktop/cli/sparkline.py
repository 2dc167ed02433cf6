"""A curve in one line of text."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

_BLOCKS: Final = "▁▂▃▄▅▆▇█"


def sparkline(values: NDArray[np.float64], width: int = 60) -> str:
    """Return at most ``width`` block characters; each is the mean of its part of the curve."""
    clean = values[np.isfinite(values)]
    if not len(clean):
        return ""
    parts = np.array_split(clean, min(width, len(clean)))
    means = np.asarray([part.mean() for part in parts])
    low, high = means.min(), means.max()
    if high == low:
        return _BLOCKS[3] * len(means)
    levels = np.rint((means - low) / (high - low) * (len(_BLOCKS) - 1)).astype(int)
    return "".join(_BLOCKS[level] for level in levels)
