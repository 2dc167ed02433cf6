"""The area of what lies elsewhere: databases and their passwords, the team, and the lights that tell of them."""

from PySide6.QtCore import QObject, QTimer

from desktop.presenters.connections import ConnectionsPresenter
from desktop.presenters.health import HealthPresenter
from desktop.presenters.logins import PasswordQuestion
from desktop.presenters.team_password import TeamPasswordPresenter
from desktop.views.connection_dialog import ConnectionDialog
from desktop.views.password_dialog import PasswordDialog
from desktop.workbench.room import Room

_TICK_MS = 60_000


class TeamArea(QObject):
    """Connects the connections, the team's password and the lights; sends what waits once a minute."""

    def __init__(
        self,
        room: Room,
        health: HealthPresenter,
        connections: ConnectionsPresenter,
        password: TeamPasswordPresenter,
        parent: QObject | None = None,
    ) -> None:
        """Make the connections."""
        super().__init__(parent)
        self._room = room
        self._health = health
        self._connections = connections
        self._password = password
        self._tick = QTimer(self)
        self._tick.setInterval(_TICK_MS)
        self._tick.timeout.connect(health.sync)
        health.lit.connect(room.window.status.set_light)
        health.sync_changed.connect(room.window.status.set_sync)
        health.login_wanted.connect(password.ask)
        connections.keyring_answered.connect(health.on_keyring_answer)
        connections.saved.connect(self._on_connection_saved)
        password.wanted.connect(self._on_password_wanted)
        password.answered.connect(health.sync_now)
        password.given_up.connect(room.tell)

    def start(self) -> None:
        """Ask how everything is, now and from now on."""
        self._health.start()
        self._connections.check_keyring()
        self._tick.start()

    def sync_now(self) -> None:
        """Send what waits because a person asks for it, who may be asked for a password again, too."""
        self._password.ask_again()
        self._health.sync_now()

    def open_connections(self) -> ConnectionDialog:
        """Open the connections; the window behind stays usable."""
        dialog = ConnectionDialog(self._connections, self._room.window)
        dialog.setModal(False)
        dialog.show()
        return dialog

    def leave(self) -> None:
        """Ask nobody any more."""
        self._tick.stop()

    def _on_connection_saved(self, _name: str) -> None:
        self._password.ask_again()
        self._health.look_again()

    def _on_password_wanted(self, question: PasswordQuestion) -> None:
        dialog = PasswordDialog(question, self._room.window)
        dialog.answered.connect(self._password.answer)
        dialog.rejected.connect(self._password.give_up)
        dialog.setModal(False)
        dialog.show()
