"""Prices from the trader's own PostgreSQL, with TimescaleDB or without.

Nothing here needs TimescaleDB: a hypertable reads as a table does. All transactions are read-only,
names of tables and columns come from the mapping through ``sql.Identifier``, and values are
parameters. The bars themselves come through `storage.market.bulk`.
"""

import contextlib
import datetime as dt
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, Final

import numpy as np
import psycopg
from psycopg import sql

from engine.types import NS_PER_DAY
from storage.errors import BacktestStorageError
from storage.market.bulk import GRACE_SECONDS, LOAD_SECONDS, OnRows, load_series
from storage.market.intraday import load_intraday
from storage.market.mapping import DEFAULT_MAPPING, MarketMapping
from storage.market.reference import FieldSeries, Reference
from storage.market.source import Floats, MarketSource, RawBars, SymbolInfo, Times
from storage.market.timescale_reference import read_fields, read_reference
from storage.postgres import CONNECT_SECONDS, Connector, OnRefused, guarded
from storage.profiles import Profile
from storage.stopping import ShouldStop, never

ASK_SECONDS: Final = 30.0  # what a list may take


def list_symbols(
    connection: psycopg.Connection[Any],
    *,
    mapping: MarketMapping = DEFAULT_MAPPING,
    origin: str = "",
    should_stop: ShouldStop = never,
) -> tuple[SymbolInfo, ...]:
    """Return what the price table has, in bytewise order of the codes; reads all of it once."""
    names = mapping.prices
    statement = sql.SQL(
        "SELECT {code}::text, count(*), min({date}::date) - '1970-01-01'::date,"
        " max({date}::date) - '1970-01-01'::date FROM {table}"
        " WHERE {code} IS NOT NULL AND isfinite({date}) GROUP BY {code}"
    ).format(
        code=sql.Identifier(names.code),
        date=sql.Identifier(names.date),
        table=sql.Identifier(mapping.schema, names.table),
    )
    found = ask(connection, statement, {}, should_stop)
    return tuple(
        SymbolInfo(
            code,
            "1d",
            mapping.currency,
            mapping.adjustment,
            count,
            first * NS_PER_DAY,
            last * NS_PER_DAY,
            origin,
        )
        for code, count, first, last in sorted(found, key=lambda row: str(row[0]).encode())
    )


def load_index(
    connection: psycopg.Connection[Any],
    name: str,
    *,
    mapping: MarketMapping = DEFAULT_MAPPING,
    should_stop: ShouldStop = never,
) -> tuple[Times, Floats] | None:
    """Return dates (UTC midnights) and closes of an index in order, or None when there is none.

    Closes that are NULL are left out.
    """
    names = mapping.indexes
    statement = sql.SQL(
        "SELECT {date}::date - '1970-01-01'::date, {value}::float8 FROM {table}"
        " WHERE {name} = %(name)s AND {value} IS NOT NULL AND isfinite({date}) ORDER BY {date}"
    ).format(
        name=sql.Identifier(names.name),
        date=sql.Identifier(names.date),
        value=sql.Identifier(names.value),
        table=sql.Identifier(mapping.schema, names.table),
    )
    if "\0" in name or not (found := ask(connection, statement, {"name": name}, should_stop)):
        return None
    days, values = zip(*found, strict=True)
    return np.array(days, np.int64) * NS_PER_DAY, np.array(values, np.float64)


def list_indexes(
    connection: psycopg.Connection[Any],
    *,
    mapping: MarketMapping = DEFAULT_MAPPING,
    should_stop: ShouldStop = never,
) -> tuple[str, ...]:
    """Return the names of the indexes; none when the database has no such table."""
    if not _has_table(connection, mapping.schema, mapping.indexes.table, should_stop):
        return ()
    statement = sql.SQL(
        "SELECT DISTINCT {name}::text FROM {table} WHERE {name} IS NOT NULL"
    ).format(
        name=sql.Identifier(mapping.indexes.name),
        table=sql.Identifier(mapping.schema, mapping.indexes.table),
    )
    return tuple(sorted(str(row[0]) for row in ask(connection, statement, {}, should_stop)))


