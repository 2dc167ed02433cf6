"""One instant of trading: every order that can fill at this open or close, against one cash account.

First the exits, sells before buys; they take no cash that others compete for. Then all other orders: each is parted
into what it closes and what it opens, the openings compete for free cash, and the fills go sells before buys, each by
the bar of the signal, then by symbol. Sizes in percent or weights are of the equity before the instant's first fill.
"""

import numpy as np
from numba import njit
from numpy.typing import NDArray

from engine.kernels.book import Book, Rules
from engine.kernels.fills import (
    SLACK,
    commission_nb,
    fill_price_nb,
    lots_for_nb,
    money_needed_nb,
    quantity_for_nb,
    whole_lots_nb,
)
from engine.kernels.ledger import FLAT, equity_nb, free_cash_nb, record_nb, settle_nb
from engine.market import PanelArrays
from engine.types import Action, OrderReason, OrderStatus, ShortOfCash, SizeKind

# Constants are NumPy scalars: a Python literal would have every callee compiled once more for its value.
_OPENS = np.bool_(True)
_CLOSES = np.bool_(False)
_EXIT_LONG = np.int64(Action.EXIT_LONG)
_EXIT_SHORT = np.int64(Action.EXIT_SHORT)
_TARGET = np.int64(Action.TARGET)
_QUANTITY = np.int64(SizeKind.QUANTITY)
_CASH = np.int64(SizeKind.CASH)
_PERCENT = np.int64(SizeKind.PERCENT)
_FILLED = np.int64(OrderStatus.FILLED)
_REFUSED = np.int64(OrderStatus.REFUSED)
_CANCELLED = np.int64(OrderStatus.CANCELLED)
_NONE = np.int64(OrderReason.NONE)
_REDUCED = np.int64(OrderReason.REDUCED_TO_CASH)
_NO_CASH = np.int64(OrderReason.NO_CASH)
_BELOW_ONE_LOT = np.int64(OrderReason.BELOW_ONE_LOT)
_GONE = np.int64(OrderReason.POSITION_GONE)
_NOTHING = np.int64(OrderReason.NOTHING_TO_DO)
_SCALE = np.int64(ShortOfCash.SCALE)
_REJECT = np.int64(ShortOfCash.REJECT)


@njit(nogil=True, cache=True, no_cpython_wrapper=True, no_cfunc_wrapper=True)
def take_ready_nb(
    state: NDArray[np.void], panel: PanelArrays, book: Book, bar: int, newest: int
) -> int:
    """Move the waiting orders that can fill in this bar into the group and return their number.

    An order can fill when it was decided at ``newest`` or before and its symbol trades: it has a bar and, where
    volumes are known, some volume.
    """
    n = 0
    kept = 0
    for i in range(state[0].n_pending):
        row = book.pending[i]
        symbol = book.orders[row].symbol
        trades = not np.isnan(panel.close[bar, symbol]) and (
            not panel.volume_known[symbol] or panel.volume[bar, symbol] > 0.0
        )
        if trades and book.orders[row].decided <= newest:
            book.group[n] = row
            book.waiting[symbol] -= 1
            n += 1
        else:
            book.pending[kept] = row
            kept += 1
    state[0].n_pending = kept
    return n


@njit(nogil=True, cache=True, no_cpython_wrapper=True, no_cfunc_wrapper=True)
def close_order_nb(book: Book, row: int, bar: int, status: int, reason: int) -> None:
    """Write how an order ended."""
    book.orders[row].status = status
    book.orders[row].reason = reason
    book.orders[row].closed = bar


