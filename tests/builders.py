"""Panels and results for tests: small, complete, and the same for the same arguments."""

from dataclasses import replace
from typing import Any

import numpy as np

from engine.config import BacktestConfig
from engine.market import Panel
from engine.result import BacktestResult, Curve, OpenPosition, hash_result
from engine.types import (
    FILL,
    NS_PER_DAY,
    ORDER,
    TRADE,
    OrderStatus,
    Reason,
    Side,
    SizeKind,
)
from storage.records import DatasetSpec, StrategySpec
from storage.runs import dataset_of
from storage.schema import DATE_METRICS, METRICS

FIRST_DAY = 14_613  # 2010-01-04, a Monday, in days since 1970


def days(n_bars: int, first: int = FIRST_DAY) -> np.ndarray:
    """Return the midnights of consecutive days."""
    return (first + np.arange(n_bars, dtype=np.int64)) * NS_PER_DAY


def make_panel(
    n_bars: int = 60, symbols: tuple[str, ...] = ("AAA", "BBB"), seed: int = 7, **more: Any
) -> Panel:
    """Return a random walk in cents for each symbol."""
    rng = np.random.default_rng(seed)
    shape = (n_bars, len(symbols))
    close = np.round(100 * np.exp(np.cumsum(rng.normal(0, 0.01, shape), axis=0)), 2)
    open_ = np.round(close * (1 + rng.normal(0, 0.002, shape)), 2)
    high = np.maximum(open_, close) + 0.25
    low = np.minimum(open_, close) - 0.25
    volume = np.full(shape, 1000.0)
    return Panel(symbols, days(n_bars), open_, high, low, close, volume, **more)


def make_config(**changes: Any) -> BacktestConfig:
    """Return a configuration; keyword arguments replace whole sections."""
    sections: dict[str, Any] = {
        "name": "a run",
        "strategy": {"name": "sma_cross", "params": {"fast": 5, "slow": 20}},
        "data": {"source": "demo", "symbols": ["AAA", "BBB"]},
    }
    return BacktestConfig.model_validate(sections | changes)


def make_strategy(**changes: Any) -> StrategySpec:
    """Return a strategy as a run hands it in."""
    spec = StrategySpec(
        name="sma_cross",
        version="1.0.0",
        kind="signals",
        params={"fast": 5, "slow": 20},
        defaults={"fast": 10, "slow": 20},
        source_text="class SmaCross: ...\n",
        source_hash="a" * 64,
    )
    return replace(spec, **changes)


def make_trades(n_trades: int, n_bars: int, n_symbols: int) -> tuple[np.ndarray, ...]:
    """Return orders, fills and trades of round trips that follow each other."""
    rng = np.random.default_rng(n_trades)
    entry = np.sort(rng.integers(0, max(1, n_bars - 2), n_trades))
    leave = np.minimum(entry + 1 + rng.integers(0, 5, n_trades), n_bars - 1)
    symbol = rng.integers(0, n_symbols, n_trades)
    quantity = rng.integers(1, 500, n_trades).astype(float)
    bought = np.round(rng.uniform(5, 500, n_trades), 2)
    sold = np.round(bought * rng.uniform(0.9, 1.12, n_trades), 2)
    orders = np.zeros(2 * n_trades, ORDER)
    fills = np.zeros(2 * n_trades, FILL)
    bars = np.concatenate([entry, leave])
    order = np.argsort(bars, kind="stable")
    fills["bar"] = bars[order]
    fills["time_ns"] = days(n_bars)[fills["bar"]]
    fills["order"] = np.arange(2 * n_trades)
    fills["symbol"] = np.concatenate([symbol, symbol])[order]
    fills["side"] = np.repeat([Side.BUY, Side.SELL], n_trades)[order]
    fills["quantity"] = np.concatenate([quantity, quantity])[order]
    fills["price"] = np.concatenate([bought * 1.0005, sold * 0.9995])[order]
    fills["commission"] = fills["quantity"] * fills["price"] * 0.001
    fills["tax"] = np.where(fills["side"] == Side.SELL, fills["commission"] / 3, 0.0)
    fills["slippage"] = fills["quantity"] * fills["price"] * 0.0005
    orders["decided"] = np.maximum(fills["bar"] - 1, 0)
    orders["closed"] = fills["bar"]
    orders["symbol"], orders["side"] = fills["symbol"], fills["side"]
    orders["status"], orders["size_kind"] = OrderStatus.FILLED, SizeKind.QUANTITY
    orders["size"] = orders["filled"] = fills["quantity"]
    orders["label"] = np.where(fills["side"] == Side.SELL, 1, 0)
    trades = np.zeros(n_trades, TRADE)
    done = np.argsort(leave, kind="stable")
    trades["trade_no"] = np.arange(1, n_trades + 1)
    trades["position_no"] = np.arange(1, n_trades + 1)
    trades["symbol"], trades["side"] = symbol[done], Side.BUY
    trades["exit_reason"], trades["exit_label"] = Reason.SIGNAL, 1
    trades["quantity"] = quantity[done]
    trades["entry_bar"], trades["exit_bar"] = entry[done], leave[done]
    trades["entry_signal_bar"] = trades["entry_bar"] - 1
    trades["exit_signal_bar"] = trades["exit_bar"] - 1
    trades["entry_price"], trades["exit_price"] = bought[done], sold[done]
    trades["commission"] = trades["quantity"] * trades["entry_price"] * 0.002
    trades["pnl"] = trades["quantity"] * (sold - bought)[done] - trades["commission"]
    trades["pnl_rate"] = trades["pnl"] / (trades["quantity"] * trades["entry_price"])
    trades["bars_held"] = trades["exit_bar"] - trades["entry_bar"]
    trades["mae"], trades["mfe"] = -0.25 * trades["quantity"], 0.5 * trades["quantity"]
    return orders, fills, trades


