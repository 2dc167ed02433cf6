"""The history of runs: what is listed, in which order, and what was asked of the selected ones.

Pages are awaited, so the window stays alive while the database works; an answer to a question that has been replaced by
a newer one is dropped. While a listed run is under way the list is read again every other second.
"""

from dataclasses import dataclass

from PySide6.QtCore import QObject, QTimer, Signal

from desktop.models.history import HistoryModel
from desktop.presenters.result import reason_of
from desktop.presenters.run import Failure
from desktop.presenters.state import strategy_title
from desktop.service.comparing import LEAST, MOST
from desktop.service.facade import MAX_PAGE, Service
from desktop.tasks.aio import Door
from desktop.tokens import Tokens
from storage.records import FINAL_STATUSES, RunFilter, RunPage, RunSort

PAGE = 100
_WATCH_MS = 2000


@dataclass(frozen=True)
class HistoryState:
    """What stands around the table.

    Attributes:
        total: runs that match, arrived or not; None before the first answer.
        is_filtered: whether a filter hides some.
        failure: why the list can't be read.
    """

    total: int | None = None
    is_filtered: bool = False
    failure: Failure | None = None


class HistoryPresenter(QObject):
    """Lists runs, newest first until sorted otherwise.

    Signals:
        changed(HistoryState): an answer has arrived, or did not.
        open_requested(str): a run is to be shown.
        compare_requested(object): the ids of two to ten runs to be compared.
        export_requested(str, str): id and title of the run whose trades are to be saved.
    """

    changed = Signal(object)
    open_requested = Signal(str)
    compare_requested = Signal(object)
    export_requested = Signal(str, str)

    def __init__(
        self, service: Service, door: Door, tokens: Tokens, parent: QObject | None = None
    ) -> None:
        """Begin empty; `refresh` reads the first page."""
        super().__init__(parent)
        self._service = service
        self._door = door
        self.model = HistoryModel(tokens, strategy_title, self)
        self.model.more_wanted.connect(self._on_more_wanted)
        self.state = HistoryState()
        self.where = RunFilter()
        self.sort: RunSort = "date"
        self._cursor: str | None = None
        self._question = 0
        self._watch = QTimer(self)
        self._watch.setSingleShot(True)
        self._watch.setInterval(_WATCH_MS)
        self._watch.timeout.connect(self.refresh)

    def refresh(self) -> None:
        """Read what is shown again, as far down as it has been read."""
        self._question += 1
        wanted = min(max(PAGE, len(self.model.runs)), MAX_PAGE)
        self._door.start(self._read(self._question, wanted, None))

    def set_sort(self, sort: RunSort) -> None:
        """List newest, or best by return or Sharpe ratio, first."""
        if sort != self.sort:
            self.sort = sort
            self._restart()

    def set_filter(self, where: RunFilter) -> None:
        """List only what matches."""
        if where != self.where:
            self.where = where
            self._restart()

    def open(self, run_id: str) -> None:
        """Ask for a run to be shown."""
        self.open_requested.emit(run_id)

    def compare(self, run_ids: list[str]) -> None:
        """Ask for runs to be compared; does nothing when there are too few or too many."""
        if can_compare(len(run_ids)):
            self.compare_requested.emit(run_ids)

    def export(self, run_id: str) -> None:
        """Ask for the trades of a run to be saved."""
        row = self.model.row_of(run_id)
        run = self.model.run_at(row) if row >= 0 else None
        title = "" if run is None else run.name or strategy_title(run.strategy_name)
        self.export_requested.emit(run_id, title)

    def stop_watching(self) -> None:
        """Read nothing more by itself; the program is about to end."""
        self._question += 1
        self._watch.stop()

    def _restart(self) -> None:
        self.model.replace((), False)
        self.refresh()

    def _on_more_wanted(self) -> None:
        if self._cursor is not None:
            self._door.start(self._read(self._question, PAGE, self._cursor))

    async def _read(self, question: int, limit: int, cursor: str | None) -> None:
        try:
            page = await self._door.call(
                self._service.history, self.where, sort=self.sort, limit=limit, cursor=cursor
            )
        except Exception as error:
            if question == self._question:
                self.model.give_up()
                self._publish(failure=reason_of(error, self.tr("The history can't be read")))
            return
        if question == self._question:
            self._take(page, is_first=cursor is None)

    def _take(self, page: RunPage, is_first: bool) -> None:
        self._cursor = page.next_cursor
        put = self.model.replace if is_first else self.model.append
        put(page.items, page.next_cursor is not None)
        if any(run.status not in FINAL_STATUSES for run in self.model.runs):
            self._watch.start()
        self._publish(total=page.total)

    def _publish(self, total: int | None = None, failure: Failure | None = None) -> None:
        self.state = HistoryState(total, self.where != RunFilter(), failure)
        self.changed.emit(self.state)


def can_compare(count: int) -> bool:
    """Tell whether so many runs can be put side by side."""
    return LEAST <= count <= MOST