@njit(nogil=True, cache=True, no_cpython_wrapper=True, no_cfunc_wrapper=True)
def execute_nb(
    state: NDArray[np.void],
    panel: PanelArrays,
    rules: Rules,
    book: Book,
    fills: NDArray[np.void],
    row: int,
    bar: int,
    at_close: int,
    quantity: float,
    entering: bool,
) -> None:
    """Fill an order with ``quantity`` at this instant: price, costs, record, ledger."""
    order = book.orders[row]
    symbol = np.int64(order.symbol)
    side = np.int64(order.side)
    raw = panel.close[bar, symbol] if at_close else panel.open[bar, symbol]
    price = fill_price_nb(raw, side, entering, rules)
    commission = commission_nb(quantity, price, rules)
    tax = rules.sell_tax_rate * (quantity * price) if side < 0 else 0.0
    fill = fills[
        record_nb(state, panel, fills, bar, symbol, side, quantity, price, np.int64(order.cause))
    ]
    fill.order = row
    fill.phase = 2 * at_close
    fill.commission = commission
    fill.tax = tax
    fill.slippage = quantity * abs(price - raw)
    settle_nb(state, book, symbol, side, quantity, price, commission + tax)
    opened = entering and book.quantity[symbol] * side > 0.0
    if opened and (order.close_stop_rate > 0.0 or order.close_target_rate > 0.0):
        book.stop_rate[symbol] = order.close_stop_rate
        book.target_rate[symbol] = order.close_target_rate
    order.filled = quantity
    close_order_nb(book, row, bar, _FILLED, np.int64(order.reason))


@njit(nogil=True, cache=True, no_cpython_wrapper=True, no_cfunc_wrapper=True)
def wanted_nb(book: Book, rules: Rules, row: int, raw: float, equity: float) -> float:
    """Return the signed, unrounded quantity that an order wants to trade now; sets the side of a target."""
    order = book.orders[row]
    held = book.quantity[order.symbol]
    if order.size_kind == _QUANTITY:
        if order.action != _TARGET:
            return order.side * order.size
        change = order.size - held
        order.side = 1 if change >= 0.0 else -1
        return change
    if order.size_kind == _CASH:
        money = order.size
    elif order.size_kind == _PERCENT:
        money = equity * order.size / 100.0
    else:
        money = equity * order.size
    if order.action == _TARGET:
        if money == 0.0:
            order.side = 1 if held < 0.0 else -1
            return -held
        money -= held * raw
        order.side = 1 if money >= 0.0 else -1
    side = np.int64(order.side)
    money = abs(money)
    price = fill_price_nb(raw, side, held * side >= 0.0, rules)
    if price <= 0.0:
        return 0.0
    # The money of a buy includes its costs, the value of a sell does not.
    quantity = quantity_for_nb(money, price, side, rules) if side > 0 else money / price
    if held * side < 0.0 and quantity > abs(held):
        # It enters the other side, and does all of it at the price of an entry.
        price = max(fill_price_nb(raw, side, _OPENS, rules), SLACK)
        quantity = quantity_for_nb(money, price, side, rules) if side > 0 else money / price
        quantity = max(quantity, abs(held))
    if order.action == _TARGET and held * side < 0.0 and order.size * side <= 0.0:
        quantity = min(quantity, abs(held))  # costs and slippage never carry a reduction past flat
    return side * quantity


@njit(nogil=True, cache=True, no_cpython_wrapper=True, no_cfunc_wrapper=True)
def part_nb(book: Book, rules: Rules, i: int) -> None:
    """Part a wanted trade into what it closes (whole lots, or all that is held) and what it opens.

    Held is what earlier orders of this instant for the same symbol are going to leave.
    """
    order = book.orders[book.group[i]]
    symbol = np.int64(order.symbol)
    held = book.quantity[symbol] + book.moved[symbol]
    size = book.opening[i]
    if held * order.side >= 0.0:
        book.closing[i] = 0.0
        book.opening[i] = size
    elif size >= abs(held) - FLAT:
        book.closing[i] = abs(held)
        rest = size - abs(held)
        book.opening[i] = rest if rest > FLAT else 0.0
    else:
        book.closing[i] = whole_lots_nb(size, rules.lot)
        book.opening[i] = 0.0
    book.moved[symbol] += order.side * (book.closing[i] + book.opening[i])


