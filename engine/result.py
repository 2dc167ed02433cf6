"""What a run came to: one frozen object, and the hash that proves it."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Generic, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

from engine.config import BacktestConfig
from engine.errors import BacktestValidationError, Problem
from engine.types import RUN_EVENT

if TYPE_CHECKING:
    import pandas as pd

T = TypeVar("T")
MetricValue = float | int | str | None

_BLOCK = 32_768  # points hashed at a time: what is made of them stays near the processor


@dataclass(frozen=True, slots=True)
class BacktestProgress:
    """How far a run is. ``fraction`` never falls; money is marked at the close of ``time_ns``."""

    stage: Literal["compile", "load", "signals", "simulate", "metrics", "save", "done"]
    fraction: float
    bars_done: int = 0
    bars_total: int = 0
    time_ns: int | None = None
    elapsed_seconds: float = 0.0
    eta_seconds: float | None = None
    trades: int = 0
    equity: float | None = None
    pnl: float | None = None
    open_positions: int = 0
    live: "LiveCurve | None" = None


@dataclass(frozen=True, slots=True)
class LiveCurve:
    """The account so far: views of arrays of which only later elements are still written.

    Attributes:
        time_ns, equity: (bars_done,) of the bars that are done.
        axis_ns: (bars_total,) of all bars of the run; None where they are not known.
    """

    time_ns: NDArray[np.int64]
    equity: NDArray[np.float64]
    axis_ns: NDArray[np.int64] | None = None


@dataclass(frozen=True, slots=True)
class TradeRecord:
    """One round trip in plain Python values, for people who script; the arrays are the fast way."""

    trade_no: int
    position_no: int
    symbol: str
    side: Literal["long", "short"]
    quantity: float
    entry_time_ns: int
    entry_price: float
    exit_time_ns: int
    exit_price: float
    commission: float
    tax: float
    slippage: float
    pnl: float
    pnl_percent: float
    bars_held: int
    mae: float
    mfe: float
    entry_reason: str
    exit_reason: str


@dataclass(frozen=True, slots=True)
class EquityPoint:
    """One point of the equity curve in plain Python values."""

    time_ns: int
    equity: float
    cash: float
    drawdown: float
    open_positions: int


@dataclass(frozen=True, slots=True)
class OpenPosition:
    """A position that is still there at the end, marked at its last close."""

    symbol: str
    quantity: float
    entry_time_ns: int
    entry_price: float
    mark: float
    value: float
    pnl: float
    stale: bool = False


@dataclass(frozen=True)
class Curve:
    """The account after each counted bar, all (n_bars,).

    Attributes:
        equity: cash + sum of quantity x close.
        cash: money.
        gross: sum of abs(quantity x close).
        positions: number of open positions.
    """

    equity: NDArray[np.float64]
    cash: NDArray[np.float64]
    gross: NDArray[np.float64]
    positions: NDArray[np.int64]


class Later(Generic[T]):
    """An attribute that was given as a value, or as the way to work it out when it is first asked for.

    Hashing a million points takes as long as simulating them, and their drawdowns are eight megabytes to be touched;
    only who keeps, compares or draws a result needs them.
    """

    def __set_name__(self, owner: type, name: str) -> None:
        """Learn the attribute's name."""
        self._name = name

    def __get__(self, result: "BacktestResult | None", owner: type) -> T:
        """Return the value."""
        if result is None:
            raise AttributeError(f"{self._name} belongs to a result")
        found: T | Callable[[], T] = result.__dict__[self._name]
        if callable(found):
            found = result.__dict__[self._name] = found()
        return found

    def __set__(self, result: "BacktestResult", value: T | Callable[[], T]) -> None:
        """Keep a value or the way to it."""
        result.__dict__[self._name] = value


