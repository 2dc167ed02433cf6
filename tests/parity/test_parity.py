"""The same trades and the same last equity as three other engines, on real bars, under rules that both can express.

What runs here is what runs everywhere: a configuration and a strategy, through `engine.simulate.run_backtest`.

An optional job: `pip install -e '.[dev,parity]'`, then `pytest -m parity`. ``TRADEBENCH_PARITY_PYTHON`` names another
interpreter that has the peers.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from engine.config import parse_config
from engine.market import Panel
from engine.result import BacktestResult
from engine.simulate import run_backtest
from engine.strategies.protocol import Signals, Strategy
from engine.validate import build_panel, check_bars
from tests.engine.given import GivenSignals, GivenWeights
from tests.engine.published import bars_panel, nanoseconds, run
from tests.parity.peers import MARK
from tests.shared import shared_path

pytestmark = [pytest.mark.parity, pytest.mark.needs_shared]

PYTHON = os.environ.get("TRADEBENCH_PARITY_PYTHON", sys.executable)
CASH = 100_000.0
NEAR = 1e-9  # relative
STOCKS = {
    "AAPL": "aapl_daily_2004_2018",
    "GOOG": "goog_daily_2004_2018",
    "INTC": "intc_daily_1995_2004",
    "SPY": "spy_daily_2008_2017",
}

LEVELS = [{"stop": 0.0213, "target": 0.0417}, {"stop": 0.0507, "target": 0.0309}]
ONE_LEVEL = [{"target": 0.0611}, {"stop": 0.0337}]  # what else ends the position is a signal


@cache
def peers() -> "subprocess.Popen[str]":
    """Start the process of the other engines; it ends when the tests end."""
    script = Path(__file__).with_name("peers.py")
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    return subprocess.Popen([PYTHON, str(script)], text=True, **pipes)


@pytest.fixture(scope="module", autouse=True)
def _peers_end() -> Iterator[None]:
    yield
    if peers.cache_info().currsize:
        peers().communicate(timeout=30)
        peers.cache_clear()


def peer(name: str, frame: pd.DataFrame, folder: Path, **job: Any) -> Any:
    """Ask another engine, in the process of all of them."""
    bars = folder / "bars.parquet"
    frame.rename_axis("time").reset_index().to_parquet(bars)
    process = peers()
    assert process.stdin is not None and process.stdout is not None
    process.stdin.write(json.dumps({"peer": name, "bars": str(bars), "cash": CASH, **job}) + "\n")
    process.stdin.flush()
    said = next((line for line in process.stdout if line.startswith(MARK)), None)
    assert said is not None, "the process of the peers has ended"
    answer = json.loads(said.removeprefix(MARK))
    assert "error" not in answer, answer["error"]
    return answer


def stock(name: str) -> pd.DataFrame:
    frame = pd.read_parquet(shared_path("data", "us_mplfinance", f"{STOCKS[name]}.parquet"))
    frame.columns = frame.columns.str.lower()
    frame["date"] = pd.to_datetime(frame["date"]).dt.tz_localize(None)
    frame = frame.set_index("date")[["open", "high", "low", "close", "volume"]]
    # Two bars of SPY can't be: their low is above their open. The others take them as they are, we refuse them.
    body = frame[["open", "close"]]
    return frame[(frame["low"] <= body.min(axis=1)) & (frame["high"] >= body.max(axis=1))]


def panel_of_frame(name: str, frame: pd.DataFrame) -> Panel:
    return bars_panel(name, frame.rename_axis("date").reset_index(), "date")


def crosses(
    frame: pd.DataFrame, fast: int, slow: int
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return where the fast average of the closes rises above the slow one, and where it falls below."""
    above = frame["close"].rolling(fast).mean() > frame["close"].rolling(slow).mean()
    before = above.shift(1, fill_value=False)
    known = frame["close"].rolling(slow).mean().shift(1).notna()
    return (above & ~before & known).to_numpy(), (~above & before & known).to_numpy()


def ours_of(panel: Panel, strategy: Strategy, **sections: Any) -> BacktestResult:
    """Run a strategy without costs but for those that are given."""
    costs = {"commission_pct": 0, "slippage_bps": 0, **sections.pop("costs", {})}
    account = {"initial_capital": CASH}
    config = parse_config(
        {"strategy": {"name": strategy.name}, "account": account, "costs": costs, **sections}
    )
    return run_backtest(config, panel, strategy, clock=lambda: 0.0)


