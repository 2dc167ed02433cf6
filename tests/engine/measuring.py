"""Metrics of a bare curve, in a few words: no trades, no positions, no benchmark unless given."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.metrics import compute_metrics
from engine.types import FILL, NS_PER_DAY, TRADE

NAN = float("nan")
CAPITAL = 1000.0
DAYS_PER_YEAR = 365.25
Floats = NDArray[np.float64]


def measure(
    equity: Floats, capital: float, time_ns: NDArray[np.int64] | None = None, **more: Any
) -> dict[str, Any]:
    """Return the metrics of a curve of daily bars, unless other times are given."""
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
    returns: Floats,
    per_year: float = 252.0,
    benchmark: Floats | None = None,
    capital: float = CAPITAL,
    **more: Any,
) -> dict[str, Any]:
    """Return the metrics of an account with these returns, NaN being none."""
    given: dict[str, Any] = {"bars_per_year": per_year}
    if benchmark is not None:
        given |= {"benchmark_values": np.cumprod(1 + benchmark), "benchmark_base": 1.0}
    growth = np.cumprod(1 + np.nan_to_num(np.asarray(returns, np.float64)))
    return measure(capital * growth, capital, **(given | more))


def lasting(n: int, per_year: float) -> NDArray[np.int64]:
    """Return the times of n bars that last n / N years: CAGR by the calendar is then CAGR by count."""
    span = n / per_year * DAYS_PER_YEAR * NS_PER_DAY
    return np.round(np.linspace(0.0, span, n)).astype(np.int64)
