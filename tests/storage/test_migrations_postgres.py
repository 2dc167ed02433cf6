"""The same migrations build the same tables in PostgreSQL."""

from collections.abc import Iterator

import psycopg
import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from storage.opening import known_revisions, run_steps
from storage.schema import GIN_INDEXES, metadata
from tests.postgres import postgres_database, postgres_server

__all__ = ["postgres_database", "postgres_server"]


@pytest.fixture
def engine(postgres_database: str) -> Iterator[sa.Engine]:
    """An empty database."""
    engine = sa.create_engine(
        "postgresql+psycopg://", creator=lambda: psycopg.connect(postgres_database)
    )
    yield engine
    engine.dispose()


def test_up_down_up_builds_what_the_schema_says(engine: sa.Engine) -> None:
    with engine.connect() as connection:
        run_steps(connection)
        run_steps(connection, "base", down=True)
        gone = sa.inspect(connection).get_table_names()
        connection.rollback()
        run_steps(connection)

        context = MigrationContext.configure(connection, opts={"compare_type": True})
        version = context.get_current_revision()
        differences = [d for d in compare_metadata(context, metadata) if not _is_gin(d)]

    assert gone == ["alembic_version"]
    assert version == known_revisions()[-1]
    assert differences == []


def _is_gin(difference: object) -> bool:
    """Whether it is one of the indexes that only PostgreSQL gets."""
    kind, index = difference if isinstance(difference, tuple) else ("", None)
    return kind == "remove_index" and index.name in {f"ix_{t}_{c}" for t, c in GIN_INDEXES}


def test_types_are_exact_and_indexed_as_wanted(engine: sa.Engine) -> None:
    with engine.connect() as connection:
        run_steps(connection)
        inspector = sa.inspect(connection)
        trades = {c["name"]: str(c["type"]) for c in inspector.get_columns("backtest_trades")}
        runs = {c["name"]: str(c["type"]) for c in inspector.get_columns("backtest_runs")}
        gin = connection.exec_driver_sql(
            "SELECT count(*) FROM pg_indexes WHERE indexdef LIKE '%% USING gin %%'"
        ).scalar()

    exact = [trades[n] for n in ("entry_price", "quantity", "pnl", "entry_time")]
    assert exact == ["NUMERIC(20, 8)", "NUMERIC(24, 8)", "NUMERIC(24, 4)", "TIMESTAMP"]
    assert [runs[n] for n in ("id", "config_snapshot", "tags")] == ["UUID", "JSONB", "ARRAY"]
    assert gin == len(GIN_INDEXES)


def test_the_birth_of_a_run_never_changes(engine: sa.Engine) -> None:
    with engine.connect() as connection:
        run_steps(connection)
        guards = connection.exec_driver_sql(
            "SELECT event_object_table, event_manipulation FROM information_schema.triggers"
        ).all()

    assert [tuple(row) for row in guards] == [("backtest_runs", "UPDATE")]
