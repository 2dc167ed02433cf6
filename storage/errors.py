"""What can go wrong with what lasts, in a way the person can mend.

Two kinds of failure exist. The world's (a locked file, a full disk, a damaged database) is a
`BacktestStorageError` that says what to do. Ours (a wrong statement, a broken rule) stays what it
is, and goes to the crash report. `translate` draws the line for errors of the database driver.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import exc

from engine.errors import BacktestError, BacktestNotFoundError


class Stopped(BacktestError):
    """The work ended because it was asked to; nothing is wrong."""

    kind = "cancelled"
    exit_code = 130

    def __init__(self) -> None:
        """Say so."""
        super().__init__("Stopped, as asked")


class BacktestStorageError(BacktestError):
    """Something could not be stored or read."""

    kind = "storage"
    exit_code = 5


class DatabaseConnectionError(BacktestStorageError):
    """The database cannot be reached, opened or locked at the moment; trying again may help."""

    kind = "unavailable"


class CorruptDatabaseError(BacktestStorageError):
    """The file is damaged, or it is no database of this program. It is never written to."""

    kind = "corrupt"


class NewerDatabaseError(BacktestStorageError):
    """The database was written by a newer version. It is never written to."""

    kind = "newer"


class StorageFullError(BacktestStorageError):
    """The disk is full; what was being saved was rolled back."""

    kind = "full"


class DuplicateRecordError(BacktestStorageError):
    """A record of this identity exists already, or is still in use."""

    kind = "duplicate"
    exit_code = 2


class RecordNotFoundError(BacktestStorageError, BacktestNotFoundError):
    """No record of this identity exists."""

    kind = "not_found"
    exit_code = 3


class IllegalStatusError(BacktestStorageError):
    """A run cannot go from the status it has to the one wanted."""

    kind = "status"
    exit_code = 2


class QueryTimeout(BacktestStorageError):
    """The database did not answer in time."""

    kind = "timeout"


class QuotaExceeded(BacktestStorageError):
    """The server takes no more for now.

    Attributes:
        retry_after: seconds until it takes more, or None when only the administrator can change it.
    """

    kind = "quota"
    exit_code = 6

    def __init__(self, message: str, *, retry_after: float | None = None, hint: str = "") -> None:
        """Keep when to try again."""
        super().__init__(message, hint=hint)
        self.retry_after = retry_after


def translate(error: Exception) -> Exception:
    """Return what the world's failure is called here, or a defect of ours as it is.

    Takes errors of SQLite and of SQLAlchemy around them.
    """
    original = error.orig if isinstance(error, exc.DBAPIError) else error
    if isinstance(error, exc.TimeoutError):
        return DatabaseConnectionError(
            "All connections to the database are in use", hint="try again in a moment"
        )
    if not isinstance(original, sqlite3.Error):
        return error
    text = str(original)
    code = getattr(original, "sqlite_errorcode", 0) & 0xFF
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return DatabaseConnectionError(
            "The database is locked by another program",
            hint="close other programs that use it (a backup, a virus scanner), then try again",
        )
    if code == sqlite3.SQLITE_FULL:
        return StorageFullError(
            "The disk is full; nothing of this run was stored",
            hint="free some space, then save again",
        )
    if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
        return CorruptDatabaseError(
            f"The database is damaged ({text})", hint="restore a backup of it"
        )
    if code in (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM):
        return DatabaseConnectionError(
            f"The database cannot be opened for writing ({text})",
            hint="check that its folder exists and belongs to you",
        )
    if code == sqlite3.SQLITE_IOERR:
        return DatabaseConnectionError(
            f"The disk failed while the database was used ({text})",
            hint="check the disk, then try again",
        )
    if code == sqlite3.SQLITE_INTERRUPT:
        return QueryTimeout(
            "The database did not answer in time", hint="ask for less, or try again"
        )
    if code == sqlite3.SQLITE_CONSTRAINT and ("UNIQUE" in text or "FOREIGN KEY" in text):
        return DuplicateRecordError(f"The record exists already or is still in use ({text})")
    if code == sqlite3.SQLITE_CONSTRAINT:
        return BacktestStorageError(
            f"The database refused a value that breaks one of its rules ({text})"
        )
    return error


@contextmanager
def translated() -> Iterator[None]:
    """Raise failures of the driver inside the block under our names."""
    try:
        yield
    except (exc.SQLAlchemyError, sqlite3.Error) as error:
        known = translate(error)
        if known is error:
            raise
        raise known from error
