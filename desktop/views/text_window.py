"""A window with a text to read: what's new, about."""

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QTextBrowser, QVBoxLayout, QWidget


def show_text(parent: QWidget, title: str, text: str) -> QDialog:
    """Open a window that shows a Markdown text of the program's own; links go nowhere by themselves."""
    dialog = QDialog(parent)
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    dialog.setWindowTitle(title)
    dialog.resize(560, 420)
    browser = QTextBrowser(dialog)
    browser.setOpenLinks(False)
    browser.setAccessibleName(title)
    browser.setMarkdown(text)
    buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close, dialog)
    buttons.rejected.connect(dialog.reject)
    layout = QVBoxLayout(dialog)
    layout.setContentsMargins(12, 12, 12, 12)
    layout.setSpacing(8)
    layout.addWidget(browser, 1)
    layout.addWidget(buttons)
    dialog.show()
    return dialog
