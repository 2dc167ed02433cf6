"""Statistics of a run as their definitions read, over plain lists. None is "not defined"."""

import datetime as dt
import math
from collections.abc import Sequence
from itertools import groupby

from tests.naive.metrics import DAY, NOISE, mean, over, sd

Maybe = float | None


def returns_of(equity: Sequence[float], capital: float) -> list[float]:
    points = [capital, *equity]
    return [after / before - 1 for before, after in zip(points, equity, strict=False)]


def longest_run(kinds: Sequence[int], kind: int) -> int:
    return max((len(list(run)) for value, run in groupby(kinds) if value == kind), default=0)


def naive_trade_figures(trades: Sequence[dict[str, float]], capital: float) -> dict[str, Maybe]:
    """Return what is said of trades beyond the metrics; each has pnl, bars, rate, mae, mfe, costs."""
    pnl = [trade["pnl"] for trade in trades]
    wins = [trade for trade in trades if trade["pnl"] > 0]
    losses = [trade for trade in trades if trade["pnl"] < 0]
    sums = [0.0, *(math.fsum(pnl[: i + 1]) for i in range(len(pnl)))]
    falls = [total - max(sums[: i + 1]) for i, total in enumerate(sums)]
    kinds = [(p > 0) - (p < 0) for p in pnl]

    def average(rows: Sequence[dict[str, float]], name: str) -> Maybe:
        return mean([row[name] for row in rows]) if rows else None

    return {
        "net_profit": math.fsum(pnl),
        "contribution": math.fsum(pnl) / capital,
        "profit_drawdown": min(falls) / capital,
        "gross_profit": math.fsum(p for p in pnl if p > 0),
        "gross_loss": math.fsum(p for p in pnl if p < 0),
        "largest_win": max((p for p in pnl if p > 0), default=None),
        "largest_loss": min((p for p in pnl if p < 0), default=None),
        "avg_trade_return": average(trades, "rate"),
        "avg_bars_winning": average(wins, "bars"),
        "avg_bars_losing": average(losses, "bars"),
        "most_wins": longest_run(kinds, 1),
        "most_losses": longest_run(kinds, -1),
        "avg_mae": average(trades, "mae"),
        "avg_mfe": average(trades, "mfe"),
        "commission": math.fsum(trade["commission"] for trade in trades),
    }


def naive_falls(
    time_ns: Sequence[int], equity: Sequence[float], capital: float, most: int
) -> list[dict[str, object]]:
    """Return the deepest falls, each from the last bar at its peak to the first back there."""
    points = [capital, *equity]
    tops = [max(points[: i + 2]) for i in range(len(equity))]
    below = [e < top * (1 - NOISE) for e, top in zip(equity, tops, strict=True)]
    found = []
    for is_fall, run in groupby(range(len(equity)), key=below.__getitem__):
        bars = list(run)
        if not is_fall:
            continue
        trough = min(bars, key=lambda i: equity[i] / tops[i] - 1)
        recovery = bars[-1] + 1 if bars[-1] + 1 < len(equity) else None
        peak = max(bars[0] - 1, 0)
        end = len(equity) - 1 if recovery is None else recovery
        found.append(
            {
                "depth": equity[trough] / tops[trough] - 1,
                "money": tops[trough] - equity[trough],
                "peak_bar": peak,
                "trough_bar": trough,
                "recovery_bar": recovery,
                "days_down": (time_ns[trough] - time_ns[peak]) / DAY,
                "days_back": None if recovery is None else (time_ns[end] - time_ns[trough]) / DAY,
                "days_total": (time_ns[end] - time_ns[peak]) / DAY,
                "bars_total": end - peak,
            }
        )
    return sorted(found, key=lambda fall: fall["depth"])[:most]


def month_of(time_ns: int) -> tuple[int, int]:
    day = dt.date(1970, 1, 1) + dt.timedelta(days=time_ns // DAY)
    return day.year, day.month


def naive_periods(
    time_ns: Sequence[int], equity: Sequence[float], capital: float, by_month: bool
) -> dict[tuple[int, ...], dict[str, Maybe]]:
    """Return return, profit, drawdown and scatter per bar of each year or month."""
    points = [capital, *equity]
    out: dict[tuple[int, ...], dict[str, Maybe]] = {}
    keys = [month_of(t) if by_month else month_of(t)[:1] for t in time_ns]
    for key, run in groupby(range(len(equity)), key=keys.__getitem__):
        bars = list(run)
        base, inside = points[bars[0]], equity[bars[0] : bars[-1] + 1]
        line = [base, *inside]
        moves = returns_of(inside, base)
        out[key] = {
            "return": inside[-1] / base - 1,
            "pnl": inside[-1] - base,
            "max_drawdown": min(e / max(line[: i + 2]) - 1 for i, e in enumerate(inside)),
            "sd": sd(moves) if len(moves) > 1 else None,
            "mean": mean(moves),
        }
    return out


def rolling(
    equity: Sequence[float], capital: float, window: int, per_year: float, rf: float
) -> tuple[list[Maybe], list[Maybe]]:
    """Return volatility and Sharpe ratio of the last ``window`` returns at each bar."""
    moves = returns_of(equity, capital)
    volatility: list[Maybe] = []
    sharpe: list[Maybe] = []
    for i in range(len(moves)):
        past = moves[i - window + 1 : i + 1] if i >= window - 1 else []
        spread = sd(past) if past else 0.0
        flat = spread <= NOISE
        volatility.append((0.0 if flat else spread * math.sqrt(per_year)) if past else None)
        sharpe.append(None if flat else (mean(past) - rf / per_year) / spread * math.sqrt(per_year))
    return volatility, sharpe


def rolling_beta(x: Sequence[float], y: Sequence[float], window: int) -> list[Maybe]:
    """Return the slope of x on y over the last ``window`` values at each place."""
    out: list[Maybe] = []
    for i in range(len(x)):
        a, b = x[max(0, i - window + 1) : i + 1], y[max(0, i - window + 1) : i + 1]
        if len(a) < window or sd(b) <= NOISE:
            out.append(None)
            continue
        both = math.fsum((p - mean(a)) * (q - mean(b)) for p, q in zip(a, b, strict=True))
        out.append(over(both, math.fsum((q - mean(b)) ** 2 for q in b)))
    return out


def histogram(values: Sequence[float], edges: Sequence[float]) -> list[int]:
    """Count the values of each bin [edge, next edge), the last with its upper edge."""
    counts = [0] * (len(edges) - 1)
    for value in values:
        bins = [k for k in range(len(counts)) if edges[k] <= value < edges[k + 1]]
        counts[bins[0] if bins else -1] += 1
    return counts
