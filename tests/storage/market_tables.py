"""The default market tables, filled with what a test needs."""

import datetime as dt
from collections.abc import Iterable, Sequence
from typing import Any

import psycopg

Row = tuple[str, dt.date, Any, Any, Any, Any, int | None]


def create_tables(connection: psycopg.Connection[Any]) -> None:
    """Make the tables as traders have them, without rows."""
    connection.execute(
        "CREATE TABLE daily_prices (code text, date date, open_price numeric, high_price numeric,"
        " low_price numeric, close_price numeric, volume bigint, PRIMARY KEY (code, date))"
    )
    connection.execute(
        "CREATE TABLE index_daily_prices (index_name text, date date, close_value numeric,"
        " PRIMARY KEY (index_name, date))"
    )


def fill(connection: psycopg.Connection[Any], table: str, rows: Iterable[Sequence[Any]]) -> None:
    """Append rows to a table."""
    statement = psycopg.sql.SQL("COPY {} FROM STDIN").format(psycopg.sql.Identifier(table))
    with connection.cursor() as cursor, cursor.copy(statement) as copy:
        for row in rows:
            copy.write_row(row)
    connection.commit()


def day(text: str) -> dt.date:
    """Return the date of an ISO text."""
    return dt.date.fromisoformat(text)


def bar(code: str, date: str, close: Any = 100, volume: int | None = 10) -> Row:
    """Return a row whose prices all are the close."""
    return code, day(date), close, close, close, close, volume


def create_intraday(connection: psycopg.Connection[Any]) -> None:
    """Make the table of one-minute bars, without rows."""
    connection.execute(
        "CREATE TABLE bars (code text, ts timestamptz, open numeric, high numeric, low numeric,"
        " close numeric, volume bigint, PRIMARY KEY (code, ts))"
    )
