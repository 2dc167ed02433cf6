"""Whether a strategy file keeps its promises: it loads, it looks at nothing to come, its warm-up is long enough."""

import dataclasses
import time
from pathlib import Path
from typing import Any

import numpy as np

from desktop.service.child.answers import plain_signals
from desktop.service.child.limits import barrier
from desktop.service.child.lookahead import Mismatch, first_mismatch
from desktop.service.child.proxy import LookAheadError, day_of, trusted_strategy
from engine.config import BacktestConfig, DataConfig
from engine.driver import Elsewhere
from engine.market import Panel
from engine.strategies.protocol import SignalStrategy
from storage.market.catalog import load_panel
from storage.strategies import closure_of

_MORE_WARMUP = 250  # bars beyond the declared ones that a second look begins earlier by, at most


@dataclasses.dataclass(frozen=True)
class Checked:
    """What was found; ``look_ahead`` and ``warmup`` are sentences, empty when all is well."""

    name: str
    title: str
    version: str
    form: str
    digest: str
    parameters: dict[str, Any]
    imported: tuple[str, ...]
    barrier: str
    bars: int
    cuts: int
    look_ahead: str
    warmup: str

    def as_json(self) -> dict[str, Any]:
        """Return it for other programs."""
        return dataclasses.asdict(self)


def check_file(file: Path, *, thorough: bool = False, data: DataConfig | None = None) -> Checked:
    """Run a strategy file on prices (the demo's by default) and look.

    Raises:
        UntrustedError: the person has not agreed to this version.
        BacktestError: it can't be run; the message names file and line.
    """
    path = file.expanduser().absolute()
    first, *others = closure_of(path)
    strategy = trusted_strategy(path, {})
    panel = load_panel(data or DataConfig(), warmup_bars=strategy.warmup_bars())
    strategy.cuts = panel.n_bars if thorough else strategy.cuts
    if thorough:
        strategy.patience = float("inf")
    look_ahead = ""
    try:
        if isinstance(strategy, SignalStrategy):
            strategy.signals(panel)
        elif isinstance(strategy, Elsewhere):
            config = BacktestConfig.model_validate({"strategy": {"name": strategy.name}})
            strategy.simulation(config, panel).run(time.monotonic)
        else:
            counted = np.arange(panel.first_counted, panel.n_bars, 21)
            strategy.weights(panel, counted)
    except LookAheadError as error:
        look_ahead = error.problems[0].message
    return Checked(
        name=strategy.name,
        title=strategy.title,
        version=strategy.version,
        form=strategy.form,
        digest=strategy.source_hash(),
        parameters=strategy.params.model_dump(mode="json"),
        imported=tuple(other.relative_to(first.parent).as_posix() for other in others),
        barrier=barrier(),
        bars=panel.n_bars - panel.first_counted,
        cuts=strategy.cuts_asked,
        look_ahead=look_ahead,
        warmup="" if look_ahead else _warmup_problem(strategy, panel),
    )


def _warmup_problem(strategy: Any, panel: Panel) -> str:
    """Return what still changes when the data begin earlier than the declared warm-up, or nothing.

    The strategy is asked on bars that begin with its warm-up before the middle, and on bars that begin earlier still;
    from the middle on both must say the same.
    """
    middle, warmup = panel.n_bars // 2, strategy.warmup_bars()
    late = middle - warmup
    early = max(0, late - max(warmup, _MORE_WARMUP))
    if not isinstance(strategy, SignalStrategy) or late <= 0 or early == late:
        return ""
    found = _changed(strategy, panel, early, late, middle)
    if found is None:
        return ""
    day = day_of(panel, middle + found.bar)
    return (
        f"{found.name} of {panel.symbols[found.symbol]} at {day} changes when the data begin earlier: "
        f"the declared {warmup} bars are too few (a recursive indicator such as an EMA needs several times its length)"
    )


def _changed(
    strategy: SignalStrategy, panel: Panel, early: int, late: int, middle: int
) -> Mismatch | None:
    def said(start: int) -> dict[str, Any]:
        part = panel.slice(start, panel.n_bars)
        _, arrays = plain_signals(strategy.signals(part), part.close.shape, part.symbols)
        return {name: values[middle - start :] for name, values in arrays.items()}

    rows = panel.n_bars - middle
    found, _ = first_mismatch(
        said(early), np.array([rows]), lambda _: said(late), lambda _: rows, lambda: False
    )
    return found
