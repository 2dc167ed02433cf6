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

from engine.kernels.activity import traded_value_nb
from engine.kernels.benchmark import known_ends_nb, pair_nb
from engine.kernels.equity import (
    NOISE,
    CurveSums,
    Falls,
    curve_nb,
    drawdown_nb,
    falls_nb,
    returns_nb,
)
from engine.metric_table import METRICS, Metric
from engine.percentiles import EVERYWHERE, Bounds, bounds_of, tails_of
from engine.sheet import Sheet, Value
from engine.statistics.trades import groups_of, put_trade_metrics
from engine.types import NS_PER_DAY
from engine.years import bars_per_year

__all__ = ["METRICS", "Metric", "bars_per_year", "compute_metrics", "drawdown", "scaled_benchmark"]

Floats = NDArray[np.float64]

DAYS_PER_YEAR: Final = 365.25

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
    first, _ = known_ends_nb(values)
    start = base if base > 0.0 else float(values[first]) if first >= 0 else math.nan
    return values * (initial_capital / start)


def steady_growth(first: float, last: float, n: int) -> float:
    """Return the rate that leads from ``first`` to ``last`` in n equal steps; 0 where none does.

    It is near the mean of the steps' returns, and exactly 0 for a flat curve: sums of distances from
    it keep the digits that sums of the returns themselves would lose.
    """
    growth = last / first if first > 0.0 else 0.0
    return math.expm1(math.log(growth) / n) if 0.0 < growth < math.inf else 0.0


@dataclass(frozen=True, slots=True)
class _Run:
    """What the groups of metrics share."""

    time_ns: NDArray[np.int64]
    equity: Floats
    sums: CurveSums
    capital: float
    per_year: float
    risk_free: float  # per bar
    middle: float  # the provisional mean of the returns
    bounds: Bounds
    kept: Floats  # the returns at or beyond them

    @property
    def n(self) -> int:
        return len(self.equity)

    @property
    def final(self) -> float:
        return float(self.equity[-1])

    @property
    def mean(self) -> float:
        return self.middle + self.sums.first / self.n

    def why_no_returns(self) -> str:
        """Return why statistics of returns do not exist; empty when they do."""
        if self.n < 2:
            return _ONE_BAR
        return _BROKE if self.sums.lowest_base <= 0.0 else ""


def _run_of(
    time_ns: NDArray[np.int64],
    equity: Floats,
    gross: Floats,
    capital: float,
    per_year: float,
    risk_free_rate: float,
) -> _Run:
    middle = steady_growth(capital, float(equity[-1]), len(equity))
    risk_free = risk_free_rate / per_year
    bounds, kept = bounds_of(equity), np.empty(len(equity))
    sums = curve_nb(equity, gross, capital, risk_free, middle, bounds.outside, kept)
    kept = kept[: sums.kept]
    return _Run(time_ns, equity, sums, capital, per_year, risk_free, middle, bounds, kept)


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
) -> tuple[dict[str, Value], dict[str, str]]:
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
        Executions and closed round trips. Their bars may count a longer axis, one with warm-up
        bars: a fill carries bar and instant, which tells where ``time_ns`` begins on it.
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
    run = _run_of(time_ns, equity, gross, initial_capital, bars_per_year, risk_free_rate)
    falls = falls_nb(time_ns, equity, initial_capital)
    sheet = Sheet()
    if not math.isfinite(run.sums.equity):
        sheet.skip("the equity is not a finite number", *(metric.name for metric in METRICS))
    else:
        _growth(sheet, run)
        _drawdowns(sheet, run, falls)
        _ratios(sheet, run)
        _tails(sheet, run)
        _against_benchmark(sheet, run, benchmark_values, benchmark_base)
        _activity(sheet, run, fills)
        _trades(sheet, trades, fills, time_ns)
    return sheet.ordered(metric.name for metric in METRICS), sheet.undefined


def _trades(
    sheet: Sheet, trades: NDArray[np.void], fills: NDArray[np.void], time_ns: NDArray[np.int64]
) -> None:
    first = _first_bar(time_ns, fills)
    whole = groups_of(trades, np.zeros(len(trades), np.int64), 1, time_ns, first)
    put_trade_metrics(sheet, whole[0])


def _first_bar(time_ns: NDArray[np.int64], fills: NDArray[np.void]) -> int:
    """Return which bar of the fills' axis is the first of ``time_ns``."""
    if len(fills) == 0:
        return 0
    return int(fills["bar"][0]) - int(np.searchsorted(time_ns, fills["time_ns"][0]))


def _growth(sheet: Sheet, run: _Run) -> None:
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


def _drawdowns(sheet: Sheet, run: _Run, falls: Falls) -> None:
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


