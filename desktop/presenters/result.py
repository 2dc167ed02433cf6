"""Opening a stored run: from its id to everything that the result views show, or to the reason why there is nothing.

The run is read, its bars are loaded again for the price chart, and what charts need is built, all away from the GUI
thread. Prices are shown only when they are the very ones that the run was made on.
"""

from collections.abc import Callable
from dataclasses import replace

from PySide6.QtCore import QObject, Signal

from desktop.presenters.run import Failure, failure_of
from desktop.presenters.state import RunView, view_of
from desktop.service.facade import Service
from desktop.tasks.aio import Door
from engine.errors import BacktestError
from engine.market import Panel
from storage.records import RunRecord

Prepare = Callable[[RunView], object]


class ResultPresenter(QObject):
    """Opens one run at a time; only the one that was asked for last is heard of.

    Signals:
        loading(str): the id of a run that is on its way.
        opened(RunView): it is there.
        failed(Failure): it can't be shown, why, and what to do.
    """

    loading = Signal(str)
    opened = Signal(object)
    failed = Signal(object)

    def __init__(
        self,
        service: Service,
        door: Door,
        prepare: Prepare | None = None,
        parent: QObject | None = None,
    ) -> None:
        """Begin with nothing open.

        Args:
            service: the runs.
            door: where blocking work is awaited.
            prepare: builds what charts need of a run; called on a thread of the door.
            parent: owner.
        """
        super().__init__(parent)
        self._service = service
        self._door = door
        self._prepare = prepare
        self._wanted = ""

    def open(self, run_id: str) -> None:
        """Read a run and show it; a run asked for before that is still on its way is forgotten."""
        self._wanted = run_id
        self.loading.emit(run_id)
        self._door.start(self._open(run_id))

    def forget(self) -> None:
        """Ignore what is on its way: something else is shown now."""
        self._wanted = ""

    async def _open(self, run_id: str) -> None:
        try:
            view = await self._door.call(open_run, self._service, run_id, self._prepare)
        except Exception as error:
            if run_id == self._wanted:
                self.failed.emit(reason_of(error, self.tr("The run can't be opened"), run_id))
            return
        if run_id == self._wanted:
            self.opened.emit(view)


def open_run(service: Service, run_id: str, prepare: Prepare | None = None) -> RunView:
    """Read a run with its prices; blocking.

    Raises:
        BacktestNotFoundError: there is no such run.
        BacktestError: it has no result; the message says why.
    """
    stored = service.load(run_id)
    panel, why = prices_of(service, stored.record) if stored.result is not None else (None, "")
    view = view_of(stored, panel, why)
    if view is None:
        raise _without_result(stored.record)
    return view if prepare is None else replace(view, drawn=prepare(view))


def prices_of(service: Service, record: RunRecord) -> tuple[Panel | None, str]:
    """Return the bars that a run was made on, or None and why they can't be shown."""
    try:
        panel = service.bars(record.config)
    except BacktestError as error:
        return None, f"The prices of this run can't be loaded. {error.message}"
    if record.dataset_hash and panel.content_hash() != record.dataset_hash:
        return None, (
            "The prices have changed since this run was made, so they are not shown. "
            "Run it again to see it on the new ones."
        )
    return panel, ""


def reason_of(error: BaseException, doing: str, run_id: str = "") -> Failure:
    """Return what went wrong while something was done, for a person."""
    if isinstance(error, BacktestError):
        told = failure_of(error)
        return told if told.run_id else replace(told, run_id=run_id)
    return Failure(
        f"{doing}: an error inside the program",
        hint="Copy diagnostics, in the Help menu, gathers what a report needs",
        run_id=run_id,
        details=f"{type(error).__name__}: {error}",
    )


def _without_result(record: RunRecord) -> BacktestError:
    match record.status:
        case "failed":
            text = record.error_message or "The run failed"
            hint = "Change what it names in the set-up and run it again"
        case "queued" | "running" | "paused":
            text = "The run is still under way"
            hint = "Its result can be opened when it has ended"
        case "interrupted":
            text = "The program ended in the middle of this run"
            hint = "Run it again; nothing of it was kept"
        case _:
            text = "The run was stopped before there was anything to keep"
            hint = "Run it again"
    return BacktestError(text, hint=hint, run_id=record.run_id)
