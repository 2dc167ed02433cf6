"""Statistics of LEAN's regression algorithms, where its sample of prices and our rules let them be compared.

Where a convention of LEAN is not one of our settings the test drives ours with the quantity that the convention
gives, and shows beside it what our own rule makes of the same case.
"""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from engine.market import Panel
from engine.types import (
    NS_PER_DAY,
    NS_PER_SECOND,
    Action,
    FillAt,
    OrderKind,
    OrderReason,
    OrderStatus,
    ShortOfCash,
    SizeKind,
)
from engine.validate import build_panel, check_bars
from tests.engine.both import fills_of, orders_of
from tests.engine.builders import instructions_of, panel_of, rules_of, said, simulate
from tests.engine.published import bars_panel, nanoseconds, published
from tests.shared import shared_path

pytestmark = pytest.mark.needs_shared

ENTER = Action.ENTER_LONG
LEAVE = Action.EXIT_LONG
REJECT = int(ShortOfCash.REJECT)
AT_CLOSE = {"fill_at": int(FillAt.SAME_CLOSE), "lot": 0.0}
MINUTE = 60 * NS_PER_SECOND

SUPPORTED = (
    "BasicTemplateDailyAlgorithm",
    "CoinbaseCryptoYearMarketTradingRegressionAlgorithm",
    "FractionalQuantityRegressionAlgorithm",
    "CancelOpenOrdersRegressionAlgorithm",
    "MinimumOrderSizeRegressionAlgorithm",
    "InsufficientMarginOrderUpdateRegressionAlgorithm",
)
# Of a supported case, what is not compared; of the others, all of it.
UNSUPPORTED = {
    "CfdTimeZonesRegressionAlgorithm": "bars whose hours are outside the sample; fills at a quote of every bar",
    "CancelOpenOrdersRegressionAlgorithm.End Equity": "LEAN marks to quotes that are not in the sample",
    "FractionalQuantityRegressionAlgorithm.End Equity": "LEAN marks to quotes that are not in the sample",
    "MinimumOrderSizeRegressionAlgorithm.update": "an order is withdrawn and given anew, never updated",
    "InsufficientMarginOrderUpdateRegressionAlgorithm.End Equity": "orders that are updated, on quotes",
}


def test_no_case_is_lost() -> None:
    names = [case["algorithm"] for case in published("lean_regression.json")["cases"]]

    whole = [name for name in UNSUPPORTED if "." not in name]
    assert sorted([*SUPPORTED, *whole]) == sorted(names)
    assert {name.split(".")[0] for name in UNSUPPORTED} <= set(names)


def lean(name: str) -> dict[str, Any]:
    cases = published("lean_regression.json")["cases"]
    return next(found for found in cases if found["algorithm"] == name)


def bitcoin(start: str, end: str) -> Panel:
    path = shared_path("data", "crypto_lean", "btcusd_coinbase_daily.parquet")
    frame = pd.read_parquet(path)
    days = pd.to_datetime(frame["ts"], utc=True)
    return bars_panel("BTCUSD", frame[(days >= start) & (days <= end)], "ts")


def filled_forward(panel: Panel) -> Panel:
    """Give every calendar day a bar: a missing one repeats the close before it."""
    n_days = (panel.time_ns[-1] - panel.time_ns[0]) // NS_PER_DAY + 1
    times = panel.time_ns[0] + np.arange(n_days) * NS_PER_DAY
    rows = np.searchsorted(panel.time_ns, times, side="right") - 1
    close = panel.close[rows]
    return Panel(panel.symbols, times, close, close, close, close, np.ones_like(close))


