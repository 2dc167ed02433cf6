"""The hand-worked cases hold in the kernel and in its twin, to the precision that their file states.

What is compared of fills are executions of orders and delistings. A fraction of a share that a split pays out is a
fill too, with a reason of its own, but nobody ordered it and the cases count it only in cash and equity.
"""

import math
from typing import Any

import pytest

from engine.errors import BacktestValidationError
from engine.kernels.indicators import compare_averages
from engine.types import OrderStatus, Reason, RunEvent, Side
from tests.engine.cases import (
    METRIC_NAMES,
    Outcome,
    all_cases,
    config_of,
    date_of,
    panel_of_case,
    run_case,
)

pytestmark = pytest.mark.needs_shared

WORKED_OUT = (
    "fill_next_open",
    "fill_next_close",
    "fill_same_close",
    "missing_bar_waits",
    "missing_bar_marked_at_last_close",
    "zero_volume_waits",
    "unknown_volume_fills",
    "cash_size_whole_lots",
    "fractional",
    "lot_size_10",
    "rounded_after_costs",
    "gap_up_cash_not_negative",
    "short_of_cash_scale",
    "short_of_cash_first_come",
    "short_of_cash_reject",
    "sells_before_buys",
    "percent_of_equity_at_fill",
    "weights_at_fill_equity",
    "short_round_trip",
    "short_without_margin_refused",
    "split_fraction_paid_out",
    "dividend_long",
    "dividend_short_debited",
    "delisting_return",
    "series_merely_ends",
    "fifo_trades",
    "crossing_zero",
    "break_even",
    "open_at_end",
    "commission_minimum",
    "commission_maximum",
    "commission_per_share",
    "commission_mix",
    "spread_both",
    "sell_tax",
    "monthly_with_calendar",
    "monthly_without_calendar",
    "drawdown_duration",
    "metrics_small_curve",
    "metrics_undefined",
    "benchmark_equal",
    "unsorted_bars",
    "bad_bars_drop_identical_duplicate",
    "price_return_mark",
    "moo_and_moc",
    "limit_at_limit",
    "limit_gap_better",
    "sell_limit_gap_better",
    "stop_inside_bar",
    "stop_gap_through",
    "buy_stop_gap_through",
    "stop_limit_gap_between",
    "pessimistic_both_inside",
    "path_high_first",
    "path_low_first",
    "bracket_one_cancels_other",
    "target_gap_better",
    "entry_bar_after_open",
    "entry_inside_target_waits",
    "entry_inside_stop_counts",
    "bracket_base_fill",
    "bracket_base_signal_close",
    "trailing_from_next_bar",
    "volume_limit_carries_over",
    "maintenance_breach",
    "split_resting_order",
    "slippage_market_not_limit",
    "slippage_on_stop",
    "day_order_expires",
    "gtd_order_expires",
    "trailing_percent",
)
REFUSED = ("bad_bars_refuse", "two_currencies")
AVERAGES = ("averages_equal_exactly",)


def test_no_case_is_lost() -> None:
    named = [*WORKED_OUT, *REFUSED, *AVERAGES]

    assert sorted(named) == sorted(all_cases())


@pytest.mark.parametrize("case_id", WORKED_OUT)
def test_kernel_and_twin_do_what_was_worked_out_by_hand(case_id: str) -> None:
    case = all_cases()[case_id]

    outcome = run_case(case)

    checks = {name: CHECKS[name] for name in case["expect"] if name not in SAID_ELSEWHERE}
    for name, check in checks.items():
        check(outcome, case["expect"][name])


@pytest.mark.parametrize("case_id", REFUSED)
def test_what_cannot_be_run_is_refused(case_id: str) -> None:
    case = all_cases()[case_id]

    with pytest.raises(BacktestValidationError) as refused:
        run_case(case)

    assert len(refused.value.problems) == case["expect"].get("defects", 1)


@pytest.mark.parametrize("case_id", AVERAGES)
def test_averages_that_are_equal_compare_as_equal(case_id: str) -> None:
    case = all_cases()[case_id]
    fast, slow = case["averages"]["fast_bars"], case["averages"]["slow_bars"]
    close = panel_of_case(case, config_of(case)).close

    signs = compare_averages(close, fast, slow)[:, 0].tolist()

    expected = case["expect"]["sign_of_fast_minus_slow"]
    assert signs == [2 if sign is None else sign for sign in expected]


def check_fills(outcome: Outcome, expected: list[list[Any]]) -> None:
    for fills in (plain(outcome.result.fills), [vars(fill) for fill in outcome.twin.fills]):
        ordered = [fill for fill in fills if fill["reason"] != Reason.SPLIT]
        assert len(ordered) == len(expected)
        for fill, (date, symbol, side, quantity, price, *money) in zip(
            ordered, expected, strict=True
        ):
            assert date_of(fill["time_ns"]) == date
            assert outcome.result.symbols[fill["symbol"]] == symbol
            assert fill["side"] == Side[side.upper()]
            assert fill["quantity"] == pytest.approx(quantity, abs=1e-8)
            assert fill["price"] == pytest.approx(price, abs=1e-8)
            charged = [fill["commission"], fill["slippage"], fill["tax"]]
            assert charged == pytest.approx(money, abs=1e-4)


