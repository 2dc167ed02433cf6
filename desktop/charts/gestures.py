"""Mouse and keyboard of a chart, told as intents: zoom here, drag by so much, step a bar.

The wheel zooms about the pointer (with Shift, or sideways, it moves along), dragging moves along, a double click shows
everything. Keys work on the chart that has the focus.
"""

import pyqtgraph as pg
from PySide6.QtCore import QEvent, QPointF, Qt, Signal
from PySide6.QtGui import QEnterEvent, QFocusEvent, QKeyEvent, QMouseEvent, QWheelEvent
from PySide6.QtWidgets import QWidget

WHEEL_STEP = 0.8  # one notch shows four fifths of the bars
CLICK_SLACK = 4  # pixels that a hand may tremble while it clicks

_KEYS = {
    Qt.Key.Key_Plus: "zoom-in",
    Qt.Key.Key_Equal: "zoom-in",
    Qt.Key.Key_Minus: "zoom-out",
    Qt.Key.Key_0: "fit",
    Qt.Key.Key_Left: "back",
    Qt.Key.Key_Right: "forward",
    Qt.Key.Key_PageUp: "page-back",
    Qt.Key.Key_PageDown: "page-forward",
    Qt.Key.Key_Home: "first",
    Qt.Key.Key_End: "last",
    Qt.Key.Key_L: "log",
    Qt.Key.Key_B: "benchmark",
    Qt.Key.Key_M: "markers",
}
_WITH_SHIFT = {Qt.Key.Key_Left: "previous-trade", Qt.Key.Key_Right: "next-trade"}


class GestureView(pg.GraphicsView):
    """A graphics view that turns events into intents.

    Signals:
        zoom_asked(float, float): factor on the number of bars in sight, and the pixel to zoom about.
        move_asked(float): pixels to move along; positive shows later bars.
        fit_asked(): show everything.
        pointed(QPointF): the pointer is here.
        pointer_left(): it is gone.
        clicked(QPointF): a click that was no drag.
        command(str): a key's intent.
        focus_shown(bool): whether the focus ring is to be seen: the focus came by keyboard.
    """

    zoom_asked = Signal(float, float)
    move_asked = Signal(float)
    fit_asked = Signal()
    pointed = Signal(QPointF)
    pointer_left = Signal()
    clicked = Signal(QPointF)
    command = Signal(str)
    focus_shown = Signal(bool)

    def __init__(self, parent: QWidget | None = None) -> None:
        """Begin with no button held."""
        super().__init__(parent)
        self.setCacheMode(pg.GraphicsView.CacheModeFlag.CacheNone)  # a plain fill needs no picture
        self._pressed: QPointF | None = None
        self._dragged_to: QPointF | None = None

    def close(self) -> bool:
        """Close like any widget: pyqtgraph's own way takes the scene apart while events for it are still under way."""
        return QWidget.close(self)

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Zoom about the pointer, or move along."""
        delta = event.angleDelta()
        sideways = event.modifiers() & Qt.KeyboardModifier.ShiftModifier
        if sideways or abs(delta.x()) > abs(delta.y()):
            self.move_asked.emit(-float(delta.x() or delta.y()))
        elif delta.y():
            self.zoom_asked.emit(WHEEL_STEP ** (delta.y() / 120.0), event.position().x())
        event.accept()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Begin a click or a drag."""
        if event.button() == Qt.MouseButton.LeftButton:
            self._pressed, self._dragged_to = event.position(), None
        event.accept()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Drag, and tell where the pointer is."""
        here = event.position()
        if self._pressed is not None and event.buttons() & Qt.MouseButton.LeftButton:
            before = self._dragged_to
            if before is None and abs(here.x() - self._pressed.x()) >= CLICK_SLACK:
                before = self._pressed
                self.viewport().setCursor(Qt.CursorShape.ClosedHandCursor)
            if before is not None:
                self.move_asked.emit(before.x() - here.x())
                self._dragged_to = here
        self.pointed.emit(here)
        event.accept()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """End a drag, or tell of a click."""
        if event.button() == Qt.MouseButton.LeftButton and self._pressed is not None:
            was_click = self._dragged_to is None
            self._pressed = self._dragged_to = None
            self.viewport().unsetCursor()
            if was_click:
                self.clicked.emit(event.position())
        event.accept()

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Show everything."""
        if event.button() == Qt.MouseButton.LeftButton:
            self.fit_asked.emit()
        event.accept()

    def enterEvent(self, event: QEnterEvent) -> None:
        """Do nothing until the pointer moves."""
        event.accept()

    def leaveEvent(self, event: QEvent) -> None:
        """Tell that the pointer is gone."""
        self.pointer_left.emit()
        event.accept()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Tell a key's intent; any other key is the window's."""
        held = event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier
        key = Qt.Key(event.key())
        if held == Qt.KeyboardModifier.ShiftModifier and key in _WITH_SHIFT:
            self.command.emit(_WITH_SHIFT[key])
        elif key in _KEYS and not held & ~Qt.KeyboardModifier.ShiftModifier:
            self.command.emit(_KEYS[key])
        else:
            event.ignore()

    def keyReleaseEvent(self, event: QKeyEvent) -> None:
        """Leave it to the window."""
        event.ignore()

    def focusInEvent(self, event: QFocusEvent) -> None:
        """Show the focus ring when the keyboard brought the focus."""
        reasons = (
            Qt.FocusReason.TabFocusReason,
            Qt.FocusReason.BacktabFocusReason,
            Qt.FocusReason.ShortcutFocusReason,
        )
        self.focus_shown.emit(event.reason() in reasons)
        super().focusInEvent(event)

    def focusOutEvent(self, event: QFocusEvent) -> None:
        """Take the focus ring away."""
        self.focus_shown.emit(False)
        super().focusOutEvent(event)
