"""Whatever breaks on the way, a finished run is not lost, not doubled, and does not block others."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from storage.errors import BacktestStorageError
from storage.runs import RunStore
from storage.sync import outbox, session
from storage.sync.session import push_pending
from tests.postgres import Cluster, Server, free_port
from tests.secrets import assert_no_secret
from tests.storage.sync_worlds import (
    ask,
    change,
    connector,
    finish_run,
    line_cut_at_commit,
    rows_here,
    rows_there,
    runs_there,
    set_up,
)

ROOT = Path(__file__).resolve().parents[2]
PASSWORD = "correct horse battery"
KILLED = """
import os, signal, sys
from pathlib import Path
from storage.runs import RunStore
from storage.sync import outbox
from storage.sync.session import push_pending
from tests.storage.sync_worlds import connector

outbox.mark_sent = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
with RunStore.open(Path(sys.argv[1])) as store:
    push_pending(store, connector(sys.argv[2]))
"""


@pytest.fixture
def team(postgres_server: Server) -> Iterator[str]:
    """The connection string of a team's database, set up."""
    with postgres_server.database_from("team", lambda c: set_up(c.info.dsn)) as dsn:
        yield dsn


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "runs.sqlite"


@pytest.fixture
def store(path: Path) -> Iterator[RunStore]:
    with RunStore.open(path) as store:
        yield store


def test_a_run_made_while_the_server_was_down_is_there_once_when_it_is_back(
    store: RunStore, path: Path, own_cluster: Cluster
):
    set_up(own_cluster.dsn)
    own_cluster.stop()
    run_id = finish_run(store)
    down = push_pending(store, connector(own_cluster.dsn))
    again = push_pending(store, connector(own_cluster.dsn))

    own_cluster.start()
    up = push_pending(store, connector(own_cluster.dsn))
    after = push_pending(store, connector(own_cluster.dsn))

    assert (down.end, down.sent, down.waiting) == ("offline", 0, 1)
    assert "does not answer" in down.last_error
    assert again.end == "offline"
    assert (up.end, up.sent, up.waiting) == ("done", 1, 0)
    assert after.sent == 0
    assert runs_there(own_cluster.dsn) == [run_id]
    assert rows_there(own_cluster.dsn, run_id) == rows_here(path, run_id)
    assert store.load(run_id).result is not None


@pytest.mark.needs_posix
def test_killed_between_the_servers_commit_and_our_note_it_is_still_there_once(
    path: Path, team: str
):
    with RunStore.open(path) as store:
        run_id = finish_run(store)

    killed = subprocess.run(
        [sys.executable, "-c", KILLED, str(path), team], cwd=ROOT, check=False, timeout=120
    )
    there = runs_there(team)
    with RunStore.open(path) as store:
        waiting = outbox.counts(store.database).waiting
        report = push_pending(store, connector(team))

    assert killed.returncode == -9
    assert there == [run_id]
    assert waiting == 1
    assert (report.sent, report.waiting, report.failed) == (1, 0, 0)
    assert runs_there(team) == [run_id]
    assert rows_there(team, run_id) == rows_here(path, run_id)


def test_an_acknowledgement_that_is_lost_makes_no_second_run(
    store: RunStore, path: Path, team: str
):
    run_id = finish_run(store)

    # The first COMMIT ends the look at the tables, the second is the run's.
    with line_cut_at_commit(team, 2) as broken:
        cut = push_pending(store, connector(broken))
        there = runs_there(team)
        whole = push_pending(store, connector(broken), force=True)

    assert (cut.end, cut.sent, cut.waiting) == ("offline", 0, 1)
    assert there == [run_id]
    assert (whole.end, whole.sent, whole.waiting) == ("done", 1, 0)
    assert runs_there(team) == [run_id]
    assert rows_there(team, run_id) == rows_here(path, run_id)


def test_what_the_server_never_takes_is_set_aside_and_the_next_goes_through(
    store: RunStore, team: str
):
    poison, good = finish_run(store), finish_run(store)
    store.edit(poison, notes="it ends\x00here")  # a character that the server has no room for

    first = push_pending(store, connector(team))
    second = push_pending(store, connector(team))

    assert (first.end, first.sent, first.waiting, first.failed) == ("done", 1, 0, 1)
    assert runs_there(team) == [good]
    assert [held.run_id for held in outbox.held(store.database)] == [poison]
    assert (second.sent, second.failed) == (0, 1)


def test_a_rule_of_the_server_that_a_run_breaks_is_the_reason_it_is_set_aside_with(
    store: RunStore, team: str
):
    with psycopg.connect(team) as connection:
        connection.execute(
            "ALTER TABLE backtesting.backtest_runs ADD CONSTRAINT small CHECK (initial_capital < 5)"
        )
    run_id = finish_run(store)
    push_pending(store, connector(team))
    (held,) = outbox.held(store.database)

    with psycopg.connect(team) as connection:
        connection.execute("ALTER TABLE backtesting.backtest_runs DROP CONSTRAINT small")
    released = outbox.release_held(store.database)
    report = push_pending(store, connector(team))

    assert held.run_id == run_id
    assert "small" in held.reason
    assert released == 1
    assert (report.sent, report.failed) == (1, 0)
    assert runs_there(team) == [run_id]


def test_a_run_that_was_damaged_here_does_not_spread(store: RunStore, team: str):
    damaged = finish_run(store)
    with store.database.write() as connection:
        connection.exec_driver_sql("UPDATE backtest_trades SET pnl = '1.0000' WHERE trade_no = 3")

    report = push_pending(store, connector(team))

    assert report.failed == 1
    assert "not those that were stored" in report.last_error
    assert damaged not in runs_there(team)


