"""What the database hands out and takes in: plain frozen values, never rows of an ORM.

Money, prices and quantities are exact decimals at rest. Here they are floats again: a decimal of
four or eight places is printed by its float with exactly those digits. Instants of bars are UTC
nanoseconds (``*_ns``), instants of the computer (``created_at``) are aware UTC datetimes, rates are
fractions.
"""

import datetime as dt
from dataclasses import dataclass, field
from typing import Any, Literal

from engine.config import BacktestConfig
from engine.result import BacktestResult, MetricValue, TradeRecord

RunStatus = Literal[
    "queued", "running", "paused", "completed", "failed", "cancelled", "interrupted"
]
RunSort = Literal["date", "return", "sharpe"]

FINAL_STATUSES: tuple[RunStatus, ...] = ("completed", "failed", "cancelled", "interrupted")


@dataclass(frozen=True, slots=True)
class StrategySpec:
    """The strategy of a run, as it is handed in.

    Attributes:
        name: what the configuration calls it; for a file its strategy's name.
        version: semantic version that the strategy declares.
        kind: ``signals`` or ``targets``.
        params: every parameter with the value of this run, defaults resolved.
        defaults: every parameter with its default.
        source_text: the source of the file.
        source_hash: 64 hex; of a file its whole import closure.
        path: the file, or None for a built-in strategy.
    """

    name: str
    version: str
    kind: str
    params: dict[str, Any]
    defaults: dict[str, Any]
    source_text: str
    source_hash: str
    path: str | None = None


@dataclass(frozen=True, slots=True)
class DatasetSpec:
    """The bars of a run, as they are handed in; build it with ``storage.runs.dataset_of``."""

    name: str
    source: str
    symbols: tuple[str, ...]
    timeframe: str
    start_ns: int
    end_ns: int
    adjustment: str
    content_hash: str
    n_bars: int


@dataclass(frozen=True, slots=True)
class RunFilter:
    """Which runs a list shows; None or empty leaves a condition out.

    Attributes:
        strategy: the strategy's name, in any case.
        instrument: a symbol that the run traded, or the name of its universe, in any case.
        status: a `RunStatus`, or ``success`` (completed), or ``pending`` (queued).
        created_from, created_to: first and last day (UTC) on which the run was made.
        starred: only those with, or only those without, a star.
        trashed: the contents of the trash instead of the rest.
    """

    strategy: str | None = None
    instrument: str | None = None
    status: str | None = None
    created_from: dt.date | None = None
    created_to: dt.date | None = None
    starred: bool | None = None
    trashed: bool = False


@dataclass(frozen=True, slots=True)
class RunSummary:
    """One line of a list of runs; figures are None without a result, or where undefined.

    ``short_id`` is the shortest prefix (eight characters at least) that no other run shares.
    """

    run_id: str
    short_id: str
    created_at: dt.datetime
    name: str | None
    strategy_name: str
    instrument_symbol: str
    timeframe: str
    status: RunStatus
    progress: float
    currency: str
    initial_capital: float
    starred: bool
    tags: tuple[str, ...]
    final_balance: float | None
    total_return: float | None
    sharpe_ratio: float | None
    max_drawdown: float | None
    total_trades: int | None


@dataclass(frozen=True, slots=True)
class RunPage:
    """A page of runs; ``next_cursor`` is None on the last, ``total`` counts all pages."""

    items: tuple[RunSummary, ...]
    next_cursor: str | None
    total: int


@dataclass(frozen=True, slots=True)
class TradePage:
    """A page of round trips in the order of exit; ``total`` counts all that match."""

    items: tuple[TradeRecord, ...]
    limit: int
    offset: int
    total: int

    @property
    def next_offset(self) -> int | None:
        """Where the next page starts, or None."""
        end = self.offset + len(self.items)
        return end if end < self.total else None


@dataclass(frozen=True, slots=True)
class EventRecord:
    """Something that happened to a run."""

    at: dt.datetime
    level: str
    kind: str
    message: str
    payload: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RunRecord:
    """Everything about a run but its rows.

    Attributes:
        config: the configuration as submitted.
        strategy_snapshot: name, version, params (resolved), source (text), source_hash.
        config_snapshot: version, strategy_path, config_path, config.
        dataset_id, dataset_hash: None until the bars were loaded.
        start_ns, end_ns: opens of the first and last counted bar; None until there is a result.
        has_result: whether `RunStore.load` returns one; a cancelled run's is partial.
        metrics: by name, None where undefined; empty without a result.
        undefined: the reason for each metric that is None.
        error_message, traceback: of a failed run.
        reproduced_from: the run that this one repeats.
    """

    run_id: str
    short_id: str
    name: str | None
    notes: str
    tags: tuple[str, ...]
    starred: bool
    status: RunStatus
    progress: float
    cancel_requested: bool
    owner: str
    strategy_id: str
    strategy_name: str
    strategy_version: str
    dataset_id: str | None
    dataset_hash: str | None
    instrument_symbol: str
    symbols: tuple[str, ...]
    timeframe: str
    currency: str
    initial_capital: float
    benchmark: str | None
    data_source: str
    start_ns: int | None
    end_ns: int | None
    config: BacktestConfig
    config_snapshot: dict[str, Any]
    strategy_snapshot: dict[str, Any]
    engine_version: str
    result_hash: str | None
    content_hash: str | None
    reproduced_from: str | None
    has_result: bool
    metrics: dict[str, MetricValue]
    undefined: dict[str, str]
    error_message: str | None
    traceback: str | None
    execution_duration_seconds: float | None
    created_at: dt.datetime
    updated_at: dt.datetime
    started_at: dt.datetime | None
    completed_at: dt.datetime | None
    trashed_at: dt.datetime | None

    @property
    def partial(self) -> bool:
        """Whether there is a result that ends before the run would have."""
        return self.has_result and self.status == "cancelled"


@dataclass(frozen=True)
class StoredRun:
    """A run with its result, rebuilt from the rows: charts and tables take it like a fresh one.

    ``result`` is None for a run that has none (queued, failed …).
    """

    record: RunRecord
    result: BacktestResult | None


@dataclass(frozen=True, slots=True)
class DatasetRecord:
    """Bars that runs were made on; ``runs`` counts them."""

    dataset_id: str
    name: str
    source: str
    symbols: tuple[str, ...]
    timeframe: str
    start_ns: int
    end_ns: int
    adjustment: str
    content_hash: str
    n_bars: int
    created_at: dt.datetime
    runs: int
