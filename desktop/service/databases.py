"""The price databases of connection profiles, with their passwords, as sources of bars."""

from collections.abc import Callable

from engine.errors import BacktestNotFoundError
from storage.credentials import Credentials, KeyringState
from storage.market.source import MarketSource, OpenDatabase
from storage.profiles import Profile, ProfileStore
from storage.stopping import ShouldStop, never

AskPassword = Callable[[Profile], str | None]


def database_sources(
    profiles: ProfileStore, credentials: Credentials, ask: AskPassword | None = None
) -> OpenDatabase:
    """Return who opens the database of a profile by its name.

    The password comes from the keyring or from this session's memory. Where there is none ``ask`` is asked, and what
    it says is remembered until the program ends; without an answer the server is tried without a password.
    """

    def open_database(name: str, should_stop: ShouldStop = never) -> MarketSource | None:
        try:
            profile = profiles.get(name)
        except BacktestNotFoundError:
            return None
        from storage.market.timescale import open_source  # the driver is loaded when it is needed

        answer = credentials.load(profile, should_stop)
        password = answer.password
        if answer.state is not KeyringState.OK and ask is not None:
            password = ask(profile)
            if password is not None:
                credentials.remember(profile, password)
        return open_source(
            profile, password, should_stop=should_stop, on_refused=credentials.refuse
        )

    return open_database
