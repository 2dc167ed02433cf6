"""Parameter sweeps: plan one, run it or go on with it, look at what it found, run one combination in full.

What a sweep has found lies in a file of its own from the first range on (`storage.sweeps`): cancelled, killed or
finished, it can be looked at and gone on with. Going on asks for the same bars, the same strategy and the same
engine: a table half of which means something else would be worse than none.
"""

import datetime as dt
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from desktop import logs
from desktop.service.export import cell, write_csv
from desktop.service.running import class_of
from desktop.service.saved import section_of
from engine.config import BacktestConfig, check_dates, parse_config
from engine.errors import BacktestNotFoundError, BacktestValidationError, Problem
from engine.kernels.lean_row import COLUMNS, ROW
from engine.result import BacktestProgress
from engine.simulate import ENGINE_VERSION
from engine.strategies.protocol import Strategy
from engine.sweeps.grid import Grid
from engine.sweeps.job import Job, longest_warmup, new_job
from engine.sweeps.run import Estimate, Plan, SweepProgress, estimate, plan_of, run_sweep
from engine.sweeps.spec import SweepConfig, better_of, grid_of, parse_sweep
from storage.records import StoredRun
from storage.stopping import never
from storage.strategies import hash_of, is_file_name
from storage.sweepfile import Span, SweepWriter, read_blocks
from storage.sweeps import SweepRecord, SweepStore

if TYPE_CHECKING:
    from desktop.service.facade import Service

OnProgress = Callable[[SweepProgress], None]
ShouldStop = Callable[[], bool]

BYTES_A_ROW: Final = ROW.itemsize


@dataclass(frozen=True)
class Prepared:
    """A sweep that can begin.

    Attributes:
        config: the run that it varies.
        sweep: its section.
        job: bars, strategy and grid.
        way, plan: how combinations are simulated.
        estimate: what it will take.
        sweep_id: of the sweep that it goes on with, or None.
    """

    config: BacktestConfig
    sweep: SweepConfig
    job: Job
    way: str
    plan: Plan
    estimate: Estimate
    sweep_id: str | None = None
    config_path: str | None = None

    @property
    def disk_bytes(self) -> int:
        """What the file will take."""
        return self.estimate.combinations * BYTES_A_ROW


@dataclass(frozen=True)
class Found:
    """One combination with its figures.

    Attributes:
        number: what a person calls it: its index in the grid, from 1.
        params: the parameters that vary.
        figures: every metric of a sweep, None where undefined.
        refused: the strategy does not take these parameters.
    """

    number: int
    params: dict[str, Any]
    figures: dict[str, float | int | None]
    refused: bool


