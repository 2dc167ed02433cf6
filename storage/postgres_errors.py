"""What an error of a PostgreSQL server means: one table, and the two questions asked of it.

May the same be tried again by itself (`is_retryable`)? And what is the person told (`translate`)?
The classes of the driver do not answer the first: a quota, a refused login and a lost connection
all come as ``OperationalError``. So the table goes by SQLSTATE, and what is not in it is a defect.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from enum import Enum, StrEnum
from typing import Final

import psycopg
import tenacity
from sqlalchemy import exc

from storage.errors import (
    BacktestStorageError,
    DatabaseConnectionError,
    DuplicateRecordError,
    QueryTimeout,
    QuotaExceeded,
    StorageFullError,
)

RETRIES: Final = 8


class Stage(StrEnum):
    """How far a connection came before it failed."""

    RESOLVE = "resolve"  # the server's name has no address
    CONNECT = "connect"  # nobody answers there, or nobody can at the moment
    TLS = "tls"  # the encryption, or the proof of who the server is
    LOGIN = "login"  # user or password
    DATABASE = "database"  # the database, or the right to enter it


class ConnectionFailure(DatabaseConnectionError):
    """A connection that could not be made.

    Attributes:
        stage: how far it came.
        is_transient: waiting may help; never true after a refused login, which is not tried again.
        wants_password: another password would help, or any where none was sent.
    """

    def __init__(
        self,
        stage: Stage,
        message: str,
        *,
        hint: str,
        is_transient: bool = False,
        wants_password: bool = False,
    ) -> None:
        """Keep the stage beside the text."""
        super().__init__(message, hint=hint)
        self.stage = stage
        self.is_transient = is_transient
        self.wants_password = wants_password


class ErrorClass(Enum):
    """What to do about an error."""

    NETWORK = "network"  # connect again, silently
    SERVER = "server"  # try again, a few times
    TIMEOUT = "timeout"  # ask for less
    RESOURCE = "resource"  # the server is out of disk or memory: pause and tell
    QUOTA = "quota"  # hold until the quota allows more
    ITEM = "item"  # this record will never be taken: set it aside
    CONFIG = "config"  # the person must change something: stop and ask
    BUG = "bug"  # ours


_BY_STATE: Final = {
    "57P01": ErrorClass.NETWORK,  # the administrator ended the connection
    "57P02": ErrorClass.NETWORK,  # the server crashed
    "57P03": ErrorClass.NETWORK,  # the server is starting up
    "57P05": ErrorClass.NETWORK,  # ended for being idle
    "53300": ErrorClass.NETWORK,  # too many connections
    "25P03": ErrorClass.NETWORK,  # ended for being idle in a transaction
    "40001": ErrorClass.SERVER,  # serialization failure
    "40P01": ErrorClass.SERVER,  # deadlock
    "55P03": ErrorClass.SERVER,  # lock not available
    "25006": ErrorClass.SERVER,  # a standby, for the moment
    "57014": ErrorClass.TIMEOUT,  # statement timeout
    "53100": ErrorClass.RESOURCE,  # disk full
    "53200": ErrorClass.RESOURCE,  # out of memory
    "53400": ErrorClass.QUOTA,
    "BTQ01": ErrorClass.QUOTA,
    "BTQ02": ErrorClass.QUOTA,
    "28000": ErrorClass.CONFIG,
    "28P01": ErrorClass.CONFIG,
    "3D000": ErrorClass.CONFIG,
    "42501": ErrorClass.CONFIG,  # a right is missing
    "42P01": ErrorClass.CONFIG,  # a table is missing: the mapping names another
    "42703": ErrorClass.CONFIG,  # a column is missing
    "3F000": ErrorClass.CONFIG,  # a schema is missing
}
_BY_FAMILY: Final = {
    "08": ErrorClass.NETWORK,
    "22": ErrorClass.ITEM,
    "23": ErrorClass.ITEM,
    "BTI": ErrorClass.ITEM,
}


def error_class(error: BaseException) -> ErrorClass:
    """Return what to do about an error of the driver, of SQLAlchemy around it, or of ours."""
    original = error.orig if isinstance(error, exc.DBAPIError) else error
    if isinstance(original, ConnectionFailure):
        return ErrorClass.NETWORK if original.is_transient else ErrorClass.CONFIG
    if isinstance(original, QueryTimeout):
        return ErrorClass.TIMEOUT
    if isinstance(error, exc.TimeoutError):
        return ErrorClass.NETWORK  # all connections of the pool are in use
    if not isinstance(original, psycopg.Error):
        return ErrorClass.BUG
    state = original.sqlstate
    if state is None:
        # The client noticed it, not the server: the connection is gone.
        lost = isinstance(original, psycopg.OperationalError) or "is closed" in str(original)
        return ErrorClass.NETWORK if lost else ErrorClass.BUG
    if state in _BY_STATE:
        return _BY_STATE[state]
    return next(
        (found for head, found in _BY_FAMILY.items() if state.startswith(head)), ErrorClass.BUG
    )


def is_retryable(error: BaseException) -> bool:
    """Whether the same may be tried again without asking anybody."""
    return error_class(error) in (ErrorClass.NETWORK, ErrorClass.SERVER)


def retrying(*, attempts: int = RETRIES, longest_s: float = 5.0) -> tenacity.Retrying:
    """Return a loop over attempts, with growing and jittered pauses, for retryable errors alone."""
    return tenacity.Retrying(
        retry=tenacity.retry_if_exception(is_retryable),
        stop=tenacity.stop_after_attempt(attempts),
        wait=tenacity.wait_random_exponential(multiplier=0.1, max=longest_s),
        reraise=True,
    )


def translate(error: Exception) -> Exception:
    """Return what the world's failure is called here, or the error itself when it is our defect."""
    original = error.orig if isinstance(error, exc.DBAPIError) else error
    if isinstance(original, BacktestStorageError):
        return original
    said = _said(original)
    match error_class(error):
        case ErrorClass.NETWORK if isinstance(error, exc.TimeoutError):
            return DatabaseConnectionError(
                "All connections to the server are in use", hint="try again in a moment"
            )
        case ErrorClass.NETWORK:
            return DatabaseConnectionError(
                f"The connection to the server was lost{said}",
                hint="check the network; the program connects again by itself",
            )
        case ErrorClass.SERVER:
            return DatabaseConnectionError(
                f"The server is busy with something that is in the way{said}",
                hint="try again in a moment",
            )
        case ErrorClass.TIMEOUT:
            return QueryTimeout(
                "The server did not finish in the time allowed",
                hint="try a smaller date range or fewer symbols",
            )
        case ErrorClass.RESOURCE:
            return StorageFullError(
                f"The server is out of disk or memory{said}", hint="tell its administrator"
            )
        case ErrorClass.QUOTA:
            return QuotaExceeded(
                f"The server takes no more for now{said}", hint="it is sent when the quota allows"
            )
        case ErrorClass.ITEM if getattr(original, "sqlstate", "") in ("23505", "23503"):
            return DuplicateRecordError(f"The record exists already or is still in use{said}")
        case ErrorClass.ITEM:
            return BacktestStorageError(f"The server refused a value{said}")
        case ErrorClass.CONFIG:
            return BacktestStorageError(
                f"The server cannot do that for this login{said}",
                hint="test the connection: it lists the tables found and the rights on them",
            )
        case _:
            return error


@contextmanager
def translated() -> Iterator[None]:
    """Raise failures of the server inside the block under our names."""
    try:
        yield
    except (exc.SQLAlchemyError, psycopg.Error) as error:
        known = translate(error)
        if known is error:
            raise
        raise known from error


def _said(error: object) -> str:
    """Return the server's own sentence, without its details, which quote data."""
    if not isinstance(error, psycopg.Error):
        return ""
    text = error.diag.message_primary or next(iter(str(error).splitlines()), "")
    return f" ({text.strip()})" if text.strip() else ""
