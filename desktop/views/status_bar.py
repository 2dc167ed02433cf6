"""The status bar: one light for each thing the program stands on, and the last message."""

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel, QStatusBar, QWidget

from desktop.messages import QT_TRANSLATE_NOOP
from desktop.presenters.health import Level, Light

_NAMES = {
    "local": QT_TRANSLATE_NOOP("StatusBar", "local"),
    "market": QT_TRANSLATE_NOOP("StatusBar", "market"),
    "shared": QT_TRANSLATE_NOOP("StatusBar", "team"),
    "keyring": QT_TRANSLATE_NOOP("StatusBar", "keyring"),
}
# Shape says it too, so that colour is never the only cue.
_SHAPES: dict[Level, str] = {"ok": "●", "off": "○", "warn": "◐", "bad": "✕"}


class StatusBar(QStatusBar):
    """Lights at the right, messages at the left."""

    def __init__(self, parent: QWidget | None = None) -> None:
        """Begin with every light off."""
        super().__init__(parent)
        self.setSizeGripEnabled(False)
        self._waiting = QLabel(self)
        self._waiting.setTextFormat(Qt.TextFormat.PlainText)
        self.addPermanentWidget(self._waiting)
        self._lights: dict[str, QLabel] = {}
        for key in _NAMES:
            label = QLabel(self)
            label.setProperty("role", "light")
            self.addPermanentWidget(label)
            self._lights[key] = label
            self.set_light(key, Light("off", ""))

    def set_light(self, key: str, light: Light) -> None:
        """Set one of ``local``, ``market``, ``shared``, ``keyring``."""
        label = self._lights[key]
        name = self.tr(_NAMES[key])
        label.setText(f"{_SHAPES[light.level]} {name}")
        label.setToolTip(light.text)
        label.setAccessibleName(f"{name}: {light.text}")
        label.setProperty("level", light.level)
        label.style().unpolish(label)
        label.style().polish(label)

    def set_sync(self, text: str) -> None:
        """Say what the team's database still waits for; empty when nothing."""
        self._waiting.setText(text)

    def sync_text(self) -> str:
        """Return what is said to wait, for tests and screen readers."""
        return self._waiting.text()

    def light_text(self, key: str) -> str:
        """Return what a light says, for tests and screen readers."""
        return self._lights[key].accessibleName()
