"""The shared time axis: which instant each bar is. Bars stand side by side, nights and holidays take no room."""

import numpy as np
from numpy.typing import NDArray

from desktop.charts.decimate import Growing
from engine.types import NS_PER_DAY

Instants = NDArray[np.int64]


class TimeBase:
    """Instants of bars, ascending; grows at its end while a run is under way."""

    def __init__(self, time_ns: Instants | None = None) -> None:
        """Take the opens of the bars, UTC nanoseconds."""
        self._times = Growing(np.int64, time_ns)
        self.axis_ns: Instants | None = None  # bars still to come among them, where they are known

    def __len__(self) -> int:
        return len(self._times)

    @property
    def time_ns(self) -> Instants:
        """(n,) the instants."""
        values: Instants = self._times.values
        return values

    @property
    def labelled_ns(self) -> Instants:
        """(n or more,) the instants that an axis may label: those of bars still to come, too."""
        axis = self.axis_ns
        return self.time_ns if axis is None or len(axis) < len(self) else axis

    def append(self, time_ns: Instants) -> None:
        """Add bars at the end."""
        self._times.append(time_ns)

    def snapshot(self) -> "TimeBase":
        """Return the instants as they are now, not copied; it may go to another thread."""
        found = TimeBase(self._times.snapshot().values)
        found.axis_ns = self.axis_ns
        return found

    def take(self, other: "TimeBase") -> None:
        """Become what another base is; charts that are linked by this one stay linked."""
        self._times, self.axis_ns = other._times, other.axis_ns

    def time_at(self, x: float) -> float:
        """Return the instant at a bar with its fraction; beyond the ends in steps of the average bar."""
        times = self.time_ns
        n = len(times)
        if not n:
            return 0.0
        if x <= 0 or x >= n - 1:
            edge = 0 if x <= 0 else n - 1
            return float(times[edge]) + (x - edge) * self._step()
        left = int(x)
        return float(times[left]) + (x - left) * float(times[left + 1] - times[left])

    def index_at(self, time_ns: float) -> float:
        """Return the bar, with its fraction, at an instant: the inverse of `time_at`."""
        times = self.time_ns
        n = len(times)
        if not n:
            return 0.0
        if time_ns <= times[0] or time_ns >= times[-1]:
            edge = 0 if time_ns <= times[0] else n - 1
            return edge + (time_ns - float(times[edge])) / self._step()
        left = int(np.searchsorted(times, time_ns, side="right")) - 1
        return left + (time_ns - float(times[left])) / float(times[left + 1] - times[left])

    def nearest(self, x: float) -> int | None:
        """Return the bar nearest to a position; None when there are no bars."""
        if not len(self):
            return None
        return min(max(0, int(np.floor(x + 0.5))), len(self) - 1)

    def _step(self) -> float:
        times = self.time_ns
        if len(times) < 2:
            return float(NS_PER_DAY)
        return max(1.0, float(times[-1] - times[0]) / (len(times) - 1))