def check_equity(outcome: Outcome, expected: list[float]) -> None:
    assert outcome.result.curve.equity.tolist() == pytest.approx(expected, abs=1e-4)
    assert outcome.twin.equity == pytest.approx(expected, abs=1e-4)


def check_trades(outcome: Outcome, expected: list[dict[str, Any]]) -> None:
    trades, times = outcome.result.trades, outcome.result.time_ns
    assert len(trades) == len(expected)
    for trade, wanted in zip(trades, expected, strict=True):
        found = {
            "symbol": outcome.result.symbols[trade["symbol"]],
            "side": "long" if trade["side"] == Side.BUY else "short",
            "entry_date": date_of(times[trade["entry_bar"]]),
            "entry_price": pytest.approx(trade["entry_price"], abs=1e-8),
            "exit_date": date_of(times[trade["exit_bar"]]),
            "exit_price": pytest.approx(trade["exit_price"], abs=1e-8),
            "quantity": pytest.approx(trade["quantity"], abs=1e-8),
            "profit": pytest.approx(trade["pnl"], abs=1e-4),
            "reason": Reason(trade["exit_reason"]).name.lower(),
            "position_no": trade["position_no"],
        }
        assert wanted == {name: found[name] for name in wanted}


def check_open_positions(outcome: Outcome, expected: list[dict[str, Any]]) -> None:
    found = [
        {"symbol": p.symbol, "quantity": p.quantity, "mark": p.mark}
        for p in outcome.result.open_positions
    ]
    held = {outcome.result.symbols[s]: p.quantity for s, p in outcome.twin.held()}
    assert found == expected
    assert held == {position["symbol"]: position["quantity"] for position in expected}


def check_metrics(outcome: Outcome, expected: dict[str, Any]) -> None:
    metrics, undefined = outcome.result.metrics, outcome.result.undefined
    for name, value in expected.items():
        ours = METRIC_NAMES.get(name, name)
        near = value is None or isinstance(value, str)
        assert metrics[ours] == (value if near else pytest.approx(value, rel=1e-9, abs=1e-12)), name
        assert bool(undefined.get(ours)) == (value is None), name


def check_not_filled(outcome: Outcome, expected: list[dict[str, Any]]) -> None:
    unfilled = [o for o in plain(outcome.result.orders) if o["status"] != OrderStatus.FILLED]
    by_twin = [vars(o) for o in outcome.twin.orders if o.status is not OrderStatus.FILLED]
    for orders in (unfilled, by_twin):
        found = [
            {
                "symbol": outcome.result.symbols[order["symbol"]],
                "decided": date_of(outcome.result.time_ns[order["decided"]]),
                "category": OrderStatus(order["status"]).name.lower(),
            }
            for order in orders
        ]
        assert found == expected


def check_marks(outcome: Outcome, expected: list[str]) -> None:
    assert set(expected) <= set(outcome.result.marks)


def check_warnings(outcome: Outcome, expected: list[str]) -> None:
    assert all(word in " ".join(outcome.result.warnings).lower() for word in expected)


def check_notices(outcome: Outcome, expected: list[str]) -> None:
    assert all(word in " ".join(outcome.result.notices).lower() for word in expected)


def check_defects(outcome: Outcome, expected: int) -> None:
    assert sum(outcome.result.defects.values()) == expected


def check_bars_per_year(outcome: Outcome, expected: float) -> None:
    assert outcome.result.bars_per_year == expected


def check_decided(outcome: Outcome, expected: list[str]) -> None:
    orders, times = outcome.result.orders, outcome.result.time_ns
    assert [date_of(times[bar]) for bar in orders["decided"]] == expected


def check_filled(outcome: Outcome, expected: list[str]) -> None:
    assert [date_of(time_ns) for time_ns in outcome.result.fills["time_ns"]] == expected


def check_ambiguous(outcome: Outcome, expected: int) -> None:
    assert outcome.result.ambiguous_bars == len(outcome.twin.ambiguous) == expected


def check_events(outcome: Outcome, expected: list[list[str]]) -> None:
    times = outcome.result.time_ns
    for events in (plain(outcome.result.events), [vars(event) for event in outcome.twin.events]):
        found = [[RunEvent(e["kind"]).name.lower(), date_of(times[e["bar"]])] for e in events]
        assert [event for event in found if event[0] != "forced_close"] == expected


def check_capital(outcome: Outcome, expected: float) -> None:
    assert outcome.result.config.account.initial_capital == expected
    assert not math.isnan(outcome.result.curve.equity[0])


def plain(rows: Any) -> list[dict[str, Any]]:
    return [dict(zip(rows.dtype.names, row, strict=True)) for row in rows.tolist()]


CHECKS = {
    "fills": check_fills,
    "equity": check_equity,
    "equity_before_first_bar": check_capital,
    "trades": check_trades,
    "open_positions": check_open_positions,
    "metrics": check_metrics,
    "not_filled": check_not_filled,
    "marks": check_marks,
    "warnings": check_warnings,
    "notices": check_notices,
    "defects": check_defects,
    "bars_per_year": check_bars_per_year,
    "ambiguous_bars": check_ambiguous,
    "events": check_events,
    "rebalance_decided": check_decided,
    "rebalance_filled": check_filled,
}
SAID_ELSEWHERE = ("note",)  # words for the reader
