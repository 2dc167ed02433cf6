"""The team's database is set up once, by whoever may, and nothing else in it is touched."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
import sqlalchemy as sa

from storage.errors import CorruptDatabaseError, NewerDatabaseError
from storage.opening import newest_revision
from storage.postgres import make_engine
from storage.postgres_errors import ConnectionFailure
from storage.shared.setup import SharedNotReady, as_sql, init, look, require_ready
from tests.postgres import Server, free_port
from tests.storage.servers import profile_of
from tests.storage.sync_worlds import ask, change, set_up

PASSWORD = "correct horse battery"
CHECKSUM = """
SELECT md5(string_agg(line, ',' ORDER BY line)) FROM (
    SELECT n.nspname || c.relname || c.relkind::text || coalesce(a.attname, '') AS line
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    LEFT JOIN pg_attribute a ON a.attrelid = c.oid
    WHERE n.nspname NOT IN ('backtesting', 'pg_catalog', 'pg_toast')
    UNION ALL SELECT 'row' || code || price::text FROM prices
    UNION ALL SELECT 'schema' || nspname || coalesce(nspacl::text, '') FROM pg_namespace
    WHERE nspname <> 'backtesting'
) AS every
"""
COLUMNS = """
SELECT table_name, column_name, data_type, is_nullable, numeric_precision, numeric_scale
FROM information_schema.columns WHERE table_schema = 'backtesting' ORDER BY 1, 2
"""
CONSTRAINTS = """
SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint
WHERE connamespace = 'backtesting'::regnamespace ORDER BY 1, 2
"""


@pytest.fixture
def engine(postgres_database: str) -> Iterator[sa.Engine]:
    engine = make_engine(profile_of(postgres_database, read_only=False), None)
    yield engine
    engine.dispose()


@pytest.fixture
def member(postgres_server: Server, postgres_database: str) -> Iterator[str]:
    """A login that owns nothing."""
    postgres_server.execute(f"CREATE ROLE alice LOGIN PASSWORD '{PASSWORD}'")
    yield "alice"
    with psycopg.connect(postgres_database, autocommit=True) as connection:
        connection.execute("DROP OWNED BY alice")
        connection.execute("DROP ROLE alice")


@pytest.fixture
def members_engine(postgres_database: str, member: str) -> Iterator[sa.Engine]:
    engine = make_engine(profile_of(postgres_database, read_only=False, user=member), PASSWORD)
    yield engine
    engine.dispose()


def test_an_empty_database_gets_the_tables_of_runs(engine: sa.Engine, postgres_database: str):
    state = init(engine)

    tables = {row[0] for row in ask(postgres_database, COLUMNS)}
    assert state.is_ready
    assert state.revision == newest_revision()
    assert tables >= {
        "datasets", "strategies", "backtest_runs", "backtest_trades", "backtest_orders",
        "backtest_fills", "backtest_snapshots", "backtest_metrics", "artifacts", "events",
        "alembic_version",
    }  # fmt: skip


def test_setting_up_twice_is_the_same_as_once(engine: sa.Engine, postgres_database: str):
    init(engine)
    identity = "SELECT array_agg(oid ORDER BY oid) FROM pg_class WHERE relnamespace = 'backtesting'::regnamespace"
    before = ask(postgres_database, identity)

    state = init(engine)

    assert state.is_ready
    assert ask(postgres_database, identity) == before


def test_nothing_outside_the_schema_changes(engine: sa.Engine, postgres_database: str):
    with psycopg.connect(postgres_database) as connection:
        connection.execute("CREATE TABLE prices (code text PRIMARY KEY, price numeric)")
        connection.execute("INSERT INTO prices VALUES ('A', 1.5), ('B', 2)")
        connection.execute("CREATE TABLE alembic_version (version_num text)")
        connection.execute("INSERT INTO alembic_version VALUES ('theirs')")
    before = ask(postgres_database, CHECKSUM)

    init(engine)

    assert ask(postgres_database, CHECKSUM) == before
    assert ask(postgres_database, "SELECT version_num FROM public.alembic_version") == [("theirs",)]


def test_the_printed_sql_builds_the_same(
    postgres_server: Server, engine: sa.Engine, postgres_database: str
):
    init(engine)
    by_hand = postgres_server.create_database()
    dsn = postgres_server.dsn_of(by_hand)

    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(as_sql().encode())

    assert ask(dsn, COLUMNS) == ask(postgres_database, COLUMNS)
    assert ask(dsn, CONSTRAINTS) == ask(postgres_database, CONSTRAINTS)
    assert set_up(dsn).is_ready
    postgres_server.drop_database(by_hand)


def test_a_newer_version_is_refused_and_left_as_it_is(engine: sa.Engine, postgres_database: str):
    init(engine)
    change(postgres_database, "UPDATE backtesting.alembic_version SET version_num = '9999'")

    with pytest.raises(NewerDatabaseError, match="9999"):
        init(engine)

    assert ask(postgres_database, "SELECT version_num FROM backtesting.alembic_version") == [
        ("9999",)
    ]


def test_a_schema_of_that_name_that_is_not_ours_is_refused(
    engine: sa.Engine, postgres_database: str
):
    with psycopg.connect(postgres_database) as connection:
        connection.execute("CREATE SCHEMA backtesting")
        connection.execute("CREATE TABLE backtesting.datasets (mine text)")

    with pytest.raises(CorruptDatabaseError, match="not ours"):
        init(engine)

    assert [row[:2] for row in ask(postgres_database, COLUMNS)] == [("datasets", "mine")]


def test_a_setup_that_fails_halfway_leaves_nothing(engine: sa.Engine, postgres_database: str):
    with psycopg.connect(postgres_database) as connection:
        connection.execute("CREATE SCHEMA backtesting")
        connection.execute(
            "CREATE FUNCTION backtesting.keep_created_at() RETURNS int LANGUAGE sql RETURN 1"
        )

    with pytest.raises(sa.exc.ProgrammingError):
        init(engine)

    assert ask(postgres_database, COLUMNS) == []


def test_two_setups_at_once_make_one(postgres_database: str):
    with ThreadPoolExecutor(4) as pool:
        states = list(pool.map(set_up, [postgres_database] * 4))

    assert {state.revision for state in states} == {newest_revision()}


def test_who_may_not_make_a_schema_is_told_who_may(members_engine: sa.Engine):
    with pytest.raises(SharedNotReady) as caught:
        init(members_engine)

    assert "db init --print" in caught.value.hint


def test_missing_rights_are_named_and_granting_them_is_enough(
    engine: sa.Engine, members_engine: sa.Engine, postgres_database: str
):
    init(engine)
    with members_engine.begin() as connection:
        state = look(connection)
    with pytest.raises(SharedNotReady) as caught:
        require_ready(state)

    with psycopg.connect(postgres_database) as connection:
        for right in state.missing_rights:
            connection.execute(f"GRANT {right} TO alice".encode())
    with members_engine.begin() as connection:
        granted = look(connection)

    assert 'GRANT USAGE ON SCHEMA "backtesting" TO "alice"' in caught.value.hint
    assert granted.is_ready
    assert granted.user == "alice"


def test_a_database_without_tables_and_an_older_one_say_what_to_run(
    engine: sa.Engine, postgres_database: str
):
    with engine.begin() as connection:
        empty = look(connection)
    with pytest.raises(SharedNotReady, match="no tables") as caught:
        require_ready(empty)

    assert caught.value.hint == "run: tradebench db init"
    assert not empty.is_ready


def test_a_server_that_is_not_there_is_told_as_such():
    dsn = f"host=127.0.0.1 port={free_port()} dbname=team user=alice"

    with pytest.raises(ConnectionFailure, match="does not answer"):
        set_up(dsn)


def test_when_a_run_was_made_never_changes_there_either(engine: sa.Engine, postgres_database: str):
    init(engine)

    triggers = ask(
        postgres_database,
        "SELECT tgname FROM pg_trigger WHERE tgrelid = 'backtesting.backtest_runs'::regclass"
        " AND NOT tgisinternal",
    )

    assert triggers == [("backtest_runs_created_at",)]
