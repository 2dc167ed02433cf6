"""Rolling figures, exposure and turnover: each window is what its bars alone would give."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from engine.kernels.windows import pair_windows_nb, windows_nb
from engine.statistics.series import (
    Series,
    exposure,
    rolling_beta,
    rolling_sharpe,
    rolling_volatility,
    turnover,
)
from engine.types import FILL
from tests.engine.results import crossing
from tests.naive.metrics import benchmark_returns
from tests.naive.statistics import returns_of, rolling
from tests.naive.statistics import rolling_beta as naive_beta

NAN = float("nan")
money = st.integers(1, 300).map(float)
curves = st.lists(money, max_size=30)
windows = st.integers(2, 8)


def laid_out(series: Series, n_bars: int) -> list[float | None]:
    """Return a value or None for each bar."""
    out: list[float | None] = [None] * n_bars
    for bar, value in zip(series.bars.tolist(), series.values.tolist(), strict=True):
        out[bar] = value
    return out


def same(found: list[float | None], expected: list[float | None], rel: float = 1e-8) -> bool:
    return [v is None for v in found] == [v is None for v in expected] and [
        v for v in found if v is not None
    ] == pytest.approx([v for v in expected if v is not None], rel=rel, abs=1e-10)


@settings(max_examples=200, deadline=None)
@given(curves, money, windows, st.sampled_from([0.0, 0.03]))
def test_rolling_ratios_equal_their_plain_twin(
    equity: list[float], capital: float, window: int, rf: float
) -> None:
    curve = np.array(equity, float)

    volatility = rolling_volatility(curve, capital, window, 252.0)
    sharpe = rolling_sharpe(curve, capital, window, 252.0, rf)

    naive_volatility, naive_sharpe = rolling(equity, capital, window, 252.0, rf)
    assert same(laid_out(volatility, len(equity)), naive_volatility)
    assert same(laid_out(sharpe, len(equity)), naive_sharpe)
    assert sum(sharpe.undefined.values()) + len(sharpe.bars) == len(equity)


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.tuples(money, st.one_of(st.none(), money)), max_size=30),
    st.one_of(st.none(), money),
    windows,
)
def test_rolling_beta_equals_its_plain_twin(
    bars: list[tuple[float, float | None]], base: float | None, window: int
) -> None:
    equity = [e for e, _ in bars]
    values = [NAN if v is None else v for _, v in bars]
    start = NAN if base is None else base

    beta = rolling_beta(np.array(equity, float), 100.0, np.array(values, float), start, window)

    expected = naive_beta(returns_of(equity, 100.0), benchmark_returns(values, start), window)
    assert same(laid_out(beta, len(equity)), expected, 1e-6)


def test_the_last_window_that_holds_the_whole_run_has_its_metrics() -> None:
    result = crossing()
    n, equity = len(result.time_ns), result.curve.equity

    volatility = rolling_volatility(equity, 100_000, n, result.bars_per_year)
    sharpe = rolling_sharpe(equity, 100_000, n, result.bars_per_year)
    beta = rolling_beta(equity, 100_000, result.benchmark, NAN, n)

    assert volatility.values == pytest.approx([result.metrics["volatility"]], rel=1e-10)
    assert sharpe.values == pytest.approx([result.metrics["sharpe_ratio"]], rel=1e-10)
    assert beta.values == pytest.approx([result.metrics["beta"]], rel=1e-9)


def test_one_large_move_leaves_nothing_behind_in_later_windows() -> None:
    moves = np.full(400, 1e-9)
    moves[1::2] = -1e-9
    alone = windows_nb(moves[300:], 20)[1][-1]
    moves[100] = 1e6

    assert windows_nb(moves, 20)[1][-1] == pytest.approx(alone, rel=1e-9)


@pytest.mark.parametrize("window", [2, 3, 7])
def test_a_window_of_equal_values_scatters_by_exactly_nothing(window: int) -> None:
    still = np.full(30, 0.1)

    means, squares = windows_nb(still, window)
    pair = pair_windows_nb(still, np.arange(30.0), window)

    assert set(means) == {0.1}
    assert set(squares) == {0.0}
    assert set(pair.x_y) == {0.0}


def test_bars_without_a_figure_are_counted_by_their_reason() -> None:
    equity = np.array([100.0, 100, 110, 110, 110, -5, 3])

    sharpe = rolling_sharpe(equity, 100.0, 2, 252.0)
    beta = rolling_beta(equity, 100.0, None, NAN, 2)

    assert sharpe.bars.tolist() == [2, 3, 5]
    assert sharpe.undefined == {
        "fewer than 2 bars": 1,
        "equity fell to zero or below": 1,
        "the returns do not vary": 2,
    }
    assert (len(beta.bars), beta.undefined) == (0, {"no benchmark": 7})


@pytest.mark.parametrize("figure", [rolling_volatility, rolling_sharpe])
def test_a_window_of_one_bar_is_refused(figure: Any) -> None:
    with pytest.raises(ValueError, match="window is 1"):
        figure(np.ones(3), 1.0, 1, 252.0)


def test_exposure_and_turnover_of_a_run_have_the_means_of_its_metrics() -> None:
    result = crossing()
    equity, n = result.curve.equity, len(result.time_ns)

    exposed = exposure(equity, result.curve.gross)
    traded = turnover(equity, result.fills)

    assert exposed.values.mean() == pytest.approx(result.metrics["exposure"], rel=1e-12)
    assert len(traded.bars) == n
    money_traded = float((traded.values * equity).sum())
    yearly = money_traded / equity.mean() * result.bars_per_year / n
    assert yearly == pytest.approx(result.metrics["turnover"], rel=1e-12)


def test_turnover_is_of_the_bar_of_the_fill() -> None:
    fills: NDArray[np.void] = np.zeros(3, FILL)
    fills["bar"], fills["quantity"], fills["price"] = [1, 1, 2], [1, 2, 3], [10, 10, 10]

    traded = turnover(np.array([100.0, 100, 60, 0]), fills)

    assert traded.bars.tolist() == [0, 1, 2]
    assert traded.values.tolist() == [0.0, 0.15, 0.25]
    assert traded.undefined == {"equity fell to zero or below": 1}
