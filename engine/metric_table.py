"""The table of metrics: what each is called, how it is to be read and what it is made of.

In all formulas *returns* are simple, per bar, of the equity curve, the first one from the initial
capital; N is the number of bars in a year; rf the yearly risk-free rate; sd has ddof 1. Percent are
stored as fractions.

Where others define a metric otherwise
--------------------------------------
Sharpe, Sortino, volatility, drawdowns, tail ratio, beta and totals are those of empyrical,
quantstats and ffn. The rest, and why:

- CAGR, Calmar: empyrical and quantstats count returns, n / N years; here calendar days count, as in
  ffn, from the first bar on (a holiday is time, too). ffn counts from the point before it.
- Sharpe, volatility of N: 252 unless told otherwise elsewhere; here N is that of the data.
- Alpha: empyrical compounds the intercept, (1 + a)^N - 1; here, as in quantstats, a x N, which is
  in the unit of beta x the benchmark's mean.
- Information ratio: quantstats and ffn leave it per bar; here x sqrt(N), as the Sharpe ratio.
- Value at risk, expected shortfall: quantstats assumes a normal distribution; here, as in empyrical,
  they are what happened.
- Skewness, kurtosis: quantstats and ffn correct for small samples, as pandas does; here population
  moments, which the formulas of the deflated Sharpe ratio are made for.
- Ulcer index: quantstats divides by n - 1, ffn counts in percentage points; here the mean square, in
  fractions, as Martin has it.
- Recovery factor: quantstats divides two percentages; here money, profit / deepest fall in money.
- Win rate, profit factor, payoff ratio, Kelly: quantstats takes bars for trades; here closed trades.
- The end of a fall: quantstats names the last bar below the peak; here, as in ffn, the first bar
  back at it.
"""

from dataclasses import dataclass
from typing import Final, Literal

