"""The history of runs: find, open, compare, export.

Its first line, ``bar``, holds title, filters and buttons: where the panel is docked it is the title bar, too.
"""

from PySide6.QtCore import QModelIndex, QPoint, Qt, QTimer, Signal
from PySide6.QtGui import QGuiApplication, QKeySequence
from PySide6.QtWidgets import (
    QComboBox,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QMenu,
    QPushButton,
    QStackedLayout,
    QVBoxLayout,
    QWidget,
)

from desktop import fmt
from desktop.presenters.history import HistoryPresenter, HistoryState, can_compare
from desktop.tokens import Tokens
from desktop.views.empty import StateView
from desktop.views.table import DataTable
from engine.config import SCREENING
from engine.strategies import registry
from storage.records import RunFilter

_TYPING_MS = 250


class HistoryPanel(QWidget):
    """The table of runs with its filters and buttons.

    Signals:
        selection_changed(object): the ids of the selected runs, top to bottom.
    """

    selection_changed = Signal(object)

    def __init__(
        self, presenter: HistoryPresenter, tokens: Tokens, parent: QWidget | None = None
    ) -> None:
        """Show what the presenter lists."""
        super().__init__(parent)
        self._presenter = presenter
        self._kept: list[str] = []
        self.set_tokens(tokens)
        self.table = self._make_table()
        self.state = StateView(self, calm=True)
        self.state.action_requested.connect(self._on_action_requested)
        self._typing = QTimer(self)
        self._typing.setSingleShot(True)
        self._typing.setInterval(_TYPING_MS)
        self._typing.timeout.connect(self._apply_filter)
        self.bar = self._make_bar()
        body = QWidget(self)
        self._layout = QStackedLayout(body)
        self._layout.addWidget(self.state)
        self._layout.addWidget(self.table)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self.bar)
        layout.addWidget(body, 1)
        presenter.changed.connect(self._on_presenter_changed)
        self.state.show_loading(self.tr("Reading the history…"))
        self._on_selection_changed()

    def selected_ids(self) -> list[str]:
        """Return the ids of the selected runs, top to bottom."""
        model = self._presenter.model
        return [model.run_at(row).run_id for row in self.table.selected_rows()]

    def open_selected(self) -> None:
        """Open the selected run, if it is one."""
        ids = self.selected_ids()
        if len(ids) == 1:
            self._presenter.open(ids[0])

    def compare_selected(self) -> None:
        """Compare the selected runs, if they are two to ten."""
        self._presenter.compare(self.selected_ids())

    def export_selected(self) -> None:
        """Save the trades of the selected run, if it is one."""
        ids = self.selected_ids()
        if len(ids) == 1:
            self._presenter.export(ids[0])

    def copy_ids(self) -> None:
        """Put the ids of the selected runs on the clipboard, one a line."""
        QGuiApplication.clipboard().setText("\n".join(self.selected_ids()))

    def set_tokens(self, tokens: Tokens) -> None:
        """Take other colours."""
        self._presenter.model.set_tokens(tokens)

    def _make_table(self) -> DataTable:
        model = self._presenter.model
        table = DataTable(self.tr("Runs"), self)
        table.shares_room = False  # the last column takes what is left: names are long
        table.setModel(model)
        table.opened.connect(self._on_row_opened)
        table.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        table.customContextMenuRequested.connect(self._on_menu_requested)
        head = table.horizontalHeader()
        head.setStretchLastSection(True)
        head.setSectionsClickable(True)
        head.setSortIndicatorShown(True)
        head.setSortIndicator(model.column_of("date"), Qt.SortOrder.DescendingOrder)
        head.sectionClicked.connect(self._on_header_clicked)
        selection = table.selectionModel()
        selection.selectionChanged.connect(self._on_selection_changed)
        model.modelAboutToBeReset.connect(self._on_model_about_to_be_reset)
        model.modelReset.connect(self._on_model_reset)
        return table

    def _make_bar(self) -> QWidget:
        bar = QWidget(self)
        bar.setProperty("role", "head")
        bar.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        heading = QLabel(self.tr("History"), bar)
        heading.setProperty("role", "heading")
        self.symbol = QLineEdit(self)
        self.symbol.setPlaceholderText(self.tr("Symbol or universe"))
        self.symbol.setAccessibleName(self.tr("Show runs on this symbol or universe"))
        self.symbol.setClearButtonEnabled(True)
        self.symbol.setFixedWidth(168)
        self.symbol.textChanged.connect(lambda: self._typing.start())
        self.symbol.returnPressed.connect(self._apply_filter)
        self.strategy = self._make_chooser(self.tr("Strategy"), self.tr("All strategies"))
        for name, strategy in registry.BUILT_IN.items():
            self.strategy.addItem(strategy.title, name)
        self.strategy.addItem(registry.title_of(SCREENING), SCREENING)
        self.status = self._make_chooser(self.tr("Status"), self.tr("Any status"))
        for status, word in self._presenter.model.status_words().items():
            self.status.addItem(word, status)
        self._count = QLabel(self)
        self._count.setProperty("role", "caption")
        self.open_button = self._make_button(self.tr("Open"), self.open_selected)
        self.compare_button = self._make_button(self.tr("Compare"), self.compare_selected)
        self.export_button = self._make_button(self.tr("Export trades…"), self.export_selected)
        row = QHBoxLayout(bar)
        row.setContentsMargins(12, 6, 12, 6)
        row.setSpacing(8)
        row.addWidget(heading)
        row.addSpacing(8)
        for widget in (self.symbol, self.strategy, self.status, self._count):
            row.addWidget(widget)
        row.addStretch(1)
        for button in (self.open_button, self.compare_button, self.export_button):
            row.addWidget(button)
        return bar

    def _make_chooser(self, name: str, everything: str) -> QComboBox:
        chooser = QComboBox(self)
        chooser.setProperty("dense", True)
        chooser.setAccessibleName(name)
        chooser.addItem(everything, None)
        chooser.currentIndexChanged.connect(self._apply_filter)
        self.symbol.setProperty("dense", True)
        return chooser

    def _make_button(self, text: str, action: object) -> QPushButton:
        button = QPushButton(text, self)
        button.setProperty("dense", True)
        button.clicked.connect(action)
        return button

    def _apply_filter(self) -> None:
        self._typing.stop()
        where = RunFilter(
            strategy=self.strategy.currentData(),
            instrument=self.symbol.text().strip() or None,
            status=self.status.currentData(),
        )
        self._presenter.set_filter(where)

    def _on_action_requested(self) -> None:
        if self._presenter.state.failure is not None:
            self._presenter.refresh()
            return
        self.symbol.clear()
        self.strategy.setCurrentIndex(0)
        self.status.setCurrentIndex(0)
        self._apply_filter()

    def _on_presenter_changed(self, state: HistoryState) -> None:
        shown = len(self._presenter.model.runs)
        total = shown if state.total is None else state.total
        self._count.setText(
            self.tr("1 run") if total == 1 else self.tr("{n} runs").format(n=fmt.count(total))
        )
        if state.failure is not None:
            self.state.show_failure(
                self.tr("The history can't be read"), state.failure, self.tr("Try again")
            )
        elif not shown and state.is_filtered:
            self.state.show_empty(self.tr("No run matches"), "", self.tr("Show all runs"))
        elif not shown:
            self.state.show_empty(
                self.tr("No runs yet"), self.tr("Every run is kept here, newest first.")
            )
        is_listed = bool(shown) and state.failure is None
        self._layout.setCurrentWidget(self.table if is_listed else self.state)

    def _on_selection_changed(self, *_: object) -> None:
        ids = self.selected_ids()
        one, some = len(ids) == 1, can_compare(len(ids))
        self.open_button.setEnabled(one)
        self.export_button.setEnabled(one)
        self.compare_button.setEnabled(some)
        self.open_button.setToolTip("" if one else self.tr("Select a run"))
        self.export_button.setToolTip("" if one else self.tr("Select a run"))
        self.compare_button.setToolTip("" if some else self.tr("Select two to ten runs"))
        self.selection_changed.emit(ids)

    def _on_model_about_to_be_reset(self) -> None:
        self._kept = self.selected_ids() or self._kept

    def _on_model_reset(self) -> None:
        """Select again what was selected; Qt forgets it with the old rows."""
        model = self._presenter.model
        rows = [row for run_id in self._kept if (row := model.row_of(run_id)) >= 0]
        if not rows:
            self._on_selection_changed()
            return
        self._kept = []
        selection = self.table.selectionModel()
        flag = selection.SelectionFlag
        for row in rows:
            selection.select(model.index(row, 0), flag.Select | flag.Rows)

    def _on_header_clicked(self, column: int) -> None:
        sort = self._presenter.model.sort_of(column)
        if sort is not None:
            self._presenter.set_sort(sort)
        shown = self._presenter.model.column_of(self._presenter.sort)
        self.table.horizontalHeader().setSortIndicator(shown, Qt.SortOrder.DescendingOrder)

    def _on_row_opened(self, index: QModelIndex) -> None:
        self._presenter.open(self._presenter.model.run_at(index.row()).run_id)

    def _on_menu_requested(self, point: QPoint) -> None:
        if self.table.indexAt(point).isValid():
            self.make_menu().popup(self.table.viewport().mapToGlobal(point))

    def make_menu(self) -> QMenu:
        """Return the context menu for the selected runs; it goes with its closing."""
        count = len(self.table.selected_rows())
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        for text, keys, action, enabled in (
            (self.tr("Open"), "Return", self.open_selected, count == 1),
            (self.tr("Compare"), "Ctrl+D", self.compare_selected, can_compare(count)),
            (self.tr("Export trades…"), "Ctrl+E", self.export_selected, count == 1),
            (self.tr("Copy id"), "", self.copy_ids, count >= 1),
        ):
            entry = menu.addAction(text, action)
            entry.setEnabled(enabled)
            if keys:
                # Shown beside the text only; the keys themselves belong to the table and the window.
                entry.setText(
                    f"{text}\t{QKeySequence(keys).toString(QKeySequence.SequenceFormat.NativeText)}"
                )
        return menu