class Sweeps:
    """The sweeps of this computer."""

    def __init__(
        self,
        service: "Service",
        store: SweepStore | None = None,
        *,
        clock: Callable[[], float] = time.perf_counter,
        today: Callable[[], dt.date] = lambda: dt.datetime.now(dt.UTC).date(),
    ) -> None:
        """Take the service that loads bars and keeps runs, and where sweeps are kept."""
        self._service = service
        self._store = store or SweepStore()
        self._clock = clock
        self._today = today

    # -- running

    def prepare(
        self, config: BacktestConfig, sweep: SweepConfig, *, config_path: str | None = None
    ) -> Prepared:
        """Check everything, load the bars and measure a few combinations.

        Raises:
            BacktestError: what the person can mend.
        """
        check_dates(config, self._today())
        section = section_of(config, self._service.store)
        if section.criteria is not None:
            hint = "sweep a strategy with parameters; criteria are compared run by run"
            raise BacktestValidationError(Problem("strategy.criteria", "have no parameters", hint))
        config = config.model_copy(update={"strategy": section})
        strategy = class_of(section.name)
        grid = grid_of(sweep, strategy)
        warmup = longest_warmup(config, strategy, grid)
        panel = self._service.bars(config, warmup)
        job = new_job(config, panel, strategy, grid, warmup)
        way, plan = plan_of(job)
        threads = sweep.threads or spare_cores()
        expected = estimate(job, (way, plan), threads=threads, clock=self._clock)
        return Prepared(config, sweep, job, way, plan, expected, config_path=config_path)

    def prepare_rest(self, sweep_id: str) -> Prepared:
        """Load what a sweep that was begun needs to go on.

        Raises:
            BacktestValidationError: bars, strategy or engine are not those it was begun with.
        """
        record = self._store.get(sweep_id)
        config, sweep = _asked_for(record)
        prepared = self.prepare(config, sweep, config_path=record.header.facts["config_path"])
        _refuse_other(record.header.facts, _identity(prepared))
        return Prepared(**{**prepared.__dict__, "sweep_id": record.sweep_id})

    def run(
        self,
        prepared: Prepared,
        on_progress: OnProgress | None = None,
        should_stop: ShouldStop | None = None,
        on_begun: Callable[[str], None] | None = None,
    ) -> SweepRecord:
        """Simulate all that is not finished yet, in this thread and its helpers, and return what there is.

        ``on_begun`` is told the sweep's id before the first combination.

        Raises:
            BacktestError: of the strategy or the disk; what was finished before is kept.
        """
        writer, done, sweep_id = self._writer(prepared)
        log = logs.get("sweeps")
        log.info("sweep_started", sweep_id=sweep_id, combinations=prepared.estimate.combinations)
        with writer:
            if on_begun is not None:
                on_begun(sweep_id)
            outcome = run_sweep(
                prepared.job,
                prepared.plan,
                writer.append,
                objective=prepared.sweep.objective,
                better=better_of(prepared.sweep.objective),
                threads=prepared.estimate.threads,
                chunk=prepared.sweep.chunk or prepared.estimate.chunk,
                clock=self._clock,
                done=done,
                on_progress=on_progress,
                should_stop=should_stop,
            )
        log.info("sweep_ended", sweep_id=sweep_id, done=outcome.done, completed=outcome.completed)
        return self._store.get(sweep_id)

    def run_one(
        self,
        sweep_id: str,
        number: int,
        on_progress: Callable[[BacktestProgress], None] | None = None,
        should_stop: ShouldStop | None = None,
    ) -> StoredRun:
        """Run one combination in full and keep it as a run.

        Raises:
            BacktestNotFoundError: the sweep has no such combination.
        """
        run_id = self._service.submit(self.config_of(sweep_id, number))
        return self._service.execute(run_id, on_progress, should_stop or never)

    def config_of(self, sweep_id: str, number: int) -> BacktestConfig:
        """Return the configuration that runs one combination by itself."""
        record = self._store.get(sweep_id)
        config, _ = _asked_for(record)
        grid = self.grid(record)
        if not 1 <= number <= grid.size or len(grid.valid(number - 1, number)) == 0:
            raise BacktestNotFoundError(
                f"The sweep has no combination {number}",
                field="N",
                hint=f"tradebench sweep show {record.short_id} lists them",
            )
        params = {**config.strategy.params, **grid.values(number - 1)}
        strategy = config.strategy.model_copy(update={"params": params})
        return config.model_copy(update={"strategy": strategy})

    # -- looking

    def get(self, sweep_id: str) -> SweepRecord:
        """Return a sweep as it stands."""
        return self._store.get(sweep_id)

    def all(self) -> tuple[SweepRecord, ...]:
        """Return all sweeps, newest first."""
        return self._store.all()

    def remove(self, sweep_id: str) -> None:
        """Delete a sweep for good."""
        self._store.remove(sweep_id)

    def grid(self, record: SweepRecord) -> Grid:
        """Return the combinations of a sweep."""
        config, sweep = _asked_for(record)
        return grid_of(sweep, class_of(config.strategy.name))

    def rows(self, record: SweepRecord) -> Iterator[NDArray[np.void]]:
        """Yield what was found, by ascending index, in parts: for whoever draws it."""
        return read_blocks(record.path)

    def top(self, record: SweepRecord, count: int = 20) -> list[Found]:
        """Return the best combinations by the objective, best first; equals by number.

        Raises:
            BacktestValidationError: the count is not 1 to 1000.
        """
        if not 1 <= count <= 1000:
            raise BacktestValidationError(Problem("--top", f"{count} is not allowed", "1 to 1000"))
        objective: str = record.header.facts["sweep"]["objective"]
        better = better_of(objective)
        best = np.empty(0, record.header.row)
        for block in self.rows(record):
            both = np.concatenate([best, block[~np.isnan(block[objective])]])
            order = np.lexsort((both["index"], -better * both[objective]))
            best = both[order[:count]]
        grid = self.grid(record)
        return [_found(row, grid) for row in best]

    def counts(self, record: SweepRecord) -> tuple[int, int]:
        """Return how many combinations are finished, and how many of them the strategy does not take."""
        done = refused = 0
        for block in self.rows(record):
            done += len(block)
            refused += int(block["refused"].sum())
        return done, refused

    def export_csv(self, record: SweepRecord, path: Path) -> int:
        """Write all that was found to a CSV file, whole or not at all; return how many lines."""
        grid = self.grid(record)
        return write_csv(
            path, ("number", *grid.names, "refused", *COLUMNS), self._lines(record, grid)
        )

    def _lines(self, record: SweepRecord, grid: Grid) -> Iterator[tuple[Any, ...]]:
        for block in self.rows(record):
            for row in block:
                found = _found(row, grid)
                params = (cell(v) if isinstance(v, str) else v for v in found.params.values())
                figures = ("" if value is None else value for value in found.figures.values())
                yield found.number, *params, int(found.refused), *figures

    def _writer(self, prepared: Prepared) -> tuple[SweepWriter, list[Span], str]:
        if prepared.sweep_id is not None:
            writer, done = self._store.resume(prepared.sweep_id)
            return writer, done, prepared.sweep_id
        facts = {
            "config": prepared.config.model_dump(mode="json"),
            "config_path": prepared.config_path,
            "sweep": prepared.sweep.model_dump(mode="json", by_alias=True),
            "combinations": prepared.estimate.combinations,
            **_identity(prepared),
        }
        writer = self._store.create(ROW, prepared.job.grid.size, facts)
        return writer, [], writer.sweep_id


