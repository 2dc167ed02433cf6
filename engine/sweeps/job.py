"""What a sweep is made of, and which of three ways simulates it.

Crossing averages have kernels of their own; other strategies of signals on one symbol are simulated
by the lean loop as long as the rules are those it knows; all else goes through the loop that runs
everything. All three come to the same figures.
"""

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from engine.config import BacktestConfig
from engine.errors import BacktestValidationError, Problem
from engine.market import Panel
from engine.strategies.protocol import Strategy
from engine.sweeps.grid import Grid
from engine.sweeps.views import Views

Indices = NDArray[np.int64]
Stopped = Callable[[], bool]


_ASK_ALL: Final = 20_000
_ASK_SOME: Final = 4_000
_MOST_ENDS: Final = 10  # parameters whose ends are combined


class Worker(Protocol):
    """What one thread simulates combinations with; its buffers are its own."""

    def run(self, indices: Indices, stopped: Stopped) -> NDArray[np.void]:
        """Return a ``ROW`` per combination, in order; fewer when it was stopped in between."""
        ...


@dataclass(frozen=True)
class Job:
    """One strategy, one panel, many combinations.

    Attributes:
        config: the run that the combinations are variations of.
        panel: bars with the longest warm-up that any combination asks for.
        strategy: the class.
        grid: the combinations.
        views: the bars as each combination sees them.
        warmup: the bars before the first counted one that were asked for.
    """

    config: BacktestConfig
    panel: Panel
    strategy: type[Strategy]
    grid: Grid
    views: Views
    warmup: int

    def params(self, index: int) -> dict[str, Any]:
        """Return all parameters of a combination: those given once and those of the grid."""
        return {**self.config.strategy.params, **self.grid.values(index)}

    def config_of(self, index: int) -> BacktestConfig:
        """Return the configuration that runs one combination by itself."""
        section = self.config.strategy.model_copy(update={"params": self.params(index)})
        return self.config.model_copy(update={"strategy": section})


def new_job(
    config: BacktestConfig, panel: Panel, strategy: type[Strategy], grid: Grid, warmup: int
) -> Job:
    """Put a sweep together; ``panel`` was loaded with ``warmup`` bars, see `longest_warmup`.

    Raises
    ------
    BacktestValidationError
        When there is no bar to simulate.
    """
    if panel.n_symbols == 0 or panel.n_bars - panel.first_counted < 1:
        raise BacktestValidationError(
            Problem("data", "the selection holds no bar", "widen the dates or choose other symbols")
        )
    return Job(config, panel, strategy, grid, Views(panel, config.data.decide_on), warmup)


def check_warmup(job: Job, warmup: int, index: int) -> None:
    """Refuse to simulate with fewer warm-up bars than a run by itself would have.

    Raises
    ------
    BacktestValidationError
        Naming the combination.
    """
    if warmup > job.warmup:
        message = f"combination {index + 1} asks for {warmup:,} bars before the start"
        hint = f"{job.warmup:,} were loaded; sweep a smaller grid around it"
        raise BacktestValidationError(Problem("sweep.params", message, hint))


def first_made(job: Job) -> Strategy | None:
    """Return the strategy with the first of the combinations that it takes; None when that is far off."""
    for index in next(job.grid.valid_blocks()):
        try:
            return job.strategy.make(job.params(int(index)))
        except BacktestValidationError:
            continue
    return None


def longest_warmup(config: BacktestConfig, strategy: type[Strategy], grid: Grid) -> int:
    """Return the most warm-up bars that any combination asks for.

    All of a small grid are asked. Of a large one those whose every value is the least or greatest of
    its parameter, where strategies ask for most, and a few thousand more; `Worker.run` refuses the
    combination that asks for more after all.

    Raises
    ------
    BacktestValidationError
        When the strategy takes none of them: what it says about the first.
    """
    base = config.strategy.params
    longest = -1
    refusal: BacktestValidationError | None = None
    for values in _asked(grid):
        try:
            longest = max(longest, strategy.make({**base, **values}).warmup_bars())
        except BacktestValidationError as error:
            refusal = refusal or error
    if longest < 0 and refusal is not None:
        raise refusal
    return longest


def _asked(grid: Grid) -> Iterator[dict[str, Any]]:
    total = grid.count()
    step = 1 if total <= _ASK_ALL else total // _ASK_SOME
    place = 0
    for block in grid.valid_blocks():
        for index in block[-place % step :: step]:
            yield grid.values(int(index))
        place += len(block)
    if step > 1 and not grid.listed:
        ends = [(min(axis.values), max(axis.values)) for axis in grid.axes[:_MOST_ENDS]]
        first = {axis.name: axis.values[0] for axis in grid.axes}
        for chosen in itertools.product(*ends):
            yield {**first, **dict(zip(grid.names, chosen, strict=False))}
