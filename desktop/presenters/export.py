"""Trades to a CSV file: where to, then the file, then a sentence that says what was saved or why not."""

import re
from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QObject, Signal

from desktop import fmt
from desktop.presenters.result import reason_of
from desktop.service.facade import Service
from desktop.tasks.aio import Door

ChoosePath = Callable[[str], Path | None]

_NOT_IN_A_NAME = re.compile(r"[^\w.-]+")


class TradesExport(QObject):
    """Saves the trades of a run.

    Signals:
        saved(str): what was saved, and where.
        failed(Failure): why nothing was.
    """

    saved = Signal(str)
    failed = Signal(object)

    def __init__(
        self, service: Service, door: Door, choose_path: ChoosePath, parent: QObject | None = None
    ) -> None:
        """Take who asks for the path: it gets a name to suggest and returns None when nothing is wanted."""
        super().__init__(parent)
        self._service = service
        self._door = door
        self._choose_path = choose_path

    def export(self, run_id: str, title: str = "") -> None:
        """Ask where to, then save all trades of a run; of one that was stopped those until then."""
        path = self._choose_path(suggested_name(run_id, title))
        if path is not None:
            self._door.start(self._write(run_id, path))

    async def _write(self, run_id: str, path: Path) -> None:
        try:
            count = await self._door.call(
                self._service.export_trades_csv, run_id, path, partial=True
            )
        except Exception as error:
            self.failed.emit(reason_of(error, self.tr("The trades were not saved"), run_id))
            return
        text = (
            self.tr("Saved 1 trade to {path}")
            if count == 1
            else self.tr("Saved {n} trades to {path}")
        )
        self.saved.emit(text.format(n=fmt.count(count), path=path))


def suggested_name(run_id: str, title: str = "") -> str:
    """Return a file name that is allowed everywhere: ``trades-moving-average-crossover-0192f3a1.csv``."""
    words = _NOT_IN_A_NAME.sub("-", title.lower()).strip("-.")[:60]
    return "-".join(part for part in ("trades", words, run_id[-8:]) if part) + ".csv"
