"""Generated sweeps of one combination: one symbol, random signals, every rule that the lean simulation knows."""

import random
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

from engine.config import BacktestConfig, parse_config
from engine.driver import Simulation, new_simulation, rules_of
from engine.market import Panel
from engine.simulate import instructions_of
from engine.strategies.protocol import Parameters, Signals, SignalStrategy
from engine.sweeps.grid import Axis, Grid
from engine.sweeps.job import Job, new_job
from tests.engine.builders import panel_of


class SaidParameters(Parameters):
    """Which of the random decisions."""

    seed: int = 0
    density: float = 0.1
    shorts: bool = False
    stop_rate: float = 0.0
    target_rate: float = 0.0


class Said(SignalStrategy):
    """Says at random, and knows nothing of prices."""

    name: ClassVar[str] = "said"
    title: ClassVar[str] = "Said"
    summary: ClassVar[str] = "Random."
    Params: ClassVar[type[Parameters]] = SaidParameters

    def signals(self, panel: Panel) -> Signals:
        p, shape = self.params, panel.close.shape
        rng = np.random.default_rng(p.seed)

        def mask() -> NDArray[np.bool_]:
            return rng.random(shape) < p.density

        return Signals(
            enter_long=mask() if p.seed % 5 else None,
            exit_long=mask() if p.seed % 7 else None,
            enter_short=mask() if p.shorts else None,
            exit_short=mask() if p.shorts and p.seed % 3 else None,
            close_stop_rate=p.stop_rate,
            close_target_rate=p.target_rate,
        )


@dataclass(frozen=True)
class LeanWorld:
    """One sweep of a few seeds."""

    config: BacktestConfig
    panel: Panel

    def job(self, seeds: int = 3) -> Job:
        first = int(self.config.strategy.params["seed"])
        grid = Grid((Axis("seed", tuple(range(first, first + seeds))),))
        return new_job(self.config, self.panel, Said, grid, 0)


def simulation_of(job: Job, index: int) -> Simulation:
    """Run one combination by the loop that runs everything."""
    config = job.config_of(index)
    panel = job.views.of(0).panel
    said, _ = instructions_of(config, panel, Said.make(config.strategy.params))
    simulation = new_simulation(panel, said, rules_of(config), config.account.initial_capital)
    simulation.advance(panel.n_bars)
    simulation.expire_waiting()
    return simulation


COSTS: list[dict[str, Any]] = [
    {"commission_pct": 0.0, "slippage_bps": 0.0},
    {"commission_pct": 0.1, "slippage_bps": 5.0},
    {"commission_pct": 2.0, "commission_min": 2.0, "commission_max": 3.5, "slippage_bps": 300.0},
    {"commission_pct": 0.0, "commission_per_share": 0.1, "commission_per_order": 7.5},
    {"commission_pct": 0.1, "commission_min": 1.0, "spread": 0.02, "spread_bps": 20.0},
    {"spread": 0.5, "spread_on": "entry", "sell_tax_pct": 0.23},
]
SIZING: list[dict[str, Any]] = [
    {},
    {"value": 33.3},
    {"method": "percent_of_equity", "value": 150},
    {"method": "fixed_cash", "value": 333.33},
    {"method": "fixed_cash", "value": 5000},
    {"method": "fixed_quantity", "value": 12.7},
    {"method": "fixed_quantity", "value": 3000},
    {"method": "equal_weight"},
]


@st.composite
def lean_worlds(draw: st.DrawFn) -> LeanWorld:
    """Draw a world."""
    n_bars = draw(st.integers(1, 60), label="bars")
    rng = random.Random(draw(st.integers(0, 2**32), label="seed"))
    fractional = draw(st.booleans(), label="fractional")
    levels = draw(st.sampled_from([(0.0, 0.0), (0.0, 0.0), (0.03, 0.0), (0.05, 0.1), (0.0, 0.02)]))
    config = parse_config(
        {
            "strategy": {
                "name": "said",
                "params": {
                    "seed": rng.randrange(1_000_000),
                    "density": draw(st.sampled_from([0.02, 0.1, 0.3, 0.8]), label="density"),
                    "shorts": draw(st.booleans(), label="shorts"),
                    "stop_rate": levels[0],
                    "target_rate": levels[1],
                },
            },
            "account": {
                "initial_capital": draw(st.sampled_from([1000.0, 137.31, 100_000.0])),
                "risk_free_rate": draw(st.sampled_from([0.0, 0.0, 0.03, -0.01])),
            },
            "costs": draw(st.sampled_from(COSTS), label="costs"),
            "sizing": draw(st.sampled_from(SIZING), label="sizing"),
            "execution": {
                "fill_at": draw(st.sampled_from(["next_open", "next_close", "same_close"])),
                "fractional": fractional,
                "lot_size": 1.0 if fractional else draw(st.sampled_from([1.0, 10.0, 0.5])),
                "when_short_of_cash": draw(st.sampled_from(["scale", "first_come", "reject"])),
            },
        }
    )
    return LeanWorld(config, _panel(rng, n_bars, draw(st.integers(0, min(3, n_bars - 1)))))


def _panel(rng: random.Random, n_bars: int, first: int) -> Panel:
    price = rng.choice([0.37, 10.0, 99.5, 1234.0])
    digits, jump = rng.choice([(2, 0.02), (0, 0.3), (4, 0.1)])
    quiet, blank = rng.choice([0.0, 0.0, 0.3, 1.0]), rng.choice([0.0, 0.0, 0.2])
    columns: dict[str, list[float]] = {"open": [], "close": []}
    volume = np.full((n_bars, 1), 1000.0)
    for bar in range(n_bars):
        for column in columns.values():
            price = max(price * rng.uniform(1 - jump, 1 + jump), 0.05)
            column.append(max(round(price, digits), 10.0**-digits))
        volume[bar, 0] = 0.0 if rng.random() < quiet else 1000.0
        if rng.random() < blank:
            volume[bar, 0] = np.nan
    if quiet < 1.0:
        volume[-1] = 1000.0
    return panel_of(
        {"A": columns["close"]}, {"A": columns["open"]}, volume=volume, first_counted=first
    )
