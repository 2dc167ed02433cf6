"""Two to ten runs side by side: metrics with the best marked, and what was set differently."""

import math
from dataclasses import dataclass
from typing import Any, Final

from engine.metric_table import METRICS, Metric
from engine.result import MetricValue
from storage.records import RunRecord

LEAST: Final = 2
MOST: Final = 10


@dataclass(frozen=True, slots=True)
class MetricRow:
    """One metric over all runs.

    Attributes:
        values: one per run, in the order of the runs; None where undefined.
        best: indices of the runs that are best; empty where the metric has no better end, all are
            equal, or amounts of money come from different accounts.
    """

    name: str
    title: str
    kind: str
    values: tuple[MetricValue, ...]
    best: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Difference:
    """One setting that is not the same in all runs; ``values`` in the order of the runs."""

    key: str
    values: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Comparison:
    """What a compare view shows; ``cautions`` say why figures may not be comparable."""

    runs: tuple[RunRecord, ...]
    metrics: tuple[MetricRow, ...]
    differences: tuple[Difference, ...]
    cautions: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """Return the object that ``compare --json`` prints."""
        ids = [run.run_id for run in self.runs]
        return {
            "runs": [
                {
                    "run_id": run.run_id,
                    "name": run.name,
                    "strategy": run.strategy_name,
                    "instrument": run.instrument_symbol,
                    "status": run.status,
                    "metrics": run.metrics,
                }
                for run in self.runs
            ],
            "best": {row.name: [ids[i] for i in row.best] for row in self.metrics if row.best},
            "differences": [
                {"key": d.key, "values": dict(zip(ids, d.values, strict=True))}
                for d in self.differences
            ],
            "cautions": list(self.cautions),
        }


def compare(runs: list[RunRecord]) -> Comparison:
    """Put runs that have results side by side, in the order given."""
    rows = tuple(_row(info, runs) for info in METRICS)
    return Comparison(tuple(runs), rows, _differences(runs), _cautions(runs))


def _row(info: Metric, runs: list[RunRecord]) -> MetricRow:
    values = tuple(run.metrics.get(info.name) for run in runs)
    # A thousand won more is not better than a hundred dollars, nor is the gain of a larger account.
    accounts = {(run.currency, run.initial_capital) for run in runs}
    comparable = info.kind != "money" or len(accounts) == 1
    best = _best(values, info.better) if comparable else ()
    return MetricRow(info.name, info.title, info.kind, values, best)


def _best(values: tuple[MetricValue, ...], better: str | None) -> tuple[int, ...]:
    """Return the indices of the best numbers; nothing when all that are defined are equal."""
    numbers = {
        i: v for i, v in enumerate(values) if isinstance(v, int | float) and math.isfinite(v)
    }
    if better is None or len(set(numbers.values())) < 2:
        return ()
    top = max(numbers.values()) if better == "high" else min(numbers.values())
    return tuple(i for i, v in numbers.items() if v == top)


def _differences(runs: list[RunRecord]) -> tuple[Difference, ...]:
    flat = [_flat(_settings(run)) for run in runs]
    keys = list(dict.fromkeys(key for one in flat for key in one))
    found = []
    for key in keys:
        values = tuple(one.get(key) for one in flat)
        if any(value != values[0] for value in values[1:]):
            found.append(Difference(key, values))
    return tuple(found)


def _settings(run: RunRecord) -> dict[str, Any]:
    """Return the configuration with every parameter resolved, and what stands behind it."""
    config = run.config.model_dump(mode="json", exclude={"name"})
    config["strategy"]["params"] = run.strategy_snapshot.get("params", {})
    config["strategy"]["source_hash"] = run.strategy_snapshot.get("source_hash")
    config["data"]["dataset_hash"] = run.dataset_hash
    config["engine_version"] = run.engine_version
    return config


def _flat(settings: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in settings.items():
        if isinstance(value, dict):
            flat.update(_flat(value, f"{prefix}{key}."))
        else:
            flat[f"{prefix}{key}"] = value
    return flat


def _cautions(runs: list[RunRecord]) -> tuple[str, ...]:
    found = []
    if len({(run.start_ns, run.end_ns) for run in runs}) > 1:
        found.append(
            "The runs cover different dates: returns and drawdowns are not of the same markets"
        )
    if len({run.currency for run in runs}) > 1:
        found.append("The runs are in different currencies: amounts of money can't be compared")
    if len({run.initial_capital for run in runs}) > 1:
        found.append("The runs start with different capital: amounts of money can't be compared")
    if len({run.timeframe for run in runs}) > 1:
        found.append("The runs use bars of different length")
    found.extend(
        f"{run.short_id} was cancelled: its figures are partial" for run in runs if run.partial
    )
    return tuple(found)
