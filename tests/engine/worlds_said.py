"""What is said in generated worlds: every kind of order, bracket, size and time in force, at prices that are met."""

import random
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.market import Panel
from engine.types import (
    NS_PER_DAY,
    Action,
    LevelKind,
    OrderKind,
    SizeKind,
    TimeInForce,
)
from tests.engine.builders import instructions_of, said

SIZES = {
    SizeKind.QUANTITY: (1.0, 5.0, 12.7, 40.0, 3000.0),
    SizeKind.CASH: (50.0, 333.33, 5000.0),
    SizeKind.PERCENT: (10.0, 33.3, 100.0, 150.0),
    SizeKind.WEIGHT: (0.05, 0.5, 1.0),
    SizeKind.RISK: (0.5, 2.0, 10.0),
    SizeKind.KELLY: (0.5, 1.0),
}
CLOSE_LEVELS = ((0.0, 0.0), (0.0, 0.0), (0.0, 0.0), (0.03, 0.0), (0.05, 0.1), (0.0, 0.02))
BUYS = (Action.BUY, Action.ENTER_LONG, Action.EXIT_SHORT)
EXITS = (Action.EXIT_LONG, Action.EXIT_SHORT)
WITHOUT_PRICE = (OrderKind.MARKET, OrderKind.MOO, OrderKind.MOC)


def sayings(
    rng: random.Random, panel: Panel, density: float, shorts: bool, there: set[str]
) -> NDArray[np.void]:
    """Return what is said in a world with these features."""
    longs = [Action.ENTER_LONG, Action.EXIT_LONG, Action.BUY, Action.TARGET, Action.CANCEL]
    actions = list(Action) if shorts else longs
    some = rng.sample(actions, rng.randint(1, len(actions)))
    kinds = rng.sample(list(OrderKind), rng.randint(1, len(OrderKind)))
    rows: list[tuple[Any, ...]] = []
    for bar in range(panel.n_bars):
        for symbol in range(panel.n_symbols):
            while rng.random() < density and len(rows) < 200:
                action = rng.choice(some)
                more = _order(rng, panel, bar, symbol, action, kinds, there)
                if "brackets" in there and action not in EXITS and rng.random() < 0.7:
                    more |= _bracket(rng, panel, bar, symbol, action, more["kind"])
                size_kind, size = _size(rng, action, shorts, "sizes" in there)
                rows.append(said(bar, action, size, size_kind, symbol, **more))
                density = density if rng.random() < 0.5 else density * 0.96
    return instructions_of(*rows)


def wanted_weights(rng: random.Random, panel: Panel, shorts: bool) -> NDArray[np.float64]:
    """Return weights that are wanted at each close: for days the same, of some symbols none, at some closes none.

    What is no member is wanted with weight 0, as `engine.asking` has it.
    """
    n_bars, n_symbols = panel.close.shape
    weights = np.full((n_bars, n_symbols), np.nan)
    wanted = [np.nan] * n_symbols
    choices = [0.0, 0.2, 0.5, 1.0, np.nan, *([-0.3] if shorts else [])]
    for bar in range(n_bars):
        if rng.random() < 0.3:
            wanted = [rng.choice(choices) / n_symbols for _ in range(n_symbols)]
        if rng.random() < 0.9:
            weights[bar] = wanted
    if panel.members is None:
        return weights
    known = ~np.isnan(weights).all(axis=1, keepdims=True)
    return np.where(~panel.members & known, 0.0, weights)


def _size(
    rng: random.Random, action: Action, shorts: bool, special: bool
) -> tuple[SizeKind, float]:
    if action in EXITS:
        return SizeKind.ALL, 0.0
    known = [kind for kind in SIZES if special or kind not in (SizeKind.RISK, SizeKind.KELLY)]
    if action is Action.TARGET:
        known = [kind for kind in known if kind not in (SizeKind.RISK, SizeKind.KELLY)]
    kind = rng.choice(known)
    size = rng.choice(SIZES[kind])
    if action is Action.TARGET:
        size *= rng.choice([1, 1, 0, -1] if shorts else [1, 1, 0])
    return kind, size


