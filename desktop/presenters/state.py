"""What a result view needs of one run, prepared away from the GUI thread."""

from dataclasses import dataclass, field, fields
from typing import Self

from desktop import fmt
from engine.market import Panel
from engine.result import BacktestProgress, BacktestResult
from engine.strategies import registry
from storage.records import RunRecord, StoredRun

_BADGES = {
    "price return": "price return",
    "optimistic": "optimistic fills",
    "survivorship": "survivorship unknown",
}


@dataclass(frozen=True)
class RunView:
    """One run, ready to be shown.

    Attributes:
        run_id: full id.
        title: the run's name, or its strategy's title.
        subtitle: symbols, range and timeframe in one line.
        status: as stored.
        badges: words that stand beside the result ("DEMO", "price return", "partial").
        verdict: one sentence that says how the run went.
        result: as simulated or rebuilt from the database.
        panel: the counted bars for the price chart; None when they can't be had.
        panel_error: why there is no panel.
        drawn: what the charts' builder made of it on a worker; None leaves that to the view.
    """

    run_id: str
    title: str
    subtitle: str
    status: str
    badges: tuple[str, ...]
    verdict: str
    result: BacktestResult
    record: RunRecord
    panel: Panel | None = field(default=None, repr=False)
    panel_error: str = ""
    drawn: object = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class LiveProgress(BacktestProgress):
    """How far a run is, and its curve so far as charts draw it.

    Attributes:
        drawn: what the charts' builder made of ``live`` on the run's own thread.
    """

    drawn: object = field(default=None, repr=False)

    @classmethod
    def of(cls, progress: BacktestProgress, drawn: object) -> Self:
        """Return a report of the engine with what is drawn of it."""
        told = {part.name: getattr(progress, part.name) for part in fields(BacktestProgress)}
        return cls(**told, drawn=drawn)


def view_of(stored: StoredRun, panel: Panel | None, panel_error: str = "") -> RunView | None:
    """Return what the result views show of a stored run, or None when it has no result."""
    result = stored.result
    if result is None:
        return None
    record = stored.record
    counted = panel.slice(panel.first_counted, panel.n_bars) if panel is not None else None
    return RunView(
        run_id=record.run_id,
        title=record.name or strategy_title(record.strategy_name),
        subtitle=_subtitle(result),
        status=record.status,
        badges=badges_of(result),
        verdict=verdict_of(result),
        result=result,
        record=record,
        panel=counted,
        panel_error=panel_error,
    )


def strategy_title(name: str) -> str:
    """Return what people call a strategy; a name that is not built in stays as it is."""
    return registry.title_of(name)


def badges_of(result: BacktestResult) -> tuple[str, ...]:
    """Return the words that must stand beside a result."""
    partial = ("partial",) if result.status == "cancelled" else ()
    return (*partial, *result.data_labels, *(_BADGES.get(m, m) for m in result.marks))


def verdict_of(result: BacktestResult) -> str:
    """Return one sentence: gain, fall, and how it stands to the benchmark."""
    metrics = result.metrics
    total, cagr = metrics.get("total_return"), metrics.get("cagr")
    fall, bench = metrics.get("max_drawdown"), metrics.get("benchmark_return")
    if not isinstance(total, float | int):
        return ""
    word = "Gained" if total >= 0 else "Lost"
    text = f"{word} {fmt.percent(abs(total))}"
    if isinstance(cagr, float | int):
        text += f" ({fmt.percent(cagr)} a year)"
    if isinstance(fall, float | int):
        text += f" with a worst fall of {fmt.percent(abs(fall))}"
    if isinstance(bench, float | int):
        gap = total - bench
        side = "ahead of" if gap >= 0 else "behind"
        text += (
            f"; {fmt.percent(abs(gap))} {side} {result.config.data.benchmark or 'the benchmark'}"
        )
    return text + "."


def _subtitle(result: BacktestResult) -> str:
    names = result.symbols
    symbols = ", ".join(names) if len(names) <= 6 else f"{names[0]} … {names[-1]} ({len(names)})"
    if len(result.time_ns) == 0:
        return symbols
    first, last = (fmt.date(int(result.time_ns[i])) for i in (0, -1))
    return f"{symbols} · {first} – {last} · {result.timeframe}"
