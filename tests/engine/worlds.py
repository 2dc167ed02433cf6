"""Generated worlds for property tests: a panel, what is said in it, and the rules, small enough to be followed.

Sizes and rules are drawn by hypothesis and shrink; prices and instructions follow from a drawn seed, so that
thousands of worlds take seconds. What a world may contain is drawn first, one word a feature, so that a failure
shrinks to the features that it needs.
"""

import random
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

from engine.kernels.book import Rules
from engine.market import Panel
from engine.types import BracketBase, FillAt, Intrabar, ShortOfCash, SpreadOn
from tests.engine.builders import rules_of
from tests.engine.worlds_market import finer_bars, instruments, market
from tests.engine.worlds_said import sayings

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
)


@dataclass(frozen=True)
class World:
    """One run to be."""

    panel: Panel
    instructions: NDArray[np.void]
    rules: Rules
    capital: float
    cuts: tuple[int, ...]  # bars at which the run is interrupted


@st.composite
def worlds(
    draw: st.DrawFn, shorts: bool = True, without: tuple[str, ...] = (), margin: bool = True
) -> World:
    """Draw a world; without shorts nothing ever sells what it does not hold."""
    n_bars = draw(st.integers(1, 30), label="bars")
    n_symbols = draw(st.integers(1, 4), label="symbols")
    rng = random.Random(draw(st.integers(0, 2**32), label="seed"))
    mask = draw(st.integers(0, 2 ** len(FEATURES) - 1), label="features")
    there = {name for i, name in enumerate(FEATURES) if mask >> i & 1} - set(without)
    panel = market(rng, n_bars, n_symbols, "intraday" in there, "actions" in there)
    if n_bars > 3:
        panel = replace(panel, first_counted=draw(st.integers(0, 2), label="first"))
    if "instruments" in there:
        panel = replace(panel, **instruments(rng, n_symbols))
    if "members" in there:
        panel = replace(panel, members=_members(rng, n_bars, n_symbols))
    if "finer" in there:
        panel = replace(panel, finer=finer_bars(rng, panel))
    density = draw(st.floats(0.02, 0.9), label="density")
    instructions = sayings(rng, panel, density, shorts, there)
    rules = draw(costs()) | draw(execution())
    if margin:
        rules |= draw(st.sampled_from(MARGINS), label="margin")
    capital = draw(st.sampled_from([1000.0, 137.31, 100_000.0]), label="capital")
    cuts = tuple(draw(st.lists(st.integers(1, n_bars), max_size=4).map(sorted), label="cuts"))
    return World(panel, instructions, rules_of(**rules), capital, cuts)


@st.composite
def costs(draw: st.DrawFn) -> dict[str, Any]:
    """Draw what trading costs."""
    return {
        "commission_rate": draw(st.sampled_from([0.0, 0.001, 0.02]), label="rate"),
        "commission_per_share": draw(st.sampled_from([0.0, 0.005, 0.1]), label="per share"),
        "commission_per_order": draw(st.sampled_from([0.0, 1.0, 7.5]), label="per order"),
        **draw(st.sampled_from(BOUNDS), label="bounds"),
        "tiers": np.array(draw(st.sampled_from(TIERS), label="tiers"), np.float64).reshape(-1, 2),
        "slippage_rate": draw(st.sampled_from([0.0, 0.0005, 0.03]), label="slippage"),
        "slippage_ticks": draw(st.sampled_from([0.0, 1.0, 2.5]), label="ticks"),
        "impact": draw(st.sampled_from([0.0, 0.0, 0.1, 1.0]), label="impact"),
        "spread": draw(st.sampled_from([0.0, 0.02]), label="spread"),
        "spread_rate": draw(st.sampled_from([0.0, 0.002]), label="spread rate"),
        "spread_on": int(draw(st.sampled_from(SpreadOn), label="spread on")),
        "sell_tax_rate": draw(st.sampled_from([0.0, 0.0023]), label="tax"),
        "borrow_rate": draw(st.sampled_from([0.0, 0.2]), label="borrow"),
        "margin_rate": draw(st.sampled_from([0.0, 0.08]), label="interest"),
    }


@st.composite
def execution(draw: st.DrawFn) -> dict[str, Any]:
    """Draw how orders become fills."""
    return {
        "fill_at": int(draw(st.sampled_from(FillAt), label="fill at")),
        "intrabar": int(draw(st.sampled_from(Intrabar), label="intrabar")),
        "bracket_base": int(draw(st.sampled_from(BracketBase), label="base")),
        "volume_limit": draw(st.sampled_from([0.0, 0.0, 0.01, 0.2]), label="volume"),
        "lot": draw(st.sampled_from([1.0, 0.0, 10.0, 0.5]), label="lot"),
        "tick": draw(st.sampled_from([0.0, 0.0, 0.01, 0.25]), label="tick"),
        "multiplier": draw(st.sampled_from([1.0, 1.0, 5.0, 0.1]), label="multiplier"),
        "short_of_cash": int(draw(st.sampled_from(ShortOfCash), label="short of cash")),
        "kelly_min_trades": draw(st.sampled_from([1, 3]), label="stays"),
        "kelly_start": draw(st.sampled_from([10.0, 50.0]), label="kelly start"),
    }


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


def _members(rng: random.Random, n_bars: int, n_symbols: int) -> NDArray[np.bool_]:
    rows = [[rng.random() < 0.9 for _ in range(n_symbols)]]
    for _ in range(n_bars - 1):
        rows.append([one != (rng.random() < 0.1) for one in rows[-1]])
    return np.array(rows, np.bool_)
