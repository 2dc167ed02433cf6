"""Put the look on, and change it while the window is open.

The scheme follows the system unless the trader chose one. Fusion draws what the style sheet leaves alone, with a
palette of the same tokens, so every platform looks the same.
"""

from typing import Literal, Protocol

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import QColor, QFont, QGuiApplication, QPalette

from desktop.theme.fonts import font
from desktop.theme.sheet import style_sheet
from desktop.tokens import Convention, Scheme, Tokens, rgb, tokens_for

Choice = Literal["system", "light", "dark"]

_SCHEMES = {
    "system": Qt.ColorScheme.Unknown,
    "light": Qt.ColorScheme.Light,
    "dark": Qt.ColorScheme.Dark,
}


class Application(Protocol):
    """What a theme needs of the QApplication."""

    def setStyle(self, style: str, /) -> object:  # noqa: N802
        """Choose the style by name."""

    def setStyleSheet(self, sheet: str, /) -> None:  # noqa: N802
        """Choose the style sheet."""

    def setPalette(self, palette: QPalette, /) -> None:  # noqa: N802
        """Choose the palette."""

    def setFont(self, font: QFont, /) -> None:  # noqa: N802
        """Choose the font."""


class Theme(QObject):
    """The look in force.

    Signals:
        changed(object): the new `Tokens`; charts repaint with them.
    """

    changed = Signal(object)

    def __init__(
        self,
        app: Application,
        choice: Choice = "system",
        convention: Convention = "west",
        scale: float = 1.0,
        parent: QObject | None = None,
    ) -> None:
        """Put the look on the application.

        Args:
            app: the QApplication.
            choice: follow the system, or always light or dark.
            convention: which colours a rise and a fall have.
            scale: size of text and controls, 1 as designed.
            parent: owner.
        """
        super().__init__(parent)
        self._app = app
        self._choice: Choice = choice
        self._convention: Convention = convention
        self._scale = scale
        self._tokens: Tokens | None = None
        app.setStyle("Fusion")
        hints = QGuiApplication.styleHints()
        hints.setColorScheme(_SCHEMES[choice])
        hints.colorSchemeChanged.connect(self._on_system_scheme_changed)
        self._put_on()

    @property
    def tokens(self) -> Tokens:
        """The colours in force."""
        assert self._tokens is not None
        return self._tokens

    @property
    def choice(self) -> Choice:
        """What was chosen: the system's scheme, light or dark."""
        return self._choice

    def choose(self, choice: Choice) -> None:
        """Follow the system, or stay light or dark."""
        self._choice = choice
        QGuiApplication.styleHints().setColorScheme(_SCHEMES[choice])
        self._put_on()

    def set_convention(self, convention: Convention) -> None:
        """Choose the colours of a rise and a fall."""
        self._convention = convention
        self._put_on()

    def set_scale(self, scale: float) -> None:
        """Choose the size of text and controls."""
        self._scale = scale
        self._tokens = None
        self._put_on()

    def _scheme(self) -> Scheme:
        if self._choice != "system":
            return self._choice
        dark = QGuiApplication.styleHints().colorScheme() == Qt.ColorScheme.Dark
        return "dark" if dark else "light"

    def _on_system_scheme_changed(self) -> None:
        self._put_on()

    def _put_on(self) -> None:
        tokens = tokens_for(self._scheme(), self._convention)
        if tokens == self._tokens:
            return
        self._tokens = tokens
        self._app.setFont(font("body", scale=self._scale))
        self._app.setPalette(palette_of(tokens))
        self._app.setStyleSheet(style_sheet(tokens, self._scale))
        self.changed.emit(tokens)


def apply_theme(
    app: Application, choice: Choice = "system", convention: Convention = "west", scale: float = 1.0
) -> Theme:
    """Put the look on the application; keep the theme that comes back, it follows the system."""
    return Theme(app, choice, convention, scale)


def palette_of(tokens: Tokens) -> QPalette:
    """Return the tokens as Qt's palette."""
    role = QPalette.ColorRole
    colours = {
        role.Window: tokens.window,
        role.WindowText: tokens.text,
        role.Base: tokens.surface,
        role.AlternateBase: tokens.raised,
        role.Text: tokens.text,
        role.PlaceholderText: tokens.muted,
        role.Button: tokens.raised,
        role.ButtonText: tokens.text,
        role.BrightText: tokens.red,
        role.ToolTipBase: tokens.raised,
        role.ToolTipText: tokens.text,
        role.Highlight: tokens.accent,
        role.HighlightedText: tokens.on_accent,
        role.Accent: tokens.accent,
        role.Link: tokens.accent,
        role.LinkVisited: tokens.benchmark,
        role.Light: tokens.raised,
        role.Midlight: tokens.raised,
        role.Mid: tokens.border,
        role.Dark: tokens.border,
        role.Shadow: tokens.window,
    }
    palette = QPalette()
    for key, colour in colours.items():
        palette.setColor(key, QColor(colour))
    faint = QColor(*rgb(tokens.muted), 150)
    for key in (role.WindowText, role.Text, role.ButtonText):
        palette.setColor(QPalette.ColorGroup.Disabled, key, faint)
    palette.setColor(QPalette.ColorGroup.Disabled, role.Highlight, QColor(tokens.border))
    return palette
