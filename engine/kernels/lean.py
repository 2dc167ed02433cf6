"""What the lean simulation works on: one symbol, market orders, no curve.

A sweep runs one strategy ten thousand times and keeps a row of figures of each run. The general loop would write
orders, fills and a value per bar only to have them summed up and thrown away. Here the account is a handful of
numbers, bars in which nothing changes are never visited, and sums are taken while the account moves. What both have
in common (price, costs, size of a fill) is the same code, and every number that is written down is the same to the
last bit: the order of the arithmetic is that of `ledger`, `trade`, `trades` and `equity`.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

ENTER_LONG = np.uint8(1)  # bits of a decision
EXIT_LONG = np.uint8(2)
ENTER_SHORT = np.uint8(4)
EXIT_SHORT = np.uint8(8)


class Tape(NamedTuple):
    """The bars of the one symbol, (n_bars,) each unless said otherwise; none is missing."""

    time_ns: NDArray[np.int64]
    open: NDArray[np.float64]
    close: NDArray[np.float64]
    trades_at: NDArray[
        np.int64
    ]  # (n_bars + 1,) first bar from here on in which it trades; n_bars: none
    first: int  # bars before it are warm-up
    capital: float
    bars_per_year: float
    risk_free: float  # per bar


class Entry(NamedTuple):
    """How an entry is sized (`SizeKind`) and at which closes it ends: fractions of its price, 0 is never."""

    size_kind: int
    size: float
    stop_rate: float
    target_rate: float


TERMS = np.dtype(
    [
        ("stop_rate", "<f8"),
        ("target_rate", "<f8"),
        ("bars_per_year", "<f8"),
        ("risk_free", "<f8"),
    ]
)
"""What may differ from combination to combination beside its decisions: see `Entry` and `Tape`."""


class Decisions(NamedTuple):
    """What is asked for: ``codes[i]`` at the close of ``bars[i]``, ascending."""

    bars: NDArray[np.int64]
    codes: NDArray[np.uint8]


ACCOUNT = np.dtype(
    [
        ("cash", "<f8"),
        ("quantity", "<f8"),  # negative is short
        ("price", "<f8"),  # of the open entry
        ("entry_bar", "<i8"),
        ("commission", "<f8"),  # of the open entry, money
        ("tax", "<f8"),
        ("marked", "<i8"),  # first bar whose value is not in the sums yet
        ("traded", "<f8"),  # sum of quantity x price of all fills
        ("n_fills", "<i8"),
        ("n_trades", "<i8"),
        ("beyond", "<i8"),  # 1 when something came up that only the full loop knows
        # the curve
        ("before", "<f8"),  # equity at the last bar marked
        ("returns", "<f8"),  # sum, in the order of time
        ("centre", "<f8"),  # what the squares are measured from
        ("squares", "<f8"),  # sum of (return - centre)^2
        ("downside", "<f8"),
        ("equity", "<f8"),  # sum
        ("exposure", "<f8"),
        ("lowest", "<f8"),
        ("lowest_base", "<f8"),
        # the drawdowns
        ("peak", "<f8"),
        ("per_peak", "<f8"),
        ("peak_bar", "<i8"),
        ("below", "<i8"),
        ("fall_squares", "<f8"),
        ("deepest", "<f8"),  # money
        ("longest_ns", "<i8"),
        ("worst", "<f8"),  # lowest drawdown
    ],
    align=True,
)

CLOSED = np.dtype(
    [
        ("entry_bar", "<i8"),
        ("exit_bar", "<i8"),
        ("quantity", "<f8"),  # negative is short
        ("entry_price", "<f8"),
        ("exit_price", "<f8"),
        ("pnl", "<f8"),
    ],
    align=True,
)


class Scratch(NamedTuple):
    """Working memory of one thread."""

    account: NDArray[np.void]  # ACCOUNT (1,)
    closed: NDArray[np.void]  # CLOSED (n_bars,), the first n_trades of which are written
    decisions: Decisions
    above: NDArray[np.uint8]  # (n_bars or more,), whole words of eight


def new_scratch(n_bars: int) -> Scratch:
    """Allocate for a tape of ``n_bars``."""
    return Scratch(
        np.zeros(1, ACCOUNT),
        np.zeros(n_bars, CLOSED),
        Decisions(np.zeros(n_bars, np.int64), np.zeros(n_bars, np.uint8)),
        np.zeros((n_bars + 15) // 8 * 8, np.uint8),
    )
