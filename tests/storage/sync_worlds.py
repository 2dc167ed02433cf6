"""Finished runs, a team's database to send them to, and a line that breaks at the worst moment."""

import contextlib
import socket
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import psycopg
import sqlalchemy as sa
from psycopg import conninfo

from storage.postgres import Connector, make_engine
from storage.runs import RunStore
from storage.shared.setup import SharedState, init
from storage.snapshots import snapshots_of
from tests.builders import make_config, make_dataset, make_panel, make_result, make_strategy
from tests.storage.servers import profile_of

TABLES = ("orders", "fills", "trades", "snapshots", "metrics")


def set_up(dsn: str) -> SharedState:
    """Make the team's tables in a database."""
    engine = make_engine(profile_of(dsn, read_only=False), None)
    try:
        return init(engine)
    finally:
        engine.dispose()


def connector(dsn: str, password: str | None = None, **changes: Any) -> Connector:
    """Return what opens connections to a database."""
    return Connector(profile_of(dsn, purpose="shared", read_only=False, **changes), password)


def start_run(store: RunStore, **strategy: Any) -> str:
    """Submit a run and set it going."""
    run_id = store.submit(make_config(), make_strategy(**strategy), engine_version="0.1.0")
    store.mark_running(run_id)
    return run_id


def finish_run(store: RunStore, n_bars: int = 60, n_trades: int = 12, **changes: Any) -> str:
    """Keep a finished run, as a trader's computer does, and return its id."""
    strategy = changes.pop("strategy", {})
    panel = make_panel(n_bars)
    result = make_result(n_bars, n_trades, panel, **changes)
    run_id = start_run(store, **strategy)
    store.finish(run_id, result, snapshots_of(result, panel), make_dataset(panel))
    return run_id


def ask(dsn: str, query: str, *values: Any) -> list[tuple[Any, ...]]:
    """Ask a database as its superuser."""
    with psycopg.connect(dsn) as connection:
        return connection.execute(query.encode(), values).fetchall()


def change(dsn: str, statement: str) -> None:
    """Change a database as its superuser."""
    with psycopg.connect(dsn) as connection:
        connection.execute(statement.encode())


def runs_there(dsn: str) -> list[str]:
    """Return the ids of the runs in the team's database."""
    return [str(row[0]) for row in ask(dsn, "SELECT id FROM backtesting.backtest_runs ORDER BY 1")]


def rows_there(dsn: str, run_id: str) -> dict[str, int]:
    """Return how many rows the team's database has of a run, by table."""
    query = "SELECT count(*) FROM backtesting.backtest_{} WHERE run_id = %s"
    return {name: ask(dsn, query.format(name), run_id)[0][0] for name in TABLES}


def rows_here(path: Path, run_id: str) -> dict[str, int]:
    """Return how many rows the local database has of a run, by table."""
    query = "SELECT count(*) FROM backtest_{} WHERE run_id = ?"
    return {name: select(path, query.format(name), run_id)[0][0] for name in TABLES}


def select(path: Path, query: str, *values: Any) -> Sequence[Any]:
    """Ask the local database, past every conversion of ours."""
    engine = sa.create_engine(f"sqlite:///{path}")
    try:
        with engine.connect() as connection:
            return connection.exec_driver_sql(query, values).all()
    finally:
        engine.dispose()


class Line:
    """A line to a server that is cut after the server's answer to the n-th COMMIT, unheard."""

    def __init__(self, dsn: str, cut_at_commit: int) -> None:
        """Listen on a free port; that is the address to use in place of the server's."""
        parts = conninfo.conninfo_to_dict(dsn)
        self._server = (str(parts["host"]), int(str(parts["port"])))
        self._commits_left = cut_at_commit
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.dsn = conninfo.make_conninfo(dsn, port=self._listener.getsockname()[1])
        self._thread = threading.Thread(target=self._serve, name="line")
        self._thread.start()

    def close(self) -> None:
        """Stop listening and wait for the thread."""
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join()

    def _serve(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            with client, socket.create_connection(self._server) as server:
                self._talk(client, server)

    def _talk(self, client: socket.socket, server: socket.socket) -> None:
        answers = threading.Thread(target=self._answer, args=(server, client), name="answers")
        answers.start()
        with contextlib.suppress(OSError):
            while asked := client.recv(65536):
                self._commits_left -= b"COMMIT" in asked
                server.sendall(asked)
            server.shutdown(socket.SHUT_WR)
        answers.join()

    def _answer(self, server: socket.socket, client: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while said := server.recv(65536):
                if self._commits_left == 0 and b"COMMIT" in said:
                    self._commits_left = -1
                    client.shutdown(socket.SHUT_RDWR)
                    return
                client.sendall(said)


@contextlib.contextmanager
def line_cut_at_commit(dsn: str, number: int) -> Iterator[str]:
    """Yield the connection string of a `Line` for the block."""
    line = Line(dsn, number)
    try:
        yield line.dsn
    finally:
        line.close()
