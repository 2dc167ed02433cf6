"""Metrics against quantstats and ffn: equal where the definition is ours, apart where it is known not to be.

Both bring thirty packages along, so they live in a group of their own: ``pip install -e '.[dev,parity]'``
and ``pytest -m parity``.
"""

import warnings
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from engine.statistics.calendar import monthly_returns
from engine.statistics.falls import Fall, deepest_falls
from engine.statistics.series import rolling_sharpe, rolling_volatility
from engine.statistics.sharpe import probabilistic_sharpe_ratio
from engine.types import NS_PER_DAY
from tests.engine.measuring import CAPITAL, of_returns

pytestmark = [
    pytest.mark.parity,
    pytest.mark.filterwarnings("ignore:.*infer_freq.*"),  # of ffn, with pandas 3.1
]

Floats = NDArray[np.float64]
N = 1000
N_FALLS = 5


@cache
def libraries() -> tuple[Any, Any]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of their own imports
        import ffn
        import quantstats.stats
    return quantstats.stats, ffn


@cache
def market() -> tuple["pd.Series[float]", "pd.Series[float]"]:
    """Return the returns of an account and of its benchmark on weekdays of four years."""
    rng = np.random.default_rng(3)
    benchmark = rng.normal(4e-4, 0.01, N)
    returns = 0.7 * benchmark + rng.standard_t(4, N) * 0.004
    days = pd.bdate_range("2012-01-02", periods=N)
    return pd.Series(returns, days), pd.Series(benchmark, days)


def times() -> NDArray[np.int64]:
    return market()[0].index.to_numpy().astype("datetime64[ns]").astype(np.int64)


def equity() -> Floats:
    return np.asarray(CAPITAL * np.cumprod(1 + market()[0].to_numpy()))


@cache
def ours() -> dict[str, Any]:
    returns, benchmark = market()
    return of_returns(returns.to_numpy(), benchmark=benchmark.to_numpy(), time_ns=times())


def as_prices() -> "pd.Series[float]":
    """Return the account with the point before the first bar, a weekend earlier."""
    days = market()[0].index
    first = days[0] - pd.Timedelta(days=3)
    return pd.Series(np.concatenate(([CAPITAL], equity())), days.insert(0, first), name="account")


def test_quantstats_comes_to_the_same_where_its_definition_is_ours() -> None:
    stats, _ = libraries()
    returns, benchmark = market()
    metrics = ours()

    greeks = stats.greeks(returns, benchmark)
    theirs = {
        "total_return": stats.comp(returns),
        "volatility": stats.volatility(returns),
        "sharpe_ratio": stats.sharpe(returns),
        "sortino_ratio": stats.sortino(returns),
        "max_drawdown": stats.max_drawdown(returns),
        "tail_ratio": stats.tail_ratio(returns),
        "beta": greeks["beta"],
        "alpha": greeks["alpha"],
    }

    assert {name: metrics[name] for name in theirs} == pytest.approx(theirs, rel=1e-9)


def test_quantstats_differs_as_it_is_known_to() -> None:
    stats, _ = libraries()
    returns, benchmark = market()
    metrics, n = ours(), N
    unbiased = (n * (n - 1)) ** 0.5 / (n - 2)
    growth = 1 + metrics["total_return"]

    assert stats.cagr(returns) == pytest.approx(growth ** (252 / n) - 1, rel=1e-9)
    assert stats.ulcer_index(returns) == pytest.approx(
        metrics["ulcer_index"] * (n / (n - 1)) ** 0.5, rel=1e-9
    )
    assert stats.skew(returns) == pytest.approx(metrics["skew"] * unbiased, rel=1e-9)
    excess = ((n + 1) * metrics["kurtosis"] + 6) * (n - 1) / ((n - 2) * (n - 3))
    assert stats.kurtosis(returns) == pytest.approx(excess, rel=1e-9)
    assert stats.information_ratio(returns, benchmark) * 252**0.5 == pytest.approx(
        metrics["information_ratio"], rel=1e-9
    )
    assert stats.value_at_risk(returns) != pytest.approx(metrics["var_95"], rel=1e-3)


