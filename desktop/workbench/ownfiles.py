"""The area of strategy files: they are offered, described where they are chosen, and asked about once."""

from functools import partial

from PySide6.QtCore import QObject

from desktop.presenters.ownfiles import OwnFilesPresenter, TrustQuestion
from desktop.presenters.setup import FileFacts
from desktop.presenters.strategies import StrategiesPresenter
from desktop.views.trust_dialog import TrustDialog
from desktop.workbench.room import Room


class OwnFilesArea(QObject):
    """Connects the files with the set-up and the question."""

    def __init__(
        self,
        room: Room,
        files: OwnFilesPresenter,
        strategies: StrategiesPresenter,
        parent: QObject | None = None,
    ) -> None:
        """Make the connections."""
        super().__init__(parent)
        self._room = room
        self._files = files
        files.folder_changed.connect(strategies.refresh)
        files.described.connect(self._on_described)
        files.wanted.connect(self._on_wanted)

    def _on_described(self, name: str, facts: FileFacts) -> None:
        self._room.window.setup.show_summary(name, facts.summary)

    def _on_wanted(self, question: TrustQuestion) -> None:
        dialog = TrustDialog(question, self._room.window)
        dialog.accepted.connect(partial(self._files.agree, question))
        dialog.rejected.connect(partial(self._files.decline, question))
        dialog.open()
