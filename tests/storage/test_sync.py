"""A finished run is in the team's database: once, whole, and to the last digit."""

import sys
import time
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from storage.runs import RunStore
from storage.sync import outbox
from storage.sync.backoff import LONGEST_SECONDS, pause_seconds
from storage.sync.session import push_pending
from tests.builders import make_panel, make_result
from tests.postgres import Server
from tests.storage.sync_worlds import (
    ask,
    connector,
    finish_run,
    rows_here,
    rows_there,
    runs_there,
    select,
    set_up,
    start_run,
)

HERE = """
SELECT trade_no, symbol || side || exit_reason, quantity, entry_price, exit_price, commission, tax,
    slippage, pnl, mae, mfe FROM backtest_trades WHERE run_id = ? ORDER BY 1
"""
THERE = HERE.replace("backtest_trades", "backtesting.backtest_trades").replace("?", "%s")
INSTANTS_HERE = """
SELECT at, snapshot_date FROM backtest_snapshots ORDER BY 1
"""
INSTANTS_THERE = """
SELECT (extract(epoch FROM at) * 1000000000)::bigint, snapshot_date::text
FROM backtesting.backtest_snapshots ORDER BY 1
"""


@pytest.fixture
def team(postgres_server: Server) -> Iterator[str]:
    """The connection string of a team's database, set up."""
    name = postgres_server.create_database(
        postgres_server.template("team", lambda c: set_up(c.info.dsn))
    )
    yield postgres_server.dsn_of(name)
    postgres_server.drop_database(name)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "runs.sqlite"


@pytest.fixture
def store(path: Path) -> Iterator[RunStore]:
    with RunStore.open(path) as store:
        yield store


def test_a_finished_run_is_there_once_however_often_it_is_sent(
    store: RunStore, path: Path, team: str
):
    run_id = finish_run(store)

    first = push_pending(store, connector(team))
    second = push_pending(store, connector(team))

    assert (first.end, first.sent, first.waiting, first.failed) == ("done", 1, 0, 0)
    assert (second.end, second.sent, second.last_error) == ("done", 0, "")
    assert runs_there(team) == [run_id]
    assert rows_there(team, run_id) == rows_here(path, run_id)
    assert rows_there(team, run_id)["trades"] == 12


def test_every_decimal_instant_and_text_is_the_one_kept_here(
    store: RunStore, path: Path, team: str
):
    run_id = finish_run(store)

    push_pending(store, connector(team))

    here = select(path, HERE, run_id)
    there = ask(team, THERE, run_id)
    assert len(there) == 12
    assert [row[:2] for row in there] == [row[:2] for row in here]
    assert [row[2:] for row in there] == [tuple(Decimal(text) for text in row[2:]) for row in here]
    assert ask(team, INSTANTS_THERE) == [tuple(row) for row in select(path, INSTANTS_HERE)]


@given(
    st.lists(
        st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")),
        min_size=2,
        max_size=2,
    )
)
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_a_strategy_calls_its_signals_arrives_as_it_is(
    store: RunStore, team: str, labels: list[str]
):
    run_id = finish_run(store, labels=(*labels, 'NULL "a\\" {,}'))

    report = push_pending(store, connector(team))

    query = "SELECT DISTINCT entry_reason, exit_reason FROM backtesting.backtest_trades WHERE run_id = %s"
    assert report.failed == 0
    assert ask(team, query, run_id) == [tuple(labels)]


def test_the_totals_of_the_rows_are_those_of_the_run(store: RunStore, path: Path, team: str):
    run_id = finish_run(store)

    push_pending(store, connector(team))

    ((total, counted, wins, here_total),) = ask(
        team,
        "SELECT sum(t.pnl), count(*), count(*) FILTER (WHERE t.pnl > 0),"
        " (SELECT total_trades FROM backtesting.backtest_metrics WHERE run_id = %s)"
        " FROM backtesting.backtest_trades t WHERE t.run_id = %s",
        run_id,
        run_id,
    )
    local = select(path, "SELECT pnl FROM backtest_trades WHERE run_id = ?", run_id)
    assert total == sum(Decimal(row[0]) for row in local)
    assert counted == here_total == 12
    assert wins == store.get(run_id).metrics["winning_trades"]


def test_the_row_of_the_run_says_whose_it_is_and_how_it_ended(store: RunStore, team: str):
    run_id = finish_run(store)
    store.edit(run_id, notes="note", tags=["b", "a"])

    push_pending(store, connector(team))

    record = store.get(run_id)
    ((*row, runner),) = ask(
        team,
        "SELECT owner, status, result_hash, content_hash, tags, notes, visibility, initial_capital,"
        " config_snapshot, completed_at, coalesce(runner_host, traceback, runner_pid::text)"
        " FROM backtesting.backtest_runs",
    )
    assert row == [
        "postgres", "completed", record.result_hash, record.content_hash, ["a", "b"], "note", "private",
        Decimal("100000.0000"), record.config_snapshot, record.completed_at,
    ]  # fmt: skip
    assert runner is None


def test_failed_and_cancelled_runs_arrive_too_and_what_may_still_go_on_does_not(
    store: RunStore, team: str, path: Path
):
    failed, cancelled, running = start_run(store), start_run(store), start_run(store)
    interrupted = start_run(store)
    store.fail(failed, "The data are missing", "Traceback …")
    store.cancel(cancelled)
    with store.database.write() as connection:
        connection.exec_driver_sql(
            "UPDATE backtest_runs SET runner_pid = 2147480000 WHERE id = ?", (interrupted,)
        )
    store.recover_interrupted()

    report = push_pending(store, connector(team))

    there = {
        str(k): v
        for k, *v in ask(team, "SELECT id, status, error_message FROM backtesting.backtest_runs")
    }
    assert report.sent == 2
    assert there == {failed: ["failed", "The data are missing"], cancelled: ["cancelled", None]}
    assert not {running, interrupted} & there.keys()


