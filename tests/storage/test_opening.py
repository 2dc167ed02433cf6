"""A database is made whole, and one that cannot be trusted is left exactly as it is."""

import hashlib
import sqlite3
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from storage import opening
from storage.connect import LocalDatabase
from storage.errors import BacktestStorageError, CorruptDatabaseError, NewerDatabaseError
from storage.opening import back_up, check, known_revisions, migrate, open_database
from storage.runs import RunStore
from storage.schema import APPLICATION_ID, metadata
from tests.builders import make_config, make_strategy


def made(path: Path) -> Path:
    """Make a database with one run in it."""
    with RunStore.open(path) as store:
        store.submit(make_config(), make_strategy(), engine_version="0.1.0")
    return path


def around(path: Path) -> dict[str, str]:
    """Return the hash of every file beside a database but its lock."""
    return {
        f.name: hashlib.sha256(f.read_bytes()).hexdigest()
        for f in path.parent.iterdir()
        if f.is_file() and not f.name.endswith(".lock")
    }


def change(path: Path, *statements: str) -> None:
    """Change a closed database behind the program's back."""
    connection = sqlite3.connect(path)
    for statement in statements:
        connection.execute(statement)
    connection.commit()
    connection.close()


def test_a_new_database_is_ours_and_at_the_newest_revision(tmp_path: Path) -> None:
    path = made(tmp_path / "runs.sqlite")

    connection = sqlite3.connect(path)
    marks = [
        connection.execute(f"PRAGMA {n}").fetchone()[0] for n in ("application_id", "user_version")
    ]
    connection.close()

    assert marks == [APPLICATION_ID, len(known_revisions())]
    assert check(path) == known_revisions()[-1]
    assert [f for f in tmp_path.iterdir() if f.name.endswith((".new", "-wal", "-shm"))] == []


def test_the_database_belongs_to_its_user_alone(tmp_path: Path) -> None:
    path = made(tmp_path / "runs.sqlite")

    assert path.stat().st_mode & 0o077 == 0


@pytest.mark.filterwarnings("ignore:.*expression-based index.*")
def test_the_migrations_build_what_the_schema_says(tmp_path: Path) -> None:
    database = open_database(tmp_path / "runs.sqlite")

    with database.read() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        differences = compare_metadata(context, metadata)
    database.close()

    assert differences == []


def test_the_migrations_build_the_checks_that_the_schema_says(tmp_path: Path) -> None:
    database = open_database(tmp_path / "runs.sqlite")
    plain = sa.create_engine("sqlite://")
    metadata.create_all(plain)

    with database.read() as ours, plain.connect() as theirs:
        migrated = {t: _checks(ours, t) for t in metadata.tables}
        declared = {t: _checks(theirs, t) for t in metadata.tables}
        shapes = [_without_rowid(ours), _without_rowid(theirs)]
    database.close()
    plain.dispose()

    assert migrated == declared
    assert shapes[0] == shapes[1] == {"backtest_fills", "backtest_orders", "backtest_snapshots"}


def _checks(connection: sa.Connection, table: str) -> set[tuple[str, str]]:
    found = sa.inspect(connection).get_check_constraints(table)
    return {(str(c["name"]), " ".join(c["sqltext"].split())) for c in found}


def _without_rowid(connection: sa.Connection) -> set[str]:
    rows = connection.exec_driver_sql(
        "SELECT name FROM sqlite_master WHERE sql LIKE '%WITHOUT ROWID%'"
    )
    return set(rows.scalars())


def test_up_down_up_is_the_same_as_up(tmp_path: Path) -> None:
    path = made(tmp_path / "runs.sqlite")
    once = _structure(path)

    migrate(path, "base")
    gone = _structure(path)
    migrate(path)

    assert [name for name, _ in gone if name != "alembic_version"] == []
    assert _structure(path) == once
    assert check(path) == known_revisions()[-1]


def _structure(path: Path) -> list[tuple[str, str]]:
    connection = sqlite3.connect(path)
    rows = connection.execute(
        "SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY name"
    )
    found = rows.fetchall()
    connection.close()
    return found


def test_a_step_that_fails_leaves_the_database_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = made(tmp_path / "runs.sqlite")
    migrate(path, "base")
    before = _structure(path)
    monkeypatch.setattr("sqlalchemy.Computed", _no_such_thing)

    with pytest.raises(ZeroDivisionError):
        migrate(path)

    assert _structure(path) == before


def _no_such_thing(*_: object, **__: object) -> None:
    raise ZeroDivisionError


def test_an_older_database_is_backed_up_before_it_is_migrated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = made(tmp_path / "runs.sqlite")
    taken: list[str] = []
    monkeypatch.setattr(opening, "newest_revision", lambda: "0002")
    monkeypatch.setattr(opening, "migrate", lambda p, target="head": taken.append(str(p)))

    open_database(path).close()

    (copy,) = (tmp_path / "backups").iterdir()
    assert taken == [str(path)]
    assert "before-0002" in copy.name
    with RunStore.open(_moved(copy, tmp_path / "restored.sqlite", monkeypatch)) as store:
        assert store.list().total == 1