def column(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return a mask of the bars of one symbol as strategies give it."""
    return np.ascontiguousarray(mask[:, np.newaxis])


def traded(result: BacktestResult) -> list[list[float]]:
    """Return fills as [bar, side, quantity, price, commission]."""
    columns = ("bar", "side", "quantity", "price", "commission")
    return [[fill[name] for name in columns] for fill in result.fills]


def paired(result: BacktestResult) -> list[list[float]]:
    """Return round trips as [size, entry bar, exit bar, entry price, exit price], by entry."""
    columns = ("entry_bar", "exit_bar", "entry_price", "exit_price")
    return [
        [trade["side"] * trade["quantity"], *(trade[name] for name in columns)]
        for trade in result.trades
    ]


def assert_near(ours: list[list[float]], theirs: list[list[float]]) -> None:
    assert len(ours) == len(theirs) > 10
    np.testing.assert_allclose(np.array(ours, float), np.array(theirs, float), rtol=NEAR)


@pytest.mark.parametrize("name", STOCKS)
@pytest.mark.parametrize("side", [1, -1])
@pytest.mark.parametrize("levels", LEVELS)
def test_backtesting_ends_bracketed_trades_at_the_same_prices(
    name: str, side: int, levels: dict[str, float], tmp_path: Path
) -> None:
    """An entry at the next open, its stop before its target, both from the bar of the entry on."""
    frame = stock(name)
    close = frame["close"].to_numpy()
    enters = crosses(frame, 5, 20)[0 if side > 0 else 1]
    prices = {
        "stop": close * (1 - side * levels["stop"]),
        "target": close * (1 + side * levels["target"]),
    }
    orders = {
        bar: {
            "side": side,
            "size": 10,
            **{kind: float(price[bar]) for kind, price in prices.items()},
        }
        for bar in np.flatnonzero(enters).tolist()
    }
    signals = Signals(
        enter_long=column(enters) if side > 0 else None,
        enter_short=column(enters) if side < 0 else None,
        stop_loss=prices["stop"][:, np.newaxis],
        take_profit=prices["target"][:, np.newaxis],
    )

    theirs = peer("backtesting", frame, tmp_path, orders=orders, commission=0.001)
    ours = ours_of(
        panel_of_frame(name, frame),
        GivenSignals(signals),
        costs={"commission_pct": 0.1},
        sizing={"method": "fixed_quantity", "value": 10},
    )

    assert_near(paired(ours), theirs["trades"])
    assert ours.curve.equity[-1] == pytest.approx(theirs["equity"], rel=NEAR)


@pytest.mark.parametrize("name", STOCKS)
@pytest.mark.parametrize(("price", "fill_at"), [("open", "next_open"), ("close", "same_close")])
def test_vectorbt_trades_all_cash_on_crosses_at_the_same_prices(
    name: str, price: str, fill_at: str, tmp_path: Path
) -> None:
    frame = stock(name)
    up, down = crosses(frame, 10, 30)
    later = 1 if fill_at == "next_open" else 0

    theirs = peer(
        "vectorbt",
        frame,
        tmp_path,
        entries=shifted(up, later),
        exits=shifted(down, later),
        price=price,
        fees=0.001,
        slippage=0.0005,
    )
    ours = ours_of(
        panel_of_frame(name, frame),
        GivenSignals(Signals(enter_long=column(up), exit_long=column(down))),
        costs={"commission_pct": 0.1, "slippage_bps": 5},
        execution={"fill_at": fill_at},
    )

    assert_near(traded(ours), theirs["orders"])
    assert ours.curve.equity[-1] == pytest.approx(theirs["equity"], rel=NEAR)


@pytest.mark.parametrize("name", STOCKS)
@pytest.mark.parametrize("levels", [*LEVELS, *ONE_LEVEL])
def test_vectorbt_stops_at_the_same_prices_after_an_entry_at_the_close(
    name: str, levels: dict[str, float], tmp_path: Path
) -> None:
    """The stop before the target inside a bar, from the price of the fill, from the bar after it."""
    frame = stock(name)
    up, down = crosses(frame, 10, 30)
    signals = Signals(
        enter_long=column(up),
        exit_long=column(down),
        stop_loss_rate=levels.get("stop"),
        take_profit_rate=levels.get("target"),
    )

    theirs = peer(
        "vectorbt",
        frame,
        tmp_path,
        entries=shifted(up, 0),
        exits=shifted(down, 0),
        price="close",
        fees=0.0,
        slippage=0.0,
        **{{"stop": "sl", "target": "tp"}[kind]: rate for kind, rate in levels.items()},
    )
    ours = ours_of(
        panel_of_frame(name, frame), GivenSignals(signals), execution={"fill_at": "same_close"}
    )

    assert_near(traded(ours), theirs["orders"])
    assert ours.curve.equity[-1] == pytest.approx(theirs["equity"], rel=NEAR)


def test_vectorbt_keeps_the_same_weights_of_many_stocks(tmp_path: Path) -> None:
    """Every 21 bars, weights that add up to nine tenths; fractions, no costs."""
    frame = stocks()
    panel = panel_of_stocks(frame)
    rng = np.random.Generator(np.random.PCG64(7))
    weights = np.full(panel.close.shape, np.nan)
    for bar in range(5, panel.n_bars - 1, 21):
        drawn = rng.random(panel.n_symbols)
        weights[bar] = 0.9 * drawn / drawn.sum()
    theirs = peer(
        "vectorbt_weights",
        frame,
        tmp_path,
        weights=[[None if np.isnan(w) else w for w in row] for row in shift_rows(weights)],
    )
    ours = ours_of(
        panel,
        GivenWeights(weights),
        execution={"fractional": True},
        rebalance={"period": "bars", "bars": 1},
    )

    np.testing.assert_allclose(ours.curve.equity, theirs["curve"], rtol=NEAR)


def test_bt_rebalances_to_equal_weights_with_the_same_curve(tmp_path: Path) -> None:
    """On the first session of every month at its close, beginning with the first; fractions, no costs."""
    frame = stocks()
    theirs = peer("bt", frame.xs("close", axis=1, level=1), tmp_path)

    ours = run(
        panel_of_stocks(frame),
        "equal_weight",
        {},
        account={"initial_capital": CASH},
        execution={"fill_at": "same_close", "fractional": True},
        rebalance={"period": "monthly", "immediately": True},
    )

    np.testing.assert_allclose(ours.curve.equity, theirs["curve"], rtol=NEAR)


@pytest.mark.parametrize("name", STOCKS)
def test_bt_goes_in_and_out_of_one_stock_at_the_same_closes(name: str, tmp_path: Path) -> None:
    """Nine tenths while the fast average is above the slow one, brought back at every close; fractions, no costs."""
    frame = stock(name)
    above = frame["close"].rolling(10).mean() > frame["close"].rolling(30).mean()
    weights = np.where(above.to_numpy(), 0.9, 0.0)[:, np.newaxis]
    closes = pd.DataFrame({name: frame["close"]})

    theirs = peer("bt_weights", closes, tmp_path, weights=weights.tolist())
    ours = ours_of(
        panel_of_frame(name, frame),
        GivenWeights(weights),
        execution={"fill_at": "same_close", "fractional": True},
        rebalance={"period": "bars", "bars": 1},
    )

    assert len(ours.trades) > 10
    np.testing.assert_allclose(ours.curve.equity, theirs["curve"], rtol=NEAR)


def shifted(mask: NDArray[np.bool_], bars: int) -> list[bool]:
    """Return a signal on the bar at which it is filled."""
    return [False] * bars + mask[: len(mask) - bars].tolist()


def shift_rows(weights: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.vstack([np.full((1, weights.shape[1]), np.nan), weights[:-1]])


def stocks() -> pd.DataFrame:
    """Read the stocks that trade on every day of the file: columns (symbol, price)."""
    frame = pd.read_parquet(shared_path("data", "us_stocknet", "ohlcv_daily.parquet"))
    frame["date"] = pd.to_datetime(frame["date"])
    wide = frame.pivot(index="date", columns="symbol", values=["open", "high", "low", "close"])
    wide = wide.swaplevel(axis=1)
    whole = [s for s in sorted(frame["symbol"].unique()) if wide[s].notna().all(axis=None)][:20]
    return pd.concat({s: wide[s] for s in whole}, axis=1)


def panel_of_stocks(frame: pd.DataFrame) -> Panel:
    times = nanoseconds(frame.index.to_series())
    columns = ("open", "high", "low", "close")
    series = {
        name: check_bars(name, times, *(frame[name, c] for c in columns), np.full(len(times), 1e9))
        for name in frame.columns.get_level_values(0).unique()
    }
    return build_panel(series)
