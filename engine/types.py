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
    "tick": 1,  # one row an event, known at its instant
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
    CANCEL = 7  # withdraw one's own waiting orders; exits of brackets, and forced ones, stay


class SizeKind(IntEnum):
    """How the size of an instruction is meant; it becomes a quantity at the fill."""

    QUANTITY = 0  # shares
    CASH = 1  # money, costs of a buy included
    PERCENT = 2  # percent of equity at the instant of the fill
    WEIGHT = 3  # fraction of equity at the instant of the fill
    ALL = 4  # the whole position
    RISK = 5  # percent of equity lost if the stop of its bracket is hit
    KELLY = 6  # multiple of the Kelly fraction of equity that the closed stays so far give


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
    LIMIT = 1  # at its limit or better, once the bar touches it
    STOP = 2  # a market order once the bar touches its stop
    STOP_LIMIT = 3  # a limit order once the bar touches its stop
    TRAILING_STOP = 4  # a stop that follows the best price at a distance
    MOO = 5  # at the next open
    MOC = 6  # at the next close


class TimeInForce(IntEnum):
    """How long an order lives."""

    GTC = 0  # until it is filled or withdrawn
    DAY = 1  # the next session of the axis
    GTD = 2  # up to and with the date of ``good_till_ns``


class Intrabar(IntEnum):
    """What is assumed about the order of prices inside a bar."""

    PESSIMISTIC = 0  # the stop before the target
    PATH = 1  # open, the nearer of high and low (the low when equal), the other, close
    MAGNIFIER = 2  # finer bars decide where there are any


class BracketBase(IntEnum):
    """What the levels of a bracket are measured from."""

    FILL = 0  # the price of the entry's first fill
    SIGNAL_CLOSE = 1  # the close of the bar that decided the entry


class LevelKind(IntEnum):
    """How the level of a bracket is given."""

    NONE = 0
    RATE = 1  # fraction of the base; of a trailing level, of the best price
    PRICE = 2  # absolute price
    AMOUNT = 3  # price units from the base; of a trailing level, from the best price


class Phase(IntEnum):
    """When in its bar an execution happened."""

    OPEN = 0
    INSIDE = 1
    CLOSE = 2


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
    DAY_OVER = 9  # expired: its session is over
    GTD_OVER = 10  # expired: its last date is over
    OCO = 11  # cancelled: the other side of its bracket ended the position
    NO_STOP = 12  # refused: sized by risk without a stop beyond its price
    NOT_A_MEMBER = 13  # refused: the symbol is not in the universe at the decision


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
    SAID_WRONG = 3  # an on_bar strategy said for ``state.bar`` what is no order


class RunEvent(IntEnum):
    """What happened to the account that no order and no signal asked for."""

    MARGIN_BREACH = 0  # equity at a close below maintenance margin; value: what is missing
    FORCED_CLOSE = 1  # a position closed for it; value: the quantity, negative when sold


INSTRUCTION: Final = np.dtype(
    [
        ("bar", "<i8"),  # decided at the close of this bar
        ("good_till_ns", "<i8"),  # with GTD: an instant of the last date
        ("symbol", "<i4"),
        ("label", "<i2"),  # index into the strategy's list of signal names
        ("action", "<i1"),  # Action
        ("size_kind", "<i1"),  # SizeKind
        ("kind", "<i1"),  # OrderKind
        ("tif", "<i1"),  # TimeInForce
        ("stop_kind", "<i1"),  # LevelKind of the bracket's stop
        ("target_kind", "<i1"),  # LevelKind of the bracket's target
        (
            "trail_kind",
            "<i1",
        ),  # LevelKind (RATE, AMOUNT) of the bracket's, or its own, trailing stop
        ("size", "<f8"),  # in the unit of size_kind; negative targets are short
        ("limit", "<f8"),  # price; used by LIMIT and STOP_LIMIT
        ("stop", "<f8"),  # price; used by STOP and STOP_LIMIT
        ("stop_value", "<f8"),  # by stop_kind
        ("target_value", "<f8"),  # by target_kind
        ("trail_value", "<f8"),  # by trail_kind
        ("close_stop_rate", "<f8"),  # exit when a close has lost this fraction of the entry price
        ("close_target_rate", "<f8"),  # exit when a close has gained this fraction; 0 is none
    ],
    align=True,
)

