"""What the presenters of connections and passwords share: where profiles and passwords are kept."""

from dataclasses import dataclass
from typing import Literal

from PySide6.QtCore import QObject

from desktop.tasks.aio import Door
from storage.credentials import Answer, Credentials
from storage.profiles import Profile, ProfileStore


@dataclass(frozen=True)
class PasswordQuestion:
    """What is asked: for which login, why it can't be had without asking, and what then happens."""

    profile: Profile
    reason: str
    purpose: Literal["run", "send"] = "run"


class Logins(QObject):
    """Stands on the profiles and their passwords; whatever is slow about them is awaited."""

    def __init__(
        self,
        door: Door,
        profiles: ProfileStore,
        credentials: Credentials,
        parent: QObject | None = None,
    ) -> None:
        """Take the stores; nothing is read yet."""
        super().__init__(parent)
        self._door = door
        self._profiles = profiles
        self._credentials = credentials

    async def _password_of(self, profile: Profile) -> Answer:
        """Return what is known of a password; the keyring is not waited for once the program ends."""
        return await self._door.call(self._credentials.load, profile, self._door.is_closing)
