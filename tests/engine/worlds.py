"""Generated worlds for property tests: a panel, what is said in it, and the rules, small enough to be followed.

Sizes and rules are drawn by hypothesis and shrink; prices and instructions follow from a drawn seed, so that
thousands of worlds take seconds. What a world may contain is drawn first, one word a feature, so that a failure
shrinks to the features that it needs.
"""

import random
from dataclasses import dataclass, replace
from enum import IntEnum
from typing import Any

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

from engine.kernels.book import Rules
from engine.market import Panel
from engine.types import BracketBase, FillAt, Intrabar, ShortOfCash, SpreadOn
from tests.engine.builders import rules_of
from tests.engine.worlds_market import finer_bars, half_spreads, instruments, market
from tests.engine.worlds_said import sayings, wanted_weights

Floats = NDArray[np.float64]

FEATURES = (
    "actions",  # splits, dividends, delistings
    "intraday",  # several bars a day
    "kinds",  # orders that wait for a price or a time
    "brackets",
    "tif",  # day and good till date
    "sizes",  # by risk, by Kelly
    "instruments",  # lots, ticks and multipliers of their own
    "members",  # a universe that changes
    "finer",  # finer bars inside the bars
    "quotes",  # rows of which bid and ask are known
    "drift",  # weights that are wanted at each close
)


@dataclass(frozen=True)
class World:
    """One run to be."""

    panel: Panel
    instructions: NDArray[np.void]
    rules: Rules
    capital: float
    cuts: tuple[int, ...]  # bars at which the run is interrupted
    weights: Floats | None = None  # (n_bars, n_symbols) for a rebalancing by drift

    def __repr__(self) -> str:
        """Say what is unusual: all arrays of a world are longer than anyone reads, or hypothesis prints."""
        plain = {name: values[0] for name, values in RULES.items()} | {"drift": 0.0}
        rules = {
            name: value
            for name, value in self.rules._asdict().items()
            if name in plain and not np.array_equal(np.ravel(value), np.ravel(plain[name]))
        }
        size = f"{self.panel.n_bars} bars of {self.panel.n_symbols} symbols"
        return f"World({size}, {len(self.instructions)} instructions, {self.capital}, {rules}, cuts {self.cuts})"


BOUNDS: list[dict[str, Any]] = [
    {},
    {"commission_min": 2.0},
    {"commission_max": 3.0},
    {"commission_min": 1.0, "commission_max": 1.5},
]
TIERS: list[list[tuple[float, float]]] = [
    [],
    [],
    [(0.0, 0.002), (500.0, 0.001), (5000.0, 0.0)],
    [(0.0, 0.0), (100.0, 0.01)],
]
MARGINS: list[dict[str, Any]] = [
    {},
    {},
    {"initial_margin": 0.5, "maintenance_margin": 0.25},
    {"initial_margin": 0.1, "maintenance_margin": 0.1},
    {"initial_margin": 1.0, "maintenance_margin": 0.9},
]
# What a rule may be; the first is the one that a failure shrinks to.
RULES: dict[str, list[Any]] = {
    "commission_rate": [0.0, 0.001, 0.02],
    "commission_per_share": [0.0, 0.005, 0.1],
    "commission_per_order": [0.0, 1.0, 7.5],
    "tiers": TIERS,
    "slippage_rate": [0.0, 0.0005, 0.03],
    "slippage_ticks": [0.0, 1.0, 2.5],
    "impact": [0.0, 0.0, 0.1, 1.0],
    "spread": [0.0, 0.02],
    "spread_rate": [0.0, 0.002],
    "spread_on": list(SpreadOn),
    "sell_tax_rate": [0.0, 0.0023],
    "borrow_rate": [0.0, 0.2],
    "margin_rate": [0.0, 0.08],
    "fill_at": list(FillAt),
    "intrabar": list(Intrabar),
    "bracket_base": list(BracketBase),
    "volume_limit": [0.0, 0.0, 0.01, 0.2],
    "lot": [1.0, 0.0, 10.0, 0.5],
    "tick": [0.0, 0.0, 0.01, 0.25],
    "multiplier": [1.0, 1.0, 5.0, 0.1],
    "short_of_cash": list(ShortOfCash),
    "kelly_min_trades": [1, 3],
    "kelly_start": [10.0, 50.0],
}
CAPITALS = [1000.0, 137.31, 100_000.0]


