"""Whether a version of a strategy file may be run: asked once, with what that means."""

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QLabel, QVBoxLayout, QWidget

from desktop.presenters.ownfiles import TrustQuestion


class TrustDialog(QDialog):
    """A question about one file; accepted means that it may be run."""

    def __init__(self, question: TrustQuestion, parent: QWidget | None = None) -> None:
        """Say which file, and what it can do."""
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(self.tr("Run this strategy?"))
        self.setMinimumWidth(440)
        fenced = self.tr(
            "It runs in a process of its own, without network and away from your files."
        )
        free = self.tr(
            "It runs in a process of its own, but with your rights: it can read and change your files. "
            "Run only what you, or somebody you trust, wrote."
        )
        parts = (
            (
                self.tr("{0} has not been run before in this version.").format(question.path.name),
                "heading",
            ),
            (str(question.path), "caption"),
            (fenced if question.is_fenced else free, ""),
        )
        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 16, 16, 16)
        layout.setSpacing(8)
        for text, role in parts:
            label = QLabel(text, self)
            label.setTextFormat(Qt.TextFormat.PlainText)
            label.setWordWrap(True)
            label.setProperty("role", role)
            layout.addWidget(label)
        self.buttons = QDialogButtonBox(self)
        self.run = self.buttons.addButton(
            self.tr("Run this version"), QDialogButtonBox.ButtonRole.AcceptRole
        )
        self.leave = self.buttons.addButton(
            self.tr("Not now"), QDialogButtonBox.ButtonRole.RejectRole
        )
        self.leave.setDefault(True)
        self.buttons.accepted.connect(self.accept)
        self.buttons.rejected.connect(self.reject)
        layout.addSpacing(8)
        layout.addWidget(self.buttons)
