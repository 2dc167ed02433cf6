"""Round trips: first in, first out, complete to the cent, each with what happened in it."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from engine.market import Panel
from engine.trades import match_trades
from engine.types import ACTION_EVENT, FILL, NS_PER_DAY, ORDER, TRADE, Action, EventKind, Reason
from tests.engine.builders import events_of, instructions_of, rules_of, said, simulate
from tests.engine.builders import panel_of as small_panel
from tests.naive.trades import Account, naive_trades

NAN = float("nan")
Event = tuple[int, int, int, float]


def panel_of(
    columns: list[list[float | None]], events: list[Event] | None = None, spread: float = 1.0
) -> Panel:
    """Return a panel of closes per symbol (None: no bar); high and low are ``spread`` away."""
    close = np.array(
        [[NAN if v is None else v for v in column] for column in columns], float
    ).T.copy()
    names = tuple(chr(ord("A") + i) for i in range(len(columns)))
    return Panel(
        names,
        np.arange(len(close)) * NS_PER_DAY,
        close.copy(),
        close + spread,
        close - spread,
        close,
        np.where(np.isnan(close), NAN, 1000.0),
        events=np.array(events or [], ACTION_EVENT),
    )


def fill(bar: int, quantity: float, price: float, **more: float) -> dict[str, float]:
    """Return a fill of symbol 0 (negative quantity sells)."""
    return {
        "bar": bar,
        "time_ns": bar * NS_PER_DAY,
        "order": -1,
        "side": 1 if quantity > 0 else -1,
        "quantity": abs(quantity),
        "price": price,
        **more,
    }


def rows(dtype: np.dtype[np.void], *records: dict[str, float]) -> NDArray[np.void]:
    table = np.zeros(len(records), dtype)
    for row, record in zip(table, records, strict=True):
        for name, value in record.items():
            row[name] = value
    return table


def fills_of(*records: dict[str, float]) -> NDArray[np.void]:
    return rows(FILL, *records)


NO_ORDERS = np.zeros(0, ORDER)


def test_a_sale_ends_the_oldest_lot_first() -> None:
    panel = panel_of([[10, 10, 12, 14]])
    fills = fills_of(fill(1, 10, 10), fill(2, 10, 12), fill(3, -15, 14))

    trades, positions = match_trades(fills, NO_ORDERS, panel, 3)

    assert trades["quantity"].tolist() == [10, 5]
    assert trades["entry_price"].tolist() == [10, 12]
    assert trades["pnl"].tolist() == [40, 10]
    assert trades["position_no"].tolist() == [1, 1]
    assert [(p.quantity, p.entry_price, p.mark, p.pnl) for p in positions] == [(5, 12, 14, 10)]


def test_a_fill_across_zero_is_split_between_two_trades_and_its_costs_by_quantity() -> None:
    panel = panel_of([[10, 10, 12, 11]])
    fills = fills_of(fill(1, 10, 10), fill(2, -25, 12, commission=5, tax=2.5), fill(3, 15, 11))

    trades, positions = match_trades(fills, NO_ORDERS, panel, 3)

    assert trades["side"].tolist() == [1, -1]
    assert trades["position_no"].tolist() == [1, 2]
    assert trades["commission"].tolist() == [2, 3]
    assert trades["tax"].tolist() == [1, 1.5]
    assert trades["pnl"].tolist() == [17, 10.5]
    assert positions == ()


def test_a_profit_that_is_only_rounding_is_exactly_zero() -> None:
    panel = panel_of([[10, 10, 10.1]])
    fills = fills_of(fill(1, 100, 10, commission=5), fill(2, -100, 10.1, commission=5))

    trades, _ = match_trades(fills, NO_ORDERS, panel, 2)

    assert trades["pnl"].tolist() == [0.0]


def test_a_trade_over_a_split_is_stated_in_the_shares_of_its_exit() -> None:
    panel = panel_of([[100, 100, 51, 60]], [(2, 0, EventKind.SPLIT, 2.0)])
    fills = fills_of(fill(1, 10, 100, commission=4), fill(3, -20, 60))

    trades, _ = match_trades(fills, NO_ORDERS, panel, 3)

    assert trades["quantity"].tolist() == [20]
    assert trades["entry_price"].tolist() == [50]
    assert trades["commission"].tolist() == [4]
    assert trades["pnl"].tolist() == [196]
    assert (trades["mfe"][0], trades["mfe_bars"][0]) == (10 * 20, 2)
    assert (trades["mae"][0], trades["mae_bars"][0]) == (-0.5 * 20, 0)


def test_a_fraction_paid_out_after_a_split_is_a_trade_with_that_reason() -> None:
    panel = panel_of([[100, 100, 66]], [(2, 0, EventKind.SPLIT, 1.5)])
    fills = fills_of(fill(1, 5, 100), fill(2, -0.5, 66, reason=Reason.SPLIT))

    trades, positions = match_trades(fills, NO_ORDERS, panel, 2)

    assert trades["exit_reason"].tolist() == [Reason.SPLIT]
    assert trades["pnl"][0] == pytest.approx(0.5 * (66 - 100 / 1.5))
    assert [p.quantity for p in positions] == [7]
    assert positions[0].pnl == pytest.approx(7 * (66 - 100 / 1.5))


@pytest.mark.parametrize(("quantity", "dividends"), [(10, 20.0), (-10, -20.0)])
def test_a_dividend_goes_to_who_held_at_the_close_before(quantity: float, dividends: float) -> None:
    panel = panel_of([[100, 100, 98, 98]], [(2, 0, EventKind.DIVIDEND, 2.0)])
    held = fills_of(fill(1, quantity, 100), fill(2, -quantity, 98))
    too_late = fills_of(fill(2, quantity, 98), fill(3, -quantity, 98))

    assert match_trades(held, NO_ORDERS, panel, 3)[0]["dividends"].tolist() == [dividends]
    assert match_trades(held, NO_ORDERS, panel, 3)[0]["pnl"].tolist() == [0.0]
    assert match_trades(too_late, NO_ORDERS, panel, 3)[0]["dividends"].tolist() == [0.0]


@pytest.mark.parametrize(
    ("entry_at_close", "exit_at_close", "mfe", "mfe_bars", "mae", "mae_bars"),
    [
        (0, 0, 40.0, 1, -30.0, 0),  # bars 1 and 2, then only the price of the exit
        (1, 0, 40.0, 1, -20.0, 1),  # bar 2 alone
        (0, 1, 60.0, 2, -50.0, 2),  # bars 1, 2 and 3
        (1, 1, 60.0, 2, -50.0, 2),
    ],
)
def test_the_bars_of_entry_and_exit_count_as_far_as_the_trade_lived_in_them(
    entry_at_close: int, exit_at_close: int, mfe: float, mfe_bars: int, mae: float, mae_bars: int
) -> None:
    panel = panel_of([[100, 100, 100, 100, 100]])
    high = np.array([[100.0, 102, 104, 106, 150]]).T.copy()
    low = np.array([[100.0, 97, 98, 95, 50]]).T.copy()
    panel = Panel(panel.symbols, panel.time_ns, panel.open, high, low, panel.close, panel.volume)
    fills = fills_of(
        fill(1, 10, 100, phase=2 * entry_at_close), fill(3, -10, 101, phase=2 * exit_at_close)
    )

    trades, _ = match_trades(fills, NO_ORDERS, panel, 4)

    assert (trades["mfe"][0], trades["mfe_bars"][0]) == (mfe, mfe_bars)
    assert (trades["mae"][0], trades["mae_bars"][0]) == (mae, mae_bars)


def test_a_trade_names_the_decisions_behind_it() -> None:
    panel = panel_of([[10, 10, 12]])
    orders = rows(ORDER, {"decided": 0, "label": 1}, {"decided": 1, "label": 2})
    fills = fills_of(fill(1, 10, 10, order=0), fill(2, -10, 12, order=1))

    trades, _ = match_trades(fills, orders, panel, 2)

    assert trades[["entry_label", "exit_label"]].tolist() == [(1, 2)]
    assert trades[["entry_signal_bar", "exit_signal_bar"]].tolist() == [(0, 1)]
    assert trades["bars_held"].tolist() == [1]


def test_a_delisting_after_the_last_bar_closes_on_it_and_leaves_nothing_open() -> None:
    panel = panel_of([[20, 20, 20]], [(3, 0, EventKind.DELISTING, -0.5)])
    fills = fills_of(fill(1, 10, 20), fill(2, -10, 10, phase=2, reason=Reason.DELISTING))

    trades, positions = match_trades(fills, NO_ORDERS, panel, 2)

    assert trades["pnl"].tolist() == [-100]
    assert trades["exit_reason"].tolist() == [Reason.DELISTING]
    assert positions == ()


def test_a_series_that_merely_ends_is_marked_stale_at_its_last_close() -> None:
    panel = panel_of([[20, 20, 22, None], [5, 5, 5, 5]], [(3, 0, EventKind.SPLIT, 2.0)])
    fills = fills_of(fill(1, 10, 20))

    (position,) = match_trades(fills, NO_ORDERS, panel, 3)[1]

    assert position.stale
    assert (position.quantity, position.mark, position.value, position.pnl) == (20, 11, 220, 20)


def test_a_run_stopped_early_has_not_seen_what_comes_after() -> None:
    panel = panel_of([[20, 20, 22, 11]], [(3, 0, EventKind.SPLIT, 2.0)])

    (position,) = match_trades(fills_of(fill(1, 10, 20)), NO_ORDERS, panel, 2)[1]

    assert (position.quantity, position.mark) == (10, 22)


def test_no_fills_are_no_trades() -> None:
    trades, positions = match_trades(np.zeros(0, FILL), NO_ORDERS, panel_of([[1, 2]]), 1)

    assert len(trades) == 0
    assert positions == ()


@st.composite
def played(draw: st.DrawFn) -> tuple[Account, NDArray[np.void], float]:
    """A plain account that has traded at will through gaps, dividends, splits and delistings."""
    n_bars, n_symbols = draw(st.integers(2, 14)), draw(st.integers(1, 3))
    price = st.integers(8, 200).map(lambda v: v / 4)
    bar_or_gap = st.one_of(price, price, price, st.none())
    columns = [
        draw(st.lists(bar_or_gap, min_size=n_bars, max_size=n_bars)) for _ in range(n_symbols)
    ]
    places = st.tuples(st.integers(1, n_bars), st.integers(0, n_symbols - 1))
    chosen = draw(st.lists(places, max_size=5, unique=True))
    kinds = st.sampled_from(
        [
            (EventKind.SPLIT, 2.0),
            (EventKind.SPLIT, 0.5),
            (EventKind.DIVIDEND, 0.25),
            (EventKind.DELISTING, -0.5),
        ]
    )
    events = [(bar, symbol, *draw(kinds)) for bar, symbol in chosen]
    panel = panel_of(columns, events, spread=0.5)
    account = Account(panel, 1000.0, whole_shares=draw(st.booleans()))
    sizes = st.integers(-6, 6).filter(bool)
    costs = st.tuples(*(st.integers(0, 8).map(lambda v: v / 8),) * 3)
    orders = []
    for bar in range(n_bars):
        account.actions(bar, bar)
        for at_close in (False, True):
            for symbol in range(n_symbols):
                if not np.isnan(panel.close[bar, symbol]) and draw(st.booleans()):
                    orders.append({"decided": max(bar - 1, 0), "label": draw(st.integers(0, 3))})
                    account.trade(
                        bar,
                        symbol,
                        draw(sizes),
                        draw(price),
                        at_close,
                        order=len(orders) - 1,
                        costs=draw(costs),
                    )
        account.mark(bar)
    account.actions(n_bars - 1, n_bars)
    return account, rows(ORDER, *orders), account.equity()


@settings(max_examples=120, deadline=None)
@given(played())
def test_trades_equal_their_plain_twin_field_by_field(
    case: tuple[Account, NDArray[np.void], float],
) -> None:
    account, orders, _ = case
    fills = account.rows()

    trades, positions = match_trades(fills, orders, account.panel, account.panel.n_bars - 1)
    expected, left = naive_trades(fills, orders, account.panel)

    assert len(trades) == len(expected)
    assert {name: trades[name].tolist() for name in TRADE.names} == {
        name: pytest.approx([trade[name] for trade in expected], rel=1e-9, abs=1e-9)
        for name in TRADE.names
    }
    assert {p.symbol for p in positions} == {
        account.panel.symbols[fills["symbol"][row]] for row, _, _ in left
    }


@settings(max_examples=120, deadline=None)
@given(played())
def test_profits_of_trades_and_open_positions_are_all_that_equity_gained(
    case: tuple[Account, NDArray[np.void], float],
) -> None:
    account, orders, equity = case

    trades, positions = match_trades(
        account.rows(), orders, account.panel, account.panel.n_bars - 1
    )

    gained = float(trades["pnl"].sum()) + sum(p.pnl for p in positions)
    assert gained == pytest.approx(equity - 1000.0, rel=1e-9, abs=1e-7)
    assert {p.symbol: p.quantity for p in positions} == pytest.approx(
        {account.panel.symbols[s]: quantity for s, quantity in account.held.items() if quantity}
    )
    assert (trades["mfe"] >= 0).all()
    assert (trades["mae"] <= 0).all()


@pytest.mark.parametrize("ratios", [(2.5, 1 / 3), (1 / 3, 2.5), (1 / 3, 0.1, 7.0), (0.1, 0.1)])
def test_splits_of_one_bar_pay_out_one_fraction_in_the_shares_after_all_of_them(
    ratios: tuple[float, ...],
) -> None:
    product = float(np.prod(ratios))
    prices = [12.0, 12.0, 12.0 / product, 12.0 / product]
    panel = small_panel(
        {"A": prices}, events=events_of(*((2, 0, EventKind.SPLIT, ratio) for ratio in ratios))
    )

    run = simulate(panel, instructions_of(said(0, Action.BUY, 7.0)), rules_of(), 100.0)

    fills = run.fills[: run.state["n_fills"][0]]
    trades, still_open = match_trades(fills, run.book.orders, run.panel, 3)
    whole = np.floor(7.0 * product * (1 + 1e-12))
    assert fills["reason"].tolist() == [Reason.SIGNAL, Reason.SPLIT]
    assert fills["quantity"][1] == pytest.approx(7.0 * product - whole)
    assert sum(position.quantity for position in still_open) == pytest.approx(whole)
    assert run.curve.equity.tolist() == pytest.approx([100.0] * 4, abs=1e-9)
    assert trades["pnl"].sum() + sum(p.pnl for p in still_open) == pytest.approx(0.0, abs=1e-9)


def test_the_order_in_which_splits_of_one_bar_are_named_changes_no_bit() -> None:
    ratios = (0.1, 1 / 3, 7.0, 1.1)
    panels = [
        small_panel({"A": [1.0, 1.0]}, events=events_of(*((1, 0, EventKind.SPLIT, r) for r in way)))
        for way in (ratios, ratios[::-1])
    ]

    assert panels[0].events.tobytes() == panels[1].events.tobytes()
    assert len(panels[0].events) == 1
    assert panels[0].content_hash() == panels[1].content_hash()
