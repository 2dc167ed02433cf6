"""Figures that change from bar to bar: rolling ratios, exposure, turnover."""

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from engine.kernels.activity import traded_by_bar_nb
from engine.kernels.benchmark import benchmark_returns_nb
from engine.kernels.equity import NOISE, returns_nb
from engine.kernels.windows import pair_windows_nb, windows_nb

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Mask = NDArray[np.bool_]

BROKE: Final = "equity fell to zero or below"
_FLAT: Final = "the returns do not vary"


@dataclass(frozen=True, slots=True)
class Series:
    """A figure at those bars at which it exists.

    Attributes
    ----------
    bars : (n,)
        Ascending.
    values : (n,)
        Finite.
    undefined : dict
        How many bars have no value, by the reason.
    """

    bars: Ints
    values: Floats
    undefined: dict[str, int]


def rolling_volatility(
    equity: Floats, initial_capital: float, window: int, bars_per_year: float
) -> Series:
    """Return sd(the last ``window`` returns) × √N at each bar that has so many; 0 where all are equal.

    Parameters
    ----------
    equity : (n_bars,) after each bar, money
    initial_capital : what the first return starts from
    window : bars, two or more
    bars_per_year : N
    """
    _check_window(window)
    _, squares = windows_nb(returns_nb(equity, float(initial_capital)), window)
    deviation = np.sqrt(squares / (window - 1))
    deviation[deviation <= NOISE] = 0.0
    sound = _sound(equity, initial_capital, window)
    scaled = deviation * math.sqrt(bars_per_year)
    return _series(scaled, len(equity), window, {BROKE: ~sound})


def rolling_sharpe(
    equity: Floats,
    initial_capital: float,
    window: int,
    bars_per_year: float,
    risk_free_rate: float = 0.0,
) -> Series:
    """Return mean(returns − rf/N) / sd(returns) × √N of the last ``window`` bars.

    As `rolling_volatility`; ``risk_free_rate`` is yearly, a fraction.
    """
    _check_window(window)
    means, squares = windows_nb(returns_nb(equity, float(initial_capital)), window)
    deviation = np.sqrt(squares / (window - 1))
    varied = deviation > NOISE
    excess = means - risk_free_rate / bars_per_year
    ratio = np.zeros(len(means))
    np.divide(excess, deviation, out=ratio, where=varied)
    sound = _sound(equity, initial_capital, window)
    missing = {BROKE: ~sound, _FLAT: ~varied & sound}
    return _series(ratio * math.sqrt(bars_per_year), len(equity), window, missing)


def rolling_beta(
    equity: Floats, initial_capital: float, benchmark: Floats | None, base: float, window: int
) -> Series:
    """Return the slope of returns on the benchmark's over the last ``window`` bars.

    Parameters
    ----------
    equity, initial_capital, window : as in `rolling_volatility`
    benchmark : (n_bars,) its values, NaN where not known; or None
    base : its value before the first bar, NaN where not known
    """
    _check_window(window)
    if benchmark is None:
        return Series(np.empty(0, np.int64), np.empty(0), {"no benchmark": len(equity)})
    pair = pair_windows_nb(
        returns_nb(equity, float(initial_capital)), benchmark_returns_nb(benchmark, base), window
    )
    varied = np.sqrt(pair.y_y / (window - 1)) > NOISE
    slope = np.zeros(len(varied))
    np.divide(pair.x_y, pair.y_y, out=slope, where=varied)
    sound = _sound(equity, initial_capital, window)
    missing = {BROKE: ~sound, "the benchmark's returns do not vary": ~varied & sound}
    return _series(slope, len(equity), window, missing)


def exposure(equity: Floats, gross: Floats) -> Series:
    """Return gross position value / equity after each bar with equity above zero, (n_bars,) both."""
    sound = equity > 0.0
    values = np.zeros(len(equity))
    np.divide(gross, equity, out=values, where=sound)
    return _series(values, len(equity), 1, {BROKE: ~sound})


def turnover(equity: Floats, fills: NDArray[np.void]) -> Series:
    """Return (buys + sells) / 2 / equity of each bar with equity above zero.

    ``fills`` (``FILL``) count their bars as ``equity`` (n_bars,) does.
    """
    sound = equity > 0.0
    values = np.zeros(len(equity))
    np.divide(traded_by_bar_nb(fills, len(equity)), 2.0 * equity, out=values, where=sound)
    return _series(values, len(equity), 1, {BROKE: ~sound})


def _check_window(window: int) -> None:
    if window < 2:
        raise ValueError(f"window is {window}: two bars or more are needed for a scatter")


def _sound(equity: Floats, initial_capital: float, window: int) -> Mask:
    """Return for each window whether all its returns start from more than zero."""
    bases = np.concatenate(([initial_capital], equity[:-1])) if len(equity) else equity
    bad = np.concatenate(([0], np.cumsum(bases <= 0.0)))
    return np.asarray(bad[window:] == bad[:-window])


def _series(values: Floats, n_bars: int, window: int, missing: dict[str, Mask]) -> Series:
    """Return the values of windows (n,) that nothing speaks against."""
    there = np.ones(len(values), np.bool_)
    early = min(window - 1, n_bars)
    undefined = {f"fewer than {window} bars": early} if early else {}
    for reason, mask in missing.items():
        there &= ~mask
        count = int(np.count_nonzero(mask))
        undefined |= {reason: count} if count else {}
    bars = np.flatnonzero(there).astype(np.int64)
    return Series(bars + window - 1, values[bars], undefined)