def spare_cores() -> int:
    """Return how many threads leave one core to the person; at least one."""
    usable = getattr(os, "sched_getaffinity", None)
    cores = len(usable(0)) if usable is not None else os.cpu_count() or 1
    return max(1, cores - 1)


def _asked_for(record: SweepRecord) -> tuple[BacktestConfig, SweepConfig]:
    facts = record.header.facts
    return parse_config(facts["config"]), parse_sweep(facts["sweep"])


def _identity(prepared: Prepared) -> dict[str, str]:
    """Return what must not change between the two halves of a sweep."""
    name, cls = prepared.config.strategy.name, prepared.job.strategy
    return {
        "dataset_hash": prepared.job.panel.content_hash(),
        "strategy_hash": _hash_of(name, cls),
        "engine_version": ENGINE_VERSION,
    }


def _hash_of(name: str, cls: type[Strategy]) -> str:
    return hash_of(Path(name).expanduser().absolute()) if is_file_name(name) else cls.source_hash()


def _refuse_other(facts: dict[str, Any], now: dict[str, str]) -> None:
    words = {
        "dataset_hash": "the bars are not those it was begun with",
        "strategy_hash": "the strategy has changed since it was begun",
        "engine_version": "it was begun by another version of the engine",
    }
    problems = [
        Problem("--resume", sentence, "begin a new sweep")
        for key, sentence in words.items()
        if facts[key] != now[key]
    ]
    if problems:
        raise BacktestValidationError(problems)


def _found(row: np.void, grid: Grid) -> Found:
    index = int(row["index"])
    figures = {name: _figure(name, float(row[name])) for name in COLUMNS}
    return Found(index + 1, grid.values(index), figures, bool(row["refused"]))


def _figure(name: str, value: float) -> float | int | None:
    if np.isnan(value):
        return None
    return int(value) if name.endswith("_trades") else value
