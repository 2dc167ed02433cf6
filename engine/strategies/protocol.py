"""What a strategy is: declared parameters, and one function that decides.

Three forms, one per class: *signals* (`SignalStrategy`: when to enter and leave), *targets* (`TargetStrategy`: which
weights to hold from a rebalancing on) and *on_bar* (`OnBarStrategy`: orders, bar by bar, for logic that depends on its
own positions). The first two are computed for all bars at once, and one rule binds them: what they say for bar *t* may
depend on nothing after the close of *t*. The third is compiled, and is shown nothing after it.
"""

import hashlib
import inspect
import sys
from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, ValidationError

from engine.config import problems_of
from engine.errors import BacktestValidationError
from engine.market import Panel

Mask = NDArray[np.bool_]
Floats = NDArray[np.float64]
Form = Literal["signals", "targets", "on_bar"]


class Parameters(BaseModel):
    """Base of every strategy's parameters.

    Declare each once with its type, default, range and help:
    ``fast: int = Field(10, ge=1, le=500, title="Fast average", description="Bars in the fast average")``.
    The form, the validation, the optimiser's ranges and the documentation are derived from it.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


@dataclass(frozen=True)
class Signals:
    """Decisions of a signals strategy, each (n_bars, n_symbols) or None for never.

    An entry does nothing while the position, or an order for it, is already there; an exit does nothing without one.
    Where entry and exit of one direction are both set, neither acts. What cancels acts before exits, and exits before
    entries, so a reversal is an exit and an entry on the same bar.

    Attributes:
        enter_long, exit_long, enter_short, exit_short: masks, true at the bar at whose close it is decided.
        close_stop_rate, close_target_rate: fractions of the entry price at which a later close ends the position; 0 is
            never.
        size: of the entries, in the unit of the configured sizing; NaN takes the configured size.
        limit, stop: prices of the entries. What is given (not NaN) decides the order: a limit, a stop, both a
            stop-limit, neither what ``entries.order`` says.
        stop_loss, take_profit: price levels inside the bars that end the position, NaN is none; one cancels the other.
        stop_loss_rate, take_profit_rate: the same as fractions of ``execution.bracket_base``.
        trail_rate, trail_amount: distance of a trailing level from the best price since the entry, as a fraction or in
            price units. An entry with any of these six takes none of the levels in ``exits``.
        cancel: mask, true at the bar at whose close the orders of the symbol that still wait are withdrawn; the exits
            of brackets stay. With an entry on the same bar, that entry takes their place.
        time_in_force: how long entries that rest are live; None takes what ``entries.time_in_force`` says.
        labels: what the signals are called in the trade list: (enter long, exit long, enter short, exit short).
    """

    enter_long: Mask | None = None
    exit_long: Mask | None = None
    enter_short: Mask | None = None
    exit_short: Mask | None = None
    close_stop_rate: float = 0.0
    close_target_rate: float = 0.0
    size: Floats | None = None
    limit: Floats | None = None
    stop: Floats | None = None
    stop_loss: Floats | None = None
    take_profit: Floats | None = None
    stop_loss_rate: Floats | float | None = None
    take_profit_rate: Floats | float | None = None
    trail_rate: Floats | float | None = None
    trail_amount: Floats | float | None = None
    cancel: Mask | None = None
    time_in_force: Literal["gtc", "day"] | None = None
    labels: tuple[str, str, str, str] = ("enter long", "exit long", "enter short", "exit short")


class Strategy(ABC):
    """Common part of all forms. `name` is what a configuration says; `title` and `summary` are for people."""

    name: ClassVar[str]
    title: ClassVar[str]
    summary: ClassVar[str]
    form: ClassVar[Form]
    version: ClassVar[str] = "1.0.0"
    Params: ClassVar[type[Parameters]] = Parameters

    def __init__(self, params: Parameters) -> None:
        """Take validated parameters; see `make`."""
        self.params: Any = params

    @classmethod
    def make(cls, values: dict[str, Any]) -> "Strategy":
        """Build the strategy from plain values.

        Raises:
            BacktestValidationError: one problem per parameter, under ``strategy.params.<name>``.
        """
        try:
            return cls(cls.Params.model_validate(values))
        except ValidationError as error:
            problems = problems_of(error, prefix="strategy.params")
            raise BacktestValidationError(problems) from error

    @classmethod
    def source_text(cls) -> str:
        """Return the source of the file that defines the strategy."""
        module = sys.modules.get(cls.__module__)
        path = getattr(module, "__file__", None) or inspect.getfile(cls)
        return Path(path).read_text(encoding="utf-8")

    @classmethod
    def source_hash(cls) -> str:
        """Return the SHA-256 (64 hex) of `source_text`."""
        return hashlib.sha256(cls.source_text().encode()).hexdigest()

    def warmup_bars(self) -> int:
        """Return how many bars before the start date the strategy wants to see."""
        return 0


class SignalStrategy(Strategy):
    """A strategy that says when to enter and leave."""

    form: ClassVar[Form] = "signals"

    @abstractmethod
    def signals(self, panel: Panel) -> Signals:
        """Return the decisions for every bar of the panel, warm-up included."""


class TargetStrategy(Strategy):
    """A strategy that says which weights to hold from a rebalancing on."""

    form: ClassVar[Form] = "targets"

    @abstractmethod
    def weights(self, panel: Panel, bars: NDArray[np.int64]) -> Floats:
        """Return (len(bars), n_symbols) weights decided at the closes of ``bars``.

        A row of NaN means the strategy does not have what it needs yet; a single NaN leaves that symbol as it is.
        """


class OnBarStrategy(Strategy):
    """A strategy that is asked at the close of every bar, knows what it holds, and gives orders.

    `on_bar` is compiled by Numba into the loop over bars, so it is written in the part of Python that Numba knows:
    numbers, arrays, loops; helpers of its own carry ``@njit``. What `ctx` offers is in `engine.strategies.context`.

    Attributes:
        State: what it remembers of each symbol from bar to bar: names and types (float, int, bool). All begin as 0.
        labels: names for its orders in the trade list; ``label=0`` in an order is the first of them.
    """

    form: ClassVar[Form] = "on_bar"
    State: ClassVar[dict[str, type]] = {}
    labels: ClassVar[tuple[str, ...]] = ()

    def inputs(self, panel: Panel) -> dict[str, Floats]:
        """Return what is computed for all bars beforehand, such as indicators, each (n_bars, n_symbols).

        In `on_bar`, ``ctx.inputs(symbol).name`` is the value at the present bar. A value for bar *t* may depend on
        nothing after the close of *t*.
        """
        return {}

    @staticmethod
    @abstractmethod
    def on_bar(ctx: Any, state: Any, params: Any) -> None:
        """Decide at the close of one bar: ``state[symbol].name`` is remembered, ``params.name`` are the parameters."""
