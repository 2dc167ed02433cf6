"""A run that is taken up from its saved state ends in the same bits; anything else than its state is refused."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from engine.checkpoint import CheckpointError, Identity, identity_of, restore, save
from engine.driver import Simulation, new_simulation
from tests.engine.test_twin import EXAMPLES, QUIET, fills_of, kernel_of, orders_of
from tests.engine.worlds import World, worlds

IDENTITY = Identity("run", "config", "data", "code", "engine")
FEW = settings(max_examples=max(EXAMPLES // 4, 20), deadline=None, suppress_health_check=QUIET)


def fresh(world: World) -> Simulation:
    said, rules = world.instructions, world.rules
    return new_simulation(world.panel, said, rules, world.capital, world.weights)


def stopped_at(world: World, bar: int) -> bytes:
    """Return the state of a world's run that was left before a bar."""
    simulation = fresh(world)
    simulation.advance(bar)
    return save(simulation, IDENTITY)


def fields_of(rows: NDArray[np.void]) -> dict[str, bytes]:
    """Return the bits of every field; what lies between fields means nothing."""
    return {name: rows[name].tobytes() for name in rows.dtype.names or ()}


@FEW
@given(worlds(), st.floats(0, 1))
def test_a_run_taken_up_ends_in_the_same_bits(world: World, share: float) -> None:
    whole = kernel_of(world)

    resumed = fresh(world)
    restore(resumed, stopped_at(world, round(share * world.panel.n_bars)), IDENTITY)
    resumed.advance(world.panel.n_bars)
    resumed.expire_waiting()

    assert fields_of(fills_of(resumed)) == fields_of(fills_of(whole))
    assert fields_of(orders_of(resumed)) == fields_of(orders_of(whole))
    assert [one.tobytes() for one in resumed.curve] == [one.tobytes() for one in whole.curve]
    assert fields_of(resumed.state) == fields_of(whole.state)


@FEW
@given(worlds())
def test_saving_twice_gives_the_same_bytes(world: World) -> None:
    middle = world.panel.n_bars // 2

    assert stopped_at(world, middle) == stopped_at(world, middle)


@FEW
@given(worlds(), st.data())
def test_a_damaged_checkpoint_is_refused(world: World, data: st.DataObject) -> None:
    saved = bytearray(stopped_at(world, world.panel.n_bars // 2))
    at = data.draw(st.integers(0, len(saved) - 1), label="at")
    saved[at] ^= data.draw(st.integers(1, 255), label="bits")

    with pytest.raises(CheckpointError, match="damaged"):
        restore(fresh(world), bytes(saved), IDENTITY)


@FEW
@given(worlds(), st.data())
def test_a_cut_checkpoint_is_refused(world: World, data: st.DataObject) -> None:
    saved = stopped_at(world, world.panel.n_bars // 2)
    length = data.draw(st.integers(0, len(saved) - 1), label="length")

    with pytest.raises(CheckpointError, match="damaged"):
        restore(fresh(world), saved[:length], IDENTITY)


@pytest.mark.parametrize(
    ("part", "word"),
    [
        ("run_id", "run"),
        ("config", "configuration"),
        ("data", "data set"),
        ("code", "code"),
        ("engine", "engine"),
    ],
)
@settings(max_examples=1, deadline=None, suppress_health_check=QUIET)
@given(world=worlds())
def test_a_checkpoint_of_something_else_is_refused_by_name(
    part: str, word: str, world: World
) -> None:
    saved = stopped_at(world, world.panel.n_bars // 2)

    with pytest.raises(CheckpointError, match=f"another .*{word}"):
        restore(fresh(world), saved, replace(IDENTITY, **{part: "other"}))


@settings(max_examples=5, deadline=None, suppress_health_check=QUIET)
@given(worlds())
def test_what_a_checkpoint_belongs_to_can_be_read_alone(world: World) -> None:
    assert identity_of(stopped_at(world, 1)) == IDENTITY
