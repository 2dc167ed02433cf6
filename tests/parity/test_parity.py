"""The same trades and the same last equity as three other engines, on real bars, under rules that both can express.

An optional job: `pip install -e '.[dev,parity]'`, then `pytest -m parity`. ``TRADEBENCH_PARITY_PYTHON`` names another
interpreter that has the peers.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from engine.driver import Simulation
from engine.market import Panel
from engine.types import Action, FillAt, LevelKind, SizeKind
from engine.validate import build_panel, check_bars
from tests.engine.both import fills_of
from tests.engine.builders import instructions_of, rules_of, said, simulate
from tests.engine.published import bars_panel, nanoseconds, run
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


def peer(name: str, frame: pd.DataFrame, folder: Path, **job: Any) -> Any:
    """Ask another engine, in a process of its own."""
    bars = folder / "bars.parquet"
    frame.rename_axis("time").reset_index().to_parquet(bars)
    asked = json.dumps({"peer": name, "bars": str(bars), "cash": CASH, **job})
    script = Path(__file__).with_name("peers.py")
    done = subprocess.run(
        [PYTHON, str(script)], input=asked, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def stock(name: str) -> pd.DataFrame:
    frame = pd.read_parquet(shared_path("data", "us_mplfinance", f"{STOCKS[name]}.parquet"))
    frame.columns = frame.columns.str.lower()
    frame["date"] = pd.to_datetime(frame["date"]).dt.tz_localize(None)
    return frame.set_index("date")[["open", "high", "low", "close", "volume"]]


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


def traded(run: Simulation) -> list[list[float]]:
    """Return fills as [bar, side, quantity, price, commission]."""
    return [
        [f["bar"], f["side"], f["quantity"], f["price"], f["commission"]] for f in fills_of(run)
    ]


def paired(run: Simulation) -> list[list[float]]:
    """Return round trips of one position at a time as [size, entry bar, exit bar, entry price, exit price]."""
    fills = fills_of(run)
    return [
        [e["side"] * e["quantity"], e["bar"], x["bar"], e["price"], x["price"]]
        for e, x in zip(fills[::2], fills[1::2], strict=False)
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
    orders, rows = {}, []
    for bar in np.flatnonzero(crosses(frame, 5, 20)[0 if side > 0 else 1]).tolist():
        toward = {"stop": -side, "target": side}
        prices = {kind: float(close[bar] * (1 + toward[kind] * levels[kind])) for kind in levels}
        orders[bar] = {"side": side, "size": 10, **prices}
        rows.append(
            said(
                bar,
                Action.ENTER_LONG if side > 0 else Action.ENTER_SHORT,
                10.0,
                **{f"{kind}_kind": LevelKind.PRICE for kind in prices},
                **{f"{kind}_value": price for kind, price in prices.items()},
            )
        )
    rules = rules_of(commission_rate=0.001)

    theirs = peer("backtesting", frame, tmp_path, orders=orders, commission=0.001)
    ours = simulate(panel_of_frame(name, frame), instructions_of(*rows), rules, CASH)

    assert_near(paired(ours), theirs["trades"])
    assert ours.curve.equity[-1] == pytest.approx(theirs["equity"], rel=NEAR)


@pytest.mark.parametrize("name", STOCKS)
@pytest.mark.parametrize(
    ("price", "fill_at"), [("open", FillAt.NEXT_OPEN), ("close", FillAt.SAME_CLOSE)]
)
def test_vectorbt_trades_all_cash_on_crosses_at_the_same_prices(
    name: str, price: str, fill_at: FillAt, tmp_path: Path
) -> None:
    frame = stock(name)
    up, down = crosses(frame, 10, 30)
    later = 1 if fill_at is FillAt.NEXT_OPEN else 0
    costs = {"fees": 0.001, "slippage": 0.0005}
    rules = rules_of(commission_rate=0.001, slippage_rate=0.0005, fill_at=int(fill_at))

    theirs = peer(
        "vectorbt",
        frame,
        tmp_path,
        entries=shifted(up, later),
        exits=shifted(down, later),
        price=price,
        **costs,
    )
    ours = simulate(panel_of_frame(name, frame), all_in_and_out(up, down), rules, CASH)

    assert_near(traded(ours), theirs["orders"])
    assert ours.curve.equity[-1] == pytest.approx(theirs["equity"], rel=NEAR)


@pytest.mark.parametrize("name", ["AAPL", "SPY"])
@pytest.mark.parametrize("levels", [*LEVELS, *ONE_LEVEL])
def test_vectorbt_stops_at_the_same_prices_after_an_entry_at_the_close(
    name: str, levels: dict[str, float], tmp_path: Path
) -> None:
    """The stop before the target inside a bar, from the price of the fill, from the bar after it."""
    frame = stock(name)
    up, down = crosses(frame, 10, 30)
    bracket: dict[str, Any] = {f"{kind}_kind": LevelKind.RATE for kind in levels}
    bracket |= {f"{kind}_value": rate for kind, rate in levels.items()}
    rules = rules_of(fill_at=int(FillAt.SAME_CLOSE))

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
    ours = simulate(panel_of_frame(name, frame), all_in_and_out(up, down, **bracket), rules, CASH)

    assert_near(traded(ours), theirs["orders"])
    assert ours.curve.equity[-1] == pytest.approx(theirs["equity"], rel=NEAR)


def test_vectorbt_keeps_the_same_weights_of_many_stocks(tmp_path: Path) -> None:
    """Every month of the first complete years, weights that add up to nine tenths; fractions, no costs."""
    frame = stocks()
    panel = panel_of_stocks(frame)
    rng = np.random.Generator(np.random.PCG64(7))
    weights = np.full(panel.close.shape, np.nan)
    for bar in range(5, panel.n_bars - 1, 21):
        drawn = rng.random(panel.n_symbols)
        weights[bar] = 0.9 * drawn / drawn.sum()
    rows = [
        said(bar, Action.TARGET, weights[bar, symbol], SizeKind.WEIGHT, symbol)
        for bar, symbol in zip(*np.nonzero(~np.isnan(weights)), strict=True)
    ]

    theirs = peer(
        "vectorbt_weights",
        frame,
        tmp_path,
        weights=[[None if np.isnan(w) else w for w in row] for row in shift_rows(weights)],
    )
    ours = simulate(panel, instructions_of(*rows), rules_of(lot=0.0), CASH)

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


def all_in_and_out(
    up: NDArray[np.bool_], down: NDArray[np.bool_], **bracket: Any
) -> NDArray[np.void]:
    enters = [
        said(bar, Action.ENTER_LONG, 100.0, SizeKind.PERCENT, **bracket)
        for bar in np.flatnonzero(up).tolist()
    ]
    leaves = [
        said(bar, Action.EXIT_LONG, 0.0, SizeKind.ALL) for bar in np.flatnonzero(down).tolist()
    ]
    return instructions_of(*enters, *leaves)


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
