"""The numbers a run is judged by, each with the cases in which it does not exist.

`METRICS` is the one table of them: the command line, the window's tooltips and the comparison of
runs are made from it. `compute_metrics` gives each a value or, where its formula has none (no
trades, no variance, one bar, no benchmark), the reason in words; never 0 for want of something
better, never NaN or infinity.
"""

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from engine.kernels.equity import (
    NOISE,
    CurveSums,
    Falls,
    benchmark_returns_nb,
    curve_nb,
    drawdown_nb,
    falls_nb,
    moments_nb,
    outside_nb,
    pair_nb,
    returns_nb,
    total_nb,
    trade_sums_nb,
    traded_value_nb,
)
from engine.metric_table import METRICS, Metric
from engine.result import MetricValue
from engine.types import NS_PER_DAY

__all__ = ["METRICS", "Metric", "bars_per_year", "compute_metrics", "drawdown", "scaled_benchmark"]

Floats = NDArray[np.float64]

DAYS_PER_YEAR: Final = 365.25
TAIL: Final = 0.05  # share of returns in each tail: var_95, cvar_95, tail_ratio

_NO_TRADES = "no closed trades"
_NO_WINS = "no winning trades"
_NO_LOSSES = "no losing trades"
_NO_BENCHMARK = "no benchmark"
_NO_DRAWDOWN = "no drawdown"
_ONE_BAR = "one bar is too few"
_NO_VARIANCE = "the returns do not vary"
_BROKE = "equity fell to zero or below"


def drawdown(equity: Floats, initial_capital: float) -> Floats:
    """Return the drawdown after each bar: equity / running maximum - 1, (n_bars,).

    It is zero or negative; the initial capital is the first maximum.
    """
    return drawdown_nb(equity, initial_capital)


def scaled_benchmark(values: Floats, base: float, initial_capital: float) -> Floats:
    """Return the benchmark as if the capital had been put into it, (n_bars,), for charts.

    It starts from ``base``, the close before the first bar, or where that is NaN from the first
    value known; before that it is NaN.
    """
    known = np.flatnonzero(values > 0.0)
    start = base if base > 0.0 else float(values[known[0]]) if len(known) else math.nan
    return values * (initial_capital / start)


def bars_per_year(
    time_ns: NDArray[np.int64], timeframe: str, sessions_per_year: float | None
) -> float:
    """Return N, the number of bars in a year.

    52 for weekly and 12 for monthly bars. For daily bars ``sessions_per_year`` of the calendar;
    where it is unknown 252, or 365 when weekends trade: when there are at least half as many
    Saturdays as Wednesdays (a stray Saturday session, or a Sunday evening of a currency, is not a
    weekend that trades). For intraday bars the median number of bars a session (UTC date) times
    that.
    """
    if timeframe == "1w":
        return 52.0
    if timeframe == "1mo":
        return 12.0
    if len(time_ns) == 0:
        return sessions_per_year or 252.0
    if timeframe == "1d":
        days, bars = time_ns // NS_PER_DAY, 1.0
    else:
        first, last = int(time_ns[0]) // NS_PER_DAY, int(time_ns[-1]) // NS_PER_DAY
        counts = np.diff(np.searchsorted(time_ns, np.arange(first, last + 2) * NS_PER_DAY))
        days, bars = first + np.flatnonzero(counts), float(np.median(counts[counts > 0]))
    if sessions_per_year:
        return bars * sessions_per_year
    weekdays = np.bincount((days + 3) % 7, minlength=7)  # 1970-01-01 was a Thursday; Monday is 0
    wednesdays, saturdays = int(weekdays[2]), int(weekdays[5])
    trades_weekends = saturdays > 0 and 2 * saturdays >= wednesdays
    return bars * (365.0 if trades_weekends else 252.0)


@dataclass(frozen=True, slots=True)
class _Sheet:
    """Where values and reasons are collected."""

    values: dict[str, MetricValue]
    undefined: dict[str, str]

    def put(self, name: str, value: float | int | str) -> None:
        if isinstance(value, float) and not math.isfinite(value):
            self.skip("the value is too large to be stated", name)
        else:
            self.values[name] = value

    def skip(self, reason: str, *names: str) -> None:
        for name in names:
            self.values[name] = None
            self.undefined[name] = reason

    def divide(self, name: str, part: float, whole: float, reason: str) -> None:
        """Put ``part / whole``, or the reason when there is nothing to divide by."""
        if whole == 0.0:
            self.skip(reason, name)
        else:
            self.put(name, part / whole)