def make_result(
    n_bars: int = 60, n_trades: int = 12, panel: Panel | None = None, **changes: Any
) -> BacktestResult:
    """Return a result of the right shape for ``panel``; its figures are made up but add up."""
    panel = panel or make_panel(n_bars)
    time_ns = panel.time_ns[panel.first_counted :]
    orders, fills, trades = make_trades(n_trades, len(time_ns), panel.n_symbols)
    rng = np.random.default_rng(n_bars)
    equity = 100_000 * np.exp(np.cumsum(rng.normal(0, 0.005, len(time_ns))))
    drawdown = equity / np.maximum.accumulate(np.maximum(equity, 100_000)) - 1
    wins = int((trades["pnl"] > 0).sum())
    metrics: dict[str, Any] = dict.fromkeys(METRICS, 0.5)
    metrics |= dict.fromkeys(DATE_METRICS, "2010-01-20")
    metrics |= {
        "total_return": float(equity[-1] / 100_000 - 1),
        "max_drawdown": float(drawdown.min()),
        "total_trades": n_trades,
        "winning_trades": wins,
        "losing_trades": n_trades - wins,
        "breakeven_trades": 0,
        "final_balance": round(float(equity[-1]), 4),
        "final_pnl": round(float(equity[-1]) - 100_000, 4),
        "beta": None,
    }
    config = make_config(data={"source": "demo", "symbols": list(panel.symbols)})
    result = BacktestResult(
        config=config,
        status="completed",
        symbols=panel.symbols,
        time_ns=time_ns,
        fills=fills,
        orders=orders,
        trades=trades,
        open_positions=(OpenPosition("AAA", 5.0, int(time_ns[-1]), 10.1, 10.2, 51.0, 0.5),),
        labels=("cross above", "cross below"),
        curve=Curve(equity, equity * 0.4, equity * 0.6, np.ones(len(time_ns), np.int64)),
        drawdown=drawdown,
        benchmark=None,
        metrics=metrics,
        undefined={"beta": "there is no benchmark"},
        marks=("price return",),
        warnings=("A warning.",),
        notices=(),
        defects={},
        bars_per_year=252.0,
        timeframe="1d",
        dataset_hash=panel.content_hash(),
        result_hash=hash_result(fills, time_ns, equity),
        versions={"engine": "0.1.0"},
        duration_seconds=0.25,
        data_labels=("DEMO",),
    )
    return replace(result, **changes)


def make_dataset(panel: Panel | None = None) -> DatasetSpec:
    """Return the data set of `make_panel` or of another panel."""
    return dataset_of(panel or make_panel(), make_config())
