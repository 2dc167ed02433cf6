"""The editor of screening criteria: rows of conditions and groups, ranking and weights below, or all of it as JSON."""

from collections.abc import Callable, Mapping

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QFontDatabase
from PySide6.QtWidgets import (
    QHBoxLayout,
    QLabel,
    QPlainTextEdit,
    QPushButton,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from desktop.presenters import criteria_rows as rows
from desktop.presenters.criteria_fields import PATH, RANKING
from desktop.presenters.criteria_rows import Draft, Row
from desktop.views.criterion_row import CriterionRow
from desktop.views.field_editor import FieldEditor
from desktop.views.field_grid import FieldGrid

_JSON_LINES = 16


class CriteriaEditor(QWidget):
    """Shows a draft of criteria and says what an edit makes of it.

    Signals:
        edited(object): the whole new draft, plain data.
    """

    edited = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        """Build an empty editor; `show_draft` fills it."""
        super().__init__(parent)
        self._draft: Draft = {}
        self._lines: list[CriterionRow] = []
        self._fields: dict[str, FieldEditor] = {}
        self._heading = QLabel(self.tr("All of these must hold"), self)
        self._heading.setProperty("role", "caption")
        self._rows = QVBoxLayout()
        self._rows.setSpacing(8)
        self.add_condition = self._button(self.tr("Add condition"), rows.with_condition)
        self.add_group = self._button(self.tr("Add group"), rows.with_group)
        self.json_toggle = QPushButton(self.tr("JSON"), self)
        self.json_toggle.setProperty("dense", True)
        self.json_toggle.setCheckable(True)
        self.json_toggle.setToolTip(self.tr("Show and edit all of it as text"))
        self.json_toggle.toggled.connect(self._on_json_toggled)
        self.json = self._make_json()
        self._pages = QStackedWidget(self)
        self._pages.addWidget(self._make_form())
        self._pages.addWidget(self.json)
        self._note = QLabel(self)
        self._note.setProperty("role", "error")
        self._note.setTextFormat(Qt.TextFormat.PlainText)
        self._note.setWordWrap(True)
        self._note.hide()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(8)
        layout.addWidget(self._pages)
        layout.addWidget(self._note)
        layout.addLayout(self._make_foot())

    def show_draft(self, draft: Draft, problems: Mapping[str, str]) -> None:
        """Show a draft, and problems by their dotted path in the configuration."""
        self._draft = draft
        found = rows.rows_of(draft)
        if [(r.path, r.kind) for r in found] != [(w.row.path, w.row.kind) for w in self._lines]:
            self._rebuild(found)
        for line, row in zip(self._lines, found, strict=True):
            line.show_row(row)
            at = f"{PATH}.{row.path}"
            left = problems.get(f"{at}.left", "")
            value = problems.get(f"{at}.right", "") or problems.get(f"{at}.upto", "")
            whole = problems.get(at, "") or problems.get(f"{at}.op", "")
            line.set_problems(left, value, whole)
        for path, editor in self._fields.items():
            name = path.removeprefix(f"{PATH}.")
            value = draft.get(name)
            is_text = editor.field.editor == "text"
            editor.set_value(rows.text_of(value) if is_text else value)
            editor.set_problem(problems.get(path, ""))
        weight = self._fields[f"{PATH}.weight"]
        weight.setVisible(draft.get("weigh_by") == "expression" or bool(weight.problem()))
        if not self.json.hasFocus():
            self._write_json()
        self._show_loose(problems, found)

    def field(self, name: str) -> FieldEditor:
        """Return the editor of ranking, number or weight by its name."""
        return self._fields[f"{PATH}.{name}"]

    def lines(self) -> list[CriterionRow]:
        """Return the rows from top to bottom."""
        return list(self._lines)

    def note(self) -> str:
        """Return what is wrong with no single field."""
        return self._note.text()

    def title(self, path: str) -> str:
        """Return what people call the place of a problem: a field's label, or the number of a line."""
        if path in self._fields:
            return self._fields[path].title
        for number, line in enumerate(self._lines, start=1):
            if path in {f"{PATH}.{line.row.path}{part}" for part in _PARTS}:
                return self.tr("line {0}").format(number)
        return self.tr("criteria") if path.startswith(PATH) else ""

    def paths(self) -> set[str]:
        """Return the paths whose problems are shown here."""
        own = {f"{PATH}.{line.row.path}{part}" for line in self._lines for part in _PARTS}
        return own | set(self._fields) | {PATH}

    def _make_form(self) -> QWidget:
        form = QWidget(self)
        layout = QVBoxLayout(form)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(8)
        layout.addWidget(self._heading)
        layout.addLayout(self._rows)
        grid = FieldGrid()
        for field in RANKING:
            editor = FieldEditor(field, form)
            editor.edited.connect(self._on_field_edited)
            self._fields[field.path] = editor
            grid.add(editor)
        buttons = QHBoxLayout()
        buttons.setSpacing(8)
        buttons.addWidget(self.add_condition)
        buttons.addWidget(self.add_group)
        buttons.addStretch(1)
        layout.addLayout(buttons)
        layout.addLayout(grid)
        layout.addStretch(1)
        return form

    def _make_foot(self) -> QHBoxLayout:
        foot = QHBoxLayout()
        foot.addStretch(1)
        foot.addWidget(self.json_toggle)
        return foot

    def _make_json(self) -> QPlainTextEdit:
        text = QPlainTextEdit(self)
        text.setAccessibleName(self.tr("Criteria as JSON"))
        text.setFont(QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont))
        text.setTabChangesFocus(True)
        text.setMinimumHeight(text.fontMetrics().lineSpacing() * _JSON_LINES)
        text.textChanged.connect(self._on_json_changed)
        return text

    def _button(self, title: str, change: Callable[[Draft], Draft]) -> QPushButton:
        button = QPushButton(title, self)
        button.setProperty("dense", True)
        button.clicked.connect(lambda: self.edited.emit(change(self._draft)))
        return button

    def _rebuild(self, found: tuple[Row, ...]) -> None:
        for line in self._lines:
            self._rows.removeWidget(line)
            line.hide()
            line.deleteLater()
        self._lines = [self._line_of(row, n + 1) for n, row in enumerate(found)]
        self._heading.setVisible(bool(found))

    def _line_of(self, row: Row, number: int) -> CriterionRow:
        line = CriterionRow(row, number, self)
        for signal, change in (
            (line.left_edited, rows.with_left),
            (line.operator_chosen, rows.with_operator),
            (line.value_edited, rows.with_value),
            (line.word_chosen, rows.with_word),
        ):
            signal.connect(
                lambda text, change=change: self.edited.emit(
                    change(self._draft, line.row.path, text)
                )
            )
        line.member_wanted.connect(
            lambda: self.edited.emit(rows.with_condition(self._draft, line.row))
        )
        line.removal_wanted.connect(
            lambda: self.edited.emit(rows.without(self._draft, line.row.path))
        )
        self._rows.addWidget(line)
        return line

    def _show_loose(self, problems: Mapping[str, str], found: tuple[Row, ...]) -> None:
        shown = {f"{PATH}.{row.path}{part}" for row in found for part in _PARTS} | set(self._fields)
        told = [
            text if path == PATH else f"{path.removeprefix(PATH + '.')}: {text}"
            for path, text in problems.items()
            if path.startswith(PATH) and path not in shown
        ]
        if self.json_toggle.isChecked():
            told = [
                f"{path.removeprefix(PATH).lstrip('.') or 'criteria'}: {text}"
                for path, text in problems.items()
                if path.startswith(PATH)
            ]
        self._note.setText("\n".join(told))
        self._note.setVisible(bool(told))

    def _write_json(self) -> None:
        text = rows.as_json(self._draft)
        if self.json.toPlainText() != text:
            self.json.blockSignals(True)
            self.json.setPlainText(text)
            self.json.blockSignals(False)

    def _on_field_edited(self, path: str, value: object) -> None:
        name = path.removeprefix(f"{PATH}.")
        self.edited.emit(rows.with_setting(self._draft, name, value))

    def _on_json_toggled(self, on: bool) -> None:
        self._write_json()
        self._pages.setCurrentIndex(1 if on else 0)

    def _on_json_changed(self) -> None:
        draft = rows.from_json(self.json.toPlainText())
        if draft is None:
            self._note.setText(self.tr("This is not JSON yet; the criteria stay as they were."))
            self._note.show()
        else:
            self.edited.emit(draft)


_PARTS = ("", ".left", ".op", ".right", ".upto")
