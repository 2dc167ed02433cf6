"""Drives the kernel: allocates, advances chunk by chunk, lets others look in between.

Progress, cancelling, pausing and checkpoints all live here, between two chunks, in Python. A chunk takes 20 to 50 ms
of clock time, so whoever waits for an answer waits no longer.
"""

from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.config import BacktestConfig
from engine.kernels.advance import CurveArrays, advance_nb
from engine.kernels.book import NEVER, Book, Plan, Rules, grown, new_book
from engine.market import Panel
from engine.on_bar import Decider
from engine.pacing import Pacer
from engine.strategies.protocol import OnBarStrategy
from engine.types import (
    FILL,
    NS_PER_DAY,
    STATE,
    BracketBase,
    FillAt,
    Intrabar,
    OrderReason,
    OrderStatus,
    ShortOfCash,
    SpreadOn,
    Status,
    TimeInForce,
)

_CHUNK_SECONDS = 0.03
_FIRST_CHUNK = 512
_ROOM = 65_536  # orders at most to begin with: zeroed memory that is not touched costs nothing


def rules_of(config: BacktestConfig) -> Rules:
    """Return a configuration's costs and execution as numbers."""
    costs, execution = config.costs, config.execution
    return Rules(
        commission_rate=costs.commission_pct / 100.0,
        commission_per_share=costs.commission_per_share,
        commission_per_order=costs.commission_per_order,
        commission_min=costs.commission_min,
        commission_max=np.inf if costs.commission_max is None else costs.commission_max,
        slippage_rate=costs.slippage_bps / 10_000.0,
        spread=costs.spread,
        spread_rate=costs.spread_bps / 10_000.0,
        spread_on=int(SpreadOn[costs.spread_on.upper()]),
        sell_tax_rate=costs.sell_tax_pct / 100.0,
        fill_at=int(FillAt[execution.fill_at.upper()]),
        lot=0.0 if execution.fractional else execution.lot_size,
        short_of_cash=int(ShortOfCash[execution.when_short_of_cash.upper()]),
        tiers=np.array(
            [(begin, percent / 100.0) for begin, percent in costs.commission_tiers], np.float64
        ).reshape(-1, 2),
        slippage_ticks=costs.slippage_ticks,
        impact=costs.impact,
        borrow_rate=costs.borrow_rate,
        margin_rate=costs.margin_rate,
        intrabar=int(Intrabar[execution.intrabar.upper()]),
        bracket_base=int(BracketBase[execution.bracket_base.upper()]),
        volume_limit=execution.volume_limit or 0.0,
        tick=execution.tick_size or 0.0,
        multiplier=execution.multiplier,
        initial_margin=config.account.initial_margin or 0.0,
        maintenance_margin=config.account.maintenance_margin or 0.0,
        drift=(config.rebalance.drift_pct or 0.0) / 100.0,
        kelly_min_trades=config.sizing.kelly_min_trades,
        kelly_start=config.sizing.kelly_start_pct,
    )


