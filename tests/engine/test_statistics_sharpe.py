"""What a Sharpe ratio is worth, against the figures of the papers that say how to tell."""

import json
import math
from typing import Any

import numpy as np
import pytest

from engine.statistics.sharpe import (
    deflated_sharpe_ratio,
    expected_best_sharpe,
    least_track_record,
    probabilistic_sharpe_ratio,
    sharpe_deviation,
)
from tests.shared import shared_path


def published() -> dict[str, Any]:
    book = json.loads(shared_path("published", "academic.json").read_text(encoding="utf-8"))
    found: dict[str, Any] = book["probabilistic_and_deflated_sharpe"]
    return found


@pytest.mark.needs_shared
def test_the_probabilities_of_bailey_and_lopez_de_prado_2012_are_reproduced() -> None:
    """Source: The Sharpe Ratio Efficient Frontier, as quoted in academic.json."""
    cases = [case for case in published()["cases"] if "PSR0" in case]

    found = [
        probabilistic_sharpe_ratio(case["monthly SR"], 0.0, case["T"], case["g3"], case["g4"])
        for case in cases
    ]

    assert found == pytest.approx([case["PSR0"] for case in cases], abs=6e-4)
    assert found == pytest.approx(published()["recomputed"]["PSR"], abs=5e-7)


@pytest.mark.needs_shared
def test_the_deflated_ratio_of_bailey_and_lopez_de_prado_2014_is_reproduced() -> None:
    """Source: The Deflated Sharpe Ratio, as quoted in academic.json."""
    (case,) = (case for case in published()["cases"] if "DSR" in case)
    sharpe = case["annual SR"] / math.sqrt(case["periods"])
    variance = case["V_annual"] / case["periods"]

    best = expected_best_sharpe(variance, case["N"])
    deflated = deflated_sharpe_ratio(sharpe, case["T"], case["g3"], case["g4"], variance, case["N"])

    assert best == pytest.approx(case["SR0_daily"], abs=5e-5)
    assert deflated == pytest.approx(case["DSR"], abs=5e-5)


def test_the_least_track_record_is_where_the_probability_is_reached() -> None:
    n = least_track_record(0.1, 0.02, -0.5, 5.0, 0.95)

    assert n is not None
    below = probabilistic_sharpe_ratio(0.1, 0.02, math.floor(n), -0.5, 5.0)
    above = probabilistic_sharpe_ratio(0.1, 0.02, math.ceil(n), -0.5, 5.0)
    assert below < 0.95 <= above


def test_more_trials_make_the_same_ratio_worth_less() -> None:
    worth = [deflated_sharpe_ratio(0.15, 500, 0.0, 3.0, 0.002, n) for n in (1, 2, 10, 1000)]

    assert worth == sorted(worth, reverse=True)
    assert worth[0] == probabilistic_sharpe_ratio(0.15, 0.0, 500)


def test_the_best_of_worthless_trials_is_as_good_as_said() -> None:
    rng = np.random.default_rng(3)
    best = rng.normal(0.0, 0.5, (20_000, 50)).max(axis=1)

    assert expected_best_sharpe(0.25, 50) == pytest.approx(best.mean(), rel=0.02)


def test_what_does_not_exist_is_none() -> None:
    assert sharpe_deviation(0.1, 1, 0.0, 3.0) is None
    assert sharpe_deviation(1.0, 100, 5.0, 3.0) is None  # no distribution has these moments
    assert probabilistic_sharpe_ratio(0.1, 0.0, 1) is None
    assert expected_best_sharpe(0.1, 0) is None
    assert expected_best_sharpe(-0.1, 5) is None
    assert deflated_sharpe_ratio(0.1, 100, 0.0, 3.0, -1.0, 5) is None
    assert least_track_record(0.1, 0.1) is None


@pytest.mark.parametrize("confidence", [0.5, 1.0, 95.0])
def test_a_confidence_that_is_none_is_refused(confidence: float) -> None:
    with pytest.raises(ValueError, match=r"between 0\.5 and 1"):
        least_track_record(0.1, 0.0, confidence=confidence)
