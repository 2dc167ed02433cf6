"""Thin a long series to the pixels it is drawn on, without losing a peak.

A pyramid holds, for blocks of 8, 16, 32 … points, what a pixel column needs to know: of a line where its lowest and its
highest point are, of bars the open of the first, the highest high, the lowest low, the close of the last and the
volume. Blocks are anchored to the data, not to the screen, so nothing shimmers while the chart is dragged. A redraw
costs as much as the screen is wide, however long the series is; appending costs as much as what is appended.

Pure numpy: pyramids may be built on any thread. NaN stands for "nothing here" and never wins over a number.
"""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]

BASE: Final = 8  # points per block of the lowest stored level; smaller blocks are cheap to make when asked for


class Growing:
    """An array that grows at its end; `values` is what it holds so far."""

    def __init__(self, dtype: type[np.generic], values: NDArray[Any] | None = None) -> None:
        """Hold the values given; they are not copied until something is appended."""
        self._data: NDArray[Any] = (
            np.empty(0, dtype) if values is None else np.ascontiguousarray(values, dtype)
        )
        self._size = len(self._data)
        self._owned = values is None

    def __len__(self) -> int:
        return self._size

    @property
    def values(self) -> NDArray[Any]:
        """A view of what is held."""
        return self._data[: self._size]

    def append(self, values: NDArray[Any]) -> None:
        """Add values at the end."""
        size = self._size + len(values)
        if size > len(self._data) or not self._owned:
            grown = np.empty(max(size, 2 * self._size, 1024), self._data.dtype)
            grown[: self._size] = self.values
            self._data, self._owned = grown, True
        self._data[self._size : size] = values
        self._size = size

    def snapshot(self) -> "Growing":
        """Return what is held now, not copied: appending here writes behind it, appending there copies first."""
        return Growing(self._data.dtype.type, self.values)


