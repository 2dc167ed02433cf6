"""Whatever lasts is over soon after it was told to stop, and what was under way leaves nothing behind."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import psycopg
import pytest

from engine.config import DataConfig
from storage.connect import lock_of
from storage.credentials import Credentials, KeyringState
from storage.errors import Stopped
from storage.market.catalog import load_panel
from storage.market.timescale import open_source
from storage.postgres import Connector
from storage.postgres_connect import connect
from storage.runs import RunStore
from storage.snapshots import snapshots_of
from storage.sockets import addresses, reached
from storage.stopping import beside, check, never, taken
from storage.sync.session import push_pending
from tests.builders import make_config, make_dataset, make_panel, make_result, make_strategy
from tests.postgres import Cluster
from tests.storage.market_tables import bar, create_tables, fill
from tests.storage.servers import profile_of
from tests.storage.sync_worlds import connector, finish_run, set_up

GOAL_S, LIMIT_S = 0.2, 2.0
ROWS = 400_000


class Stop:
    """Somebody who presses Stop after a while, and knows when that was."""

    def __init__(self, after_s: float) -> None:
        self.at = time.monotonic() + after_s
        self.late = 0.0

    def __call__(self) -> bool:
        return time.monotonic() >= self.at


@contextmanager
def over_soon(figure: Callable[[str], None], after_s: float = 0.1) -> Iterator[Stop]:
    """Expect the block to be stopped after a while; how late it ended stands in the stop."""
    stop = Stop(after_s)
    with pytest.raises(Stopped):
        yield stop
    stop.late = time.monotonic() - stop.at
    figure(f"over {stop.late:.3f} s after the stop, goal {GOAL_S} s")


@pytest.fixture(scope="module")
def csv(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A CSV with several hundred thousand one-minute bars."""
    file = tmp_path_factory.mktemp("long") / "long.csv"
    times = (np.datetime64("2018-01-01T00:00", "m") + np.arange(ROWS)).astype(str)
    with file.open("w", encoding="utf-8") as out:
        out.write("time,open,high,low,close,volume\n")
        out.writelines(f"{when},1.5,1.5,1.5,1.5,10\n" for when in times.tolist())
    return file


@pytest.mark.parametrize("after_s", [0.0, 0.1, 0.2, 0.4])
def test_reading_a_long_file_is_stopped(
    csv: Path, figure: Callable[[str], None], after_s: float
) -> None:
    with over_soon(figure, after_s) as stop:
        for _ in range(50):
            load_panel(DataConfig(source=str(csv), timeframe="1m"), should_stop=stop)
    assert stop.late < LIMIT_S


def test_a_panel_is_hashed_in_blocks_to_the_same_hash() -> None:
    panel, again = make_panel(50_000), make_panel(50_000)
    asked: list[int] = []

    known = panel.content_hash(lambda: asked.append(1))

    assert known == again.content_hash()
    assert len(asked) == 5  # a block a column
    with pytest.raises(Stopped):
        make_panel(60).content_hash(lambda: check(lambda: True))


def test_a_save_that_is_stopped_before_its_end_stores_nothing(tmp_path: Path) -> None:
    panel = make_panel(2000)
    result = make_result(2000, 6000, panel)
    asked: list[int] = []
    with RunStore.open(tmp_path / "runs.sqlite") as store:
        run_id = store.submit(make_config(), make_strategy(), engine_version="0.1.0")
        store.mark_running(run_id)
        store.finish(
            store.resolve(run_id),
            result,
            snapshots_of(result, panel),
            make_dataset(panel),
            should_stop=lambda: bool(asked.append(1)),
        )
        times = len(asked)
        for last in range(times):
            other = store.submit(make_config(), make_strategy(), engine_version="0.1.0")
            store.mark_running(other)
            left = iter(range(last))
            with pytest.raises(Stopped):
                store.finish(
                    other,
                    result,
                    snapshots_of(result, panel),
                    make_dataset(panel),
                    should_stop=lambda left=left: next(left, None) is None,
                )
            assert store.get(other).status == "running"
            assert store.load(other).result is None
        store.finish(other, result, snapshots_of(result, panel), make_dataset(panel))
        assert len(store.load(other).result.trades) == 6000  # type: ignore[union-attr]

    assert times > 10


def test_who_waits_for_another_process_to_write_is_stopped(
    tmp_path: Path, figure: Callable[[str], None]
) -> None:
    path = tmp_path / "runs.sqlite"
    with RunStore.open(path) as store:
        run_id = store.submit(make_config(), make_strategy(), engine_version="0.1.0")
        lock = lock_of(path)
        with lock, over_soon(figure) as stop:
            store.mark_running(run_id, should_stop=stop)
        assert stop.late < LIMIT_S

        assert store.get(run_id).status == "queued"


