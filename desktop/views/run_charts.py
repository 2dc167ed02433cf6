"""From a run to what its charts draw. Nothing here touches a widget: it may be called on any thread."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from desktop.charts.data import Comparison, Curves, NamedLine, Prices, Trades
from desktop.charts.decimate import Bars
from desktop.models.trades import TradeArrays
from desktop.presenters.compare import CompareView
from desktop.presenters.state import RunView
from desktop.views.notes import refusals_of
from engine.result import BacktestResult, LiveCurve
from engine.statistics.performance import Performance, performance_of
from engine.types import OrderReason


@dataclass(frozen=True)
class RunCharts:
    """What charts, tables and notes of a run show; ``prices`` are those of ``symbol``, None when they can't be had."""

    curves: Curves
    symbol: int
    prices: Prices | None
    trades: Trades
    arrays: TradeArrays
    refusals: Mapping[OrderReason, int]
    performance: Performance


@dataclass(frozen=True)
class CompareCharts:
    """What the charts of several runs draw: equity as a share of the initial capital and as money, and drawdown."""

    share: Comparison
    money: Comparison
    drawdown: Comparison


class LiveCharts:
    """The curves of one run while it goes on: they grow on its thread, what is handed out is a snapshot of them."""

    def __init__(self, initial_capital: float) -> None:
        """Begin without bars."""
        self._curves = Curves(initial_capital=initial_capital)

    def __call__(self, live: LiveCurve) -> Curves:
        """Grow to what there is by now; costs as much as what is new."""
        self._curves.grow_to(live.time_ns, live.equity, live.axis_ns)
        return self._curves.snapshot()


def charts_of(view: RunView) -> RunCharts:
    """Build the curves of a run, and the prices of the symbol that it traded most."""
    result = view.result
    curves = Curves(
        result.time_ns,
        result.curve.equity,
        result.benchmark,
        result.drawdown,
        result.config.account.initial_capital,
    )
    symbol = most_traded(result)
    return RunCharts(
        curves,
        symbol,
        prices_of(view, symbol, curves),
        trades_of(view, symbol),
        TradeArrays.of(result),
        refusals_of(result),
        performance_of(result),
    )


def most_traded(result: BacktestResult) -> int:
    """Return the symbol with most trades, the first of them where several have."""
    counts = np.bincount(result.trades["symbol"], minlength=len(result.symbols))
    return int(counts.argmax()) if len(counts) else 0


def prices_of(view: RunView, symbol: int, curves: Curves) -> Prices | None:
    """Build the bars of a symbol on the time base of the curves; None when there are none."""
    panel, n_bars = view.panel, len(view.result.time_ns)
    if panel is None or not n_bars or panel.n_bars < n_bars:
        return None
    name = view.result.symbols[symbol]
    column = panel.symbols.index(name)
    parts = (panel.open, panel.high, panel.low, panel.close, panel.volume)
    opened, high, low, close, volume = (part[:n_bars, column] for part in parts)
    # A quote whose size is not known limits nothing: its volume is infinite, and would be as tall as that.
    volume = np.where(np.isinf(volume), 0.0, volume)
    return Prices(curves.base, Bars(opened, high, low, close, volume))


def trades_of(view: RunView, symbol: int) -> Trades:
    """Return the trades of a symbol as marks on its prices."""
    return Trades.of(view.result.trades, symbol)


def compare_charts_of(view: CompareView) -> CompareCharts:
    """Lay the accounts of several runs on one time axis."""
    curves = view.curves
    return CompareCharts(
        Comparison.of(
            [NamedLine(c.label, c.time_ns, c.equity / c.initial_capital) for c in curves]
        ),
        Comparison.of([NamedLine(c.label, c.time_ns, c.equity) for c in curves]),
        Comparison.of([NamedLine(c.label, c.time_ns, c.drawdown) for c in curves]),
    )
