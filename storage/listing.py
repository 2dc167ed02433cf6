"""Lists of runs: filters, three orders, and pages that stay right while new runs arrive.

A page continues after the last run of the one before (its sort value and id), so nothing is shown
twice or skipped. Undefined figures sort last in both directions.
"""

import base64
import binascii
import datetime as dt
import json
from typing import Any

import sqlalchemy as sa

from engine.errors import BacktestValidationError, Problem
from storage.records import RunFilter, RunPage, RunSort, RunSummary
from storage.schema import STATUSES, backtest_metrics, backtest_runs, datasets

_r, _m = backtest_runs.c, backtest_metrics.c
_SORTS: dict[str, sa.ColumnElement[Any]] = {
    "date": _r.created_at,
    "return": _m.total_return,
    "sharpe": _m.sharpe_ratio,
}
_STATUS_ALIASES = {"success": "completed", "pending": "queued"}
_SHORTEST = 8


def list_runs(
    connection: sa.Connection,
    where: RunFilter,
    sort: RunSort,
    descending: bool,
    limit: int,
    cursor: str | None,
) -> RunPage:
    """Return one page.

    Raises:
        BacktestValidationError: an unknown status or sort, a limit out of range, or a cursor of
        another list.
    """
    if sort not in _SORTS:
        raise BacktestValidationError(
            Problem("sort", f"{sort!r} is not a sort", f"choose one of {', '.join(_SORTS)}")
        )
    if not 1 <= limit <= 1000:
        raise BacktestValidationError(
            Problem("limit", f"{limit} is not allowed", "choose 1 to 1000")
        )
    joined = backtest_runs.outerjoin(backtest_metrics, _m.run_id == _r.id)
    conditions = _conditions(where)
    total = connection.execute(
        sa.select(sa.func.count()).select_from(backtest_runs).where(*conditions)
    ).scalar_one()
    key = _SORTS[sort]
    if cursor is not None:
        conditions.append(_after(cursor, sort, descending, key))
    direction = sa.desc if descending else sa.asc
    statement = (
        sa.select(*_COLUMNS, key.label("sort_key"))
        .select_from(joined)
        .where(*conditions)
        .order_by(key.is_(None), direction(key), direction(_r.id))
        .limit(limit + 1)
    )
    rows = connection.execute(statement).mappings().all()
    shown = rows[:limit]
    following = _encode(sort, descending, shown[-1]) if len(rows) > limit else None
    short = short_ids(connection, [row["id"] for row in shown])
    return RunPage(tuple(_summary(row, short[row["id"]]) for row in shown), following, total)


def short_ids(connection: sa.Connection, run_ids: list[str]) -> dict[str, str]:
    """Return for each id the shortest prefix (eight or more) that no other run shares."""
    out = {}
    for run_id in run_ids:
        before = connection.execute(sa.select(sa.func.max(_r.id)).where(_r.id < run_id)).scalar()
        after = connection.execute(sa.select(sa.func.min(_r.id)).where(_r.id > run_id)).scalar()
        shared = max(_common(run_id, other) for other in (before or "", after or ""))
        length = max(_SHORTEST, shared + 1)
        # A prefix that ends in a hyphen says nothing more than the one without.
        out[run_id] = run_id[: length + 1] if run_id[length - 1] == "-" else run_id[:length]
    return out


_COLUMNS = (
    _r.id,
    _r.created_at,
    _r.name,
    _r.strategy_name,
    _r.instrument_symbol,
    _r.timeframe,
    _r.status,
    _r.progress,
    _r.currency,
    _r.initial_capital,
    _r.starred,
    _r.tags,
    _m.final_balance,
    _m.total_return,
    _m.sharpe_ratio,
    _m.max_drawdown,
    _m.total_trades,
)


