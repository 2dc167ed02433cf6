"""The two examples of zipline whose daily values are published: a purchase a day, and a cross of two averages."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from engine.market import Panel
from engine.types import Action, EventKind, FillAt
from tests.engine.both import fills_of
from tests.engine.builders import events_of, instructions_of, rules_of, said, simulate
from tests.engine.cases import bar_of, date_of
from tests.engine.published import bars_panel, published
from tests.shared import shared_path

pytestmark = pytest.mark.needs_shared

# Their price impact, 0.1 x the square of the share of volume, is below 1e-12 of the price here and left out.
RULES = rules_of(
    commission_per_share=0.0075,
    commission_min=1.0,
    fill_at=int(FillAt.NEXT_CLOSE),
    volume_limit=0.025,
)
SUPPORTED = ("buyapple", "dual_moving_average")


def apple(case: dict[str, Any], events: NDArray[np.void] | None = None) -> Panel:
    """Read Apple's raw bars of a case; no dividends, for those figures were made without them."""
    frame = pd.read_parquet(shared_path("data", "us_zipline9", "ohlcv_daily.parquet"))
    days = pd.to_datetime(frame["date"]).dt.strftime("%Y-%m-%d")
    there = (frame["symbol"] == "AAPL") & (days >= case["start"]) & (days <= case["end"])
    return bars_panel(
        "AAPL", frame[there], "date", **({} if events is None else {"events": events})
    )


def test_no_case_is_lost() -> None:
    assert sorted(SUPPORTED) == sorted(published("zipline_examples.json")["cases"])


def test_zipline_ten_shares_a_day_over_a_split() -> None:
    """No dividends: those figures were made without them. Their price impact, below 1e-12 here, is left out."""
    wanted = published("zipline_examples.json")["cases"]["buyapple"]
    bare = apple(wanted)
    bars = apple(wanted, events_of((bar_of(bare, "2014-06-09"), 0, EventKind.SPLIT, 7.0)))
    daily = instructions_of(*(said(bar, Action.BUY, 10.0) for bar in range(bars.n_bars)))

    run = simulate(bars, daily, RULES, 1e7)

    values = [[date_of(t), e] for t, e in zip(bars.time_ns, run.curve.equity, strict=True)]
    assert [day for day, _ in values] == [row[0] for row in wanted["daily"]]
    assert run.curve.equity == pytest.approx([row[1] for row in wanted["daily"]], abs=1e-6)
    assert run.curve.cash == pytest.approx([row[2] for row in wanted["daily"]], abs=1e-6)
    fills = fills_of(run)
    found = [[date_of(f["time_ns"]), "AAPL", f["quantity"], f["price"]] for f in fills]
    assert [row[:3] for row in found] == [row[:3] for row in wanted["transactions"]]
    assert fills["commission"].sum() == wanted["total_commission"]


def test_zipline_crosses_of_100_and_300_days_trade_once() -> None:
    """Their averages see prices adjusted for dividends as of each day, which decide no cross in these two years."""
    wanted = published("zipline_examples.json")["cases"]["dual_moving_average"]
    bars = apple(wanted)
    close = pd.Series(bars.close[:, 0])
    above = close.rolling(100).mean() - close.rolling(300).mean()
    decisions = [
        said(bar, Action.TARGET, 100.0 if above[bar] > 0 else 0.0)
        for bar in range(299, bars.n_bars)
        if above[bar] != 0
    ]

    run = simulate(bars, instructions_of(*decisions), RULES, 1e7)

    fills = fills_of(run)
    found = [[date_of(f["time_ns"]), "AAPL", f["quantity"], f["price"]] for f in fills]
    assert found == wanted["transactions"]
    assert run.curve.equity == pytest.approx([row[1] for row in wanted["daily"]], abs=1e-6)
    assert fills["commission"].sum() == wanted["total_commission"]
