"""What a command needs first: the kernel cache named, the log and the database open."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from desktop.service.facade import Service
    from storage.market.source import MarketSource
    from storage.profiles import Profile
    from storage.stopping import ShouldStop


def open_log() -> None:
    """Send what the program notes to its log file."""
    from desktop import logs
    from storage import paths

    logs.configure(paths.log_dir())


@contextmanager
def open_service() -> Iterator["Service"]:
    """Open the service for one command and close it again."""
    from desktop.service.kernel_cache import prepare

    prepare()  # before anything imports Numba
    from desktop.service.facade import Service

    with Service.open(database=_open_prices) as service:
        yield service


def _open_prices(name: str, should_stop: "ShouldStop") -> "MarketSource | None":
    """Open the price database of a connection; what it needs is loaded when a run asks for one."""
    from desktop.service.databases import database_sources
    from storage.credentials import Credentials
    from storage.profiles import ProfileStore

    return database_sources(ProfileStore(), Credentials(), ask_password)(name, should_stop)


def ask_password(profile: "Profile") -> str | None:
    """Ask for a password at the terminal; None where there is no terminal, or none is needed or given."""
    if profile.is_socket or not sys.stdin.isatty():
        return None
    from getpass import getpass

    return getpass(f"Password for {profile.user} at {profile.server}: ") or None