def block_size(span: int, blocks: int) -> int:
    """Return the smallest power of two such that ``span`` points fill at most ``blocks`` blocks of it."""
    wanted = -(-span // max(1, blocks))
    return 1 if wanted <= 1 else 1 << (wanted - 1).bit_length()


def _extremes(values: Floats, size: int, offset: int) -> tuple[Indices, Indices]:
    """Return where the lowest and highest value of each whole block of ``size`` values is, plus ``offset``."""
    blocks = values.reshape(-1, size)
    first = offset + np.arange(len(blocks), dtype=np.int64) * size
    empty = np.isnan(blocks)
    if empty.any():
        low = np.where(empty, np.inf, blocks).argmin(axis=1)
        high = np.where(empty, -np.inf, blocks).argmax(axis=1)
    else:
        low, high = blocks.argmin(axis=1), blocks.argmax(axis=1)
    return first + low, first + high


class LinePyramid:
    """The lows and highs of a line at every scale."""

    def __init__(self, values: Floats | None = None) -> None:
        """Build the pyramid; O(n), about 40 ns a point."""
        self._raw = Growing(np.float64)
        self._low: list[Growing] = []
        self._high: list[Growing] = []
        if values is not None:
            self._raw = Growing(np.float64, values)
            self._grow()

    def __len__(self) -> int:
        return len(self._raw)

    @property
    def values(self) -> Floats:
        """(n,) the line itself."""
        return self._raw.values

    def snapshot(self) -> "LinePyramid":
        """Return the pyramid as it is now; it costs as much as there are levels, and may go to another thread."""
        found = LinePyramid()
        found._raw = self._raw.snapshot()
        found._low = [level.snapshot() for level in self._low]
        found._high = [level.snapshot() for level in self._high]
        return found

    def take(self, other: "LinePyramid") -> None:
        """Become what another pyramid is; whoever holds this one sees the longer line."""
        self._raw, self._low, self._high = other._raw, other._low, other._high

    def lowest(self) -> int | None:
        """Return where the lowest value is, None when there is none; costs as much as two blocks, not the line."""
        index, values = self._summits(self._low)
        return None if index is None else int(index[np.nanargmin(values)])

    def highest(self) -> int | None:
        """Return where the highest value is, None when there is none."""
        index, values = self._summits(self._high)
        return None if index is None else int(index[np.nanargmax(values)])

    def append(self, values: Floats) -> None:
        """Let the line grow at its end."""
        self._raw.append(np.asarray(values, np.float64))
        self._grow()

    def indices(self, start: int, stop: int, blocks: int) -> Indices:
        """Return which points to draw for ``[start, stop)`` on ``blocks`` pixel columns.

        Args:
            start, stop: the wanted points; they are widened to whole blocks, so that a point at the edge does not
                change while the chart is dragged.
            blocks: how many columns there are.

        Returns:
            Ascending indices: the first and last point, and of each block the lowest and the highest; about two a
            column, and every point when there are no more of them than columns.
        """
        start, stop = max(0, start), min(stop, len(self))
        if stop <= start:
            return np.empty(0, np.int64)
        size = block_size(stop - start, blocks)
        if size == 1:
            return np.arange(start, stop, dtype=np.int64)
        start = start // size * size
        stop = min(len(self), -(-stop // size) * size)
        low, high = self._blocks(start // size, stop // size, size)
        inner = np.stack((np.minimum(low, high), np.maximum(low, high)), axis=1).ravel()
        parts = [np.array([start]), inner]
        whole = stop // size * size
        if whole < stop:
            rest = self.values[whole:stop]
            parts.append(np.sort(np.concatenate(_extremes(rest, len(rest), whole))))
        parts.append(np.array([stop - 1]))
        found = np.concatenate(parts)
        return found[np.concatenate(([True], found[1:] > found[:-1]))]

    def _summits(self, levels: list[Growing]) -> tuple[Indices | None, Floats]:
        """Return the extremes of the widest whole blocks that cover the line, and the points left over at its end."""
        parts, done = [], 0
        for level in range(len(levels) - 1, -1, -1):
            size = BASE << level
            parts.append(levels[level].values[done // size :])
            done += len(parts[-1]) * size
        found = np.concatenate([*parts, np.arange(done, len(self))])
        values = self.values[found]
        return (found if np.isfinite(values).any() else None), values

    def _blocks(self, first: int, last: int, size: int) -> tuple[Indices, Indices]:
        if size < BASE:
            return _extremes(self.values[first * size : last * size], size, first * size)
        level = (size // BASE).bit_length() - 1
        if level >= len(self._low):
            return np.empty(0, np.int64), np.empty(0, np.int64)
        return self._low[level].values[first:last], self._high[level].values[first:last]

    def _grow(self) -> None:
        values = self.values
        level, whole = 0, len(values) // BASE
        while whole:
            if level == len(self._low):
                self._low.append(Growing(np.int64))
                self._high.append(Growing(np.int64))
            have = len(self._low[level])
            if whole > have:
                low, high = self._new_blocks(level, have, whole)
                self._low[level].append(low)
                self._high[level].append(high)
            level, whole = level + 1, whole // 2

    def _new_blocks(self, level: int, have: int, whole: int) -> tuple[Indices, Indices]:
        values = self.values
        if level == 0:
            return _extremes(values[have * BASE : whole * BASE], BASE, have * BASE)
        low = self._low[level - 1].values[2 * have : 2 * whole]
        high = self._high[level - 1].values[2 * have : 2 * whole]
        left, right = values[low[::2]], values[low[1::2]]
        lower = np.where((right < left) | np.isnan(left), low[1::2], low[::2])
        left, right = values[high[::2]], values[high[1::2]]
        higher = np.where((right > left) | np.isnan(left), high[1::2], high[::2])
        return lower, higher


@dataclass(frozen=True, slots=True)
class Bars:
    """Price bars, (n,) each; a row of NaN is an instant at which the symbol did not trade."""

    open: Floats
    high: Floats
    low: Floats
    close: Floats
    volume: Floats

    def __len__(self) -> int:
        return len(self.close)

    def slice(self, start: int, stop: int) -> "Bars":
        """Return the bars of ``[start, stop)``, as views."""
        return Bars(*(column[start:stop] for column in self.columns()))

    def columns(self) -> tuple[Floats, Floats, Floats, Floats, Floats]:
        """Return open, high, low, close, volume."""
        return self.open, self.high, self.low, self.close, self.volume


def _merge(left: Bars, right: Bars, gaps: bool) -> Bars:
    """Return bars that stand for a left and a right neighbour each; without gaps in a third of the time."""
    volume = left.volume + right.volume
    if not gaps:
        high, low = np.maximum(left.high, right.high), np.minimum(left.low, right.low)
        return Bars(left.open, high, low, right.close, volume)
    return Bars(
        np.where(np.isnan(left.open), right.open, left.open),
        np.fmax(left.high, right.high),
        np.fmin(left.low, right.low),
        np.where(np.isnan(right.close), left.close, right.close),
        volume,
    )


def _halve(bars: Bars, gaps: bool) -> Bars:
    return _merge(
        Bars(*(column[::2] for column in bars.columns())),
        Bars(*(column[1::2] for column in bars.columns())),
        gaps,
    )


def merge_bars(bars: Bars, size: int) -> Bars:
    """Merge each whole block of ``size`` bars (a power of two) into one; what is left over is dropped."""
    whole = len(bars) // size * size
    merged = bars.slice(0, whole)
    gaps = bool(np.isnan(merged.open).any())
    while size > 1:
        merged, size = _halve(merged, gaps), size // 2
    return merged


def _merge_all(bars: Bars) -> Bars:
    """Merge any number of bars into one."""
    traded = np.flatnonzero(~np.isnan(bars.close))
    volume = np.array([bars.volume.sum()])
    if not len(traded):
        nothing = np.array([np.nan])
        return Bars(nothing, nothing, nothing, nothing, volume)
    first, last = traded[0], traded[-1]
    return Bars(
        bars.open[first : first + 1],
        np.array([np.fmax.reduce(bars.high)]),
        np.array([np.fmin.reduce(bars.low)]),
        bars.close[last : last + 1],
        volume,
    )


@dataclass(frozen=True, slots=True)
class BarView:
    """What to draw of a stretch of bars: ``bars[k]`` stands for ``size`` bars from index ``first[k]`` on."""

    first: Indices
    size: int
    bars: Bars


class BarPyramid:
    """Price bars at every scale. The volume of a bar that is missing counts as nothing."""

    def __init__(self, bars: Bars) -> None:
        """Build the pyramid; O(n), about 20 ns a bar."""
        columns = [np.ascontiguousarray(column, np.float64) for column in bars.columns()]
        if np.isnan(columns[4]).any():
            columns[4] = np.nan_to_num(columns[4], nan=0.0)
        self.bars = Bars(*columns)
        self._levels: list[Bars] = []
        level = merge_bars(self.bars, BASE)
        while len(level):
            self._levels.append(level)
            level = merge_bars(level, 2)

    def __len__(self) -> int:
        return len(self.bars)

    def view(self, start: int, stop: int, blocks: int) -> BarView:
        """Return the bars of ``[start, stop)`` merged so that at most about ``blocks`` are left.

        The range is widened to whole blocks. Open is the first bar's, close the last's, high the highest, low the
        lowest, volume the sum.
        """
        start, stop = max(0, start), min(stop, len(self))
        if stop <= start:
            return BarView(np.empty(0, np.int64), 1, self.bars.slice(0, 0))
        size = block_size(stop - start, blocks)
        first, last = start // size, -(-stop // size)
        whole = min(last, len(self) // size)
        found = self._blocks(first, whole, size)
        if whole < last:
            tail = _merge_all(self.bars.slice(whole * size, len(self)))
            pairs = zip(found.columns(), tail.columns(), strict=True)
            found = Bars(*(np.concatenate(pair) for pair in pairs))
        return BarView(np.arange(first, last, dtype=np.int64) * size, size, found)

    def _blocks(self, first: int, last: int, size: int) -> Bars:
        if size < BASE:
            return merge_bars(self.bars.slice(first * size, last * size), size)
        level = (size // BASE).bit_length() - 1
        if level >= len(self._levels):
            return self.bars.slice(0, 0)
        return self._levels[level].slice(first, last)
