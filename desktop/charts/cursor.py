"""What linked charts share: the instant under the pointer and the stretch of time in sight.

Charts of one run share a time base and are linked bar by bar; charts of different runs, in one window or in
several, are linked by the instant.
"""

from dataclasses import dataclass

from PySide6.QtCore import QObject, Signal

from desktop.charts.timebase import TimeBase


@dataclass(frozen=True, slots=True)
class Place:
    """A position on a time base: a bar with its fraction."""

    base: TimeBase
    x: float

    def on(self, base: TimeBase) -> float:
        """Return the same instant as a position on another time base."""
        return self.x if base is self.base else base.index_at(self.base.time_at(self.x))


class TimeCursor(QObject):
    """One crosshair and one range for any number of charts.

    Signals:
        moved(object): the `Place` of the crosshair, or None when it is gone.
        ranged(object, object): the places at the left and the right edge.
    """

    moved = Signal(object)
    ranged = Signal(object, object)

    def __init__(self, parent: QObject | None = None) -> None:
        """Begin without a crosshair."""
        super().__init__(parent)
        self._place: Place | None = None

    @property
    def place(self) -> Place | None:
        """Where the crosshair is."""
        return self._place

    def move(self, base: TimeBase, x: float) -> None:
        """Put the crosshair at a position."""
        self._place = Place(base, x)
        self.moved.emit(self._place)

    def clear(self) -> None:
        """Take the crosshair away."""
        if self._place is not None:
            self._place = None
            self.moved.emit(None)

    def set_range(self, base: TimeBase, start: float, stop: float) -> None:
        """Show the same stretch of time in every chart."""
        self.ranged.emit(Place(base, start), Place(base, stop))