@njit(nogil=True, cache=True, no_cpython_wrapper=True, no_cfunc_wrapper=True)
def freed_nb(book: Book, rules: Rules, i: int, raw: float) -> float:
    """Return the change of free cash by the part of an order that closes."""
    quantity = book.closing[i]
    if quantity == 0.0:
        return 0.0
    side = np.int64(book.orders[book.group[i]].side)
    price = fill_price_nb(raw, side, book.opening[i] > 0.0, rules)
    costs = commission_nb(quantity, price, rules)
    if side < 0:
        return quantity * price - costs - rules.sell_tax_rate * (quantity * price)
    return quantity * (2.0 * raw - price) - costs


@njit(nogil=True, cache=True, no_cpython_wrapper=True, no_cfunc_wrapper=True)
def limit_nb(book: Book, rules: Rules, i: int, raw: float, money: float) -> float:
    """Round the opening part of an order to lots within ``money`` and return the free cash that it takes."""
    order = book.orders[book.group[i]]
    wanted = book.opening[i]
    if wanted == 0.0:
        return 0.0
    price = fill_price_nb(raw, np.int64(order.side), _OPENS, rules)
    quantity = whole_lots_nb(wanted, rules.lot)
    need = money_needed_nb(quantity, price, np.int64(order.side), rules)
    if quantity == 0.0:
        order.reason = _BELOW_ONE_LOT if book.closing[i] == 0.0 else _NONE
    elif need > money * (1.0 + SLACK):
        quantity = min(quantity, lots_for_nb(money, price, np.int64(order.side), rules))
        need = money_needed_nb(quantity, price, np.int64(order.side), rules)
        order.reason = _REDUCED if quantity + book.closing[i] > 0.0 else _NO_CASH
    book.opening[i] = quantity
    return need if quantity > 0.0 else 0.0


@njit(nogil=True, cache=True, no_cpython_wrapper=True, no_cfunc_wrapper=True)
def scale_nb(
    state: NDArray[np.void], book: Book, rules: Rules, prices: NDArray[np.float64], bar: int, n: int
) -> None:
    """Fit all openings into free cash by one factor on the money that each needs."""
    free = free_cash_nb(state, book, prices, bar)
    need = 0.0
    for i in range(n):
        if book.side[i] == 0:
            continue
        order = book.orders[book.group[i]]
        raw = prices[bar, order.symbol]
        free += freed_nb(book, rules, i, raw)
        price = fill_price_nb(raw, np.int64(order.side), _OPENS, rules)
        need += money_needed_nb(book.opening[i], price, np.int64(order.side), rules)
    short = need > max(free, 0.0) * (1.0 + SLACK)
    factor = max(free, 0.0) / need if short else 1.0
    for i in range(n):
        if book.side[i] == 0:
            continue
        order = book.orders[book.group[i]]
        raw = prices[bar, order.symbol]
        money = np.inf
        if short:
            price = fill_price_nb(raw, np.int64(order.side), _OPENS, rules)
            money = factor * money_needed_nb(book.opening[i], price, np.int64(order.side), rules)
        limit_nb(book, rules, i, raw, money)


@njit(nogil=True, cache=True, no_cpython_wrapper=True, no_cfunc_wrapper=True)
def in_turn_nb(
    state: NDArray[np.void], book: Book, rules: Rules, prices: NDArray[np.float64], bar: int, n: int
) -> None:
    """Give each order in turn, sells first, what free cash is left: in part if need be, or whole or not at all."""
    free = free_cash_nb(state, book, prices, bar)
    for side in (-1, 1):
        for i in range(n):
            if book.side[i] != side:
                continue
            row = book.group[i]
            raw = prices[bar, book.orders[row].symbol]
            freed = freed_nb(book, rules, i, raw)
            before = free
            free += freed
            free -= limit_nb(book, rules, i, raw, free)
            reason = book.orders[row].reason
            if rules.short_of_cash == _REJECT and (reason == _REDUCED or reason == _NO_CASH):
                free = before
                book.closing[i] = 0.0
                book.opening[i] = 0.0
                book.orders[row].reason = _NO_CASH