@st.composite
def worlds(
    draw: st.DrawFn, shorts: bool = True, without: tuple[str, ...] = (), margin: bool = True
) -> World:
    """Draw a world; without shorts nothing ever sells what it does not hold."""
    n_bars = draw(st.integers(1, 30), label="bars")
    n_symbols = draw(st.integers(1, 4), label="symbols")
    seed = draw(st.integers(0, 2**32), label="seed")
    mask = draw(st.integers(0, 2 ** len(FEATURES) - 1), label="features")
    there = {name for i, name in enumerate(FEATURES) if mask >> i & 1} - set(without)
    first = draw(st.integers(0, 2), label="first")
    density = draw(st.floats(0.02, 0.9), label="density")
    rules = {name: draw(st.sampled_from(values), label=name) for name, values in RULES.items()}
    rules |= draw(st.sampled_from(BOUNDS), label="bounds")
    rules |= draw(st.sampled_from(MARGINS), label="margin") if margin else {}
    capital = draw(st.sampled_from(CAPITALS), label="capital")
    cuts = tuple(draw(st.lists(st.integers(1, n_bars), max_size=4).map(sorted), label="cuts"))
    rng = random.Random(seed)
    return _world(rng, (n_bars, n_symbols, first), there, (density, shorts), rules, capital, cuts)


def seeded_world(seed: int) -> World:
    """Return the world of a number, the same in every process: for long hunts, which need no shrinking yet."""
    rng = random.Random(seed)
    n_bars, n_symbols = rng.randint(5, 40), rng.randint(1, 4)
    there = {name for name in FEATURES if rng.random() < 0.5}
    plain = rng.random()  # rules that are all unusual at once hide each other
    rules = {n: rng.choice(v) if rng.random() < plain else v[0] for n, v in RULES.items()}
    rules |= rng.choice(BOUNDS) if rng.random() < plain else {}
    rules |= rng.choice(MARGINS)
    cuts = tuple(sorted(rng.randint(1, n_bars) for _ in range(rng.randint(0, 4))))
    said = (rng.uniform(0.05, 0.6), rng.random() < 0.8)
    size = (n_bars, n_symbols, rng.randint(0, 2))
    return _world(rng, size, there, said, rules, rng.choice(CAPITALS), cuts)


def _world(
    rng: random.Random,
    size: tuple[int, int, int],
    there: set[str],
    said: tuple[float, bool],
    rules: dict[str, Any],
    capital: float,
    cuts: tuple[int, ...],
) -> World:
    n_bars, n_symbols, first = size
    panel = market(rng, n_bars, n_symbols, "intraday" in there, "actions" in there)
    if n_bars > 3:
        panel = replace(panel, first_counted=first)
    if "instruments" in there:
        panel = replace(panel, **instruments(rng, n_symbols))
    if "members" in there:
        panel = replace(panel, members=_members(rng, n_bars, n_symbols))
    if "finer" in there:
        panel = replace(panel, finer=finer_bars(rng, panel))
    if "quotes" in there:
        panel = replace(panel, half_spread=half_spreads(rng, panel))
    instructions = sayings(rng, panel, *said, there)
    weights = None
    if "drift" in there:
        weights = wanted_weights(rng, panel, said[1])
        rules = rules | {"drift": rng.choice([0.0, 0.03, 0.2])}
    numbers = {name: int(v) if isinstance(v, IntEnum) else v for name, v in rules.items()}
    numbers["tiers"] = np.array(rules["tiers"], np.float64).reshape(-1, 2)
    return World(panel, instructions, rules_of(**numbers), capital, cuts, weights)


def _members(rng: random.Random, n_bars: int, n_symbols: int) -> NDArray[np.bool_]:
    rows = [[rng.random() < 0.95 for _ in range(n_symbols)]]
    for _ in range(n_bars - 1):
        rows.append([one != (rng.random() < 0.05) for one in rows[-1]])
    return np.array(rows, np.bool_)
