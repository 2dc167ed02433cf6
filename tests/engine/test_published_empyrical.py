"""Every case that empyrical's tests publish: reproduced, or named as a convention that is not ours.

Source: quantopian/empyrical 0.5.5, tests/test_stats.py, in shared/published/empyrical_metrics.json.
Where its figure is infinite or no number, ours is empty.
"""

import datetime as dt
import json
import math
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from engine.kernels.equity import returns_nb
from engine.statistics.calendar import Length, period_rows
from engine.types import NS_PER_DAY
from tests.engine.measuring import lasting, of_returns
from tests.shared import shared_path

pytestmark = pytest.mark.needs_shared

Floats = NDArray[np.float64]
PERIODS = {"daily": 252.0, "weekly": 52.0, "monthly": 12.0, "yearly": 1.0}
LENGTHS: dict[str, Length] = {
    "weekly": "week", "monthly": "month", "quarterly": "quarter", "yearly": "year",
}  # fmt: skip

_EMPTY = "a run has one bar or more"
_ONE = "one bar has no scatter and no length: ratios and growth rates begin with two"
_SERIES = "the risk-free rate is one yearly number, not a series"
UNSUPPORTED = {
    "test_cum_returns[0]": _EMPTY,
    "test_cum_returns_final[0]": _EMPTY,
    "test_cum_returns_df[2]": _EMPTY,
    "test_max_drawdown[0]": _EMPTY,
    "test_calmar[0]": _EMPTY,
    "test_sharpe_ratio[0]": _EMPTY,
    "test_downside_risk[0]": _EMPTY,
    "test_sortino[0]": _EMPTY,
    "test_cagr[0]": _EMPTY,
    "test_beta[0]": _EMPTY,
    "test_cagr[1]": _ONE,
    "test_downside_risk[1]": _ONE,
    "test_downside_risk[2]": _SERIES,
    "test_sortino[2]": _SERIES,
}


@cache
def book() -> dict[str, Any]:
    text = shared_path("published", "empyrical_metrics.json").read_text(encoding="utf-8")
    found: dict[str, Any] = json.loads(text)
    return found


def cases(*tests: str) -> Iterator[tuple[str, list[Any]]]:
    """Yield the supported cases of tests as (id, arguments with the expected figure last)."""
    for entry in book()["tests"]:
        for i, case in enumerate(entry["cases"]):
            name = f"{entry['test']}[{i}]"
            if entry["test"] in tests and name not in UNSUPPORTED:
                yield name, case


def columns_of(value: Any) -> list[Floats]:
    """Return the columns that a value stands for: a series is one."""
    if isinstance(value, dict) and "$series" in value:
        value = book()["series"][value["$series"]]
    lists = list((value.get("columns") or value.get("$frame") or {}).values())
    plain = value.get("values", value.get("$values"))
    return [np.array(column, np.float64) for column in ([plain] if plain is not None else lists)]


def figures_of(value: Any) -> list[float | None]:
    """Return the expected figure of each column; None for what is infinite or no number."""
    values = value["$values"] if isinstance(value, dict) else [value]
    return [None if v in (None, "inf") else v for v in values]


def same(found: list[Any], expected: list[float | None], decimals: int = 8) -> bool:
    """Return whether the same are empty, and all others equal to so many decimals."""
    return [v is None for v in found] == [v is None for v in expected] and [
        v for v in found if v is not None
    ] == pytest.approx([v for v in expected if v is not None], abs=10.0**-decimals)


def known(column: Floats) -> Floats:
    return column[~np.isnan(column)]


def test_each_case_is_reproduced_or_named_as_unsupported() -> None:
    every = {f"{t['test']}[{i}]" for t in book()["tests"] for i in range(len(t["cases"]))}
    reproduced = {name for tests in REPRODUCED for name, _ in cases(*tests)}

    assert reproduced | UNSUPPORTED.keys() == every
    assert reproduced & UNSUPPORTED.keys() == set()
    assert len(every) == 81


def test_returns_from_prices() -> None:
    ((_, (prices, expected)),) = cases("test_simple_returns")
    (column,) = columns_of(prices)

    assert returns_nb(column[1:], column[0]).tolist() == expected


def test_cumulative_returns() -> None:
    wrong = {}
    for name, (returns, start, expected) in cases("test_cum_returns", "test_cum_returns_df"):
        wanted = [expected] if isinstance(expected, list) else columns_of(expected)
        for column, figures in zip(columns_of(returns), wanted, strict=True):
            ends = range(1, len(column) + 1)
            if start:
                found = [
                    of_returns(column[:k], capital=float(start))["final_balance"] for k in ends
                ]
            else:
                found = [of_returns(column[:k])["total_return"] for k in ends]
            if found != pytest.approx(list(figures), abs=1e-4):
                wrong[name] = found, figures

    assert wrong == {}


def test_the_final_cumulative_return() -> None:
    wrong = {}
    for name, (returns, start, expected) in cases("test_cum_returns_final"):
        (column,) = columns_of(returns)
        metrics = of_returns(column, capital=float(start or 1000))
        found = metrics["final_balance"] if start else metrics["total_return"]
        if found != pytest.approx(expected, abs=1e-4):
            wrong[name] = found, expected

    assert wrong == {}