def _order(
    rng: random.Random,
    panel: Panel,
    bar: int,
    symbol: int,
    action: Action,
    kinds: list[OrderKind],
    there: set[str],
) -> dict[str, Any]:
    stop, target = rng.choice(CLOSE_LEVELS)
    kind = rng.choice(kinds) if "kinds" in there else OrderKind.MARKET
    if action is Action.TARGET and kind not in WITHOUT_PRICE:
        kind = OrderKind.MARKET
    more: dict[str, Any] = {
        "label": rng.randint(0, 4),
        "kind": int(kind),
        "close_stop_rate": 0.0 if action in EXITS else stop,
        "close_target_rate": 0.0 if action in EXITS else target,
    }
    if kind in (OrderKind.LIMIT, OrderKind.STOP_LIMIT):
        more["limit"] = _price(rng, panel, bar, symbol)
    if kind in (OrderKind.STOP, OrderKind.STOP_LIMIT):
        more["stop"] = _price(rng, panel, bar, symbol)
    if kind is OrderKind.TRAILING_STOP:
        more |= _trail(rng, panel, bar, symbol)
    if "tif" in there:
        more["tif"] = int(rng.choice(list(TimeInForce)))
        if more["tif"] == TimeInForce.GTD:
            more["good_till_ns"] = int(panel.time_ns[bar]) + rng.randint(-1, 6) * NS_PER_DAY
    return more


def _price(rng: random.Random, panel: Panel, bar: int, symbol: int) -> float:
    """A price near the last close, and often one that a later bar has to the last digit."""
    later = panel.slice(min(bar + 1, panel.n_bars - 1), min(bar + 4, panel.n_bars))
    prices = [p for name in ("open", "high", "low") for p in getattr(later, name)[:, symbol]]
    known = [float(p) for p in prices if not np.isnan(p)]
    if known and rng.random() < 0.5:
        return rng.choice(known)
    return round(_near(panel, bar, symbol) * rng.uniform(0.85, 1.15), rng.choice([1, 2, 6])) + 0.01


def _near(panel: Panel, bar: int, symbol: int) -> float:
    column = panel.close[: bar + 1, symbol]
    known = column[~np.isnan(column)]
    return float(known[-1]) if len(known) else 10.0


def _trail(rng: random.Random, panel: Panel, bar: int, symbol: int) -> dict[str, Any]:
    if rng.random() < 0.5:
        return {"trail_kind": int(LevelKind.RATE), "trail_value": rng.choice([0.01, 0.05, 0.2])}
    distance = _near(panel, bar, symbol) * rng.choice([0.01, 0.05, 0.1])
    return {"trail_kind": int(LevelKind.AMOUNT), "trail_value": round(distance, 2) or 0.01}


def _bracket(
    rng: random.Random, panel: Panel, bar: int, symbol: int, action: Action, kind: int
) -> dict[str, Any]:
    more: dict[str, Any] = {}
    for name, toward in (("stop", -1), ("target", 1)):
        if rng.random() < 0.2:
            continue
        level = rng.choice([LevelKind.RATE, LevelKind.RATE, LevelKind.PRICE, LevelKind.AMOUNT])
        side = -1 if action in (Action.SELL, Action.ENTER_SHORT) else 1
        value = rng.choice([0.005, 0.01, 0.05, 0.1])
        if level is LevelKind.AMOUNT:
            value = round(_near(panel, bar, symbol) * value, 2) or 0.01
        if level is LevelKind.PRICE:
            value = _near(panel, bar, symbol) * (1 + side * toward * value)
            value = max(_price(rng, panel, bar, symbol) if rng.random() < 0.4 else value, 0.01)
        more |= {f"{name}_kind": int(level), f"{name}_value": value}
    if kind != OrderKind.TRAILING_STOP and rng.random() < 0.4:
        more |= _trail(rng, panel, bar, symbol)
    return more
