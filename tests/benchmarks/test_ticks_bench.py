"""How fast ten million ticks are simulated, in processor time, and what the least loop over them takes beside it.

Idle and watching say what they want beforehand; the strategies that are asked at every tick run on a part of it. Run
with ``pytest tests/benchmarks --benchmark-only``.
"""

import time
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.driver import Simulation, new_simulation
from engine.on_bar import decider_of
from engine.strategies.protocol import OnBarStrategy
from engine.types import INSTRUCTION, SizeKind
from tests.benchmarks.ticking import Quoting, bracketed, plain_quoting_nb, ticks
from tests.engine.builders import rules_of

N = 10_000_000
ASKED = 2_000_000
NOTHING = np.empty(0, INSTRUCTION)

Figure = Callable[[str], None]


def measured(
    n: int, instructions: NDArray[np.void], strategy: type[OnBarStrategy] | None = None
) -> tuple[float, Simulation]:
    """Return the least processor time of three runs, and the last."""
    panel, best = ticks(n), np.inf
    for _ in range(3):
        size = (SizeKind.QUANTITY, 1.0)
        decider = None if strategy is None else decider_of(strategy.make({}), panel, size)
        run = new_simulation(panel, instructions, rules_of(), 1e7, decider=decider)
        run.advance(1)  # compiled, if it was not
        begun = time.thread_time()
        run.advance(n)
        best = min(best, time.thread_time() - begun)
    return best, run


def plain(n: int) -> tuple[float, int]:
    """Return the same of the plain loop, and how many fills it has."""
    panel, best = ticks(n), np.inf
    assert panel.half_spread is not None
    equity = np.empty(n)
    for _ in range(3):
        begun = time.thread_time()
        fills = plain_quoting_nb(panel.close[:, 0], panel.half_spread[:, 0], equity)
        best = min(best, time.thread_time() - begun)
    return best, fills


def told(seconds: float, n: int) -> str:
    least = plain(n)[0]
    return f"{n / seconds / 1e6:.0f} M ticks/s, {seconds / least:.1f} times what a plain loop takes"


def test_ten_million_ticks_of_an_idle_strategy(benchmark: Any, figure: Figure) -> None:
    seconds, run = benchmark.pedantic(measured, (N, NOTHING), rounds=1)

    figure(told(seconds, N))
    assert run.is_done
    assert seconds < N / 2.5e6  # a tenth of the goal


def test_ten_million_ticks_with_orders_that_wait_for_bid_and_ask(
    benchmark: Any, figure: Figure
) -> None:
    seconds, run = benchmark.pedantic(measured, (N, bracketed(ticks(N))), rounds=1)

    figure(told(seconds, N))
    assert run.state["n_fills"][0] > 100
    assert seconds < N / 2e6


def test_a_strategy_that_is_asked_at_every_tick_and_quotes_on_each_side(
    benchmark: Any, figure: Figure
) -> None:
    seconds, run = benchmark.pedantic(measured, (ASKED, NOTHING, Quoting), rounds=1)

    figure(told(seconds, ASKED))
    assert run.state["n_fills"][0] == plain(ASKED)[1]
    assert seconds < ASKED / 5e5