def start_with_warmup(
    connection: psycopg.Connection[Any],
    symbols: Sequence[str],
    start: dt.date,
    bars: int,
    *,
    mapping: MarketMapping = DEFAULT_MAPPING,
    should_stop: ShouldStop = never,
) -> dt.date:
    """Return the date from which each symbol has ``bars`` bars before ``start``, if it has."""
    names = mapping.prices
    statement = sql.SQL(
        "SELECT min(earlier.day) FROM unnest(%(symbols)s::text[]) AS wanted(code), LATERAL"
        " (SELECT {date}::date AS day FROM {table} WHERE {code} = wanted.code"
        " AND {date} < %(start)s AND isfinite({date}) ORDER BY {date} DESC LIMIT %(bars)s) AS earlier"
    ).format(
        code=sql.Identifier(names.code),
        date=sql.Identifier(names.date),
        table=sql.Identifier(mapping.schema, names.table),
    )
    values = {"symbols": [s for s in symbols if "\0" not in s], "start": start, "bars": bars}
    return ask(connection, statement, values, should_stop)[0][0] or start


def _has_table(
    connection: psycopg.Connection[Any], schema: str, table: str, should_stop: ShouldStop
) -> bool:
    statement = sql.SQL(
        "SELECT 1 FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
        " WHERE n.nspname = %(schema)s AND c.relname = %(table)s"
    )
    return bool(ask(connection, statement, {"schema": schema, "table": table}, should_stop))


def ask(
    connection: psycopg.Connection[Any],
    statement: sql.Composable,
    values: Mapping[str, Any],
    should_stop: ShouldStop,
) -> list[tuple[Any, ...]]:
    """Return the rows of a statement, read-only, in `ASK_SECONDS` at most."""
    silence_s = ASK_SECONDS + GRACE_SECONDS
    with (
        guarded(connection, silence_s=silence_s, should_stop=should_stop),
        connection.transaction(),
    ):
        connection.execute("SET TRANSACTION READ ONLY")
        with connection.cursor(binary=True) as cursor:
            return cursor.execute(sql.Composed([statement]), values).fetchall()