@dataclass
class Simulation:
    """One run under way. Everything that it is stands in its arrays, which can be written down and taken up again.

    Attributes:
        panel: bars.
        plan: what the strategy asks for.
        rules: costs and execution.
        state: ``STATE`` (1,).
        book: positions and orders.
        fills: ``FILL`` rows, the first ``state.n_fills`` of which are written.
        curve: (n_bars,) per bar of the panel; warm-up bars stay unwritten.
        decider: a strategy that is asked at every bar, or None when all was said beforehand.
    """

    panel: Panel
    plan: Plan
    rules: Rules
    state: NDArray[np.void]
    book: Book
    fills: NDArray[np.void]
    curve: CurveArrays
    decider: Decider | None = None

    def __post_init__(self) -> None:
        """Take the panel's arrays once."""
        self._arrays = self.panel.arrays()

    @property
    def bar(self) -> int:
        """First bar not simulated yet."""
        return int(self.state["bar"][0])

    @property
    def is_done(self) -> bool:
        """Whether the last bar has been simulated."""
        return self.bar >= self.panel.n_bars

    def advance(self, stop: int) -> None:
        """Simulate up to but not including bar ``stop``, growing buffers that run full."""
        stop = min(stop, self.panel.n_bars)
        while True:
            status = self._step(stop)
            if status == Status.DONE:
                return
            if status == Status.FILLS_FULL:
                self.make_room(0, 2 * len(self.fills) + 64)
            else:
                self.make_room(2 * len(self.book.orders) + 64, 0)

    def _step(self, stop: int) -> int:
        run = (self.state, self._arrays, self.plan, self.rules, self.book, self.fills, self.curve)
        if self.decider is None:
            return int(advance_nb(*run, stop))
        return int(self.decider.advance(self.panel, run, lambda: self.bar, stop))

    def run(
        self,
        clock: Callable[[], float],
        look: Callable[["Simulation"], bool] | None = None,
        pacer: Pacer | None = None,
    ) -> bool:
        """Advance to the end in chunks of some 30 ms; ``look`` is called after each and may return False to stop.

        A ``pacer`` holds the run back to a speed, or until it is told to go on; ``look`` is called while it waits, too.
        Returns True when the end was reached; what waits then has expired.
        """
        chunk = _FIRST_CHUNK
        looked = clock()
        while not self.is_done:
            until = self._until(chunk, pacer)
            begun, bar, fills = clock(), self.bar, int(self.state["n_fills"][0])
            if until <= bar and pacer is not None:
                pacer.wait(bar)
            else:
                self.advance(until)
            seconds = clock() - begun
            if pacer is not None:
                pacer.transport.stepped(self.bar - bar, int(self.state["n_fills"][0]) > fills)
            if until - bar < chunk:  # held back: it says nothing about how long a chunk takes
                if clock() - looked < _CHUNK_SECONDS and not self.is_done:
                    continue
            elif seconds > 0:
                # At most doubled: the first chunk may hold a compilation, the next ones may be denser.
                chunk = int(max(1, min(2 * chunk, chunk * _CHUNK_SECONDS / seconds)))
            else:
                chunk *= 2
            looked = clock()
            if look is not None and not look(self) and not self.is_done:
                return False
        self.expire_waiting()
        return True

    def _until(self, chunk: int, pacer: Pacer | None) -> int:
        """Return the first bar not to simulate in the next chunk."""
        allowed = None if pacer is None else pacer.allowed(self.bar)
        until = self.bar + chunk if allowed is None else min(self.bar + chunk, allowed)
        return min(until, self.panel.n_bars)

    def make_room(self, orders: int, fills: int) -> None:
        """Grow the buffers to hold at least so many orders and fills."""
        if fills > len(self.fills):
            more = np.zeros(fills, FILL)
            more.view(np.uint8)[: self.fills.nbytes] = self.fills.view(np.uint8)
            self.fills = more
        if orders > len(self.book.orders):
            self.book = grown(self.book, orders)

    @property
    def memory(self) -> NDArray[np.void] | None:
        """(n_symbols,) what an on_bar strategy remembers; None without one."""
        return None if self.decider is None else self.decider.own.memory

    def gather(self) -> None:
        """See that the arrays hold all that the run is: here they always do."""

    def remember(self, memory: NDArray[np.void] | None) -> None:
        """Go on from arrays that were put back, with what the strategy remembered then.

        Raises
        ------
        ValueError
            When it is no memory of this strategy.
        """
        own = self.memory
        if own is None or memory is None:
            if own is not memory:
                raise ValueError("a strategy that remembers and one that does not")
            return
        if own.dtype != memory.dtype or own.shape != memory.shape:
            raise ValueError("another strategy's memory")
        own[:] = memory

    def close(self) -> None:
        """Give back what the run holds besides its arrays: here nothing, elsewhere a process."""

    def expire_waiting(self) -> None:
        """Write down that what still waits at the end of the data will never fill."""
        orders = self.book.orders[: self.state["n_orders"][0]]
        waiting = orders["status"] == OrderStatus.WORKING
        last = self.panel.n_bars - 1
        reasons = np.full(len(orders), int(OrderReason.END_OF_DATA))
        reasons[(orders["tif"] == TimeInForce.DAY) & (orders["decided"] < last)] = (
            OrderReason.DAY_OVER
        )
        date_has_come = (
            orders["good_till_ns"] // NS_PER_DAY <= self.panel.time_ns[last] // NS_PER_DAY
        )
        reasons[(orders["tif"] == TimeInForce.GTD) & date_has_come] = OrderReason.GTD_OVER
        orders["status"][waiting] = OrderStatus.EXPIRED
        orders["reason"][waiting] = reasons[waiting]
        orders["closed"][waiting] = last