def test_an_interrupted_run_arrives_once_it_was_taken_up_and_has_ended(store: RunStore, team: str):
    run_id = start_run(store)
    with store.database.write() as connection:
        connection.exec_driver_sql("UPDATE backtest_runs SET runner_pid = 2147480000")
    store.recover_interrupted()
    push_pending(store, connector(team))
    store.mark_running(run_id)
    store.cancel(run_id)

    report = push_pending(store, connector(team))

    assert report.sent == 1
    assert ask(team, "SELECT status FROM backtesting.backtest_runs") == [("cancelled",)]


def test_a_partial_result_of_a_cancelled_run_arrives_as_such(store: RunStore, team: str):
    run_id = finish_run(store, status="cancelled")

    push_pending(store, connector(team))

    assert ask(team, "SELECT status FROM backtesting.backtest_runs") == [("cancelled",)]
    assert rows_there(team, run_id)["trades"] == 12


def test_runs_on_the_same_bars_and_code_share_their_rows_also_between_computers(
    store: RunStore, tmp_path: Path, team: str
):
    finish_run(store)
    finish_run(store)
    with RunStore.open(tmp_path / "other" / "runs.sqlite") as other:
        finish_run(other)

        push_pending(store, connector(team))
        report = push_pending(other, connector(team))

    counts = ask(
        team,
        "SELECT (SELECT count(*) FROM backtesting.backtest_runs),"
        " (SELECT count(*) FROM backtesting.strategies), (SELECT count(*) FROM backtesting.datasets)",
    )
    assert report.failed == 0
    assert counts == [(3, 1, 1)]


def test_one_version_with_two_codes_becomes_two_versions(
    store: RunStore, tmp_path: Path, team: str
):
    finish_run(store)
    with RunStore.open(tmp_path / "other" / "runs.sqlite") as other:
        finish_run(other, strategy={"source_hash": "b" * 64, "source_text": "other"})

        push_pending(store, connector(team))
        push_pending(other, connector(team))

    query = "SELECT version, source_hash FROM backtesting.strategies ORDER BY 1"
    assert ask(team, query) == [("1.0.0", "a" * 64), ("1.0.1", "b" * 64)]


def test_members_send_under_their_own_names(store: RunStore, postgres_server: Server, team: str):
    postgres_server.execute("CREATE ROLE carol LOGIN PASSWORD 'correct horse battery'")
    with psycopg.connect(team) as connection:
        connection.execute("GRANT USAGE ON SCHEMA backtesting TO carol")
        connection.execute("GRANT SELECT, INSERT ON ALL TABLES IN SCHEMA backtesting TO carol")
        connection.execute("GRANT USAGE ON ALL SEQUENCES IN SCHEMA backtesting TO carol")
    finish_run(store)

    report = push_pending(store, connector(team, "correct horse battery", user="carol"))

    assert report.end == "done"
    assert ask(team, "SELECT owner FROM backtesting.backtest_runs") == [("carol",)]
    with psycopg.connect(team, autocommit=True) as connection:
        connection.execute("DROP OWNED BY carol")
        connection.execute("DROP ROLE carol")


def test_ten_thousand_trades_take_seconds(store: RunStore, team: str, capsys):
    panel = make_panel(2500)
    run_id = finish_run(store, 2500, 10_000)
    began = time.perf_counter()

    report = push_pending(store, connector(team))

    seconds = time.perf_counter() - began
    with capsys.disabled():
        sys.stderr.write(f"\n10,000 trades, 20,000 fills and orders sent in {seconds:.2f} s\n")
    assert report.sent == 1
    assert rows_there(team, run_id)["trades"] == 10_000
    assert make_result(2500, 10_000, panel).result_hash == store.get(run_id).result_hash
    assert seconds < 20.0


def test_a_run_that_finishes_while_others_are_sent_goes_with_them(store: RunStore, team: str):
    finish_run(store)
    late: list[str] = []

    def connect() -> psycopg.Connection:
        late.append(finish_run(store))
        return connector(team)()

    report = push_pending(store, connect)

    assert report.sent == 2
    assert late[0] in runs_there(team)


def test_nothing_is_connected_to_while_nothing_waits(store: RunStore):
    calls: list[int] = []

    report = push_pending(store, lambda: calls.append(1))  # type: ignore[arg-type, func-returns-value]

    assert calls == []
    assert report.end == "done"


@pytest.mark.parametrize("end", ["finish", "fail", "cancel"])
def test_however_a_run_ends_it_is_put_in_line_once(store: RunStore, end: str):
    run_id = finish_run(store) if end == "finish" else start_run(store)
    {"finish": lambda _: None, "fail": lambda r: store.fail(r, "no"), "cancel": store.cancel}[end](
        run_id
    )

    item = outbox.next_due(store.database, after=0, at=None)

    assert item is not None
    assert item.run_id == run_id
    assert outbox.next_due(store.database, after=item.seq, at=None) is None


@given(st.integers(1, 10_000), st.floats(0, 1))
def test_pauses_grow_to_five_minutes_and_never_vanish(failures: int, drawn: float):
    pause = pause_seconds(failures, lambda: drawn)

    assert 0.5 <= pause <= LONGEST_SECONDS
    assert pause_seconds(failures + 1, lambda: drawn) >= pause
    assert pause >= min(2.0 ** min(failures - 1, 20), LONGEST_SECONDS) / 2
