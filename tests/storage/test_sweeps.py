"""A sweep's file holds every range that was written, whatever ended the process, and notices damage."""

import errno
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from engine.errors import BacktestValidationError
from storage.errors import (
    BacktestStorageError,
    CorruptDatabaseError,
    RecordNotFoundError,
    StorageFullError,
)
from storage.sweepfile import read_blocks
from storage.sweeps import SweepStore

ROW = np.dtype([("index", "<i8"), ("figure", "<f8")])
FACTS: dict[str, Any] = {"config": {"name": "Ü"}, "sweep": {"objective": "figure"}}
ROOT = Path(__file__).resolve().parents[2]


def rows_of(start: int, stop: int) -> NDArray[np.void]:
    rows = np.zeros(stop - start, ROW)
    rows["index"] = np.arange(start, stop)
    rows["figure"] = rows["index"] / 3
    return rows


@pytest.fixture
def store(tmp_path: Path) -> SweepStore:
    return SweepStore(tmp_path)


def begun(store: SweepStore, *spans: tuple[int, int], size: int = 100) -> str:
    with store.create(ROW, size, FACTS) as writer:
        for span in spans:
            writer.append(span, rows_of(*span))
        return writer.sweep_id


def found_in(store: SweepStore, sweep_id: str) -> list[int]:
    return [int(i) for block in read_blocks(store.get(sweep_id).path) for i in block["index"]]


def test_what_was_written_is_read_by_ascending_index(store: SweepStore) -> None:
    sweep_id = begun(store, (40, 60), (0, 20))

    record = store.get(sweep_id[:10])

    assert record.header.facts == FACTS
    assert record.header.row == ROW
    assert record.spans == ((40, 60), (0, 20))
    assert record.status == "partial"
    assert found_in(store, sweep_id) == [*range(20), *range(40, 60)]


def test_a_sweep_with_its_whole_grid_is_completed(store: SweepStore) -> None:
    sweep_id = begun(store, (0, 60), (60, 100))

    assert store.get(sweep_id).status == "completed"


def test_going_on_appends(store: SweepStore) -> None:
    sweep_id = begun(store, (0, 20))

    writer, done = store.resume(sweep_id)
    with writer:
        writer.append((20, 100), rows_of(20, 100))

    assert done == [(0, 20)]
    assert found_in(store, sweep_id) == list(range(100))


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_a_file_that_ends_anywhere_keeps_all_whole_ranges(
    store: SweepStore, data: st.DataObject
) -> None:
    sweep_id = begun(store, (0, 20), (20, 35), (35, 80))
    path = store.get(sweep_id).path
    whole = path.read_bytes()
    empty = len(store.get(begun(store)).path.read_bytes())
    cut = data.draw(st.integers(empty, len(whole) - 1))
    path.write_bytes(whole[:cut])

    writer, done = store.resume(sweep_id)
    with writer:
        kept = found_in(store, sweep_id)

    assert kept == list(range(done[-1][1] if done else 0))
    assert whole.startswith(path.read_bytes())


def test_a_last_range_that_was_not_all_written_is_cut_off(store: SweepStore) -> None:
    sweep_id = begun(store, (0, 20), (20, 40))
    path = store.get(sweep_id).path
    damaged = bytearray(path.read_bytes())
    damaged[-60] ^= 1
    path.write_bytes(damaged)

    assert found_in(store, sweep_id) == list(range(20))
    writer, done = store.resume(sweep_id)
    writer.close()
    assert done == [(0, 20)]


def test_a_range_damaged_in_the_middle_is_noticed(store: SweepStore) -> None:
    sweep_id = begun(store, (0, 20), (20, 40))
    path = store.get(sweep_id).path
    damaged = bytearray(path.read_bytes())
    damaged[-500] ^= 1
    path.write_bytes(damaged)

    with pytest.raises(CorruptDatabaseError, match="0 to 20 are damaged"):
        found_in(store, sweep_id)


@pytest.mark.parametrize("place", [0, 12, 40])
def test_a_damaged_beginning_is_noticed_and_left_out_of_the_list(
    store: SweepStore, place: int
) -> None:
    sweep_id = begun(store, (0, 20))
    path = store.get(sweep_id).path
    damaged = bytearray(path.read_bytes())
    damaged[place] ^= 1
    path.write_bytes(damaged)

    with pytest.raises(CorruptDatabaseError):
        store.get(sweep_id)
    assert store.all() == ()


def test_two_writers_never_share_a_file(store: SweepStore) -> None:
    with (
        store.create(ROW, 100, FACTS) as writer,
        pytest.raises(BacktestStorageError, match="under way"),
    ):
        store.resume(writer.sweep_id)


def test_sweeps_are_listed_newest_first_found_by_prefix_and_removed(store: SweepStore) -> None:
    first, second = begun(store), begun(store)

    assert [record.sweep_id for record in store.all()] == [second, first]
    with pytest.raises(BacktestValidationError, match="beginning of 2 sweeps"):
        store.get(first[:1])
    with pytest.raises(RecordNotFoundError):
        store.get("ffff")
    store.remove(first)
    assert [record.sweep_id for record in store.all()] == [second]


@pytest.mark.needs_posix
def test_nobody_else_may_read_a_sweep(store: SweepStore) -> None:
    assert store.get(begun(store)).path.stat().st_mode & 0o077 == 0


WRITER = """
import os, sys
from pathlib import Path
from storage.sweeps import SweepStore
from tests.storage.test_sweeps import FACTS, ROW, rows_of

with SweepStore(Path(sys.argv[1])).create(ROW, 10**9, FACTS) as writer:
    os.write(1, writer.sweep_id.encode() + b"\\n")
    for start in range(0, 10**9, 50):
        writer.append((start, start + 50), rows_of(start, start + 50))
        os.write(1, b"%d\\n" % (start + 50))
"""


@pytest.mark.needs_posix
def test_every_range_that_was_told_as_written_survives_a_kill(
    store: SweepStore, tmp_path: Path
) -> None:
    child = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(tmp_path)], cwd=ROOT, stdout=subprocess.PIPE
    )
    assert child.stdout is not None
    sweep_id = child.stdout.readline().decode().strip()
    for _ in range(200):
        child.stdout.readline()
    os.kill(child.pid, signal.SIGKILL)
    told = child.stdout.read().split()
    child.stdout.close()
    child.wait()

    writer, _ = store.resume(sweep_id)
    writer.close()

    last = int(told[-1]) if told else 200 * 50
    kept = found_in(store, sweep_id)
    assert kept == list(range(len(kept)))
    assert len(kept) >= last


@pytest.mark.parametrize(
    ("number", "kind"), [(errno.ENOSPC, StorageFullError), (errno.EIO, BacktestStorageError)]
)
def test_a_beginning_that_fails_leaves_nothing(
    store: SweepStore,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    number: int,
    kind: type[Exception],
) -> None:
    def fail(_descriptor: int) -> None:
        raise OSError(number, "planted")

    monkeypatch.setattr("storage.sweepfile.os.fsync", fail)

    with pytest.raises(kind):
        begun(store)

    assert store.all() == ()
    assert [path.suffix for path in tmp_path.iterdir()] in ([], [".lock"])
