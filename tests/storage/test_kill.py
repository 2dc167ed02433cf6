"""Whoever was told "saved" finds the run again, whole, whenever the program is killed."""

import contextlib
import os
import random
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from storage.runs import RunStore
from tests.builders import make_result

KILLS = int(os.environ.get("TRADEBENCH_KILLS", "200"))  # of the long job
ROOT = Path(__file__).resolve().parents[2]

# Imports everything once; for each line (seconds to live) a fork saves runs until it is killed.
SAVER = """
import os, signal, sys, time
from pathlib import Path
import pyarrow.compute
from storage.runs import RunStore
from storage.snapshots import snapshots_of
from tests.builders import make_config, make_dataset, make_panel, make_result, make_strategy

panel = make_panel(40)
result, dataset = make_result(40, 30, panel), make_dataset(panel)
snapshots = snapshots_of(result, panel)

def save_for_ever(told):
    store = RunStore.open(Path(sys.argv[1]))
    while True:
        run_id = store.submit(make_config(), make_strategy(), engine_version="0.1.0")
        store.mark_running(run_id)
        store.finish(run_id, result, snapshots, dataset)
        os.write(told, run_id.encode() + b" ")

for line in sys.stdin:
    heard, told = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(heard)
        save_for_ever(told)
    os.close(told)
    saved = os.read(heard, 37)
    time.sleep(float(line))
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    while more := os.read(heard, 65536):
        saved += more
    print(saved.decode(), flush=True)
"""
SUBMITTER = """
import sys
from pathlib import Path
from storage.runs import RunStore
from tests.builders import make_config, make_strategy

store = RunStore.open(Path(sys.argv[1]))
run_id = store.submit(make_config(), make_strategy(), engine_version="0.1.0")
store.mark_running(run_id)
print(run_id, flush=True)
sys.stdin.read()
"""


def assert_whole(path: Path, saved: list[str]) -> None:
    """Every saved run is complete, and no run is half there."""
    expected = make_result(40, 30).result_hash
    with RunStore.open(path) as store:
        assert [store.get(run_id).status for run_id in saved] == ["completed"] * len(saved)
        for run_id in saved[-3:]:
            assert store.load(run_id).result is not None
            assert store.recompute_hash(run_id) == expected
    with contextlib.closing(sqlite3.connect(path)) as connection:
        halves = connection.execute(
            """
            SELECT run FROM (SELECT id AS run, status = 'completed' AS done FROM backtest_runs)
            WHERE done <> ((SELECT count(*) FROM backtest_trades t WHERE t.run_id = run) = 30)
               OR done <> ((SELECT count(*) FROM backtest_fills f WHERE f.run_id = run) = 60)
               OR done <> EXISTS (SELECT 1 FROM artifacts a WHERE a.run_id = run)
               OR done <> EXISTS (SELECT 1 FROM backtest_metrics m WHERE m.run_id = run)
               OR done <> EXISTS (SELECT 1 FROM outbox o WHERE o.run_id = run)
            """
        ).fetchall()
        verdict = connection.execute("PRAGMA integrity_check").fetchone()
    assert halves == []
    assert verdict == ("ok",)


def kill_and_look(path: Path, rounds: int, seed: int) -> int:
    """Kill a saving process at random instants; return how many runs it had called saved."""
    instants = random.Random(seed)
    saved: list[str] = []
    command = [sys.executable, "-c", SAVER, str(path)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=ROOT, stdin=pipe, stdout=pipe, text=True) as process:
        assert process.stdin is not None and process.stdout is not None
        for _ in range(rounds):
            process.stdin.write(f"{instants.uniform(0.0, 0.2)}\n")
            process.stdin.flush()
            fresh = process.stdout.readline().split()
            assert_whole(path, fresh)
            saved += fresh
        process.stdin.close()
    assert_whole(path, saved)
    return len(saved)


def test_a_killed_program_loses_no_run_that_it_called_saved(tmp_path: Path) -> None:
    saved = kill_and_look(tmp_path / "runs.sqlite", rounds=10, seed=1)

    assert saved >= 10


@pytest.mark.heavy
@pytest.mark.timeout(3600)
def test_hundreds_of_kills_lose_no_run(tmp_path: Path) -> None:
    saved = kill_and_look(tmp_path / "runs.sqlite", rounds=KILLS, seed=2)

    assert saved >= KILLS


def test_runs_of_a_killed_program_are_marked_interrupted(tmp_path: Path) -> None:
    path = tmp_path / "runs.sqlite"
    command = [sys.executable, "-c", SUBMITTER, str(path)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=ROOT, stdin=pipe, stdout=pipe, text=True) as process:
        assert process.stdout is not None
        run_id = process.stdout.readline().strip()
        with RunStore.open(path) as store:
            while_alive = (store.recover_interrupted(), store.get(run_id).status)
        process.kill()

    with RunStore.open(path) as store:
        recovered = (store.recover_interrupted(), store.recover_interrupted())
        status = store.get(run_id).status

    assert while_alive == ((), "running")
    assert (recovered, status) == (((run_id,), ()), "interrupted")