@dataclass(frozen=True, slots=True)
class _Run:
    """What the groups of metrics share."""

    time_ns: NDArray[np.int64]
    returns: Floats
    sums: CurveSums
    capital: float
    final: float
    per_year: float
    risk_free: float  # per bar

    @property
    def n(self) -> int:
        return len(self.returns)

    @property
    def mean(self) -> float:
        return self.sums.returns / self.n

    def why_no_returns(self) -> str:
        """Return why statistics of returns do not exist; empty when they do."""
        if self.n < 2:
            return _ONE_BAR
        return _BROKE if self.sums.lowest_base <= 0.0 else ""


def compute_metrics(
    *,
    time_ns: NDArray[np.int64],
    equity: Floats,
    initial_capital: float,
    gross: Floats,
    fills: NDArray[np.void],
    trades: NDArray[np.void],
    benchmark_values: Floats | None,
    benchmark_base: float,
    bars_per_year: float,
    risk_free_rate: float,
) -> tuple[dict[str, MetricValue], dict[str, str]]:
    """Compute every metric of `METRICS`.

    Parameters
    ----------
    time_ns : (n_bars,)
        Opens of the counted bars, UTC nanoseconds; at least one.
    equity, gross : (n_bars,)
        Equity and sum of absolute position values at each close, money.
    initial_capital : float
        Equity before the first bar.
    fills : FILL, trades : TRADE
        Executions and closed round trips. Their bars may count a longer axis than ``time_ns`` (one
        with warm-up bars): a fill carries bar and instant, which tells where ``time_ns`` begins on
        it.
    benchmark_values : (n_bars,) or None
        Last value known at each close, NaN before the first. Bars without a value have a return of
        0, as cash has.
    benchmark_base : float
        The value before the first bar, from which its first return is measured; NaN when there is
        none: then 0.
    bars_per_year, risk_free_rate : float
        N; the rate yearly, a fraction.

    Returns
    -------
    metrics : dict
        A value for each name of `METRICS`, in that order; dates as ISO text; None where undefined.
    undefined : dict
        The reason, by the name of each metric that is None.
    """
    returns = returns_nb(equity, initial_capital)
    risk_free = risk_free_rate / bars_per_year
    sums = curve_nb(equity, gross, returns, initial_capital, risk_free)
    run = _Run(time_ns, returns, sums, initial_capital, float(equity[-1]), bars_per_year, risk_free)
    sheet = _Sheet({}, {})
    if not math.isfinite(sums.equity):
        sheet.skip("the equity is not a finite number", *(metric.name for metric in METRICS))
    else:
        _growth(sheet, run)
        _drawdowns(sheet, run, falls_nb(time_ns, equity, initial_capital))
        _ratios(sheet, run)
        _tails(sheet, run)
        _against_benchmark(sheet, run, benchmark_values, benchmark_base)
        _activity(sheet, run, fills)
        _trades(sheet, trades, time_ns, _first_bar(time_ns, fills))
    return {metric.name: sheet.values[metric.name] for metric in METRICS}, sheet.undefined


def _first_bar(time_ns: NDArray[np.int64], fills: NDArray[np.void]) -> int:
    """Return which bar of the fills' axis is the first of ``time_ns``."""
    if len(fills) == 0:
        return 0
    return int(fills["bar"][0]) - int(np.searchsorted(time_ns, fills["time_ns"][0]))


def _growth(sheet: _Sheet, run: _Run) -> None:
    sheet.put("final_balance", run.final)
    sheet.put("final_pnl", run.final - run.capital)
    growth = run.final / run.capital
    sheet.put("total_return", growth - 1.0)
    days = float(run.time_ns[-1] - run.time_ns[0]) / NS_PER_DAY
    if days <= 0.0:
        sheet.skip(_ONE_BAR, "cagr")
    elif growth <= 0.0:
        sheet.skip(_BROKE, "cagr")
    else:
        power = math.log(growth) * DAYS_PER_YEAR / days
        sheet.put("cagr", math.expm1(power) if power < 700.0 else math.inf)


