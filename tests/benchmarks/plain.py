"""What is measured, as a plain Python loop would do it: once over the bars, no trick and no waste."""

import math
from collections.abc import Sequence


def metrics(equity: Sequence[float], gross: Sequence[float], capital: float) -> dict[str, float]:
    """Return the figures of a curve that compiled code finds in three passes."""
    before = peak = capital
    returns, squares, exposure, worst, downside = [], 0.0, 0.0, 0.0, 0.0
    for value, held in zip(equity, gross, strict=True):
        change = value / before - 1.0
        returns.append(change)
        downside += min(change, 0.0) ** 2
        before = value
        peak = max(peak, value)
        fall = value / peak - 1.0
        worst = min(worst, fall)
        squares += fall * fall
        exposure += held / value
    n = len(returns)
    mean = sum(returns) / n
    second = third = fourth = 0.0
    for change in returns:
        away = change - mean
        second += away * away
        third += away * away * away
        fourth += away * away * away * away
    ordered = sorted(returns)
    return {
        "volatility": math.sqrt(second / (n - 1) * 252),
        "max_drawdown": worst,
        "ulcer_index": math.sqrt(squares / n),
        "exposure": exposure / n,
        "sortino_ratio": mean * math.sqrt(252) / math.sqrt(downside / n),
        "skew": third / n / (second / n) ** 1.5,
        "kurtosis": fourth / n / (second / n) ** 2 - 3,
        "median": ordered[n // 2],
        "low": ordered[n // 20],
    }


def rolling_mean(values: Sequence[float], window: int) -> list[float]:
    """Return the mean of each window by a running sum."""
    total, out = 0.0, []
    for i, value in enumerate(values):
        total += value
        if i >= window:
            total -= values[i - window]
        out.append(total / window if i >= window - 1 else math.nan)
    return out


def ema(values: Sequence[float], window: int) -> list[float]:
    """Return the exponential average."""
    share, out, mean = 2.0 / (window + 1), [], values[0]
    for value in values:
        mean += (value - mean) * share
        out.append(mean)
    return out


def rolling_max(values: Sequence[float], window: int) -> list[float]:
    """Return the greatest of each window."""
    return [max(values[max(0, i - window + 1) : i + 1]) for i in range(len(values))]


def rolling_sd(values: Sequence[float], window: int) -> list[float]:
    """Return the standard deviation of each window, each by itself."""
    out = []
    for i in range(window - 1, len(values)):
        past = values[i - window + 1 : i + 1]
        mean = sum(past) / window
        out.append(math.sqrt(sum((v - mean) ** 2 for v in past) / (window - 1)))
    return out


def atr(
    high: Sequence[float], low: Sequence[float], close: Sequence[float], window: int
) -> list[float]:
    """Return Wilder's average true range."""
    mean, out = high[0] - low[0], []
    for i in range(1, len(close)):
        true = max(high[i], close[i - 1]) - min(low[i], close[i - 1])
        mean = (mean * (window - 1) + true) / window
        out.append(mean)
    return out
