"""The rest of the indicators of one symbol over plain lists, obviously right. None is "not defined"."""

import math
from itertools import pairwise
from statistics import pstdev, stdev

from tests.naive.indicators import Answers, Series, ema, rolling_extreme, rolling_mean


def after(values: Answers, twin: "object", *more: int) -> Answers:
    """Apply a twin to the part of a list that is defined."""
    known = [v for v in values if v is not None]
    return [None] * (len(values) - len(known)) + twin(known, *more)  # type: ignore[operator]


def both(left: Answers, right: Answers, sign: float) -> Answers:
    return [
        None if a is None or b is None else a + sign * b for a, b in zip(left, right, strict=True)
    ]


def windows(values: Series, bars: int) -> list[Series]:
    return [values[i - bars + 1 : i + 1] if i >= bars - 1 else [] for i in range(len(values))]


def wma(values: Series, bars: int) -> Answers:
    total = bars * (bars + 1) / 2
    return [
        math.fsum((k + 1) * v for k, v in enumerate(past)) / total if past else None
        for past in windows(values, bars)
    ]


def rolling_sd(values: Series, bars: int, ddof: int) -> Answers:
    spread = stdev if ddof else pstdev
    return [spread(past) if past else None for past in windows(values, bars)]


def z_score(values: Series, bars: int) -> Answers:
    return [
        (past[-1] - math.fsum(past) / bars) / stdev(past) if past and stdev(past) else None
        for past in windows(values, bars)
    ]


def macd(close: Series, fast: int, slow: int, signal: int) -> tuple[Answers, Answers, Answers]:
    line = both(ema(close, fast), ema(close, slow), -1)
    average = after(line, ema, signal)
    return line, average, both(line, average, -1)


def stochastic(
    high: Series, low: Series, close: Series, bars: int, smooth: int, signal: int
) -> tuple[Answers, Answers]:
    tops, bottoms = rolling_extreme(high, bars, 0, 1), rolling_extreme(low, bars, 0, -1)
    place: Answers = [
        None
        if top is None or bottom is None
        else 100 * (c - bottom) / (top - bottom)
        if top > bottom
        else 50.0
        for top, bottom, c in zip(tops, bottoms, close, strict=True)
    ]
    k = after(place, rolling_mean, smooth, 0)
    return k, after(k, rolling_mean, signal, 0)


def wilder(values: Series, bars: int) -> Answers:
    """Mean of the first values, then (previous × (bars − 1) + current) / bars."""
    answers: Answers = [None] * len(values)
    if len(values) < bars:
        return answers
    average = math.fsum(values[:bars]) / bars
    answers[bars - 1] = average
    for i in range(bars, len(values)):
        average = (average * (bars - 1) + values[i]) / bars
        answers[i] = average
    return answers


def adx(high: Series, low: Series, close: Series, bars: int) -> tuple[Answers, Answers, Answers]:
    rises = [max(b - a, 0.0) for a, b in pairwise(high)]
    falls = [max(a - b, 0.0) for a, b in pairwise(low)]
    up = wilder([r if r > f else 0.0 for r, f in zip(rises, falls, strict=True)], bars)
    down = wilder([f if f > r else 0.0 for r, f in zip(rises, falls, strict=True)], bars)
    ranges = [max(high[i], close[i - 1]) - min(low[i], close[i - 1]) for i in range(1, len(close))]
    spread = wilder(ranges, bars)
    plus, minus, dx = [], [], []
    for u, d, s in zip(up, down, spread, strict=True):
        if u is None or d is None or s is None:
            continue
        plus.append(100 * u / s if s else 0.0)
        minus.append(100 * d / s if s else 0.0)
        dx.append(100 * abs(u - d) / (u + d) if u + d else 0.0)
    early: Answers = [None] * (len(close) - len(dx))
    return early + wilder(dx, bars), early + plus, early + minus


def vwap(price: Series, volume: Series, bars: int) -> Answers:
    out: Answers = []
    for prices, volumes in zip(windows(price, bars), windows(volume, bars), strict=True):
        shares = math.fsum(volumes)
        value = math.fsum(p * v for p, v in zip(prices, volumes, strict=True))
        out.append(value / shares if shares else None)
    return out
