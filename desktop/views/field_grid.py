"""Fields in two columns."""

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QGridLayout

from desktop.views.field_editor import FieldEditor


class FieldGrid(QGridLayout):
    """Fields in two columns; a wide one takes a line of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.setHorizontalSpacing(8)
        self.setVerticalSpacing(8)
        self.setColumnStretch(0, 1)
        self.setColumnStretch(1, 1)
        self._next = (0, 0)

    def add(self, editor: FieldEditor) -> None:
        """Put an editor into the next free place."""
        row, column = self._next
        if editor.field.is_wide:
            row += column
            self.addWidget(editor, row, 0, 1, 2)
            self._next = (row + 1, 0)
        else:
            self.addWidget(editor, row, column, Qt.AlignmentFlag.AlignTop)
            self._next = (row, 1) if column == 0 else (row + 1, 0)

    def forget(self) -> None:
        """Begin again at the top; the editors before have been taken out."""
        self._next = (0, 0)
