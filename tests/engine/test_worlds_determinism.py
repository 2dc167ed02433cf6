"""Worlds of every kind of order give the same bytes in every process: whatever its hash seed or its threads."""

import hashlib
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.engine.both import fills_of, kernel_of, orders_of
from tests.engine.worlds import seeded_world

ROOT = Path(__file__).resolve().parents[2]
SEEDS = range(60)


def digest(seed: int) -> str:
    """Run one world and return the hash of all that it wrote."""
    run = kernel_of(seeded_world(seed))
    found = hashlib.sha256()
    for rows in (fills_of(run), orders_of(run), run.curve.equity, run.curve.cash):
        found.update(rows.tobytes())
    return found.hexdigest()


def digests(threads: int) -> list[str]:
    """Run all of them on so many threads at once."""
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(digest, SEEDS))


def in_a_process(hash_seed: str) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-m", "tests.engine.test_worlds_determinism"],
        cwd=ROOT,
        env={**os.environ, "PYTHONHASHSEED": hash_seed},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.split()


def test_one_thread_and_several_write_the_same_bytes() -> None:
    assert digests(4) == digests(1) == digests(1)


def test_another_process_with_another_hash_seed_writes_the_same_bytes() -> None:
    assert in_a_process("1") == in_a_process("2") == digests(1)


if __name__ == "__main__":
    sys.stdout.write(" ".join(digests(2)))
