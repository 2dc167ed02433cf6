"""The rows of a run as columns of the values that SQLite keeps, read and written in bulk.

A run can have a hundred thousand trades of thirty values each. So values pass by the column, past
every conversion of single ones, and the rules of a table are asked once of all rows.
"""

import contextlib
import json
import re
from collections.abc import Sequence
from itertools import islice, repeat
from typing import Any, Final, cast

import sqlalchemy as sa

from storage.errors import BacktestStorageError
from storage.schema import (
    backtest_fills,
    backtest_orders,
    backtest_snapshots,
    backtest_trades,
)
from storage.stopping import ShouldStop, check, never

Columns = dict[str, Sequence[Any]]

ROW_ORDER: Final = {
    backtest_orders: backtest_orders.c.order_no,
    backtest_fills: backtest_fills.c.fill_no,
    backtest_trades: backtest_trades.c.trade_no,
    backtest_snapshots: backtest_snapshots.c.at,
}
TABLES: Final = tuple(ROW_ORDER)
_NUMBERS: Final = re.compile(r"\[[0-9.,e+-]*\]")
_BATCH: Final = 4096  # rows that are inserted before somebody may stop it


def columns_of(connection: sa.Connection, table: sa.Table, run_id: str) -> Columns:
    """Return the rows of a run as columns, in their order."""
    wanted = [column for column in table.columns if column.name not in ("id", "run_id")]
    statement = (
        sa.select(*wanted)
        .where(table.c.run_id == run_id)
        .order_by(ROW_ORDER[table])
        .compile(dialect=connection.dialect)
    )
    # Straight from the driver: rows of SQLAlchemy would convert value by value. Letting SQLite join
    # the columns into texts was tried: it is no faster.
    with contextlib.closing(connection.connection.cursor()) as cursor:
        cursor.execute(str(statement), (run_id,))
        columns = list(zip(*cursor.fetchall(), strict=True)) or [()] * len(wanted)
    return {column.name: values for column, values in zip(wanted, columns, strict=True)}


def insert(
    connection: sa.Connection,
    run_id: str,
    rows: dict[sa.Table, Columns],
    should_stop: ShouldStop = never,
) -> None:
    """Insert the rows of a run into SQLite, some thousands at a time.

    The rules of a table are asked once, of all rows together: row by row, those with a list of
    words cost more than everything else.

    Raises:
        BacktestStorageError: a value breaks a rule; the caller's transaction is to be rolled back.
        Stopped: ``should_stop`` said so.
    """
    connection.exec_driver_sql("PRAGMA ignore_check_constraints = ON")
    try:
        for table, columns in rows.items():
            if len(next(iter(columns.values()))):
                _insert(connection, table, run_id, columns, should_stop)
    finally:
        connection.exec_driver_sql("PRAGMA ignore_check_constraints = OFF")


def _insert(
    connection: sa.Connection,
    table: sa.Table,
    run_id: str,
    columns: Columns,
    should_stop: ShouldStop,
) -> None:
    statement = sa.insert(table).compile(
        dialect=connection.dialect, column_keys=["run_id", *columns]
    )
    order = [str(name) for name in statement.positiontup or ()]
    count = len(next(iter(columns.values())))
    rows = zip(*(repeat(run_id) if n == "run_id" else columns[n] for n in order), strict=False)
    # Straight to the driver and without a list: one tuple serves all rows.
    with contextlib.closing(connection.connection.cursor()) as cursor:
        for _ in range(0, count, _BATCH):
            check(should_stop)
            cursor.executemany(str(statement), cast(Any, islice(rows, _BATCH)))
    check(should_stop)
    _ask_rules(connection, table, run_id)


def _ask_rules(connection: sa.Connection, table: sa.Table, run_id: str) -> None:
    # As the constraint itself does, this lets pass what is unknown.
    broken = {
        str(rule.name): sa.not_(sa.literal_column(f"({rule.sqltext})", sa.Boolean))
        for rule in table.constraints
        if isinstance(rule, sa.CheckConstraint)
    }
    found = sa.select(*broken.values()).where(table.c.run_id == run_id, sa.or_(*broken.values()))
    row = connection.execute(found.limit(1)).one_or_none()
    if row is not None:
        names = [name for name, is_broken in zip(broken, row, strict=True) if is_broken]
        raise BacktestStorageError(
            f"The database refused a value that breaks one of its rules ({', '.join(names)})"
        )


def canonical(values: Sequence[Any]) -> bytes:
    """Return the JSON of a column: no spaces, ASCII only.

    Plain texts, and plain numbers, as almost every column holds, are written in one stroke: the
    general way takes four times as long.
    """
    try:
        text = '","'.join(values)
    except TypeError:  # not only texts
        text = str(list(values)).replace(", ", ",")
        if _NUMBERS.fullmatch(text):
            return text.encode()
    else:
        if values and text.isascii() and text.isprintable() and _needs_no_escape(text, len(values)):
            return f'["{text}"]'.encode()
    return json.dumps(list(values), sort_keys=True, separators=(",", ":")).encode()


def _needs_no_escape(text: str, count: int) -> bool:
    """Tell whether the only quotes are those between the values."""
    return "\\" not in text and text.count('"') == 2 * (count - 1)
