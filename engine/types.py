"""The vocabulary of a simulation: record layouts, kinds, statuses and reasons, one line of meaning each.

Everything that compiled kernels, Python and the database say to each other is said in these words. The codes are
stored; a number that has been released never changes its meaning.

Units: instants are UTC nanoseconds since 1970; prices and money are in the account's currency; quantities are
shares, contracts or coins (negative when short); ``*_rate`` is a fraction. A *bar* index counts the rows of the
panel's time axis, a *symbol* index its columns (bytewise order of the names).
"""

from enum import IntEnum
from typing import Final

import numpy as np

NS_PER_SECOND: Final = 1_000_000_000
NS_PER_DAY: Final = 86_400 * NS_PER_SECOND

TIMEFRAME_NS: Final[dict[str, int]] = {
    "1m": 60 * NS_PER_SECOND,
    "5m": 300 * NS_PER_SECOND,
    "15m": 900 * NS_PER_SECOND,
    "30m": 1800 * NS_PER_SECOND,
    "1h": 3600 * NS_PER_SECOND,
    "4h": 14_400 * NS_PER_SECOND,
    "1d": NS_PER_DAY,
    "1w": 7 * NS_PER_DAY,
    "1mo": 30 * NS_PER_DAY,
}


class Side(IntEnum):
    """Direction of an execution; also the sign of its quantity."""

    SELL = -1
    BUY = 1


class FillAt(IntEnum):
    """When a market order decided at the close of bar *t* is filled."""

    NEXT_OPEN = 0  # the open of the next bar that trades
    NEXT_CLOSE = 1  # the close of the next bar that trades
    SAME_CLOSE = 2  # the close of t itself: optimistic, and marked so


class Action(IntEnum):
    """What a strategy asks for at the close of a bar."""

    BUY = 0  # an order of its own, whatever is held
    SELL = 1  # an order of its own, whatever is held; opens a short when nothing is held
    ENTER_LONG = 2  # buy, unless already long or about to be
    EXIT_LONG = 3  # close a long position, if there is one
    ENTER_SHORT = 4  # sell short, unless already short or about to be
    EXIT_SHORT = 5  # close a short position, if there is one
    TARGET = 6  # trade the difference to a wanted position


class SizeKind(IntEnum):
    """How the size of an instruction is meant; it becomes a quantity at the fill."""

    QUANTITY = 0  # shares
    CASH = 1  # money, costs of a buy included
    PERCENT = 2  # percent of equity at the instant of the fill
    WEIGHT = 3  # fraction of equity at the instant of the fill
    ALL = 4  # the whole position


class ShortOfCash(IntEnum):
    """What happens when the buys of one instant together exceed cash."""

    SCALE = 0  # all are reduced by one factor
    FIRST_COME = 1  # each takes what is left, in part if need be
    REJECT = 2  # an order that does not fit whole is refused, the next is tried


class SpreadOn(IntEnum):
    """Which fills carry the bid/ask spread."""

    BOTH = 0  # half of it on each fill
    ENTRY = 1  # all of it on the fill that opens or adds


class OrderKind(IntEnum):
    """Order types."""

    MARKET = 0  # at the next (or same) open or close, by ``fill_at``


class OrderStatus(IntEnum):
    """What became of an order."""

    WORKING = 0  # waiting for a bar that trades
    FILLED = 1  # done, possibly for less than was asked (see the reason)
    REFUSED = 2  # the account could not take it
    EXPIRED = 3  # its time ran out
    CANCELLED = 4  # withdrawn by a later instruction, or its position was gone


class OrderReason(IntEnum):
    """Why an order ended as it did; NONE for a plain complete fill."""

    NONE = 0
    REDUCED_TO_CASH = 1  # filled for less than was asked, because cash was short
    NO_CASH = 2  # refused: there was not enough free cash
    BELOW_ONE_LOT = 3  # refused: the size is less than one lot at the fill's price
    END_OF_DATA = 4  # expired: no bar came after it
    SUPERSEDED = 5  # cancelled by a later instruction for the same symbol
    POSITION_GONE = 6  # cancelled: nothing was left to close
    DELISTED = 7  # expired: the symbol left the market
    NOTHING_TO_DO = 8  # cancelled: the wanted position was already there, to less than one lot


class Reason(IntEnum):
    """Why an execution happened; the exit reason of a trade."""

    SIGNAL = 0  # the strategy's own decision, rebalancing included
    STOP = 1  # the stop level of its entry
    TARGET = 2  # the profit target of its entry
    TRAILING = 3  # the trailing level of its entry
    MARGIN = 4  # forced: maintenance margin was breached
    DELISTING = 5  # forced: the symbol left the market
    SPLIT = 6  # a fraction of a share was paid out after a split
    END = 7  # not an execution: the mark of a position open at the end


class Status(IntEnum):
    """What ``advance`` came back with."""

    DONE = 0  # reached the bar it was asked to stop before
    FILLS_FULL = 1  # stopped before ``state.bar``: grow the fills and call again
    ORDERS_FULL = (
        2  # stopped before ``state.bar``: grow the orders and the pending list, and call again
    )


