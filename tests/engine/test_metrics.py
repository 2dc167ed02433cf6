"""Metrics: their definitions, and every case in which a definition gives no number."""

import math
import re
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from engine.metrics import METRICS, bars_per_year, compute_metrics, drawdown, scaled_benchmark
from engine.types import FILL, NS_PER_DAY, TRADE
from tests.engine.comparing import differing
from tests.naive.metrics import naive_benchmark_metrics, naive_curve_metrics, naive_trade_metrics
from tests.shared import shared_path

NAN = float("nan")
MONDAY = 4 * NS_PER_DAY  # 1970-01-05


def days(*numbers: float) -> NDArray[np.int64]:
    return np.array([int(n * NS_PER_DAY) for n in numbers], np.int64)


def trades_of(*profits: float, spans: list[tuple[int, int]] | None = None) -> NDArray[np.void]:
    rows = np.zeros(len(profits), TRADE)
    rows["pnl"] = profits
    rows["entry_bar"] = [a for a, _ in spans or [(0, 0)] * len(profits)]
    rows["exit_bar"] = [b for _, b in spans or [(0, 0)] * len(profits)]
    rows["bars_held"] = rows["exit_bar"] - rows["entry_bar"]
    return rows


def measured(
    equity: list[float], capital: float = 1000.0, **more: Any
) -> tuple[dict[str, Any], dict[str, str]]:
    """Measure a curve of daily bars (of minutes when many), with nothing else unless given."""
    n = len(equity)
    given_ = {
        "time_ns": np.arange(n) * (60 * 10**9 if n > 1000 else NS_PER_DAY),
        "equity": np.array(equity, float),
        "initial_capital": capital,
        "gross": np.zeros(n),
        "fills": np.zeros(0, FILL),
        "trades": np.zeros(0, TRADE),
        "benchmark_values": None,
        "benchmark_base": NAN,
        "bars_per_year": 252.0,
        "risk_free_rate": 0.0,
    }
    return compute_metrics(**(given_ | more))


def picked(metrics: dict[str, Any], expected: dict[str, Any]) -> dict[str, Any]:
    return {name: metrics[name] for name in expected}


def test_a_small_curve_by_hand() -> None:
    metrics, _ = measured([1000, 1100, 1045])

    assert metrics["total_return"] == pytest.approx(0.045, rel=1e-12)
    assert metrics["volatility"] == pytest.approx(1.2124355652982144, rel=1e-12)
    assert metrics["sharpe_ratio"] == pytest.approx(3.4641016151377544, rel=1e-12)
    assert metrics["sortino_ratio"] == pytest.approx(9.16515138991168, rel=1e-12)
    assert metrics["max_drawdown"] == pytest.approx(-0.05, rel=1e-12)


def test_a_drawdown_lasts_from_its_peak_to_its_recovery() -> None:
    metrics, _ = measured(
        [1000, 1100, 880, 1200, 1140, 1080, 1260], time_ns=days(1, 2, 3, 4, 7, 8, 9)
    )

    assert metrics["max_drawdown"] == pytest.approx(-0.2)
    assert metrics["max_drawdown_peak_date"] == "1970-01-03"
    assert metrics["max_drawdown_date"] == "1970-01-04"
    assert metrics["max_drawdown_recovery_date"] == "1970-01-05"
    assert metrics["max_drawdown_duration"] == 5.0


def test_a_drawdown_that_is_not_recovered_lasts_to_the_end() -> None:
    metrics, undefined = measured([900, 950, 990])

    assert metrics["max_drawdown_duration"] == 2.0
    assert metrics["max_drawdown_peak_date"] == "1970-01-01"
    assert metrics["max_drawdown_recovery_date"] is None
    assert undefined["max_drawdown_recovery_date"] == "not recovered by the end"


