"""The team's database from the command line: a connection, its tables, and what was run."""

import getpass
import io
import sys
from collections.abc import Iterator
from pathlib import Path

import keyring
import keyring.backends.fail
import pytest
from keyring.backend import KeyringBackend
from psycopg import conninfo

from tests.desktop.builders import bars_file, config_file, tradebench
from tests.postgres import Cluster, Server
from tests.secrets import assert_no_secret
from tests.storage.servers import profile_of
from tests.storage.sync_worlds import ask, change, runs_there, set_up

PASSWORD = "correct horse battery"


class Typed(io.StringIO):
    """Standard input of a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def entries(monkeypatch: pytest.MonkeyPatch) -> dict[tuple[str, str], str]:
    """A keyring in memory, under the name of one that is trusted; return what it keeps."""
    kept: dict[tuple[str, str], str] = {}
    methods = {
        "__module__": "keyring.backends.SecretService",
        "priority": 5,
        "get_password": lambda _, service, user: kept.get((service, user)),
        "set_password": lambda _, service, user, password: kept.update({(service, user): password}),
        "delete_password": lambda _, service, user: kept.pop((service, user)),
    }
    before = keyring.get_keyring()
    backend = type("Keyring", (KeyringBackend,), methods)
    KeyringBackend._classes.discard(backend)
    keyring.set_keyring(backend())
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    yield kept
    keyring.set_keyring(before)


@pytest.fixture
def erin(postgres_server: Server) -> Iterator[str]:
    """The connection string, without password, of a database that belongs to a login."""
    postgres_server.execute(f"CREATE ROLE erin LOGIN PASSWORD '{PASSWORD}'")
    name = postgres_server.create_database()
    postgres_server.execute(f"ALTER DATABASE {name} OWNER TO erin")
    yield postgres_server.dsn_of(name, user="erin", sslmode="disable")
    postgres_server.drop_database(name)
    postgres_server.execute("DROP ROLE erin")


def add(capsys, monkeypatch, dsn: str, password: str = PASSWORD, name: str = "Team"):
    """Make a connection for sharing, its password piped in."""
    parts = conninfo.conninfo_to_dict(dsn)
    monkeypatch.setattr(sys, "stdin", io.StringIO(password + "\n"))
    return tradebench(
        capsys, "connect", "add", name, "--host", parts["host"], "--port", parts["port"],
        "--database", parts["dbname"], "--user", parts["user"], "--purpose", "shared",
        "--sslmode", "disable", "--password-stdin", "--json",
    )  # fmt: skip


def run(capsys, folder: Path) -> str:
    """Run a small backtest and return its id."""
    bars_file(folder)
    outcome = tradebench(capsys, "run", config_file(folder), "--json")
    assert outcome.code == 0, outcome.err
    return str(outcome.payload["run_id"])


def test_from_a_new_connection_to_a_run_that_the_team_can_read(
    capsys, monkeypatch, tmp_path, erin, postgres_server, entries
):
    superuser = postgres_server.dsn_of(conninfo.conninfo_to_dict(erin)["dbname"])

    added = add(capsys, monkeypatch, erin)
    made = tradebench(capsys, "db", "init", "Team", "--json")
    again = tradebench(capsys, "db", "init", "Team", "--json")
    run_id = run(capsys, tmp_path)
    before = tradebench(capsys, "sync", "status", "--json")
    sent = tradebench(capsys, "sync", "--json")
    after = tradebench(capsys, "sync", "status", "--json")

    assert added.payload["password"] == "keyring"
    assert list(entries.values()) == [PASSWORD]
    assert (made.code, made.payload["changed"], made.payload["ready"]) == (0, True, True)
    assert (again.code, again.payload["changed"]) == (0, False)
    assert (before.payload["waiting"], before.payload["last_success"]) == (1, None)
    assert (sent.code, sent.payload["sent"], sent.payload["end"]) == (0, 1, "done")
    assert after.payload["waiting"] == 0
    assert after.payload["last_success"] is not None
    assert runs_there(superuser) == [run_id]
    owner = ask(superuser, "SELECT owner, status FROM backtesting.backtest_runs")
    assert owner == [("erin", "completed")]
    assert_no_secret(tmp_path, PASSWORD)


def test_a_run_made_while_the_team_is_away_succeeds_and_arrives_later(
    capsys, monkeypatch, tmp_path, own_cluster: Cluster
):
    set_up(own_cluster.dsn)
    add(capsys, monkeypatch, own_cluster.dsn, "")
    monkeypatch.setattr(sys, "stdin", Typed())
    monkeypatch.setattr(getpass, "getpass", lambda _prompt: "")
    own_cluster.stop()

    run_id = run(capsys, tmp_path)
    away = tradebench(capsys, "sync", "--json")
    shown = tradebench(capsys, "show", run_id, "--json")
    own_cluster.start()
    back = tradebench(capsys, "sync", "--json")

    assert (away.code, away.payload["end"], away.payload["waiting"]) == (5, "offline", 1)
    assert shown.payload["status"] == "completed"
    assert (back.code, back.payload["sent"], back.payload["waiting"]) == (0, 1, 0)
    assert runs_there(own_cluster.dsn) == [run_id]


def test_a_connection_string_sets_a_database_up_and_leaves_nothing_behind(
    capsys, tmp_path, erin, entries
):
    dsn = conninfo.make_conninfo(erin, password=PASSWORD)

    missing = tradebench(capsys, "db", "status", "--dsn", dsn, "--json")
    made = tradebench(capsys, "db", "init", "--dsn", dsn)
    ready = tradebench(capsys, "db", "status", "--dsn", dsn, "--json")
    upgraded = tradebench(capsys, "db", "upgrade", "--dsn", dsn)

    assert (missing.code, missing.payload["hint"]) == (5, "run: tradebench db init")
    assert (made.code, ready.code, upgraded.code) == (0, 0, 0)
    assert "is set up" in made.out
    assert "nothing was changed" in upgraded.out
    assert ready.payload["ready"] is True
    assert entries == {}
    assert tradebench(capsys, "connect", "list", "--json").payload["total"] == 0
    for outcome in (missing, made, ready, upgraded):
        assert PASSWORD not in outcome.out + outcome.err
    assert_no_secret(tmp_path, PASSWORD)


def test_the_sql_is_printed_without_any_database(capsys):
    printed = tradebench(capsys, "db", "init", "--print")

    assert printed.code == 0
    assert printed.out.startswith('CREATE SCHEMA IF NOT EXISTS "backtesting";')
    assert "CREATE TABLE backtest_runs" in printed.out


def test_without_a_password_and_a_terminal_it_says_how_to_give_one(
    capsys, monkeypatch, erin, entries
):
    add(capsys, monkeypatch, erin)
    entries.clear()

    outcome = tradebench(capsys, "db", "init", "Team", "--json")

    assert outcome.code == 5
    assert "terminal" in outcome.payload["error"]["hint"]


def test_in_a_terminal_the_password_is_asked_for(capsys, monkeypatch, erin, entries):
    add(capsys, monkeypatch, erin)
    entries.clear()
    monkeypatch.setattr(sys, "stdin", Typed())
    monkeypatch.setattr(getpass, "getpass", lambda _prompt: PASSWORD)

    outcome = tradebench(capsys, "db", "init")

    assert outcome.code == 0
    assert entries == {}


def test_a_wrong_password_is_told_as_such(capsys, monkeypatch, erin, tmp_path):
    add(capsys, monkeypatch, erin, "wrong " + PASSWORD)
    run(capsys, tmp_path)

    made = tradebench(capsys, "db", "init", "Team", "--json")
    sent = tradebench(capsys, "sync", "--json")
    tried = tradebench(capsys, "connect", "test", "Team", "--json")

    assert (made.code, made.payload["error"]["kind"]) == (5, "unavailable")
    assert (sent.code, sent.payload["end"]) == (5, "needs_password")
    assert (tried.code, tried.payload["failed_at"]) == (5, "login")


def test_what_was_not_accepted_is_listed_and_can_be_tried_again(
    capsys, monkeypatch, tmp_path, erin, postgres_server
):
    superuser = postgres_server.dsn_of(conninfo.conninfo_to_dict(erin)["dbname"])
    add(capsys, monkeypatch, erin)
    tradebench(capsys, "db", "init")
    run_id = run(capsys, tmp_path)
    rule = "ALTER TABLE backtesting.backtest_runs {} CONSTRAINT small {}"
    change(superuser, rule.format("ADD", "CHECK (initial_capital < 5)"))

    refused = tradebench(capsys, "sync", "--json")
    told = tradebench(capsys, "sync", "status")
    change(superuser, rule.format("DROP", ""))
    accepted = tradebench(capsys, "sync", "--retry-failed", "--json")

    assert (refused.code, refused.payload["failed"]) == (5, 1)
    assert refused.payload["not_accepted"][0]["run_id"] == run_id
    assert "small" in told.out
    assert (accepted.code, accepted.payload["sent"], accepted.payload["failed"]) == (0, 1, 0)


def test_connections_are_listed_tried_and_removed_with_their_passwords(
    capsys, monkeypatch, erin, entries
):
    add(capsys, monkeypatch, erin)

    listed = tradebench(capsys, "connect", "list", "--json")
    shown = tradebench(capsys, "connect", "list")
    tried = tradebench(capsys, "connect", "test", "Team")
    twice = add(capsys, monkeypatch, erin)
    removed = tradebench(capsys, "connect", "remove", "Team")
    gone = tradebench(capsys, "connect", "remove", "Team", "--json")

    (item,) = listed.payload["items"]
    assert (item["name"], item["purpose"], item["read_only"]) == ("Team", "shared", False)
    assert item["database"] == profile_of(erin).database
    assert "Team" in shown.out
    assert (tried.code, "Connected" in tried.out) == (0, True)
    assert twice.code == 2
    assert removed.code == 0
    assert gone.code == 3
    assert entries == {}


def test_where_no_keyring_keeps_it_the_person_is_told(capsys, monkeypatch, erin, tmp_path):
    keyring.set_keyring(keyring.backends.fail.Keyring())

    added = add(capsys, monkeypatch, erin)

    assert added.code == 0
    assert added.payload["password"] == "not_kept"
    assert_no_secret(tmp_path, PASSWORD)


@pytest.mark.parametrize("command", [("sync",), ("db", "init"), ("db", "status")])
def test_without_a_connection_for_sharing_every_command_says_how_to_make_one(capsys, command):
    outcome = tradebench(capsys, *command, "--json")

    assert outcome.code == 3
    assert "connect add" in outcome.payload["error"]["hint"]


def test_a_profile_and_a_connection_string_together_are_refused(capsys):
    outcome = tradebench(capsys, "db", "init", "Team", "--dsn", "postgresql://x@y/z", "--json")

    assert outcome.code == 2
