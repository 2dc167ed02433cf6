"""One writer at a time, across threads and processes; readers cannot write."""

import subprocess
import sys
import threading
from pathlib import Path

import pytest

from storage import connect
from storage.connect import held, lock_of
from storage.errors import BacktestStorageError, DatabaseConnectionError
from storage.runs import RunStore
from storage.snapshots import snapshots_of
from tests.builders import make_config, make_dataset, make_panel, make_result, make_strategy

ROOT = Path(__file__).resolve().parents[2]
WRITER = """
import sys
from pathlib import Path
from storage.runs import RunStore
from tests.builders import make_config, make_strategy

with RunStore.open(Path(sys.argv[1])) as store:
    for _ in range(25):
        print(store.submit(make_config(), make_strategy(), engine_version="0.1.0"))
"""


def test_two_processes_that_write_at_once_lose_nothing(tmp_path: Path) -> None:
    path = tmp_path / "runs.sqlite"
    command = [sys.executable, "-c", WRITER, str(path)]

    both = [subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) for _ in "ab"]
    written = [line for process in both for line in process.communicate()[0].split()]

    with RunStore.open(path) as store:
        stored = {item.run_id for item in store.list(limit=1000).items}
    assert [process.returncode for process in both] == [0, 0]
    assert len(written) == 50
    assert stored == set(written)


def test_threads_that_write_at_once_lose_nothing(tmp_path: Path) -> None:
    with RunStore.open(tmp_path / "runs.sqlite") as store:
        threads = [threading.Thread(target=_submit_ten, args=(store,)) for _ in range(4)]

        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert store.list().total == 40


def _submit_ten(store: RunStore) -> None:
    for _ in range(10):
        store.submit(make_config(), make_strategy(), engine_version="0.1.0")
        store.list()


def test_a_reader_cannot_write(tmp_path: Path) -> None:
    with RunStore.open(tmp_path / "runs.sqlite") as store:
        with pytest.raises(BacktestStorageError), store._database.read() as connection:
            connection.exec_driver_sql("DELETE FROM outbox")


def test_a_writer_that_waits_too_long_says_who_is_in_the_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connect, "BUSY_SECONDS", 0.05)
    path = tmp_path / "runs.sqlite"

    with RunStore.open(path) as store:
        with (
            held(lock_of(path)),
            pytest.raises(DatabaseConnectionError, match="Another program") as failure,
        ):
            store.submit(make_config(), make_strategy(), engine_version="0.1.0")
        after = store.submit(make_config(), make_strategy(), engine_version="0.1.0")

        assert failure.value.exit_code == 5
        assert store.get(after).status == "queued"


def test_a_result_waits_for_whoever_is_writing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connect, "BUSY_SECONDS", 0.05)
    path = tmp_path / "runs.sqlite"
    panel = make_panel()
    result = make_result(panel=panel)
    with RunStore.open(path) as store:
        run_id = store.submit(make_config(), make_strategy(), engine_version="0.1.0")
        store.mark_running(run_id)
        other = lock_of(path)
        other.acquire()
        later = threading.Timer(0.5, other.release)

        later.start()
        store.finish(run_id, result, snapshots_of(result, panel), make_dataset(panel))
        later.join()

        assert store.get(run_id).status == "completed"


def test_a_failed_block_writes_nothing(tmp_path: Path) -> None:
    with RunStore.open(tmp_path / "runs.sqlite") as store:
        run_id = store.submit(make_config(), make_strategy(), engine_version="0.1.0")

        with pytest.raises(KeyError), store._database.write() as connection:
            connection.exec_driver_sql("DELETE FROM backtest_runs")
            raise KeyError

        assert store.get(run_id).status == "queued"


def test_a_folder_that_cannot_be_made_is_told_plainly(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")

    with pytest.raises(DatabaseConnectionError):
        RunStore.open(tmp_path / "file" / "runs.sqlite")
