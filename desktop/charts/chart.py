"""A pane that a trader moves about in, alone or linked with others.

Time belongs to the `TimeCursor`: a chart asks it for another stretch or another instant, and follows what it tells. So
every chart that shares one shows the same time, whichever was touched.
"""

from PySide6.QtCore import QPointF
from PySide6.QtWidgets import QWidget
from shiboken6 import isValid

from desktop import fmt
from desktop.charts.axes import Tag
from desktop.charts.canvas import Reading
from desktop.charts.cursor import Place, TimeCursor
from desktop.charts.pane import Pane
from desktop.tokens import Tokens

LEAST_BARS = 8.0  # no closer than this
KEY_ZOOM = 0.7
PAGE = 0.8
WHOLE = 0.999  # a range this near to everything counts as everything


class Chart(Pane):
    """The base of all charts: zoom about the pointer, drag, keys, crosshair and read-out."""

    def __init__(
        self,
        name: str,
        tokens: Tokens,
        cursor: TimeCursor | None = None,
        parent: QWidget | None = None,
    ) -> None:
        """Make an empty chart.

        Args:
            name: what assistive technology calls it.
            tokens: colours.
            cursor: what it shares with linked charts; its own when None.
            parent: owner.
        """
        super().__init__(name, tokens, parent)
        self.cursor = TimeCursor(self) if cursor is None else cursor
        self._pointer_y: float | None = None
        self.zoom_asked.connect(self._on_zoom_asked)
        self.move_asked.connect(self._on_move_asked)
        self.fit_asked.connect(self.fit)
        self.pointed.connect(self._on_pointed)
        self.pointer_left.connect(self._on_pointer_left)
        self.command.connect(self._on_command)
        self.focus_shown.connect(self._on_focus_shown)
        self.cursor.moved.connect(self._on_cursor_moved)
        self.cursor.ranged.connect(self._on_cursor_ranged)

    def readings(self, bar: int) -> list[Reading]:
        """Return the read-out for a bar; for subclasses."""
        return []

    def on_command(self, name: str) -> None:
        """Follow a key that only some charts know; for subclasses."""

    @property
    def x_range(self) -> tuple[float, float]:
        """The bars at the left and the right edge."""
        self.settle()
        return self._x0, self._x1

    @property
    def shows_all(self) -> bool:
        """Whether every bar is in sight, and will be after the next change of size or data."""
        return self._fitted

    @property
    def cursor_bar(self) -> int | None:
        """The bar of the crosshair as drawn here."""
        return self._overlay.cursor_x

    @property
    def readout(self) -> list[Reading]:
        """The figures shown top left."""
        self.settle()
        return self._overlay.readings

    def fit(self) -> None:
        """Show every bar, in every linked chart."""
        self.settle()
        self.cursor.set_range(self.base, *self._whole())

    def show_range(self, start: float, stop: float) -> None:
        """Show the bars from ``start`` to ``stop``, in every linked chart, as far as there are any."""
        self.settle()
        low, high = self._whole()
        width = min(max(stop - start, min(LEAST_BARS, high - low)), high - low)
        if width >= (high - low) * WHOLE:
            self.fit()
            return
        middle = min(max((start + stop) / 2, -0.5), self._total() - 0.5)
        self.cursor.set_range(self.base, middle - width / 2, middle + width / 2)

    def go_to(self, bar: int) -> None:
        """Bring a bar to the middle and put the crosshair on it."""
        self.settle()
        half = (self._x1 - self._x0) / 2
        self.show_range(bar - half, bar + half)
        self.cursor.move(self.base, bar)

    def _lay_out(self) -> None:
        super()._lay_out()
        self._read()

    def _read(self) -> None:
        bar, last = self._overlay.cursor_x, len(self.base) - 1
        shown = last if bar is None else min(max(0, bar), last)
        self._overlay.show_readings([] if last < 0 else self.readings(shown))
        if bar is None or last < 0:
            self.time_axis.show_cursor(None, "")
        else:
            self.time_axis.show_cursor(bar, fmt.instant(int(self.base.time_ns[shown])))
        self.price_axis.show_cursor(self._pointer_tag())

    def _pointer_tag(self) -> Tag | None:
        if self._pointer_y is None or not len(self.base):
            return None
        value = self.scale_now().value_at(self._pointer_y)
        return Tag(value, self.tag_text(value), self.tokens.border, self.tokens.text)

    def _zoom(self, factor: float, about: float) -> None:
        self.settle()
        low, high = self._whole()
        width = self._x1 - self._x0
        wanted = min(max(width * factor, min(LEAST_BARS, high - low)), high - low)
        start = about - (about - self._x0) * wanted / width
        self.show_range(start, start + wanted)

    def _on_zoom_asked(self, factor: float, pixel: float) -> None:
        self._zoom(factor, self.scale_now().x_at(pixel))

    def _on_move_asked(self, pixels: float) -> None:
        bars = pixels / self.scale_now().pixels_per_bar
        self.show_range(self._x0 + bars, self._x1 + bars)

    def _on_cursor_ranged(self, start: Place, stop: Place) -> None:
        if self.message:
            return
        self._x0, self._x1 = start.on(self.base), stop.on(self.base)
        low, high = self._whole()
        self._fitted = start.base is self.base and self._x1 - self._x0 >= (high - low) * WHOLE
        self.refresh()

    def _on_cursor_moved(self, place: Place | None) -> None:
        if place is None:
            self._pointer_y = None
        bar = None if place is None else self.base.nearest(place.on(self.base))
        self._overlay.show_cursor(bar, self._pointer_y)
        self._read()

    def _on_pointed(self, point: QPointF) -> None:
        scale = self.scale_now()
        inside = 0 <= point.x() <= scale.width and 0 <= point.y() <= scale.height
        if inside and len(self.base):
            self._pointer_y = point.y()
            self.cursor.move(self.base, scale.x_at(point.x()))
        else:
            self._on_pointer_left()

    def _on_pointer_left(self) -> None:
        self._pointer_y = None
        self.cursor.clear()

    def _on_focus_shown(self, shown: bool) -> None:
        if not isValid(self._overlay):  # the focus leaves while the window is being torn down
            return
        self._overlay.focused = shown
        self._overlay.update()

    def _on_command(self, name: str) -> None:
        self.settle()
        width = self._x1 - self._x0
        bar = self._overlay.cursor_x
        middle = (self._x0 + self._x1) / 2
        about = bar if bar is not None and self._x0 <= bar <= self._x1 else middle
        match name:
            case "zoom-in":
                self._zoom(KEY_ZOOM, about)
            case "zoom-out":
                self._zoom(1 / KEY_ZOOM, about)
            case "fit":
                self.fit()
            case "page-back":
                self.show_range(self._x0 - width * PAGE, self._x1 - width * PAGE)
            case "page-forward":
                self.show_range(self._x0 + width * PAGE, self._x1 + width * PAGE)
            case "back" | "forward" | "first" | "last":
                self._step(name)
            case "log":
                self.set_log(not self.is_log)
            case _:
                self.on_command(name)

    def _step(self, name: str) -> None:
        """Move the crosshair by a bar or to an end, and the view with it when it would leave."""
        last = len(self.base) - 1
        if last < 0:
            return
        shown = self._overlay.cursor_x
        now = min(last + 1, int(self._x1) + 1) if shown is None else shown
        bar = {"back": now - 1, "forward": now + 1, "first": 0, "last": last}[name]
        bar = min(max(0, bar), last)
        width = self._x1 - self._x0
        if not self._x0 <= bar <= self._x1:
            start = bar - width * ((1 - PAGE) if bar < self._x0 else PAGE)
            self.show_range(start, start + width)
        self._pointer_y = None
        self.cursor.move(self.base, bar)