def test_lean_basic_template_daily_ends_with_the_same_cent() -> None:
    """LEAN sizes at the close that decides and keeps 0.25 % free; here a size becomes a quantity at the fill."""
    case = lean("BasicTemplateDailyAlgorithm")
    rows, factor = case["bars_date_open_close_raw"], 0.86462654
    opens, closes = ([row[i] * factor for row in rows] for i in (1, 2))
    bars = panel_of({"SPY": closes}, {"SPY": opens})
    rules = rules_of(commission_per_share=0.005, commission_min=1.0)
    theirs = 100_000 * 0.9975 // closes[0]

    driven = simulate(bars, instructions_of(said(0, ENTER, theirs)), rules, 100_000.0)
    by_percent = instructions_of(said(0, ENTER, 99.75, SizeKind.PERCENT))
    plain = simulate(bars, by_percent, rules, 100_000.0)

    wanted = case["expected"]
    (fill,) = fills_of(driven)
    assert f"{driven.curve.equity[-1]:.2f}" == wanted["End Equity"]
    assert fill["commission"] == pytest.approx(3.485)
    assert (theirs, fill["quantity"]) == (697, 697)
    assert fills_of(plain)["quantity"].tolist() == [695]  # the open is above the close before


def test_lean_a_year_of_daily_trades_on_bitcoin_costs_the_same_fees() -> None:
    """LEAN fills the one missing day forward; here no bar means that nothing is traded."""
    wanted = lean("CoinbaseCryptoYearMarketTradingRegressionAlgorithm")["expected"]
    bars = bitcoin("2015-01-13", "2016-02-04")
    forward = filled_forward(bars)
    rules = rules_of(commission_rate=0.003, fill_at=int(FillAt.SAME_CLOSE))

    year = simulate(forward, in_and_out(forward.n_bars), rules, 100_000.0)
    as_is = simulate(bars, in_and_out(bars.n_bars), rules, 100_000.0)

    fills = fills_of(year)
    assert len(fills) == int(wanted["Total Orders"])
    assert fills["commission"].sum() == pytest.approx(331.46, rel=5e-4)
    assert year.curve.equity[-1] == pytest.approx(float(wanted["End Equity"]), rel=5e-4)
    assert len(fills_of(as_is)) == len(fills) - 1


def in_and_out(n_bars: int) -> NDArray[np.void]:
    buy, leave = (ENTER, 1.0, SizeKind.QUANTITY), (LEAVE, 0.0, SizeKind.ALL)
    return instructions_of(*(said(bar, *(leave if bar % 2 else buy)) for bar in range(n_bars)))


def test_lean_fractions_of_a_coin_and_twice_the_equity_on_margin_trade_as_asked() -> None:
    """Twice the equity, short and long, is refused where there is no margin and taken where there is."""
    bars = bitcoin("2015-11-12", "2015-11-20")
    asked = [float(int(100_000 / (bars.close[0, 0] + 1))), 0.1, 0.01, -0.02, 0.00001]
    orders = [
        said(bar, Action.BUY if size > 0 else Action.SELL, abs(size))
        for bar, size in enumerate(asked)
    ]
    twice = [said(bar, Action.TARGET, w, SizeKind.WEIGHT) for bar, w in ((5, -2.0), (6, 2.0))]
    rules = rules_of(**AT_CLOSE, commission_rate=0.003, short_of_cash=REJECT)
    margin = rules._replace(initial_margin=1 / 3.3, maintenance_margin=0.1)

    cash = simulate(bars, instructions_of(*orders, *twice), rules, 100_000.0)
    borrowed = simulate(bars, instructions_of(*orders, *twice), margin, 100_000.0)

    fills = fills_of(cash)
    assert (fills["side"] * fills["quantity"]).tolist() == asked
    last = orders_of(cash)[5:]
    assert last["status"].tolist() == [OrderStatus.REFUSED] * 2
    assert last["reason"].tolist() == [OrderReason.NO_CASH] * 2
    n_orders = int(lean("FractionalQuantityRegressionAlgorithm")["expected"]["Total Orders"])
    assert orders_of(borrowed)["status"].tolist() == [OrderStatus.FILLED] * n_orders


