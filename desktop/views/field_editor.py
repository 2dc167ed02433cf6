"""One field of a form: its label, an editor that fits, and what is wrong with it right below."""

import datetime as dt
from typing import Any

from PySide6.QtCore import QCoreApplication, Qt, Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from desktop.presenters.fields import Field


class FieldEditor(QWidget):
    """Edits one value of the draft.

    Signals:
        edited(str, object): dotted path and the plain value (text that is no number stays text, so that the
            validation can name it).
    """

    edited = Signal(str, object)

    def __init__(self, field: Field, parent: QWidget | None = None) -> None:
        """Build label, editor and problem line."""
        super().__init__(parent)
        self.field = field
        self._editor = self._make_editor()
        self._editor.setToolTip(field.help)
        self._editor.setAccessibleName(self._translated(field.label))
        self._editor.setAccessibleDescription(field.help)
        self._editor.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self._problem = QLabel(self)
        self._problem.setProperty("role", "error")
        self._problem.setTextFormat(Qt.TextFormat.PlainText)
        self._problem.setWordWrap(True)
        self._problem.hide()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2)
        if field.editor != "switch":
            label = QLabel(self._translated(field.label), self)
            label.setProperty("role", "caption")
            label.setBuddy(self._editor)
            layout.addWidget(label)
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(self._editor)
        if field.unit:
            unit = QLabel(self._translated(field.unit), self)
            unit.setProperty("role", "unit")
            row.addWidget(unit)
        layout.addLayout(row)
        layout.addWidget(self._problem)

    @property
    def title(self) -> str:
        """What the field is called, translated."""
        return self._translated(self.field.label)

    @property
    def editor(self) -> QWidget:
        """The widget that takes the keyboard."""
        return self._editor

    def set_value(self, value: Any) -> None:
        """Show a value of the draft; what is being typed right now is left alone."""
        editor = self._editor
        editor.blockSignals(True)
        if isinstance(editor, QLineEdit):
            text = self._text_of(value)
            if not editor.hasFocus() and editor.text() != text:
                editor.setText(text)
                editor.setCursorPosition(0)
        elif isinstance(editor, QComboBox):
            index = editor.findData(self.field.default if value is None else value)
            editor.setCurrentIndex(max(index, 0))
        elif isinstance(editor, QCheckBox):
            editor.setChecked(bool(self.field.default if value is None else value))
        editor.blockSignals(False)

    def set_problem(self, text: str) -> None:
        """Show what is wrong, or nothing."""
        if self._problem.text() == text:
            return
        self._problem.setText(text)
        self._problem.setVisible(bool(text))
        self._editor.setProperty("invalid", bool(text))
        self._editor.style().unpolish(self._editor)
        self._editor.style().polish(self._editor)
        self._editor.setAccessibleDescription(text or self.field.help)

    def problem(self) -> str:
        """What is shown to be wrong."""
        return self._problem.text()

    def _make_editor(self) -> QWidget:
        field = self.field
        if field.editor == "choice":
            combo = QComboBox(self)
            for value, label in field.choices:
                combo.addItem(self._translated(label), value)
            combo.currentIndexChanged.connect(self._on_choice_changed)
            return combo
        if field.editor == "switch":
            box = QCheckBox(self._translated(field.label), self)
            box.toggled.connect(self._on_switch_toggled)
            return box
        line = QLineEdit(self)
        line.setPlaceholderText(self._placeholder())
        line.textEdited.connect(self._on_text_edited)
        if field.editor in ("number", "integer"):
            line.setAlignment(Qt.AlignmentFlag.AlignRight)
        return line

    def _placeholder(self) -> str:
        field = self.field
        if field.editor == "date":
            return self.tr("YYYY-MM-DD")
        if field.editor == "symbols":
            return self.tr("all of the source")
        return "" if field.default is None else self._text_of(field.default)

    def _text_of(self, value: Any) -> str:
        if value is None:
            return ""
        if isinstance(value, list | tuple):
            return ", ".join(map(str, value))
        if isinstance(value, float) and not isinstance(value, bool):
            return f"{value:.12g}"
        return value.isoformat() if isinstance(value, dt.date) else str(value)

    def _translated(self, text: str) -> str:
        return QCoreApplication.translate("SetupPanel", text)

    def _on_text_edited(self, text: str) -> None:
        self.edited.emit(self.field.path, _value_of(text.strip(), self.field.editor))

    def _on_choice_changed(self, _index: int) -> None:
        assert isinstance(self._editor, QComboBox)
        self.edited.emit(self.field.path, self._editor.currentData())

    def _on_switch_toggled(self, on: bool) -> None:
        self.edited.emit(self.field.path, on)


def _value_of(text: str, editor: str) -> Any:
    """Return the plain value of a text; what is no number stays text for the validation to name."""
    if not text:
        return None
    if editor == "symbols":
        return [part for part in text.replace(",", " ").replace(";", " ").split() if part]
    if editor in ("number", "integer"):
        plain = text.replace("\N{MINUS SIGN}", "-")
        try:
            return int(plain) if "." not in plain and "e" not in plain.lower() else float(plain)
        except ValueError:
            return text
    return text
