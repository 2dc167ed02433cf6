"""Metrics against what other libraries compute, where their definition is ours.

The differences, with their reasons, are listed in `engine.metric_table`; each has a test here or in
tests.parity, so that a library that changes its mind is noticed.
"""

import warnings

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.engine.measuring import of_returns
from tests.engine.test_published_ffn import prices

Floats = NDArray[np.float64]


def by_empyrical(returns: Floats, benchmark: Floats) -> dict[str, float]:
    """Return what that library makes of the returns; a yearly scale that differs is converted."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of its own imports
        import empyrical

    intercept = (1 + float(empyrical.alpha(returns, benchmark))) ** (1 / 252) - 1
    return {
        "total_return": float(empyrical.cum_returns_final(returns)),
        "volatility": float(empyrical.annual_volatility(returns)),
        "sharpe_ratio": float(empyrical.sharpe_ratio(returns)),
        "sortino_ratio": float(empyrical.sortino_ratio(returns)),
        "max_drawdown": float(empyrical.max_drawdown(returns)),
        "tail_ratio": float(empyrical.tail_ratio(returns)),
        "var_95": float(empyrical.value_at_risk(returns)),
        "cvar_95": float(empyrical.conditional_value_at_risk(returns)),
        "beta": float(empyrical.beta(returns, benchmark)),
        "alpha": intercept * 252,
        "information_ratio": float(empyrical.excess_sharpe(returns, benchmark)) * 252**0.5,
    }


@pytest.mark.parametrize("seed", range(5))
def test_an_independent_library_comes_to_the_same_on_random_returns(seed: int) -> None:
    rng = np.random.default_rng(seed)
    benchmark = rng.normal(4e-4, 0.01, 1000)
    returns = 0.7 * benchmark + rng.standard_t(4, 1000) * 0.004

    metrics = of_returns(returns, benchmark=benchmark)
    expected = by_empyrical(returns, benchmark)

    assert {name: metrics[name] for name in expected} == pytest.approx(expected, rel=1e-8)


@pytest.mark.needs_shared
def test_an_independent_library_comes_to_the_same_on_real_prices() -> None:
    _, closes = prices()
    returns, benchmark = (np.diff(closes[s]) / closes[s][:-1] for s in ("AAPL", "MSFT"))

    metrics = of_returns(returns, benchmark=benchmark)
    expected = by_empyrical(returns, benchmark)

    assert {name: metrics[name] for name in expected} == pytest.approx(expected, rel=1e-8)
