"""Figures of papers that tests can hold the metrics against.

Sources and figures: shared/published/academic.json. The probabilistic and deflated Sharpe ratios are
held against theirs in test_statistics_sharpe.
"""

import json
import math
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tests.engine.measuring import of_returns
from tests.shared import shared_path

pytestmark = pytest.mark.needs_shared

UNSUPPORTED = {
    "Brock-Lakonishok-LeBaron 1992": "no free series of the Dow Jones before 1987 to check it on",
    "Jegadeesh-Titman 1993": "needs the CRSP data base",
    "White's reality check": "needs a bootstrap of one's own trials; there is no table to match",
}


@cache
def book() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(
        shared_path("published", "academic.json").read_text(encoding="utf-8")
    )
    return found


@cache
def factors() -> pd.DataFrame:
    """Return the monthly factors of Fama and French, percent, by month as yyyymm."""
    frame = pd.read_parquet(
        shared_path("data", "factors_french", "ff3_monthly_192607_201811.parquet")
    )
    return frame.set_index("month")


def test_every_paper_is_looked_at() -> None:
    assert set(book()) == {
        "probabilistic_and_deflated_sharpe",
        "maximum_drawdown_brownian",
        "fama_french_factors",
        "not_usable",
    }
    assert set(book()["not_usable"]) == set(UNSUPPORTED)


def test_the_expected_maximal_drawdown_of_a_brownian_motion() -> None:
    """Magdon-Ismail, Atiya, Pratap and Abu-Mostafa 2004: √(π/2) × σ × √T, in logs, without drift."""
    steps, paths = 4000, 1500
    scatter = 1 / math.sqrt(steps)
    rng = np.random.default_rng(2004)
    deepest = [
        -math.log1p(of_returns(np.expm1(rng.normal(0, scatter, steps)))["max_drawdown"])
        for _ in range(paths)
    ]

    expected = math.sqrt(math.pi / 2) - 2 * 0.583 * scatter  # seen at steps, not all the time
    error = np.std(deepest, ddof=1) / math.sqrt(paths)
    assert np.mean(deepest) == pytest.approx(expected, abs=3 * error)


@pytest.mark.parametrize("factor", ["RM-RF", "SMB", "HML"])
def test_mean_and_scatter_of_the_factors_of_fama_and_french_1993(factor: str) -> None:
    column = {"RM-RF": "mkt_rf", "SMB": "smb", "HML": "hml"}[factor]
    months = factors().loc[196307:199112][column].to_numpy(np.float64) / 100
    published = book()["fama_french_factors"]["published"][factor]
    computed = book()["fama_french_factors"]["computed_here"][factor]

    metrics = of_returns(months, 12.0)

    scatter = 100 * metrics["volatility"] / math.sqrt(12)
    mean = 100 * metrics["sharpe_ratio"] * metrics["volatility"] / 12
    assert (mean, scatter) == pytest.approx((computed["mean"], computed["sd"]), abs=1e-5)
    assert (mean, scatter) == pytest.approx((published["mean"], published["sd"]), abs=0.06)


def test_growth_and_fall_of_the_american_market_since_1926() -> None:
    whole = book()["fama_french_factors"]["whole_sample_192607_201811"]
    market = (factors()["mkt_rf"] + factors()["rf"]).to_numpy(np.float64) / 100

    metrics = of_returns(market, 12.0)

    assert 1 + metrics["total_return"] == pytest.approx(whole["growth_of_1_market"], abs=0.05)
    assert metrics["max_drawdown"] == pytest.approx(whole["max_drawdown_market"], abs=1e-6)
