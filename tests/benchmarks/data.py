"""Markets and decisions for measuring speed: random walks with a fixed seed, on a grid of cents.

Each bar is a path of small steps, so that its high and low belong to its open and close. Every engine that is compared
is given the same bars and the same decisions.
"""

from functools import cache

import numpy as np
from numpy.typing import NDArray

from engine.market import Panel
from engine.types import NS_PER_DAY, NS_PER_SECOND

MONDAY = 14_613 * NS_PER_DAY  # 2010-01-04
TOP, LOOKBACK = 50, 126

Floats = NDArray[np.float64]
Bars = dict[str, Floats]


def walk(n_bars: int, seed: int, sigma: float, start: float, drift: float, steps: int) -> Bars:
    """Return the bars of one symbol, (n_bars,) each, cut from one path of ``steps + 1`` points a bar."""
    points = steps + 1
    moves = np.random.default_rng(seed).standard_normal((n_bars, points))
    moves = moves * (sigma / np.sqrt(points)) + drift / points
    path = start * np.exp(np.cumsum(moves.ravel()).reshape(n_bars, points))
    cents = np.round(path, 2)
    first, last = cents[:, 0], cents[:, -1]
    return {
        "open": first,
        "high": cents.max(axis=1),
        "low": cents.min(axis=1),
        "close": last,
        "volume": np.full(n_bars, 1e6),
    }


@cache
def stocks(n_symbols: int, n_bars: int) -> Panel:
    """Build business days of so many stocks, from calm to lively and from 20 to 200 a share."""
    series = [
        walk(
            n_bars,
            seed=1000 + s,
            sigma=0.012 + 0.018 * (s * 37 % 100) / 100,
            start=20.0 + s * 61 % 180,
            drift=0.0003,
            steps=8,
        )
        for s in range(n_symbols)
    ]
    columns = {name: np.column_stack([bars[name] for bars in series]) for name in series[0]}
    day = np.arange(n_bars, dtype=np.int64)
    times = MONDAY + (day // 5 * 7 + day % 5) * NS_PER_DAY
    return Panel(tuple(f"S{s:04d}" for s in range(n_symbols)), times, **columns)


@cache
def minutes(n_bars: int) -> Panel:
    """Build one symbol's minutes without a pause."""
    bars = walk(n_bars, seed=5, sigma=0.0006, start=100.0, drift=0.0, steps=4)
    times = MONDAY + np.arange(n_bars, dtype=np.int64) * 60 * NS_PER_SECOND
    columns = {name: values.reshape(-1, 1).copy() for name, values in bars.items()}
    return Panel(("M",), times, timeframe="1m", **columns)


def month_ends(panel: Panel) -> NDArray[np.int64]:
    """Return the last bar of every month but the last one, from the first with enough history."""
    month = panel.time_ns.astype("datetime64[ns]").astype("datetime64[M]")
    bars = np.flatnonzero(month[1:] != month[:-1])
    return bars[bars >= LOOKBACK]


def strongest(panel: Panel, bars: NDArray[np.int64]) -> Floats:
    """Return equal weights of the symbols that have risen most, (len(bars), n_symbols)."""
    rise = panel.close[bars] / panel.close[bars - LOOKBACK] - 1
    best = np.argsort(-rise, axis=1, kind="stable")[:, :TOP]
    weights = np.zeros(rise.shape)
    np.put_along_axis(weights, best, 1.0 / TOP, axis=1)
    return weights
