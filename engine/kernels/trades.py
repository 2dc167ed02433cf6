"""Round trips out of executions: first in, first out, symbol by symbol.

Fills are walked once, in their order. Each symbol has a chain of open *lots*, oldest first; a fill
against the position uses lots up from the front, one trade a lot, and what is left of it opens a
lot on the other side. A lot is named by the row of the fill that opened it, so a chain needs no
memory of its own.

Excursions. Looking through all bars of each trade again would read a bar once for every part of a
position. Instead a lot keeps the extremes of the bars from its own entry to the entry of the next
lot, each bar is read once, and a trade's extremes are those of its lot and of all later ones.

Corporate actions come in as the account applied them: dividends, then splits, at the open of their
bar before that bar's fills; one split a symbol and bar. What the axis has no bar for any more comes
after the last bar.
"""

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from engine.kernels.ledger import FLAT
from engine.types import EventKind, Phase

_DIVIDEND = int(EventKind.DIVIDEND)
_SPLIT = int(EventKind.SPLIT)
_CLOSE = int(Phase.CLOSE)
_NO_ACTION: int = np.int64(0)  # type: ignore[assignment]  # typed: a literal has `actions_nb` compiled twice
Record = Any  # one row of a struct array

_NOISE = 1e-12  # a profit smaller than this part of the values it is the difference of is zero

LOT = np.dtype(
    [
        ("next", "<i8"),  # the lot opened after it; -1 for the newest
        ("quantity", "<f8"),  # what is left of it, positive
        ("price", "<f8"),
        ("commission", "<f8"),  # per share, as are the next three
        ("tax", "<f8"),
        ("slippage", "<f8"),
        ("dividends", "<f8"),  # credited so far; as of a long position
        ("high", "<f8"),  # of the bars from its entry to the next lot's entry
        ("high_bar", "<i8"),
        ("low", "<f8"),
        ("low_bar", "<i8"),
    ],
    align=True,
)

LINE = np.dtype(
    [
        ("first", "<i8"),  # oldest open lot; -1 when flat
        ("last", "<i8"),
        ("side", "<i8"),  # of the position
        ("position_no", "<i8"),
        ("seen", "<i8"),  # first bar whose high and low are not in a lot yet
    ],
    align=True,
)


@njit(nogil=True, cache=True)
def look_nb(
    line: Record,
    lots: NDArray[np.void],
    high: NDArray[np.float64],
    low: NDArray[np.float64],
    symbol: int,
    stop: int,
) -> None:
    """Take the bars before ``stop`` that no lot has yet into the newest; not when flat."""
    lot = lots[line.last]
    stop = min(stop, high.shape[0])
    highest, lowest = lot.high, lot.low
    # Extremes first, their bars after: a branch taken at every new extreme costs more than a second
    # look.
    for bar in range(line.seen, stop):
        highest = high[bar, symbol] if high[bar, symbol] > highest else highest
        lowest = low[bar, symbol] if low[bar, symbol] < lowest else lowest
    if highest > lot.high:
        bar = line.seen
        while high[bar, symbol] != highest:
            bar += 1
        lot.high, lot.high_bar = highest, bar
    if lowest < lot.low:
        bar = line.seen
        while low[bar, symbol] != lowest:
            bar += 1
        lot.low, lot.low_bar = lowest, bar
    line.seen = stop


@njit(nogil=True, cache=True)
def split_lots_nb(line: Record, lots: NDArray[np.void], ratio: float) -> None:
    """Restate the open lots of a symbol in new shares; what is nothing in them is gone."""
    total = 0.0
    i = line.first
    while i >= 0:
        lot = lots[i]
        lot.quantity *= ratio
        lot.price /= ratio
        lot.commission /= ratio
        lot.tax /= ratio
        lot.slippage /= ratio
        lot.dividends /= ratio
        lot.high /= ratio
        lot.low /= ratio
        total += lot.quantity
        i = lot.next
    if total < FLAT:
        line.first = line.last = -1


