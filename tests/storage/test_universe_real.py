"""Real markets through time: who left, what they took along, and what a run that forgets them looks like."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from engine.config import parse_config
from engine.result import BacktestResult
from engine.simulate import run_backtest
from engine.strategies.registry import get
from engine.strategies.screening import Screening
from engine.types import EventKind, Reason
from storage.market.catalog import load_panel
from storage.market.lives import lives_of, members_of
from storage.market.reference import Membership, Reference
from tests.shared import shared_path
from tests.storage import converted

pytestmark = pytest.mark.needs_shared

FREE = {
    "costs": {"commission_pct": 0, "slippage_bps": 0},
    "execution": {"fractional": True},
    "account": {"initial_capital": 1_000_000},
}


def held(folder: Path, strategy: str = "equal_weight", **data: object) -> BacktestResult:
    """Buy equal parts of everything once and keep them (until the end of the year)."""
    config = parse_config(
        {
            **FREE,
            "strategy": {"name": strategy},
            "data": {"source": str(folder), "on_bad_bars": "drop", "calendar": "none", **data},
            "rebalance": {"period": "yearly", "immediately": True},
        }
    )
    panel = load_panel(config.data)
    return run_backtest(config, panel, get(strategy).make({}), clock=lambda: 0.0)


def kept_to_the_end(bars: pd.DataFrame, start: str, end: str) -> float:
    """Return what equal parts bought at the second open grow to, the last price being what is paid out."""
    inside = bars[(bars["date"] >= start) & (bars["date"] <= end)]
    days = sorted(inside["date"].unique())
    first = set(inside.loc[inside["date"] == days[0], "symbol"])
    growth = []
    for symbol, own in inside.groupby("symbol"):
        if symbol in first:
            own = own.sort_values("date")
            growth.append(float(own["close"].iloc[-1]) / float(own["open"].iloc[1]))
    return float(np.mean(growth))


def test_a_market_without_those_that_left_earned_what_nobody_could(tmp_path: Path) -> None:
    folder = converted.pystock(tmp_path / "pystock")
    start, end = "2016-01-04", "2016-12-30"
    listing = pd.read_csv(shared_path("data", "us_pystock_2015_2017", "listing.csv"))
    bars = pd.read_parquet(shared_path("data", "us_pystock_2015_2017", "ohlcv_daily.parquet"))
    bars["date"] = pd.to_datetime(bars["date"]).dt.strftime("%Y-%m-%d")
    # those that trade on the first two days, so that all parts are bought at one open
    days = sorted(bars.loc[bars["date"] >= start, "date"].unique())[:2]
    traded = bars[bars["volume"] > 0]
    here = set(bars.loc[bars["date"] == days[0], "symbol"]) & set(
        traded.loc[traded["date"] == days[1], "symbol"]
    )
    stayed = set(listing.loc[listing["status"] == "full", "symbol"]) & here
    left = set(listing.loc[listing["status"] == "left", "symbol"]) & here

    biased = held(folder, symbols=sorted(stayed), start=start, end=end)
    corrected = held(folder, symbols=sorted(stayed | left), start=start, end=end)

    of_stayed = kept_to_the_end(bars[bars["symbol"].isin(stayed)], start, end)
    of_all = kept_to_the_end(bars[bars["symbol"].isin(stayed | left)], start, end)
    assert biased.curve.equity[-1] / 1e6 == pytest.approx(of_stayed, rel=1e-9)
    assert corrected.curve.equity[-1] / 1e6 == pytest.approx(of_all, rel=1e-9)
    assert abs(of_stayed - of_all) > 0.001
    delisted = corrected.fills[corrected.fills["reason"] == Reason.DELISTING]
    assert len(delisted) > 50


def test_the_whole_market_is_what_was_listed_on_each_day(tmp_path: Path) -> None:
    folder = converted.pystock(tmp_path / "pystock")
    config = parse_config(
        {"strategy": {"name": "x"}, "data": {"source": str(folder), "on_bad_bars": "drop"}}
    )

    panel = load_panel(config.data, account_currency="USD")

    listing = pd.read_csv(shared_path("data", "us_pystock_2015_2017", "listing.csv"))
    listing = listing.set_index("symbol").loc[list(panel.symbols)]
    assert panel.membership_known
    assert panel.members is not None
    for bar in (0, 100, 300, panel.n_bars - 1):
        day = str(np.datetime64(int(panel.time_ns[bar]), "ns").astype("datetime64[D]"))
        entered = (listing["status"] != "entered") | (listing["first_date"] <= day)
        there = entered & ((listing["status"] != "left") | (listing["last_date"] >= day))
        assert panel.members[bar].tolist() == there.tolist()
    gone = panel.events[panel.events["kind"] == EventKind.DELISTING]
    assert len(gone) == int((listing["status"] == "left").sum())
    assert panel.sessions is not None
    assert any("XNYS has no session on" in text for text in panel.notices)


def test_splits_dividends_and_an_end_reach_the_account(tmp_path: Path) -> None:
    folder = converted.zipline9(tmp_path / "zipline9")

    result = held(folder, "buy_and_hold", symbols=["AAPL", "DELL"], start="2012-01-03")

    fills = result.fills
    (last,) = fills[fills["reason"] == Reason.DELISTING]
    assert result.symbols[int(last["symbol"])] == "DELL"
    assert last["price"] == pytest.approx(13.86)
    assert "price return" not in result.marks
    apple = next(p for p in result.open_positions if p.symbol == "AAPL")
    bought = fills[(fills["symbol"] == 0) & (fills["bar"] == 1)]
    assert apple.quantity == pytest.approx(7 * bought["quantity"].sum(), rel=0.05)


def test_members_of_an_american_index_are_about_five_hundred_on_every_day() -> None:
    table = pd.read_csv(shared_path("data", "universe_sp500", "sp500_ticker_start_end.csv"))

    def day(text: object) -> int | None:
        return None if pd.isna(text) else int(np.datetime64(str(text), "ns").astype(np.int64))

    members = tuple(
        Membership("SP500", str(row.ticker), day(row.start_date), day(row.end_date))
        for row in table.itertuples()
    )
    codes = sorted({m.code for m in members}, key=str.encode)
    lives = lives_of(codes, Reference())
    axis = pd.bdate_range("1996-01-02", "2025-06-30").to_numpy("datetime64[ns]").astype(np.int64)

    inside = members_of(lives, codes, members, axis)

    count = inside.sum(axis=1)
    assert count.min() >= 480
    assert count.max() <= 510
    aal = inside[:, codes.index("AAL")]
    dates = axis.astype("datetime64[ns]").astype("datetime64[D]").astype(str)
    assert set(dates[aal][:1]) == {"1996-01-02"}
    assert not aal[(dates > "1997-01-15") & (dates < "2015-01-01")].any()
    assert aal[dates == "2020-03-02"].all()
    changes = pd.read_csv(shared_path("data", "universe_sp500", "sp500_changes_since_2019.csv"))
    for change in changes.head(20).itertuples():
        at = int(np.searchsorted(dates, str(change.date)))
        for code in str(change.add).split(",") if isinstance(change.add, str) else ():
            assert inside[at, codes.index(code)]
            assert not inside[at - 1, codes.index(code)]


def test_the_greatest_companies_of_a_market_are_those_of_the_last_published_figures(
    tmp_path: Path,
) -> None:
    folder = converted.marcap(tmp_path / "marcap")
    criteria = {
        "where": [{"left": "market_cap", "op": "top", "right": 10}],
        "weigh_by": "market_cap",
    }
    config = parse_config(
        {
            **FREE,
            "strategy": {"criteria": criteria},
            "account": {"initial_capital": 1e10, "currency": "KRW"},
            "data": {"source": str(folder), "on_bad_bars": "drop"},
        }
    )
    panel = load_panel(config.data, account_currency="KRW", fields={"market_cap"})

    weights = Screening.make({"criteria": criteria}).weights(panel, np.arange(panel.n_bars))

    frame = pd.read_parquet(shared_path("data", "kr_marcap_windows", "krx_2024_jan_feb.parquet"))
    days = pd.to_datetime(frame["date"]).to_numpy("datetime64[ns]").astype(np.int64)
    assert panel.membership_known
    assert panel.sessions is not None
    for bar in range(panel.n_bars):
        today = frame[(days == panel.time_ns[bar]) & (frame["open"] > 0)]
        best = today.sort_values(["market_cap_krw", "symbol"], ascending=[False, True]).head(10)
        expected = best.set_index("symbol")["market_cap_krw"] / best["market_cap_krw"].sum()
        found = {s: w for s, w in zip(panel.symbols, weights[bar], strict=True) if w > 0}
        assert found == pytest.approx(expected.to_dict())