INSTRUCTION: Final = np.dtype(
    [
        ("bar", "<i8"),  # decided at the close of this bar
        ("symbol", "<i4"),
        ("label", "<i2"),  # index into the strategy's list of signal names
        ("action", "<i1"),  # Action
        ("size_kind", "<i1"),  # SizeKind
        ("size", "<f8"),  # in the unit of size_kind; negative targets are short
        (
            "stop_rate",
            "<f8",
        ),  # exit when a close has lost this fraction of the entry price; 0 is none
        (
            "target_rate",
            "<f8",
        ),  # exit when a close has gained this fraction of the entry price; 0 is none
    ],
    align=True,
)

ORDER: Final = np.dtype(
    [
        ("decided", "<i8"),  # bar at whose close it was decided
        ("closed", "<i8"),  # bar in which it ended; -1 while working
        ("symbol", "<i4"),
        ("label", "<i2"),
        ("action", "<i1"),  # Action it came from
        ("kind", "<i1"),  # OrderKind
        ("side", "<i1"),  # Side; 0 for a target until it is filled
        ("size_kind", "<i1"),  # SizeKind
        ("status", "<i1"),  # OrderStatus
        ("reason", "<i1"),  # OrderReason
        ("cause", "<i1"),  # Reason its fills will carry
        ("size", "<f8"),
        ("stop_rate", "<f8"),
        ("target_rate", "<f8"),
        ("filled", "<f8"),  # quantity executed
    ],
    align=True,
)

FILL: Final = np.dtype(
    [
        ("time_ns", "<i8"),  # open of the bar, as the bar carries it
        ("bar", "<i8"),
        ("order", "<i8"),  # row of the order; -1 for a corporate action
        ("symbol", "<i4"),
        ("side", "<i1"),  # Side
        ("at_close", "<i1"),  # 0 at the open, 1 at the close of the bar
        ("reason", "<i1"),  # Reason
        ("quantity", "<f8"),  # always positive
        ("price", "<f8"),  # slippage and spread included
        ("commission", "<f8"),  # money
        ("tax", "<f8"),  # money
        (
            "slippage",
            "<f8",
        ),  # money: the part of the price that slippage and spread made up, for information
    ],
    align=True,
)

STATE: Final = np.dtype(
    [
        ("cash", "<f8"),
        ("next_instruction", "<i8"),  # first instruction not looked at yet
        ("next_action", "<i8"),  # first corporate action not applied yet
        ("bar", "<i8"),  # first bar not simulated yet
        ("n_orders", "<i8"),
        ("n_fills", "<i8"),
        ("n_pending", "<i8"),
        ("n_held", "<i8"),
        ("n_exits", "<i8"),  # fills that closed or reduced a position
        ("uses_levels", "<i8"),  # 1 when an instruction carries a stop or target level
    ],
    align=True,
)

TRADE: Final = np.dtype(
    [
        ("trade_no", "<i8"),  # from 1, in the order of exit
        ("position_no", "<i8"),  # from 1 per symbol: one stay from flat to flat
        ("symbol", "<i4"),
        ("side", "<i1"),  # Side of the entry: BUY is long
        ("exit_reason", "<i1"),  # Reason
        ("entry_label", "<i2"),  # index into the strategy's list of signal names
        ("exit_label", "<i2"),
        ("ambiguous", "<i1"),  # an assumption about the order inside a bar decided it
        ("quantity", "<f8"),  # positive, in the units of the exit
        ("entry_signal_bar", "<i8"),  # -1 when no order stands behind it
        ("entry_bar", "<i8"),
        ("entry_price", "<f8"),  # in the units of the exit
        ("exit_signal_bar", "<i8"),  # -1 when no order stands behind it
        ("exit_bar", "<i8"),
        ("exit_price", "<f8"),
        ("commission", "<f8"),  # entry and exit
        ("tax", "<f8"),
        ("slippage", "<f8"),
        ("dividends", "<f8"),  # credited (long) or debited (short, negative) while held
        ("pnl", "<f8"),  # after costs and with dividends
        ("pnl_rate", "<f8"),  # pnl / (quantity x entry price)
        ("bars_held", "<i8"),
        ("mae", "<f8"),  # worst price excursion x quantity, money, zero or negative
        ("mae_bars", "<i8"),  # bars from the entry to it
        ("mfe", "<f8"),  # best price excursion x quantity, money, zero or positive
        ("mfe_bars", "<i8"),
    ],
    align=True,
)

ACTION_EVENT: Final = np.dtype(
    [
        ("bar", "<i8"),  # first bar on or after the ex-date; for a delisting the bar after the last
        ("symbol", "<i4"),
        ("kind", "<i4"),  # EventKind
        ("value", "<f8"),  # new shares per old share, money per share, or delisting return
    ],
    align=True,
)


class EventKind(IntEnum):
    """Corporate actions, in the order in which one bar applies them."""

    DIVIDEND = 0  # money per share to who held at the close before
    SPLIT = 1  # new shares per old share
    DELISTING = 2  # closes the position at the last close x (1 + value)
