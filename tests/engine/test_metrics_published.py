"""Metrics against what others published or compute, where their definition is ours."""

import csv
import json
import warnings
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from engine.metrics import compute_metrics
from engine.types import FILL, NS_PER_DAY, TRADE
from tests.shared import shared_path

NAN = float("nan")
PERIODS = {"daily": 252.0, "weekly": 52.0, "monthly": 12.0}
Floats = NDArray[np.float64]


def measure(
    equity: Floats, capital: float, time_ns: NDArray[np.int64] | None = None, **more: Any
) -> dict[str, Any]:
    n = len(equity)
    given = {
        "time_ns": np.arange(n) * NS_PER_DAY if time_ns is None else time_ns,
        "equity": equity,
        "initial_capital": capital,
        "gross": np.zeros(n),
        "fills": np.zeros(0, FILL),
        "trades": np.zeros(0, TRADE),
        "benchmark_values": None,
        "benchmark_base": NAN,
        "bars_per_year": 252.0,
        "risk_free_rate": 0.0,
    }
    return compute_metrics(**(given | more))[0]


def of_returns(
    returns: Floats, per_year: float = 252.0, benchmark: Floats | None = None
) -> dict[str, Any]:
    more: dict[str, Any] = {"bars_per_year": per_year}
    if benchmark is not None:
        more |= {"benchmark_values": np.cumprod(1 + benchmark), "benchmark_base": 1.0}
    return measure(1000 * np.cumprod(1 + returns), 1000.0, **more)


def empyrical_cases(test: str, column: int = -1) -> list[tuple[Floats, float, float | None]]:
    """Return (returns, bars a year, published figure) of the cases on one plain series."""
    book = json.loads(shared_path("published", "empyrical_metrics.json").read_text())
    (entry,) = [t for t in book["tests"] if t["test"] == test]
    found = []
    for case in entry["cases"]:
        values = book["series"].get(case[0].get("$series"), case[0]).get("$values") or book[
            "series"
        ].get(case[0].get("$series"), {}).get("values")
        plain = values and all(not isinstance(a, dict) for a in case[1:])
        if plain:
            period = next((a for a in case if isinstance(a, str) and a in PERIODS), "daily")
            returns = np.array([v for v in values if v is not None], float)
            found.append(
                (returns, PERIODS[period], None if case[column] == "inf" else case[column])
            )
    return found


@pytest.mark.needs_shared
@pytest.mark.parametrize(
    ("test", "name", "cases"),
    [
        ("test_max_drawdown", "max_drawdown", 7),
        ("test_annual_volatility", "volatility", 3),
        ("test_sharpe_ratio", "sharpe_ratio", 5),
        ("test_sortino", "sortino_ratio", 7),
    ],
)
def test_published_figures_are_reproduced_to_eight_decimals(
    test: str, name: str, cases: int
) -> None:
    published = empyrical_cases(test)

    found = [of_returns(returns, per_year)[name] for returns, per_year, _ in published]

    # Where the published figure is infinite or no number, ours is empty.
    assert [v is None for v in found] == [figure is None for _, _, figure in published]
    assert [v for v in found if v is not None] == pytest.approx(
        [figure for _, _, figure in published if figure is not None], abs=1e-8
    )
    assert len(published) == cases


def ffn_prices() -> tuple[NDArray[np.int64], dict[str, Floats]]:
    with shared_path("data", "ffn_test", "aapl_msft_c_close_2004_2014.csv").open() as file:
        rows = list(csv.DictReader(file))
    dates = [
        np.datetime64(f"{y}-{int(m):02d}-{int(d):02d}", "ns")
        for m, d, y in (r["Date"].split("/") for r in rows)
    ]
    return np.array(dates).astype(np.int64), {
        s: np.array([float(r[s]) for r in rows]) for s in ("AAPL", "MSFT", "C")
    }


@pytest.mark.needs_shared
def test_published_growth_and_drawdown_of_three_stocks_are_reproduced() -> None:
    book = json.loads(shared_path("published", "ffn_stats.json").read_text())
    time_ns, prices = ffn_prices()

    ten = {s: measure(p[:10], p[0], time_ns[:10]) for s, p in prices.items()}
    eleven = {s: measure(p[:11], p[0], time_ns[:11]) for s, p in prices.items()}
    whole = {s: measure(p, p[0], time_ns) for s, p in prices.items()}

    first = book["first_10_rows"]
    assert {s: round(m["max_drawdown"], 3) for s, m in ten.items()} == first["max_drawdown"]
    assert round(ten["AAPL"]["cagr"], 3) == first["CAGR_AAPL_10_rows"]
    assert {s: round(m["total_return"], 3) for s, m in eleven.items()} == book[
        "first_11_rows_total_return"
    ]
    assert {s: round(m["cagr"], 3) for s, m in whole.items()} == book["all_rows"]["CAGR"]


def test_the_ulcer_index_of_a_published_example() -> None:
    assert measure(np.array([100.0, 90, 100]), 100.0)["ulcer_index"] == pytest.approx(
        0.05773502691896258, rel=1e-12
    )


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
    _, prices = ffn_prices()
    returns, benchmark = (np.diff(prices[s]) / prices[s][:-1] for s in ("AAPL", "MSFT"))

    metrics = of_returns(returns, benchmark=benchmark)
    expected = by_empyrical(returns, benchmark)

    assert {name: metrics[name] for name in expected} == pytest.approx(expected, rel=1e-8)
