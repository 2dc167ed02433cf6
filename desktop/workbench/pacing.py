"""The area of speed: pause, steps and another pace of the run under way."""

from PySide6.QtCore import QObject

from desktop.presenters.run import RunPresenter
from desktop.views.transport_bar import TransportBar
from desktop.workbench.room import Room
from engine.pacing import Pace


class PaceArea(QObject):
    """Puts the hand on a run's speed under its progress, and connects it."""

    def __init__(self, room: Room, run: RunPresenter, parent: QObject | None = None) -> None:
        """Make the connections."""
        super().__init__(parent)
        bar = room.window.setup.run_bar
        self.transport = TransportBar(room.theme.tokens, bar)
        bar.put_transport(self.transport)
        room.theme.changed.connect(self.transport.set_tokens)
        run.paced.connect(self._on_paced)
        for asked, does in (
            (self.transport.play_requested, run.play),
            (self.transport.pause_requested, run.pause),
            (self.transport.bar_requested, run.step_bar),
            (self.transport.trade_requested, run.step_trade),
            (self.transport.pace_chosen, run.set_pace),
        ):
            asked.connect(does)

    def _on_paced(self, paused: bool, pace: Pace) -> None:
        self.transport.show_transport(paused=paused, pace=pace)
