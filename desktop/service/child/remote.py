"""This side of a run whose strategy decides bar by bar: it looks like any simulation, and advances in a child."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from desktop.service.child.frames import Arrays
from desktop.service.child.process import Child, ChildError
from desktop.service.child.simulating import is_rest
from engine.checkpoint import MEMORY, CheckpointError, parts_of, put_arrays
from engine.driver import Simulation
from engine.pacing import Pacer
from storage.stopping import ShouldStop, never

_GRACE_SECONDS: Final = (
    0.12  # a chunk takes a third of it: so long a stop waits for one, to keep what there is
)


@dataclass
class RemoteSimulation(Simulation):
    """A run in a child of its own; `run` ends the child. Its arrays hold what the child has answered so far."""

    child: Child | None = None
    should_stop: ShouldStop = never
    remembered: NDArray[np.void] | None = None

    @property
    def memory(self) -> NDArray[np.void] | None:
        """What the strategy remembers there, as of the last `gather`."""
        return self.remembered

    def gather(self) -> None:
        """Fetch what the child does not answer with every chunk: all orders, and what the strategy remembers."""
        found = self._ask({"task": "rest"})
        orders, symbols, book = int(self.state["n_orders"][0]), self.panel.n_symbols, self.book
        self._checked(found, "book.orders", book.orders.dtype, orders)
        self._checked(found, "book.positions", book.positions.dtype, symbols)
        memory = found.pop(MEMORY, None)
        if memory is None or memory.dtype.names is None or memory.shape != (symbols,):
            raise self._no_result()
        if len(found.get("book.happened", ())) < int(self.state["n_events"][0]):
            raise self._no_result()
        here = {name: part for name, part in parts_of(self).items() if not is_rest(name)}
        try:
            put_arrays(self, here | found)
        except CheckpointError as error:
            raise self._no_result() from error
        self.remembered = memory

    def remember(self, memory: NDArray[np.void] | None) -> None:
        """Have the child go on from the arrays as they are here.

        Raises:
            ChildError: the child ended, did not answer, or can't go on from there.
        """
        self.remembered = memory
        self._ask({"task": "take_up"}, parts_of(self))

    def advance(self, stop: int) -> None:
        """Have the child simulate up to a bar.

        Raises:
            BacktestValidationError: the strategy's code raised, or gave what is no order.
            ChildError: the child ended, did not answer, or answered what is no result.
            Stopped: it did not answer after a stop was asked for.
        """
        stop = min(stop, self.panel.n_bars)
        found = self._ask({"task": "advance", "stop": stop})
        first, n_fills = self.bar, int(self.state["n_fills"][0])
        state = self._checked(found, "state", self.state.dtype, 1)
        bar, after = int(state["bar"][0]), int(state["n_fills"][0])
        if bar != stop or after < n_fills:
            raise self._no_result()
        self.make_room(0, after)
        for name, column in self.curve._asdict().items():
            column[first:bar] = self._checked(found, name, column.dtype, bar - first)
        self.fills[n_fills:after] = self._checked(found, "fills", self.fills.dtype, after - n_fills)
        self.state[:] = state

    def run(
        self,
        clock: Callable[[], float],
        look: Callable[[Simulation], bool] | None = None,
        pacer: Pacer | None = None,
    ) -> bool:
        """Advance to the end as every simulation does, fetch the orders, and end the child."""
        try:
            completed = super().run(clock, look, pacer)
            if not completed:
                self.gather()
            return completed
        finally:
            self.close()

    def close(self) -> None:
        """End the child; a second time does nothing."""
        if self.child is not None:
            self.child.close()

    def expire_waiting(self) -> None:
        """Fetch the orders, and write down that what still waits will never fill."""
        self.gather()
        super().expire_waiting()

    def _ask(self, question: dict[str, Any], arrays: Arrays | None = None) -> Arrays:
        assert self.child is not None
        asked_at: list[float] = []

        def stop_after_grace() -> bool:
            if not asked_at and self.should_stop():
                asked_at.append(time.monotonic())
            return bool(asked_at) and time.monotonic() - asked_at[0] > _GRACE_SECONDS

        _, found = self.child.ask(question, arrays, should_stop=stop_after_grace, is_first=False)
        return found

    def _checked(self, found: Arrays, name: str, dtype: np.dtype[Any], rows: int) -> NDArray[Any]:
        array = found.get(name)
        if array is None or array.dtype != dtype or array.shape != (rows,):
            raise self._no_result()
        return array

    def _no_result(self) -> ChildError:
        assert self.child is not None
        return ChildError(
            f"{self.child.path.name} answered what is no result",
            field="strategy.name",
            hint="its process was ended; the program and other runs are unaffected",
        )
