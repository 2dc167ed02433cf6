"""The connections to the local database: many that read, and one that writes.

Any process may write, but each write and the checkpoint it may cause happen under one lock across
processes, over the one writing connection of the process. All other connections are ``query_only``
and never checkpoint: two connections that write and checkpoint at the same instant can damage a
database in many releases of SQLite. ``synchronous=FULL`` makes an acknowledged run survive a power
cut, and ``BEGIN IMMEDIATE`` takes the write lock before anything is read.
"""

import contextlib
import sqlite3
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from filelock import FileLock, Timeout
from sqlalchemy import event
from sqlalchemy.pool import QueuePool, StaticPool

from storage.closing import Closing
from storage.errors import DatabaseConnectionError, translated
from storage.stopping import POLL_SECONDS, ShouldStop, never, taken

BUSY_SECONDS = 5.0
PATIENT_SECONDS = 600.0  # for what must not be lost: another process may be saving a very long run
_READERS = 8


def lock_of(path: Path) -> FileLock:
    """Return the lock across processes that belongs to a database file."""
    return FileLock(f"{path}.lock", timeout=BUSY_SECONDS, thread_local=False, mode=0o600)


@contextlib.contextmanager
def held(
    lock: FileLock, patience: float | None = None, should_stop: ShouldStop = never
) -> Iterator[None]:
    """Hold the lock for the block; ``patience`` is how long to wait for it, `BUSY_SECONDS` if None.

    Raises:
        DatabaseConnectionError: another process keeps it for longer than that.
        Stopped: ``should_stop`` said so while it was waited for.
    """
    seconds = lock.timeout if patience is None else patience

    def attempt(some: float) -> bool:
        with contextlib.suppress(Timeout):
            lock.acquire(timeout=some, poll_interval=POLL_SECONDS)
            return True
        return False

    try:
        if not taken(attempt, seconds, should_stop):
            raise _kept_by_another(lock, seconds)
    except OSError as error:
        raise DatabaseConnectionError(
            f"The lock {lock.lock_file} cannot be taken ({error.strerror})",
            hint="check that its folder is writable",
        ) from error
    try:
        yield
    finally:
        lock.release()


def _kept_by_another(lock: FileLock, seconds: float) -> DatabaseConnectionError:
    return DatabaseConnectionError(
        f"Another program has been writing to the database for {seconds:g} seconds "
        f"({lock.lock_file})",
        hint="wait for it to finish, then try again",
    )


def writing_engine(path: Path) -> sa.Engine:
    """Return an engine over the one connection that may write. Use it under `lock_of` only."""
    return _engine(path, writes=True, busy_seconds=BUSY_SECONDS)


def reading_engine(path: Path) -> sa.Engine:
    """Return an engine over a few connections that cannot write and never checkpoint."""
    return _engine(path, writes=False, busy_seconds=BUSY_SECONDS)


def _engine(path: Path, *, writes: bool, busy_seconds: float) -> sa.Engine:
    options: dict[str, Any] = {"poolclass": StaticPool}
    if not writes:
        # No overflow: a connection beyond the pool would be closed, and may checkpoint, without the
        # lock.
        options = {
            "poolclass": QueuePool,
            "pool_size": _READERS,
            "max_overflow": 0,
            "pool_timeout": 30,
        }
    engine = sa.create_engine(
        sa.URL.create("sqlite", database=str(path)),
        connect_args={"timeout": busy_seconds, "check_same_thread": False, "isolation_level": None},
        **options,
    )

    def on_connect(connection: sqlite3.Connection, _record: object) -> None:
        cursor = connection.cursor()
        for pragma in _pragmas(writes, busy_seconds):
            cursor.execute(pragma)
        cursor.close()

    def on_begin(connection: sa.Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    event.listen(engine, "connect", on_connect)
    event.listen(engine, "begin", on_begin)
    return engine


def _pragmas(writes: bool, busy_seconds: float) -> tuple[str, ...]:
    common = ("PRAGMA foreign_keys = ON", f"PRAGMA busy_timeout = {int(BUSY_SECONDS * 1000)}")
    if not writes:
        return (*common, "PRAGMA query_only = 1", "PRAGMA wal_autocheckpoint = 0")
    full = (
        ("PRAGMA fullfsync = 1", "PRAGMA checkpoint_fullfsync = 1")
        if sys.platform == "darwin"
        else ()
    )
    # Last: what comes before it may wait as long as it takes.
    patience = f"PRAGMA busy_timeout = {int(busy_seconds * 1000)}"
    return (*common, "PRAGMA journal_mode = WAL", "PRAGMA synchronous = FULL", *full, patience)


class LocalDatabase(Closing):
    """The connections of this process to one file that `opening.open_database` has looked at."""

    def __init__(self, path: Path) -> None:
        """Prepare the connections; none is opened before it is needed."""
        self.path = path
        self._lock = lock_of(path)
        self._thread_lock = threading.RLock()
        self._writer = _engine(path, writes=True, busy_seconds=POLL_SECONDS)
        self._readers = reading_engine(path)

    @contextlib.contextmanager
    def write(
        self, patience: float | None = None, should_stop: ShouldStop = never
    ) -> Iterator[sa.Connection]:
        """Run the block in one transaction beside which nobody writes; commits at its end.

        ``patience`` is how many seconds to wait for other processes, `BUSY_SECONDS` if None. Once
        ``should_stop`` says so, nothing is waited for, and `Stopped` raised.
        """
        with (
            self._alone(patience, should_stop),
            held(self._lock, patience, should_stop),
            translated(),
            self._writer.connect() as connection,
        ):
            self._begin(connection, should_stop)
            with connection.get_transaction():  # type: ignore[union-attr]  # it has just begun
                yield connection

    @contextlib.contextmanager
    def _alone(self, patience: float | None, should_stop: ShouldStop) -> Iterator[None]:
        """Keep the other threads of this process from writing."""
        seconds = BUSY_SECONDS if patience is None else patience

        def attempt(some: float) -> bool:
            return self._thread_lock.acquire(timeout=some)

        if not taken(attempt, max(seconds, PATIENT_SECONDS), should_stop):
            raise _kept_by_another(self._lock, seconds)
        try:
            yield
        finally:
            self._thread_lock.release()

    def _begin(self, connection: sa.Connection, should_stop: ShouldStop) -> None:
        """Begin; other programs (a backup, a virus scanner) are waited for in short attempts."""
        refused: list[sa.exc.OperationalError] = []

        def attempt(_seconds: float) -> bool:
            try:
                connection.begin()
            except sa.exc.OperationalError as error:
                code = getattr(error.orig, "sqlite_errorcode", 0) & 0xFF
                if code not in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
                    raise
                refused.append(error)  # SQLite itself has waited for a moment
                return False
            return True

        if not taken(attempt, BUSY_SECONDS, should_stop):
            raise refused[-1]

    @contextlib.contextmanager
    def read(self) -> Iterator[sa.Connection]:
        """Run the block on one consistent state of the database."""
        with translated(), self._readers.begin() as connection:
            yield connection

    def close(self) -> None:
        """Close all connections; the last one folds the log into the file, hence the lock."""
        with self._thread_lock, held(self._lock, PATIENT_SECONDS):
            self._readers.dispose()
            self._writer.dispose()
