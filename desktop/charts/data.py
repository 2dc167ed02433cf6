"""What charts show, made ready for them. Nothing here touches Qt: build it on a worker, hand it to a chart.

Building costs a pyramid (some 20 ms per million points); what a chart does with it afterwards costs no more than the
screen is wide.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Self

import numpy as np
from numpy.typing import NDArray

from desktop.charts.decimate import BarPyramid, Bars, LinePyramid
from desktop.charts.timebase import TimeBase
from engine.market import common_axis

Floats = NDArray[np.float64]
Instants = NDArray[np.int64]
Indices = NDArray[np.int64]


class Curves:
    """The account of one run after each bar; grows while the run is under way."""

    def __init__(
        self,
        time_ns: Instants | None = None,
        equity: Floats | None = None,
        benchmark: Floats | None = None,
        drawdown: Floats | None = None,
        initial_capital: float | None = None,
    ) -> None:
        """Take the curves, (n,) each.

        Args:
            time_ns: instants of the bars, ascending.
            equity: money.
            benchmark: scaled to the initial capital; None when the run has none.
            drawdown: fractions, zero or negative; None works it out from equity.
            initial_capital: the first high that drawdown is measured from; None begins with the first point.
        """
        empty = np.empty(0)
        equity = empty if equity is None else equity
        self._peak = -np.inf if initial_capital is None else initial_capital
        self.base = TimeBase(time_ns)
        self.equity = LinePyramid(equity)
        self.benchmark = None if benchmark is None else LinePyramid(benchmark)
        self.drawdown = LinePyramid(self._fallen(equity) if drawdown is None else drawdown)

    def __len__(self) -> int:
        return len(self.base)

    def append(self, time_ns: Instants, equity: Floats, benchmark: Floats | None = None) -> None:
        """Add bars at the end; drawdown follows from equity."""
        self.base.append(time_ns)
        self.equity.append(equity)
        self.drawdown.append(self._fallen(equity))
        if self.benchmark is not None and benchmark is not None:
            self.benchmark.append(benchmark)

    def grow_to(self, time_ns: Instants, equity: Floats, axis_ns: Instants | None = None) -> None:
        """Take the whole curve so far, of which the beginning is known already; only what is new costs time.

        ``axis_ns`` are the instants of all bars, those still to come among them.
        """
        known = len(self)
        self.base.axis_ns = axis_ns
        self.append(time_ns[known:], equity[known:])

    def snapshot(self) -> "Curves":
        """Return the curves as they are now, not copied: to be handed to another thread while these grow on."""
        found = Curves(initial_capital=self._peak)
        found.base = self.base.snapshot()
        found.equity, found.drawdown = self.equity.snapshot(), self.drawdown.snapshot()
        found.benchmark = None if self.benchmark is None else self.benchmark.snapshot()
        return found

    def take(self, other: "Curves") -> None:
        """Become what a snapshot of longer curves is; charts that show these show the longer ones."""
        self._peak = other._peak
        self.base.take(other.base)
        self.equity.take(other.equity)
        self.drawdown.take(other.drawdown)
        if self.benchmark is not None and other.benchmark is not None:
            self.benchmark.take(other.benchmark)

    def _fallen(self, equity: Floats) -> Floats:
        if not len(equity):
            return np.empty(0)
        peaks = np.maximum(np.fmax.accumulate(equity), self._peak)
        self._peak = float(peaks[-1])
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.where(peaks > 0, equity / peaks - 1.0, np.nan)


class Prices:
    """The bars of one symbol."""

    def __init__(self, time: Instants | TimeBase, bars: Bars) -> None:
        """Take the bars and their instants: share the time base of the curves to link them bar by bar."""
        self.base = time if isinstance(time, TimeBase) else TimeBase(time)
        self.pyramid = BarPyramid(bars)


@dataclass(frozen=True, slots=True)
class Ends:
    """Entries or exits that point the same way, ordered by bar, (n,) each: in sight are a few of them, found at once.

    Attributes:
        bar: ascending.
        trade: which of the trades.
    """

    bar: Indices
    trade: Indices

    @classmethod
    def of(cls, bars: Indices, which: NDArray[np.bool_]) -> Self:
        """Order some of the trades by a bar of theirs."""
        trade = np.flatnonzero(which)
        trade = trade[np.argsort(bars[trade], kind="stable")]
        return cls(bars[trade], trade)


@dataclass(frozen=True, slots=True)
class Trades:
    """Round trips to mark on prices, (n,) each.

    Attributes:
        row: what the reader knows each one by; it comes back in ``trade_clicked``.
        entry_bar, exit_bar: bars of the chart's time base.
        entry_price, exit_price: in the units of the bars.
        side: 1 long, -1 short.
        pnl: money, after costs.
        ends: by whether they are entries and whether their marks point up.
    """

    row: Indices
    entry_bar: Indices
    entry_price: Floats
    exit_bar: Indices
    exit_price: Floats
    side: Indices
    pnl: Floats
    ends: Mapping[tuple[bool, bool], Ends] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Order the ends once, on whichever thread this is."""
        bought = self.side > 0
        ends = {
            (is_entry, up): Ends.of(bars, (bought == is_entry) == up)
            for is_entry, bars in ((True, self.entry_bar), (False, self.exit_bar))
            for up in (True, False)
        }
        object.__setattr__(self, "ends", ends)

    @classmethod
    def of(cls, trades: NDArray[np.void], symbol: int | None = None) -> Self:
        """Take rows of the engine's ``TRADE`` layout; ``row`` counts all of them, whatever the symbol."""
        row = (
            np.arange(len(trades)) if symbol is None else np.flatnonzero(trades["symbol"] == symbol)
        )
        kept = trades[row]
        return cls(
            row,
            kept["entry_bar"],
            kept["entry_price"],
            kept["exit_bar"],
            kept["exit_price"],
            kept["side"].astype(np.int64),
            kept["pnl"],
        )

    @classmethod
    def none(cls) -> Self:
        """Return no trades."""
        whole, real = np.empty(0, np.int64), np.empty(0)
        return cls(whole, whole, real, whole, real, whole, real)

    def __len__(self) -> int:
        return len(self.row)


@dataclass(frozen=True, slots=True)
class NamedLine:
    """One of several lines to compare: its name, and its values at instants of its own."""

    name: str
    time_ns: Instants
    values: Floats


@dataclass(frozen=True, slots=True)
class Comparison:
    """Lines on one time base: every instant that any of them has."""

    base: TimeBase
    names: tuple[str, ...]
    pyramids: tuple[LinePyramid, ...]
    positions: tuple[Floats, ...]

    @classmethod
    def of(cls, lines: Sequence[NamedLine]) -> Self:
        """Lay lines of different instants on a common time base."""
        instants = common_axis(line.time_ns for line in lines)
        return cls(
            TimeBase(instants),
            tuple(line.name for line in lines),
            tuple(LinePyramid(line.values) for line in lines),
            tuple(np.searchsorted(instants, line.time_ns).astype(np.float64) for line in lines),
        )
