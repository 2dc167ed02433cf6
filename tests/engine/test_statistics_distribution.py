"""The distribution of returns: every return in one bin, figures as defined, or a reason."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.statistics.distribution import (
    DISTRIBUTION_COLUMNS,
    FEWEST_BINS,
    MOST_BINS,
    distribution,
)
from tests.engine.comparing import differing
from tests.naive.metrics import mean, percentile, sd
from tests.naive.statistics import histogram, returns_of


@settings(max_examples=150, deadline=None)
@given(st.lists(st.integers(50, 150).map(float), min_size=2, max_size=40), st.just(100.0))
def test_figures_equal_their_plain_twin(equity: list[float], capital: float) -> None:
    moves = returns_of(equity, capital)

    found = distribution(np.array(equity), capital)

    expected = {
        "mean": mean(moves),
        "median": percentile(moves, 50),
        "sd": sd(moves),
        "best": max(moves),
        "worst": min(moves),
        "positive": sum(r > 0 for r in moves) / len(moves),
        "negative": sum(r < 0 for r in moves) / len(moves),
        "unchanged": sum(r == 0 for r in moves) / len(moves),
    }
    assert differing(found.values, expected, 1e-9, 1e-12) == {}
    assert set(found.values) == {column.name for column in DISTRIBUTION_COLUMNS}


@pytest.mark.parametrize("n", [2, 30, 5000])
def test_every_return_is_in_one_bin(n: int) -> None:
    rng = np.random.default_rng(n)
    equity = 100.0 * np.cumprod(1 + rng.standard_t(3, n) * 0.01)

    found = distribution(equity, 100.0)

    moves = (np.diff(equity, prepend=100.0) * (1.0 / np.append(100.0, equity[:-1]))).tolist()
    assert found.counts.tolist() == histogram(moves, found.edges.tolist())
    assert found.counts.sum() == n
    assert FEWEST_BINS <= len(found.counts) <= MOST_BINS
    assert np.diff(found.edges) == pytest.approx(np.diff(found.edges)[0])


@pytest.mark.parametrize(
    ("equity", "why"),
    [
        ([], "no bar"),
        ([100.0], "one bar is too few"),
        ([50.0, -10, 30], "equity fell to zero or below"),
    ],
)
def test_without_returns_there_is_a_reason(equity: list[float], why: str) -> None:
    found = distribution(np.array(equity, float), 100.0)

    assert found.no_histogram == why
    assert set(found.undefined.values()) == {why}
    assert len(found.counts) == len(found.edges) == 0


def test_a_flat_curve_has_figures_but_no_histogram() -> None:
    found = distribution(np.full(5, 100.0), 100.0)

    assert found.no_histogram == "the returns do not vary"
    assert found.values["sd"] == 0.0
    assert found.values["unchanged"] == 1.0
    assert found.undefined == {}