def _ratios(sheet: Sheet, run: _Run) -> None:
    shape = ("skew", "kurtosis")
    reason = run.why_no_returns()
    if reason:
        sheet.skip(reason, "volatility", "sharpe_ratio", "sortino_ratio", *shape)
        return
    n, root = run.n, math.sqrt(run.per_year)
    second, third, fourth = _central(run)
    deviation = math.sqrt(second / (n - 1))
    if deviation <= NOISE:
        sheet.put("volatility", 0.0)
        sheet.skip(_NO_VARIANCE, "sharpe_ratio", *shape)
    else:
        sheet.put("volatility", deviation * root)
        sheet.put("sharpe_ratio", (run.mean - run.risk_free) / deviation * root)
        variance = second / n
        sheet.put("skew", third / n / (variance * math.sqrt(variance)))
        sheet.put("kurtosis", fourth / n / (variance * variance) - 3.0)
    downside = math.sqrt(run.sums.downside / n)
    if downside <= NOISE:
        sheet.skip("no return below the risk-free rate", "sortino_ratio")
    else:
        sheet.put("sortino_ratio", (run.mean - run.risk_free) * root / downside)


def _central(run: _Run) -> tuple[float, float, float]:
    """Return the sums of powers of distances from the mean, from those from the provisional one."""
    sums, off = run.sums, run.sums.first / run.n
    second = sums.second - sums.first * off
    third = sums.third - 3.0 * off * sums.second + 2.0 * off * off * sums.first
    fourth = sums.fourth - 4.0 * off * sums.third + 6.0 * off * off * sums.second
    return max(second, 0.0), third, fourth - 3.0 * off * off * off * sums.first


def _tails(sheet: Sheet, run: _Run) -> None:
    reason = run.why_no_returns()
    if reason:
        sheet.skip(reason, "var_95", "cvar_95", "tail_ratio")
        return
    tails = tails_of(run.kept, run.n, run.bounds)
    if tails is None:  # the sample has misled: look everywhere
        tails = tails_of(returns_nb(run.equity, run.capital), run.n, EVERYWHERE)
        assert tails is not None, "every return is there"
    sheet.put("var_95", tails.low)
    sheet.put("cvar_95", tails.shortfall)
    if abs(tails.low) <= NOISE:
        sheet.skip("the 5th percentile of returns is zero", "tail_ratio")
    else:
        sheet.put("tail_ratio", abs(tails.high / tails.low))


def _against_benchmark(sheet: Sheet, run: _Run, values: Floats | None, base: float) -> None:
    compared = ("beta", "alpha", "information_ratio")
    if values is None:
        sheet.skip(_NO_BENCHMARK, *compared, "benchmark_return")
        return
    first, last = known_ends_nb(values)
    if first < 0:
        sheet.skip("the benchmark has no value in this range", *compared, "benchmark_return")
        return
    start, end = base if base > 0.0 else float(values[first]), float(values[last])
    sheet.put("benchmark_return", end / start - 1.0)
    reason = run.why_no_returns()
    if reason:
        sheet.skip(reason, *compared)
        return
    n = run.n
    other_middle = steady_growth(start, end, n)
    pair = pair_nb(run.equity, run.capital, values, base, (run.middle, other_middle))
    mean, other_mean = run.middle + pair.r / n, other_middle + pair.b / n
    squares = max(pair.b_b - pair.b * pair.b / n, 0.0)
    if math.sqrt(squares / (n - 1)) <= NOISE:
        sheet.skip("the benchmark's returns do not vary", "beta", "alpha")
    else:
        beta = (pair.r_b - pair.r * pair.b / n) / squares
        sheet.put("beta", beta)
        sheet.put("alpha", (mean - beta * other_mean) * run.per_year)
    off = pair.r - pair.b
    deviation = math.sqrt(max(pair.apart - off * off / n, 0.0) / (n - 1))
    if deviation <= NOISE:
        sheet.skip("the difference to the benchmark does not vary", "information_ratio")
    else:
        sheet.put("information_ratio", (mean - other_mean) / deviation * math.sqrt(run.per_year))


def _activity(sheet: Sheet, run: _Run, fills: NDArray[np.void]) -> None:
    if run.sums.lowest <= 0.0:
        sheet.skip(_BROKE, "exposure", "turnover")
        return
    sheet.put("exposure", run.sums.exposure / run.n)
    traded = traded_value_nb(fills) / 2.0
    sheet.put("turnover", traded / (run.sums.equity / run.n) * run.per_year / run.n)


def _date(time_ns: np.int64) -> str:
    return str(np.datetime64(int(time_ns), "ns").astype("datetime64[D]"))