def _moved(copy: Path, to: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.undo()
    return copy.rename(to)


def test_a_backup_of_a_database_in_use_is_complete(tmp_path: Path) -> None:
    with RunStore.open(tmp_path / "runs.sqlite") as store:
        run_id = store.submit(make_config(), make_strategy(), engine_version="0.1.0")

        copy = back_up(tmp_path / "runs.sqlite", tmp_path / "copies", "test")

    with RunStore.open(copy) as restored:
        assert restored.get(run_id).status == "queued"


def test_a_backup_of_a_damaged_database_is_no_backup(tmp_path: Path) -> None:
    path = made(tmp_path / "runs.sqlite")
    content = bytearray(path.read_bytes())
    content[4096 * 3 : 4096 * 6] = b"\x5a" * (4096 * 3)
    path.write_bytes(content)

    with pytest.raises(BacktestStorageError):
        back_up(path, tmp_path / "copies", "test")

    assert [f for f in (tmp_path / "copies").iterdir() if f.suffix == ".sqlite"] == []


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "empty"),
        (b"no database at all" * 50, "not a database"),
        (b"SQLite format 3\x00", "not a database"),
        (b"\x00" * 4096, "not a database"),
    ],
)
def test_what_is_no_database_is_refused_and_left_as_it_is(
    tmp_path: Path, content: bytes, told: str
) -> None:
    path = tmp_path / "runs.sqlite"
    path.write_bytes(content)
    before = around(path)

    with pytest.raises(CorruptDatabaseError, match=told) as failure:
        open_database(path)

    assert around(path) == before
    assert failure.value.exit_code == 5
    assert str(path) in failure.value.message


def test_a_database_of_another_program_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "runs.sqlite"
    change(path, "CREATE TABLE songs (name TEXT)", "PRAGMA application_id = 77")
    before = around(path)

    with pytest.raises(CorruptDatabaseError, match="another program"):
        open_database(path)

    assert around(path) == before


def test_a_database_cut_short_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    path = made(tmp_path / "runs.sqlite")
    path.write_bytes(path.read_bytes()[:20_000])
    before = around(path)

    with pytest.raises(CorruptDatabaseError, match="cut short"):
        open_database(path)

    assert around(path) == before


def test_a_database_damaged_inside_says_so_and_is_left_as_it_is(tmp_path: Path) -> None:
    path = made(tmp_path / "runs.sqlite")
    content = bytearray(path.read_bytes())
    content[100:4096] = b"\xff" * 3996
    path.write_bytes(content)
    before = around(path)

    with pytest.raises(CorruptDatabaseError):
        open_database(path)

    assert around(path) == before


@pytest.mark.parametrize(
    "statement",
    ["PRAGMA user_version = 99", "UPDATE alembic_version SET version_num = 'from the future'"],
)
def test_a_newer_database_is_refused_byte_for_byte_unharmed(tmp_path: Path, statement: str) -> None:
    path = made(tmp_path / "runs.sqlite")
    change(path, statement)
    before = around(path)

    with pytest.raises(NewerDatabaseError, match="newer version") as failure:
        open_database(path)

    assert around(path) == before
    assert failure.value.exit_code == 5
    assert "update the program" in failure.value.hint


def test_a_newer_schema_that_stands_only_in_the_log_is_refused(tmp_path: Path) -> None:
    path = made(tmp_path / "runs.sqlite")
    other = sqlite3.connect(path)
    other.execute("PRAGMA wal_autocheckpoint = 0")
    other.execute("UPDATE alembic_version SET version_num = 'from the future'")
    other.commit()
    before = hashlib.sha256(path.read_bytes()).hexdigest()

    with pytest.raises(NewerDatabaseError):
        open_database(path)

    assert hashlib.sha256(path.read_bytes()).hexdigest() == before
    other.close()


def test_a_database_without_its_record_of_version_is_refused(tmp_path: Path) -> None:
    path = made(tmp_path / "runs.sqlite")
    change(path, "DROP TABLE alembic_version")

    with pytest.raises(CorruptDatabaseError, match="no record of its version"):
        open_database(path)


def test_a_leftover_of_a_creation_that_was_killed_does_no_harm(tmp_path: Path) -> None:
    (tmp_path / "runs.sqlite.new").write_bytes(b"half")

    path = made(tmp_path / "runs.sqlite")

    assert check(path) == known_revisions()[-1]


def test_the_journal_is_a_log_and_every_commit_reaches_the_disk(tmp_path: Path) -> None:
    database = open_database(tmp_path / "runs.sqlite")

    with database.write() as connection:
        writer = _settings(connection)
    with database.read() as connection:
        reader = _settings(connection)
    database.close()

    assert writer == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "query_only": 0}
    assert reader == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "query_only": 1}


def _settings(connection: sa.Connection) -> dict[str, object]:
    names = ("journal_mode", "synchronous", "foreign_keys", "query_only")
    return {n: connection.exec_driver_sql(f"PRAGMA {n}").scalar() for n in names}


def test_closing_twice_is_the_same_as_once(tmp_path: Path) -> None:
    database: LocalDatabase = open_database(tmp_path / "runs.sqlite")

    database.close()
    database.close()

    assert check(tmp_path / "runs.sqlite") == known_revisions()[-1]
