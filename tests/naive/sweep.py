"""A sweep with nothing clever in it: every combination, one after another, each a run of its own."""

import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from engine.config import BacktestConfig
from engine.market import Panel
from engine.simulate import run_backtest
from engine.strategies.protocol import Strategy

Row = dict[str, float]


def sweep(
    config: BacktestConfig,
    panel: Panel,
    strategy: type[Strategy],
    values: Mapping[str, Sequence[Any]],
    wanted: Callable[..., bool],
) -> list[tuple[dict[str, Any], Row]]:
    """Return parameters and metrics of every wanted combination, the last parameter changing fastest."""
    found = []
    for chosen in itertools.product(*values.values()):
        params = dict(zip(values, chosen, strict=True))
        if not wanted(**params):
            continue
        made = strategy.make({**config.strategy.params, **params})
        first = panel.first_counted - min(made.warmup_bars(), panel.first_counted)
        result = run_backtest(config, panel.slice(first, panel.n_bars), made, clock=lambda: 0.0)
        row = {
            name: float(value)
            for name, value in result.metrics.items()
            if isinstance(value, int | float)
        }
        found.append((params, row))
    return found


def best(found: list[tuple[dict[str, Any], Row]], objective: str) -> dict[str, Any]:
    """Return the parameters of the first of the best."""
    return max(found, key=lambda item: item[1].get(objective, -math.inf))[0]
