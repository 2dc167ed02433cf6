"""Before a run reads a price database: is there a password for it? What the keyring lacks, the person is asked for.

What is typed is kept until the program ends. What a server did not take, typed or from the keyring, is not tried a
second time: `storage.credentials` remembers it, and the next run asks.
"""

from PySide6.QtCore import Signal

from desktop.presenters.logins import Logins, PasswordQuestion
from engine.config import BacktestConfig
from engine.errors import BacktestError
from storage.credentials import KeyringState
from storage.profiles import Profile

_BUILT_IN = ("demo", "local")


class PasswordsPresenter(Logins):
    """Lets a run begin when its source can be logged in to.

    Signals:
        ready(BacktestConfig): nothing is missing, the run may begin.
        wanted(PasswordQuestion): `answer` or `give_up` goes on from here.
        given_up(str): the run will not begin, and why.
    """

    ready = Signal(object)
    wanted = Signal(object)
    given_up = Signal(str)

    is_busy = False
    _waiting: tuple[BacktestConfig, Profile] | None = None

    def prepare(self, config: BacktestConfig) -> None:
        """Say that a run may begin, at once where its source has no login; does nothing while one is prepared."""
        if self.is_busy:
            return
        if not _may_be_a_profile(config.data.source):
            self.ready.emit(config)
            return
        self.is_busy = True
        self._door.start(self._look(config))

    def answer(self, password: str) -> None:
        """Take the password that was asked for; an empty one is for servers that want none."""
        if self._waiting is not None:
            config, profile = self._waiting
            self._credentials.remember(profile, password)
            self._begin(config)

    def give_up(self) -> None:
        """Take that there is no password."""
        if self._waiting is not None:
            _, profile = self._waiting
            self._end()
            self.given_up.emit(f"Not run: {profile.name} needs the password of {profile.user}.")

    async def _look(self, config: BacktestConfig) -> None:
        try:
            profile = await self._door.call(self._profiles.get, config.data.source)
        except BacktestError:
            self._begin(config)  # a file, or a source that is not there: the run itself says so
            return
        try:
            answer = await self._password_of(profile)
        except BaseException:
            self._end()
            raise
        if answer.state is KeyringState.OK:
            self._begin(config)
            return
        self._waiting = config, profile
        self.wanted.emit(PasswordQuestion(profile, answer.detail))

    def _begin(self, config: BacktestConfig) -> None:
        self._end()
        self.ready.emit(config)

    def _end(self) -> None:
        self._waiting = None
        self.is_busy = False


def _may_be_a_profile(source: str) -> bool:
    """Tell whether a source can be the name of a profile: those hold no separator of folders."""
    return source not in _BUILT_IN and "/" not in source and "\\" not in source
