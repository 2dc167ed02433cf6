"""The window and the command line ask for one thing: send what waits, and say how it stands."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from desktop.service.sync import SyncService, team_profile
from engine.errors import BacktestNotFoundError, BacktestValidationError
from storage.profiles import Profile, ProfileStore, make_profile
from storage.runs import RunStore
from tests.postgres import Cluster, Server, free_port
from tests.secrets import assert_no_secret
from tests.storage.servers import profile_of
from tests.storage.sync_worlds import finish_run, runs_there, set_up

PASSWORD = "correct horse battery"
NOWHERE = f"host=127.0.0.1 port={free_port()} dbname=team user=alice"


class Clock:
    """A clock that goes when it is told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Passwords:
    """Knows one password for everything, and counts how often it was asked."""

    def __init__(self, password: str | None = None) -> None:
        self.password = password
        self.asked = 0

    def __call__(self, _profile: Profile) -> str | None:
        self.asked += 1
        return self.password


@pytest.fixture
def store(tmp_path: Path) -> Iterator[RunStore]:
    with RunStore.open(tmp_path / "runs.sqlite") as store:
        yield store


@pytest.fixture
def profiles(tmp_path: Path) -> ProfileStore:
    return ProfileStore(tmp_path / "profiles.toml")


@pytest.fixture
def team(postgres_server: Server) -> Iterator[str]:
    with postgres_server.database_from("team", lambda c: set_up(c.info.dsn)) as dsn:
        yield dsn


def add(profiles: ProfileStore, dsn: str, name: str = "Team", **changes: object) -> None:
    """Keep a profile of a database for sharing."""
    values = {"name": name, "purpose": "shared", "read_only": False}
    profiles.save(profile_of(dsn, **values | changes))


def test_without_a_team_runs_are_kept_and_nothing_is_asked(store: RunStore, profiles: ProfileStore):
    finish_run(store)
    passwords = Passwords()
    sync = SyncService(store, profiles, passwords)

    report = sync.sync_once()
    status = sync.status()

    assert (report.sent, report.waiting) == (0, 1)
    assert (status.state, status.profile, status.waiting) == ("none", None, 1)
    assert passwords.asked == 0
    assert sync.local_path.name == "runs.sqlite"


def test_what_waits_is_sent_and_the_status_says_so(
    store: RunStore, profiles: ProfileStore, team: str
):
    run_id = finish_run(store)
    add(profiles, team)
    sync = SyncService(store, profiles, Passwords())
    before = sync.status()

    report = sync.sync_once()
    after = sync.status()

    assert (before.state, before.waiting, before.last_success) == ("ok", 1, None)
    assert report.sent == 1
    assert (after.state, after.waiting, after.profile) == ("ok", 0, "Team")
    assert after.last_success is not None
    assert after.sentence == "Team has every finished run"
    assert runs_there(team) == [run_id]


def test_a_server_that_is_away_is_tried_again_later_and_later(
    store: RunStore, profiles: ProfileStore
):
    finish_run(store)
    add(profiles, NOWHERE)
    clock, passwords = Clock(), Passwords()
    sync = SyncService(store, profiles, passwords, clock=clock)

    first = sync.sync_once()
    at_once = sync.sync_once()
    clock.now += 1.0
    second = sync.sync_once()
    clock.now += 0.9
    too_soon = sync.sync_once()
    sync.sync_once(force=True)

    assert first.end == second.end == "offline"
    assert (at_once.outcomes, too_soon.outcomes) == ((), ())
    assert passwords.asked == 3
    status = sync.status()
    assert status.state == "offline"
    assert "out of reach since" in status.sentence
    assert "1 run waits" in status.sentence


