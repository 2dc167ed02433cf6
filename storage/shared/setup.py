"""Set the team's database up, bring it up to date, and look at how it stands.

Everything lives in one schema, ``backtesting``, made by the migrations that also make the local
database. Nothing else in the database is touched. Setting up is one transaction: after a failure
the database is as it was, and doing it twice is the same as doing it once.
"""

from dataclasses import dataclass
from typing import Final

import psycopg
import sqlalchemy as sa
from psycopg import sql
from sqlalchemy import exc

from storage.errors import (
    BacktestStorageError,
    CorruptDatabaseError,
    NewerDatabaseError,
)
from storage.opening import known_revisions, newest_revision, run_steps, steps_as_sql
from storage.postgres_errors import translated
from storage.shared.tables import SCHEMA, WRITTEN

OLDEST_SERVER: Final = 15
_VERSION_TABLE: Final = "alembic_version"
_LOCK: Final = 0x54424E43  # one setup at a time; any number that is ours
_NO_RIGHT: Final = "42501"
_WANTED: Final = (
    (_VERSION_TABLE, "SELECT", "table"),
    *((table, right, "table") for table in WRITTEN for right in ("SELECT", "INSERT")),
    ("backtest_trades_id_seq", "USAGE", "sequence"),
)


class SharedNotReady(BacktestStorageError):
    """The team's database is there, but cannot take runs yet; somebody has to do something."""

    kind = "not_ready"


@dataclass(frozen=True)
class SharedState:
    """How the team's database stands.

    Attributes:
        server_version: for example ``18.6``.
        major: its first number.
        revision: the last migration that was made there; None before the first.
        newest: the last migration that this program knows.
        user: the login, under whose name runs are kept.
        occupied: the schema holds something, but it is not ours.
        missing_rights: what the login would need and has not, as ``RIGHT ON object``.
    """

    server_version: str
    major: int
    revision: str | None
    newest: str
    user: str
    occupied: bool = False
    missing_rights: tuple[str, ...] = ()

    @property
    def is_newer(self) -> bool:
        """Whether a newer version of the program has been there."""
        return self.revision is not None and self.revision not in known_revisions()

    @property
    def is_ready(self) -> bool:
        """Whether this login can write runs there."""
        return self.revision == self.newest and not self.missing_rights


def init(engine: sa.Engine, schema: str = SCHEMA) -> SharedState:
    """Make the schema and its tables, or bring them up to date; return how it stands then.

    Raises:
        SharedNotReady: the server is too old, or this login may not make a schema.
        NewerDatabaseError: a newer version of the program has set it up; nothing was changed.
        CorruptDatabaseError: the schema holds something that is not ours; nothing was changed.
        ConnectionFailure, BacktestStorageError: the server cannot be reached, or refused.
    """
    try:
        with translated(), engine.begin() as connection:
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK)))
            _refuse(look(connection, schema), schema)
            name = _quoted(schema)
            connection.exec_driver_sql(f"CREATE SCHEMA IF NOT EXISTS {name}")
            # Only for this transaction: sessions find no table by an unqualified name.
            connection.exec_driver_sql(f"SET LOCAL search_path = {name}")
            run_steps(connection)
            return look(connection, schema)
    except BacktestStorageError as error:
        if _state_of(error) == _NO_RIGHT:
            raise SharedNotReady(
                error.message,
                hint="log in as the owner of the database, or give its administrator "
                "the SQL of `tradebench db init --print`",
            ) from error
        raise


def as_sql(schema: str = SCHEMA) -> str:
    """Return what `init` does to an empty database as a script for psql."""
    name = _quoted(schema)
    return (
        f"CREATE SCHEMA IF NOT EXISTS {name};\n\nSET search_path = {name};\n\n"
        f"{steps_as_sql('postgresql').strip()}\n\nRESET search_path;\n"
    )


