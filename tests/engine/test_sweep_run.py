"""However a sweep is cut up, stopped and gone on with, each combination is found once, and memory stays where it is."""

import threading
import time
from typing import Any, ClassVar

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from engine.config import parse_config
from engine.errors import BacktestValidationError
from engine.market import Panel
from engine.strategies.protocol import Parameters, Signals, SignalStrategy
from engine.strategies.registry import get
from engine.sweeps import crosses, general, signals
from engine.sweeps.grid import Axis, Grid
from engine.sweeps.job import Job, longest_warmup, new_job
from engine.sweeps.run import Plan, SweepProgress, estimate, merged, plan_of, run_sweep
from engine.sweeps.spec import grid_of, parse_sweep
from tests.engine.test_sweep_strategies import job_of, market

Span = tuple[int, int]


class SlowParameters(Parameters):
    """How slow, and whether it fails."""

    number: int = 0
    seconds: float = 0.0
    fails: bool = False


class Slow(SignalStrategy):
    """Takes its time."""

    name: ClassVar[str] = "slow"
    title: ClassVar[str] = "Slow"
    summary: ClassVar[str] = "Slow."
    Params: ClassVar[type[Parameters]] = SlowParameters

    def signals(self, panel: Panel) -> Signals:
        time.sleep(self.params.seconds)
        if self.params.fails:
            raise ZeroDivisionError("planted")
        return Signals(enter_long=np.ones(panel.close.shape, np.bool_))


def slow_job(n: int, **params: Any) -> Job:
    config = parse_config({"strategy": {"name": "slow", "params": params}})
    return new_job(config, market(), Slow, Grid((Axis("number", tuple(range(n))),)), 0)


class Collector:
    """Keeps what a sweep hands on."""

    def __init__(self) -> None:
        self.spans: list[Span] = []
        self.parts: list[NDArray[np.void]] = []
        self.told: list[SweepProgress] = []

    def run(self, job: Job, plan: Plan | None = None, **options: Any) -> Any:
        given = {"objective": "sharpe_ratio", "better": 1, "threads": 2, "chunk": 5, **options}
        return run_sweep(
            job,
            plan or plan_of(job)[1],
            self.take,
            clock=time.perf_counter,
            on_progress=self.told.append,
            **given,
        )

    def take(self, span: Span, rows: NDArray[np.void]) -> None:
        self.spans.append(span)
        self.parts.append(rows)

    @property
    def rows(self) -> NDArray[np.void]:
        return np.sort(np.concatenate(self.parts), order="index")


@settings(max_examples=15)
@given(st.integers(1, 200), st.integers(1, 3))
def test_any_cut_on_any_number_of_threads_gives_the_same_bytes(chunk: int, threads: int) -> None:
    job = job_of("sma_cross", market())
    whole, cut = Collector(), Collector()
    whole.run(job, chunk=job.grid.size, threads=1)

    outcome = cut.run(job, chunk=chunk, threads=threads)

    assert outcome.completed
    assert cut.rows.tobytes() == whole.rows.tobytes()
    assert merged(cut.spans) == [(0, job.grid.size)]


@pytest.mark.parametrize("name", ["sma_cross", "donchian_breakout"])
def test_the_three_simulations_give_the_same_figures(name: str) -> None:
    job = job_of(name, market())
    plans = [crosses.plan_of(job), signals.plan_of(job), general.GeneralPlan(job)]
    found = []

    for plan in plans:
        collector = Collector()
        if plan is not None:
            collector.run(job, plan)
            found.append(collector.rows)

    for rows in found[:-1]:
        for column in rows.dtype.names or ():
            np.testing.assert_allclose(rows[column], found[-1][column], 1e-12, 1e-12)


def test_stopping_keeps_what_is_done_and_takes_no_time() -> None:
    job, collector = slow_job(5000, seconds=0.002), Collector()
    begun: list[float] = []

    def stop() -> bool:
        if len(collector.spans) >= 3 and not begun:
            begun.append(time.perf_counter())
        return bool(begun)

    outcome = collector.run(job, should_stop=stop, chunk=20)

    assert time.perf_counter() - begun[0] < 0.2
    assert not outcome.completed
    assert outcome.done == len(collector.rows) > 0
    assert len(np.unique(collector.rows["index"])) == len(collector.rows)


