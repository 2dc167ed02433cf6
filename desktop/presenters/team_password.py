"""The password of the team's database: where the server wants one that is not known, the person is asked once.

Nothing waits for the answer: runs are safe on this computer, and go when there is a password. "Not now" holds until the
program ends, or until the person asks to send, or changes the connection.
"""

from PySide6.QtCore import Signal

from desktop.presenters.logins import Logins, PasswordQuestion
from storage.credentials import KeyringState
from storage.profiles import Profile


class TeamPasswordPresenter(Logins):
    """Asks when the server has refused to let us in without a password, or with the one that was known.

    Signals:
        wanted(PasswordQuestion): `answer` or `give_up` goes on from here.
        answered(): there is a password now; it may be tried.
        given_up(str): nothing is sent for now, and why.
    """

    wanted = Signal(object)
    answered = Signal()
    given_up = Signal(str)

    _waiting: Profile | None = None
    _is_looking = False
    _not_now = False

    def ask(self, profile: Profile) -> None:
        """Ask for the password of the team's login, unless that was done and it was "not now"."""
        if not (self._is_looking or self._waiting or self._not_now or self._door.is_closing()):
            self._is_looking = True
            self._door.start(self._look(profile))

    def ask_again(self) -> None:
        """Forget a "not now": the person wants something that needs the password."""
        self._not_now = False

    def answer(self, password: str) -> None:
        """Take the password that was asked for."""
        if self._waiting is not None:
            self._credentials.remember(self._waiting, password)
            self._waiting = None
            self.answered.emit()

    def give_up(self) -> None:
        """Take that there is no password for now."""
        if self._waiting is not None:
            name, self._waiting = self._waiting.name, None
            self._not_now = True
            self.given_up.emit(f"Runs wait on this computer until {name} has a password.")

    async def _look(self, profile: Profile) -> None:
        try:
            known = await self._password_of(profile)
        finally:
            self._is_looking = False
        if known.state is KeyringState.OK:  # another one than was tried, typed meanwhile
            self.answered.emit()
            return
        self._waiting = profile
        self.wanted.emit(PasswordQuestion(profile, known.detail, "send"))
