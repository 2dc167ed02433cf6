"""One pass over the outbox: what waits goes to the team's database, a run at a time.

    connect → are the tables there, and may we? → for each run that is due:
    read it here → write it there, one transaction, read back → commit → note that it arrived

Each arrow may break. Before the commit the server forgets all of it; after it the run is found
again by its id when it is sent a second time. Only then is it noted here.
"""

import contextlib
import datetime as dt
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final, Literal

import psycopg
import sqlalchemy as sa
from sqlalchemy.pool import StaticPool

from storage.connect import LocalDatabase
from storage.postgres import Guard, guarded
from storage.reading import now
from storage.runs import RunStore
from storage.shared.setup import look, require_ready
from storage.stopping import ShouldStop, never
from storage.sync import outbox, verdict
from storage.sync.backoff import pause_seconds
from storage.sync.outbox import Item
from storage.sync.parcel import read_parcel
from storage.sync.push import push
from storage.sync.verdict import Verdict

Connect = Callable[[], psycopg.Connection[Any]]
End = Literal["done", "offline", "needs_password", "blocked", "stopped"]

SILENCE_SECONDS: Final = 45.0  # longer than a statement may take there
_ENDS: Final[dict[Verdict, End]] = {
    Verdict.OFFLINE: "offline",
    Verdict.PASSWORD: "needs_password",
    Verdict.BLOCKED: "blocked",
}


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one run, or of the connection (then ``run_id`` is None).

    ``error`` is None for a run that arrived.
    """

    run_id: str | None
    verdict: Verdict | None = None
    reason: str = ""
    error: Exception | None = None


@dataclass(frozen=True, slots=True)
class SyncReport:
    """What a pass came to.

    Attributes:
        end: ``done``: all that was due was tried; ``offline``: the server was out of reach or broke
            off, try again later; ``needs_password``: the login was refused and is not tried again;
            ``blocked``: somebody has to change something; ``stopped``: as asked.
        sent: runs that are there now (also those that were there without our knowing).
        waiting: runs that still have to go.
        failed: runs that were set aside, in this pass or before.
        last_error: the last failure as one sentence; empty without one.
        outcomes: what happened, in order.
    """

    end: End
    sent: int
    waiting: int
    failed: int
    last_error: str
    outcomes: tuple[Outcome, ...]


def push_pending(
    store: RunStore,
    connect: Connect,
    *,
    force: bool = False,
    should_stop: ShouldStop = never,
) -> SyncReport:
    """Send every finished run that is due; takes the runs that finish meanwhile, too.

    Nothing is connected to while nothing is due. Several processes may do this at once.

    Args:
        store: the local database.
        connect: opens a connection to the team's, as `storage.postgres.Connector` does.
        force: also send what is in a pause after a failure.
        should_stop: asked between runs, and fifty times a second while the server is waited for.

    Raises:
        BacktestStorageError: the local database cannot be used; of the server nothing is raised.
    """
    database = store.database
    outcomes: list[Outcome] = []
    end: End = "done"
    if outbox.next_due(database, after=0, at=_due_by(force)) is not None:
        end = _push_all(database, connect, force, should_stop, outcomes)
    counts = outbox.counts(database)
    return SyncReport(
        end=end,
        sent=sum(outcome.error is None for outcome in outcomes),
        waiting=counts.waiting,
        failed=counts.held,
        last_error=next((o.reason for o in reversed(outcomes) if o.reason), ""),
        outcomes=tuple(outcomes),
    )


def _push_all(
    database: LocalDatabase,
    connect: Connect,
    force: bool,
    stop: ShouldStop,
    outcomes: list[Outcome],
) -> End:
    """Connect, and send run after run until none is due or the connection is no use any more."""
    with contextlib.ExitStack() as stack:
        try:
            connection = stack.enter_context(_connected(connect, stop))
            with connection.begin():
                require_ready(look(connection))
        except Exception as error:
            if stop():
                return "stopped"
            judged = verdict.of_connection(error)
            outcomes.append(Outcome(None, judged, verdict.sentence(error), error))
            return _ENDS[judged]
        for item in _due(database, force):
            outcome = None if stop() else _push_one(database, connection, item, stop)
            if outcome is None:
                return "stopped"
            outcomes.append(outcome)
            if outcome.verdict in _ENDS:
                return _ENDS[outcome.verdict]
            if connection.invalidated:
                return "offline"
    return "done"


def _push_one(
    database: LocalDatabase, connection: sa.Connection, item: Item, stop: ShouldStop
) -> Outcome | None:
    """Send one run and write down here what came of it; None when it was stopped."""
    try:
        parcel = read_parcel(database, item.run_id)
        with connection.begin():
            push(connection, parcel)
    except Exception as error:
        if stop():
            return None
        judged, reason = verdict.of_run(error), verdict.sentence(error)
        if judged is Verdict.NEVER:
            outbox.hold(database, item, reason)
        else:
            pause = dt.timedelta(seconds=pause_seconds(item.attempts + 1))
            outbox.postpone(database, item, now() + pause, reason)
        return Outcome(item.run_id, judged, reason, error)
    outbox.mark_sent(database, item, now())
    return Outcome(item.run_id)


def _due(database: LocalDatabase, force: bool) -> Iterator[Item]:
    """Yield each due item once, those that come while the pass is under way included."""
    after = 0
    while (item := outbox.next_due(database, after=after, at=_due_by(force))) is not None:
        yield item
        after = item.seq


@contextlib.contextmanager
def _connected(connect: Connect, stop: ShouldStop) -> Iterator[sa.Connection]:
    """Open one connection, watched over: a server that falls silent is not waited for for ever."""
    with (
        contextlib.closing(connect()) as raw,
        guarded(raw, silence_s=SILENCE_SECONDS, should_stop=stop) as guard,
    ):
        engine = sa.create_engine(
            "postgresql+psycopg://",
            creator=lambda: raw,
            poolclass=StaticPool,
            hide_parameters=True,
        )
        _tell(guard, engine)
        with engine.connect() as connection:
            yield connection


def _tell(guard: Guard, engine: sa.Engine) -> None:
    """Let every answer of the server, and every moment spent here, start the clock again."""

    def heard(*_arguments: Any) -> None:
        guard.heard()

    sa.event.listen(engine, "before_cursor_execute", heard)
    sa.event.listen(engine, "after_cursor_execute", heard)


def _due_by(force: bool) -> dt.datetime | None:
    return None if force else now()
