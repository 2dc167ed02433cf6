"""What a view shows when it has nothing to show: what will be here, that it is on its way, or why it is not."""

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QLabel, QProgressBar, QPushButton, QVBoxLayout, QWidget

from desktop.presenters.run import Failure

_WIDTH = 520


class StateView(QWidget):
    """Empty, loading or failed: a heading, a sentence, and at most one thing to do.

    Signals:
        action_requested(): the one button was pressed.
    """

    action_requested = Signal()

    def __init__(self, parent: QWidget | None = None, *, calm: bool = False) -> None:
        """Begin blank; a ``calm`` one stands beside something that matters more."""
        super().__init__(parent)
        title = "calm" if calm else "heading"
        self._title = QLabel(self)
        self._text = QLabel(self)
        self._hint = QLabel(self)
        for label, role in (
            (self._title, title),
            (self._text, "quiet" if calm else ""),
            (self._hint, "caption"),
        ):
            label.setProperty("role", role)
            label.setAlignment(Qt.AlignmentFlag.AlignHCenter)
            label.setTextFormat(Qt.TextFormat.PlainText)
            label.setWordWrap(True)
            label.setMaximumWidth(_WIDTH)
            label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._busy = QProgressBar(self)
        self._busy.setRange(0, 0)
        self._busy.setTextVisible(False)
        self._busy.setFixedWidth(160)
        self._busy.setAccessibleName(self.tr("On its way"))
        self.button = QPushButton(self)
        self.button.clicked.connect(self.action_requested)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(24, 12, 24, 12)
        layout.setSpacing(8)
        layout.addStretch(2)
        for widget in (self._title, self._text, self._hint, self._busy, self.button):
            layout.addWidget(widget, 0, Qt.AlignmentFlag.AlignHCenter)
        layout.addStretch(3)
        self._set("", "", "", "", is_busy=False)

    def show_empty(self, title: str, text: str = "", action: str = "") -> None:
        """Say what will be here, and offer the one thing that brings it."""
        self._set(title, text, "", action, is_busy=False)

    def show_loading(self, title: str, action: str = "") -> None:
        """Say what is on its way."""
        self._set(title, "", "", action, is_busy=True)

    def show_failure(self, title: str, failure: Failure, action: str = "") -> None:
        """Say what happened and what to do."""
        self._set(title, failure.message, failure.hint, action, is_busy=False)
        self.setToolTip(failure.details)

    @property
    def words(self) -> str:
        """Everything that is said, line by line."""
        labels = (self._title, self._text, self._hint)
        return "\n".join(label.text() for label in labels if label.text())

    def _set(self, title: str, text: str, hint: str, action: str, *, is_busy: bool) -> None:
        self.setToolTip("")
        hint = hint[:1].upper() + hint[1:]
        for label, words in ((self._title, title), (self._text, text), (self._hint, hint)):
            label.setText(words)
            label.setVisible(bool(words))
        # A label that wraps asks for a narrow column; it gets as wide as its longest line, up to the limit.
        for label in (self._title, self._text, self._hint):
            wanted = label.fontMetrics().horizontalAdvance(label.text()) + 8
            label.setMinimumWidth(min(_WIDTH, wanted))
        self._busy.setVisible(is_busy)
        self.button.setText(action)
        self.button.setVisible(bool(action))
        self.setAccessibleName(title)
        self.setAccessibleDescription(" ".join((text, hint)).strip())