@njit(nogil=True, cache=True, no_cpython_wrapper=True, no_cfunc_wrapper=True)
def exits_nb(
    state: NDArray[np.void],
    panel: PanelArrays,
    rules: Rules,
    book: Book,
    fills: NDArray[np.void],
    bar: int,
    at_close: int,
    n: int,
) -> None:
    """Fill the exits of the group, sells before buys; each closes all that is held, whatever the lots."""
    for side in (-1, 1):
        for i in range(n):
            row = book.group[i]
            order = book.orders[row]
            leaves = order.action == _EXIT_LONG or order.action == _EXIT_SHORT
            if not leaves or order.side != side:
                continue
            held = book.quantity[order.symbol]
            if held * side < 0.0:
                execute_nb(state, panel, rules, book, fills, row, bar, at_close, abs(held), _CLOSES)
            else:
                close_order_nb(book, row, bar, _CANCELLED, _GONE)


@njit(nogil=True, cache=True, no_cpython_wrapper=True, no_cfunc_wrapper=True)
def finish_nb(
    state: NDArray[np.void],
    panel: PanelArrays,
    rules: Rules,
    book: Book,
    fills: NDArray[np.void],
    bar: int,
    at_close: int,
    i: int,
) -> None:
    """Fill an order with what it closes and opens, or say why there is nothing to fill."""
    row = book.group[i]
    order = book.orders[row]
    held = book.quantity[order.symbol]
    # An earlier order of this instant may have been cut, and left less to close than was reckoned with.
    closing = min(book.closing[i], abs(held) if held * order.side < 0.0 else 0.0)
    quantity = closing + book.opening[i]
    if quantity > 0.0:
        if closing < book.closing[i]:
            order.reason = _REDUCED
        execute_nb(
            state, panel, rules, book, fills, row, bar, at_close, quantity, book.opening[i] > 0.0
        )
    elif book.closing[i] > 0.0:
        close_order_nb(book, row, bar, _CANCELLED, _GONE)
    elif order.action == _TARGET and order.reason != _NO_CASH and held != 0.0:
        close_order_nb(book, row, bar, _CANCELLED, _NOTHING)
    else:
        reason = np.int64(order.reason) if order.reason != 0 else _BELOW_ONE_LOT
        close_order_nb(book, row, bar, _REFUSED, reason)


@njit(nogil=True, cache=True, no_cpython_wrapper=True, no_cfunc_wrapper=True)
def trade_nb(
    state: NDArray[np.void],
    panel: PanelArrays,
    rules: Rules,
    book: Book,
    fills: NDArray[np.void],
    bar: int,
    at_close: int,
    newest: int,
) -> None:
    """Trade everything that can fill at the open (or close) of ``bar``."""
    if state[0].n_pending == 0:
        return
    n = take_ready_nb(state, panel, book, bar, newest)
    if n == 0:
        return
    prices = panel.close if at_close else panel.open
    equity = equity_nb(state, book, prices, bar)
    exits_nb(state, panel, rules, book, fills, bar, at_close, n)
    for i in range(n):
        order = book.orders[book.group[i]]
        book.side[i] = 0
        if order.action == _EXIT_LONG or order.action == _EXIT_SHORT:
            continue
        book.opening[i] = abs(
            wanted_nb(book, rules, book.group[i], prices[bar, order.symbol], equity)
        )
        book.side[i] = order.side
    for side in (-1, 1):
        for i in range(n):
            if book.side[i] == side:
                part_nb(book, rules, i)
    for i in range(n):
        book.moved[book.orders[book.group[i]].symbol] = 0.0
    if rules.short_of_cash == _SCALE:
        scale_nb(state, book, rules, prices, bar, n)
    else:
        in_turn_nb(state, book, rules, prices, bar, n)
    for side in (-1, 1):
        for i in range(n):
            if book.side[i] == side:
                finish_nb(state, panel, rules, book, fills, bar, at_close, i)
