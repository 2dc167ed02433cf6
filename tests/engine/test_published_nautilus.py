"""Crosses of two exponential averages on a month of minutes, against the order counts that nautilus publishes."""

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from engine.trades import match_trades
from engine.types import Action, FillAt, OrderStatus, SizeKind
from tests.engine.both import fills_of, orders_of
from tests.engine.builders import instructions_of, rules_of, said, simulate
from tests.engine.published import bars_panel, published
from tests.shared import shared_path

pytestmark = pytest.mark.needs_shared

SUPPORTED = ("gbpusd_minute_bars",)
# Its balance stands on a path of quotes inside each bar and on interest overnight: the counts are compared.
UNSUPPORTED = {"btc_minute_bars_twap": "an order that is sliced in time inside a bar"}


def test_no_case_is_lost() -> None:
    cases = [case["id"] for case in published("nautilus_ema_cross.json")["cases"]]

    assert sorted([*SUPPORTED, *UNSUPPORTED]) == sorted(cases)


def exponential_average(prices: NDArray[np.float64], bars: int) -> list[float]:
    """Begin at the first price and move by 2 / (bars + 1) of the difference."""
    averages, share = [prices[0]], 2 / (bars + 1)
    for price in prices[1:]:
        averages.append(share * price + (1 - share) * averages[-1])
    return averages


def test_nautilus_crosses_on_minutes_of_the_pound_count_as_many_orders_and_positions() -> None:
    case = published("nautilus_ema_cross.json")["cases"][0]
    path = shared_path("data", "fx_nautilus", "gbpusd_m1_bid_201202.parquet")
    bars = bars_panel("GBPUSD", pd.read_parquet(path).assign(volume=0.0), "ts", timeframe="1m")
    close = bars.close[:, 0]
    fast, slow = (exponential_average(close, case[name]) for name in ("fast", "slow"))
    sizes = (case["trade_size"], SizeKind.QUANTITY)
    signals = [
        said(bar, Action.ENTER_LONG if fast[bar] >= slow[bar] else Action.ENTER_SHORT, *sizes)
        for bar in range(case["slow"] - 1, bars.n_bars - 1)
    ]
    at_the_end = [
        said(bars.n_bars - 1, leave, 0.0, SizeKind.ALL)
        for leave in (Action.EXIT_LONG, Action.EXIT_SHORT)
    ]
    rules = rules_of(fill_at=int(FillAt.SAME_CLOSE), initial_margin=0.03, maintenance_margin=0.01)

    run = simulate(bars, instructions_of(*signals, *at_the_end), rules, 1e6)

    wanted, orders = case["published"], orders_of(run)
    assert bars.n_bars == wanted["bars_seen"]
    assert (orders["status"] == OrderStatus.FILLED).all()
    assert len(orders) == len(fills_of(run)) == wanted["orders"]
    trades, still_open = match_trades(fills_of(run), orders, bars, bars.n_bars - 1)
    assert len(set(trades["position_no"])) == wanted["positions"]
    assert len(still_open) == wanted["open_at_end"]
