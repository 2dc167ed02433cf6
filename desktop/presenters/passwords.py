"""Before a run reads a price database: is there a password for it? What the keyring lacks, the person is asked for.

What is typed is kept until the program ends, and not even that long when the server did not take it.
"""

from dataclasses import dataclass

from PySide6.QtCore import QObject, Signal

from desktop.tasks.aio import Door
from engine.config import BacktestConfig
from engine.errors import BacktestError
from storage.credentials import Credentials, KeyringState
from storage.profiles import Profile, ProfileStore

_BUILT_IN = ("demo", "local")


@dataclass(frozen=True)
class PasswordQuestion:
    """What is asked: for which login, and why it can't be had without asking."""

    profile: Profile
    reason: str


class PasswordsPresenter(QObject):
    """Lets a run begin when its source can be logged in to.

    Signals:
        ready(BacktestConfig): nothing is missing, the run may begin.
        wanted(PasswordQuestion): `answer` or `give_up` goes on from here.
        given_up(str): the run will not begin, and why.
    """

    ready = Signal(object)
    wanted = Signal(object)
    given_up = Signal(str)

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
        self._waiting: tuple[BacktestConfig, Profile] | None = None
        self._typed: Profile | None = None
        self.is_busy = False

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
            self._typed = profile
            self._begin(config)

    def give_up(self) -> None:
        """Take that there is no password."""
        if self._waiting is not None:
            _, profile = self._waiting
            self._end()
            self.given_up.emit(f"Not run: {profile.name} needs the password of {profile.user}.")

    def distrust(self) -> None:
        """Forget what was typed last: the server could not be logged in to with it."""
        if self._typed is not None:
            self._credentials.forget(self._typed)
            self._typed = None

    async def _look(self, config: BacktestConfig) -> None:
        try:
            profile = await self._door.call(self._profiles.get, config.data.source)
        except BacktestError:
            self._begin(config)  # a file, or a source that is not there: the run itself says so
            return
        try:
            answer = await self._door.call(self._credentials.load, profile)
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