@dataclass(frozen=True)
class BacktestResult:
    """Everything a run came to. Bar indices count ``time_ns``, which holds the counted bars only.

    ``drawdown`` and ``result_hash`` may be given as functions: they are then worked out when they are first asked for.

    Attributes:
        config: the configuration as run.
        status: ``completed``, or ``cancelled`` with what there was until then.
        symbols: names, bytewise.
        time_ns: (n_bars,) opens of the counted bars.
        fills, orders, trades: ``FILL``, ``ORDER`` and ``TRADE`` rows.
        labels: the names that the label columns of orders and trades index.
        curve: the account after each bar; the point before the first bar is the initial capital.
        drawdown: (n_bars,) equity / running maximum - 1, the initial capital counting as the first maximum.
        benchmark: (n_bars,) the benchmark scaled to the initial capital, or None.
        metrics: every metric of the catalogue by name; None where undefined.
        undefined: why, by the name of each metric that is None.
        marks: words a reader must see beside the result: "optimistic", "price return", "survivorship".
        warnings: sentences.
        notices: sentences about the data ("sorted …").
        defects: bad bars dropped, by kind.
        bars_per_year: N of the metrics.
        dataset_hash, result_hash: 64 hex each.
        versions: engine, numba, numpy and python as run.
        duration_seconds: of the simulation with signals and metrics.
        data_labels: where the bars came from, for people.
        ambiguous_bars: bars, by symbol, whose outcome an assumption about the order of prices inside them decided.
        events: ``RUN_EVENT`` rows: margin breaches and the positions closed for them.
        borrow_paid, interest_paid: money paid for borrowed shares and for borrowed cash; in no trade's profit.
    """

    config: BacktestConfig
    status: Literal["completed", "cancelled"]
    symbols: tuple[str, ...]
    time_ns: NDArray[np.int64]
    fills: NDArray[np.void]
    orders: NDArray[np.void]
    trades: NDArray[np.void]
    open_positions: tuple[OpenPosition, ...]
    labels: tuple[str, ...]
    curve: Curve
    benchmark: NDArray[np.float64] | None
    metrics: dict[str, MetricValue]
    undefined: dict[str, str]
    marks: tuple[str, ...]
    warnings: tuple[str, ...]
    notices: tuple[str, ...]
    defects: dict[str, int]
    bars_per_year: float
    timeframe: str
    dataset_hash: str
    versions: dict[str, str]
    drawdown: Later[NDArray[np.float64]] = Later()
    result_hash: Later[str] = Later()
    duration_seconds: float = 0.0
    data_labels: tuple[str, ...] = ()
    ambiguous_bars: int = 0
    events: NDArray[np.void] = field(default_factory=lambda: np.zeros(0, RUN_EVENT))
    borrow_paid: float = 0.0
    interest_paid: float = 0.0

    def trades_frame(self) -> "pd.DataFrame":
        """Return the trades as a pandas frame, one row a round trip."""
        from engine.frames import trades_frame  # pandas is loaded only when it is asked for

        return trades_frame(self)

    def equity_frame(self) -> "pd.DataFrame":
        """Return equity, cash, drawdown and open positions by time."""
        from engine.frames import equity_frame

        return equity_frame(self)


def hash_result(
    fills: NDArray[np.void], time_ns: NDArray[np.int64], equity: NDArray[np.float64]
) -> str:
    """Return the SHA-256 (64 hex) over fills and equity.

    The ASCII bytes ``tb1`` and a line feed; per fill six little-endian 64-bit integers: time,
    symbol, side, quantity x 1e8, price x 1e8, (commission + tax) x 1e4; per equity point two: time,
    equity x 1e4. Each is rounded half to even, so the same digits come out of exact decimals at
    rest.

    Raises
    ------
    BacktestValidationError
        when an amount is too large for these integers.
    """
    refuse_too_large(fills, equity)
    digest = hashlib.sha256(b"tb1\n")
    rows = np.empty((len(fills), 6), "<i8")
    rows[:, 0] = fills["time_ns"]
    rows[:, 1] = fills["symbol"]
    rows[:, 2] = fills["side"]
    rows[:, 3] = np.rint(fills["quantity"] * 1e8)
    rows[:, 4] = np.rint(fills["price"] * 1e8)
    rows[:, 5] = np.rint((fills["commission"] + fills["tax"]) * 1e4)
    digest.update(rows.data)
    points, scaled = np.empty((_BLOCK, 2), "<i8"), np.empty(_BLOCK)
    for first in range(0, len(time_ns), _BLOCK):
        part = time_ns[first : first + _BLOCK]
        n = len(part)
        np.multiply(equity[first : first + n], 1e4, out=scaled[:n])
        points[:n, 0] = part
        points[:n, 1] = np.rint(scaled[:n], out=scaled[:n])
        digest.update(points[:n].data)
    return digest.hexdigest()


def refuse_too_large(fills: NDArray[np.void], equity: NDArray[np.float64]) -> None:
    """Refuse what 64-bit integers of the hash's units can't hold.

    Raises
    ------
    BacktestValidationError
        when an amount is too large for them.
    """
    for what, values, unit in (
        ("a quantity", fills["quantity"], 1e8),
        ("a price", fills["price"], 1e8),
        ("the equity", equity, 1e4),
    ):
        most = max(float(values.max(initial=0.0)), -float(values.min(initial=0.0)))
        if most * unit >= 9e18:
            hint = f"less than {9e18 / unit:.0e} can be kept exactly; start with less capital"
            raise BacktestValidationError(
                Problem("account.initial_capital", f"{what} reached {most:.3g}", hint)
            )
