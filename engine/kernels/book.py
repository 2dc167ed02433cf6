"""What the kernels work on: the rules of a run as numbers, what it was told, and the account's working arrays."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from engine.types import ORDER, RUN_EVENT

NEVER = np.iinfo(np.int64).max  # an instant that does not come

POSITION = np.dtype(
    [
        ("quantity", "<f8"),  # negative is short
        ("mark", "<f8"),  # last known close while it is held
        ("entry", "<f8"),  # average price of the open position
        ("close_stop_rate", "<f8"),  # judged at closes, 0 is none
        ("close_target_rate", "<f8"),
        ("lot", "<f8"),  # 0 means fractions are allowed
        ("tick", "<f8"),  # 0 is none
        ("multiplier", "<f8"),
        (
            "moved",
            "<f8",
        ),  # what earlier orders of one instant are going to trade; 0 between instants
        ("planned", "<f8"),  # the same without sign
        ("used", "<f8"),  # traded in the bar ``used_bar``
        ("used_bar", "<i8"),
        ("stay", "<f8"),  # money gained since it was flat
        ("wanted", "<f8"),  # weight wanted at the last rebalancing by drift; NaN is none
        ("waiting", "<i8"),  # number of its orders that wait
        ("exits", "<i8"),  # number of those that end with the position
        ("ambiguous_bar", "<i8"),  # last bar that was counted as ambiguous
    ],
    align=True,
)

SLOT = np.dtype(
    [
        ("row", "<i8"),  # of the order
        ("side", "<i8"),  # 0 when it has nothing to trade
        ("exact", "<i8"),  # 1 for limits: the raw price is the price
        ("cut", "<i8"),  # 1 when the volume of the bar left some of it waiting
        ("raw", "<f8"),  # price before costs: the ask or the bid where there is a quote
        ("half", "<f8"),  # half of what bid and ask are apart
        ("cap", "<f8"),  # price that costs never carry a stop-limit beyond; NaN is none
        ("volume", "<f8"),  # of the bar, where it is known; else 0
        ("wanted", "<f8"),  # what it wanted to trade, before volume and money
        ("closing", "<f8"),
        ("opening", "<f8"),
        ("key", "<f8"),  # inside a bar: where on its path the level lies
    ],
    align=True,
)


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
    tiers: NDArray[np.float64]  # (n, 2): from this value of an order on, this rate
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


class Plan(NamedTuple):
    """What the strategy said beforehand.

    ``instructions``: ``INSTRUCTION`` rows sorted by bar and symbol. ``weights``: (n_bars, n_symbols) the weights that a
    rebalancing by drift at each close would want, or (0, n_symbols) when nothing is rebalanced by drift.
    """

    instructions: NDArray[np.void]
    weights: NDArray[np.float64]


class Book(NamedTuple):
    """Positions and orders that live on from bar to bar, and room to work in.

    ``positions``: ``POSITION`` (n_symbols,). ``held`` lists the held symbols in ascending order, ``pending`` the rows
    of waiting orders by (bar decided, symbol, creation). ``slots`` and ``touched`` are scratch for one instant and one
    bar, sized like pending. ``happened``: ``RUN_EVENT`` rows. Everything is a plain array: a run can be written down
    between two bars and taken up again.
    """

    positions: NDArray[np.void]
    held: NDArray[np.int64]
    pending: NDArray[np.int64]
    slots: NDArray[np.void]
    touched: NDArray[np.void]
    orders: NDArray[np.void]  # ORDER rows, in the order of their creation
    happened: NDArray[np.void]
    ohlc: NDArray[np.float64]  # (5, n_symbols) the (finer) bar that is walked, then half its spread


def new_book(n_symbols: int, n_orders: int, rules: Rules) -> Book:
    """Return an empty book with room for ``n_orders`` orders and the rules' lot, tick and multiplier."""
    positions = np.zeros(n_symbols, POSITION)
    positions["mark"] = positions["wanted"] = np.nan
    positions["lot"], positions["tick"] = rules.lot, rules.tick
    positions["multiplier"] = rules.multiplier
    positions["used_bar"] = positions["ambiguous_bar"] = -1
    return Book(
        positions=positions,
        held=np.zeros(n_symbols, np.int64),
        pending=np.zeros(n_orders, np.int64),
        slots=np.zeros(n_orders, SLOT),
        touched=np.zeros(2 * n_orders, SLOT),
        orders=np.zeros(n_orders, ORDER),
        happened=np.zeros(n_orders, RUN_EVENT),
        ohlc=np.full((5, n_symbols), np.nan),
    )


def grown(book: Book, n_orders: int) -> Book:
    """Return the book with room for ``n_orders`` orders; what it holds stays."""
    more = n_orders - len(book.orders)

    def longer(array: NDArray[np.generic]) -> NDArray[np.generic]:
        bigger = np.zeros(len(array) + more, array.dtype)
        # As bytes: between the fields of a row nothing else would be carried over, and runs could not be compared.
        bigger.view(np.uint8)[: array.nbytes] = array.view(np.uint8)
        return bigger

    return book._replace(
        pending=longer(book.pending),
        slots=longer(book.slots),
        touched=np.zeros(2 * n_orders, SLOT),
        orders=longer(book.orders),
        happened=longer(book.happened),
    )
