"""Generated worlds, changed in a way that must not matter, or only as far as it says."""

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.lib.recfunctions import drop_fields
from numpy.typing import NDArray

from engine.market import Panel
from engine.types import NS_PER_DAY, EventKind, LevelKind, SizeKind
from engine.validate import CheckedBars
from tests.engine.worlds import World

MONEY = (
    "commission_per_share",
    "commission_per_order",
    "commission_min",
    "commission_max",
    "spread",
    "tick",
)
PRICES = ("open", "high", "low", "close")


def without_symbol(rows: NDArray[np.void]) -> list[tuple[Any, ...]]:
    """Return rows without the index of their symbol; NaN as text, which equals itself."""
    return [tuple(map(str, row)) for row in drop_fields(rows, "symbol").tolist()]


def with_idle_symbol_in_front(world: World) -> World:
    """Put a symbol that nobody trades before the others."""
    events, instructions = world.panel.events.copy(), world.instructions.copy()
    events["symbol"] += 1
    instructions["symbol"] += 1
    panel = replace(_wider(world.panel), events=events)
    weights = world.weights
    if weights is not None:
        weights = np.hstack([np.full((len(weights), 1), np.nan), weights])
    return replace(world, panel=panel, instructions=instructions, weights=weights)


def _wider(panel: Panel) -> Panel:
    n_bars = panel.n_bars
    more: dict[str, Any] = {
        name: np.hstack([np.full((n_bars, 1), 3.0), getattr(panel, name)])
        for name in (*PRICES, "volume")
    }
    for name in ("lot_size", "tick_size", "multiplier"):
        own = getattr(panel, name)
        more[name] = None if own is None else np.hstack([[1.0], own])
    if panel.members is not None:
        more["members"] = np.hstack([np.ones((n_bars, 1), np.bool_), panel.members])
    if panel.half_spread is not None:
        more["half_spread"] = np.hstack([np.full((n_bars, 1), 0.5), panel.half_spread])
    if panel.finer is not None:
        more["finer"] = _wider(panel.finer)
    events = np.empty(0, panel.events.dtype)
    return replace(panel, symbols=("0idle", *panel.symbols), events=events, **more)


def in_half_units_of_money(world: World) -> World:
    """State all money and every price in a unit half as large."""
    rules, instructions = world.rules, world.instructions.copy()
    instructions["size"][instructions["size_kind"] == SizeKind.CASH] *= 2
    instructions["limit"] *= 2
    instructions["stop"] *= 2
    for name in ("stop", "target", "trail"):
        absolute = np.isin(instructions[f"{name}_kind"], (LevelKind.PRICE, LevelKind.AMOUNT))
        instructions[f"{name}_value"][absolute] *= 2
    more = {name: 2 * getattr(rules, name) for name in MONEY}
    return replace(
        world,
        panel=_in_half_units(world.panel),
        instructions=instructions,
        capital=2 * world.capital,
        rules=rules._replace(tiers=rules.tiers * [2.0, 1.0], **more),
    )


def _in_half_units(panel: Panel) -> Panel:
    events = panel.events.copy()
    events["value"][events["kind"] == EventKind.DIVIDEND] *= 2
    more: dict[str, Any] = {name: 2 * getattr(panel, name) for name in PRICES}
    if panel.tick_size is not None:
        more["tick_size"] = 2 * panel.tick_size
    if panel.half_spread is not None:
        more["half_spread"] = 2 * panel.half_spread
    if panel.finer is not None:
        more["finer"] = _in_half_units(panel.finer)
    return replace(panel, events=events, **more)


def weeks_later(world: World, weeks: int) -> World:
    """Move the whole world in time by so many weeks."""
    by, instructions = weeks * 7 * NS_PER_DAY, world.instructions.copy()
    instructions["good_till_ns"] += by
    panel = replace(world.panel, time_ns=world.panel.time_ns + by)
    if panel.finer is not None:
        finer = replace(panel.finer, time_ns=panel.finer.time_ns + by)
        panel = replace(panel, finer=finer)
    return replace(world, panel=panel, instructions=instructions)


def with_another_future(world: World, stop: int) -> World:
    """Let everything from bar ``stop`` on be otherwise: prices, holes, actions, universe and what is said.

    What is known of a symbol from the beginning stays: that its volumes are known.
    """
    panel = world.panel
    more: dict[str, Any] = {}
    for name in (*PRICES, "volume"):
        column = getattr(panel, name).copy()
        factor = 1.0 if name == "volume" else 1.37
        column[stop:] = column[stop:][::-1] * factor
        more[name] = column
    if panel.members is not None:
        more["members"] = np.vstack([panel.members[:stop], ~panel.members[stop:]])
    if panel.half_spread is not None:
        more["half_spread"] = np.vstack([panel.half_spread[:stop], 2 * panel.half_spread[stop:]])
    if panel.finer is not None:
        last = panel.time_ns[stop] if stop < panel.n_bars else panel.finer.time_ns[-1] + 1
        more["finer"] = panel.finer.slice(0, int(np.searchsorted(panel.finer.time_ns, last)))
    weights = world.weights
    if weights is not None:
        weights = np.vstack([weights[:stop], np.full_like(weights[stop:], np.nan)])
    events = panel.events[panel.events["bar"] < stop]
    said = world.instructions
    return replace(
        world,
        panel=replace(panel, events=events, **more),
        instructions=said[said["bar"] < stop],
        weights=weights,
    )


def bars_of(panel: Panel, symbol: int) -> CheckedBars:
    """Return the bars of one symbol, as a source gives them."""
    there = ~np.isnan(panel.close[:, symbol])
    columns = {
        name: np.ascontiguousarray(getattr(panel, name)[there, symbol])
        for name in (*PRICES, "volume")
    }
    return CheckedBars(panel.time_ns[there], **columns)
