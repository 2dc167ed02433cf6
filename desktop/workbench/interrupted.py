"""The area of runs that the program's end cut off: at the start it asks what is to become of them."""

from functools import partial

from PySide6.QtCore import QObject, Signal

from desktop.presenters.run import RunPresenter, RunState
from desktop.service.facade import Service
from desktop.workbench.room import Room
from storage.records import RunRecord

RESUME, RESTART, DISCARD = "resume", "restart", "discard"


class InterruptedArea(QObject):
    """Offers to resume, restart or discard each interrupted run, newest first.

    Signals:
        listed(): the history has changed.
    """

    listed = Signal()

    def __init__(self, room: Room, run: RunPresenter, parent: QObject | None = None) -> None:
        """Make the connections; nothing is asked yet."""
        super().__init__(parent)
        self._room = room
        self._run = run
        self._waiting: list[tuple[RunRecord, bool]] = []
        room.window.notice.chosen.connect(self._on_chosen)
        run.state_changed.connect(self._on_state_changed)

    def start(self) -> None:
        """Look which runs there are."""
        self._room.door.start(self._look())

    async def _look(self) -> None:
        self._waiting = await self._room.door.call(partial(interrupted_runs, self._room.service))
        self._show()

    def _on_state_changed(self, _state: RunState) -> None:
        self._show()

    def _show(self) -> None:
        notice = self._room.window.notice
        if not self._waiting or self._run.state is not RunState.IDLE:
            notice.clear()
            return
        record, can_resume = self._waiting[0]
        count = len(self._waiting)
        text = self.tr("{0} was interrupted at {1}.").format(
            record.strategy_name, f"{record.progress:.0%}"
        )
        if count > 1:
            text += " " + self.tr("{0} more are waiting.").format(count - 1)
        answers = [(RESUME, self.tr("Resume"))] if can_resume else []
        answers += [(RESTART, self.tr("Restart")), (DISCARD, self.tr("Discard"))]
        notice.ask(text, answers)

    def _on_chosen(self, key: str) -> None:
        if not self._waiting:
            return
        record, _ = self._waiting.pop(0)
        if key == RESUME:
            self._run.start(record.config, record.run_id)
        else:
            self._room.door.start(self._discard(record))
            if key == RESTART:
                self._run.start(record.config)
        self._show()

    async def _discard(self, record: RunRecord) -> None:
        await self._room.door.call(partial(self._room.service.discard, record.run_id))
        self.listed.emit()


def interrupted_runs(service: Service) -> list[tuple[RunRecord, bool]]:
    """Return the interrupted runs, each with whether it can be taken up; blocking."""
    return [
        (service.status(run.run_id), service.can_resume(run.run_id))
        for run in service.interrupted()
    ]
