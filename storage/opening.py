"""From a path to a database that can be trusted: made, checked, backed up and migrated.

A new database is built under another name and moved into place, so a file with the right name is
always whole. An existing one is first judged by its header, then read with a connection that can
change nothing. What is newer, damaged or not ours is refused and left exactly as it is, byte for
byte; nothing is created beside it either.
"""

import contextlib
import datetime as dt
import io
import os
import sqlite3
import struct
from pathlib import Path
from urllib.parse import quote

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory

from storage.connect import LocalDatabase, held, lock_of, writing_engine
from storage.errors import (
    BacktestStorageError,
    CorruptDatabaseError,
    DatabaseConnectionError,
    NewerDatabaseError,
    translated,
)
from storage.paths import database_file
from storage.schema import APPLICATION_ID

_MAGIC = b"SQLite format 3\x00"


def open_database(path: Path | None = None) -> LocalDatabase:
    """Open the database at ``path``, by default the person's own; make or migrate it first.

    Raises:
        NewerDatabaseError, CorruptDatabaseError: the file is left as it is.
        DatabaseConnectionError: it cannot be opened, or another program holds it.
    """
    path = path or database_file()
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        missing = not path.exists()
    except OSError as error:
        raise DatabaseConnectionError(f"{path.parent} cannot be used ({error.strerror})") from error
    if missing:
        with held(lock_of(path)):
            if not path.exists():
                _create(path)
    revision = check(path)
    if revision != newest_revision():
        with held(lock_of(path)):
            if check(path) != newest_revision():
                back_up(path, path.parent / "backups", label=f"before-{newest_revision()}")
                migrate(path)
    return LocalDatabase(path)


def known_revisions() -> tuple[str, ...]:
    """Return the migrations of this version, oldest first."""
    script = ScriptDirectory.from_config(_alembic())
    return tuple(reversed([step.revision for step in script.walk_revisions()]))


def newest_revision() -> str:
    """Return the migration at which this version works."""
    return known_revisions()[-1]


def check(path: Path) -> str | None:
    """Look at a database without changing a byte and return its revision.

    Raises:
        NewerDatabaseError: its revision or its number is not known to this version.
        CorruptDatabaseError: it is no database, belongs to another program, is cut short or
            damaged.
    """
    known = known_revisions()
    _check_header(path, len(known))
    revision, number = _read_revision(path)
    if number > len(known) or (revision is not None and revision not in known):
        raise _newer(path, revision or str(number))
    if revision is None:
        raise CorruptDatabaseError(f"{path} has no record of its version", hint=_HINT)
    return revision


def migrate(path: Path, target: str = "head") -> None:
    """Bring a database up (or back down) to a revision, one transaction a step.

    The caller holds the lock of the file.
    """
    engine = writing_engine(path)
    try:
        down = target == "base" or (target in known_revisions() and _is_older(path, target))
        with translated(), engine.connect() as connection:
            run_steps(connection, target, down=down)
    finally:
        engine.dispose()


def run_steps(connection: sa.Connection, target: str = "head", *, down: bool = False) -> None:
    """Make, or take back, the steps to a revision over a connection to SQLite or PostgreSQL."""
    configuration = _alembic()
    configuration.attributes["connection"] = connection
    (command.downgrade if down else command.upgrade)(configuration, target)


def steps_as_sql(dialect: str) -> str:
    """Return all steps as SQL, for people who run it themselves; no database is asked."""
    written = io.StringIO()
    configuration = _alembic()
    configuration.output_buffer = written
    configuration.attributes["dialect"] = dialect
    command.upgrade(configuration, "head", sql=True)
    return written.getvalue()