def test_a_flat_curve_has_values_where_it_can_and_reasons_where_it_cannot() -> None:
    metrics, undefined = measured([1000, 1000, 1000])

    values = {
        "total_return": 0,
        "cagr": 0,
        "volatility": 0,
        "max_drawdown": 0,
        "max_drawdown_duration": 0,
    }
    assert picked(metrics, values) == values
    assert undefined == {
        "sharpe_ratio": "the returns do not vary",
        "sortino_ratio": "no return below the risk-free rate",
        "max_drawdown_date": "no drawdown",
        "max_drawdown_peak_date": "no drawdown",
        "max_drawdown_recovery_date": "no drawdown",
        "calmar_ratio": "no drawdown",
        "win_rate": "no closed trades",
        "profit_factor": "no closed trades",
        "profit_loss_ratio": "no closed trades",
        "avg_win": "no closed trades",
        "avg_loss": "no closed trades",
        "expectancy": "no closed trades",
        "avg_holding_period": "no closed trades",
        "avg_holding_bars": "no closed trades",
        "beta": "no benchmark",
        "alpha": "no benchmark",
        "information_ratio": "no benchmark",
        "benchmark_return": "no benchmark",
        "sqn": "no closed trades",
        "kelly": "no closed trades",
        "tail_ratio": "the 5th percentile of returns is zero",
        "recovery_factor": "no drawdown",
        "skew": "the returns do not vary",
        "kurtosis": "the returns do not vary",
    }


def test_rounding_noise_is_neither_variance_nor_drawdown() -> None:
    metrics, undefined = measured([1000, 1000 - 1e-13, 1000 + 1e-13, 1000])

    assert metrics["volatility"] == 0.0
    assert metrics["max_drawdown"] == 0.0
    assert metrics["max_drawdown_duration"] == 0.0
    assert {"sharpe_ratio", "calmar_ratio", "recovery_factor"} <= undefined.keys()


def test_one_bar_is_too_few_for_anything_that_scatters() -> None:
    metrics, undefined = measured([1010])

    assert metrics["total_return"] == pytest.approx(0.01)
    named = (
        "cagr",
        "volatility",
        "sharpe_ratio",
        "sortino_ratio",
        "var_95",
        "cvar_95",
        "tail_ratio",
        "skew",
    )
    assert {undefined[name] for name in named} == {"one bar is too few"}


def test_an_account_that_is_ruined_has_no_growth_rate() -> None:
    metrics, undefined = measured([500, -20, 30])

    assert metrics["total_return"] == pytest.approx(-0.97)
    assert metrics["max_drawdown"] == pytest.approx(-1.02)
    named = ("volatility", "sharpe_ratio", "var_95", "exposure", "turnover")
    assert {undefined[name] for name in named} == {"equity fell to zero or below"}
    assert measured([500, 0])[1]["cagr"] == "equity fell to zero or below"


def test_growth_too_steep_to_be_stated_is_empty() -> None:
    metrics, undefined = measured([1000, 3000], time_ns=np.array([0, 60 * 10**9]))

    assert metrics["cagr"] is None
    assert undefined["cagr"] == "the value is too large to be stated"


def test_an_equity_that_is_no_number_gives_no_metric() -> None:
    metrics, undefined = measured([1000, NAN])

    assert set(metrics.values()) == {None}
    assert set(undefined) == {metric.name for metric in METRICS}


def test_without_losing_trades_there_is_no_profit_factor() -> None:
    metrics, undefined = measured([1000, 1010], trades=trades_of(4, 6))

    assert picked(metrics, {"win_rate": 0, "avg_win": 0}) == {"win_rate": 1.0, "avg_win": 5.0}
    named = ("profit_factor", "profit_loss_ratio", "avg_loss", "kelly")
    assert {undefined[name] for name in named} == {"no losing trades"}


def test_without_winning_trades_the_profit_factor_is_zero() -> None:
    metrics, undefined = measured([1000, 990], trades=trades_of(-4, -6))

    assert metrics["profit_factor"] == 0.0
    assert {undefined[name] for name in ("profit_loss_ratio", "avg_win", "kelly")} == {
        "no winning trades"
    }


def test_break_even_is_neither_win_nor_loss() -> None:
    metrics, _ = measured([1000, 1000], trades=trades_of(0.0))

    expected = {"total_trades": 1, "winning_trades": 0, "losing_trades": 0, "breakeven_trades": 1}
    expected |= {"win_rate": 0.0, "expectancy": 0.0}
    assert picked(metrics, expected) == expected


def test_holding_periods_are_right_when_bars_count_from_the_warm_up() -> None:
    trades = trades_of(1, spans=[(102, 104)])
    fills = np.zeros(1, FILL)
    fills["bar"], fills["time_ns"] = 102, 12 * NS_PER_DAY

    metrics, _ = measured(
        [1000, 1000, 1000, 1000, 1000], trades=trades, fills=fills, time_ns=days(10, 11, 12, 13, 19)
    )

    assert metrics["avg_holding_period"] == 7.0
    assert metrics["avg_holding_bars"] == 2.0


