"""Single trades and quotes from the trader's own PostgreSQL: the optional table ``ticks``.

Like the bars (`storage.market.bulk`) they come by one COPY, packed by the server: here a message a symbol and day,
because no value of PostgreSQL may be larger than a gigabyte.
"""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any, Final

import numpy as np
import psycopg
from psycopg import sql

from engine.tick_series import TICK, TickSeries
from engine.types import NS_PER_SECOND
from storage.errors import BacktestStorageError
from storage.market.bulk import reading
from storage.market.mapping import MarketMapping, TickTable
from storage.market.source import RawBars, SymbolInfo, Times, Warmup
from storage.market.timescale import DatabaseSource, ask
from storage.stopping import ShouldStop

_NUMBERS: Final = ("price", "size", "bid", "ask", "bid_size", "ask_size")
_EVENT: Final = np.dtype([("ts", ">i8"), *((name, ">f8") for name in _NUMBERS)])
_EPOCH_US: Final = int(np.datetime64("2000-01-01", "us").astype(np.int64))  # PostgreSQL's instant 0
_NO_TIME: Final = np.iinfo(np.int64).min
_ENDLESS: Final = (np.iinfo(np.int64).min, np.iinfo(np.int64).max)  # -infinity, infinity
_UTC: Final = sql.SQL(" at time zone 'UTC'")


class TickDatabase(DatabaseSource):
    """A profile's table of ticks as a source; what lies beside it is that of the bars."""

    def symbols(self) -> tuple[SymbolInfo, ...]:
        """Return what the table of ticks has, in bytewise order of the codes; reads all of it once."""
        if self._symbols is None:
            names = self._mapping.ticks
            statement = sql.SQL(
                "SELECT {code}::text, count(*), (extract(epoch FROM min({ts})) * 1000000)::bigint,"
                " (extract(epoch FROM max({ts})) * 1000000)::bigint FROM {table}"
                " WHERE {code} IS NOT NULL AND isfinite({ts}) GROUP BY {code}"
            ).format(**_named(self._mapping))
            with self._connection() as connection:
                _check_table(connection, self._mapping, self._should_stop)
                found = ask(connection, statement, {}, self._should_stop)
            self._symbols = tuple(
                SymbolInfo(
                    code,
                    TICK,
                    self._mapping.currency,
                    self._mapping.adjustment,
                    count,
                    first * 1000,
                    last * 1000,
                    f"{self.label} ({names.table})",
                )
                for code, count, first, last in sorted(found, key=lambda row: str(row[0]).encode())
            )
        return self._symbols

    def bars(self, symbols: Sequence[str], *_range: Any, **_more: Any) -> dict[str, RawBars]:
        """Return nothing: bars of other lengths are another source."""
        return {}

    def ticks(
        self,
        symbols: Sequence[str],
        start: dt.date | None = None,
        end: dt.date | None = None,
        *,
        warmup: Warmup,
    ) -> dict[str, TickSeries]:
        """Return the ticks of a range by symbol, with warm-up before it, by time.

        The server knows no order of what stands at one instant: quotes come first, then trades, each by price and
        size, so that the same rows are the same run.
        """
        with self._connection() as connection:
            there = _check_table(connection, self._mapping, self._should_stop)
            since = None if start is None else _midnight(start)
            if since is not None and warmup.amount > 0:
                since = self._warm(connection, symbols, since, warmup)
            until = None if end is None else _midnight(end + dt.timedelta(days=1))
            where = _where(self._mapping, symbols, since, until)
            statement = _packed(self._mapping, where, there)
            return _copied(connection, statement, self._should_stop)

    def _warm(
        self,
        connection: psycopg.Connection[Any],
        symbols: Sequence[str],
        start: dt.datetime,
        warmup: Warmup,
    ) -> dt.datetime:
        """Return the instant from which each symbol has its warm-up before ``start``, if it has.

        Bars are found one by one from the start backwards, each by the last tick before the one found: with an index
        on code and time that takes as many look-ups as bars, however many ticks there are.
        """
        if warmup.step_ns == 0:
            statement = sql.SQL(
                "SELECT min(earlier.ts) FROM unnest(%(symbols)s::text[]) AS wanted(code), LATERAL"
                " (SELECT {ts} AS ts FROM {table} WHERE {code} = wanted.code AND {ts} < %(start)s"
                " AND isfinite({ts}) ORDER BY {ts} DESC LIMIT %(count)s) AS earlier"
            )
        else:
            # to_timestamp takes a double: whole seconds are exact in it
            statement = sql.SQL(
                "WITH RECURSIVE bars(code, ts, n) AS (SELECT code, %(start)s::timestamptz, 0"
                " FROM unnest(%(symbols)s::text[]) AS wanted(code) UNION ALL"
                " SELECT bars.code, to_timestamp(floor(extract(epoch FROM found.last)"
                " / %(step)s)::bigint * %(step)s), bars.n + 1 FROM bars, LATERAL"
                " (SELECT max({ts}) AS last FROM {table} WHERE {code} = bars.code"
                " AND {ts} < bars.ts AND isfinite({ts})) AS found"
                " WHERE bars.n < %(count)s AND found.last IS NOT NULL) SELECT min(ts) FROM bars"
            )
        values = {
            "symbols": [symbol for symbol in symbols if "\0" not in symbol],
            "start": start,
            "count": warmup.amount,
            "step": warmup.step_ns // NS_PER_SECOND,
        }
        named = statement.format(**_named(self._mapping))
        found: dt.datetime | None = ask(connection, named, values, self._should_stop)[0][0]
        return found or start


