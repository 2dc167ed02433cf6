"""Generated worlds for property tests: a panel, what is said in it, and the rules, small enough to be followed.

Sizes and rules are drawn by hypothesis and shrink; prices and instructions follow from a drawn seed, so that
thousands of worlds take seconds.
"""

import random
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

from engine.kernels.book import Rules
from engine.market import Panel
from engine.types import Action, EventKind, FillAt, ShortOfCash, SizeKind, SpreadOn
from tests.engine.builders import NAN, events_of, instructions_of, panel_of, rules_of, said

NAMES = ("A", "AB", "Z", "a")


@dataclass(frozen=True)
class World:
    """One run to be."""

    panel: Panel
    instructions: NDArray[np.void]
    rules: Rules
    capital: float
    cuts: tuple[int, ...]  # bars at which the run is interrupted


@st.composite
def worlds(draw: st.DrawFn, shorts: bool = True, corporate: bool = True) -> World:
    """Draw a world; without shorts nothing ever sells what it does not hold."""
    n_bars = draw(st.integers(1, 30), label="bars")
    n_symbols = draw(st.integers(1, 4), label="symbols")
    rng = random.Random(draw(st.integers(0, 2**32), label="seed"))
    panel = _panel(rng, n_bars, n_symbols, corporate and draw(st.booleans(), label="actions"))
    if n_bars > 3:
        panel = replace(panel, first_counted=draw(st.integers(0, 2), label="first"))
    instructions = _instructions(rng, panel, draw(st.floats(0.02, 0.9), label="density"), shorts)
    rules = rules_of(
        commission_rate=draw(st.sampled_from([0.0, 0.001, 0.02]), label="rate"),
        commission_per_share=draw(st.sampled_from([0.0, 0.005, 0.1])),
        commission_per_order=draw(st.sampled_from([0.0, 1.0, 7.5])),
        **draw(st.sampled_from(BOUNDS), label="bounds"),
        slippage_rate=draw(st.sampled_from([0.0, 0.0005, 0.03])),
        spread=draw(st.sampled_from([0.0, 0.02])),
        spread_rate=draw(st.sampled_from([0.0, 0.002])),
        spread_on=int(draw(st.sampled_from(SpreadOn))),
        sell_tax_rate=draw(st.sampled_from([0.0, 0.0023])),
        fill_at=int(draw(st.sampled_from(FillAt), label="fill at")),
        lot=draw(st.sampled_from([1.0, 0.0, 10.0, 0.5]), label="lot"),
        short_of_cash=int(draw(st.sampled_from(ShortOfCash), label="short of cash")),
    )
    capital = draw(st.sampled_from([1000.0, 137.31, 100_000.0]), label="capital")
    cuts = tuple(draw(st.lists(st.integers(1, n_bars), max_size=4).map(sorted), label="cuts"))
    return World(panel, instructions, rules, capital, cuts)


BOUNDS: list[dict[str, Any]] = [
    {},
    {"commission_min": 2.0},
    {"commission_max": 3.0},
    {"commission_min": 1.0, "commission_max": 1.5},
]


def _panel(rng: random.Random, n_bars: int, n_symbols: int, corporate: bool) -> Panel:
    opens: dict[str, list[float]] = {}
    closes: dict[str, list[float]] = {}
    volume = np.full((n_bars, n_symbols), 1000.0)
    for s in range(n_symbols):
        price = rng.choice([0.37, 10.0, 99.5, 1234.0])
        digits, jump = rng.choice([(2, 0.02), (0, 0.3), (4, 0.1)])
        holes = rng.choice([0.0, 0.0, 0.2])
        quiet = rng.choice([0.0, 0.0, 0.2, 1.0])
        opens[NAMES[s]], closes[NAMES[s]] = [], []
        for bar in range(n_bars):
            missing = rng.random() < holes
            for column in (opens, closes):
                price = max(price * rng.uniform(1 - jump, 1 + jump), 0.05)
                tick = max(round(price, digits), 10.0**-digits)
                column[NAMES[s]].append(NAN if missing else tick)
            volume[bar, s] = NAN if missing else 0.0 if rng.random() < quiet else 1000.0
    events = [_event(rng, n_bars, n_symbols) for _ in range(rng.randint(2, 8))] if corporate else []
    return panel_of(closes, opens, volume=volume, events=events_of(*events))


def _event(rng: random.Random, n_bars: int, n_symbols: int) -> tuple[int, int, EventKind, float]:
    kind = rng.choice(list(EventKind))
    value = {
        EventKind.DIVIDEND: rng.choice([0.05, 1.0, 0.333]),
        EventKind.SPLIT: rng.choice([2.0, 1.5, 0.1, 1 / 3, 7.0]),
        EventKind.DELISTING: rng.choice([0.0, -1.0, -0.3]),
    }[kind]
    return rng.randint(0, n_bars), rng.randrange(n_symbols), kind, value


SIZES = {
    SizeKind.QUANTITY: (1.0, 5.0, 12.7, 40.0, 3000.0),
    SizeKind.CASH: (50.0, 333.33, 5000.0),
    SizeKind.PERCENT: (10.0, 33.3, 100.0, 150.0),
    SizeKind.WEIGHT: (0.05, 0.5, 1.0),
}


def _instructions(
    rng: random.Random, panel: Panel, density: float, shorts: bool
) -> NDArray[np.void]:
    longs = [Action.ENTER_LONG, Action.EXIT_LONG, Action.BUY, Action.TARGET]
    actions = list(Action) if shorts else longs
    some = rng.sample(actions, rng.randint(1, len(actions)))
    rows: list[tuple[Any, ...]] = []
    for bar in range(panel.n_bars):
        for symbol in range(panel.n_symbols):
            while rng.random() < density and len(rows) < 200:
                action = rng.choice(some)
                kind = rng.choice(list(SIZES))
                size = rng.choice(SIZES[kind])
                if action is Action.TARGET:
                    size *= rng.choice([1, 1, 0, -1] if shorts else [1, 1, 0])
                if action in (Action.EXIT_LONG, Action.EXIT_SHORT):
                    kind, size = SizeKind.ALL, 0.0
                levels = rng.choice([(0.0, 0.0), (0.0, 0.0), (0.03, 0.0), (0.05, 0.1), (0.0, 0.02)])
                rows.append(said(bar, action, size, kind, symbol, *levels, rng.randint(0, 4)))
                density = density if rng.random() < 0.5 else density * 0.9
    return instructions_of(*rows)