def test_an_account_that_is_its_benchmark_has_beta_one_and_no_information_ratio() -> None:
    metrics, undefined = measured([1000, 1100, 1045], benchmark_values=np.array([100, 110, 104.5]))

    assert metrics["beta"] == pytest.approx(1, rel=1e-12)
    assert metrics["alpha"] == pytest.approx(0, abs=1e-12)
    assert metrics["benchmark_return"] == pytest.approx(0.045, rel=1e-12)
    assert undefined["information_ratio"] == "the difference to the benchmark does not vary"


def test_a_benchmark_is_measured_from_the_close_before_the_first_bar() -> None:
    metrics, _ = measured(
        [1000, 1100], benchmark_values=np.array([110.0, 121.0]), benchmark_base=100.0
    )

    assert metrics["benchmark_return"] == pytest.approx(0.21)


def test_a_benchmark_without_any_value_is_no_benchmark() -> None:
    _, undefined = measured([1000, 1100], benchmark_values=np.array([NAN, NAN]))

    named = ("beta", "alpha", "information_ratio", "benchmark_return")
    assert {undefined[name] for name in named} == {"the benchmark has no value in this range"}


def test_a_scaled_benchmark_starts_where_the_account_does() -> None:
    late = np.array([NAN, 50.0, 60.0])

    assert scaled_benchmark(np.array([110.0, 121.0]), 100.0, 1000.0) == pytest.approx([1100, 1210])
    assert scaled_benchmark(late, NAN, 1000.0) == pytest.approx([NAN, 1000, 1200], nan_ok=True)
    assert np.isnan(scaled_benchmark(np.array([NAN]), NAN, 1000.0)).all()


def test_drawdown_starts_from_the_initial_capital() -> None:
    assert drawdown(np.array([90.0, 120.0, 60.0]), 100.0) == pytest.approx([-0.1, 0.0, -0.5])


@pytest.mark.parametrize(
    ("timeframe", "times", "calendar", "expected"),
    [
        ("1d", days(4, 5, 6, 7, 8, 11, 12), None, 252),  # Monday to Friday
        ("1d", days(*range(4, 18)), None, 365),
        (
            "1d",
            days(*range(4, 9), 9, *range(11, 16), *range(18, 23)),
            None,
            252,
        ),  # one stray Saturday
        ("1d", days(3, *range(4, 9), 10, *range(11, 16)), None, 252),  # Sundays but no Saturdays
        ("1d", days(4, 5, 6), 246.5, 246.5),
        ("1d", days(), None, 252),
        ("1w", days(4, 11), None, 52),
        ("1mo", days(4, 35), 250.0, 12),
        (
            "1h",
            days(4, 4.25, 4.5, 5, 5.25, 5.5, 6),
            None,
            3 * 252,
        ),  # a short session does not move the median
        ("1h", days(4, 4.25, 5, 5.25), 250.0, 500),
        ("4h", days(*(4 + k / 6 for k in range(84))), None, 6 * 365),
    ],
)
def test_bars_per_year(
    timeframe: str, times: NDArray[np.int64], calendar: float | None, expected: float
) -> None:
    assert bars_per_year(times, timeframe, calendar) == expected


def test_the_table_of_metrics_has_each_name_once_and_says_all_of_each() -> None:
    metrics, _ = measured([1000, 1001])

    assert [metric.name for metric in METRICS] == list(metrics)
    assert len(metrics) == len(METRICS)
    assert all(metric.title and metric.formula and metric.meaning for metric in METRICS)


def test_the_ends_of_many_returns_are_those_of_a_full_sort() -> None:
    rng = np.random.default_rng(7)
    returns = np.where(rng.random(200_000) < 0.3, 0.0, rng.standard_t(3, 200_000) * 1e-4)
    clustered = np.sort(returns)
    rare = np.where(np.arange(200_000) % 4000 == 1, 0.01, 0.0)
    misled = np.where(np.arange(200_000) % 48 == 0, -1e-3, np.abs(returns))  # 48: the sample's step
    equity = [1000 * np.cumprod(1 + r) for r in (returns, clustered, rare, misled)]
    steps = [np.diff(e, prepend=1000.0) / np.concatenate([[1000.0], e[:-1]]) for e in equity]

    found = [measured(list(e))[0] for e in equity]

    assert [m["var_95"] for m in found] == pytest.approx(
        [np.percentile(s, 5) for s in steps], rel=1e-9, abs=1e-12
    )
    assert [m["cvar_95"] for m in found] == pytest.approx(
        [s[s <= np.percentile(s, 5) + 1e-15].mean() for s in steps], rel=1e-6, abs=1e-12
    )
    assert found[0]["tail_ratio"] == pytest.approx(
        abs(np.percentile(steps[0], 95) / np.percentile(steps[0], 5))
    )