def _drawdowns(sheet: _Sheet, run: _Run, falls: Falls) -> None:
    sheet.put("max_drawdown", falls.worst)
    sheet.put("max_drawdown_duration", falls.longest_ns / NS_PER_DAY)
    sheet.put("ulcer_index", math.sqrt(falls.squares / run.n))
    sheet.divide("recovery_factor", run.final - run.capital, falls.money, _NO_DRAWDOWN)
    cagr = sheet.values["cagr"]
    if isinstance(cagr, float):
        sheet.divide("calmar_ratio", cagr, abs(falls.worst), _NO_DRAWDOWN)
    else:
        sheet.skip(sheet.undefined["cagr"], "calmar_ratio")
    if falls.trough < 0:
        sheet.skip(
            _NO_DRAWDOWN,
            "max_drawdown_date",
            "max_drawdown_peak_date",
            "max_drawdown_recovery_date",
        )
        return
    sheet.put("max_drawdown_date", _date(run.time_ns[falls.trough]))
    sheet.put("max_drawdown_peak_date", _date(run.time_ns[max(falls.peak, 0)]))
    if falls.recovery < 0:
        sheet.skip("not recovered by the end", "max_drawdown_recovery_date")
    else:
        sheet.put("max_drawdown_recovery_date", _date(run.time_ns[falls.recovery]))


def _ratios(sheet: _Sheet, run: _Run) -> None:
    shape = ("skew", "kurtosis")
    reason = run.why_no_returns()
    if reason:
        sheet.skip(reason, "volatility", "sharpe_ratio", "sortino_ratio", *shape)
        return
    n, root = run.n, math.sqrt(run.per_year)
    moments = moments_nb(run.returns, run.mean)
    deviation = math.sqrt(moments.second / (n - 1))
    if deviation <= NOISE:
        sheet.put("volatility", 0.0)
        sheet.skip(_NO_VARIANCE, "sharpe_ratio", *shape)
    else:
        sheet.put("volatility", deviation * root)
        sheet.put("sharpe_ratio", (run.mean - run.risk_free) / deviation * root)
        variance = moments.second / n
        sheet.put("skew", moments.third / n / (variance * math.sqrt(variance)))
        sheet.put("kurtosis", moments.fourth / n / (variance * variance) - 3.0)
    downside = math.sqrt(run.sums.downside / n)
    if downside <= NOISE:
        sheet.skip("no return below the risk-free rate", "sortino_ratio")
    else:
        sheet.put("sortino_ratio", (run.mean - run.risk_free) * root / downside)


def _tails(sheet: _Sheet, run: _Run) -> None:
    reason = run.why_no_returns()
    if reason:
        sheet.skip(reason, "var_95", "cvar_95", "tail_ratio")
        return
    ordered = _ends_in_order(run.returns)
    low = _interpolated(ordered, TAIL * (run.n - 1), 0)
    high = _interpolated(ordered, (1.0 - TAIL) * (run.n - 1), run.n)
    at_or_below = int(np.searchsorted(ordered, low, side="right"))
    sheet.put("var_95", low)
    sheet.put("cvar_95", total_nb(ordered[:at_or_below]) / at_or_below)
    if abs(low) <= NOISE:
        sheet.skip("the 5th percentile of returns is zero", "tail_ratio")
    else:
        sheet.put("tail_ratio", abs(high / low))