def test_another_run_under_the_same_id_is_never_overwritten(store: RunStore, team: str):
    run_id = finish_run(store)
    push_pending(store, connector(team))
    change(team, "UPDATE backtesting.backtest_runs SET result_hash = repeat('0', 64)")
    with store.database.write() as connection:
        connection.exec_driver_sql("UPDATE outbox SET state = 'waiting'")

    report = push_pending(store, connector(team))

    assert report.failed == 1
    assert "result_hash" in report.last_error
    assert ask(team, "SELECT id::text, result_hash FROM backtesting.backtest_runs") == [
        (run_id, "0" * 64)
    ]


def test_a_deadlock_or_lock_is_waited_out_and_the_others_go_on(store: RunStore, team: str):
    first = finish_run(store)
    with psycopg.connect(team) as blocker:
        blocker.execute("LOCK TABLE backtesting.backtest_trades IN ACCESS EXCLUSIVE MODE")
        blocked = push_pending(store, connector(team))
        paused = push_pending(store, connector(team))
    free = push_pending(store, connector(team), force=True)

    assert (blocked.end, blocked.sent, blocked.waiting, blocked.failed) == ("done", 0, 1, 0)
    assert paused.outcomes == ()
    assert (free.sent, free.waiting) == (1, 0)
    assert runs_there(team) == [first]


def test_a_refused_login_is_tried_once_and_everything_keeps_waiting(
    store: RunStore, path: Path, own_cluster: Cluster
):
    own_cluster.execute(f"CREATE ROLE bob LOGIN PASSWORD '{PASSWORD}'")
    finish_run(store)
    finish_run(store)

    report = push_pending(store, connector(own_cluster.dsn, "wrong " + PASSWORD, user="bob"))

    refusals = own_cluster.log_text().count('password authentication failed for user "bob"')
    assert (report.end, report.waiting, report.failed) == ("needs_password", 2, 0)
    assert refusals == 1
    assert_no_secret(path.parent, PASSWORD)


def test_a_database_that_is_not_set_up_blocks_and_says_what_to_run(
    store: RunStore, postgres_database: str
):
    finish_run(store)

    report = push_pending(store, connector(postgres_database))

    assert (report.end, report.waiting, report.failed) == ("blocked", 1, 0)
    assert "tradebench db init" in report.last_error


def test_a_server_that_freezes_is_not_waited_for_for_ever(
    store: RunStore, own_cluster: Cluster, monkeypatch: pytest.MonkeyPatch
):
    set_up(own_cluster.dsn)
    run_id = finish_run(store)
    monkeypatch.setattr(session, "SILENCE_SECONDS", 0.5)
    connection = connector(own_cluster.dsn)()

    with own_cluster.frozen():
        frozen = push_pending(store, lambda: connection)
    thawed = push_pending(store, connector(own_cluster.dsn), force=True)

    assert (frozen.end, frozen.waiting) == ("offline", 1)
    assert thawed.sent == 1
    assert runs_there(own_cluster.dsn) == [run_id]


def test_who_is_asked_to_stop_stops_and_nothing_is_lost(store: RunStore, team: str):
    finish_run(store)

    stopped = push_pending(store, connector(team), should_stop=lambda: True)
    went_on = push_pending(store, connector(team))

    assert (stopped.end, stopped.sent, stopped.waiting) == ("stopped", 0, 1)
    assert went_on.sent == 1


def test_a_server_that_stops_in_the_middle_leaves_the_rest_waiting(
    store: RunStore, own_cluster: Cluster, monkeypatch: pytest.MonkeyPatch
):
    set_up(own_cluster.dsn)
    first, second = finish_run(store), finish_run(store)
    mark_sent = outbox.mark_sent

    def mark_and_stop_the_server(*arguments: object) -> None:
        mark_sent(*arguments)  # type: ignore[arg-type]
        own_cluster.stop()

    monkeypatch.setattr(outbox, "mark_sent", mark_and_stop_the_server)
    broken = push_pending(store, connector(own_cluster.dsn))
    monkeypatch.setattr(outbox, "mark_sent", mark_sent)
    own_cluster.start()
    rest = push_pending(store, connector(own_cluster.dsn), force=True)

    assert (broken.end, broken.sent, broken.waiting) == ("offline", 1, 1)
    assert (rest.end, rest.sent) == ("done", 1)
    assert runs_there(own_cluster.dsn) == sorted([first, second])


def test_a_local_database_that_cannot_be_written_is_told_and_the_run_is_not_doubled(
    store: RunStore, team: str, monkeypatch: pytest.MonkeyPatch
):
    run_id = finish_run(store)

    def cannot(*_arguments: object) -> None:
        raise BacktestStorageError("The disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(outbox, "mark_sent", cannot)
        with pytest.raises(BacktestStorageError, match="disk is full"):
            push_pending(store, connector(team))
    report = push_pending(store, connector(team))

    assert report.sent == 1
    assert runs_there(team) == [run_id]


def test_a_server_that_is_not_there_costs_no_time_to_speak_of(store: RunStore):
    finish_run(store)
    nowhere = f"host=127.0.0.1 port={free_port()} dbname=team user=alice"

    report = push_pending(store, connector(nowhere))

    assert report.end == "offline"
    assert report.waiting == 1