def test_when_the_server_is_back_everything_is_well_again(
    store: RunStore, profiles: ProfileStore, own_cluster: Cluster
):
    set_up(own_cluster.dsn)
    own_cluster.stop()
    run_id = finish_run(store)
    add(profiles, own_cluster.dsn)
    clock = Clock()
    sync = SyncService(store, profiles, Passwords(), clock=clock)
    sync.sync_once()
    away = sync.status()

    own_cluster.start()
    clock.now += 300
    sync.sync_once()
    back = sync.status()

    assert away.state == "offline"
    assert (back.state, back.waiting, back.last_error, back.since) == ("ok", 0, "", None)
    assert runs_there(own_cluster.dsn) == [run_id]


def test_a_refused_password_is_not_tried_again_until_there_is_another(
    store: RunStore, profiles: ProfileStore, own_cluster: Cluster, tmp_path: Path
):
    set_up(own_cluster.dsn)
    own_cluster.execute(f"CREATE ROLE dave SUPERUSER LOGIN PASSWORD '{PASSWORD}'")
    finish_run(store)
    add(profiles, own_cluster.dsn, user="dave")
    clock, passwords = Clock(), Passwords("wrong " + PASSWORD)
    sync = SyncService(store, profiles, passwords, clock=clock)

    refused = sync.sync_once()
    clock.now += 10_000
    again = sync.sync_once()
    status = sync.status()
    refusals = own_cluster.log_text().count('authentication failed for user "dave"')
    passwords.password = PASSWORD
    accepted = sync.sync_once()

    assert refused.end == again.end == "needs_password"
    assert "wants a password" in status.sentence
    assert refusals == 1
    assert accepted.sent == 1
    assert_no_secret(tmp_path, PASSWORD)


def test_a_database_that_is_not_set_up_is_told_in_the_status(
    store: RunStore, profiles: ProfileStore, postgres_database: str
):
    finish_run(store)
    add(profiles, postgres_database)
    sync = SyncService(store, profiles, Passwords())

    sync.sync_once()

    status = sync.status()
    assert status.state == "blocked"
    assert "tradebench db init" in status.sentence


def test_two_at_once_are_one(store: RunStore, profiles: ProfileStore, team: str):
    run_id = finish_run(store)
    add(profiles, team)
    inner: list[int] = []

    def ask_meanwhile(_profile: Profile) -> None:
        inner.append(sync.sync_once().sent)

    sync = SyncService(store, profiles, ask_meanwhile)
    report = sync.sync_once()

    assert inner == [0]
    assert report.sent == 1
    assert runs_there(team) == [run_id]


def test_the_teams_profile_is_the_only_one_for_sharing_or_the_one_that_is_named(
    profiles: ProfileStore,
):
    profiles.save(make_profile({"name": "Prices", "database": "market", "user": "me"}))
    add(profiles, NOWHERE, "One")
    alone = team_profile(profiles)
    add(profiles, NOWHERE, "Two")

    with pytest.raises(BacktestValidationError, match="One, Two"):
        team_profile(profiles)
    assert alone is not None
    assert alone.name == "One"
    assert team_profile(profiles, "Two").name == "Two"


@pytest.mark.parametrize(
    ("name", "error"),
    [("Nobody", BacktestNotFoundError), ("Prices", BacktestValidationError)],
)
def test_a_name_that_cannot_be_the_teams_is_refused(
    profiles: ProfileStore, name: str, error: type[Exception]
):
    profiles.save(make_profile({"name": "Prices", "database": "market", "user": "me"}))

    with pytest.raises(error):
        team_profile(profiles, name)


def test_a_profile_that_only_reads_is_refused(profiles: ProfileStore):
    add(profiles, NOWHERE, read_only=True)

    with pytest.raises(BacktestValidationError, match="read-only"):
        team_profile(profiles)


def test_several_teams_show_as_blocked_and_runs_wait(store: RunStore, profiles: ProfileStore):
    finish_run(store)
    add(profiles, NOWHERE, "One")
    add(profiles, NOWHERE, "Two")

    status = SyncService(store, profiles, Passwords()).status()

    assert (status.state, status.waiting) == ("blocked", 1)
    assert "One, Two" in status.sentence