@njit(nogil=True, cache=True)
def actions_nb(
    events: NDArray[np.void],
    done: int,
    until: int,
    lines: NDArray[np.void],
    lots: NDArray[np.void],
    high: NDArray[np.float64],
    low: NDArray[np.float64],
) -> int:
    """Apply the events from row ``done`` up to bar ``until``; return the first not applied."""
    while done < len(events) and events[done].bar <= until:
        event = events[done]
        done += 1
        line = lines[event.symbol]
        if line.first < 0:
            continue
        if event.kind == _DIVIDEND:
            i = line.first
            while i >= 0:
                lots[i].dividends += event.value
                i = lots[i].next
        elif event.kind == _SPLIT:
            look_nb(line, lots, high, low, event.symbol, event.bar)
            split_lots_nb(line, lots, event.value)
    return done


@njit(nogil=True, cache=True)
def open_lot_nb(
    line: Record,
    lots: NDArray[np.void],
    fills: NDArray[np.void],
    row: int,
    quantity: float,
) -> None:
    """Open a lot with what a fill does not close."""
    fill = fills[row]
    lot = lots[row]
    lot.next = -1
    lot.quantity = quantity
    lot.price = fill.price
    lot.commission = fill.commission / fill.quantity
    lot.tax = fill.tax / fill.quantity
    lot.slippage = fill.slippage / fill.quantity
    lot.dividends = 0.0
    lot.high = -np.inf
    lot.low = np.inf
    lot.high_bar = lot.low_bar = fill.bar
    if line.first < 0:
        line.first = row
        line.seen = fill.bar + (fill.phase == _CLOSE)
        line.side = fill.side
        line.position_no += 1
    else:
        lots[line.last].next = row
    line.last = row


@njit(nogil=True, cache=True)
def excursions_nb(line: Record, lots: NDArray[np.void], trade: Record, multiplier: float) -> None:
    """Write how far the price went for and against a trade of the oldest lot, and when."""
    top = bottom = trade.entry_price
    top_bar = bottom_bar = trade.entry_bar
    i = line.first
    while i >= 0:
        lot = lots[i]
        if lot.high > top:
            top, top_bar = lot.high, lot.high_bar
        if lot.low < bottom:
            bottom, bottom_bar = lot.low, lot.low_bar
        i = lot.next
    if trade.exit_price > top:
        top, top_bar = trade.exit_price, trade.exit_bar
    if trade.exit_price < bottom:
        bottom, bottom_bar = trade.exit_price, trade.exit_bar
    up = (top - trade.entry_price) * trade.quantity * multiplier
    down = (bottom - trade.entry_price) * trade.quantity * multiplier
    if trade.side > 0:
        trade.mfe, trade.mfe_bars = up, top_bar - trade.entry_bar
        trade.mae, trade.mae_bars = down, bottom_bar - trade.entry_bar
    else:
        trade.mfe, trade.mfe_bars = -down, bottom_bar - trade.entry_bar
        trade.mae, trade.mae_bars = -up, top_bar - trade.entry_bar


@njit(nogil=True, cache=True)
def signal_nb(orders: NDArray[np.void], row: int) -> tuple[int, int]:
    """Return the bar and the label of the decision behind a fill: -1 and 0 when there is none."""
    if row < 0:
        return -1, 0
    return orders[row].decided, orders[row].label


@njit(nogil=True, cache=True)
def write_trade_nb(
    trade: Record,
    line: Record,
    lots: NDArray[np.void],
    fills: NDArray[np.void],
    orders: NDArray[np.void],
    row: int,
    quantity: float,
    multiplier: float,
) -> None:
    """Write the trade that closes ``quantity`` of the oldest lot with the fill in ``row``."""
    lot, entry, leaving = lots[line.first], fills[line.first], fills[row]
    trade.position_no = line.position_no
    trade.symbol = leaving.symbol
    trade.side = line.side
    trade.exit_reason = leaving.reason
    trade.ambiguous = entry.ambiguous | leaving.ambiguous
    trade.quantity = quantity
    trade.entry_signal_bar, trade.entry_label = signal_nb(orders, entry.order)
    trade.exit_signal_bar, trade.exit_label = signal_nb(orders, leaving.order)
    trade.entry_bar = entry.bar
    trade.exit_bar = leaving.bar
    trade.bars_held = leaving.bar - entry.bar
    trade.entry_price = lot.price
    trade.exit_price = leaving.price
    share = quantity / leaving.quantity
    trade.commission = lot.commission * quantity + leaving.commission * share
    trade.tax = lot.tax * quantity + leaving.tax * share
    trade.slippage = lot.slippage * quantity + leaving.slippage * share
    trade.dividends = line.side * lot.dividends * quantity * multiplier
    paid, got = lot.price * quantity * multiplier, leaving.price * quantity * multiplier
    pnl = line.side * (got - paid) - trade.commission - trade.tax + trade.dividends
    trade.pnl = 0.0 if abs(pnl) <= _NOISE * (paid + got) else pnl
    trade.pnl_rate = trade.pnl / paid if paid > 0.0 else 0.0
    excursions_nb(line, lots, trade, multiplier)