def _summary(row: sa.RowMapping, short_id: str) -> RunSummary:
    balance = row["final_balance"]
    same = ("created_at", "name", "strategy_name", "instrument_symbol", "timeframe", "status")
    figures = ("total_return", "sharpe_ratio", "max_drawdown", "total_trades")
    return RunSummary(
        run_id=row["id"],
        short_id=short_id,
        **{name: row[name] for name in same},
        progress=row["progress"],
        currency=row["currency"],
        initial_capital=float(row["initial_capital"]),
        starred=row["starred"],
        tags=tuple(row["tags"]),
        final_balance=None if balance is None else float(balance),
        **{name: row[name] for name in figures},
    )


def _conditions(where: RunFilter) -> list[sa.ColumnElement[bool]]:
    found: list[sa.ColumnElement[bool]] = [
        _r.trashed_at.is_not(None) if where.trashed else _r.trashed_at.is_(None)
    ]
    if where.strategy:
        found.append(sa.func.lower(_r.strategy_name) == where.strategy.lower())
    if where.instrument:
        found.append(_trades_instrument(where.instrument.lower()))
    if where.status:
        found.append(_r.status == _known_status(where.status))
    if where.created_from:
        found.append(_r.created_at >= _midnight(where.created_from))
    if where.created_to:
        found.append(_r.created_at < _midnight(where.created_to + dt.timedelta(days=1)))
    if where.starred is not None:
        found.append(_r.starred.is_(where.starred))
    return found


def _trades_instrument(wanted: str) -> sa.ColumnElement[bool]:
    each = sa.func.json_each(datasets.c.symbols).table_valued("value", name="each_symbol")
    among = (
        sa.select(sa.literal(1))
        .select_from(datasets.join(each, sa.true()))
        .where(datasets.c.id == _r.dataset_id, sa.func.lower(each.c.value) == wanted)
        .correlate(backtest_runs)
        .exists()
    )
    return sa.or_(sa.func.lower(_r.instrument_symbol) == wanted, among)


def _known_status(status: str) -> str:
    known = _STATUS_ALIASES.get(status.lower(), status.lower())
    if known not in STATUSES:
        allowed = ", ".join((*STATUSES, *_STATUS_ALIASES))
        raise BacktestValidationError(
            Problem("status", f"{status!r} is not a status", f"choose one of {allowed}")
        )
    return known


def _midnight(day: dt.date) -> dt.datetime:
    return dt.datetime.combine(day, dt.time(), dt.UTC)


def _after(
    cursor: str, sort: str, descending: bool, key: sa.ColumnElement[Any]
) -> sa.ColumnElement[bool]:
    value, run_id = _decode(cursor, sort, descending)
    beyond_id = _r.id < run_id if descending else _r.id > run_id
    if value is None:
        return sa.and_(key.is_(None), beyond_id)
    beyond = key < value if descending else key > value
    return sa.or_(beyond, sa.and_(key == value, beyond_id), key.is_(None))


def _encode(sort: str, descending: bool, row: sa.RowMapping) -> str:
    value = row["sort_key"]
    value = value.isoformat() if isinstance(value, dt.datetime) else value
    text = json.dumps([sort, descending, value, row["id"]])
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _decode(cursor: str, sort: str, descending: bool) -> tuple[Any, str]:
    try:
        raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        of_sort, of_direction, value, run_id = json.loads(raw)
        if not isinstance(run_id, str) or (of_sort, of_direction) != (sort, descending):
            raise ValueError
        if value is not None:
            value = dt.datetime.fromisoformat(value) if sort == "date" else float(value)
    except (ValueError, TypeError, binascii.Error, RecursionError) as error:
        shown = cursor if len(cursor) <= 40 else cursor[:39] + "…"
        raise BacktestValidationError(
            Problem(
                "cursor",
                f"{shown!r} does not continue this list",
                "take next_cursor of the page before",
            )
        ) from error
    return value, run_id


def _common(one: str, other: str) -> int:
    length = 0
    while length < min(len(one), len(other)) and one[length] == other[length]:
        length += 1
    return length