def test_quantstats_rolls_to_the_same() -> None:
    stats, _ = libraries()
    returns, _ = market()

    sharpe = rolling_sharpe(equity(), CAPITAL, 60, 252.0)
    volatility = rolling_volatility(equity(), CAPITAL, 60, 252.0)

    theirs = stats.rolling_sharpe(returns, rolling_period=60).dropna()
    assert sharpe.values == pytest.approx(theirs.to_numpy(), rel=1e-8)
    theirs = stats.rolling_volatility(returns, rolling_period=60).dropna()
    assert volatility.values == pytest.approx(theirs.to_numpy(), rel=1e-8)


def test_quantstats_has_the_same_months_and_years() -> None:
    stats, _ = libraries()

    years = monthly_returns(times(), equity(), CAPITAL)

    theirs = stats.monthly_returns(market()[0])
    for year in years:
        row = theirs.loc[str(year.year)].to_numpy(np.float64)
        assert [rate or 0.0 for rate in year.months] == pytest.approx(row[:12], abs=1e-12)
        assert year.total == pytest.approx(row[12], abs=1e-12)
    assert len(years) == len(theirs)


def by_depth(falls: tuple[Fall, ...]) -> list[float]:
    return [fall.depth for fall in falls]


def test_both_find_the_same_falls_and_quantstats_ends_them_a_bar_sooner() -> None:
    stats, ffn = libraries()
    falls = deepest_falls(times(), equity(), CAPITAL, N_FALLS)

    one = stats.drawdown_details(stats.to_drawdown_series(market()[0]))
    one = one.sort_values("max drawdown").head(N_FALLS)
    other = ffn.drawdown_details(ffn.to_drawdown_series(as_prices()))
    other = other.sort_values("drawdown").head(N_FALLS)

    assert by_depth(falls) == pytest.approx(one["max drawdown"].to_numpy() / 100, rel=1e-9)
    assert by_depth(falls) == pytest.approx(other["drawdown"].to_numpy(float), rel=1e-9)
    troughs = [pd.Timestamp(fall.trough_ns) for fall in falls]
    assert [pd.Timestamp(day) for day in one["valley"]] == troughs
    back = [pd.Timestamp(fall.recovery_ns) for fall in falls if fall.recovery_ns]
    recovered = [fall.recovery_bar is not None for fall in falls]
    assert [d for d, yes in zip(other["End"], recovered, strict=True) if yes] == back
    ends = [pd.Timestamp(d) for d, yes in zip(one["end"], recovered, strict=True) if yes]
    assert all(end < day for end, day in zip(ends, back, strict=True))


def test_ffn_comes_to_the_same_where_its_definition_is_ours() -> None:
    _, ffn = libraries()
    metrics = ours()
    stats = ffn.PerformanceStats(as_prices(), rf=0.0).stats

    theirs = {
        "total_return": stats["total_return"],
        "max_drawdown": stats["max_drawdown"],
        "sharpe_ratio": stats["daily_sharpe"],
        "sortino_ratio": stats["daily_sortino"],
        "volatility": stats["daily_vol"],
    }

    assert {name: metrics[name] for name in theirs} == pytest.approx(theirs, rel=1e-9)


def test_ffn_differs_as_it_is_known_to() -> None:
    _, ffn = libraries()
    metrics, stats = ours(), ffn.PerformanceStats(as_prices(), rf=0.0).stats
    days = (times()[-1] - times()[0]) / NS_PER_DAY

    later = (1 + metrics["total_return"]) ** (365.25 / (days + 3)) - 1  # from the point before
    assert stats["cagr"] == pytest.approx(later, rel=1e-9)
    assert ffn.to_ulcer_index(as_prices()) == pytest.approx(100 * metrics["ulcer_index"], rel=1e-3)


def test_quantstats_gives_a_sharpe_ratio_the_same_probability() -> None:
    stats, _ = libraries()
    returns, _ = market()
    sharpe = ours()["sharpe_ratio"] / 252**0.5

    found = probabilistic_sharpe_ratio(
        sharpe, 0.0, N, stats.skew(returns), stats.kurtosis(returns) + 3
    )

    assert found == pytest.approx(stats.probabilistic_sharpe_ratio(returns), rel=1e-9)
