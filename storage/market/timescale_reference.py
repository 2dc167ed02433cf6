"""What a database keeps beside prices: companies, members of indexes, corporate actions, published figures.

Every table is optional, and of a table every column that is not its key. Rows that cannot be meant
(no code, a split of 0) are left out by the query.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

import numpy as np
import psycopg
from psycopg import sql

from engine.types import NS_PER_DAY
from storage.market.bulk import GRACE_SECONDS, LOAD_SECONDS
from storage.market.mapping import MarketMapping
from storage.market.reference import (
    CorporateAction,
    FieldSeries,
    Instrument,
    Membership,
    Reference,
    by_code,
)
from storage.postgres import guarded
from storage.stopping import ShouldStop, never

_TEXTS: Final = ("name", "market", "calendar", "currency")
_NUMBERS: Final = ("lot_size", "tick_size", "multiplier", "delisting_return")
_DAYS: Final = ("listed_on", "delisted_on")
_NUMERIC: Final = "N"  # pg_type.typcategory


def read_reference(
    connection: psycopg.Connection[Any], mapping: MarketMapping, should_stop: ShouldStop = never
) -> Reference:
    """Return everything but the values of fields.

    Raises:
        BacktestStorageError: a table may not be read, or lacks a column of its key.
    """
    columns = {
        table: _columns(connection, mapping.schema, table, should_stop)
        for table in (
            mapping.instruments.table,
            mapping.members.table,
            mapping.actions.table,
            mapping.fields.table,
        )
    }
    companies, fields = columns[mapping.instruments.table], columns[mapping.fields.table]
    return Reference(
        instruments=_instruments(connection, mapping, companies, should_stop)
        if companies
        else None,
        memberships=_memberships(connection, mapping, should_stop)
        if columns[mapping.members.table]
        else None,
        actions=_actions(connection, mapping, should_stop)
        if columns[mapping.actions.table]
        else None,
        field_names=tuple(name for name, category in fields.items() if category == _NUMERIC),
    )


def read_fields(
    connection: psycopg.Connection[Any],
    mapping: MarketMapping,
    names: Collection[str],
    codes: Sequence[str],
    should_stop: ShouldStop = never,
) -> dict[str, dict[str, FieldSeries]]:
    """Return the values of fields by field and code, in the order of their dates."""
    table = mapping.fields
    wanted = [code for code in codes if "\0" not in code]
    out = {}
    for name in sorted(names):
        statement = sql.SQL(
            "SELECT {code}::text, array_agg({day} ORDER BY {date}),"
            " array_agg({value}::float8 ORDER BY {date}) FROM {table}"
            " WHERE {code} = ANY(%(codes)s::text[]) AND {value} IS NOT NULL"
            " AND {value}::float8 <> 'NaN' AND isfinite({date}) GROUP BY {code}"
        ).format(
            code=sql.Identifier(table.code),
            date=sql.Identifier(table.date),
            day=_day(table.date),
            value=sql.Identifier(name),
            table=sql.Identifier(mapping.schema, table.table),
        )
        out[name] = {
            code: (np.array(days, np.int64) * NS_PER_DAY, np.array(values, np.float64))
            for code, days, values in _ask(connection, statement, {"codes": wanted}, should_stop)
        }
    return out


def _instruments(
    connection: psycopg.Connection[Any],
    mapping: MarketMapping,
    columns: Mapping[str, str],
    should_stop: ShouldStop,
) -> dict[str, tuple[Instrument, ...]]:
    table = mapping.instruments
    parts: list[sql.Composable] = [sql.SQL("{}::text").format(sql.Identifier(table.code))]
    for names, wanted in ((_TEXTS, "::text"), (_NUMBERS, "::float8"), (_DAYS, "")):
        for name in names:
            column = getattr(table, name)
            if column not in columns:
                parts.append(sql.SQL("NULL"))
            elif wanted:
                parts.append(sql.Identifier(column) + sql.SQL(wanted))
            else:
                parts.append(_day(column))
    statement = sql.SQL("SELECT {} FROM {} WHERE {} IS NOT NULL").format(
        sql.SQL(", ").join(parts),
        sql.Identifier(mapping.schema, table.table),
        sql.Identifier(table.code),
    )
    found = []
    for code, *rest in _ask(connection, statement, {}, should_stop):
        row: dict[str, Any] = dict(zip((*_TEXTS, *_NUMBERS, *_DAYS), rest, strict=True))
        row |= {name: (row[name] or "").strip() for name in _TEXTS}
        row |= {name: _ns(row[name]) for name in _DAYS}
        row |= {name: v if (v := row[name]) and v > 0 else None for name in _NUMBERS[:3]}
        found.append(Instrument(code, **row))
    return by_code(found)


def _memberships(
    connection: psycopg.Connection[Any], mapping: MarketMapping, should_stop: ShouldStop
) -> tuple[Membership, ...]:
    table = mapping.members
    statement = sql.SQL(
        "SELECT {index}::text, {code}::text, {since}, {until} FROM {table}"
        " WHERE {index} IS NOT NULL AND {code} IS NOT NULL ORDER BY 1, 2, 3 NULLS FIRST"
    ).format(
        index=sql.Identifier(table.index_name),
        code=sql.Identifier(table.code),
        since=_day(table.valid_from),
        until=_day(table.valid_to),
        table=sql.Identifier(mapping.schema, table.table),
    )
    return tuple(
        Membership(index, code, _ns(since), _ns(until))
        for index, code, since, until in _ask(connection, statement, {}, should_stop)
    )


def _actions(
    connection: psycopg.Connection[Any], mapping: MarketMapping, should_stop: ShouldStop
) -> tuple[CorporateAction, ...]:
    table = mapping.actions
    statement = sql.SQL(
        "SELECT {code}::text, {day}, lower({kind}::text), {value}::float8 FROM {table}"
        " WHERE {code} IS NOT NULL AND isfinite({date}) AND {value}::float8 > 0"
        " AND {value}::float8 < 'Infinity'"
        " AND lower({kind}::text) IN ('split', 'dividend') ORDER BY 2, 1, 3"
    ).format(
        code=sql.Identifier(table.code),
        day=_day(table.ex_date),
        date=sql.Identifier(table.ex_date),
        kind=sql.Identifier(table.kind),
        value=sql.Identifier(table.value),
        table=sql.Identifier(mapping.schema, table.table),
    )
    return tuple(
        CorporateAction(code, day * NS_PER_DAY, kind, value)
        for code, day, kind, value in _ask(connection, statement, {}, should_stop)
    )


def _columns(
    connection: psycopg.Connection[Any], schema: str, table: str, should_stop: ShouldStop
) -> dict[str, str]:
    """Return the columns of a table with the category of their types; none when it is missing."""
    statement = sql.SQL(
        "SELECT a.attname, t.typcategory::text FROM pg_class c"
        " JOIN pg_namespace n ON n.oid = c.relnamespace"
        " JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped"
        " JOIN pg_type t ON t.oid = a.atttypid"
        " WHERE n.nspname = %(schema)s AND c.relname = %(table)s ORDER BY a.attnum"
    )
    return dict(_ask(connection, statement, {"schema": schema, "table": table}, should_stop))


def _day(column: str) -> sql.Composed:
    """Return a date as days since 1970; an infinite one is none."""
    return sql.SQL("CASE WHEN isfinite({0}) THEN {0}::date - '1970-01-01'::date END").format(
        sql.Identifier(column)
    )


def _ns(day: int | None) -> int | None:
    return None if day is None else day * NS_PER_DAY


def _ask(
    connection: psycopg.Connection[Any],
    statement: sql.Composable,
    values: Mapping[str, Any],
    should_stop: ShouldStop,
) -> list[tuple[Any, ...]]:
    with (
        guarded(connection, silence_s=LOAD_SECONDS + GRACE_SECONDS, should_stop=should_stop),
        connection.transaction(),
    ):
        connection.execute("SET TRANSACTION READ ONLY")
        with connection.cursor(binary=True) as cursor:
            return cursor.execute(sql.Composed([statement]), values).fetchall()
