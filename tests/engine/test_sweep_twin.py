"""A sweep and its slow twin, every combination a run of its own, find the same."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.config import parse_config
from engine.strategies.registry import get
from engine.sweeps.job import longest_warmup, new_job
from engine.sweeps.spec import grid_of, parse_sweep
from tests.engine.test_sweep_lean import EXACT, RATIOS
from tests.engine.test_sweep_run import Collector
from tests.engine.test_sweep_strategies import market
from tests.naive import sweep as naive

windows = st.lists(st.integers(1, 40), min_size=1, max_size=4, unique=True)


@settings(max_examples=20)
@given(
    windows,
    windows,
    st.sampled_from(["long_only", "long_short"]),
    st.integers(0, 20),
    st.sampled_from(["next_open", "next_close", "same_close"]),
)
def test_pairs_of_averages_are_those_of_the_twin(
    fast: list[int], slow: list[int], direction: str, gap: int, fill_at: str
) -> None:
    slow = [max(n, 2) for n in slow]
    values = {"fast": fast, "slow": sorted(set(slow))}
    if not any(f < s - gap for f in values["fast"] for s in values["slow"]):
        values["slow"] = [max(fast) + gap + 1]
    config = parse_config(
        {
            "strategy": {"name": "sma_cross", "params": {"direction": direction}},
            "execution": {"fill_at": fill_at},
        }
    )
    strategy, panel = get("sma_cross"), market()
    section = parse_sweep({"params": values, "constraints": [f"fast + {gap} < slow"]})
    grid = grid_of(section, strategy)
    job = new_job(config, panel, strategy, grid, longest_warmup(config, strategy, grid))
    collector = Collector()

    collector.run(job)

    expected = naive.sweep(config, panel, strategy, values, lambda fast, slow: fast + gap < slow)
    assert [grid.values(int(row["index"])) for row in collector.rows] == [p for p, _ in expected]
    for row, (_, figures) in zip(collector.rows, expected, strict=True):
        assert_same(row, figures)
    last = collector.told[-1]
    if last.best_index is not None:
        assert grid.values(last.best_index) == naive.best(expected, "sharpe_ratio")


def assert_same(row: Any, figures: dict[str, float]) -> None:
    for name in EXACT:
        np.testing.assert_array_equal(row[name], figures.get(name, np.nan), name)
    for name in RATIOS:
        wanted = figures.get(name, np.nan)
        assert row[name] == pytest.approx(wanted, rel=1e-12, abs=1e-12, nan_ok=True), name
