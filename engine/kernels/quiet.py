"""Stretches of bars in which nothing can happen: no order at the market, no level within reach, nothing said or due.

Most bars of most runs are such bars. They are only valued, and trailing stops follow the price; the loops here do that
and stop before the first bar that needs the full course. Which way a bar goes makes no difference to any bit of it.
"""

import numpy as np
from numba import njit
from numpy.typing import NDArray

from engine.kernels.book import Book, Rules
from engine.kernels.fills import SLACK, half_nb
from engine.kernels.orders import (
    TRAILING,
    level_nb,
    reaches_nb,
    rests_nb,
    rises_nb,
    trail_nb,
)
from engine.kernels.session import CurveArrays
from engine.market import PanelArrays

_NO_SYMBOL = np.int64(-1)
_NONE_HELD, _ONE_HELD = np.int64(0), np.int64(1)


@njit(nogil=True, cache=True, no_cpython_wrapper=True, no_cfunc_wrapper=True, _nrt=False)
def fill_nb(column: NDArray[np.generic], value: float, bar: int, until: int) -> None:
    """Write one value into the bars from ``bar`` to before ``until``: a loop of its own each is filled fastest."""
    part = column[bar:until]
    for i in range(len(part)):
        part[i] = value


@njit(nogil=True, cache=True, no_cpython_wrapper=True, no_cfunc_wrapper=True, _nrt=False)
def flat_nb(cash: float, curve: CurveArrays, bar: int, until: int) -> int:
    """Write the bars of an account that holds nothing and waits for nothing."""
    fill_nb(curve.equity, cash, bar, until)
    fill_nb(curve.cash, cash, bar, until)
    fill_nb(curve.gross, 0.0, bar, until)
    fill_nb(curve.positions, _NONE_HELD, bar, until)
    return until


@njit(nogil=True, cache=True, no_cpython_wrapper=True, no_cfunc_wrapper=True, _nrt=False)
def judged_nb(panel: PanelArrays, book: Book, symbol: int, bar: int, until: int) -> int:
    """Return the first bar whose close passes a level, judged at closes, of the position."""
    position = book.positions[symbol]
    entry, stop, target = position.entry, position.close_stop_rate, position.close_target_rate
    side = 1.0 if position.quantity > 0.0 else -1.0
    least = -stop * entry + SLACK * entry if stop > 0.0 else -np.inf
    most = target * entry - SLACK * entry if target > 0.0 else np.inf
    for b in range(bar, until):
        gain = side * (panel.close[b, symbol] - entry)
        if gain <= least or gain >= most:
            return b
    return until


@njit(nogil=True, cache=True, no_cpython_wrapper=True, no_cfunc_wrapper=True, _nrt=False)
def alone_nb(
    state: NDArray[np.void],
    panel: PanelArrays,
    rules: Rules,
    book: Book,
    curve: CurveArrays,
    symbol: int,
    bar: int,
    until: int,
) -> int:
    """Value the only position over bars that reach no level; stop before one whose close decides something."""
    st = state[0]
    position = book.positions[symbol]
    if position.close_stop_rate > 0.0 or position.close_target_rate > 0.0:
        until = judged_nb(panel, book, symbol, bar, until)
    cash, quantity, multiplier = st.cash, position.quantity, position.multiplier
    maintenance = rules.maintenance_margin
    mark = position.mark
    close = panel.close[bar:until, symbol]
    equity, gross = curve.equity[bar:until], curve.gross[bar:until]
    n = len(close)
    for i in range(n):
        before = mark
        price = close[i]
        mark = price if price == price else mark
        value = quantity * (mark * multiplier)
        total = cash + value
        if maintenance > 0.0 and total < maintenance * abs(value):
            mark = before
            n = i
            break
        equity[i] = total
        gross[i] = abs(value)
    position.mark = mark
    fill_nb(curve.cash, cash, bar, bar + n)
    fill_nb(curve.positions, _ONE_HELD, bar, bar + n)
    return bar + n


