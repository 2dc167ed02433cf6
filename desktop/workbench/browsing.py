"""The area of what was run before: the history, a run that is opened again, comparisons, exports."""

from pathlib import Path

from PySide6.QtCore import QObject

from desktop.actions import Command
from desktop.presenters.compare import ComparePresenter
from desktop.presenters.export import TradesExport
from desktop.presenters.history import HistoryPresenter
from desktop.presenters.result import ResultPresenter
from desktop.presenters.run import Failure
from desktop.presenters.state import RunView
from desktop.tokens import Tokens
from desktop.views.compare_window import CompareWindow
from desktop.views.file_dialogs import choose_csv_path
from desktop.views.run_charts import compare_charts_of
from desktop.workbench.room import Room


class BrowseArea(QObject):
    """Connects the history with what is asked of the runs in it, and keeps the compare windows."""

    def __init__(
        self,
        room: Room,
        history: HistoryPresenter,
        opener: ResultPresenter,
        parent: QObject | None = None,
    ) -> None:
        """Make the connections."""
        super().__init__(parent)
        self.compare_windows: list[CompareWindow] = []
        self._room = room
        self._history = history
        self._opener = opener
        self.export = TradesExport(room.service, room.door, self._choose_csv, self)
        history.open_requested.connect(opener.open)
        history.compare_requested.connect(self.open_compare)
        history.export_requested.connect(self.export.export)
        opener.loading.connect(self._on_loading)
        opener.opened.connect(self._on_opened)
        opener.failed.connect(self._on_failed)
        self.export.saved.connect(room.tell)
        self.export.failed.connect(room.tell_failure)
        room.window.history.selection_changed.connect(self._on_selection_changed)
        room.theme.changed.connect(self._on_theme_changed)
        self._on_selection_changed([])

    def export_trades(self) -> None:
        """Save the trades of the run that is shown, else of the one selected in the history."""
        result = self._room.window.result
        if result.run_id:
            self.export.export(result.run_id, result.run_title)
        else:
            self._room.window.history.export_selected()

    def open_compare(self, run_ids: list[str]) -> CompareWindow:
        """Open one more compare window."""
        room = self._room
        presenter = ComparePresenter(room.service, room.door, run_ids, compare_charts_of)
        window = CompareWindow(presenter, room.theme.tokens)
        self.compare_windows.append(window)
        room.theme.changed.connect(window.set_tokens)
        window.closed.connect(self._on_compare_closed)
        main = room.window
        window.move(main.pos() + main.rect().center() / 4 * len(self.compare_windows))
        window.show()
        return window

    def leave(self) -> None:
        """Close the compare windows, and watch nothing any more."""
        self._history.stop_watching()
        for window in list(self.compare_windows):
            window.close()

    def _choose_csv(self, suggested: str) -> Path | None:
        return choose_csv_path(self._room.window, self._room.settings, suggested)

    def _on_loading(self, _run_id: str) -> None:
        self._room.window.result.show_loading()
        self._room.window.show_result()

    def _on_opened(self, view: RunView) -> None:
        self._room.window.result.show_run(view)
        self._room.window.show_result()

    def _on_failed(self, failure: Failure) -> None:
        self._room.window.result.show_failure(failure)
        self._room.window.show_result()

    def _on_selection_changed(self, run_ids: list[str]) -> None:
        self._room.actions[Command.COMPARE].setEnabled(2 <= len(run_ids) <= 10)

    def _on_theme_changed(self, tokens: Tokens) -> None:
        self._room.window.result.set_tokens(tokens)
        self._room.window.history.set_tokens(tokens)

    def _on_compare_closed(self) -> None:
        window = self.sender()
        if isinstance(window, CompareWindow) and window in self.compare_windows:
            self.compare_windows.remove(window)
