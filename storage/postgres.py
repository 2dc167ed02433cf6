"""Connections to a PostgreSQL server that fail soon, say why, and keep the password to themselves.

The password is handed to the driver when a connection is opened; it is in no URL, log or ``repr``,
and neither the environment nor a password file is asked behind the person's back. A server can
stop answering in ways that no option of the driver covers (a frozen process, a middle box that
acknowledges everything), so whoever waits for one does it inside `guarded`, which shuts the socket.
"""

import contextlib
import os
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any, Final

import psycopg
import sqlalchemy as sa

from storage.errors import QueryTimeout, Stopped
from storage.postgres_connect import connect, finish
from storage.postgres_errors import ConnectionFailure, ErrorClass, Stage, error_class, translate
from storage.postgres_stages import find_failure, trusted_authorities
from storage.profiles import Profile
from storage.sockets import shut
from storage.stopping import POLL_SECONDS, ShouldStop, never

OnRefused = Callable[[Profile, str | None], object]

CONNECT_SECONDS: Final = 5
STATEMENT_SECONDS: Final = 30.0
POOL_SIZE: Final = 2
POOL_OVERFLOW: Final = 3
_CHECKOUT_SECONDS: Final = 5.0
_RECYCLE_SECONDS: Final = 3600
_CANCEL_SECONDS: Final = 0.08  # how long the server may take to hear that a query is not wanted
_FAREWELL_SECONDS: Final = 0.04  # and then, to say so
# No file can be there; an empty name would mean the usual one.
_NO_PASSWORD_FILE: Final = os.path.join(os.devnull, "none")


def connect_options(
    profile: Profile,
    *,
    statement_timeout_s: float = STATEMENT_SECONDS,
    application: str = "tradebench",
) -> dict[str, Any]:
    """Return what the driver is told about a profile, the password apart.

    A cut line is noticed within half a minute by the server's and our own keep-alives together; no
    table name is looked up in a search path, so that nobody can put another in its place.
    """
    settings = {
        "statement_timeout": round(statement_timeout_s * 1000),
        "lock_timeout": 5000,
        "idle_in_transaction_session_timeout": 30_000,
        "search_path": "",
        "default_transaction_read_only": "on" if profile.read_only else "off",
    }
    options: dict[str, Any] = {
        "host": profile.host,
        "hostaddr": "",
        "port": profile.port,
        "dbname": profile.database,
        "user": profile.user,
        "passfile": _NO_PASSWORD_FILE,
        "application_name": application,
        "connect_timeout": CONNECT_SECONDS,
        "keepalives": 1,
        "keepalives_idle": 15,
        "keepalives_interval": 5,
        "keepalives_count": 3,
        "tcp_user_timeout": 20_000,
        "gssencmode": "disable",
        "sslmode": profile.sslmode,
        "target_session_attrs": "read-write" if not profile.read_only else "any",
        "options": " ".join(f"-c {name}={value}" for name, value in settings.items()),
    }
    if (authorities := trusted_authorities(profile)) is not None:
        options["sslrootcert"] = authorities
    elif profile.sslmode == "verify-full":
        options["sslrootcert"] = "system"
    if not profile.is_verified:
        # Whoever answers may not be who we think: it never gets to read the password.
        options["require_auth"] = "!password"
    return options


