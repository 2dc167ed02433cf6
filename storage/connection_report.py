"""The Test button of a connection profile: how far it gets, and what is there.

One connection is opened outside any pool. Where it fails the report names the stage and what to do;
where it succeeds, what a trader wants to know before choosing it: versions, the price tables with
their size, what this login may do with them, and how far away the server is.
"""

import statistics
import time
from dataclasses import dataclass
from typing import Any, Final

import psycopg

from storage.errors import BacktestStorageError
from storage.market.mapping import DEFAULT_MAPPING, IndexTable, MarketMapping, PriceTable
from storage.postgres import Connector, guarded
from storage.postgres_errors import ConnectionFailure, Stage
from storage.profiles import Profile
from storage.stopping import ShouldStop, never

TEST_SECONDS: Final = 5.0
_MAINTENANCE: Final = "postgres"
_PINGS: Final = 3


@dataclass(frozen=True)
class TableReport:
    """One of the tables we would read.

    Attributes:
        schema, table: where it was looked for.
        exists: whether it is there, as far as this login can see.
        can_read: whether this login may read it.
        can_write: whether this login could change it, which reading does not need.
        rows: how many rows the server believes it has; None when it has never counted.
        missing_columns: columns that the mapping expects and the table lacks.
    """

    schema: str
    table: str
    exists: bool = False
    can_read: bool = False
    can_write: bool = False
    rows: int | None = None
    missing_columns: tuple[str, ...] = ()

    @property
    def is_usable(self) -> bool:
        """Whether we can read what we need."""
        return self.exists and self.can_read and not self.missing_columns


@dataclass(frozen=True)
class ConnectionReport:
    """What a test of a profile found.

    Attributes:
        failed_at: the stage that failed; None when the connection works.
        message: one sentence for the person.
        remedy: what to do about it; empty when nothing.
        server_version: for example ``18.6``.
        timescaledb: version of the extension, or None.
        is_encrypted: whether TLS is on.
        latency_ms: round trip of a query, the median of three.
        tables: prices and indexes, in this order.
        databases: those that this login may enter, where the one asked for failed.
    """

    failed_at: Stage | None
    message: str
    remedy: str = ""
    server_version: str = ""
    timescaledb: str | None = None
    is_encrypted: bool = False
    latency_ms: float | None = None
    tables: tuple[TableReport, ...] = ()
    databases: tuple[str, ...] = ()

    @property
    def is_ok(self) -> bool:
        """Whether the connection works."""
        return self.failed_at is None


def test_connection(
    profile: Profile,
    password: str | None,
    mapping: MarketMapping = DEFAULT_MAPPING,  # noqa: PT028  this is no test of pytest's
    *,
    should_stop: ShouldStop = never,  # noqa: PT028
) -> ConnectionReport:
    """Try a profile, and report; never raises for what a person can mend.

    Takes 5 s at most for each stage. The password is tried once, and once more at the server's
    ``postgres`` database where that tells a wrong password from a wrong database.

    Raises:
        Stopped: ``should_stop`` said so.
    """
    try:
        with _opened(profile, password, should_stop) as connection:
            return _inspect(profile, connection, mapping, should_stop)
    except ConnectionFailure as failure:
        if failure.stage is Stage.LOGIN and not failure.is_transient and password:
            return _wrong_database(profile, password, should_stop) or _failed(failure)
        return _failed(failure)
    except BacktestStorageError as error:
        return ConnectionReport(Stage.DATABASE, error.message, error.hint)


test_connection.__test__ = False  # type: ignore[attr-defined]  # the name is not that of a test


def _opened(
    profile: Profile, password: str | None, should_stop: ShouldStop
) -> psycopg.Connection[Any]:
    connect = Connector(
        profile, password, should_stop=should_stop, statement_timeout_s=TEST_SECONDS
    )
    return connect()


def _failed(failure: ConnectionFailure) -> ConnectionReport:
    return ConnectionReport(failure.stage, failure.message, failure.hint)


