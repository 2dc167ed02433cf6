"""Bars inside the day from the trader's own PostgreSQL: one-minute bars, and longer ones made of them.

Read as `storage.market.bulk` reads days: one COPY, the bars of a symbol in one block. Longer bars begin at multiples of
their length since midnight UTC.
"""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import psycopg
from psycopg import sql

from engine.tick_series import bar_starts
from engine.types import TIMEFRAME_NS
from storage.market.bulk import copied, packed_numbers, reading
from storage.market.mapping import DEFAULT_MAPPING, MarketMapping
from storage.market.source import RawBars
from storage.stopping import ShouldStop, never

_NS_PER_MICROSECOND: Final = 1000
_COLUMNS: Final = ("open", "high", "low", "close", "volume")
_BAR: Final = np.dtype([("time", ">i8"), *((name, ">f8") for name in _COLUMNS)])


def load_intraday(
    connection: psycopg.Connection[Any],
    symbols: Sequence[str],
    timeframe: str,
    span: tuple[int, int],
    *,
    mapping: MarketMapping = DEFAULT_MAPPING,
    should_stop: ShouldStop = never,
) -> dict[str, RawBars]:
    """Return the bars of symbols that open within a span of instants, in order; a symbol without any is left out.

    Args:
        connection: open, and used by nobody else meanwhile.
        symbols: codes; those that the table does not have are no error.
        timeframe: length of the bars, from a minute to a day.
        span: first and last instant, UTC nanoseconds, both included.
        mapping: names of tables and columns.
        should_stop: asked fifty times a second.

    Raises:
        Stopped: ``should_stop`` said so.
        QueryTimeout: the server took too long.
        DatabaseConnectionError: the connection was lost.
        BacktestStorageError: the table or a column is missing, or may not be read.
    """
    with reading(connection, should_stop) as guard:
        # A column without a zone is taken to be UTC.
        connection.execute("SET LOCAL timezone TO 'UTC'")
        found = copied(connection, _packed(mapping, symbols, span), guard, _unpacked)
    return {symbol: merged(bars, timeframe) for symbol, bars in found.items()}


def _packed(mapping: MarketMapping, symbols: Sequence[str], span: tuple[int, int]) -> sql.Composed:
    names = mapping.intraday
    wanted = [symbol for symbol in dict.fromkeys(symbols) if "\0" not in symbol]
    first, last = (sql.Literal(str(np.datetime64(ns, "ns")) + "Z") for ns in span)
    return sql.SQL(
        "COPY (SELECT {code}::text, string_agg("
        "int8send((extract(epoch FROM {time}) * 1000000)::int8) || {numbers}, ''::bytea"
        " ORDER BY {time}) FROM {table} WHERE {code} = ANY({wanted}::text[])"
        " AND {time} >= {first}::timestamptz AND {time} <= {last}::timestamptz"
        " GROUP BY {code}) TO STDOUT (FORMAT binary)"
    ).format(
        code=sql.Identifier(names.code),
        time=sql.Identifier(names.time),
        numbers=packed_numbers((names.open, names.high, names.low, names.close, names.volume)),
        table=sql.Identifier(mapping.schema, names.table),
        wanted=sql.Literal(wanted),
        first=first,
        last=last,
    )


def _unpacked(packed: bytes) -> RawBars:
    records = np.frombuffer(packed, _BAR)
    columns = {name: records[name].astype(np.float64) for name in _COLUMNS}
    return RawBars(records["time"].astype(np.int64) * _NS_PER_MICROSECOND, **columns)


def merged(bars: RawBars, timeframe: str) -> RawBars:
    """Return bars of a longer timeframe: first open, highest high, lowest low, last close, all the volume.

    A price that is missing is missing in the longer bar, too: it is for the check of the bars to say so.

    Args:
        bars: in the order of time, each with a time.
        timeframe: a key of ``engine.types.TIMEFRAME_NS``.
    """
    begins, first = bar_starts(bars.time_ns, TIMEFRAME_NS[timeframe])
    if len(first) == len(begins):
        return bars
    volume = np.full(len(begins), np.nan) if bars.volume is None else bars.volume
    return RawBars(
        begins[first],
        bars.open[first],
        np.maximum.reduceat(bars.high, first),
        np.minimum.reduceat(bars.low, first),
        bars.close[np.append(first[1:], len(begins)) - 1],
        np.add.reduceat(volume, first),
    )