class Connector:
    """Opens connections of one profile; what an engine calls when it needs one.

    A refused login is not tried a second time: servers lock accounts for that. The refusal is
    raised again until a new connector is made with a new password.
    """

    def __init__(
        self,
        profile: Profile,
        password: str | None,
        *,
        should_stop: ShouldStop = never,
        on_refused: OnRefused | None = None,
        **options: Any,
    ) -> None:
        """Take what `connect_options` takes, and who may stop the wait; nothing is opened yet.

        ``on_refused`` is told the profile and the password that the server did not take.
        """
        self.profile = profile
        self.should_stop = should_stop
        self._on_refused = on_refused
        self._password = password
        self._options = connect_options(profile, **options)
        self._refusal: ConnectionFailure | None = None

    def __call__(self) -> psycopg.Connection[Any]:
        """Open a connection.

        Raises:
            ConnectionFailure: it failed; names the stage.
            Stopped: ``should_stop`` said so.
        """
        if self._refusal is not None:
            raise self._refusal
        try:
            # An empty password, unlike none at all, keeps the driver from asking the environment.
            options = {**self._options, "password": self._password or ""}
            connection = connect(options, CONNECT_SECONDS, self.should_stop)
        except psycopg.Error as error:
            try:
                failure = find_failure(self.profile, error, self.should_stop)
            finally:
                finish(error)
            if failure.stage is Stage.LOGIN and not failure.is_transient:
                self._refusal = failure
            if failure.wants_password and self._on_refused is not None:
                self._on_refused(self.profile, self._password)
            raise failure from error
        # Prepared statements are no use to a few large reads, and some poolers lose them.
        connection.prepare_threshold = None
        return connection


def make_engine(
    profile: Profile,
    password: str | None,
    *,
    statement_timeout_s: float = STATEMENT_SECONDS,
    pool_size: int = POOL_SIZE,
    max_overflow: int = POOL_OVERFLOW,
) -> sa.Engine:
    """Return an engine over a small pool; no connection is opened before it is needed.

    Waiting for a free connection ends after 5 s; each connection is tried before it is lent out and
    replaced after an hour.
    """
    url = sa.URL.create(
        "postgresql+psycopg",
        username=profile.user,
        host=profile.host,
        port=profile.port,
        database=profile.database,
    )
    return sa.create_engine(
        url,
        creator=Connector(profile, password, statement_timeout_s=statement_timeout_s),
        pool_size=pool_size,
        max_overflow=max_overflow,
        pool_timeout=_CHECKOUT_SECONDS,
        pool_recycle=_RECYCLE_SECONDS,
        pool_pre_ping=True,
        hide_parameters=True,
    )


class Guard:
    """What `guarded` gives to the block."""

    def __init__(self) -> None:
        """Start the clock."""
        self._heard = time.monotonic()

    def heard(self) -> None:
        """Say that the server has answered: the clock starts again."""
        self._heard = time.monotonic()

    @property
    def silent_s(self) -> float:
        """Seconds since the server was last heard of."""
        return time.monotonic() - self._heard


@contextlib.contextmanager
def guarded(
    connection: psycopg.Connection[Any], *, silence_s: float, should_stop: ShouldStop = never
) -> Iterator[Guard]:
    """Wait for the server inside the block, but not for ever and not when asked to stop.

    A thread looks fifty times a second. Asked to stop, it cancels the query on the server, which
    leaves the connection usable, and where that finds no ear at once, or the server was silent for
    too long, it shuts the socket.

    Raises:
        Stopped: ``should_stop`` said so.
        QueryTimeout: the server said nothing for ``silence_s`` seconds.
    """
    guard = Guard()
    done = threading.Event()
    verdict: list[Exception] = []

    def watch() -> None:
        while not done.wait(POLL_SECONDS):
            if should_stop():
                verdict.append(Stopped())
                with contextlib.suppress(psycopg.Error):
                    connection.cancel_safe(timeout=_CANCEL_SECONDS)
                if not done.wait(_FAREWELL_SECONDS):
                    _shut(connection)
                return
            if guard.silent_s > silence_s:
                verdict.append(_no_answer(silence_s))
                _shut(connection)
                return

    watcher = threading.Thread(target=watch, name="query guard", daemon=True)
    watcher.start()
    try:
        yield guard
    except psycopg.Error as error:
        done.set()
        watcher.join()
        if verdict and error_class(error) in (ErrorClass.NETWORK, ErrorClass.TIMEOUT):
            raise verdict[0] from error
        raise translate(error) from error
    finally:
        done.set()
        watcher.join()


def _shut(connection: psycopg.Connection[Any]) -> None:
    with contextlib.suppress(psycopg.Error):
        shut(connection.fileno())


def _no_answer(seconds: float) -> QueryTimeout:
    return QueryTimeout(
        f"The server has not answered for {seconds:g} seconds",
        hint="check the network, then try again; a smaller date range answers sooner",
    )