@njit(nogil=True, cache=True, no_cpython_wrapper=True, no_cfunc_wrapper=True, _nrt=False)
def reach_nb(state: NDArray[np.void], book: Book) -> tuple[float, float, int, int]:
    """Return when the waiting orders of one symbol need a bar: low at most, high at least, and the trailing ones' rows.

    Of trailing stops one may sell and one may buy; rows are -1 where there is none, and -2 says there are more.
    """
    low, high = -np.inf, np.inf
    seller = buyer = -1
    for i in range(state[0].n_pending):
        row = book.pending[i]
        order = book.orders[row]
        if order.kind == TRAILING:
            if order.side < 0:
                seller = row if seller == -1 else -2
            else:
                buyer = row if buyer == -1 else -2
            continue
        level = level_nb(order)
        if rises_nb(order):
            high = min(high, level - SLACK * level)
        else:
            low = max(low, level + SLACK * level)
    return low, high, seller, buyer


@njit(nogil=True, cache=True, no_cpython_wrapper=True, no_cfunc_wrapper=True, _nrt=False)
def guarded_nb(
    panel: PanelArrays, symbol: int, low: float, high: float, bar: int, until: int
) -> int:
    """Return the first bar that reaches a fixed level."""
    lows, highs = panel.low[bar:until, symbol], panel.high[bar:until, symbol]
    for i in range(len(lows)):
        if lows[i] <= low or highs[i] >= high:
            return bar + i
    return until


@njit(nogil=True, cache=True, no_cpython_wrapper=True, no_cfunc_wrapper=True, _nrt=False)
def quoted_nb(
    state: NDArray[np.void], panel: PanelArrays, book: Book, symbol: int, bar: int, until: int
) -> int:
    """Return the first bar whose ask or bid reaches the fixed level of a waiting order, all of one symbol."""
    bought_low = sold_low = -np.inf
    bought_high = sold_high = np.inf
    for i in range(state[0].n_pending):
        order = book.orders[book.pending[i]]
        level = level_nb(order)
        if rises_nb(order):
            if order.side > 0:
                bought_high = min(bought_high, level - SLACK * level)
            else:
                sold_high = min(sold_high, level - SLACK * level)
        elif order.side > 0:
            bought_low = max(bought_low, level + SLACK * level)
        else:
            sold_low = max(sold_low, level + SLACK * level)
    lows, highs = panel.low[bar:until, symbol], panel.high[bar:until, symbol]
    halves = panel.half_spread[bar:until, symbol]
    for i in range(len(lows)):
        half = halves[i] if halves[i] == halves[i] else 0.0
        if lows[i] + half <= bought_low or lows[i] - half <= sold_low:
            return bar + i
        if highs[i] + half >= bought_high or highs[i] - half >= sold_high:
            return bar + i
    return until


@njit(nogil=True, cache=True, no_cpython_wrapper=True, no_cfunc_wrapper=True, _nrt=False)
def trailed_nb(
    panel: PanelArrays,
    book: Book,
    symbol: int,
    row: int,
    low: float,
    high: float,
    bar: int,
    until: int,
) -> int:
    """Return the first bar that reaches a fixed level or the trailing sell stop in ``row``, which follows the highs."""
    order = book.orders[row]
    tick = book.positions[symbol].tick
    best, stop, amount = order.best, order.stop, order.trail_value
    by_rate = order.trail_kind == 1
    reach = max(low, stop + SLACK * stop)
    lows, highs = panel.low[bar:until, symbol], panel.high[bar:until, symbol]
    for i in range(len(lows)):
        top = highs[i]
        if lows[i] <= reach or top >= high:
            until = bar + i
            break
        if top > best:
            best = top
            stop = best * (1.0 - amount) if by_rate else best - amount
            if tick > 0.0:
                order.best = best
                trail_nb(order, tick)
                stop = order.stop
            reach = max(low, stop + SLACK * stop)
    order.best = best
    order.stop = stop
    return until


@njit(nogil=True, cache=True, no_cpython_wrapper=True, no_cfunc_wrapper=True, _nrt=False)
def only_symbol_nb(state: NDArray[np.void], book: Book) -> int:
    """Return the symbol that everything held and waiting belongs to; -1 when there are several."""
    if state[0].n_held > 1:
        return _NO_SYMBOL
    symbol = book.held[0] if state[0].n_held == 1 else _NO_SYMBOL
    for i in range(state[0].n_pending):
        order = book.orders[book.pending[i]]
        if symbol < 0:
            symbol = np.int64(order.symbol)
        elif order.symbol != symbol:
            return _NO_SYMBOL
    return symbol


