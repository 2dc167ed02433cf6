"""The far side of a run whose strategy decides bar by bar: the simulation itself, in the child, one chunk an answer."""

from typing import Any, Final

import numpy as np

from desktop.service.child.frames import Arrays
from engine.checkpoint import MEMORY, parts_of, put
from engine.config import BacktestConfig
from engine.driver import Simulation, new_simulation, rules_of
from engine.instructions import entry_size
from engine.market import Panel
from engine.on_bar import Decider, loop_of, own_of, records_of
from engine.strategies.protocol import OnBarStrategy
from engine.types import INSTRUCTION

Answer = tuple[dict[str, Any], Arrays]
TASKS: Final = ("advance", "rest", "take_up")  # once a run has begun
_NOTHING_SAID: Final = np.empty(0, INSTRUCTION)


def is_rest(name: str) -> bool:
    """Tell whether a part of a run is one that its chunks do not bring: the book, and what the strategy remembers."""
    return name == MEMORY or name.startswith("book.")


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
        """Simulate up to a bar and return what is new; or return the rest of what the run is, or become another."""
        run = self._simulation
        assert run is not None
        if question["task"] == "rest":
            return {"ok": True}, {n: part for n, part in parts_of(run).items() if is_rest(n)}
        if question["task"] == "take_up":
            put(run, arrays)
            return {"ok": True}, {}
        first, fills = run.bar, int(run.state["n_fills"][0])
        run.advance(int(question["stop"]))
        new = {name: column[first : run.bar] for name, column in run.curve._asdict().items()}
        new["fills"] = run.fills[fills : int(run.state["n_fills"][0])]
        return {"ok": True}, {"state": run.state, **new}
