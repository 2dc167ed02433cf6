"""How the things the program stands on are doing, as lights; and what the team's database still waits for.

The local database is in use, so it is well unless something failed. The others are asked beside the event loop: the
keyring once, the team's database after every run and once a minute.
"""

from dataclasses import dataclass
from typing import Literal

from PySide6.QtCore import QObject, Signal

from desktop.service.sync import SyncService, SyncStatus
from desktop.tasks.aio import Door
from engine.errors import BacktestError
from storage.credentials import Answer, KeyringState
from storage.profiles import ProfileStore

Level = Literal["ok", "off", "warn", "bad"]
Key = Literal["local", "market", "shared", "keyring"]


@dataclass(frozen=True)
class Light:
    """One light: how it stands, and a sentence about it."""

    level: Level
    text: str


class HealthPresenter(QObject):
    """Keeps the lights true.

    Signals:
        lit(str, Light): one of local, market, shared, keyring has changed.
        sync_changed(str): what still waits for the team's database; empty when nothing does.
        login_wanted(Profile): the team's server wants a password, or another one.
    """

    lit = Signal(str, object)
    sync_changed = Signal(str)
    login_wanted = Signal(object)

    def __init__(
        self, door: Door, sync: SyncService, profiles: ProfileStore, parent: QObject | None = None
    ) -> None:
        """Take who is asked; nothing is asked yet."""
        super().__init__(parent)
        self._door = door
        self._sync = sync
        self._profiles = profiles
        self._is_syncing = False

    def start(self) -> None:
        """Light what is known, and ask for the rest."""
        self.lit.emit("local", Light("ok", f"Runs are kept in {self._sync.local_path}"))
        self.look_again()

    def look_again(self) -> None:
        """Read the profiles again, and send what waits."""
        self._door.start(self._look_at_profiles())
        self.sync()

    def sync(self) -> None:
        """Send what is due to the team's database, in the background; one at a time."""
        self._begin(force=False)

    def sync_now(self) -> None:
        """Send what waits whatever failed before, since a person asks for it."""
        self._begin(force=True)

    def _begin(self, *, force: bool) -> None:
        if not self._is_syncing:
            self._is_syncing = True
            self._door.start(self._send(force))

    def on_keyring_answer(self, answer: Answer) -> None:
        """Take what the keyring said last."""
        if answer.state in (KeyringState.OK, KeyringState.MISSING_ENTRY):
            self.lit.emit("keyring", Light("ok", "The system's keyring keeps the passwords"))
        elif answer.state is KeyringState.LOCKED:
            self.lit.emit("keyring", Light("warn", answer.detail))
        else:
            self.lit.emit("keyring", Light("off", answer.detail))

    async def _look_at_profiles(self) -> None:
        try:
            profiles = await self._door.call(self._profiles.all)
        except BacktestError as error:
            self.lit.emit("market", Light("bad", error.message))
            return
        market = [p.name for p in profiles if p.purpose == "market"]
        if market:
            text = f"Price databases: {', '.join(market)}. Name one as the source of a run"
            self.lit.emit("market", Light("ok", text))
        else:
            text = "No price database yet: Connections in the Tools menu adds one"
            self.lit.emit("market", Light("off", text))

    async def _send(self, force: bool) -> None:
        try:
            self._show(await self._door.call(self._sync.status))
            await self._door.call(
                self._sync.sync_once, force=force, should_stop=self._door.is_closing
            )
            self._show(await self._door.call(self._sync.status))
        except BacktestError as error:
            self.lit.emit("shared", Light("warn", error.message))
        finally:
            self._is_syncing = False
        if (profile := self._sync.login_wanted) is not None:
            self.login_wanted.emit(profile)

    def _show(self, status: SyncStatus) -> None:
        self.lit.emit("shared", Light(_LEVELS[status.state], status.sentence))
        parts = []
        if status.waiting and status.state != "none":
            parts.append(f"{status.waiting} waiting to be sent")
        if status.failed:
            parts.append(f"{status.failed} refused")
        self.sync_changed.emit(" · ".join(parts))


_LEVELS: dict[str, Level] = {
    "none": "off",
    "ok": "ok",
    "offline": "warn",
    "needs_password": "warn",
    "blocked": "bad",
}
