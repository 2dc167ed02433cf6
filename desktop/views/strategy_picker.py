"""The chooser of a strategy: built in, by criteria, or saved; and the line that saves what is set up."""

from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QComboBox,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from desktop.presenters.strategies import SavedState
from engine.config import SCREENING
from engine.strategies import registry
from storage.saved import parse_reference
from storage.strategies import is_file_name


class StrategyPicker(QComboBox):
    """Offers the built-in strategies, screening, and below a line those that were saved."""

    def __init__(self, parent: QWidget | None = None) -> None:
        """Offer what is built in."""
        super().__init__(parent)
        self.setAccessibleName(self.tr("Strategy"))
        for name in (*registry.BUILT_IN, SCREENING):
            self._offer(registry.title_of(name), name, registry.get(name).summary)
        self._built_in = self.count()
        self._summaries: dict[str, str] = {}
        self._titles: dict[str, str] = {}

    def choose(self, name: str) -> None:
        """Show a strategy as chosen, without telling anybody."""
        if self.currentData() == name:
            return
        self.blockSignals(True)
        if self.findData(name) < 0 and (parse_reference(name) is not None or is_file_name(name)):
            self._offer_saved(
                name
            )  # an earlier version, one that was deleted since, a file that lies elsewhere
        self.setCurrentIndex(self.findData(name))
        self.blockSignals(False)

    def show_saved(self, state: SavedState) -> None:
        """Offer the saved strategies; what is chosen stays chosen."""
        chosen = self.currentData()
        self._summaries |= {entry.reference: entry.summary for entry in state.entries}
        self._titles |= {entry.reference: entry.title for entry in state.entries}
        self.blockSignals(True)
        while self.count() > self._built_in:
            self.removeItem(self.count() - 1)
        for entry in state.entries:
            self._offer_saved(entry.reference)
        self.blockSignals(False)
        if chosen is not None:
            self.choose(str(chosen))

    def summary(self, name: str) -> str:
        """Return what a strategy does, in one sentence."""
        known = registry.known(name)
        return known.summary if known else self._summaries.get(name, "")

    def set_summary(self, name: str, summary: str) -> None:
        """Take what a file says that it does."""
        self._summaries[name] = summary

    def _offer_saved(self, reference: str) -> None:
        if self.count() == self._built_in:
            self.insertSeparator(self.count())
        title = self._titles.get(reference) or (
            Path(reference).name if is_file_name(reference) else reference
        )
        self._offer(title, reference, self._summaries.get(reference, ""))

    def _offer(self, title: str, name: str, summary: str) -> None:
        self.addItem(title, name)
        self.setItemData(self.count() - 1, summary, Qt.ItemDataRole.ToolTipRole)


class SaveBar(QWidget):
    """One line: a name, and the button that saves the strategy under it.

    Signals:
        save_requested(str): the name.
    """

    save_requested = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        """Build the line."""
        super().__init__(parent)
        self.name = QLineEdit(self)
        self.name.setPlaceholderText(self.tr("Name to save it under"))
        self.name.setAccessibleName(self.tr("Name to save the strategy under"))
        self.button = QPushButton(self.tr("Save"), self)
        self.button.setAccessibleName(self.tr("Save the strategy"))
        self.button.setEnabled(False)
        for widget in (self.name, self.button):
            widget.setProperty("dense", True)
        self._told = QLabel(self)
        self._told.setTextFormat(Qt.TextFormat.PlainText)
        self._told.setWordWrap(True)
        self._told.hide()
        line = QHBoxLayout()
        line.setSpacing(8)
        line.addWidget(self.name, 1)
        line.addWidget(self.button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2)
        layout.addLayout(line)
        layout.addWidget(self._told)
        self.name.textChanged.connect(lambda text: self.button.setEnabled(bool(text.strip())))
        self.name.returnPressed.connect(self._save)
        self.button.clicked.connect(self._save)

    def show_saved(self, state: SavedState) -> None:
        """Tell what came of saving."""
        self._told.setProperty("role", "error" if state.problem else "caption")
        self._told.style().unpolish(self._told)
        self._told.style().polish(self._told)
        self._told.setText(state.problem or state.message)
        self._told.setVisible(bool(state.problem or state.message))

    def told(self) -> str:
        """Return what is told."""
        return self._told.text()

    def _save(self) -> None:
        if self.button.isEnabled():
            self.save_requested.emit(self.name.text().strip())