def look(connection: sa.Connection, schema: str = SCHEMA) -> SharedState:
    """Return how the team's database stands, as far as this login can see; changes nothing."""
    server = connection.execute(
        sa.text(
            "SELECT current_setting('server_version_num')::int / 10000,"
            " split_part(current_setting('server_version'), ' ', 1), session_user::text"
        )
    ).one()
    found = connection.execute(
        sa.text(
            "SELECT c.relname::text, c.oid::bigint FROM pg_catalog.pg_class c"
            " JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace"
            " WHERE n.nspname = :schema AND c.relkind IN ('r', 'p', 'S')"
        ),
        {"schema": schema},
    )
    relations: dict[str, int] = {name: oid for name, oid in found}  # noqa: C416  typed rows
    is_ours = _VERSION_TABLE in relations
    missing = _missing_rights(connection, schema, relations) if is_ours else ()
    return SharedState(
        server_version=server[1],
        major=server[0],
        revision=_revision(connection, schema) if is_ours and not missing else None,
        newest=newest_revision(),
        user=server[2],
        occupied=bool(relations) and not is_ours,
        missing_rights=missing,
    )


def require_ready(state: SharedState, schema: str = SCHEMA) -> None:
    """Refuse to go on unless this login can write runs there.

    Raises:
        SharedNotReady, NewerDatabaseError, CorruptDatabaseError: says what to do.
    """
    _refuse(state, schema)
    if state.missing_rights:
        grants = "; ".join(f'GRANT {right} TO "{state.user}"' for right in state.missing_rights)
        raise SharedNotReady(
            f"The login {state.user!r} may not write runs to the team's database",
            hint=f"its administrator has to run: {grants}",
        )
    if state.revision is None:
        raise SharedNotReady(
            "The team's database has no tables for runs yet", hint="run: tradebench db init"
        )
    if state.revision != state.newest:
        raise SharedNotReady(
            f"The team's database is at version {state.revision}; "
            f"this program writes {state.newest}",
            hint="run: tradebench db upgrade",
        )


def _refuse(state: SharedState, schema: str) -> None:
    if state.major < OLDEST_SERVER:
        raise SharedNotReady(
            f"The server runs PostgreSQL {state.server_version}; {OLDEST_SERVER} or newer is needed",
            hint="ask its administrator for a newer one",
        )
    if state.is_newer:
        raise NewerDatabaseError(
            f"The team's database is at version {state.revision}, "
            f"which this program does not know (it knows {state.newest})",
            hint="update the program",
        )
    if state.occupied:
        raise CorruptDatabaseError(
            f"The schema {schema!r} of this database holds tables that are not ours",
            hint="choose another database, or have that schema renamed",
        )


def _missing_rights(
    connection: sa.Connection, schema: str, relations: dict[str, int]
) -> tuple[str, ...]:
    """Return which rights to the schema, and to the tables in it, this login lacks."""
    name = _quoted(schema)
    missing = []
    if not connection.execute(
        sa.text("SELECT has_schema_privilege(:schema, 'USAGE')"), {"schema": schema}
    ).scalar_one():
        missing.append(f"USAGE ON SCHEMA {name}")
    for relation, right, kind in _WANTED:
        # A version that has other tables is told apart by its number, not here.
        if (
            relation in relations
            and not connection.execute(
                sa.text(f"SELECT has_{kind}_privilege(CAST(:oid AS oid), :right)"),
                {"oid": relations[relation], "right": right},
            ).scalar_one()
        ):
            missing.append(f"{right} ON {kind.upper()} {name}.{relation}")
    return tuple(missing)


def _revision(connection: sa.Connection, schema: str) -> str | None:
    found: str | None = connection.execute(
        sa.select(sa.column("version_num")).select_from(sa.table(_VERSION_TABLE, schema=schema))
    ).scalar()
    return found


def _quoted(name: str) -> str:
    return sql.Identifier(name).as_string()


def _state_of(error: BaseException) -> str | None:
    cause = error.__cause__
    original = cause.orig if isinstance(cause, exc.DBAPIError) else cause
    return original.sqlstate if isinstance(original, psycopg.Error) else None
