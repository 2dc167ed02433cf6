"""Trades by group: sums of each group, the same as the run's metrics for all of them."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from engine.metric_table import METRICS
from engine.sheet import Sheet
from engine.statistics.symbols import by_symbol
from engine.statistics.trade_columns import SHARED, TRADE_COLUMNS
from engine.statistics.trades import by_side, groups_of, put_trade_metrics, trade_sheet
from engine.types import NS_PER_DAY, TRADE
from tests.engine.comparing import differing
from tests.engine.results import SYMBOLS, crossing, idle
from tests.naive.metrics import naive_trade_metrics
from tests.naive.statistics import naive_trade_figures

TIMES = np.arange(10, dtype=np.int64) * NS_PER_DAY

figures = st.integers(-40, 40).map(float)
rows_of_trades = st.lists(
    st.tuples(figures, st.integers(0, 9), st.integers(0, 9), figures, st.integers(0, 2)),
    max_size=15,
)


def trades_of(rows: list[tuple[float, int, int, float, int]]) -> NDArray[np.void]:
    trades = np.zeros(len(rows), TRADE)
    for trade, (pnl, one, other, figure, _) in zip(trades, rows, strict=True):
        trade["pnl"], trade["pnl_rate"] = pnl, pnl / 100
        trade["entry_bar"], trade["exit_bar"] = min(one, other), max(one, other)
        trade["bars_held"] = abs(one - other)
        trade["mae"], trade["mfe"], trade["commission"] = -abs(figure), abs(figure) / 2, figure
    return trades


@settings(max_examples=150, deadline=None)
@given(rows_of_trades)
def test_each_group_is_what_its_trades_alone_would_be(
    rows: list[tuple[float, int, int, float, int]],
) -> None:
    group_of = np.array([row[4] - 1 for row in rows], np.int64)  # -1 belongs to none

    sums = groups_of(trades_of(rows), group_of, 2, TIMES)

    for group in range(2):
        own = [row for row in rows if row[4] - 1 == group]
        sheet = trade_sheet(sums[group], 1000.0)
        spans = [(min(a, b), max(a, b)) for _, a, b, _, _ in own]
        expected = naive_trade_metrics([row[0] for row in own], spans, TIMES.tolist())
        expected |= naive_trade_figures(
            [
                {
                    "pnl": pnl,
                    "rate": pnl / 100,
                    "bars": abs(a - b),
                    "mae": -abs(f),
                    "mfe": abs(f) / 2,
                    "commission": f,
                }
                for pnl, a, b, f, _ in own
            ],
            1000.0,
        )
        assert differing(sheet.values, expected, 1e-9, 1e-12) == {}


def test_a_break_even_trade_ends_a_run_of_wins_and_of_losses() -> None:
    profits = [5.0, 5.0, 0.0, 5.0, -1.0, -1.0, 0.0, -1.0]
    trades = trades_of([(pnl, 0, 1, 0.0, 0) for pnl in profits])

    sheet = trade_sheet(groups_of(trades, np.zeros(8, np.int64), 1, TIMES)[0], 1000.0)

    assert sheet.values["most_wins"] == 2
    assert sheet.values["most_losses"] == 2
    assert sheet.values["profit_drawdown"] == pytest.approx(-3 / 1000)


def test_without_trades_every_figure_is_a_count_a_sum_of_nothing_or_a_reason() -> None:
    (row,) = (row for row in by_side(idle()) if row.key == "all")

    counted = {name: value for name, value in row.values.items() if value is not None}
    assert set(counted.values()) == {0}
    assert set(row.undefined.values()) == {"no closed trades"}
    assert set(row.undefined) == {name for name, value in row.values.items() if value is None}


def test_all_trades_together_have_the_figures_of_the_run() -> None:
    result = crossing()

    row = by_side(result).row("all")

    assert {name: row.values[name] for name in SHARED} == {
        name: result.metrics[name] for name in SHARED
    }


def test_long_and_short_together_are_all() -> None:
    table = by_side(crossing())
    whole, long, short = (table.row(key).values for key in ("all", "long", "short"))

    assert long["total_trades"] > 10
    assert short["total_trades"] > 10
    for name in ("total_trades", "winning_trades", "losing_trades", "breakeven_trades"):
        assert long[name] + short[name] == whole[name]
    for name in ("net_profit", "gross_profit", "gross_loss", "commission", "slippage"):
        assert long[name] + short[name] == pytest.approx(whole[name], rel=1e-12)
    assert max(long["largest_win"], short["largest_win"]) == whole["largest_win"]


def test_the_symbols_together_gained_what_the_account_did() -> None:
    result = crossing()

    table = by_symbol(result)

    assert [row.key for row in table] == list(SYMBOLS)
    profits = [row.values["total_profit"] for row in table]
    assert math.fsum(profits) == pytest.approx(result.metrics["final_pnl"], abs=1e-6)
    shares = [row.values["total_contribution"] for row in table]
    assert math.fsum(shares) == pytest.approx(result.metrics["total_return"], abs=1e-10)
    trades = [row.values["total_trades"] for row in table]
    assert sum(trades) == result.metrics["total_trades"]
    assert table.row("Z").undefined["win_rate"] == "no closed trades"


def test_an_unknown_row_is_named_with_those_that_exist() -> None:
    with pytest.raises(KeyError, match="no row 'both'; there are all, long, short"):
        by_side(idle()).row("both")


def test_columns_say_all_of_themselves_once() -> None:
    names = [column.name for column in TRADE_COLUMNS]
    filled = trade_sheet(groups_of(trades_of([]), np.zeros(0, np.int64), 1, TIMES)[0], 1.0)

    assert len(set(names)) == len(names)
    assert set(names) == set(filled.values)
    assert all(column.title and column.formula and column.meaning for column in TRADE_COLUMNS)


def test_the_metrics_among_the_columns_are_those_that_a_group_gives() -> None:
    sheet = Sheet()
    put_trade_metrics(sheet, groups_of(trades_of([]), np.zeros(0, np.int64), 1, TIMES)[0])

    assert set(sheet.values) == set(SHARED)
    assert set(SHARED) <= {metric.name for metric in METRICS}
