"""The outbox: which finished runs the team's database still has to get.

A row is written in the transaction that ends a run, so no finished run can be without one. It
leaves the state ``waiting`` only for ``sent``, when the server has been seen to have the run, or for
``held``, when the server will never take it as it is.
"""

import datetime as dt
from dataclasses import dataclass

import sqlalchemy as sa

from storage.connect import LocalDatabase
from storage.schema import outbox

LONGEST_REASON = 500


@dataclass(frozen=True, slots=True)
class Item:
    """One run that waits; ``attempts`` counts the tries that failed."""

    seq: int
    run_id: str
    attempts: int


@dataclass(frozen=True, slots=True)
class Held:
    """A run that was set aside, and why."""

    run_id: str
    reason: str


@dataclass(frozen=True, slots=True)
class Counts:
    """How many wait, how many were set aside, and when the last one arrived."""

    waiting: int
    held: int
    last_sent: dt.datetime | None


def next_due(database: LocalDatabase, *, after: int, at: dt.datetime | None) -> Item | None:
    """Return the first item behind ``after`` whose pause is over by ``at``; None asks no pause."""
    due = sa.select(outbox.c.seq, outbox.c.run_id, outbox.c.attempts).where(
        outbox.c.state == "waiting", outbox.c.op == "push", outbox.c.seq > after
    )
    if at is not None:
        due = due.where(sa.or_(outbox.c.next_try.is_(None), outbox.c.next_try <= at))
    with database.read() as connection:
        row = connection.execute(due.order_by(outbox.c.seq).limit(1)).one_or_none()
    return None if row is None else Item(row.seq, row.run_id, row.attempts)


def mark_sent(database: LocalDatabase, item: Item, at: dt.datetime) -> None:
    """Note that the server has the run."""
    _settle(database, item, state="sent", sent_at=at, next_try=None, last_error=None)


def postpone(database: LocalDatabase, item: Item, until: dt.datetime, reason: str) -> None:
    """Try the run again, but not before ``until``."""
    _settle(database, item, attempts=item.attempts + 1, next_try=until, last_error=_short(reason))


def hold(database: LocalDatabase, item: Item, reason: str) -> None:
    """Set the run aside: trying it again as it is would be in vain."""
    _settle(
        database,
        item,
        state="held",
        attempts=item.attempts + 1,
        next_try=None,
        last_error=_short(reason),
    )


def release_held(database: LocalDatabase) -> int:
    """Put what was set aside back in line, and return how many."""
    with database.write() as connection:
        return connection.execute(
            sa.update(outbox)
            .where(outbox.c.state == "held")
            .values(state="waiting", attempts=0, next_try=None)
        ).rowcount


def counts(database: LocalDatabase) -> Counts:
    """Count what waits and what was set aside."""
    with database.read() as connection:
        found = connection.execute(
            sa.select(
                sa.func.count().filter(outbox.c.state == "waiting"),
                sa.func.count().filter(outbox.c.state == "held"),
                sa.func.max(outbox.c.sent_at),
            )
        ).one()
    return Counts(*found)


def held(database: LocalDatabase) -> tuple[Held, ...]:
    """Return what was set aside, oldest first."""
    with database.read() as connection:
        rows = connection.execute(
            sa.select(outbox.c.run_id, outbox.c.last_error)
            .where(outbox.c.state == "held")
            .order_by(outbox.c.seq)
        )
        return tuple(Held(row.run_id, row.last_error or "") for row in rows)


def _settle(database: LocalDatabase, item: Item, **values: object) -> None:
    # Another process may have sent it meanwhile: what has arrived stays arrived.
    with database.write() as connection:
        connection.execute(
            sa.update(outbox)
            .where(outbox.c.seq == item.seq, outbox.c.state == "waiting")
            .values(**values)
        )


def _short(reason: str) -> str:
    return reason if len(reason) <= LONGEST_REASON else reason[: LONGEST_REASON - 1] + "…"
