"""What the plain-Python simulation talks about: what was said, orders, fills, positions."""

import math
from dataclasses import dataclass

from engine.types import Action, OrderReason, OrderStatus, Reason, SizeKind


@dataclass
class Said:
    """What a strategy said at the close of a bar."""

    bar: int
    symbol: int
    label: int
    action: Action
    size_kind: SizeKind
    size: float
    stop_rate: float
    target_rate: float


@dataclass(eq=False)
class Order:
    """One order from its decision to its end."""

    decided: int
    symbol: int
    action: Action
    label: int = 0
    size_kind: SizeKind = SizeKind.ALL
    size: float = 0.0
    stop_rate: float = 0.0
    target_rate: float = 0.0
    cause: Reason = Reason.SIGNAL
    side: int = 0
    status: OrderStatus = OrderStatus.WORKING
    reason: OrderReason = OrderReason.NONE
    closed: int = -1
    filled: float = 0.0

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
    at_close: int
    reason: Reason
    quantity: float
    price: float
    commission: float = 0.0
    tax: float = 0.0
    slippage: float = 0.0


@dataclass
class Position:
    """What is held of one symbol, negative when short."""

    quantity: float
    entry: float
    stop_rate: float = 0.0
    target_rate: float = 0.0
    mark: float = math.nan


@dataclass
class Deal:
    """An order at the moment of trading: how much of it closes what is held, how much opens."""

    order: Order
    raw: float
    closes: float
    opens: float
    problem: OrderReason = OrderReason.NONE
