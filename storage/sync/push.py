"""Write one run to the team's database, in one transaction, and see with own eyes that it is there.

The run's id is the key: writing what is there already writes nothing, so a run whose arrival was
never acknowledged is recognised when it is sent again. Rows go by the column, one statement a
table, whatever their number (COPY would be no faster here, and row-level security forbids it).
"""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import sqlalchemy as sa
from psycopg import sql
from sqlalchemy.dialects import postgresql

from storage.columns import BarTime, ExactDecimal
from storage.errors import BacktestStorageError
from storage.shared import tables
from storage.shared.tables import ME
from storage.stored_columns import Columns
from storage.sync.parcel import Parcel, row_count
from storage.writing import free_version

_TRIES: Final = 5  # how often somebody else may take the version that we were about to take


class RunRefused(BacktestStorageError):
    """The team's database has something else under this run's name; it stays as it is."""

    kind = "refused"


def push(connection: sa.Connection, parcel: Parcel) -> bool:
    """Write a run, or find that it is there; the caller's transaction ends with it.

    Returns:
        Whether it was written now; False when it was there.

    Raises:
        RunRefused: what the server has is not what was sent; nothing was changed.
    """
    run = parcel.run | {
        "strategy_id": _put_strategy(connection, parcel.strategy),
        "dataset_id": _put_dataset(connection, parcel.dataset),
    }
    written = connection.execute(
        postgresql.insert(tables.backtest_runs)
        .values(**run, owner=ME)
        .on_conflict_do_nothing()
        .returning(tables.backtest_runs.c.id)
    ).one_or_none()
    if written is not None:
        for table, columns in parcel.rows.items():
            if row_count(columns):
                _insert_rows(connection, tables.ROWS[table], parcel.run_id, columns)
        if parcel.metrics is not None:
            connection.execute(sa.insert(tables.backtest_metrics).values(**parcel.metrics))
    _compare(connection, parcel)
    return written is not None


def _put_strategy(connection: sa.Connection, strategy: dict[str, Any]) -> str:
    """Return the id there of the same name and code, written where it is missing.

    Two computers may have given one version to different code: then the later one gets the next
    free patch, as it would on one computer. The run itself keeps what its owner saw.
    """
    there = tables.strategies.c
    version = strategy["version"]
    for _ in range(_TRIES):
        known = connection.execute(
            sa.select(there.id)
            .where(there.name == strategy["name"], there.source_hash == strategy["source_hash"])
            .order_by((there.version == strategy["version"]).desc(), there.created_at)
            .limit(1)
        ).scalar()
        if known is not None:
            return str(known)
        taken = connection.execute(
            sa.select(there.version).where(there.name == strategy["name"])
        ).scalars()
        version = free_version(strategy["version"], set(taken))
        connection.execute(
            postgresql.insert(tables.strategies)
            .values(**strategy | {"version": version})
            .on_conflict_do_nothing()
        )
    raise RunRefused(
        f"The team's database keeps giving version {version} of {strategy['name']} away",
        hint="try again",
    )


def _put_dataset(connection: sa.Connection, dataset: dict[str, Any] | None) -> str | None:
    """Return the id there of the same bars, written where they are missing."""
    if dataset is None:
        return None
    connection.execute(
        postgresql.insert(tables.datasets).values(**dataset).on_conflict_do_nothing()
    )
    found: str = connection.execute(
        sa.select(tables.datasets.c.id).where(
            tables.datasets.c.content_hash == dataset["content_hash"]
        )
    ).scalar_one()
    return found


def _insert_rows(connection: sa.Connection, table: sa.Table, run_id: str, columns: Columns) -> None:
    names, arrays, values = [], [], {"run_id": run_id}
    for name, column in columns.items():
        kind, array = _array(table.columns[name].type, column)
        names.append(sql.Identifier(name))
        arrays.append(sql.SQL("{}::{}").format(sql.Placeholder(name), sql.SQL(kind)))
        values[name] = array
    statement = sql.SQL(
        "INSERT INTO {table} (run_id, {names}) SELECT %(run_id)s::uuid, {names}"
        " FROM unnest({arrays}) AS sent ({names})"
    ).format(
        table=sql.Identifier(*filter(None, (table.schema, table.name))),
        names=sql.SQL(", ").join(names),
        arrays=sql.SQL(", ").join(arrays),
    )
    connection.exec_driver_sql(statement.as_string(), values)


def _array(kind: sa.types.TypeEngine[Any], values: Sequence[Any]) -> tuple[str, str]:
    """Return the type of an array in PostgreSQL, and the array as its text.

    The driver would look at each value three times: for a large run that is most of the work.
    """
    match kind:
        case ExactDecimal():
            return "numeric[]", _plain(values)  # text to exact decimal, past every float
        case BarTime():
            return "timestamptz[]", _plain(_instants(values))
        case sa.Boolean():
            return "boolean[]", _plain(["t" if v else "f" for v in values])
        case sa.Integer():
            return "bigint[]", _plain(values)
        case sa.Double():
            return "double precision[]", _plain(values)
        case sa.Date():
            return "date[]", _plain(values)
        case sa.JSON():
            return "jsonb[]", _quoted(values)
        case _:
            return "text[]", _quoted(values)


def _plain(values: Sequence[Any]) -> str:
    """Join values in which nothing needs quotes."""
    return "{" + ",".join(["NULL" if v is None else str(v) for v in values]) + "}"


def _quoted(values: Sequence[str | None]) -> str:
    """Join texts; most of them occur many times."""
    quoted: dict[str | None, str] = {None: "NULL"}
    for text in set(values):
        if text is not None:
            escaped = text.replace("\\", "\\\\").replace('"', '\\"')
            quoted[text] = f'"{escaped}"'
    return "{" + ",".join([quoted[text] for text in values]) + "}"


def _instants(values: Sequence[int | None]) -> list[str | None]:
    known = np.array([0 if v is None else v for v in values], np.int64)
    texts = np.datetime_as_string(known.astype("datetime64[ns]").astype("datetime64[us]")).tolist()
    return [None if v is None else f"{text}Z" for v, text in zip(values, texts, strict=True)]


def _compare(connection: sa.Connection, parcel: Parcel) -> None:
    """Read back what makes a run what it is: whose, how it ended, its hashes, its rows."""
    runs = tables.backtest_runs.c
    counts = [
        sa.select(sa.func.count())
        .select_from(table)
        .where(table.c.run_id == parcel.run_id)
        .scalar_subquery()
        .label(local.name)
        for local, table in tables.ROWS.items()
    ]
    there = (
        connection.execute(
            sa.select(
                (runs.owner == ME).label("is_mine"),
                *(runs[name] for name in ("status", "config_hash", "content_hash", "result_hash")),
                *counts,
            ).where(runs.id == parcel.run_id)
        )
        .mappings()
        .one_or_none()
    )
    sent = {
        "is_mine": True,
        **{n: parcel.run[n] for n in ("status", "config_hash", "content_hash", "result_hash")},
        **parcel.counts,
    }
    differing = [name for name, value in sent.items() if there is None or there[name] != value]
    if differing:
        raise RunRefused(
            f"The team's database has another run under the id {parcel.run_id} "
            f"(different: {', '.join(differing)})",
            hint="it was not changed; the run stays on this computer",
        )