Kind = Literal["ratio", "percent", "money", "count", "days", "date"]


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric.

    Attributes:
        name: as stored, exported and used in code. title: for people. kind: how it is written: a
        plain number, a fraction shown in percent, money, a whole number, days, a date. better:
        which of two runs is the better one by it, or None where neither is. formula: how it is
        computed. meaning: what it says, and where it comes from.
    """

    name: str
    title: str
    kind: Kind
    better: Literal["high", "low"] | None
    formula: str
    meaning: str


METRICS: Final[tuple[Metric, ...]] = (
    Metric("total_return", "Total return", "percent", "high",
           "last equity / initial capital − 1",
           "What the account gained over the whole run."),
    Metric("cagr", "CAGR", "percent", "high",
           "(1 + total return)^(365.25 / calendar days from the first to the last bar) − 1",
           "The steady yearly growth that would have come to the same."),
    Metric("volatility", "Volatility", "percent", "low",
           "sd(returns) × √N",
           "How much returns scatter in a year; 0 for a flat curve."),
    Metric("sharpe_ratio", "Sharpe ratio", "ratio", "high",
           "mean(returns − rf/N) / sd(returns) × √N",
           "Gain beyond the risk-free rate for the scatter endured (Sharpe 1994)."),
    Metric("sortino_ratio", "Sortino ratio", "ratio", "high",
           "mean(returns − rf/N) × √N / √(mean(min(returns − rf/N, 0)²))",
           "As the Sharpe ratio, but only falls count as risk (Sortino and Price 1994)."),
    Metric("max_drawdown", "Max drawdown", "percent", "high",
           "min(equity / running maximum − 1)",
           "The deepest fall below an earlier peak; zero or negative."),
    Metric("max_drawdown_date", "Max drawdown: trough", "date", None,
           "date of the bar with the lowest drawdown",
           "When the deepest fall was at its worst."),
    Metric("max_drawdown_peak_date", "Max drawdown: peak", "date", None,
           "date of the last bar at the peak before the trough; the first bar for the capital",
           "When the deepest fall began."),
    Metric("max_drawdown_recovery_date", "Max drawdown: recovery", "date", None,
           "date of the first bar back at that peak",
           "When the deepest fall was made good."),
    Metric("max_drawdown_duration", "Longest drawdown", "days", "low",
           "longest span from a peak to its recovery, or to the end, in calendar days",
           "The longest time without a new high."),
    Metric("calmar_ratio", "Calmar ratio", "ratio", "high",
           "CAGR / abs(max drawdown)",
           "Yearly growth for the deepest fall (Young 1991)."),
    Metric("total_trades", "Trades", "count", None,
           "closed trades",
           "Round trips; what is still open at the end does not count."),
    Metric("winning_trades", "Winning trades", "count", None,
           "closed trades with profit > 0",
           "Trades that gained after costs."),
    Metric("losing_trades", "Losing trades", "count", None,
           "closed trades with profit < 0",
           "Trades that lost after costs."),
    Metric("breakeven_trades", "Break-even trades", "count", None,
           "closed trades with profit exactly 0",
           "Trades that neither gained nor lost after costs."),
    Metric("win_rate", "Win rate", "percent", "high",
           "winning / closed trades",
           "How often a trade gains; says nothing about how much."),
    Metric("profit_factor", "Profit factor", "ratio", "high",
           "sum of wins / abs(sum of losses)",
           "Money gained for each unit of money lost."),
    Metric("profit_loss_ratio", "Payoff ratio", "ratio", "high",
           "average win / abs(average loss)",
           "How large a win is beside a loss."),
    Metric("avg_win", "Average win", "money", "high",
           "mean profit of winning trades",
           "What a good trade brings."),
    Metric("avg_loss", "Average loss", "money", "high",
           "mean profit of losing trades",
           "What a bad trade costs; negative."),
    Metric("expectancy", "Expectancy", "money", "high",
           "mean profit of closed trades",
           "What a trade brings on average."),
    Metric("avg_holding_period", "Average holding period", "days", None,
           "mean calendar days from entry to exit of closed trades",
           "How long a trade lasts."),
    Metric("avg_holding_bars", "Average bars held", "ratio", None,
           "mean of exit bar − entry bar of closed trades",
           "How long a trade lasts, in bars."),
    Metric("beta", "Beta", "ratio", None,
           "covariance(returns, benchmark returns) / variance(benchmark returns)",
           "How much of the benchmark's moves the account takes part in (least squares)."),
    Metric("alpha", "Alpha", "percent", "high",
           "(mean(returns) − beta × mean(benchmark returns)) × N",
           "Yearly return that the benchmark does not explain (least squares)."),
    Metric("information_ratio", "Information ratio", "ratio", "high",
           "mean(returns − benchmark returns) / sd(returns − benchmark returns) × √N",
           "Gain beyond the benchmark for how much it departs from it."),
    Metric("benchmark_return", "Benchmark return", "percent", None,
           "last value / close before the first bar (else first value) − 1",
           "What the benchmark gained meanwhile, without costs."),
    Metric("exposure", "Exposure", "percent", None,
           "mean(sum of abs(position values) / equity)",
           "How much of the account was in the market; above 100 % with leverage."),
    Metric("turnover", "Turnover", "percent", None,
           "(buys + sells) / 2 / mean equity × N / bars",
           "How often the account is traded over in a year."),
    Metric("var_95", "Value at risk 95 %", "percent", "high",
           "5th percentile of returns, linear between neighbours",
           "One bar in twenty is worse than this; negative for a loss."),
    Metric("cvar_95", "Expected shortfall 95 %", "percent", "high",
           "mean of the returns at or below the 5th percentile",
           "What such a bar loses on average; negative for a loss."),
    Metric("sqn", "System quality number", "ratio", "high",
           "√n × mean(profit) / sd(profit) of closed trades",
           "How surely trades gain, growing with their number (Tharp)."),
    Metric("kelly", "Kelly fraction", "percent", "high",
           "win rate − (1 − win rate) / payoff ratio",
           "Share of the account per trade that would have grown fastest (Kelly 1956); a bound."),
    Metric("ulcer_index", "Ulcer index", "percent", "low",
           "√mean(drawdown²)",
           "Depth and length of all falls in one number (Martin 1987)."),
    Metric("tail_ratio", "Tail ratio", "ratio", "high",
           "abs(95th percentile / 5th percentile) of returns",
           "How far good bars reach beside bad ones."),
    Metric("recovery_factor", "Recovery factor", "ratio", "high",
           "profit / greatest drawdown in money",
           "How often the deepest fall was earned back."),
    Metric("skew", "Skewness", "ratio", "high",
           "third central moment / variance^1.5 of returns, population",
           "Above 0: rare gains are larger than rare losses."),
    Metric("kurtosis", "Excess kurtosis", "ratio", "low",
           "fourth central moment / variance² − 3 of returns, population",
           "Above 0: extreme bars are more frequent than in a normal distribution."),
    Metric("final_balance", "Final balance", "money", "high",
           "last equity",
           "What the account is worth at the end."),
    Metric("final_pnl", "Profit", "money", "high",
           "last equity − initial capital",
           "What the account gained, in money."),
)  # fmt: skip
