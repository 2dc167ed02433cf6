"""No built-in strategy looks ahead: cutting later bars off changes none of its decisions."""

from typing import Any, ClassVar

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.market import Panel
from engine.strategies import registry
from engine.strategies.protocol import Signals, SignalStrategy, Strategy
from engine.types import ACTION_EVENT, NS_PER_DAY, EventKind
from engine.validate import build_panel, check_bars
from tests.shared import shared_path

SHORT: dict[str, dict[str, Any]] = {
    "buy_and_hold": {},
    "sma_cross": {"fast": 2, "slow": 4, "direction": "long_short", "enter_on": "cross"},
    "rsi_reversion": {"period": 3, "direction": "long_short"},
    "donchian_breakout": {"entry_bars": 3, "exit_bars": 2, "direction": "long_short"},
    "momentum_volume": {"volume_bars": 3, "volume_ratio": 1},
    "momentum_rotation": {"lookback": 3, "top_n": 1, "skip": 1},
    "equal_weight": {},
    "atr_pyramid": {"entry_bars": 3, "atr_bars": 2},
}


def said_by(strategy: Strategy, panel: Panel, rows: int) -> list[Any]:
    """Return all decisions of the first ``rows`` bars."""
    said: Any = strategy
    if strategy.form == "targets":
        return [said.weights(panel, np.arange(panel.n_bars))[:rows]]
    if (
        strategy.form == "on_bar"
    ):  # what it says bar by bar rests on these, and is shown no later bar
        return [values[:rows] for values in said.inputs(panel).values()]
    signals = said.signals(panel)
    masks = (signals.enter_long, signals.exit_long, signals.enter_short, signals.exit_short)
    return [None if mask is None else mask[:rows] for mask in masks]


def assert_cutting_changes_nothing(strategy: Strategy, panel: Panel, cuts: list[int]) -> None:
    for cut in cuts:
        full, short = said_by(strategy, panel, cut), said_by(strategy, panel.slice(0, cut), cut)
        for whole, part in zip(full, short, strict=True):
            np.testing.assert_array_equal(whole, part, err_msg=f"{strategy.name} cut at bar {cut}")


@st.composite
def panels(draw: st.DrawFn) -> Panel:
    """Draw panels with holes, a split, a delisting and some prices that are on no grid."""
    n_bars, n_symbols = draw(st.integers(2, 24)), draw(st.integers(1, 3))
    price = st.integers(80, 120).map(lambda n: n / 10)
    cell = st.one_of(price, price, price, price, st.just(float("nan")), st.floats(8, 12))
    size = n_bars * n_symbols
    close = np.array(draw(st.lists(cell, min_size=size, max_size=size))).reshape(n_bars, n_symbols)
    volume = np.array(draw(st.lists(st.integers(0, 5), min_size=size, max_size=size)), np.float64)
    bars = st.integers(0, n_bars - 1)
    ratio = draw(st.sampled_from([2.0, 1.5, 1 / 3]))
    events = [
        (draw(bars), 0, EventKind.SPLIT, ratio),
        (draw(bars), n_symbols - 1, EventKind.DELISTING, 0.0),
    ]
    return Panel(
        symbols=tuple("ABC"[:n_symbols]),
        time_ns=np.arange(n_bars, dtype=np.int64) * NS_PER_DAY,
        open=close.copy(),
        high=close * 1.01,
        low=close * 0.99,
        close=close,
        volume=np.where(np.isnan(close), np.nan, volume.reshape(close.shape)),
        events=np.array(events, ACTION_EVENT),
        first_counted=draw(bars),
    )


@pytest.mark.parametrize("name", registry.BUILT_IN)
@settings(deadline=None, max_examples=60)
@given(panel=panels())
def test_no_decision_changes_when_later_bars_are_cut_off(name: str, panel: Panel) -> None:
    strategy = registry.get(name).make(SHORT[name])

    assert_cutting_changes_nothing(strategy, panel, list(range(1, panel.n_bars)))


class Peeking(SignalStrategy):
    """Buys before the close is higher: what the law exists to catch."""

    name: ClassVar[str] = "peeking"

    def signals(self, panel: Panel) -> Signals:
        return Signals(enter_long=np.roll(panel.close, -1, axis=0) > panel.close)


def test_the_law_catches_a_strategy_that_peeks() -> None:
    panel = build_panel({"A": check_bars("A", [0, NS_PER_DAY], *([[1.0, 2.0]] * 4), None)})

    with pytest.raises(AssertionError, match="peeking cut at bar 1"):
        assert_cutting_changes_nothing(Peeking.make({}), panel, [1])


def five_stocks() -> Panel:
    """Five US stocks as traded, 2000 to 2013, with their splits."""
    frame = pd.read_parquet(shared_path("data", "us_wiki5_public_domain", "ohlcv_daily.parquet"))
    series = {
        str(symbol): check_bars(
            str(symbol),
            bars["date"].to_numpy().astype("datetime64[ns]").astype(np.int64),
            *(
                bars[name].to_numpy(np.float64)
                for name in ("open", "high", "low", "close", "volume")
            ),
        )
        for symbol, bars in frame.groupby("symbol")
    }
    panel = build_panel(series)
    splits = [("AAPL", "2000-06-21"), ("MSFT", "2003-02-18"), ("AAPL", "2005-02-28")]
    days = [np.datetime64(date, "ns").astype(np.int64) for _, date in splits]
    events = [
        (np.searchsorted(panel.time_ns, day), panel.symbols.index(symbol), EventKind.SPLIT, 2.0)
        for (symbol, _), day in zip(splits, days, strict=True)
    ]
    return build_panel(series, events=np.array(events, ACTION_EVENT), first_counted=150)


@pytest.mark.needs_shared
@pytest.mark.parametrize("name", registry.BUILT_IN)
def test_no_decision_on_real_prices_changes_when_later_bars_are_cut_off(name: str) -> None:
    strategy = registry.get(name).make({})

    assert_cutting_changes_nothing(
        strategy, five_stocks(), [1, 60, 78, 79, 80, 151, *range(500, 3270, 97)]
    )


@pytest.mark.needs_shared
def test_the_splits_of_real_prices_are_not_taken_for_falls() -> None:
    panel = five_stocks()
    strategy: Any = registry.get("donchian_breakout").make({"direction": "long_short"})

    shorts = strategy.signals(panel).enter_short

    bar, symbol = panel.events["bar"], panel.events["symbol"]
    assert (panel.close[bar, symbol] / panel.close[bar - 1, symbol] < 0.6).all()
    assert not shorts[bar, symbol].any()
