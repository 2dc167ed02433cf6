"""Connection profiles: list, edit, test, keep the password in the keyring. Everything slow is awaited."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from PySide6.QtCore import QObject, Signal

from desktop.presenters.logins import Logins
from desktop.tasks.aio import Door
from engine.errors import BacktestError, BacktestValidationError, Problem
from storage.connection_report import ConnectionReport
from storage.credentials import Credentials, KeyringState
from storage.profiles import Profile, ProfileStore, make_profile


class TestConnection(Protocol):
    """Tries a profile; `storage.connection_report.test_connection`."""

    def __call__(
        self, profile: Profile, password: str | None, *, should_stop: Callable[[], bool]
    ) -> ConnectionReport:
        """Return how far it got."""


NEW_PROFILE: dict[str, Any] = {
    "name": "",
    "host": "localhost",
    "port": 5432,
    "database": "",
    "user": "",
    "sslmode": "verify-full",
    "sslrootcert": None,
    "purpose": "market",
}


@dataclass(frozen=True)
class ConnectionsState:
    """What the dialog shows.

    Attributes:
        profiles: all there are, by name.
        problems: by field, from the last attempt to save or test.
        busy: a test or a call to the keyring is under way.
        message: one sentence about what happened last; empty when there is none.
        report: of the last test, or None.
    """

    profiles: tuple[Profile, ...] = ()
    problems: tuple[Problem, ...] = ()
    busy: bool = False
    message: str = ""
    report: ConnectionReport | None = None


class ConnectionsPresenter(Logins):
    """Keeps profiles and their passwords.

    Signals:
        changed(ConnectionsState): something to show.
        saved(str): a profile was saved under this name.
        keyring_answered(Answer): what the keyring said last, for the status bar.
    """

    changed = Signal(object)
    saved = Signal(str)
    keyring_answered = Signal(object)

    def __init__(
        self,
        door: Door,
        profiles: ProfileStore,
        credentials: Credentials,
        test: TestConnection,
        parent: QObject | None = None,
    ) -> None:
        """Take the stores, and what tries a profile; nothing is read yet."""
        super().__init__(door, profiles, credentials, parent)
        self._test = test
        self.state = ConnectionsState()

    def load(self) -> None:
        """Read the profiles."""
        self._door.start(self._load())

    def test(self, values: Mapping[str, Any], password: str) -> None:
        """Try what was typed, without saving anything."""
        self._door.start(self._run_test(dict(values), password))

    def save(self, values: Mapping[str, Any], password: str, keep_password: bool) -> None:
        """Save a profile; its password goes to the keyring, or stays in memory for this session."""
        self._door.start(self._save(dict(values), password, keep_password))

    def delete(self, name: str) -> None:
        """Remove a profile and its password."""
        self._door.start(self._delete(name))

    def check_keyring(self) -> None:
        """Ask whether there is a keyring that we trust."""
        self._door.start(self._check_keyring())

    async def _load(self, message: str = "") -> None:
        try:
            profiles = await self._door.call(self._profiles.all)
        except BacktestError as error:
            self._show(ConnectionsState(message=error.message))
            return
        self._show(ConnectionsState(profiles, message=message))

    async def _run_test(self, values: dict[str, Any], password: str) -> None:
        profile = self._made(values)
        if profile is None:
            return
        self._show(
            ConnectionsState(
                self.state.profiles, busy=True, message=f"Connecting to {profile.host} …"
            )
        )
        secret: str | None = password
        if not password:
            secret = (await self._password_of(profile)).password
        report = await self._door.call(
            self._test, profile, secret, should_stop=self._door.is_closing
        )
        if report.is_ok and secret:
            self._credentials.accept(profile)
        self._show(ConnectionsState(self.state.profiles, report=report))

    async def _save(self, values: dict[str, Any], password: str, keep_password: bool) -> None:
        profile = self._made(values)
        if profile is None:
            return
        try:
            await self._door.call(self._profiles.save, profile)
            message = await self._keep(profile, password, keep_password) if password else "Saved."
        except BacktestError as error:
            self._show(ConnectionsState(self.state.profiles, message=error.message))
            return
        await self._load(message)
        self.saved.emit(profile.name)

    async def _keep(self, profile: Profile, password: str, keep_password: bool) -> str:
        if not keep_password:
            self._credentials.remember(profile, password)
            return "Saved. The password is kept until the program ends."
        answer = await self._door.call(
            self._credentials.save, profile, password, self._door.is_closing
        )
        self.keyring_answered.emit(answer)
        if answer.state is KeyringState.OK:
            return "Saved. The password is in the system's keyring."
        return f"Saved, but the password is kept for this session only: {answer.detail}"

    async def _delete(self, name: str) -> None:
        try:
            profile = await self._door.call(self._profiles.get, name)
            await self._door.call(self._profiles.delete, name)
        except BacktestError as error:
            self._show(ConnectionsState(self.state.profiles, message=error.message))
            return
        await self._door.call(self._credentials.delete, profile, self._door.is_closing)
        await self._load(f"{name} is removed.")

    async def _check_keyring(self) -> None:
        answer = await self._door.call(self._credentials.check, self._door.is_closing)
        self.keyring_answered.emit(answer)

    def _made(self, values: dict[str, Any]) -> Profile | None:
        plain = {key: value for key, value in values.items() if value not in ("", None)}
        # A market database is only read; the team's is written to.
        plain["read_only"] = plain.get("purpose", "market") == "market"
        try:
            return make_profile(plain)
        except BacktestValidationError as error:
            self._show(ConnectionsState(self.state.profiles, tuple(error.problems)))
            return None

    def _show(self, state: ConnectionsState) -> None:
        self.state = state
        self.changed.emit(state)
