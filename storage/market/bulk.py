"""All daily bars of a request by one COPY, a symbol at a time.

The server packs the bars of a symbol into one block of fixed-size records, so that a symbol is one
message and its columns come out of one buffer. For 2.4 million bars the client is busy for a fifth
of a second; with a message per bar it is busy, and with it the window, for almost four.

Identifiers come from the mapping through ``sql.Identifier``. COPY takes no parameters, so values go
through ``sql.Literal``.
"""

import datetime as dt
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

import numpy as np
import psycopg
from psycopg import sql

from engine.types import NS_PER_DAY
from storage.market.mapping import DEFAULT_MAPPING, MarketMapping
from storage.market.source import RawBars, Times
from storage.postgres import Guard, guarded
from storage.stopping import ShouldStop, never

OnRows = Callable[[int, int], None]

LOAD_SECONDS: Final = 120.0  # what a load may take on the server
GRACE_SECONDS: Final = 5.0  # beyond the server's own limit, before the socket is shut
_EPOCH_DAYS: Final = int(np.datetime64("2000-01-01", "D").astype(np.int64))  # PostgreSQL's day 0
_NO_TIME: Final = np.iinfo(np.int64).min
_FIRST_DAY, _LAST_DAY = np.iinfo(np.int32).min, np.iinfo(np.int32).max  # -infinity, infinity
_BAR: Final = np.dtype(
    [("date", ">i4"), *((name, ">f8") for name in ("open", "high", "low", "close", "volume"))]
)


def load_series(
    connection: psycopg.Connection[Any],
    symbols: Sequence[str] | None = None,
    start: dt.date | None = None,
    end: dt.date | None = None,
    *,
    mapping: MarketMapping = DEFAULT_MAPPING,
    on_rows: OnRows | None = None,
    should_stop: ShouldStop = never,
) -> dict[str, RawBars]:
    """Return the daily bars of symbols (all when None) from ``start`` to ``end``, both included.

    Symbols without bars are left out. Prices that are NULL come as NaN, a volume that is NULL too;
    dates are UTC midnights, in order. Takes one COPY, and with ``on_rows`` a COUNT before it.

    Args:
        connection: open, and used by nobody else meanwhile.
        symbols: codes; those that the table does not have are no error.
        start: first date, or None for the first there is.
        end: last date, or None.
        mapping: names of tables and columns.
        on_rows: told after each symbol how many rows are read, and how many there are.
        should_stop: asked fifty times a second.

    Raises:
        Stopped: ``should_stop`` said so; the answer takes less than a fifth of a second.
        QueryTimeout: the server took too long.
        DatabaseConnectionError: the connection was lost.
        BacktestStorageError: the table or a column is missing, or may not be read.
    """
    where = _where(mapping, symbols, start, end)
    table = sql.Identifier(mapping.schema, mapping.prices.table)
    with reading(connection, should_stop) as guard:
        total = 0
        if on_rows is not None:
            counted = sql.SQL("SELECT count(*) FROM {} {}").format(table, where)
            total = int(connection.execute(counted).fetchone()[0])  # type: ignore[index]
            on_rows(0, total)
        statement = _packed_bars(mapping, table, where)
        return copied(connection, statement, guard, _unpacked, on_rows, total)


@contextmanager
def reading(connection: psycopg.Connection[Any], should_stop: ShouldStop) -> Iterator[Guard]:
    """Read in one transaction, guarded against silence and stopped when it is asked for; nothing is written in it."""
    silence_s = LOAD_SECONDS + GRACE_SECONDS
    with (
        guarded(connection, silence_s=silence_s, should_stop=should_stop) as guard,
        connection.transaction(),
    ):
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        yield guard


def _packed_bars(
    mapping: MarketMapping, table: sql.Identifier, where: sql.Composable
) -> sql.Composed:
    """Return the COPY: one row per symbol, its bars as records of `_BAR` in one block of bytes."""
    prices = mapping.prices
    # Each value is sent as the binary protocol would, and the bytes of one bar joined; an absent
    # number must still take its eight bytes.
    numbers = packed_numbers((prices.open, prices.high, prices.low, prices.close, prices.volume))
    return sql.SQL(
        "COPY (SELECT {code}::text, string_agg(date_send({date}::date) || {numbers}, ''::bytea"
        " ORDER BY {date}) FROM {table} {where} GROUP BY {code}) TO STDOUT (FORMAT binary)"
    ).format(
        code=sql.Identifier(prices.code),
        date=sql.Identifier(prices.date),
        numbers=numbers,
        table=table,
        where=where,
    )


def packed_numbers(names: Sequence[str]) -> sql.Composed:
    """Return the expression that packs columns of numbers, NULL as NaN, eight bytes each."""
    return sql.SQL(" || ").join(
        sql.SQL("float8send(coalesce({}::float8, 'NaN'))").format(sql.Identifier(name))
        for name in names
    )


def _where(
    mapping: MarketMapping,
    symbols: Sequence[str] | None,
    start: dt.date | None,
    end: dt.date | None,
) -> sql.Composable:
    code, date = sql.Identifier(mapping.prices.code), sql.Identifier(mapping.prices.date)
    # Rows without a code or a date belong to nobody and to no time.
    parts: list[sql.Composable] = [
        sql.SQL("{} IS NOT NULL").format(code),
        sql.SQL("{} IS NOT NULL").format(date),
    ]
    if symbols is not None:
        wanted = [symbol for symbol in dict.fromkeys(symbols) if "\0" not in symbol]
        parts.append(sql.SQL("{} = ANY({}::text[])").format(code, sql.Literal(wanted)))
    if start is not None:
        parts.append(sql.SQL("{} >= {}::date").format(date, sql.Literal(start.isoformat())))
    if end is not None:
        parts.append(sql.SQL("{} <= {}::date").format(date, sql.Literal(end.isoformat())))
    return sql.SQL("WHERE ") + sql.SQL(" AND ").join(parts)


def copied(
    connection: psycopg.Connection[Any],
    statement: sql.Composed,
    guard: Guard,
    unpacked: Callable[[bytes], RawBars],
    on_rows: OnRows | None = None,
    total: int = 0,
) -> dict[str, RawBars]:
    """Return the bars by code that a COPY of codes and packed bars brings."""
    bars: dict[str, RawBars] = {}
    rows = 0
    # A stop comes from the guard, as an error of the connection: one that is raised in here would
    # make the driver ask the server to end the COPY, and a frozen server is waited for.
    with connection.cursor() as cursor, cursor.copy(statement) as copy:
        copy.set_types(["text", "bytea"])
        for code, packed in copy.rows():
            guard.heard()
            bars[code] = unpacked(packed)
            rows += len(bars[code].time_ns)
            if on_rows is not None:
                on_rows(rows, max(rows, total))
    return bars


def _unpacked(packed: bytes) -> RawBars:
    records = np.frombuffer(packed, _BAR)
    # Columns of our own: views would be strided, in the wrong byte order, and keep the block alive.
    names = ("open", "high", "low", "close", "volume")
    columns = {name: records[name].astype(np.float64) for name in names}
    return RawBars(_times(records["date"].astype(np.int64)), **columns)


def _times(days: Times) -> Times:
    """Return UTC midnights of days since 2000; infinite dates are no time."""
    known = (days != _FIRST_DAY) & (days != _LAST_DAY)
    return np.where(known, (days + _EPOCH_DAYS) * NS_PER_DAY, _NO_TIME)