def _named(mapping: MarketMapping) -> dict[str, sql.Composable]:
    names = mapping.ticks
    return {
        "code": sql.Identifier(names.code),
        "ts": sql.Identifier(names.ts),
        "table": sql.Identifier(mapping.schema, names.table),
    }


def _check_table(
    connection: psycopg.Connection[Any], mapping: MarketMapping, should_stop: ShouldStop
) -> frozenset[str]:
    """Return the columns that the table of ticks has.

    Raises:
        BacktestStorageError: there is no such table, or one of its columns is missing.
    """
    statement = sql.SQL(
        "SELECT a.attname::text FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid"
        " JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = %(schema)s"
        " AND c.relname = %(table)s AND a.attnum > 0 AND NOT a.attisdropped"
    )
    names = mapping.ticks
    values = {"schema": mapping.schema, "table": names.table}
    there = frozenset(row[0] for row in ask(connection, statement, values, should_stop))
    if not there:
        raise BacktestStorageError(
            f"The database has no table {mapping.schema}.{names.table} of ticks",
            hint="choose bars as data.timeframe, or another source",
        )
    missing = [
        name
        for one in fields(TickTable)
        if one.name != "table"
        and (name := getattr(names, one.name)) not in there
        and name not in names.optional
    ]
    if missing:
        raise BacktestStorageError(
            f"The table {mapping.schema}.{names.table} has no column {', '.join(missing)}",
            hint=f"it needs {names.code}, {names.ts}, {names.price} and {names.size}",
        )
    return there


def _where(
    mapping: MarketMapping,
    symbols: Sequence[str],
    since: dt.datetime | None,
    until: dt.datetime | None,
) -> sql.Composable:
    named = _named(mapping)
    wanted = [symbol for symbol in dict.fromkeys(symbols) if "\0" not in symbol]
    parts: list[sql.Composable] = [
        sql.SQL("{ts} IS NOT NULL").format(ts=named["ts"]),
        sql.SQL("{} = ANY({}::text[])").format(named["code"], sql.Literal(wanted)),
    ]
    for instant, sign in ((since, ">="), (until, "<")):
        if instant is not None:
            bound = sql.Literal(instant.isoformat())
            parts.append(sql.SQL("{} {} {}::timestamptz").format(named["ts"], sql.SQL(sign), bound))
    return sql.SQL("WHERE ") + sql.SQL(" AND ").join(parts)


def _packed(mapping: MarketMapping, where: sql.Composable, there: frozenset[str]) -> sql.Composable:
    """Return the COPY: one row per symbol and UTC day, its ticks as records of `_EVENT` in one block of bytes."""
    names, named = mapping.ticks, _named(mapping)
    columns = {name: getattr(names, name) for name in _NUMBERS}
    absent = sql.SQL("'NaN'::float8")
    numbers = {
        name: sql.SQL("coalesce({}::float8, 'NaN')").format(sql.Identifier(column))
        if column in there
        else absent
        for name, column in columns.items()
    }
    record = sql.SQL(" || ").join(
        (
            sql.SQL("timestamptz_send({}::timestamptz)").format(named["ts"]),
            *(sql.SQL("float8send({})").format(number) for number in numbers.values()),
        )
    )
    # NaN sorts after every number: of one instant what has no price, a quote, must come first.
    order = sql.SQL(", ").join(
        (
            named["ts"],
            sql.SQL("({} <> 'NaN')").format(numbers["price"]),
            *numbers.values(),
        )
    )
    day = sql.SQL("date_trunc('day', {}{})").format(named["ts"], _UTC)
    return sql.SQL(
        "COPY (SELECT {code}::text, string_agg({record}, ''::bytea ORDER BY {order})"
        " FROM {table} {where} GROUP BY {code}, {day} ORDER BY {code}, {day})"
        " TO STDOUT (FORMAT binary)"
    ).format(**named, record=record, order=order, where=where, day=day)


def _copied(
    connection: psycopg.Connection[Any], statement: sql.Composable, should_stop: ShouldStop
) -> dict[str, TickSeries]:
    parts: dict[str, list[bytes]] = {}
    with (
        reading(connection, should_stop) as guard,
        connection.cursor() as cursor,
        cursor.copy(sql.Composed([statement])) as copy,
    ):
        copy.set_types(["text", "bytea"])
        for code, packed in copy.rows():
            guard.heard()
            parts.setdefault(code, []).append(packed)
    return {code: _unpacked(b"".join(parts.pop(code))) for code in list(parts)}


def _unpacked(packed: bytes) -> TickSeries:
    records = np.frombuffer(packed, _EVENT)
    columns: Mapping[str, Any] = {name: records[name].astype(np.float64) for name in _NUMBERS}
    return TickSeries(_times(records["ts"].astype(np.int64)), **columns)


def _times(microseconds: Times) -> Times:
    """Return UTC nanoseconds of microseconds since 2000; infinite instants are no time."""
    known = (microseconds != _ENDLESS[0]) & (microseconds != _ENDLESS[1])
    return np.where(known, (microseconds + _EPOCH_US) * 1000, _NO_TIME)


def _midnight(day: dt.date) -> dt.datetime:
    return dt.datetime.combine(day, dt.time(), dt.UTC)
