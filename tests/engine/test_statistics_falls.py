"""The deepest falls: each whole, in order of depth, the first of them the maximal drawdown."""

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from engine.statistics.falls import deepest_falls
from engine.types import NS_PER_DAY
from tests.engine.comparing import differing
from tests.engine.results import crossing
from tests.naive.statistics import naive_falls


def test_two_falls_by_hand_the_deeper_first() -> None:
    times = np.array([1, 2, 3, 6, 7, 8, 9], np.int64) * NS_PER_DAY
    equity = np.array([110.0, 99, 110, 120, 90, 100, 110])

    deeper, other = deepest_falls(times, equity, 100.0)

    assert deeper.depth == pytest.approx(-0.25)
    assert deeper.money == pytest.approx(30.0)
    assert (deeper.peak_bar, deeper.trough_bar, deeper.recovery_bar) == (3, 4, None)
    assert (deeper.days_down, deeper.days_back, deeper.days_total) == (1.0, None, 3.0)
    assert other.depth == pytest.approx(-0.1)
    assert (other.peak_bar, other.trough_bar, other.recovery_bar) == (0, 1, 2)
    assert (other.days_down, other.days_back, other.bars_total) == (1.0, 1.0, 2)


def test_a_fall_from_the_initial_capital_is_dated_to_the_first_bar() -> None:
    times = np.array([5, 6], np.int64) * NS_PER_DAY

    (fall,) = deepest_falls(times, np.array([90.0, 100.0]), 100.0)

    assert (fall.peak_bar, fall.peak_ns, fall.recovery_bar) == (0, 5 * NS_PER_DAY, 1)


def test_what_only_rises_has_no_fall_and_neither_has_nothing() -> None:
    times = np.array([5, 6], np.int64) * NS_PER_DAY

    assert deepest_falls(times, np.array([100.0, 101.0]), 100.0) == ()
    assert deepest_falls(times[:0], np.empty(0), 100.0) == ()


def test_asking_for_no_falls_is_refused() -> None:
    with pytest.raises(ValueError, match="most is 0"):
        deepest_falls(np.empty(0, np.int64), np.empty(0), 1.0, 0)


@settings(max_examples=300, deadline=None)
@given(
    st.lists(st.integers(80, 120), min_size=1, max_size=40), st.integers(90, 110), st.integers(1, 9)
)
@example([90, 100, 90, 100, 80, 100, 90], 100, 2)
def test_falls_equal_their_plain_twin(equity: list[int], capital: int, most: int) -> None:
    times = np.arange(len(equity), dtype=np.int64) * 3 * NS_PER_DAY
    curve = np.array(equity, float)

    found = deepest_falls(times, curve, float(capital), most)

    expected = naive_falls(times.tolist(), curve.tolist(), float(capital), most)
    assert len(found) == len(expected)
    for fall, twin in zip(found, expected, strict=True):
        figures = {name: getattr(fall, name) for name in twin}
        assert differing(figures, twin, 1e-12, 0.0) == {}


def test_the_deepest_fall_of_a_run_is_its_maximal_drawdown() -> None:
    result = crossing()

    falls = deepest_falls(result.time_ns, result.curve.equity, 100_000, 1000)

    metrics = result.metrics
    assert falls[0].depth == metrics["max_drawdown"]
    assert falls[0].trough_ns == np.datetime64(metrics["max_drawdown_date"], "ns").astype(int)
    assert falls[0].peak_ns == np.datetime64(metrics["max_drawdown_peak_date"], "ns").astype(int)
    assert max(fall.days_total for fall in falls) == metrics["max_drawdown_duration"]
