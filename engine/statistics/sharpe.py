"""What a Sharpe ratio is worth: its uncertainty, and the luck of having tried many.

Sharpe ratios here are per bar, not yearly: divide a yearly one by √N. ``skew`` is that of the
returns, ``kurtosis`` the raw one, 3 for a normal distribution (excess kurtosis + 3).

Sources: D. Bailey and M. López de Prado, The Sharpe Ratio Efficient Frontier, Journal of Risk 15
(2012); the same, The Deflated Sharpe Ratio, Journal of Portfolio Management 40 (2014).
"""

import math
from statistics import NormalDist
from typing import Final

EULER: Final = 0.5772156649015329  # Euler's constant γ

_NORMAL: Final = NormalDist()


def sharpe_deviation(sharpe: float, n: int, skew: float, kurtosis: float) -> float | None:
    """Return the standard error of a Sharpe ratio that ``n`` returns were found to have.

    √((1 − skew × SR + (kurtosis − 1) / 4 × SR²) / (n − 1)); None for fewer than two returns, or for
    moments that no distribution has together with this ratio.
    """
    if n < 2:
        return None
    scatter = 1.0 - skew * sharpe + (kurtosis - 1.0) / 4.0 * sharpe * sharpe
    return math.sqrt(scatter / (n - 1)) if scatter > 0.0 else None


def probabilistic_sharpe_ratio(
    sharpe: float, benchmark: float, n: int, skew: float = 0.0, kurtosis: float = 3.0
) -> float | None:
    """Return the probability that the true Sharpe ratio exceeds ``benchmark``.

    Φ((SR − benchmark) / standard error); None where `sharpe_deviation` is.
    """
    deviation = sharpe_deviation(sharpe, n, skew, kurtosis)
    return None if deviation is None else _NORMAL.cdf((sharpe - benchmark) / deviation)


def expected_best_sharpe(variance: float, trials: int) -> float | None:
    """Return the Sharpe ratio that the best of so many worthless trials is expected to show.

    √variance × ((1 − γ) Φ⁻¹(1 − 1/trials) + γ Φ⁻¹(1 − 1/(trials × e))), ``variance`` being that of
    the trials' Sharpe ratios. One trial has nothing to be the best of: 0. None without any, or for
    a negative variance.
    """
    if trials < 1 or variance < 0.0:
        return None
    if trials == 1:
        return 0.0
    best = (1.0 - EULER) * _NORMAL.inv_cdf(1.0 - 1.0 / trials)
    best += EULER * _NORMAL.inv_cdf(1.0 - 1.0 / (trials * math.e))
    return math.sqrt(variance) * best


def deflated_sharpe_ratio(
    sharpe: float, n: int, skew: float, kurtosis: float, variance: float, trials: int
) -> float | None:
    """Return the probability that a Sharpe ratio is not the luck of the best of many trials.

    `probabilistic_sharpe_ratio` against `expected_best_sharpe`; None where either is.
    """
    bar = expected_best_sharpe(variance, trials)
    return None if bar is None else probabilistic_sharpe_ratio(sharpe, bar, n, skew, kurtosis)


def least_track_record(
    sharpe: float,
    benchmark: float,
    skew: float = 0.0,
    kurtosis: float = 3.0,
    confidence: float = 0.95,
) -> float | None:
    """Return how many returns it takes to be so confident that the ratio exceeds ``benchmark``.

    1 + (1 − skew × SR + (kurtosis − 1) / 4 × SR²) × (Φ⁻¹(confidence) / (SR − benchmark))²; None
    where the ratio does not exceed it: then no record is long enough.

    Raises
    ------
    ValueError
        when ``confidence`` is not between 0.5 and 1.
    """
    if not 0.5 < confidence < 1.0:
        raise ValueError(f"confidence is {confidence}: it must lie between 0.5 and 1")
    scatter = 1.0 - skew * sharpe + (kurtosis - 1.0) / 4.0 * sharpe * sharpe
    if sharpe <= benchmark or scatter <= 0.0:
        return None
    return 1.0 + scatter * (_NORMAL.inv_cdf(confidence) / (sharpe - benchmark)) ** 2
