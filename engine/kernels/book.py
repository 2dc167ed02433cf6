"""What the kernels work on: the rules of a run as numbers, and the account's working arrays."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from engine.types import ORDER


class Rules(NamedTuple):
    """Costs and execution as plain numbers (rates are fractions, money in the account's currency)."""

    commission_rate: float
    commission_per_share: float
    commission_per_order: float
    commission_min: float
    commission_max: float  # infinity when there is none
    slippage_rate: float
    spread: float  # price units
    spread_rate: float  # fraction of the price
    spread_on: int  # SpreadOn
    sell_tax_rate: float
    fill_at: int  # FillAt
    lot: float  # shares in a lot; 0 means fractions are allowed
    short_of_cash: int  # ShortOfCash
    tiers: NDArray[
        np.float64
    ]  # (n, 2): from this value of an order on, this rate; none uses commission_rate
    slippage_ticks: float
    impact: float  # the price moves by this x sqrt(quantity / volume of the bar)
    borrow_rate: float  # yearly
    margin_rate: float  # yearly
    intrabar: int  # Intrabar
    bracket_base: int  # BracketBase
    volume_limit: float  # share of a bar's volume; 0 is no limit
    tick: float  # 0 is none
    multiplier: float  # money that one point of price is worth for one contract
    initial_margin: float  # fraction of gross value; 0 is no margin
    maintenance_margin: float
    drift: float  # difference of a weight that has the account rebalanced; 0 is never
    kelly_min_trades: int
    kelly_start: float  # percent of equity until then


class Book(NamedTuple):
    """Positions and orders that live on from bar to bar, and room to work in.

    Per symbol (n_symbols,): ``quantity`` (negative is short), ``mark`` (last known close of a held symbol), ``entry``
    (average price of the open position), ``stop_rate`` and ``target_rate`` (levels judged at closes, 0 is none),
    ``waiting`` (number of its orders that wait), ``moved`` (what earlier orders of one instant are going to trade; 0
    between instants). ``held`` lists the held symbols in ascending order, ``pending`` the
    rows of waiting orders by (bar decided, symbol, creation). The rest is scratch for one instant, sized like pending.
    """

    quantity: NDArray[np.float64]
    mark: NDArray[np.float64]
    entry: NDArray[np.float64]
    stop_rate: NDArray[np.float64]
    target_rate: NDArray[np.float64]
    waiting: NDArray[np.int64]
    moved: NDArray[np.float64]
    held: NDArray[np.int64]
    pending: NDArray[np.int64]
    group: NDArray[np.int64]
    closing: NDArray[np.float64]
    opening: NDArray[np.float64]
    side: NDArray[np.int64]
    orders: NDArray[np.void]  # ORDER rows, in the order of their creation


def new_book(n_symbols: int, n_orders: int) -> Book:
    """Return an empty book with room for ``n_orders`` orders."""
    return Book(
        quantity=np.zeros(n_symbols),
        mark=np.full(n_symbols, np.nan),
        entry=np.zeros(n_symbols),
        stop_rate=np.zeros(n_symbols),
        target_rate=np.zeros(n_symbols),
        waiting=np.zeros(n_symbols, np.int64),
        moved=np.zeros(n_symbols),
        held=np.zeros(n_symbols, np.int64),
        pending=np.zeros(n_orders, np.int64),
        group=np.zeros(n_orders, np.int64),
        closing=np.zeros(n_orders),
        opening=np.zeros(n_orders),
        side=np.zeros(n_orders, np.int64),
        orders=np.zeros(n_orders, ORDER),
    )


def grown(book: Book, n_orders: int) -> Book:
    """Return the book with room for ``n_orders`` orders; what it holds stays."""
    bigger = new_book(len(book.quantity), n_orders)
    bigger.pending[: len(book.pending)] = book.pending
    bigger.orders[: len(book.orders)] = book.orders
    return book._replace(
        pending=bigger.pending,
        group=bigger.group,
        closing=bigger.closing,
        opening=bigger.opening,
        side=bigger.side,
        orders=bigger.orders,
    )
