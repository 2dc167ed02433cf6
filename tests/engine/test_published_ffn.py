"""Every figure of ffn's tests: reproduced, or named as a convention that is not ours.

Source: pmorissette/ffn, tests/test_core.py, in shared/published/ffn_stats.json.
"""

import csv
import json
from functools import cache
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from engine.kernels.equity import returns_nb
from engine.metrics import drawdown
from tests.engine.measuring import measure, of_returns
from tests.shared import shared_path

pytestmark = pytest.mark.needs_shared

Floats = NDArray[np.float64]
SYMBOLS = ("AAPL", "MSFT", "C")
UNSUPPORTED = {
    "synthetic[1]": "annualize counts 365 days a year; growth here is by 365.25, as ffn's own CAGR",
}


@cache
def book() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(
        shared_path("published", "ffn_stats.json").read_text(encoding="utf-8")
    )
    return found


@cache
def prices() -> tuple[NDArray[np.int64], dict[str, Floats]]:
    """Return ten years of closes of three stocks."""
    with shared_path("data", "ffn_test", "aapl_msft_c_close_2004_2014.csv").open() as file:
        rows = list(csv.DictReader(file))
    dates = [
        np.datetime64(f"{y}-{int(m):02d}-{int(d):02d}", "ns")
        for m, d, y in (r["Date"].split("/") for r in rows)
    ]
    closes = {s: np.array([float(r[s]) for r in rows]) for s in SYMBOLS}
    return np.array(dates).astype(np.int64), closes


def measured(rows: int | None) -> dict[str, dict[str, Any]]:
    """Measure each stock as if all the money had gone into it at the first close."""
    times, closes = prices()
    return {s: measure(closes[s][:rows], closes[s][0], times[:rows]) for s in SYMBOLS}


def test_every_figure_is_looked_at() -> None:
    names = {"source", "data", "definitions", "first_10_rows", "all_rows"}
    synthetic = [f"synthetic[{i}]" for i in range(len(book()["synthetic"]))]

    assert set(book()) == names | {"first_11_rows_total_return", "synthetic"}
    assert UNSUPPORTED.keys() < set(synthetic)
    assert len(synthetic) == 3
    assert set(book()["first_10_rows"]) == {
        *(f"{s}_return_row{row}" for s in SYMBOLS for row in (1, 9)),
        "rebase100_row9",
        "max_drawdown",
        "drawdown_row9",
        "CAGR_AAPL_10_rows",
    }


def test_returns_and_rebased_prices_of_the_first_ten_rows() -> None:
    _, closes = prices()
    first = book()["first_10_rows"]
    rates = {s: returns_nb(closes[s][1:], closes[s][0]) for s in SYMBOLS}
    found = {f"{s}_return_row{k}": round(rates[s][k - 1], 3) for s in SYMBOLS for k in (1, 9)}

    assert found == {name: first[name] for name in found}
    assert {s: round(100 * closes[s][9] / closes[s][0], 3) for s in SYMBOLS} == first[
        "rebase100_row9"
    ]


def test_drawdowns_and_growth_of_the_first_ten_rows() -> None:
    _, closes = prices()
    first, metrics = book()["first_10_rows"], measured(10)
    falls = {s: drawdown(closes[s][:10], closes[s][0]) for s in SYMBOLS}

    assert {s: round(m["max_drawdown"], 3) for s, m in metrics.items()} == first["max_drawdown"]
    assert {s: round(falls[s][9], 3) for s in SYMBOLS} == first["drawdown_row9"]
    assert round(metrics["AAPL"]["cagr"], 3) == first["CAGR_AAPL_10_rows"]


def test_total_return_of_eleven_rows_and_growth_of_all() -> None:
    eleven = {s: round(m["total_return"], 3) for s, m in measured(11).items()}
    growth = {s: round(m["cagr"], 3) for s, m in measured(None).items()}

    assert eleven == book()["first_11_rows_total_return"]
    assert growth == book()["all_rows"]["CAGR"]


def test_the_first_return_is_not_lost() -> None:
    returns = np.array(book()["synthetic"][0]["returns"])

    total = of_returns(returns)["total_return"]

    assert total == pytest.approx(np.prod(1 + returns) - 1, rel=1e-12)


def test_the_ulcer_index_is_in_fractions_where_theirs_is_in_points() -> None:
    case = book()["synthetic"][2]

    found = measure(np.array(case["prices"], float), float(case["prices"][0]))["ulcer_index"]

    assert 100 * found == pytest.approx(case["ulcer_index"], rel=1e-12)
