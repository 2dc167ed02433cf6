"""A plain account and a plain matching of its fills, to hold the compiled one against.

Nothing is kept while walking along: of each part that is closed, everything is looked up again from
the beginning.
"""

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from engine.market import Panel
from engine.types import FILL, EventKind, Reason

FLAT = 1e-9


@dataclass
class Account:
    """Cash and holdings, and the fills that made them."""

    panel: Panel
    cash: float
    whole_shares: bool = False
    held: dict[int, float] = field(default_factory=dict)
    marks: dict[int, float] = field(default_factory=dict)
    fills: list[tuple[object, ...]] = field(default_factory=list)

    def actions(self, bar: int, due: int) -> None:
        """Apply what is due, in the panel's order."""
        for event in self.panel.events[self.panel.events["bar"] == due]:
            symbol, value = int(event["symbol"]), float(event["value"])
            quantity = self.held.get(symbol, 0.0)
            if quantity == 0.0:
                continue
            if event["kind"] == EventKind.DIVIDEND:
                self.cash += quantity * value
            elif event["kind"] == EventKind.SPLIT:
                self.held[symbol] = quantity * value
                self.marks[symbol] /= value
                rest = abs(quantity * value) % 1.0
                if self.whole_shares and rest > FLAT:
                    price = float(self.panel.open[due, symbol]) if due == bar else math.nan
                    price = self.marks[symbol] if math.isnan(price) else price
                    self.trade(
                        bar, symbol, -math.copysign(rest, quantity), price, due > bar, Reason.SPLIT
                    )
            else:
                price = self.marks[symbol] * (1.0 + value)
                self.trade(bar, symbol, -quantity, price, due > bar, Reason.DELISTING)

    def trade(
        self,
        bar: int,
        symbol: int,
        quantity: float,
        price: float,
        at_close: bool,
        reason: Reason = Reason.SIGNAL,
        order: int = -1,
        costs: tuple[float, float, float] = (0.0, 0.0, 0.0),
    ) -> None:
        """Buy (positive) or sell (negative), and write it down."""
        self.cash -= quantity * price + costs[0] + costs[1]
        after = self.held.get(symbol, 0.0) + quantity
        self.held[symbol] = 0.0 if abs(after) < FLAT else after
        side = 1 if quantity > 0 else -1
        time_ns = int(self.panel.time_ns[bar])
        self.fills.append(
            (
                time_ns,
                bar,
                order,
                symbol,
                side,
                2 * int(at_close),
                int(reason),
                0,
                abs(quantity),
                price,
                *costs,
            )
        )

    def mark(self, bar: int) -> None:
        """Remember the closes."""
        for symbol in range(self.panel.n_symbols):
            close = float(self.panel.close[bar, symbol])
            if not math.isnan(close):
                self.marks[symbol] = close

    def equity(self) -> float:
        """Return cash and everything at its last known close."""
        return self.cash + sum(
            quantity * self.marks[s] for s, quantity in self.held.items() if quantity
        )

    def rows(self) -> NDArray[np.void]:
        """Return the fills as the engine has them."""
        return np.array(self.fills, FILL)


def splits_between(panel: Panel, symbol: int, after: int, until: int) -> list[float]:
    """Return the ratios of the splits in bars (after, until]."""
    events = panel.events
    chosen = (events["symbol"] == symbol) & (events["kind"] == EventKind.SPLIT)
    chosen &= (events["bar"] > after) & (events["bar"] <= until)
    return [float(value) for value in events["value"][chosen]]


def instant_of(fill: NDArray[np.void]) -> int:
    """Return the last bar whose corporate actions have happened when a fill does."""
    return int(fill["bar"]) + (1 if fill["order"] < 0 and fill["phase"] == 2 else 0)


def restated(amount: float, ratios: list[float]) -> float:
    """Return a price or an amount per share in the shares after all splits."""
    for ratio in ratios:
        amount /= ratio
    return amount


def naive_trades(
    fills: NDArray[np.void], orders: NDArray[np.void], panel: Panel
) -> tuple[list[dict[str, float]], list[tuple[int, float, int]]]:
    """Return trades as plain dicts, and what stays open: (row of the entry, quantity, side)."""
    trades: list[dict[str, float]] = []
    lots: dict[
        int, list[list[float]]
    ] = {}  # per symbol: row, quantity, instant up to which it is restated
    stays: dict[int, int] = {}
    for row, fill in enumerate(fills):
        symbol, side, now = int(fill["symbol"]), int(fill["side"]), instant_of(fill)
        queue = lots.setdefault(symbol, [])
        for lot in queue:
            for ratio in splits_between(panel, symbol, int(lot[2]), now):
                lot[1] *= ratio
            lot[2] = now
        rest = float(fill["quantity"])
        while rest > FLAT and queue and fills["side"][int(queue[0][0])] != side:
            part = queue[0][1] if queue[0][1] - rest < FLAT else rest
            entry = fills[int(queue[0][0])]
            trades.append(_trade(len(trades) + 1, stays[symbol], entry, fill, part, orders, panel))
            queue[0][1] -= part
            rest -= part
            if queue[0][1] < FLAT:
                queue.pop(0)
        if rest > FLAT:
            if not queue:
                stays[symbol] = stays.get(symbol, 0) + 1
            queue.append([row, rest, now])
    left = [
        (int(row), quantity, int(fills["side"][int(row)]))
        for q in lots.values()
        for row, quantity, _ in q
    ]
    return trades, left


