"""A connection that fails says at which step, and gives the password to nobody it does not know."""

import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote

import psycopg
import pytest
from psycopg import sql

from storage.connection_report import test_connection as try_connection
from storage.postgres import Connector, make_engine
from storage.postgres_errors import ConnectionFailure, Stage, is_retryable
from storage.profiles import Profile
from tests.postgres import Cluster, Server, free_port, running_cluster
from tests.secrets import assert_no_secret
from tests.storage.servers import Authority, impostor, profile_of

SECRET = "correct horse battery"


def failure_of(profile: Profile, password: str | None = SECRET) -> ConnectionFailure:
    """Connect, expecting to fail."""
    with pytest.raises(ConnectionFailure) as caught:
        Connector(profile, password)()
    return caught.value


def make_member(server: Server, name: str = "member", options: str = "") -> None:
    """Make a login with the password `SECRET`."""
    server.execute(
        sql.SQL("CREATE ROLE {} LOGIN PASSWORD {} " + options).format(
            sql.Identifier(name), sql.Literal(SECRET)
        )
    )


@pytest.fixture
def member(postgres_server: Server, postgres_database: str) -> Iterator[Profile]:
    """A profile of a login with a password, for a database of its own."""
    make_member(postgres_server)
    yield profile_of(postgres_database, user="member")
    postgres_server.execute("DROP ROLE member")


def test_the_right_password_opens_a_connection(member: Profile) -> None:
    with Connector(member, SECRET)() as connection:
        row = connection.execute("SELECT current_user, current_setting('search_path')").fetchone()

    assert row == ("member", "")


def test_a_name_without_an_address_is_the_first_stage() -> None:
    failure = failure_of(profile_of("host=nowhere.invalid port=1 dbname=d user=u"))

    assert failure.stage is Stage.RESOLVE
    assert "nowhere.invalid" in failure.message


def test_a_port_on_which_nobody_listens_is_told_with_its_number() -> None:
    port = free_port()

    failure = failure_of(profile_of(f"host=127.0.0.1 port={port} dbname=d user=u"))

    assert failure.stage is Stage.CONNECT
    assert failure.is_transient
    assert str(port) in failure.message


def test_a_server_of_another_kind_is_told_apart() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.1)
        profile = profile_of(f"host=127.0.0.1 port={listener.getsockname()[1]} dbname=d user=u")

        failure = failure_of(profile)

    assert failure.stage is Stage.CONNECT


def test_a_wrong_password_is_the_login_stage_and_is_never_retried(member: Profile) -> None:
    failure = failure_of(member, "wrong password")

    assert failure.stage is Stage.LOGIN
    assert not is_retryable(failure)
    assert "'member'" in failure.message


def test_no_password_is_told_as_such(member: Profile, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGPASSWORD", SECRET)

    failure = failure_of(member, None)

    assert failure.stage is Stage.LOGIN
    assert "wants a password" in failure.message


def test_a_password_file_is_not_read_behind_the_persons_back(
    member: Profile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "pgpass").write_text(f"*:*:*:*:{SECRET}\n")
    (tmp_path / "pgpass").chmod(0o600)

    with monkeypatch.context() as environment:
        environment.setenv("PGPASSFILE", str(tmp_path / "pgpass"))
        environment.setenv("PGHOSTADDR", "192.0.2.1")
        failure = failure_of(member, None)

    assert failure.stage is Stage.LOGIN


def test_a_refused_login_is_tried_once_however_often_it_is_asked_for(own_cluster: Cluster) -> None:
    make_member(own_cluster)
    engine = make_engine(profile_of(own_cluster.dsn, user="member"), "wrong password")

    failures = []
    for _ in range(5):
        with pytest.raises(ConnectionFailure) as caught:
            engine.connect()
        failures.append(caught.value.stage)
    engine.dispose()

    assert failures == [Stage.LOGIN] * 5
    assert own_cluster.log_text().count("password authentication failed") == 1


def test_a_password_changed_on_the_server_stops_the_pool_after_one_attempt(
    own_cluster: Cluster,
) -> None:
    make_member(own_cluster)
    engine = make_engine(profile_of(own_cluster.dsn, user="member"), SECRET)
    engine.connect().close()
    own_cluster.execute("ALTER ROLE member PASSWORD 'another'")
    own_cluster.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'member'"
    )

    for _ in range(3):
        with pytest.raises(ConnectionFailure, match="refused"):
            engine.connect()
    engine.dispose()

    assert own_cluster.log_text().count("password authentication failed") == 1


def test_a_missing_database_is_told_apart_from_a_wrong_password(member: Profile) -> None:
    profile = member.model_copy(update={"database": "nowhere"})

    report = try_connection(profile, SECRET)

    assert report.failed_at is Stage.DATABASE
    assert "has no database 'nowhere'" in report.message
    assert member.database in report.databases
    assert member.database in report.remedy


def test_a_database_that_is_closed_to_the_user_is_told(
    member: Profile, postgres_server: Server
) -> None:
    closed = postgres_server.create_database()
    postgres_server.execute(f"REVOKE CONNECT ON DATABASE {closed} FROM PUBLIC")

    report = try_connection(member.model_copy(update={"database": closed}), SECRET)
    postgres_server.drop_database(closed)

    assert report.failed_at is Stage.DATABASE
    assert "does not let this user into" in report.message