ORDER: Final = np.dtype(
    [
        ("decided", "<i8"),  # bar at whose close it was decided; of a bracket's exit, its entry was
        ("closed", "<i8"),  # bar in which it ended; -1 while working
        ("good_till_ns", "<i8"),
        ("parent", "<i8"),  # row of the entry whose bracket this exit is; -1 for all others
        ("bracket", "<i8"),  # row of the first exit of its own bracket; -1 when there is none
        ("entered", "<i8"),  # bar of its first fill; -1 before
        (
            "tried",
            "<i8",
        ),  # last bar whose volume was not enough for it: it is not tried again in that bar
        ("since", "<i8"),  # of a trailing stop: first bar whose extremes it follows
        ("symbol", "<i4"),
        ("label", "<i2"),
        ("action", "<i1"),  # Action it came from
        ("kind", "<i1"),  # OrderKind
        ("tif", "<i1"),  # TimeInForce
        ("side", "<i1"),  # Side; 0 for a target until it is filled
        ("size_kind", "<i1"),  # SizeKind
        ("status", "<i1"),  # OrderStatus
        ("reason", "<i1"),  # OrderReason
        ("cause", "<i1"),  # Reason its fills will carry
        ("triggered", "<i1"),  # 1 once a stop has been touched
        ("phase", "<i1"),  # Phase of its first fill
        ("stop_kind", "<i1"),
        ("target_kind", "<i1"),
        ("trail_kind", "<i1"),
        ("size", "<f8"),
        ("limit", "<f8"),  # restated by splits, as are all prices here
        ("stop", "<f8"),  # of a trailing stop: where it stands now
        ("stop_value", "<f8"),
        ("target_value", "<f8"),
        ("trail_value", "<f8"),
        ("close_stop_rate", "<f8"),
        ("close_target_rate", "<f8"),
        ("base", "<f8"),  # close of the deciding bar
        ("best", "<f8"),  # of a trailing stop: the best price so far
        ("filled", "<f8"),  # quantity executed
        ("remaining", "<f8"),  # quantity still to trade, from the first fill on
        ("covered", "<f8"),  # of an entry: what its bracket would close
        ("value", "<f8"),  # money executed so far, of which the commission is reckoned
        ("commission", "<f8"),  # money charged so far
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
        ("phase", "<i1"),  # Phase
        ("reason", "<i1"),  # Reason
        ("ambiguous", "<i1"),  # 1 when an assumption about the order inside the bar decided it
        ("quantity", "<f8"),  # always positive
        ("price", "<f8"),  # slippage and spread included
        ("commission", "<f8"),  # money
        ("tax", "<f8"),  # money
        ("slippage", "<f8"),  # money: the part of the price that costs made up, for information
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
        ("uses_levels", "<i8"),  # 1 when an order carried a level that is judged at closes
        ("n_events", "<i8"),  # rows of RUN_EVENT written
        ("expires_ns", "<i8"),  # no waiting order dies of its date before this instant
        ("n_rebalanced", "<i8"),  # rebalancings by drift so far
        ("n_ambiguous", "<i8"),  # bars, by symbol, that an assumption about their inside decided
        ("n_wins", "<i8"),  # stays, flat to flat, that ended with a profit
        ("n_losses", "<i8"),
        ("n_stays", "<i8"),  # break-even ones included
        ("won", "<f8"),  # money, sum of the profits of those stays
        ("lost", "<f8"),  # money, sum of the losses, positive
        ("borrow_paid", "<f8"),  # money paid for borrowed shares so far
        ("interest_paid", "<f8"),  # money paid for borrowed cash so far
    ],
    align=True,
)

RUN_EVENT: Final = np.dtype(
    [
        ("bar", "<i8"),
        ("symbol", "<i4"),  # -1 when it concerns the whole account
        ("kind", "<i4"),  # RunEvent
        ("value", "<f8"),
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
