"""Asks for the password of one login."""

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QLabel, QLineEdit, QVBoxLayout, QWidget

from desktop.presenters.logins import PasswordQuestion


class PasswordDialog(QDialog):
    """One question; it deletes itself when it is closed.

    Signals:
        answered(str): what was typed.
    """

    answered = Signal(str)

    def __init__(self, question: PasswordQuestion, parent: QWidget | None = None) -> None:
        """Ask; who opens the dialog says whether the window behind waits for the answer."""
        super().__init__(parent)
        profile = question.profile
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(self.tr("Password"))
        title = self._line(self.tr("Password of {0} for {1}").format(profile.user, profile.name))
        title.setProperty("role", "heading")
        server = self._line(profile.server)
        server.setProperty("role", "caption")
        self.password = QLineEdit(self)
        self.password.setEchoMode(QLineEdit.EchoMode.Password)
        self.password.setAccessibleName(self.tr("Password"))
        self.password.setMinimumWidth(360)
        why = self._line(question.reason)
        why.setObjectName("reason")
        why.setWordWrap(True)
        why.setProperty("role", "caption")
        note = self._line(
            self.tr("It is kept until the program ends. Connections can keep it in the keyring.")
        )
        note.setWordWrap(True)
        note.setProperty("role", "caption")
        self.buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel, self)
        action = self.tr("Run") if question.purpose == "run" else self.tr("Send")
        self.run = self.buttons.addButton(action, QDialogButtonBox.ButtonRole.AcceptRole)
        if question.purpose == "send":
            later = self.buttons.button(QDialogButtonBox.StandardButton.Cancel)
            later.setText(self.tr("Not now"))
        self.run.setProperty("primary", True)
        self.run.style().polish(self.run)  # the box has polished it already
        self.run.setDefault(True)
        self.buttons.accepted.connect(self.accept)
        self.buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(12, 12, 12, 12)
        layout.setSpacing(8)
        for widget in (title, server, self.password, why, note, self.buttons):
            layout.addWidget(widget)
        self.password.setFocus()

    def accept(self) -> None:
        """Hand over what was typed."""
        self.answered.emit(self.password.text())
        self.password.clear()
        super().accept()

    def _line(self, text: str) -> QLabel:
        label = QLabel(text, self)
        label.setTextFormat(Qt.TextFormat.PlainText)
        return label