@njit(nogil=True, cache=True)
def match_trades_nb(
    fills: NDArray[np.void],
    orders: NDArray[np.void],
    events: NDArray[np.void],
    high: NDArray[np.float64],
    low: NDArray[np.float64],
    until: int,
    trades: NDArray[np.void],
    lots: NDArray[np.void],
    lines: NDArray[np.void],
    multipliers: NDArray[np.float64],
) -> int:
    """Match fills into trades and return how many; what stays open is left in ``lines``, ``lots``.

    Parameters
    ----------
    fills : FILL (n_fills,)
        In the order of execution; bars count the rows of ``high``.
    orders : ORDER (n_orders,)
        What ``fills["order"]`` points to.
    events : ACTION_EVENT (n_events,)
        Sorted by bar, kind, symbol.
    high, low : (n_bars, n_symbols)
        Prices, NaN where a symbol has no bar.
    until : int
        Last bar whose events have happened.
    trades : TRADE (2 x n_fills,)
        Written from the front: a fill ends at most one lot in part, and each lot is ended once.
    lots : LOT (n_fills,), lines : LINE (n_symbols,)
        Working memory; ``first`` and ``last`` of each line are -1, all else zero.
    multipliers : (n_symbols,)
        Money that one point of price is worth for one share or contract.
    """
    n = 0
    done = _NO_ACTION
    for row in range(len(fills)):
        fill = fills[row]
        # A corporate action that found no bar any more happens after the close of the last one.
        after_close = fill.order < 0 and fill.phase == _CLOSE
        if done < len(events) and events[done].bar <= fill.bar + after_close:
            done = actions_nb(events, done, fill.bar + after_close, lines, lots, high, low)
        line = lines[fill.symbol]
        if line.first >= 0:
            look_nb(line, lots, high, low, fill.symbol, fill.bar + (fill.phase == _CLOSE))
        rest = fill.quantity
        while rest > FLAT and line.first >= 0 and line.side != fill.side:
            lot = lots[line.first]
            part = lot.quantity if lot.quantity - rest < FLAT else rest
            write_trade_nb(
                trades[n], line, lots, fills, orders, row, part, multipliers[fill.symbol]
            )
            n += 1
            trades[n - 1].trade_no = n
            lot.quantity -= part
            rest -= part
            if lot.quantity < FLAT:
                line.first = lot.next
                if lot.next < 0:
                    line.last = -1
        if rest > FLAT:
            open_lot_nb(line, lots, fills, row, rest)
    actions_nb(events, done, until, lines, lots, high, low)
    return n


@njit(nogil=True, cache=True)
def open_position_nb(
    lines: NDArray[np.void], lots: NDArray[np.void], symbol: int, multiplier: float
) -> tuple[float, float, float]:
    """Return of an open position: quantity (positive), quantity x price, costs less dividends (money)."""
    quantity = paid = costs = 0.0
    i = lines[symbol].first
    while i >= 0:
        lot = lots[i]
        quantity += lot.quantity
        paid += lot.price * lot.quantity
        costs += (
            lot.commission + lot.tax - lines[symbol].side * lot.dividends * multiplier
        ) * lot.quantity
        i = lot.next
    return quantity, paid, costs
