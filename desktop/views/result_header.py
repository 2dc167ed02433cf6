"""What a run is and how it went: title, honest badges, what it was made on, and a verdict in one sentence."""

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QLabel, QVBoxLayout, QWidget

from desktop.presenters.state import RunView
from desktop.views.elided import ElidedLabel

_MEANINGS = {
    "DEMO": "The bundled demo data: real prices, but not yours",
    "price return": "Dividends are not in the prices, so returns are lower than a holder's would have been",
    "optimistic fills": "Orders are filled at the close that decided them, which nobody can do",
    "survivorship unknown": "The universe may hold only what survived, which flatters results",
    "partial": "The run was stopped: figures are those until then",
}


class ResultHeader(QWidget):
    """Two lines above the key numbers."""

    def __init__(self, parent: QWidget | None = None) -> None:
        """Begin blank."""
        super().__init__(parent)
        self.title = ElidedLabel(self)
        self.title.setProperty("role", "heading")
        self.subtitle = ElidedLabel(self)
        self.subtitle.setProperty("role", "caption")
        self.verdict = ElidedLabel(self)
        self._words: tuple[str, ...] = ()
        self._badges = QHBoxLayout()
        self._badges.setSpacing(6)
        line = QHBoxLayout()
        line.setSpacing(12)
        line.addWidget(self.title)
        line.addWidget(self.subtitle, 0, Qt.AlignmentFlag.AlignBottom)
        line.addStretch(1)
        line.addLayout(self._badges)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2)
        layout.addLayout(line)
        layout.addWidget(self.verdict)

    @property
    def badges(self) -> tuple[str, ...]:
        """The words of the badges."""
        return self._words

    def show_run(self, view: RunView) -> None:
        """Show a run that has ended."""
        self._put(view.title, view.subtitle, view.verdict, view.badges)

    def show_live(self, title: str, subtitle: str) -> None:
        """Show a run that is under way."""
        self._put(title, subtitle, self.tr("Under way: figures are those so far."), ())

    def _put(self, title: str, subtitle: str, verdict: str, badges: tuple[str, ...]) -> None:
        self.title.setText(title)
        self.subtitle.setText(subtitle)
        self.verdict.setText(verdict or " ")  # its line stays, or everything below would move
        if badges != self._words:
            self._words = badges
            self._show_badges()

    def _show_badges(self) -> None:
        while self._badges.count():
            item = self._badges.takeAt(0)
            if item is not None and (widget := item.widget()) is not None:
                widget.setParent(None)
                widget.deleteLater()
        for word in self._words:
            self._badges.addWidget(self._badge(word))

    def _badge(self, word: str) -> QLabel:
        badge = QLabel(word, self)
        badge.setProperty("role", "badge")
        badge.setToolTip(_MEANINGS.get(word, ""))
        badge.setAccessibleName(self.tr("Mind: {word}").format(word=word))
        return badge