def back_up(path: Path, folder: Path, label: str) -> Path:
    """Copy a live database into ``folder`` and return the copy, once it is proven to be sound.

    Raises:
        BacktestStorageError: the copy is not sound; it is removed, the original is untouched.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    stamp = dt.datetime.now(dt.UTC).strftime("%Y%m%dT%H%M%S%fZ")
    copy = folder / f"{path.stem}-{stamp}-{label}.sqlite"
    part = copy.with_suffix(".part")
    with translated(), contextlib.closing(sqlite3.connect(path)) as source:
        source.execute("PRAGMA query_only = 1")
        with contextlib.closing(sqlite3.connect(part)) as target:
            source.backup(target)
            target.execute("PRAGMA journal_mode = DELETE")
            verdict = [row[0] for row in target.execute("PRAGMA integrity_check(3)")]
    if verdict != ["ok"]:
        part.unlink(missing_ok=True)
        raise BacktestStorageError(
            f"The backup of {path} is not sound ({'; '.join(map(str, verdict))}); "
            "nothing was changed",
            hint=_HINT,
        )
    os.chmod(part, 0o600)
    _flush(part)
    os.replace(part, copy)
    return copy


_HINT = "the file was left as it is; restore a backup, or move it away to start afresh"


def _alembic() -> Config:
    configuration = Config()
    configuration.set_main_option(
        "script_location", str(Path(__file__).parent / "migrations").replace("%", "%%")
    )
    configuration.set_main_option("path_separator", "os")
    return configuration


def _is_older(path: Path, target: str) -> bool:
    known = known_revisions()
    revision, _ = _read_revision(path)
    return revision in known and known.index(target) < known.index(revision)


def _create(path: Path) -> None:
    part = path.with_name(path.name + ".new")
    for leftover in (part, Path(f"{part}-wal"), Path(f"{part}-shm")):
        leftover.unlink(missing_ok=True)
    engine = writing_engine(part)
    with translated():
        try:
            with engine.connect() as connection:
                connection.exec_driver_sql(f"PRAGMA application_id = {APPLICATION_ID}")
                connection.commit()
        finally:
            engine.dispose()
    migrate(part)
    os.chmod(part, 0o600)
    _flush(part)
    os.replace(part, path)
    _flush(path.parent)


def _flush(path: Path) -> None:
    """Force a file or folder to the disk; folders cannot be opened on Windows."""
    with contextlib.suppress(PermissionError):
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _check_header(path: Path, newest: int) -> None:
    try:
        with path.open("rb") as file:
            header = file.read(100)
        size = path.stat().st_size
    except OSError as error:
        raise DatabaseConnectionError(f"{path} cannot be read ({error.strerror})") from error
    if size == 0:
        raise CorruptDatabaseError(f"{path} is empty (0 bytes)", hint=_HINT)
    if len(header) < 100 or header[:16] != _MAGIC:
        raise CorruptDatabaseError(f"{path} is not a database", hint=_HINT)
    page = struct.unpack(">H", header[16:18])[0]
    pages, number, application = (
        struct.unpack(">I", header[at : at + 4])[0] for at in (28, 60, 68)
    )
    if application != APPLICATION_ID:
        raise CorruptDatabaseError(
            f"{path} belongs to another program (id {application:#010x})", hint=_HINT
        )
    if number > newest:
        raise _newer(path, str(number))
    if size < pages * (65_536 if page == 1 else page) and not _has_log(path):
        raise CorruptDatabaseError(f"{path} is cut short ({size} bytes)", hint=_HINT)


def _has_log(path: Path) -> bool:
    log = Path(f"{path}-wal")
    return log.exists() and log.stat().st_size > 0


def _read_revision(path: Path) -> tuple[str | None, int]:
    # Without a log nothing but the file counts, and ``immutable`` keeps SQLite from creating
    # anything beside it.
    mode = "mode=rw" if _has_log(path) else "mode=ro&immutable=1"
    try:
        with contextlib.closing(
            sqlite3.connect(f"file:{quote(str(path))}?{mode}", uri=True)
        ) as connection:
            connection.execute("PRAGMA query_only = 1")
            connection.execute("PRAGMA wal_autocheckpoint = 0")
            number = connection.execute("PRAGMA user_version").fetchone()[0]
            tables = {
                row[0]
                for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
            }
            if "alembic_version" not in tables:
                return None, number
            row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    except sqlite3.OperationalError as error:
        with translated():
            raise
        raise DatabaseConnectionError(str(error)) from error
    except sqlite3.DatabaseError as error:
        raise CorruptDatabaseError(f"{path} is damaged ({error})", hint=_HINT) from error
    return (row[0] if row else None), number


def _newer(path: Path, version: str) -> NewerDatabaseError:
    return NewerDatabaseError(
        f"{path} was written by a newer version of the program (schema {version})",
        hint=f"update the program; this one knows schemas up to {newest_revision()}. "
        "The file was left as it is",
    )
