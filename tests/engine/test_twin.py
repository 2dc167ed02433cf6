"""The kernel and its plain-Python twin agree to the last bit, in every generated world and however it is cut."""

import os

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from numpy.typing import NDArray

from tests.engine.both import assert_equal, fills_of, kernel_of, orders_of, twin_of
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


def _same_bits(one: NDArray[np.generic], other: NDArray[np.generic]) -> bool:
    return one.tobytes() == other.tobytes()
