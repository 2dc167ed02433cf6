"""The kernel and its plain-Python twin agree to the last bit, in every generated world and however it is cut."""

import os

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from numpy.typing import NDArray

from engine.types import Action, EventKind, LevelKind, OrderKind
from tests.engine.both import assert_equal, fills_of, kernel_of, orders_of, twin_of
from tests.engine.builders import events_of, instructions_of, panel_of, rules_of, said
from tests.engine.worlds import World, worlds

EXAMPLES = int(os.environ.get("TRADEBENCH_EXAMPLES", "300"))
HEAVY_EXAMPLES = max(EXAMPLES, 5000)
QUIET = [HealthCheck.too_slow, HealthCheck.data_too_large]


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=QUIET)
@given(worlds())
def test_kernel_and_twin_agree_to_the_last_bit(world: World) -> None:
    simulation = kernel_of(world)

    assert_equal(simulation, twin_of(world))


@settings(max_examples=EXAMPLES // 2, deadline=None, suppress_health_check=QUIET)
@given(worlds())
def test_cuts_and_small_buffers_change_no_bit(world: World) -> None:
    whole = kernel_of(world)

    cut = kernel_of(world, world.cuts, room=1)

    assert fills_of(cut).tobytes() == fills_of(whole).tobytes()
    assert orders_of(cut).tobytes() == orders_of(whole).tobytes()
    assert all(map(_same_bits, cut.curve, whole.curve))
    assert cut.state.tobytes() == whole.state.tobytes()


@pytest.mark.heavy
@settings(max_examples=HEAVY_EXAMPLES, deadline=None, suppress_health_check=QUIET)
@given(worlds())
def test_thousands_of_worlds_agree_whole_and_cut(world: World) -> None:
    twin = twin_of(world)

    whole, cut = kernel_of(world), kernel_of(world, world.cuts, room=1)

    assert_equal(whole, twin)
    assert_equal(cut, twin)


def test_a_trailing_stop_that_was_reached_stays_there_and_follows_a_split_alone() -> None:
    closes = [100.0, 98.0, 103.0, 90.0, 44.0, 44.0]
    panel = panel_of(
        {"A": closes},
        volume=np.full((6, 1), 10.0),  # a tenth of it is less than a lot of two
        events=events_of((4, 0, EventKind.SPLIT, 2.0)),
    )
    said_then = said(
        0,
        Action.BUY,
        50.0,
        kind=int(OrderKind.TRAILING_STOP),
        trail_kind=int(LevelKind.RATE),
        trail_value=0.05,
    )
    rules = rules_of(volume_limit=0.1, lot=2.0)
    world = World(panel, instructions_of(said_then), rules, 10_000.0, (3, 5))

    simulation = kernel_of(world, world.cuts)

    assert_equal(simulation, twin_of(world))
    order = orders_of(simulation)[0]
    assert (order["triggered"], order["filled"]) == (1, 0.0)
    assert order["stop"] == 98.0 * 1.05 / 2.0


def _same_bits(one: NDArray[np.generic], other: NDArray[np.generic]) -> bool:
    return one.tobytes() == other.tobytes()