@njit(nogil=True, cache=True, no_cpython_wrapper=True, no_cfunc_wrapper=True, _nrt=False)
def many_nb(
    state: NDArray[np.void],
    panel: PanelArrays,
    rules: Rules,
    book: Book,
    curve: CurveArrays,
    bar: int,
    until: int,
) -> int:
    """Value several positions bar by bar while no level is reached, and let trailing stops follow."""
    st = state[0]
    quoted = len(panel.half_spread) > 0
    for b in range(bar, until):
        for i in range(st.n_pending):
            order = book.orders[book.pending[i]]
            rises = rises_nb(order)
            price = panel.high[b, order.symbol] if rises else panel.low[b, order.symbol]
            if quoted:
                price += order.side * half_nb(panel, b, np.int64(order.symbol))
            if reaches_nb(price, level_nb(order), rises):
                return b
        total = st.cash
        gross = 0.0
        for i in range(st.n_held):
            symbol = book.held[i]
            position = book.positions[symbol]
            close = panel.close[b, symbol]
            mark = position.mark if np.isnan(close) else close
            position.mark = mark
            value = position.quantity * (mark * position.multiplier)
            total += value
            gross += abs(value)
        if rules.maintenance_margin > 0.0 and total < rules.maintenance_margin * gross:
            return b
        for i in range(st.n_pending):
            order = book.orders[book.pending[i]]
            if order.kind == TRAILING:
                high, low = panel.high[b, order.symbol], panel.low[b, order.symbol]
                if (order.side < 0 and high > order.best) or (order.side > 0 and low < order.best):
                    order.best = high if order.side < 0 else low
                    trail_nb(order, book.positions[order.symbol].tick)
        curve.equity[b] = total
        curve.cash[b] = st.cash
        curve.gross[b] = gross
        curve.positions[b] = st.n_held
    return until


@njit(
    nogil=True,
    cache=True,
    no_cpython_wrapper=True,
    no_cfunc_wrapper=True,
    _nrt=False,
    inline="always",
)
def quiet_nb(
    state: NDArray[np.void],
    panel: PanelArrays,
    rules: Rules,
    book: Book,
    curve: CurveArrays,
    bar: int,
    until: int,
) -> int:
    """Simulate bars from ``bar`` on as long as nothing can happen in them; return the first that was not."""
    st = state[0]
    if st.n_pending == 0 and st.n_held == 0 and (rules.margin_rate <= 0.0 or st.cash >= 0.0):
        return flat_nb(st.cash, curve, bar, until)
    for i in range(st.n_pending):
        if not rests_nb(book.orders[book.pending[i]]):
            return bar
    if rules.margin_rate > 0.0 and st.cash < 0.0:
        return bar
    if rules.borrow_rate > 0.0:
        for i in range(st.n_held):
            if book.positions[book.held[i]].quantity < 0.0:
                return bar
    symbol = only_symbol_nb(state, book)
    if symbol < 0:
        if st.uses_levels == 1 and st.n_held > 0:
            return bar
        return many_nb(state, panel, rules, book, curve, bar, until)
    if st.n_pending > 0:
        low, high, seller, buyer = reach_nb(state, book)
        if seller != -1 and (st.uses_levels == 1 or rules.maintenance_margin > 0.0):
            return bar  # the close may end the stretch before the trailing stop's
        quoted = len(panel.half_spread) > 0
        if buyer != -1 or seller == -2 or (quoted and seller != -1):
            return (
                bar
                if st.uses_levels == 1
                else many_nb(state, panel, rules, book, curve, bar, until)
            )
        if quoted:
            until = quoted_nb(state, panel, book, symbol, bar, until)
        elif seller == -1:
            until = guarded_nb(panel, symbol, low, high, bar, until)
        else:
            until = trailed_nb(panel, book, symbol, seller, low, high, bar, until)
    if st.n_held == 0:
        return flat_nb(st.cash, curve, bar, until)
    return alone_nb(state, panel, rules, book, curve, symbol, bar, until)
