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
    _waiting: tuple[BacktestConfig, Profile, list[str]] | None = None

    def prepare(self, config: BacktestConfig) -> None:
        """Say that a run may begin, at once where its source has no login; does nothing while one is prepared."""
        if self.is_busy:
            return
        sources = [name for name in _sources_of(config) if _may_be_a_profile(name)]
        if not sources:
            self.ready.emit(config)
            return
        self.is_busy = True
        self._door.start(self._look(config, sources))

    def answer(self, password: str) -> None:
        """Take the password that was asked for; an empty one is for servers that want none."""
        if self._waiting is not None:
            config, profile, others = self._waiting
            self._waiting = None
            self._credentials.remember(profile, password)
            self._door.start(self._look(config, others))

    def give_up(self) -> None:
        """Take that there is no password."""
        if self._waiting is not None:
            _, profile, _ = self._waiting
            self._end()
            self.given_up.emit(f"Not run: {profile.name} needs the password of {profile.user}.")

    async def _look(self, config: BacktestConfig, sources: list[str]) -> None:
        """Ask for the first password that is missing; `answer` goes on with the sources after it."""
        for place, name in enumerate(sources):
            try:
                profile = await self._door.call(self._profiles.get, name)
            except BacktestError:
                continue  # a file, or a source that is not there: the run itself says so
            try:
                answer = await self._password_of(profile)
            except BaseException:
                self._end()
                raise
            if answer.state is not KeyringState.OK:
                self._waiting = config, profile, sources[place + 1 :]
                self.wanted.emit(PasswordQuestion(profile, answer.detail))
                return
        self._begin(config)

    def _begin(self, config: BacktestConfig) -> None:
        self._end()
        self.ready.emit(config)

    def _end(self) -> None:
        self._waiting = None
        self.is_busy = False


def _sources_of(config: BacktestConfig) -> tuple[str, ...]:
    """Return what a run reads from, each once: its bars, and the finer bars that decide inside them."""
    return tuple(dict.fromkeys(s for s in (config.data.source, config.data.finer_source) if s))


def _may_be_a_profile(source: str) -> bool:
    """Tell whether a source can be the name of a profile: those hold no separator of folders."""
    return source not in _BUILT_IN and "/" not in source and "\\" not in source