class DatabaseSource:
    """A profile's database as a source of bars, over one connection; connects when first asked.

    ``all`` is its universe, and the names in its index table are its series.
    """

    def __init__(self, connect: Connector, mapping: MarketMapping = DEFAULT_MAPPING) -> None:
        """Take what opens connections that read; `open_source` makes it."""
        self.label = connect.profile.name
        self.calendar = mapping.calendar
        self._connect = connect
        self._should_stop = connect.should_stop
        self._mapping = mapping
        self._open: psycopg.Connection[Any] | None = None
        self._symbols: tuple[SymbolInfo, ...] | None = None
        self._reference: Reference | None = None

    def symbols(self) -> tuple[SymbolInfo, ...]:
        """Return what the price table has."""
        if self._symbols is None:
            with self._connection() as connection:
                self._symbols = list_symbols(
                    connection,
                    mapping=self._mapping,
                    origin=self.label,
                    should_stop=self._should_stop,
                )
        return self._symbols

    def bars(
        self,
        symbols: Sequence[str],
        start: dt.date | None = None,
        end: dt.date | None = None,
        *,
        warmup_bars: int = 0,
        on_rows: OnRows | None = None,
    ) -> dict[str, RawBars]:
        """Return the bars of symbols: of all time, or of a range with warm-up before it."""
        asked: dict[str, Any] = {"mapping": self._mapping, "should_stop": self._should_stop}
        with self._connection() as connection:
            if start is not None and warmup_bars > 0:
                start = start_with_warmup(connection, symbols, start, warmup_bars, **asked)
            return load_series(connection, symbols, start, end, on_rows=on_rows, **asked)

    def intraday(
        self, symbols: Sequence[str], timeframe: str, span: tuple[int, int]
    ) -> dict[str, RawBars]:
        """Return bars inside the day, made of one-minute bars; none where the database has no such table."""
        table, schema = self._mapping.intraday.table, self._mapping.schema
        asked: dict[str, Any] = {"mapping": self._mapping, "should_stop": self._should_stop}
        with self._connection() as connection:
            if not _has_table(connection, schema, table, self._should_stop):
                return {}
            return load_intraday(connection, symbols, timeframe, span, **asked)

    def reference(self) -> Reference:
        """Return what the tables beside the prices say; those that are missing say nothing."""
        if self._reference is None:
            with self._connection() as connection:
                self._reference = read_reference(connection, self._mapping, self._should_stop)
        return self._reference

    def field_series(
        self, names: Collection[str], codes: Sequence[str]
    ) -> dict[str, dict[str, FieldSeries]]:
        """Return the values of fields by field and code."""
        with self._connection() as connection:
            return read_fields(connection, self._mapping, names, codes, self._should_stop)

    def universe(self, name: str) -> tuple[str, ...] | None:
        """Return every symbol as ``all``."""
        return tuple(info.symbol for info in self.symbols()) if name == "all" else None

    def universes(self) -> tuple[str, ...]:
        """Return ``all``."""
        return ("all",)

    def series(self, name: str) -> tuple[Times, Floats] | None:
        """Return an index, ``KOSPI`` for one, or None when there is none of this name."""
        if name not in self.series_names():
            return None
        with self._connection() as connection:
            return load_index(
                connection, name, mapping=self._mapping, should_stop=self._should_stop
            )

    def series_names(self) -> tuple[str, ...]:
        """Return the names of the indexes."""
        with self._connection() as connection:
            return list_indexes(connection, mapping=self._mapping, should_stop=self._should_stop)

    def of_ticks(self) -> MarketSource:
        """Return what the database has of single trades and quotes as a source of its own."""
        from storage.market.timescale_ticks import TickDatabase

        return TickDatabase(self._connect, self._mapping)

    def close(self) -> None:
        """Close the connection."""
        if self._open is not None:
            self._open.close()
            self._open = None

    @contextlib.contextmanager
    def _connection(self) -> Iterator[psycopg.Connection[Any]]:
        """Lend the connection; one that broke meanwhile is replaced, one that breaks thrown away."""
        if self._open is None or not self._still_answers(self._open):
            self.close()
            self._open = self._connect()
            self._open.autocommit = True  # transactions are begun where they are needed
        try:
            yield self._open
        except BaseException:
            self.close()
            raise

    def _still_answers(self, connection: psycopg.Connection[Any]) -> bool:
        try:
            with guarded(connection, silence_s=CONNECT_SECONDS, should_stop=self._should_stop):
                connection.execute("SELECT 1")
        except BacktestStorageError:
            return False
        return True


def open_source(
    profile: Profile,
    password: str | None,
    mapping: MarketMapping = DEFAULT_MAPPING,
    *,
    should_stop: ShouldStop = never,
    on_refused: OnRefused | None = None,
) -> DatabaseSource:
    """Return the source that a profile names; whatever it is for, it is read only.

    ``should_stop`` ends every wait for the server with `storage.errors.Stopped`; ``on_refused`` is told of a password
    that the server does not take.

    Raises:
        BacktestStorageError: the profile is one of a team's runs.
    """
    if profile.purpose != "market":
        raise BacktestStorageError(
            f"The profile {profile.name!r} is for shared runs, not for prices",
            hint='choose or make a profile with purpose = "market"',
        )
    reading = profile.model_copy(update={"read_only": True})
    connect = Connector(
        reading,
        password,
        should_stop=should_stop,
        on_refused=on_refused,
        statement_timeout_s=LOAD_SECONDS,
    )
    return DatabaseSource(connect, mapping)
