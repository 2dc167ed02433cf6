"""Indicators of one symbol over plain lists, obviously right. None is "not defined"."""

from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from statistics import stdev

Series = list[float]
Answers = list[float | None]


def rolling_mean(values: Series, window: int, lag: int) -> Answers:
    """Mean of ``window`` values of which the last is ``lag`` bars ago."""
    return [
        float(sum(map(Fraction, past)) / window) if len(past) == window else None
        for past in _windows(values, window, lag)
    ]


def rolling_extreme(values: Series, window: int, lag: int, sign: int) -> Answers:
    """Greatest (1) or least (-1) of ``window`` values of which the last is ``lag`` bars ago."""
    pick = max if sign > 0 else min
    return [pick(past) if len(past) == window else None for past in _windows(values, window, lag)]


def change(values: Series, lookback: int, skip: int = 0) -> Answers:
    """Change over ``lookback`` bars that ended ``skip`` bars ago."""
    return [
        values[i - skip] / values[i - skip - lookback] - 1 if i >= skip + lookback else None
        for i in range(len(values))
    ]


def rsi(close: Series, period: int) -> Answers:
    """Wilder's relative strength index."""
    answers: Answers = [None] * len(close)
    moves = [b - a for a, b in pairwise(close)]
    if len(moves) < period:
        return answers
    gain = sum(max(move, 0) for move in moves[:period]) / period
    loss = sum(max(-move, 0) for move in moves[:period]) / period
    answers[period] = _strength(gain, loss)
    for i, move in enumerate(moves[period:], start=period + 1):
        gain = (gain * (period - 1) + max(move, 0)) / period
        loss = (loss * (period - 1) + max(-move, 0)) / period
        answers[i] = _strength(gain, loss)
    return answers


def grid(values: Series) -> int:
    """Decimal places of the coarsest grid that holds all values, -1 when there is none up to 8."""
    for decimals in range(9):
        step = Decimal(1).scaleb(-decimals)
        if all(Decimal(repr(v)) % step == 0 and Decimal(repr(v)) / step <= 10**15 for v in values):
            return decimals
    return -1


def compare_averages(close: Series, fast: int, slow: int) -> list[int]:
    """Sign of SMA(fast) - SMA(slow), 2 where not defined."""
    signs = []
    for i in range(len(close)):
        if i < slow - 1:
            signs.append(2)
            continue
        exact = grid(close[: i + 1]) >= 0
        numbers = [Fraction(Decimal(repr(v)) if exact else v) for v in close[: i + 1]]
        left = sum(numbers[-fast:]) / Fraction(fast)
        right = sum(numbers[-slow:]) / Fraction(slow)
        tie = Fraction(0) if exact else Fraction(1, 10**12) * max(abs(left), abs(right))
        signs.append(0 if abs(left - right) <= tie else 1 if left > right else -1)
    return signs


def turns(signs: list[int], start: int, at_once: bool) -> list[int]:
    """Where a sign turns, zeros and unknowns keeping the one before."""
    answers, last = [], 0
    for i, sign in enumerate(signs):
        remembered = sign in (-1, 1) and (i >= start or not at_once)
        turned = i >= start and sign in (-1, 1) and sign != last and (at_once or last != 0)
        answers.append(sign if turned else 0)
        last = sign if remembered else last
    return answers


def _windows(values: Series, window: int, lag: int) -> list[Series]:
    ends = [i - lag + 1 for i in range(len(values))]
    return [values[end - window : end] if end >= window else [] for end in ends]


def _strength(gain: float, loss: float) -> float:
    return 100 * gain / (gain + loss) if gain + loss > 0 else 50.0


def ema(values: Series, bars: int) -> Answers:
    """Exponential average that begins as the mean of the first ``bars`` values."""
    answers: Answers = [None] * len(values)
    if len(values) < bars:
        return answers
    average = sum(values[:bars]) / bars
    answers[bars - 1] = average
    for i in range(bars, len(values)):
        average = average + (values[i] - average) * 2 / (bars + 1)
        answers[i] = average
    return answers


def atr(high: Series, low: Series, close: Series, bars: int) -> Answers:
    """Wilder's average true range."""
    answers: Answers = [None] * len(close)
    ranges = [
        max(high[i] - low[i], high[i] - close[i - 1], close[i - 1] - low[i])
        for i in range(1, len(close))
    ]
    if len(ranges) < bars:
        return answers
    average = sum(ranges[:bars]) / bars
    answers[bars] = average
    for i in range(bars, len(ranges)):
        average = (average * (bars - 1) + ranges[i]) / bars
        answers[i + 1] = average
    return answers


def deviation(values: Series, bars: int) -> Answers:
    """Sample standard deviation of the last ``bars`` returns."""
    moves = [b / a - 1 for a, b in pairwise(values)]
    answers: Answers = [None] * len(values)
    for i in range(bars, len(values)):
        answers[i] = stdev(moves[i - bars : i])
    return answers
