"""Connections give up in time, are few, and come back after the server has been away."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
import sqlalchemy as sa

from storage.connection_report import test_connection as try_connection
from storage.errors import DatabaseConnectionError, QueryTimeout
from storage.postgres import Connector, connect_options, guarded, make_engine
from storage.postgres_errors import translated
from storage.profiles import Profile
from tests.postgres import Cluster
from tests.storage.market_tables import bar, create_tables, fill
from tests.storage.servers import profile_of


@pytest.fixture
def engine(postgres_database: str) -> Iterator[sa.Engine]:
    engine = make_engine(
        profile_of(postgres_database, read_only=False), None, statement_timeout_s=0.3
    )
    yield engine
    engine.dispose()


def settings_of(profile: Profile) -> dict[str, str]:
    with Connector(profile, None)() as connection:
        names = (
            "statement_timeout",
            "lock_timeout",
            "search_path",
            "default_transaction_read_only",
        )
        return {name: connection.execute(f"SHOW {name}").fetchone()[0] for name in names}  # type: ignore[index]


def test_every_session_has_limits_and_no_search_path(postgres_database: str) -> None:
    profile = profile_of(postgres_database)

    assert settings_of(profile) == {
        "statement_timeout": "30s",
        "lock_timeout": "5s",
        "search_path": "",
        "default_transaction_read_only": "on",
    }
    assert (
        settings_of(profile.model_copy(update={"read_only": False}))[
            "default_transaction_read_only"
        ]
        == "off"
    )


def test_options_notice_a_cut_line_and_carry_no_password(postgres_database: str) -> None:
    options = connect_options(profile_of(postgres_database, sslmode="verify-full"))

    assert options["keepalives_idle"] + 3 * options["keepalives_interval"] <= 30
    assert options["tcp_user_timeout"] <= 20_000
    assert options["sslmode"] == "verify-full"
    assert options["sslrootcert"]
    assert "password" not in options


def test_a_query_that_takes_too_long_is_told_with_a_way_out(engine: sa.Engine) -> None:
    began = time.monotonic()

    with engine.connect() as connection, pytest.raises(QueryTimeout) as caught, translated():
        connection.execute(sa.text("SELECT pg_sleep(30)"))

    assert time.monotonic() - began < 1.3
    assert "smaller date range" in caught.value.hint


def test_twenty_requests_at_once_share_a_small_pool(engine: sa.Engine) -> None:
    def ask(number: int) -> int:
        with engine.connect() as connection:
            return int(connection.execute(sa.text("SELECT :n"), {"n": number}).scalar_one())

    with ThreadPoolExecutor(20) as threads:
        answers = list(threads.map(ask, range(20)))

    assert answers == list(range(20))
    assert isinstance(engine.pool, sa.QueuePool)
    assert engine.pool.size() + engine.pool.overflow() <= 5
    assert engine.pool.checkedout() == 0


def test_connections_ended_by_the_server_are_replaced_unnoticed(engine: sa.Engine) -> None:
    with engine.connect() as connection:
        connection.execute(sa.text("SELECT 1"))
        pid = connection.execute(sa.text("SELECT pg_backend_pid()")).scalar_one()
    with Connector(
        profile_of(str(engine.url.render_as_string()).replace("+psycopg", "")), None
    )() as other:
        other.execute("SELECT pg_terminate_backend(%s)", [pid])

    with engine.connect() as connection:
        answer = connection.execute(sa.text("SELECT 1")).scalar_one()

    assert answer == 1


def test_a_frozen_server_is_given_up_on_in_time(own_cluster: Cluster) -> None:
    with Connector(profile_of(own_cluster.dsn), None)() as connection:
        began = time.monotonic()

        with own_cluster.frozen(), pytest.raises(QueryTimeout), guarded(connection, silence_s=0.5):
            connection.execute("SELECT 1")
        took = time.monotonic() - began

        assert connection.closed
    assert took < 1.5


def test_a_test_of_a_frozen_server_ends(own_cluster: Cluster) -> None:
    profile = profile_of(own_cluster.dsn)

    with own_cluster.frozen():
        report = try_connection(profile, None)

    assert not report.is_ok
    assert "5 seconds" in report.message or "broke" in report.message


def test_a_guard_leaves_no_thread_and_does_not_touch_what_goes_well(engine: sa.Engine) -> None:
    with engine.connect() as outer:
        connection = outer.connection.driver_connection
        assert isinstance(connection, psycopg.Connection)

        with guarded(connection, silence_s=0.2) as guard:
            connection.execute("SELECT pg_sleep(0.15)")
            guard.heard()
            connection.execute("SELECT pg_sleep(0.15)")

        assert not connection.closed
    assert "query guard" not in {thread.name for thread in threading.enumerate()}


def test_errors_inside_a_guard_keep_their_meaning(own_cluster: Cluster) -> None:
    with Connector(profile_of(own_cluster.dsn), None)() as connection:
        own_cluster.stop()

        with pytest.raises(DatabaseConnectionError), guarded(connection, silence_s=5):
            connection.execute("SELECT 1")


def test_a_report_finds_the_tables_their_size_and_the_rights(postgres_database: str) -> None:
    with psycopg.connect(postgres_database, autocommit=True) as connection:
        create_tables(connection)
        fill(connection, "daily_prices", [bar("A", f"2020-01-0{number}") for number in range(1, 6)])
        connection.execute("ANALYZE")
        connection.execute("ALTER TABLE index_daily_prices DROP COLUMN close_value")

    report = try_connection(profile_of(postgres_database), None)

    prices, indexes = report.tables
    assert report.is_ok
    assert (prices.table, prices.rows, prices.is_usable, prices.can_write) == (
        "daily_prices",
        5,
        True,
        True,
    )
    assert indexes.missing_columns == ("close_value",)
    assert not indexes.is_usable
    assert "read is safer" in report.remedy


def test_a_report_counts_the_rows_of_partitions(postgres_database: str) -> None:
    with psycopg.connect(postgres_database, autocommit=True) as connection:
        connection.execute(
            "CREATE TABLE daily_prices (code text, date date, open_price numeric, high_price numeric,"
            " low_price numeric, close_price numeric, volume bigint) PARTITION BY RANGE (date)"
        )
        connection.execute(
            "CREATE TABLE y2020 PARTITION OF daily_prices FOR VALUES FROM ('2020-01-01') TO ('2021-01-01')"
        )
        fill(connection, "daily_prices", [bar("A", "2020-01-01"), bar("A", "2020-01-02")])
        connection.execute("ANALYZE")

    report = try_connection(profile_of(postgres_database), None)

    assert report.tables[0].rows == 2
    assert report.tables[0].is_usable