def test_lean_open_limit_orders_are_refused_filled_and_withdrawn_as_published() -> None:
    """Published states: invalid for lack of cash, filled, cancelled, cancelled, filled."""
    path = shared_path("data", "crypto_lean", "coinbase_minute_sample.parquet")
    frame = pd.read_parquet(path)
    day = frame["ts"].dt.strftime("%Y-%m-%d") == "2017-09-03"
    series = {}
    for name in ("BTCUSD", "ETHUSD"):
        own = frame[day & (frame["symbol"] == name)]
        columns = [own[column] for column in ("open", "high", "low", "close", "volume")]
        series[name] = check_bars(name, nanoseconds(own["ts"]), *columns)
    bars = build_panel(series, timeframe="1m")
    rows = []
    for minute, symbol, quantity, limit in (
        (0, 0, 100.0, 4734.64),
        (0, 1, 1.35505027, 368.8),
        (6, 0, 0.10576312, 4727.61),
        (12, 0, 0.10576267, 4727.63),
        (18, 0, 0.10547724, 4740.42),
    ):
        bar = minute_of(bars, 360 + minute)
        if minute:
            rows.append(said(bar, LEAVE, 0.0, SizeKind.ALL, symbol))  # withdraws the waiting entry
        at_limit = {"kind": OrderKind.LIMIT, "limit": limit}
        rows.append(said(bar, ENTER, quantity, SizeKind.QUANTITY, symbol, **at_limit))

    run = simulate(bars, instructions_of(*rows), rules_of(lot=0.0, short_of_cash=REJECT), 1000.0)

    assert orders_of(run)["status"].tolist() == [
        OrderStatus.REFUSED,
        OrderStatus.FILLED,
        OrderStatus.CANCELLED,
        OrderStatus.CANCELLED,
        OrderStatus.FILLED,
    ]


def minute_of(bars: Panel, minute: int) -> int:
    """Return the bar that opens, or the last before, so many minutes after midnight."""
    instant = bars.time_ns[0] // NS_PER_DAY * NS_PER_DAY + minute * MINUTE
    return int(np.searchsorted(bars.time_ns, instant, side="right")) - 1


def test_lean_less_than_the_least_order_is_refused_and_limits_below_the_market_wait() -> None:
    path = shared_path("data", "crypto_lean", "btcusd_bitfinex_hour_201310.parquet")
    frame = pd.read_parquet(path)
    bars = bars_panel("BTCUSD", frame[frame["ts"].dt.day == 1].head(2), "ts", timeframe="1h")
    below = {"kind": OrderKind.LIMIT, "limit": bars.close[0, 0] - 0.1}
    rows = [
        said(0, Action.BUY, 0.00002),
        said(0, Action.BUY, 0.0002, **below),
        said(0, Action.BUY, 0.0002, **below),
    ]

    run = simulate(bars, instructions_of(*rows), rules_of(lot=0.00004), 100_000.0)

    orders = orders_of(run)
    assert orders["status"].tolist() == [OrderStatus.REFUSED, *[OrderStatus.EXPIRED] * 2]
    assert orders["reason"][0] == OrderReason.BELOW_ONE_LOT
    assert (
        f"{run.curve.equity[-1]:.2f}"
        == lean("MinimumOrderSizeRegressionAlgorithm")["expected"]["End Equity"]
    )


def test_lean_a_hundred_times_what_margin_carries_is_refused() -> None:
    path = shared_path("data", "fx_lean_oanda", "eurusd_minute_2014_2018_sample.parquet")
    frame = pd.read_parquet(path)
    there = (
        frame[frame["ts"] >= "2018-04-03"]
        .head(5)
        .rename(columns={f"bid_{name}": name for name in ("open", "high", "low", "close")})
    )
    bars = bars_panel("EURUSD", there.assign(volume=0.0), "ts", timeframe="1m")
    rows = [
        said(0, Action.BUY, 50.0, SizeKind.WEIGHT),
        said(1, Action.SELL, 50.0 * 100, SizeKind.WEIGHT),
    ]
    rules = rules_of(initial_margin=0.02, maintenance_margin=0.01, short_of_cash=REJECT)

    run = simulate(bars, instructions_of(*rows), rules, 100_000.0)

    assert orders_of(run)["status"].tolist() == [OrderStatus.FILLED, OrderStatus.REFUSED]
    assert orders_of(run)["reason"][1] == OrderReason.NO_CASH
