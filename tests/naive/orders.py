"""What the plain-Python simulation talks about: what was said, orders, fills, positions, deals, events."""

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.types import (
    Action,
    LevelKind,
    OrderKind,
    OrderReason,
    OrderStatus,
    Phase,
    Reason,
    SizeKind,
    TimeInForce,
)

NOTHING = 1e-9  # a quantity smaller than this is none

EXITS = (Action.EXIT_LONG, Action.EXIT_SHORT)
LEGS = (Reason.STOP, Reason.TARGET, Reason.TRAILING)
SIDE_OF = {
    Action.BUY: 1,
    Action.SELL: -1,
    Action.ENTER_LONG: 1,
    Action.EXIT_LONG: -1,
    Action.ENTER_SHORT: -1,
    Action.EXIT_SHORT: 1,
    Action.TARGET: 0,
}


@dataclass
class Said:
    """What a strategy said at the close of a bar."""

    bar: int
    good_till_ns: int
    symbol: int
    label: int
    action: Action
    size_kind: SizeKind
    kind: OrderKind
    tif: TimeInForce
    stop_kind: LevelKind
    target_kind: LevelKind
    trail_kind: LevelKind
    size: float
    limit: float
    stop: float
    stop_value: float
    target_value: float
    trail_value: float
    close_stop_rate: float
    close_target_rate: float

    @staticmethod
    def target(bar: int, symbol: int, weight: float) -> "Said":
        """A weight that is wanted."""
        kinds = (LevelKind.NONE,) * 3
        market = (SizeKind.WEIGHT, OrderKind.MARKET, TimeInForce.GTC)
        prices = (math.nan, math.nan, 0.0, 0.0, 0.0, 0.0, 0.0)
        return Said(bar, 0, symbol, 1, Action.TARGET, *market, *kinds, weight, *prices)


WORDS = {
    "action": Action,
    "size_kind": SizeKind,
    "kind": OrderKind,
    "tif": TimeInForce,
    "stop_kind": LevelKind,
    "target_kind": LevelKind,
    "trail_kind": LevelKind,
}


def all_said(instructions: NDArray[np.void]) -> list[Said]:
    """Read the list of instructions."""
    names = instructions.dtype.names or ()
    rows = [dict(zip(names, row, strict=True)) for row in instructions.tolist()]
    return [Said(**{n: WORDS[n](v) if n in WORDS else v for n, v in row.items()}) for row in rows]


@dataclass(eq=False)
class Order:
    """One order from its decision to its end; of a bracket, one exit."""

    decided: int
    symbol: int
    action: Action
    label: int = 0
    kind: OrderKind = OrderKind.MARKET
    tif: TimeInForce = TimeInForce.GTC
    good_till_ns: int = 0
    size_kind: SizeKind = SizeKind.ALL
    size: float = 0.0
    limit: float = math.nan
    stop: float = math.nan
    stop_kind: LevelKind = LevelKind.NONE
    stop_value: float = 0.0
    target_kind: LevelKind = LevelKind.NONE
    target_value: float = 0.0
    trail_kind: LevelKind = LevelKind.NONE
    trail_value: float = 0.0
    close_stop_rate: float = 0.0
    close_target_rate: float = 0.0
    cause: Reason = Reason.SIGNAL
    parent: "Order | None" = None
    row: int = -1
    side: int = 0
    status: OrderStatus = OrderStatus.WORKING
    reason: OrderReason = OrderReason.NONE
    closed: int = -1
    entered: int = -1
    phase: int = 0
    triggered: bool = False
    just_touched: bool = False  # a stop-limit at the instant at which its stop is met
    since: int = 0  # the first bar whose extreme a trailing stop follows
    base: float = math.nan
    best: float = 0.0
    filled: float = 0.0
    remaining: float = 0.0
    covered: float = 0.0
    value: float = 0.0
    commission: float = 0.0
    legs: "list[Order]" = field(default_factory=list)

    @property
    def is_exit(self) -> bool:
        """Whether it closes what is held and opens nothing."""
        return self.action in EXITS

    @property
    def is_working(self) -> bool:
        return self.status is OrderStatus.WORKING

    @property
    def is_stop(self) -> bool:
        """Whether it still waits for its stop to be touched."""
        stops = (OrderKind.STOP, OrderKind.STOP_LIMIT, OrderKind.TRAILING_STOP)
        return self.kind in stops and not self.triggered

    @property
    def is_limit(self) -> bool:
        """Whether it rests at its limit."""
        rests = self.kind is OrderKind.STOP_LIMIT and self.triggered
        return self.kind is OrderKind.LIMIT or rests

    @property
    def is_timed(self) -> bool:
        """Whether it was made for a time and not for a price."""
        return self.kind in (OrderKind.MARKET, OrderKind.MOO, OrderKind.MOC)

    @property
    def is_market(self) -> bool:
        """Whether it trades at a time of its own, whatever the price: market orders, and stops once triggered."""
        became = self.kind in (OrderKind.STOP, OrderKind.TRAILING_STOP) and self.triggered
        return self.kind is OrderKind.MARKET or became

    def end(self, bar: int, status: OrderStatus, reason: OrderReason) -> None:
        self.closed, self.status, self.reason = bar, status, reason


@dataclass
class Fill:
    """One execution."""

    time_ns: int
    bar: int
    order: int
    symbol: int
    side: int
    phase: Phase
    reason: Reason
    quantity: float
    price: float
    ambiguous: int = 0
    commission: float = 0.0
    tax: float = 0.0
    slippage: float = 0.0


@dataclass
class Position:
    """What is held of one symbol, negative when short."""

    quantity: float
    entry: float
    close_stop_rate: float = 0.0
    close_target_rate: float = 0.0
    mark: float = math.nan

    @property
    def side(self) -> int:
        return 1 if self.quantity > 0 else -1


@dataclass
class Deal:
    """An order at the moment of trading: how much of it closes what is held, how much opens."""

    order: Order
    raw: float
    wanted: float = 0.0
    closes: float = 0.0
    opens: float = 0.0
    more_later: bool = False
    waits: bool = False
    problem: OrderReason = OrderReason.NONE


@dataclass
class Event:
    """Something that happened to the account and was not ordered."""

    bar: int
    symbol: int
    kind: Any
    value: float