def test_a_wrong_password_stays_the_login_stage_in_a_report(own_cluster: Cluster) -> None:
    make_member(own_cluster)

    report = try_connection(
        profile_of(own_cluster.dsn, user="member", database="nowhere"), "wrong password"
    )

    assert report.failed_at is Stage.LOGIN
    assert own_cluster.log_text().count("password authentication failed") <= 2


def test_a_login_without_a_free_connection_is_worth_waiting_for(postgres_server: Server) -> None:
    make_member(postgres_server, "crowded", "CONNECTION LIMIT 1")
    profile = profile_of(postgres_server.dsn, user="crowded")

    with Connector(profile, SECRET)():
        failure = failure_of(profile)
    postgres_server.execute("DROP ROLE crowded")

    assert failure.is_transient
    assert is_retryable(failure)


@pytest.mark.heavy
def test_a_server_that_proves_itself_is_spoken_to_encrypted(tmp_path: Path) -> None:
    programs = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    assert programs, "install Debian's postgresql: the bundled server programs have no TLS"
    own = Authority(tmp_path)
    with running_cluster(programs=programs[-1]) as cluster:
        cluster.use_certificate(own.issue().read_bytes())
        make_member(cluster)
        profile = profile_of(
            cluster.dsn,
            host="localhost",
            user="member",
            sslmode="verify-full",
            sslrootcert=str(own.file),
        )

        report = try_connection(profile, SECRET)

    assert report.message.startswith("Connected")
    assert report.is_encrypted


def test_a_stopped_server_is_worth_waiting_for(own_cluster: Cluster) -> None:
    profile = profile_of(own_cluster.dsn)
    own_cluster.stop()

    failure = failure_of(profile, None)

    assert failure.stage is Stage.CONNECT
    assert is_retryable(failure)


Case = Callable[[Authority, Authority], Path | None]


@pytest.mark.parametrize(
    ("case", "said"),
    [
        pytest.param(lambda _own, other: other.issue(), "not trusted", id="unknown authority"),
        pytest.param(
            lambda own, _other: own.issue("other.example"), "another name", id="wrong host"
        ),
        pytest.param(lambda own, _other: own.issue(from_day=-9, days=3), "expired", id="expired"),
        pytest.param(
            lambda own, _other: own.issue(from_day=5), "not valid yet", id="not yet valid"
        ),
        pytest.param(lambda _own, _other: None, "does not offer encryption", id="no encryption"),
    ],
)
def test_a_server_that_does_not_prove_itself_gets_no_password(
    tmp_path: Path, case: Case, said: str
) -> None:
    own, other = Authority(tmp_path), Authority(tmp_path, "Other authority")

    with impostor(case(own, other)) as server:
        profile = profile_of(
            f"host=localhost port={server.port} dbname=d user=u",
            sslmode="verify-full",
            sslrootcert=str(own.file),
        )
        report = try_connection(profile, SECRET)

    assert report.failed_at is Stage.TLS
    assert said in report.message
    assert report.remedy
    assert SECRET.encode() not in server.heard


@pytest.mark.parametrize("sslmode", ["disable", "require", "verify-ca"])
def test_a_server_that_is_not_known_for_sure_never_reads_the_password(
    tmp_path: Path, sslmode: str
) -> None:
    own = Authority(tmp_path)
    trust = {"sslrootcert": str(own.file)} if sslmode == "verify-ca" else {}

    with impostor(own.issue("other.example")) as server:
        profile = profile_of(
            f"host=localhost port={server.port} dbname=d user=u", sslmode=sslmode, **trust
        )
        failure = failure_of(profile)

    assert failure.stage is Stage.LOGIN
    assert "clear text" in failure.message
    assert SECRET.encode() not in server.heard


def test_a_file_of_authorities_that_is_missing_is_named(tmp_path: Path) -> None:
    own = Authority(tmp_path)

    with impostor(own.issue()) as server:
        profile = profile_of(
            f"host=localhost port={server.port} dbname=d user=u",
            sslmode="verify-full",
            sslrootcert=str(tmp_path / "gone.pem"),
        )
        failure = failure_of(profile)

    assert failure.stage is Stage.TLS
    assert "gone.pem" in failure.message


def test_the_password_is_in_no_text_about_a_connection(member: Profile, tmp_path: Path) -> None:
    engine = make_engine(member, SECRET)
    wrong = make_engine(member.model_copy(update={"database": "nowhere"}), SECRET)
    with engine.connect() as connection:
        said = [repr(engine), str(engine.url), repr(engine.pool), repr(connection), repr(member)]
    with pytest.raises(ConnectionFailure) as caught:
        wrong.connect()
    said += [repr(caught.value), str(caught.value.__cause__), repr(try_connection(member, SECRET))]
    engine.dispose()

    (tmp_path / "said").write_text("\n".join(said))

    assert_no_secret(tmp_path, SECRET)
    assert quote(SECRET) not in "".join(said)


def test_a_report_says_what_is_there(member: Profile) -> None:
    report = try_connection(member, SECRET)

    with psycopg.connect(
        host=member.host, port=member.port, user="postgres", dbname=member.database
    ) as connection:
        version = connection.info.parameter_status("server_version")
    assert report.is_ok
    assert report.server_version in str(version)
    assert report.timescaledb is None
    assert report.latency_ms is not None
    assert 0 < report.latency_ms < 1000
    assert [table.exists for table in report.tables] == [False, False]
    assert "public.daily_prices" in report.remedy