def test_who_waits_for_another_program_that_locks_the_file_is_stopped(
    tmp_path: Path, figure: Callable[[str], None]
) -> None:
    import sqlite3

    path = tmp_path / "runs.sqlite"
    with RunStore.open(path) as store:
        run_id = store.submit(make_config(), make_strategy(), engine_version="0.1.0")
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with over_soon(figure) as stop:
            store.mark_running(run_id, should_stop=stop)
        assert stop.late < LIMIT_S
        other.execute("ROLLBACK")
        other.close()
        store.mark_running(run_id)

        assert store.get(run_id).status == "running"


def test_connecting_to_a_frozen_server_is_stopped(
    own_cluster: Cluster, figure: Callable[[str], None]
) -> None:
    with own_cluster.frozen(), over_soon(figure, 0.3) as stop:
        Connector(profile_of(own_cluster.dsn), None, should_stop=stop)()
    assert stop.late < LIMIT_S


def test_asking_a_server_that_froze_is_stopped(
    own_cluster: Cluster, figure: Callable[[str], None]
) -> None:
    own_cluster.execute("CREATE DATABASE market")
    dsn = own_cluster.dsn_of("market")
    with psycopg.connect(dsn) as connection:
        create_tables(connection)
        fill(connection, "daily_prices", [bar("A", "2020-01-01")])
    stops = [never]
    source = open_source(profile_of(dsn), None, should_stop=lambda: stops[-1]())
    source.symbols()

    with own_cluster.frozen(), over_soon(figure) as stop:
        stops.append(stop)
        source.bars(["A"])
    assert stop.late < LIMIT_S
    stops.append(never)

    assert list(source.bars(["A"])) == ["A"]
    source.close()


def test_finding_out_why_a_server_failed_is_stopped(figure: Callable[[str], None]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        dsn = f"host=127.0.0.1 port={deaf.getsockname()[1]} dbname=a user=b"
        with over_soon(figure, 5.6) as stop:  # the wait for a connection ends after five seconds
            Connector(profile_of(dsn), None, should_stop=stop)()
        assert stop.late < LIMIT_S


def test_sending_to_a_frozen_team_server_is_stopped(
    own_cluster: Cluster, tmp_path: Path, figure: Callable[[str], None]
) -> None:
    set_up(own_cluster.dsn)
    with RunStore.open(tmp_path / "runs.sqlite") as store:
        finish_run(store)
        stop = Stop(0.3)
        connect_ = connector(own_cluster.dsn)
        connect_.should_stop = stop
        with own_cluster.frozen():
            report = push_pending(store, connect_, should_stop=stop)
            late = time.monotonic() - stop.at
        figure(f"over {late:.3f} s after the stop, goal {GOAL_S} s")

        assert late < LIMIT_S
        assert (report.end, report.waiting, report.outcomes) == ("stopped", 1, ())
        assert push_pending(store, connector(own_cluster.dsn)).sent == 1


def test_a_keyring_that_hangs_is_not_waited_for(figure: Callable[[str], None]) -> None:
    unlocked = threading.Event()

    def find() -> object:
        unlocked.wait(30)
        return None

    credentials = Credentials(find)
    with over_soon(figure) as stop:
        credentials.load(profile_of("host=h port=1 dbname=d user=u"), stop)
    assert stop.late < LIMIT_S
    behind = credentials.check()
    unlocked.set()

    assert behind.state is KeyringState.TIMEOUT  # no second call behind one that hangs


def test_what_runs_beside_hands_back_its_value_and_its_error() -> None:
    def fails() -> None:
        raise KeyError("planted")

    assert beside(lambda: 42, never, "answer") == 42
    with pytest.raises(KeyError, match="planted"):
        beside(fails, never, "error")


def test_what_cannot_be_taken_is_given_up_in_time() -> None:
    tries: list[float] = []

    def attempt(seconds: float) -> bool:
        tries.append(seconds)
        time.sleep(seconds)
        return False

    assert not taken(attempt, 0.1)
    assert len(tries) >= 3
    assert max(tries) < 0.05


def test_an_address_that_does_not_answer_is_given_up_in_time_or_when_stopped() -> None:
    (address,) = addresses("127.0.0.1", 1, never)

    with pytest.raises(ConnectionRefusedError):
        reached(address, 1.0, never)
    with pytest.raises(Stopped):
        reached(address, 1.0, lambda: True)


def test_the_second_address_is_tried_where_the_first_is_closed(
    monkeypatch: pytest.MonkeyPatch, own_cluster: Cluster
) -> None:
    port = own_cluster.port
    places = [(socket.AF_INET, ("127.0.0.2", port)), (socket.AF_INET, ("127.0.0.1", port))]
    monkeypatch.setattr("storage.postgres_connect.addresses", lambda *_: places)
    options = {"host": "somewhere", "port": port, "user": "postgres", "dbname": "postgres"}

    with connect(options, 5.0, never) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)