def _wrong_database(
    profile: Profile, password: str, should_stop: ShouldStop
) -> ConnectionReport | None:
    """Report on the database when the login alone works; None when it does not."""
    if profile.database == _MAINTENANCE:
        return None
    beside = profile.model_copy(update={"database": _MAINTENANCE, "read_only": True})
    try:
        with (
            _opened(beside, password, should_stop) as connection,
            guarded(connection, silence_s=TEST_SECONDS, should_stop=should_stop),
        ):
            names = {
                str(name): bool(may_enter)
                for name, may_enter in connection.execute(
                    "SELECT datname, has_database_privilege(datname, 'CONNECT') FROM pg_database"
                    " WHERE datallowconn AND NOT datistemplate ORDER BY datname"
                )
            }
    except BacktestStorageError:
        return None
    open_to_us = tuple(name for name, may_enter in names.items() if may_enter)
    if profile.database in open_to_us:
        return None
    what = "does not let this user into" if profile.database in names else "has no"
    return ConnectionReport(
        Stage.DATABASE,
        f"User and password are right, but the server {what} database {profile.database!r}",
        f"choose one of: {', '.join(open_to_us)}",
        databases=open_to_us,
    )


def _inspect(
    profile: Profile,
    connection: psycopg.Connection[Any],
    mapping: MarketMapping,
    should_stop: ShouldStop,
) -> ConnectionReport:
    with guarded(connection, silence_s=TEST_SECONDS, should_stop=should_stop):
        extension = connection.execute(
            "SELECT extversion FROM pg_extension WHERE extname = 'timescaledb'"
        ).fetchone()
        expected: list[PriceTable | IndexTable] = (
            [mapping.prices, mapping.indexes] if profile.purpose == "market" else []
        )
        tables = tuple(
            _table(connection, mapping.schema, names.table, names.columns) for names in expected
        )
        version = str(connection.info.parameter_status("server_version")).split(" ")[0]
        found = ConnectionReport(
            failed_at=None,
            message=f"Connected to PostgreSQL {version}",
            remedy=_advice(tables),
            server_version=version,
            timescaledb=str(extension[0]) if extension else None,
            is_encrypted=bool(connection.pgconn.ssl_in_use),
            latency_ms=_latency_ms(connection),
            tables=tables,
        )
    return found


def _table(
    connection: psycopg.Connection[Any], schema: str, table: str, columns: tuple[str, ...]
) -> TableReport:
    # A hypertable and a partitioned table are empty themselves: their rows are their children's.
    row = connection.execute(
        "WITH RECURSIVE part(oid) AS (SELECT c.oid FROM pg_class c JOIN pg_namespace n"
        " ON n.oid = c.relnamespace WHERE n.nspname = %(schema)s AND c.relname = %(table)s"
        " UNION ALL SELECT i.inhrelid FROM pg_inherits i JOIN part p ON p.oid = i.inhparent)"
        " SELECT (SELECT oid FROM part LIMIT 1),"
        " (SELECT sum(reltuples) FILTER (WHERE reltuples >= 0) FROM pg_class JOIN part USING (oid)"
        "  WHERE relkind <> 'p')",
        {"schema": schema, "table": table},
    ).fetchone()
    oid, rows = row if row else (None, None)
    if oid is None:
        return TableReport(schema, table)
    rights = connection.execute(
        "SELECT has_schema_privilege(%(schema)s, 'USAGE')"
        " AND has_table_privilege(%(oid)s, 'SELECT'),"
        " has_table_privilege(%(oid)s, 'INSERT, UPDATE, DELETE, TRUNCATE')",
        {"oid": oid, "schema": schema},
    ).fetchone()
    present = {
        str(name)
        for (name,) in connection.execute(
            "SELECT attname FROM pg_attribute WHERE attrelid = %(oid)s AND attnum > 0"
            " AND NOT attisdropped",
            {"oid": oid},
        )
    }
    can_read, can_write = rights if rights else (False, False)
    missing = tuple(name for name in columns if name not in present)
    count = None if rows is None else int(rows)
    return TableReport(schema, table, True, bool(can_read), bool(can_write), count, missing)


def _advice(tables: tuple[TableReport, ...]) -> str:
    """Return the first thing worth mending, in the order of its weight."""
    for found in tables[:1]:
        place = f"{found.schema}.{found.table}"
        if not found.exists:
            return f"there is no table {place} for prices: create it, or map the table you have"
        if not found.can_read:
            return f"this login may not read {place}: GRANT SELECT ON {place} TO it"
        if found.missing_columns:
            return f"{place} lacks {', '.join(found.missing_columns)}: map the columns you have"
        if found.can_write:
            return f"this login could also change {place}: one that can only read is safer"
    return ""


def _latency_ms(connection: psycopg.Connection[Any]) -> float:
    taken = []
    for _ in range(_PINGS):
        began = time.perf_counter()
        connection.execute("SELECT 1")
        taken.append(time.perf_counter() - began)
    return statistics.median(taken) * 1000
