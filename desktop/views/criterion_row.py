"""One line of the criteria: expression, comparison, value; or the head of a group."""

from PySide6.QtCore import QStringListModel, Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import (
    QComboBox,
    QCompleter,
    QGridLayout,
    QLabel,
    QLineEdit,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from desktop.presenters.criteria_rows import OPERATORS, Row, suggestions

_INDENT = 16
_OPERATOR_WIDTH = 104
_REMOVE_WIDTH = 24
_WIDE = 400  # from here on a condition stands on one line


class CriterionRow(QWidget):
    """Edits one row of a draft.

    Signals:
        left_edited(str), operator_chosen(str), value_edited(str): of a condition, the new text.
        word_chosen(str): of a group, ``any`` or ``all``.
        member_wanted(): one more condition in this group.
        removal_wanted(): the row is to go.
    """

    left_edited = Signal(str)
    operator_chosen = Signal(str)
    value_edited = Signal(str)
    word_chosen = Signal(str)
    member_wanted = Signal()
    removal_wanted = Signal()

    def __init__(self, row: Row, number: int, parent: QWidget | None = None) -> None:
        """Build the editors of a condition, or of a group."""
        super().__init__(parent)
        self.row = row
        self.left = QLineEdit(self)
        self.operator = QComboBox(self)
        self.value = QLineEdit(self)
        self.word = QComboBox(self)
        self.add = QToolButton(self)
        self.remove = QToolButton(self)
        self._problem = QLabel(self)
        self._name(number)
        self._grid = QGridLayout()
        self._grid.setSpacing(4)
        self._is_wide: bool | None = None
        self.remove.setText("×")
        self.remove.setFixedWidth(_REMOVE_WIDTH)
        self.remove.clicked.connect(self.removal_wanted)
        if row.kind == "group":
            self._make_group()
        else:
            self._make_condition()
        self._problem.setProperty("role", "error")
        self._problem.setTextFormat(Qt.TextFormat.PlainText)
        self._problem.setWordWrap(True)
        self._problem.hide()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(row.depth * _INDENT, 0, 0, 0)
        layout.setSpacing(2)
        layout.addLayout(self._grid)
        layout.addWidget(self._problem)
        self.show_row(row)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Put a condition on one line where there is room, else on two."""
        super().resizeEvent(event)
        self._arrange(event.size().width() >= _WIDE)

    def _arrange(self, is_wide: bool) -> None:
        if self.row.kind == "group" or is_wide == self._is_wide:
            return
        self._is_wide = is_wide
        for widget in (self.left, self.operator, self.value, self.remove):
            self._grid.removeWidget(widget)
        if is_wide:
            self._grid.addWidget(self.left, 0, 0)
            self._grid.addWidget(self.operator, 0, 1)
            self._grid.addWidget(self.value, 0, 2)
            self._grid.addWidget(self.remove, 0, 3)
        else:
            self._grid.addWidget(self.left, 0, 0, 1, 2)
            self._grid.addWidget(self.remove, 0, 2)
            self._grid.addWidget(self.operator, 1, 0)
            self._grid.addWidget(self.value, 1, 1, 1, 2)
        self._grid.setColumnStretch(0, 1 if is_wide else 0)
        self._grid.setColumnStretch(1, 0 if is_wide else 1)
        self._grid.setColumnStretch(2, 1 if is_wide else 0)

    def show_row(self, row: Row) -> None:
        """Show a row of the same kind; what is being typed right now is left alone."""
        self.row = row
        for line, text in ((self.left, row.left), (self.value, row.value)):
            if not line.hasFocus() and line.text() != text:
                line.setText(text)
                line.setCursorPosition(0)
        for combo, value in ((self.operator, row.op), (self.word, row.word)):
            combo.blockSignals(True)
            combo.setCurrentIndex(combo.findData(value))
            combo.blockSignals(False)
        between = row.op == "between"
        self.value.setPlaceholderText(self.tr("30 and 70") if between else self.tr("sma(200)"))

    def set_problems(self, left: str, value: str, whole: str) -> None:
        """Mark what is wrong and say it below the line."""
        for line, text in ((self.left, left), (self.value, value or whole)):
            if bool(line.property("invalid")) != bool(text):
                line.setProperty("invalid", bool(text))
                line.style().unpolish(line)
                line.style().polish(line)
            line.setAccessibleDescription(text)
        told = "\n".join(dict.fromkeys(text for text in (left, value, whole) if text))
        self._problem.setText(told)
        self._problem.setVisible(bool(told))

    def problem(self) -> str:
        """What is shown to be wrong."""
        return self._problem.text()

    def _name(self, number: int) -> None:
        for widget, text in (
            (self.left, self.tr("Expression of condition {0}")),
            (self.operator, self.tr("Comparison of condition {0}")),
            (self.value, self.tr("Value of condition {0}")),
            (self.word, self.tr("How many of group {0} must hold")),
            (self.add, self.tr("Add a condition to group {0}")),
            (self.remove, self.tr("Remove line {0}")),
        ):
            widget.setAccessibleName(text.format(number))
            widget.setToolTip(text.format(number))

    def _make_condition(self) -> None:
        self.word.hide()
        self.add.hide()
        self.left.setPlaceholderText("close")
        self.operator.setFixedWidth(_OPERATOR_WIDTH)
        for op, sign in OPERATORS:
            self.operator.addItem(sign, op)
        completer = QCompleter(self)
        completer.setModel(QStringListModel(list(suggestions()), completer))
        completer.setCaseSensitivity(Qt.CaseSensitivity.CaseInsensitive)
        self.left.setCompleter(completer)
        completer.activated.connect(self.left_edited)
        for widget in (self.left, self.operator, self.value, self.remove):
            widget.setProperty("dense", True)
        for line_edit in (self.left, self.value):
            line_edit.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self._arrange(False)
        self.setTabOrder(self.left, self.operator)
        self.setTabOrder(self.operator, self.value)
        self.setTabOrder(self.value, self.remove)
        self.left.textEdited.connect(self.left_edited)
        self.value.textEdited.connect(self.value_edited)
        self.operator.currentIndexChanged.connect(
            lambda _index: self.operator_chosen.emit(self.operator.currentData())
        )

    def _make_group(self) -> None:
        for widget in (self.left, self.operator, self.value):
            widget.hide()
        for word, text in (("any", self.tr("any of these")), ("all", self.tr("all of these"))):
            self.word.addItem(text, word)
        self.word.setProperty("dense", True)
        self.add.setText("+")
        self.add.setFixedWidth(_REMOVE_WIDTH)
        self._grid.addWidget(self.word, 0, 0)
        self._grid.addWidget(self.add, 0, 1)
        self._grid.addWidget(self.remove, 0, 2)
        self._grid.setColumnStretch(0, 1)
        self.add.clicked.connect(self.member_wanted)
        self.word.currentIndexChanged.connect(
            lambda _index: self.word_chosen.emit(self.word.currentData())
        )
