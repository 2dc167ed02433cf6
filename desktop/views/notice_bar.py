"""A line above the result that waits for an answer, and lets everything else go on meanwhile."""

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QWidget


class NoticeBar(QWidget):
    """A sentence and what can be done about it; hidden while there is nothing to say.

    Signals:
        chosen(str): the key of the answer that was pressed.
    """

    chosen = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        """Begin hidden."""
        super().__init__(parent)
        self.setProperty("role", "notice")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self._text = QLabel(self)
        self._text.setTextFormat(Qt.TextFormat.PlainText)
        self._text.setWordWrap(True)
        self._buttons: dict[str, QPushButton] = {}
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(12, 6, 12, 6)
        self._row.setSpacing(8)
        self._row.addWidget(self._text, 1)
        self.hide()

    def ask(self, text: str, answers: list[tuple[str, str]]) -> None:
        """Show a sentence and its answers, (key, label) each; the first is the one that most will want."""
        self.clear()
        self._text.setText(text)
        self.setAccessibleName(text)
        for key, label in answers:
            button = QPushButton(label, self)
            button.setProperty("dense", True)
            button.setAccessibleName(label)
            button.clicked.connect(lambda _checked=False, key=key: self.chosen.emit(key))
            self._row.addWidget(button)
            self._buttons[key] = button
        self.show()

    def clear(self) -> None:
        """Say nothing."""
        for button in self._buttons.values():
            self._row.removeWidget(button)
            button.deleteLater()
        self._buttons = {}
        self.hide()

    @property
    def text(self) -> str:
        """What is said; empty when nothing is."""
        return "" if self.isHidden() else self._text.text()

    def button(self, key: str) -> QPushButton:
        """Return the button of an answer."""
        return self._buttons[key]
