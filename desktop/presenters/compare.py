"""Two to ten runs side by side: read together, named so that nobody confuses them, on one time axis."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, Signal

from desktop.presenters.result import reason_of
from desktop.presenters.state import strategy_title
from desktop.service.comparing import Comparison
from desktop.service.facade import Service
from desktop.tasks.aio import Door

_LABEL_LENGTH: Final = 28
_NOT_TELLING: Final = ("source_hash", "dataset_hash", "engine_version")


@dataclass(frozen=True)
class RunCurve:
    """The account of one of the runs.

    Attributes:
        title: what the run is called in full.
        label: short, and different from the other runs' labels.
        time_ns, equity, drawdown: (n_bars,) after each bar.
    """

    run_id: str
    title: str
    label: str
    currency: str
    initial_capital: float
    time_ns: NDArray[np.int64] = field(repr=False)
    equity: NDArray[np.float64] = field(repr=False)
    drawdown: NDArray[np.float64] = field(repr=False)


@dataclass(frozen=True)
class CompareView:
    """Everything that a compare window shows; ``drawn`` is what the charts' builder made of it."""

    comparison: Comparison
    curves: tuple[RunCurve, ...]
    drawn: object = field(default=None, repr=False)


Prepare = Callable[[CompareView], object]


class ComparePresenter(QObject):
    """Reads the runs of one compare window.

    Signals:
        loaded(CompareView): they are there.
        failed(Failure): why they can't be compared.
    """

    loaded = Signal(object)
    failed = Signal(object)

    def __init__(
        self,
        service: Service,
        door: Door,
        run_ids: Sequence[str],
        prepare: Prepare | None = None,
        parent: QObject | None = None,
    ) -> None:
        """Take two to ten ids; ``prepare`` builds what charts need, on a thread of the door."""
        super().__init__(parent)
        self._service = service
        self._door = door
        self._prepare = prepare
        self.run_ids = tuple(run_ids)
        self._is_wanted = True

    def load(self) -> None:
        """Read the runs."""
        self._door.start(self._load())

    def forget(self) -> None:
        """Say nothing more: the window is gone, though its runs may still be on their way."""
        self._is_wanted = False

    async def _load(self) -> None:
        try:
            view = await self._door.call(compare_runs, self._service, self.run_ids, self._prepare)
        except Exception as error:
            if self._is_wanted:
                self.failed.emit(reason_of(error, self.tr("The runs can't be compared")))
            return
        if self._is_wanted:
            self.loaded.emit(view)


def compare_runs(
    service: Service, run_ids: Sequence[str], prepare: Prepare | None = None
) -> CompareView:
    """Read runs and their curves; blocking.

    Raises:
        BacktestError: a run is gone or has no result, or there are too few or too many.
    """
    comparison = service.compare(run_ids)
    labels = labels_of(comparison)
    curves = []
    for run, label in zip(comparison.runs, labels, strict=True):
        result = service.load(run.run_id).result
        assert result is not None, "compare has refused runs without a result"
        name = run.name or strategy_title(run.strategy_name)
        curves.append(
            RunCurve(
                run.run_id,
                name if label == name else f"{name} · {label}",
                label,
                run.currency,
                run.initial_capital,
                result.time_ns,
                result.curve.equity,
                result.drawdown,
            )
        )
    view = CompareView(comparison, tuple(curves))
    return view if prepare is None else replace(view, drawn=prepare(view))


def labels_of(comparison: Comparison) -> tuple[str, ...]:
    """Return a short name for each run that none of the others has.

    It is the run's own name where that is enough. Runs of one name are told apart by what they were set to, where that
    does it, else by their ids.
    """
    runs = comparison.runs
    names = [_short(run.name or strategy_title(run.strategy_name)) for run in runs]
    labels = list(names)
    for name in dict.fromkeys(names):
        alike = [index for index, other in enumerate(names) if other == name]
        if len(alike) > 1:
            for index, label in zip(alike, _told_apart(comparison, alike), strict=True):
                labels[index] = label
    return tuple(labels) if _all_differ(tuple(labels)) else tuple(run.short_id for run in runs)


def _told_apart(comparison: Comparison, alike: list[int]) -> tuple[str, ...]:
    """Return what each of some runs was set to, as little as tells them apart; their ids where nothing does."""
    telling = [
        difference
        for difference in comparison.differences
        if difference.key.split(".")[-1] not in _NOT_TELLING
        and len({repr(difference.values[index]) for index in alike}) > 1
    ]
    telling.sort(key=lambda d: not d.key.startswith("strategy."))
    for count in (1, 2, 3):
        chosen = telling[:count]
        told = tuple(
            _short(", ".join(_told(d.key, d.values[index]) for d in chosen)) for index in alike
        )
        if _all_differ(told):
            return told
    return tuple(comparison.runs[index].short_id for index in alike)


def _all_differ(texts: tuple[str, ...]) -> bool:
    return all(texts) and len(set(texts)) == len(texts)


def _told(key: str, value: Any) -> str:
    name = key.split(".")[-1]
    words = ", ".join(map(str, value)) if isinstance(value, list | tuple) else value
    if key == "strategy.name":
        return strategy_title(str(value))
    if name in ("symbols", "universe"):
        return str(words or "all")
    return f"{name.replace('_', ' ')} {'none' if words is None else words}"


def _short(text: str) -> str:
    return text if len(text) <= _LABEL_LENGTH else f"{text[: _LABEL_LENGTH - 1]}…"
