"""The far side of a run whose strategy decides bar by bar: the simulation itself, in the child, one chunk an answer."""

from typing import Any, Final

import numpy as np

from desktop.service.child.frames import Arrays
from engine.checkpoint import parts_of, put
from engine.config import BacktestConfig
from engine.driver import Simulation, new_simulation, rules_of
from engine.instructions import entry_size
from engine.market import Panel
from engine.on_bar import Decider, loop_of, own_of, records_of
from engine.strategies.protocol import OnBarStrategy
from engine.types import INSTRUCTION

Answer = tuple[dict[str, Any], Arrays]
TASKS: Final = ("advance", "book", "parts", "take_up")  # once a run has begun
_NOTHING_SAID: Final = np.empty(0, INSTRUCTION)


class FarRun:
    """The one run of this child."""

    def __init__(self) -> None:
        """Stand before any run."""
        self._simulation: Simulation | None = None

    def begin(
        self, strategy: OnBarStrategy, panel: Panel, inputs: Arrays, question: dict[str, Any]
    ) -> None:
        """Stand before the first bar of a run; its code is compiled with the first `advance`."""
        config = BacktestConfig.model_validate(question["config"])
        size = entry_size(config.sizing, panel.n_symbols)
        own = own_of(strategy, panel, size, records_of(inputs, panel.close.shape))
        decider = Decider(strategy, own, loop_of(strategy, question["key"]))
        capital = config.account.initial_capital
        self._simulation = new_simulation(
            panel, _NOTHING_SAID, rules_of(config), capital, decider=decider
        )

    def answer(self, question: dict[str, Any], arrays: Arrays) -> Answer:
        """Simulate up to a bar and return what is new; or return the book or all that the run is, or become another."""
        run = self._simulation
        assert run is not None
        if question["task"] == "parts":
            return {"ok": True}, parts_of(run)
        if question["task"] == "take_up":
            put(run, arrays)
            return {"ok": True}, {}
        if question["task"] == "book":
            orders, events = (int(run.state[name][0]) for name in ("n_orders", "n_events"))
            return {"ok": True}, {
                "orders": run.book.orders[:orders],
                "happened": run.book.happened[:events],
                "positions": run.book.positions,
            }
        first, fills = run.bar, int(run.state["n_fills"][0])
        run.advance(int(question["stop"]))
        new = {name: column[first : run.bar] for name, column in run.curve._asdict().items()}
        new["fills"] = run.fills[fills : int(run.state["n_fills"][0])]
        return {"ok": True}, {"state": run.state, **new}