def _ends_in_order(values: Floats) -> Floats:
    """Return the values in ascending order; of many, both ends as far as the tails need them.

    A sample says about where one and a half times the tails end; only what lies beyond is sorted,
    which takes a third of the time on a million returns. Where that turns out to be too little, all
    are.
    """
    n = len(values)
    if n > 20_000:
        sample = np.sort(values[:: n // 4096])
        reach = int(1.5 * TAIL * len(sample))
        kept, n_low, n_high = outside_nb(values, sample[reach], sample[-1 - reach])
        wanted = int(TAIL * (n - 1)) + 2
        if min(n_low, n_high) >= wanted and len(kept) < n:
            return np.sort(kept)
    return np.sort(values)


def _interpolated(ordered: Floats, place: float, n: int) -> float:
    """Return the value at a fractional place; ``n`` > 0 counts it back from the end of n."""
    left = int(place)
    share = place - left
    below = float(ordered[left - n])
    if share == 0.0:
        return below
    return below + share * (float(ordered[left + 1 - n]) - below)


def _against_benchmark(sheet: _Sheet, run: _Run, values: Floats | None, base: float) -> None:
    compared = ("beta", "alpha", "information_ratio")
    if values is None:
        sheet.skip(_NO_BENCHMARK, *compared, "benchmark_return")
        return
    known = np.flatnonzero(values > 0.0)
    if len(known) == 0:
        sheet.skip("the benchmark has no value in this range", *compared, "benchmark_return")
        return
    start = base if base > 0.0 else float(values[known[0]])
    sheet.put("benchmark_return", float(values[known[-1]]) / start - 1.0)
    reason = run.why_no_returns()
    if reason:
        sheet.skip(reason, *compared)
        return
    others = benchmark_returns_nb(values, base)
    mean, other_mean = run.mean, total_nb(others) / run.n
    pair = pair_nb(run.returns, others, mean, other_mean)
    if math.sqrt(pair.b_b / (run.n - 1)) <= NOISE:
        sheet.skip("the benchmark's returns do not vary", "beta", "alpha")
    else:
        beta = pair.r_b / pair.b_b
        sheet.put("beta", beta)
        sheet.put("alpha", (mean - beta * other_mean) * run.per_year)
    deviation = math.sqrt(pair.difference / (run.n - 1))
    if deviation <= NOISE:
        sheet.skip("the difference to the benchmark does not vary", "information_ratio")
    else:
        sheet.put("information_ratio", (mean - other_mean) / deviation * math.sqrt(run.per_year))


def _activity(sheet: _Sheet, run: _Run, fills: NDArray[np.void]) -> None:
    if run.sums.lowest <= 0.0:
        sheet.skip(_BROKE, "exposure", "turnover")
        return
    sheet.put("exposure", run.sums.exposure / run.n)
    traded = traded_value_nb(fills) / 2.0
    sheet.put("turnover", traded / (run.sums.equity / run.n) * run.per_year / run.n)


def _trades(
    sheet: _Sheet, trades: NDArray[np.void], time_ns: NDArray[np.int64], first_bar: int
) -> None:
    n = len(trades)
    sums = trade_sums_nb(trades, time_ns, first_bar)
    sheet.put("total_trades", n)
    sheet.put("winning_trades", sums.winning)
    sheet.put("losing_trades", sums.losing)
    sheet.put("breakeven_trades", n - sums.winning - sums.losing)
    sheet.divide("win_rate", sums.winning, n, _NO_TRADES)
    sheet.divide("expectancy", sums.profit, n, _NO_TRADES)
    sheet.divide("avg_holding_period", sums.days, n, _NO_TRADES)
    sheet.divide("avg_holding_bars", sums.bars, n, _NO_TRADES)
    sheet.divide("avg_win", sums.won, sums.winning, _NO_WINS if n else _NO_TRADES)
    sheet.divide("avg_loss", sums.lost, sums.losing, _NO_LOSSES if n else _NO_TRADES)
    sheet.divide("profit_factor", sums.won, abs(sums.lost), _NO_LOSSES if n else _NO_TRADES)
    if sums.winning and sums.losing:
        ratio = (sums.won / sums.winning) / (abs(sums.lost) / sums.losing)
        rate = sums.winning / n
        sheet.put("profit_loss_ratio", ratio)
        sheet.divide("kelly", rate * ratio - (1.0 - rate), ratio, _NO_WINS)
    else:
        why = _NO_TRADES if n == 0 else _NO_LOSSES if sums.losing == 0 else _NO_WINS
        sheet.skip(why, "profit_loss_ratio", "kelly")
    if n < 2:
        sheet.skip("one trade is too few" if n else _NO_TRADES, "sqn")
        return
    mean, deviation = sums.profit / n, math.sqrt(sums.profit_squares / (n - 1))
    if deviation <= 1e-12 * abs(mean):
        sheet.skip("the profits do not vary", "sqn")
    else:
        sheet.put("sqn", math.sqrt(n) * mean / deviation)


def _date(time_ns: np.int64) -> str:
    return str(np.datetime64(int(time_ns), "ns").astype("datetime64[D]"))
