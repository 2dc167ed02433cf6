"""What every area of the window stands on: the window itself, its commands, and who does what waits."""

from dataclasses import dataclass

from PySide6.QtCore import QSettings

from desktop.actions import Actions
from desktop.presenters.run import Failure
from desktop.service.facade import Service
from desktop.tasks.aio import Door
from desktop.theme.apply import Theme
from desktop.views.main_window import MainWindow

_MESSAGE_MS = 15_000


@dataclass(frozen=True)
class Room:
    """Handed to each area, which adds its own presenters and connections."""

    window: MainWindow
    actions: Actions
    service: Service
    door: Door
    theme: Theme
    settings: QSettings

    def tell(self, text: str) -> None:
        """Say something in the status bar for a while."""
        self.window.status.showMessage(text, _MESSAGE_MS)

    def tell_failure(self, failure: Failure) -> None:
        """Say what went wrong in the status bar, and what to do."""
        self.tell(f"{failure.message} – {failure.hint}" if failure.hint else failure.message)