def new_simulation(
    panel: Panel,
    instructions: NDArray[np.void],
    rules: Rules,
    initial_capital: float,
    weights: NDArray[np.float64] | None = None,
    room: int | None = None,
    decider: Decider | None = None,
) -> Simulation:
    """Allocate a run that stands before the panel's first counted bar.

    Buffers start with room for an order an instruction and grow: what a run needs depends on its fills, not its bars.
    ``weights`` are those of a rebalancing by drift at each close, (n_bars, n_symbols); ``room`` is how many rows the
    buffers begin with.
    """
    if room is None:
        room = min(len(instructions), _ROOM) + 2 * panel.n_symbols + 64
    n_bars, first = panel.n_bars, panel.first_counted
    curve = _empty_curve(n_bars)
    for column in curve:
        column[:first] = 0  # warm-up bars are not simulated
    return Simulation(
        panel,
        _plan_of(panel, instructions, weights),
        rules,
        _state_at_start(panel, instructions, initial_capital),
        _empty_book(panel, rules, room),
        np.zeros(room, FILL),
        curve,
        decider,
    )


def _empty_curve(n_bars: int) -> CurveArrays:
    """Allocate one value a bar, all columns in one piece.

    New memory costs as much as the loop that fills it. In one piece it comes in larger pages, and goes back to where
    the next run finds it: columns by themselves take three times as long to be filled at a million bars.
    """
    block = np.empty((4, n_bars))
    return CurveArrays(block[0], block[1], block[2], block[3].view(np.int64))


class Elsewhere(OnBarStrategy):
    """An on_bar strategy whose whole simulation runs in another process."""

    @staticmethod
    def on_bar(ctx: Any, state: Any, params: Any) -> None:
        """Never called here."""
        raise NotImplementedError

    @abstractmethod
    def simulation(self, config: BacktestConfig, panel: Panel) -> Simulation:
        """Return a simulation that stands before its first bar and advances there."""


def restart(
    simulation: Simulation,
    instructions: NDArray[np.void],
    initial_capital: float,
    weights: NDArray[np.float64] | None = None,
) -> None:
    """Put a simulation back before the first counted bar, with other instructions and the buffers it has."""
    panel = simulation.panel
    simulation.plan = _plan_of(panel, instructions, weights)
    simulation.state = _state_at_start(panel, instructions, initial_capital)
    simulation.book = _empty_book(panel, simulation.rules, len(simulation.book.orders))


def _plan_of(
    panel: Panel, instructions: NDArray[np.void], weights: NDArray[np.float64] | None
) -> Plan:
    if weights is None:
        weights = np.empty((0, panel.n_symbols))
    return Plan(instructions, np.ascontiguousarray(weights, np.float64))


def _state_at_start(
    panel: Panel, instructions: NDArray[np.void], initial_capital: float
) -> NDArray[np.void]:
    first = panel.first_counted
    state = np.zeros(1, STATE)
    state["cash"] = initial_capital
    state["bar"] = first
    state["next_instruction"] = np.searchsorted(instructions["bar"], first)
    state["next_action"] = np.searchsorted(panel.events["bar"], first)
    state["expires_ns"] = NEVER
    return state


def _empty_book(panel: Panel, rules: Rules, room: int) -> Book:
    book = new_book(panel.n_symbols, room, rules)
    for name, values in (("tick", panel.tick_size), ("multiplier", panel.multiplier)):
        if values is not None:
            book.positions[name] = values
    if panel.lot_size is not None and rules.lot > 0.0:
        book.positions["lot"] = panel.lot_size
    return book
