"""The bars of generated worlds: walks with gaps, holes and quiet days, corporate actions, finer bars inside them."""

import math
import random
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.market import Panel
from engine.types import NS_PER_DAY, EventKind
from tests.engine.builders import FIRST_DAY, NAN, events_of

NAMES = ("A", "AB", "Z", "a")
HOUR = NS_PER_DAY // 24
BARS_A_DAY = 4
PARTS = 4  # finer bars in a bar


def market(rng: random.Random, n_bars: int, n_symbols: int, intraday: bool, actions: bool) -> Panel:
    """Return the bars of a world."""
    columns = {name: np.full((n_bars, n_symbols), NAN) for name in ("open", "high", "low", "close")}
    volume = np.full((n_bars, n_symbols), NAN)
    for symbol in range(n_symbols):
        for bar, row in enumerate(_walk(rng, n_bars)):
            if row is not None:
                *prices, volume[bar, symbol] = row
                for name, price in zip(columns, prices, strict=True):
                    columns[name][bar, symbol] = price
    kept = [_event(rng, n_bars, n_symbols) for _ in range(rng.randint(2, 8))] if actions else []
    return Panel(
        NAMES[:n_symbols],
        _times(n_bars, intraday),
        *columns.values(),
        volume,
        timeframe="1h" if intraday else "1d",
        events=events_of(*kept),
    )


def _times(n_bars: int, intraday: bool) -> NDArray[np.int64]:
    number = np.arange(n_bars, dtype=np.int64)
    if intraday:  # the last of them a day after a holiday
        days, hours = number // BARS_A_DAY, number % BARS_A_DAY
        return FIRST_DAY + (days + (days > 2)) * NS_PER_DAY + (9 + hours) * HOUR
    weeks, days = number // 5, number % 5
    return FIRST_DAY + (7 * weeks + days) * NS_PER_DAY


def _walk(rng: random.Random, n_bars: int) -> list[tuple[float, ...] | None]:
    price = rng.choice([0.37, 10.0, 99.5, 1234.0])
    digits, jump = rng.choice([(2, 0.02), (0, 0.3), (4, 0.1)])
    holes, quiet = rng.choice([0.0, 0.0, 0.2]), rng.choice([0.0, 0.0, 0.2, 1.0])
    usual = rng.choice([1000.0, 1000.0, 37.0, 1e6])
    blank = rng.choice(
        [0.0, 0.0, 0.0, 0.3]
    )  # of unknown volume: mostly NaN, as ticks have it infinite
    bars: list[tuple[float, ...] | None] = []
    for _ in range(n_bars):
        drawn = []
        for _ in range(4):
            price = max(price * rng.uniform(1 - jump, 1 + jump), 0.05)
            drawn.append(max(round(price, digits), 10.0**-digits))
        begin, *wicks, end = drawn
        used = (begin, end) if rng.random() < 0.3 else (begin, end, *wicks)
        volume = 0.0 if rng.random() < quiet else round(usual * rng.uniform(0.5, 1.5), 1)
        if blank and rng.random() < blank:
            volume = rng.choice([NAN, NAN, math.inf])
        bar = (begin, max(used), min(used), end, volume)
        bars.append(None if rng.random() < holes else bar)
    return bars


def _event(rng: random.Random, n_bars: int, n_symbols: int) -> tuple[int, int, EventKind, float]:
    kind = rng.choice(list(EventKind))
    value = {
        EventKind.DIVIDEND: rng.choice([0.05, 1.0, 0.333]),
        EventKind.SPLIT: rng.choice([2.0, 1.5, 0.1, 1 / 3, 7.0]),
        EventKind.DELISTING: rng.choice([0.0, -1.0, -0.3]),
    }[kind]
    return rng.randint(0, n_bars), rng.randrange(n_symbols), kind, value


def instruments(rng: random.Random, n_symbols: int) -> dict[str, Any]:
    """Return lots, ticks and multipliers of a symbol's own, or none."""
    choices = {
        "lot_size": [1.0, 5.0],
        "tick_size": [0.01, 0.05, 1.0],
        "multiplier": [1.0, 2.0, 50.0],
    }
    return {
        name: np.array([rng.choice(values) for _ in range(n_symbols)])
        for name, values in choices.items()
        if rng.random() < 0.7
    }


def half_spreads(rng: random.Random, panel: Panel) -> NDArray[np.float64]:
    """Return half of what bid and ask are apart: nothing in some bars, unknown in others, never above half the low."""
    found = np.full(panel.close.shape, NAN)
    for symbol in range(panel.n_symbols):
        width = rng.choice([0.0005, 0.004, 0.03])
        digits = rng.choice([2, 4, 12])
        for bar in range(panel.n_bars):
            low = float(panel.low[bar, symbol])
            if rng.random() < 0.15 or low != low:
                continue
            found[bar, symbol] = round(low * width * rng.choice([0.0, 0.5, 1.0, 3.0]), digits)
    return found


def finer_bars(rng: random.Random, panel: Panel) -> Panel:
    """Return finer bars inside a panel's bars: some bars have none, some of their parts are missing."""
    n_bars, n_symbols = panel.close.shape
    length = (HOUR if panel.timeframe == "1h" else NS_PER_DAY) // PARTS
    times = (panel.time_ns[:, None] + np.arange(PARTS) * length).ravel()
    columns = {
        name: np.full((len(times), n_symbols), NAN) for name in ("open", "high", "low", "close")
    }
    for bar in range(n_bars):
        for symbol in range(n_symbols):
            if np.isnan(panel.close[bar, symbol]) or rng.random() < 0.2:
                continue
            for part, row in enumerate(_inside(rng, panel, bar, symbol)):
                if part == 0 or rng.random() < 0.9:
                    for name, price in zip(columns, row, strict=True):
                        columns[name][bar * PARTS + part, symbol] = price
    volume = np.where(np.isnan(columns["close"]), NAN, 1.0)
    timeframe = "15m" if panel.timeframe == "1h" else "4h"
    return Panel(panel.symbols, times, *columns.values(), volume, timeframe=timeframe)


def _inside(rng: random.Random, panel: Panel, bar: int, symbol: int) -> list[tuple[float, ...]]:
    """Part one bar: both extremes fall into some part, and the parts may gap."""
    first, high, low, last = (
        float(getattr(panel, name)[bar, symbol]) for name in ("open", "high", "low", "close")
    )
    highest, lowest = rng.randrange(PARTS), rng.randrange(PARTS)
    parts, before = [], first
    for part in range(PARTS):
        begin = before if rng.random() < 0.7 else round(rng.uniform(low, high), 2)
        begin = first if part == 0 else min(max(begin, low), high)
        end = last if part == PARTS - 1 else min(max(round(rng.uniform(low, high), 2), low), high)
        top = high if part == highest else max(begin, end)
        bottom = low if part == lowest else min(begin, end)
        parts.append((begin, top, bottom, end))
        before = end
    return parts
