"""The same bytes come out in every process: whatever its hash seed, time zone or number of threads at work."""

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from engine.config import parse_config
from engine.market import Panel
from engine.simulate import run_backtest
from engine.strategies.registry import get
from engine.types import NS_PER_DAY

ROOT = Path(__file__).resolve().parents[2]
CONFIG = {
    "strategy": {"name": "momentum_rotation", "params": {"top_n": 3, "lookback": 20}},
    "account": {"initial_capital": 50_000},
    "rebalance": {"period": "weekly"},
}


def market() -> Panel:
    """Twelve walks of 400 days on a grid of cents, the same in every process."""
    rng = np.random.Generator(np.random.PCG64(20240102))
    close = np.round(50 * np.exp(np.cumsum(rng.normal(0.0003, 0.02, (400, 12)), axis=0)), 2)
    open_ = np.round(close * rng.uniform(0.99, 1.01, close.shape), 2)
    return Panel(
        symbols=tuple(f"S{i:02d}" for i in range(12)),
        time_ns=19_000 * NS_PER_DAY + np.arange(400, dtype=np.int64) * NS_PER_DAY,
        open=open_,
        high=np.maximum(open_, close),
        low=np.minimum(open_, close),
        close=close,
        volume=np.full(close.shape, 1000.0),
    )


def one_hash(_: int = 0) -> str:
    """Run once and return the hash of the result."""
    config = parse_config(CONFIG)
    strategy = get(config.strategy.name).make(config.strategy.params)
    return run_backtest(config, market(), strategy, clock=lambda: 0.0).result_hash


def hashes(threads: int) -> list[str]:
    """Run eight times on so many threads at once."""
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(one_hash, range(8)))


def hashes_in_a_process(threads: int, **environment: str) -> list[str]:
    """Run `hashes` in a Python of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.engine.test_determinism", str(threads)],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=True,
        timeout=240,
    )
    found: list[str] = json.loads(done.stdout)
    return found


def test_another_process_with_two_threads_another_seed_and_zone_finds_the_same_hash() -> None:
    here = one_hash()

    one = hashes_in_a_process(1, PYTHONHASHSEED="1", TZ="Asia/Seoul")
    two = hashes_in_a_process(2, PYTHONHASHSEED="2", TZ="America/St_Johns")

    assert len(here) == 64
    assert one == [here] * 8
    assert two == [here] * 8


@pytest.mark.heavy
def test_a_plainer_processor_finds_the_same_hash() -> None:
    plain = hashes_in_a_process(
        1, NUMBA_CPU_NAME="generic", NUMBA_CPU_FEATURES="", NPY_DISABLE_CPU_FEATURES="AVX2 FMA3"
    )

    assert plain == [one_hash()] * 8


def test_another_configuration_has_another_hash() -> None:
    config = parse_config({**CONFIG, "account": {"initial_capital": 50_001}})
    strategy = get(config.strategy.name).make(config.strategy.params)

    other = run_backtest(config, market(), strategy, clock=lambda: 0.0)

    assert other.result_hash != one_hash()


if __name__ == "__main__":
    sys.stdout.write(json.dumps(hashes(int(sys.argv[1]))))