def days_of(series: str) -> NDArray[np.int64]:
    """Return the days of a series from its start and frequency."""
    entry = book()["series"][series]
    n, start = len(entry["values"]), dt.date.fromisoformat(entry["start"][:10])
    if entry["freq"] == "M":
        months = np.datetime64(start, "M") + np.arange(1, n + 1)
        return months.astype("datetime64[D]").astype(np.int64) - 1
    step = 7 if entry["freq"].startswith("W") else 1
    return (start - dt.date(1970, 1, 1)).days + step * np.arange(n)


def test_returns_by_week_month_quarter_and_year() -> None:
    wrong = {}
    for name, (returns, length, expected) in cases("test_aggregate_returns"):
        (column,) = columns_of(returns)
        equity = 1000.0 * np.cumprod(1 + np.nan_to_num(column))
        times = days_of(returns["$series"]) * NS_PER_DAY
        _, rows = period_rows(times, equity, 1000.0, LENGTHS[length])
        found = (rows["last"] / rows["base"] - 1).tolist()
        if found != pytest.approx(expected, abs=1e-8):
            wrong[name] = found, expected

    assert wrong == {}


def yearly(case: list[Any]) -> list[Any]:
    """Growth by the number of returns: ours, on a calendar on which n bars last n / N years."""
    (column,) = columns_of(case[0])
    per_year = PERIODS[case[1]]
    return [of_returns(column, per_year, time_ns=lasting(len(column), per_year))]


def scatter(case: list[Any]) -> list[Any]:
    """Scatter and ratios of returns, of the bars that have one, above a rate per bar where given."""
    per_year = next((PERIODS[a] for a in case[1:] if isinstance(a, str) and a in PERIODS), 252.0)
    rate = case[1] if isinstance(case[1], int | float) and len(case) > 2 else 0.0
    if isinstance(case[1], dict) and case[1].get("$series") == "flat_line_1":
        rate = 0.01
    return [
        of_returns(known(column), per_year, risk_free_rate=rate * per_year)
        for column in columns_of(case[0])
    ]


def above_a_series(case: list[Any]) -> Any:
    """A Sharpe ratio above a series is an information ratio."""
    (returns,), (other,) = columns_of(case[0]), columns_of(case[1])
    both = ~np.isnan(returns) & ~np.isnan(other)
    return of_returns(returns[both], benchmark=other[both])["information_ratio"]


def downside(metrics: dict[str, Any], case: list[Any]) -> float:
    """The denominator of the Sortino ratio, by way of the ratio itself."""
    per_year = PERIODS[case[2]]
    mean = metrics["sharpe_ratio"] * metrics["volatility"]
    return float(mean / metrics["sortino_ratio"]) if per_year else math.nan


def only(name: str) -> Callable[[dict[str, Any], list[Any]], Any]:
    return lambda metrics, case: metrics[name]


REPRODUCED = (
    ("test_simple_returns",),
    ("test_cum_returns", "test_cum_returns_df"),
    ("test_cum_returns_final",),
    ("test_aggregate_returns",),
    ("test_annual_ret",),
    ("test_cagr",),
    ("test_calmar",),
    ("test_max_drawdown",),
    ("test_annual_volatility",),
    ("test_sharpe_ratio",),
    ("test_sortino",),
    ("test_downside_risk",),
    ("test_beta",),
)


@pytest.mark.parametrize(
    ("test", "measured", "figure"),
    [
        ("test_annual_ret", yearly, only("cagr")),
        ("test_cagr", yearly, only("cagr")),
        ("test_calmar", yearly, only("calmar_ratio")),
        ("test_max_drawdown", scatter, only("max_drawdown")),
        ("test_annual_volatility", scatter, only("volatility")),
        ("test_sortino", scatter, only("sortino_ratio")),
        ("test_downside_risk", scatter, downside),
    ],
)
def test_figures_of_returns(
    test: str,
    measured: Callable[[list[Any]], list[Any]],
    figure: Callable[[dict[str, Any], list[Any]], Any],
) -> None:
    found = {name: [figure(m, case) for m in measured(case)] for name, case in cases(test)}
    expected = {name: figures_of(case[-1]) for name, case in cases(test)}

    assert {name: v for name, v in found.items() if not same(v, expected[name])} == {}
    assert found.keys() == expected.keys() != set()


def test_sharpe_ratios_above_a_rate_and_above_a_series() -> None:
    found = {
        name: above_a_series(case)
        if isinstance(case[1], dict)
        else scatter(case)[0]["sharpe_ratio"]
        for name, case in cases("test_sharpe_ratio")
    }
    expected = {name: figures_of(case[-1])[0] for name, case in cases("test_sharpe_ratio")}

    assert same(list(found.values()), list(expected.values()))


def test_betas() -> None:
    wrong = {}
    for name, (returns, benchmark, expected, *decimals) in cases("test_beta"):
        (column,), (other,) = columns_of(returns), columns_of(benchmark)
        both = ~np.isnan(column) & ~np.isnan(other)
        found = of_returns(column[both], benchmark=other[both])["beta"]
        if not same([found], [expected], *decimals):
            wrong[name] = found, expected

    assert wrong == {}