def _trade(
    number: int,
    stay: int,
    entry: NDArray[np.void],
    leaving: NDArray[np.void],
    quantity: float,
    orders: NDArray[np.void],
    panel: Panel,
) -> dict[str, float]:
    symbol, side = int(entry["symbol"]), int(entry["side"])
    start, end = instant_of(entry), instant_of(leaving)
    ratios = splits_between(panel, symbol, start, end)
    price = restated(float(entry["price"]), ratios)
    entered = (
        restated(quantity, [1.0 / r for r in ratios])
        if not ratios
        else quantity / math.prod(ratios)
    )
    of_entry, of_exit = entered / float(entry["quantity"]), quantity / float(leaving["quantity"])
    costs = {
        name: float(entry[name]) * of_entry + float(leaving[name]) * of_exit
        for name in ("commission", "tax", "slippage")
    }
    dividends = side * _dividends_per_share(panel, symbol, start, end) * quantity
    exit_price = float(leaving["price"])
    gross = side * (exit_price * quantity - price * quantity)
    pnl = gross - costs["commission"] - costs["tax"] + dividends
    if abs(pnl) <= 1e-12 * (price + exit_price) * quantity:
        pnl = 0.0
    best, worst = _excursions(entry, leaving, price, panel)
    entry_order, exit_order = int(entry["order"]), int(leaving["order"])
    return {
        "trade_no": number,
        "position_no": stay,
        "symbol": symbol,
        "side": side,
        "exit_reason": int(leaving["reason"]),
        "entry_label": int(orders["label"][entry_order]) if entry_order >= 0 else 0,
        "exit_label": int(orders["label"][exit_order]) if exit_order >= 0 else 0,
        "ambiguous": 0,
        "quantity": quantity,
        "entry_signal_bar": int(orders["decided"][entry_order]) if entry_order >= 0 else -1,
        "entry_bar": int(entry["bar"]),
        "entry_price": price,
        "exit_signal_bar": int(orders["decided"][exit_order]) if exit_order >= 0 else -1,
        "exit_bar": int(leaving["bar"]),
        "exit_price": exit_price,
        **costs,
        "dividends": dividends,
        "pnl": pnl,
        "pnl_rate": pnl / (quantity * price),
        "bars_held": int(leaving["bar"] - entry["bar"]),
        "mfe": best[0] * quantity,
        "mfe_bars": best[1],
        "mae": -worst[0] * quantity,
        "mae_bars": worst[1],
    }


def _dividends_per_share(panel: Panel, symbol: int, start: int, end: int) -> float:
    """Return what a share of the end was paid in bars (start, end]."""
    per_share = 0.0
    for event in panel.events:
        inside = event["symbol"] == symbol and start < event["bar"] <= end
        if inside and event["kind"] == EventKind.DIVIDEND:
            # Dividends come before a split of the same bar.
            later = splits_between(panel, symbol, int(event["bar"]) - 1, end)
            per_share += restated(float(event["value"]), later)
    return per_share


def _excursions(
    entry: NDArray[np.void], leaving: NDArray[np.void], price: float, panel: Panel
) -> tuple[tuple[float, int], tuple[float, int]]:
    """Return how far the price went for and against the trade, per share, and in which bar."""
    symbol, side = int(entry["symbol"]), int(entry["side"])
    first = int(entry["bar"]) + (entry["phase"] == 2)
    stop = int(leaving["bar"]) + (leaving["phase"] == 2)
    seen = [(price, price, 0)]
    for bar in range(first, stop):
        ratios = splits_between(panel, symbol, bar, instant_of(leaving))
        high, low = float(panel.high[bar, symbol]), float(panel.low[bar, symbol])
        if not math.isnan(high):
            seen.append((restated(low, ratios), restated(high, ratios), bar - int(entry["bar"])))
    last = float(leaving["price"])
    seen.append((last, last, int(leaving["bar"] - entry["bar"])))
    good = [((high if side > 0 else -low) - side * price, bar) for low, high, bar in seen]
    bad = [(side * price - (low if side > 0 else -high), bar) for low, high, bar in seen]
    return _first_greatest(good), _first_greatest(bad)


def _first_greatest(found: list[tuple[float, int]]) -> tuple[float, int]:
    greatest = found[0]
    for item in found:
        if item[0] > greatest[0]:
            greatest = item
    return greatest
