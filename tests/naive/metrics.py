"""The metrics as their definitions read, with None where a formula has no value."""

import datetime as dt
import math
from collections.abc import Sequence
from fractions import Fraction

NOISE = 1e-14
DAY = 86_400 * 10**9


def mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values)


def sd(values: Sequence[float]) -> float:
    middle = mean(values)
    return math.sqrt(math.fsum((v - middle) ** 2 for v in values) / (len(values) - 1))


def percentile(values: Sequence[float], percent: int) -> float:
    ordered = sorted(values)
    place = Fraction(percent, 100) * (len(ordered) - 1)
    left = math.floor(place)
    right = min(left + 1, len(ordered) - 1)
    return ordered[left] + float(place - left) * (ordered[right] - ordered[left])


def over(part: float, whole: float) -> float | None:
    return part / whole if whole else None


def growth(factor: float, days: float) -> float | None:
    try:
        return factor ** (365.25 / days) - 1 if days else None
    except OverflowError:
        return None


def benchmark_returns(values: Sequence[float], base: float) -> list[float]:
    before, out = base, []
    for value in values:
        known = not math.isnan(value)
        out.append(value / before - 1 if known and not math.isnan(before) else 0.0)
        before = value if known else before
    return out


def date_of(time_ns: int) -> str:
    return (dt.date(1970, 1, 1) + dt.timedelta(days=time_ns // DAY)).isoformat()


def naive_curve_metrics(
    time_ns: Sequence[int],
    equity: Sequence[float],
    capital: float,
    gross: Sequence[float],
    traded: float,
    per_year: float,
    rf: float,
) -> dict[str, object]:
    """Return everything that the equity curve alone tells; equity is positive throughout."""
    n = len(equity)
    points = [capital, *equity]
    returns = [after / before - 1 for before, after in zip(points, equity, strict=False)]
    excess = [r - rf / per_year for r in returns]
    below = math.sqrt(mean([min(e, 0.0) ** 2 for e in excess]))
    falls = [e / max(points[: i + 2]) - 1 for i, e in enumerate(equity)]
    in_money = [max(points[: i + 2]) - e for i, e in enumerate(equity)]
    days = (time_ns[-1] - time_ns[0]) / DAY
    out: dict[str, object] = {
        "final_balance": equity[-1],
        "final_pnl": equity[-1] - capital,
        "total_return": equity[-1] / capital - 1,
        "max_drawdown": min(falls),
        "ulcer_index": math.sqrt(mean([f * f for f in falls])),
        "recovery_factor": over(equity[-1] - capital, max(in_money)),
        "exposure": mean([g / e for g, e in zip(gross, equity, strict=True)]),
        "turnover": traded / 2 / mean(equity) * per_year / n,
        "cagr": growth(equity[-1] / capital, days),
    }
    out["calmar_ratio"] = over(out["cagr"], -min(falls)) if isinstance(out["cagr"], float) else None
    out |= _spans(time_ns, points, falls)
    spread = sd(returns) if n > 1 else 0.0
    varied = n > 1 and spread > NOISE
    root, middle = math.sqrt(per_year), mean(returns)
    away = [r - middle for r in returns]
    variance = mean([a * a for a in away])
    out["volatility"] = None if n < 2 else spread * root if varied else 0.0
    out["sharpe_ratio"] = mean(excess) / spread * root if varied else None
    out["sortino_ratio"] = mean(excess) * root / below if n > 1 and below > NOISE else None
    out["skew"] = mean([a**3 for a in away]) / variance**1.5 if varied else None
    out["kurtosis"] = mean([a**4 for a in away]) / variance**2 - 3 if varied else None
    low, high = percentile(returns, 5), percentile(returns, 95)
    out["var_95"] = low if n > 1 else None
    out["cvar_95"] = mean([r for r in returns if r <= low + 1e-15]) if n > 1 else None
    out["tail_ratio"] = abs(high / low) if n > 1 and abs(low) > NOISE else None
    return out


def _spans(
    time_ns: Sequence[int], points: Sequence[float], falls: Sequence[float]
) -> dict[str, object]:
    found = []
    for i, fall in enumerate(falls):
        if fall < 0:
            top = max(points[: i + 2])
            peak = max((j for j in range(i) if points[j + 1] == top), default=0)
            back = next((k for k in range(i + 1, len(falls)) if points[k + 1] >= top), None)
            found.append((fall, i, peak, back))
    if not found:
        names = ("max_drawdown_date", "max_drawdown_peak_date", "max_drawdown_recovery_date")
        return {**dict.fromkeys(names), "max_drawdown_duration": 0.0}
    ends = [
        (time_ns[-1 if back is None else back] - time_ns[peak]) / DAY for _, _, peak, back in found
    ]
    _, trough, peak, back = min(found, key=lambda item: item[0])
    return {
        "max_drawdown_date": date_of(time_ns[trough]),
        "max_drawdown_peak_date": date_of(time_ns[peak]),
        "max_drawdown_recovery_date": None if back is None else date_of(time_ns[back]),
        "max_drawdown_duration": max(ends),
    }


def naive_benchmark_metrics(
    equity: Sequence[float], capital: float, values: Sequence[float], base: float, per_year: float
) -> dict[str, object]:
    """Return what a comparison tells; two bars or more."""
    points = [capital, *equity]
    returns = [after / before - 1 for before, after in zip(points, equity, strict=False)]
    others = benchmark_returns(values, base)
    known = [v for v in values if not math.isnan(v)]
    apart = [r - b for r, b in zip(returns, others, strict=True)]
    out: dict[str, object] = dict.fromkeys(
        ("beta", "alpha", "information_ratio", "benchmark_return")
    )
    if not known:
        return out
    out["benchmark_return"] = known[-1] / (known[0] if math.isnan(base) else base) - 1
    if sd(others) > NOISE:
        both = [
            (r - mean(returns)) * (b - mean(others)) for r, b in zip(returns, others, strict=True)
        ]
        beta = mean(both) / mean([(b - mean(others)) ** 2 for b in others])
        out["beta"], out["alpha"] = beta, (mean(returns) - beta * mean(others)) * per_year
    if sd(apart) > NOISE:
        out["information_ratio"] = mean(apart) / sd(apart) * math.sqrt(per_year)
    return out


def naive_trade_metrics(
    pnl: Sequence[float], spans: Sequence[tuple[int, int]], time_ns: Sequence[int]
) -> dict[str, object]:
    """Return what closed trades tell: profits, and bars of entry and exit."""
    n = len(pnl)
    wins, losses = [p for p in pnl if p > 0], [p for p in pnl if p < 0]
    both = bool(wins and losses)
    ratio = mean(wins) / -mean(losses) if both else None
    varied = n > 1 and sd(pnl) > 1e-12 * abs(mean(pnl))
    return {
        "total_trades": n,
        "winning_trades": len(wins),
        "losing_trades": len(losses),
        "breakeven_trades": n - len(wins) - len(losses),
        "win_rate": over(len(wins), n),
        "avg_win": mean(wins) if wins else None,
        "avg_loss": mean(losses) if losses else None,
        "profit_factor": over(sum(wins), -sum(losses)),
        "profit_loss_ratio": ratio,
        "kelly": len(wins) / n - (1 - len(wins) / n) / ratio if ratio else None,
        "expectancy": mean(pnl) if n else None,
        "avg_holding_period": mean([(time_ns[b] - time_ns[a]) / DAY for a, b in spans])
        if n
        else None,
        "avg_holding_bars": mean([b - a for a, b in spans]) if n else None,
        "sqn": math.sqrt(n) * mean(pnl) / sd(pnl) if varied else None,
    }