@pytest.mark.needs_shared
def test_every_metric_of_the_rules_is_in_the_table() -> None:
    rules = shared_path("design", "SEMANTICS.md").read_text(encoding="utf-8")
    rows = rules.split("## Metrics")[1].splitlines()
    named = {
        name
        for row in rows
        if row.startswith("| `")
        for name in re.findall(r"`(\w+)`", row.split("|")[1])
    }

    assert named - {metric.name for metric in METRICS} == set()
    assert len(named) > 35


money = st.integers(1, 400).map(float)
curves = st.lists(money, min_size=1, max_size=40)


@st.composite
def instants(draw: st.DrawFn, n: int) -> NDArray[np.int64]:
    gaps = draw(st.lists(st.integers(1, 5), min_size=n, max_size=n))
    return MONDAY + np.cumsum(np.array(gaps, np.int64)) * NS_PER_DAY


@settings(max_examples=200, deadline=None)
@given(
    st.data(), curves, money, st.sampled_from([0.0, 0.02, -0.01]), st.sampled_from([252.0, 52.0])
)
def test_curve_metrics_equal_their_plain_twin(
    data: st.DataObject, equity: list[float], capital: float, rf: float, per_year: float
) -> None:
    time_ns = data.draw(instants(len(equity)))
    gross = np.array(equity) / 2
    fills = np.zeros(1, FILL)
    fills["quantity"], fills["price"], fills["time_ns"] = 3, 7, time_ns[0]

    metrics, _ = measured(
        equity,
        capital,
        time_ns=time_ns,
        gross=gross,
        fills=fills,
        bars_per_year=per_year,
        risk_free_rate=rf,
    )
    expected = naive_curve_metrics(
        time_ns.tolist(), equity, capital, gross.tolist(), 21.0, per_year, rf
    )

    assert differing(metrics, expected, 1e-8, 1e-11) == {}


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.tuples(money, st.one_of(st.none(), money)), min_size=2, max_size=40),
    st.one_of(st.none(), money),
)
def test_benchmark_metrics_equal_their_plain_twin(
    bars: list[tuple[float, float | None]], base: float | None
) -> None:
    equity = [e for e, _ in bars]
    values = np.array([NAN if v is None else v for _, v in bars])
    start = NAN if base is None else base

    metrics, _ = measured(equity, 100.0, benchmark_values=values, benchmark_base=start)
    expected = naive_benchmark_metrics(equity, 100.0, values.tolist(), start, 252.0)

    assert differing(metrics, expected, 1e-8, 1e-8) == {}


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(st.integers(-50, 50), st.integers(0, 9), st.integers(0, 9)), max_size=20))
@example([(5, 0, 1), (5, 0, 1)])
def test_trade_metrics_equal_their_plain_twin(rows: list[tuple[int, int, int]]) -> None:
    pnl = [float(p) for p, _, _ in rows]
    spans = [(min(a, b), max(a, b)) for _, a, b in rows]

    metrics, _ = measured([1000.0] * 10, trades=trades_of(*pnl, spans=spans))
    expected = naive_trade_metrics(pnl, spans, [i * NS_PER_DAY for i in range(10)])

    assert differing(metrics, expected, 1e-9, 1e-12) == {}


any_number = st.floats(allow_nan=True, allow_infinity=True)


@settings(max_examples=300, deadline=None)
@given(
    st.lists(st.tuples(any_number, any_number, any_number), min_size=1, max_size=12),
    st.floats(1e-3, 1e15),
    st.lists(st.floats(-1e300, 1e300), max_size=5),
)
def test_nan_and_infinity_never_leave(
    bars: list[tuple[float, float, float]], capital: float, profits: list[float]
) -> None:
    equity, gross, values = (list(column) for column in zip(*bars, strict=True))

    metrics, undefined = measured(
        equity,
        capital,
        gross=np.array(gross),
        benchmark_values=np.array(values),
        trades=trades_of(*profits),
    )

    assert {name for name, value in metrics.items() if value is None} == set(undefined)
    assert all(undefined.values())
    assert all(math.isfinite(value) for value in metrics.values() if isinstance(value, float))
