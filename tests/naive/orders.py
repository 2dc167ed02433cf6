"""What the plain-Python simulation talks about: what was said, orders, fills, positions."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.types import INSTRUCTION, Action, OrderReason, OrderStatus, Reason, SizeKind


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


def said_rows(instructions: NDArray[np.void]) -> list[Said]:
    """Return the instructions of the engine as the twin hears them."""
    return [
        Said(
            row["bar"],
            row["symbol"],
            row["label"],
            Action(row["action"]),
            SizeKind(row["size_kind"]),
            row["size"],
            row["close_stop_rate"],
            row["close_target_rate"],
        )
        for row in (
            dict(zip(INSTRUCTION.names or (), values, strict=True))
            for values in instructions.tolist()
        )
    ]


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
    phase: int
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
