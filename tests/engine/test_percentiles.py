"""Percentiles by selection: the same as from a sorted list, whatever the sample said."""

from itertools import pairwise

import numpy as np
import pytest
from numpy.typing import NDArray

from engine import percentiles
from tests.engine.measuring import measure
from tests.naive.metrics import mean, percentile

N = 30_001  # more than is sorted as a whole, and not a round number


def curve_of(returns: NDArray[np.float64]) -> NDArray[np.float64]:
    return 1000.0 * np.cumprod(1.0 + returns)


def tails(equity: NDArray[np.float64]) -> tuple[float, float, float]:
    metrics = measure(equity, 1000.0)
    return metrics["var_95"], metrics["cvar_95"], metrics["tail_ratio"] or 0.0


def by_definition(equity: NDArray[np.float64]) -> tuple[float, float, float]:
    points = [1000.0, *equity.tolist()]
    returns = [(b - a) * (1.0 / a) for a, b in pairwise(points)]
    low = percentile(returns, 5)
    ratio = abs(percentile(returns, 95) / low) if low else 0.0
    return low, mean([r for r in returns if r <= low]), ratio


@pytest.mark.parametrize("idle", [0.0, 0.3, 0.92, 1.0])
@pytest.mark.parametrize("seed", range(3))
def test_selection_finds_what_a_sorted_list_has(seed: int, idle: float) -> None:
    rng = np.random.default_rng(seed)
    equity = curve_of(np.where(rng.random(N) < idle, 0.0, rng.standard_t(3, N) * 1e-4))

    assert tails(equity) == pytest.approx(by_definition(equity), rel=1e-11, abs=1e-18)


@pytest.mark.parametrize("step", [2, 3, 7, 20])
def test_a_sample_that_sees_only_the_worst_bars_changes_nothing(step: int) -> None:
    rng = np.random.default_rng(step)
    returns = np.abs(rng.normal(0, 1e-4, N))
    returns[1 :: N // 4096 * step] = -1e-4  # where the sample looks

    equity = curve_of(returns)

    assert tails(equity) == pytest.approx(by_definition(equity), rel=1e-11)


def test_a_curve_in_order_of_its_returns_is_no_harder() -> None:
    equity = curve_of(np.sort(np.random.default_rng(1).normal(0, 1e-4, N)))

    assert tails(equity) == pytest.approx(by_definition(equity), rel=1e-11)


def test_a_sample_that_misleads_gives_way_to_sorting(monkeypatch: pytest.MonkeyPatch) -> None:
    returns = np.abs(np.random.default_rng(5).normal(0, 1e-4, N))
    returns[1 :: N // 4096] = -1e-2  # all that the sample sees
    equity = curve_of(returns)
    sorted_instead = tails(equity[: N - 1])

    monkeypatch.setattr(percentiles, "_MANY", N)
    by_sorting = tails(equity[: N - 1])

    assert sorted_instead == by_sorting