def test_going_on_does_the_rest_and_nothing_twice() -> None:
    job = job_of("sma_cross", market())
    whole, first, rest = Collector(), Collector(), Collector()
    whole.run(job)
    first.run(job, should_stop=lambda: len(first.spans) >= 2)

    outcome = rest.run(job, done=first.spans)

    both = np.sort(np.concatenate([*first.parts, *rest.parts]), order="index")
    assert outcome.completed
    assert both.tobytes() == whole.rows.tobytes()


def test_progress_never_falls_and_ends_at_one_with_the_best() -> None:
    collector = Collector()
    collector.run(job_of("sma_cross", market()))

    fractions = [progress.fraction for progress in collector.told]
    last = collector.told[-1]
    assert fractions == sorted(fractions)
    assert fractions[0] == 0.0 and fractions[-1] == 1.0
    best = np.nanargmax(collector.rows["sharpe_ratio"])
    assert last.best == collector.rows["sharpe_ratio"][best]
    assert last.refused == collector.rows["refused"].sum() > 0


def test_what_a_strategy_raises_is_raised_and_no_thread_is_left() -> None:
    before = threading.active_count()

    with pytest.raises(ZeroDivisionError, match="planted"):
        Collector().run(slow_job(50, fails=True))

    assert threading.active_count() == before


def test_what_the_sink_raises_ends_the_sweep() -> None:
    collector = Collector()

    def full(_span: Span, _rows: NDArray[np.void]) -> None:
        raise OSError("planted")

    collector.take = full  # type: ignore[method-assign]
    with pytest.raises(OSError, match="planted"):
        collector.run(slow_job(50))


def test_a_slow_sink_holds_the_threads_back() -> None:
    waiting: list[int] = []
    job, collector = slow_job(400), Collector()

    def slow(span: Span, _rows: NDArray[np.void]) -> None:
        time.sleep(0.001)
        waiting.append(span[1])

    collector.take = slow  # type: ignore[method-assign]
    assert collector.run(job, chunk=1).completed
    # Two threads with four results in the queue between them cannot be far ahead of the writer.
    assert max(stop - n for n, stop in enumerate(waiting, 1)) < 12


def test_an_estimate_says_how_many_and_which_way() -> None:
    job = job_of("sma_cross", market())

    found = estimate(job, plan_of(job), threads=2, clock=time.perf_counter)

    assert (found.combinations, found.way, found.threads) == (job.grid.count(), "crosses", 2)
    assert 0 < found.seconds < 10
    assert 1 <= found.chunk <= job.grid.size
    assert found.memory_bytes < 10_000_000


def test_more_warm_up_than_was_loaded_is_refused_and_not_cut_short() -> None:
    job = job_of("donchian_breakout", market())
    short = new_job(job.config, job.panel, job.strategy, job.grid, 10)

    with pytest.raises(BacktestValidationError, match="asks for 20 bars before the start"):
        Collector().run(short)


def test_the_longest_warm_up_of_a_large_grid_is_found_without_asking_all() -> None:
    sweep = parse_sweep(
        {"params": {"fast": {"from": 1, "to": 900}, "slow": {"from": 2, "to": 1800}}}
    )
    strategy = get("sma_cross")

    found = longest_warmup(
        parse_config({"strategy": {"name": "sma_cross"}}), strategy, grid_of(sweep, strategy)
    )

    assert found == 1800


def test_indicators_are_computed_once_for_all_combinations() -> None:
    asked: list[str] = []
    job = job_of("rsi_reversion", market())
    view = job.views.of(0)
    first = job.strategy.make({"period": 5}).signals(view.panel)  # type: ignore[attr-defined]
    memory, _ = view.panel.__dict__["_shared_indicators"]
    put = memory.put
    memory.put = lambda key, values: (asked.append(key[1].__name__), put(key, values))

    again = job.strategy.make({"period": 5, "enter_below": 20}).signals(view.panel)  # type: ignore[attr-defined]
    job.strategy.make({"period": 6}).signals(view.panel)  # type: ignore[attr-defined]

    assert asked == ["rsi_nb"]
    assert again.enter_long.sum() <= first.enter_long.sum()
