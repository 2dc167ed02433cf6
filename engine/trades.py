"""Round trips and what is still open, from the executions of a run.

After the simulation the account knows only its cash and its positions; here the fills are matched
first in, first out into trades that a person can judge one by one, and what has no exit yet becomes
an open position. Together they are complete: the profits of all trades and of all open positions
add up to what the equity gained.
"""

import math

import numpy as np
from numpy.typing import NDArray

from engine.kernels.trades import LINE, LOT, match_trades_nb, open_position_nb
from engine.market import Panel
from engine.result import OpenPosition
from engine.types import TRADE, EventKind


def match_trades(
    fills: NDArray[np.void],
    orders: NDArray[np.void],
    panel: Panel,
    last_bar: int,
    multiplier: float = 1.0,
) -> tuple[NDArray[np.void], tuple[OpenPosition, ...]]:
    """Match fills first in, first out per symbol.

    Parameters
    ----------
    fills : FILL (n_fills,)
        In the order of execution; bars count the panel's axis.
    orders : ORDER (n_orders,)
        What ``fills["order"]`` points to.
    panel : Panel
        Prices for excursions and marks; events for splits and dividends.
    last_bar : int
        Last simulated bar; positions still open are marked at its close, or at the last close known
        by then.
    multiplier : float
        Money that one point of price is worth, where the panel does not say it by symbol.

    Returns
    -------
    trades : TRADE (n_trades,)
        In the order of exit. ``pnl = side x (exit - entry) x quantity - commission - tax +
        dividends``; less than 1e-12 of the values it is the difference of is rounding and counts as
        zero. All is in the units of the exit: a split multiplies the quantity of what is open and
        divides its price. Excursions are of the highs and lows between entry and exit and of both
        prices: the bar of an entry at the close and of an exit at the open give no more than the
        price of the fill.
    open_positions : tuple of OpenPosition
        By symbol. ``entry_price`` is the average of what is left, ``entry_time_ns`` the oldest of
        it, ``pnl`` after the costs of entry and with dividends; ``stale`` when the symbol has no
        bar at ``last_bar``.
    """
    # An action after the panel's last bar has happened at its end; one after a mere stop has not
    # happened yet.
    until = last_bar + 1 if last_bar == panel.n_bars - 1 else last_bar
    trades = np.zeros(2 * len(fills), TRADE)  # what lies between the fields, too
    lots = np.empty(len(fills), LOT)
    lines = np.zeros(panel.n_symbols, LINE)
    lines["first"] = lines["last"] = -1
    multipliers = panel.multiplier
    if multipliers is None:
        multipliers = np.full(panel.n_symbols, multiplier)
    n = match_trades_nb(
        fills, orders, panel.events, panel.high, panel.low, until, trades, lots, lines, multipliers
    )
    still_open = np.flatnonzero(lines["first"] >= 0)
    positions = (
        _position_of(int(symbol), fills, panel, last_bar, lots, lines, float(multipliers[symbol]))
        for symbol in still_open
    )
    return copy_of(trades, n), tuple(positions)


def copy_of(rows: NDArray[np.void], n: int) -> NDArray[np.void]:
    """Return a copy of the first ``n`` rows, taken as bytes: field by field takes four times as long."""
    return rows[:n].view(np.uint8).copy().view(rows.dtype)


def _position_of(
    symbol: int,
    fills: NDArray[np.void],
    panel: Panel,
    last_bar: int,
    lots: NDArray[np.void],
    lines: NDArray[np.void],
    multiplier: float,
) -> OpenPosition:
    quantity, paid, costs = open_position_nb(lines, lots, symbol, multiplier)
    side = int(lines["side"][symbol])
    mark = _mark_of(symbol, panel, last_bar)
    return OpenPosition(
        symbol=panel.symbols[symbol],
        quantity=side * quantity,
        entry_time_ns=int(fills["time_ns"][lines["first"][symbol]]),
        entry_price=paid / quantity,
        mark=mark,
        value=side * quantity * mark * multiplier,
        pnl=side * (quantity * mark - paid) * multiplier - costs,
        stale=math.isnan(panel.close[last_bar, symbol]),
    )


def _mark_of(symbol: int, panel: Panel, last_bar: int) -> float:
    """Return the last close known at ``last_bar``, in the shares of that bar."""
    bar = last_bar
    while bar > 0 and math.isnan(panel.close[bar, symbol]):
        bar -= 1
    until = last_bar + 1 if last_bar == panel.n_bars - 1 else last_bar
    events = panel.events
    due = (events["symbol"] == symbol) & (events["kind"] == EventKind.SPLIT)
    mark = float(panel.close[bar, symbol])
    for split in events[due & (events["bar"] > bar) & (events["bar"] <= until)]:
        mark /= float(split["value"])
    return mark
