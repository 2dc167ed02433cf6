"""Thinning a series keeps what matters, and costs what the screen is wide."""

import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from desktop.charts.decimate import BarPyramid, Bars, Growing, LinePyramid, block_size, merge_bars
from desktop.charts.layers import ends_of

NAN = float("nan")


def line(n: int, seed: int, holes: bool = False) -> np.ndarray:
    """Return a random walk, with some values missing if asked."""
    rng = np.random.default_rng(seed)
    values = rng.standard_normal(n).cumsum()
    values[rng.random(n) < (0.2 if holes else 0.0)] = NAN
    return values


def bars(n: int, seed: int, holes: bool = False) -> Bars:
    """Return random bars, some of them missing if asked."""
    rng = np.random.default_rng(seed)
    close = 100 + rng.standard_normal(n).cumsum()
    open_ = close + rng.standard_normal(n)
    missing = rng.random(n) < (0.3 if holes else 0.0)
    columns = [
        np.where(missing, NAN, column)
        for column in (
            open_,
            np.maximum(open_, close) + rng.random(n),
            np.minimum(open_, close) - rng.random(n),
            close,
        )
    ]
    return Bars(*columns, np.where(missing, 0.0, rng.integers(0, 1000, n).astype(float)))


def merged_slowly(found: Bars, start: int, stop: int) -> tuple[float, ...]:
    """Return one bar for a stretch of bars, the obvious way."""
    rows = list(zip(*found.slice(start, stop).columns(), strict=True))
    traded = [row for row in rows if not np.isnan(row[3])]
    volume = float(sum(row[4] for row in rows))
    if not traded:
        return NAN, NAN, NAN, NAN, volume
    highs, lows = [row[1] for row in traded], [row[2] for row in traded]
    return traded[0][0], max(highs), min(lows), traded[-1][3], volume


@given(st.integers(1, 3000), st.integers(1, 400), st.integers(0, 99), st.booleans(), st.data())
def test_first_last_lowest_and_highest_stay(
    n: int, blocks: int, seed: int, holes: bool, data: st.DataObject
) -> None:
    values = line(n, seed, holes)
    start = data.draw(st.integers(0, n - 1))
    stop = data.draw(st.integers(start + 1, n))

    index = LinePyramid(values).indices(start, stop, blocks)

    kept, wanted = values[index], values[start:stop]
    assert index[0] <= start
    assert index[-1] >= stop - 1
    assert np.all(np.diff(index) > 0)
    assert np.isnan(wanted).all() or np.nanmin(kept) <= np.nanmin(wanted)
    assert np.isnan(wanted).all() or np.nanmax(kept) >= np.nanmax(wanted)


@given(st.integers(1, 3000), st.integers(1, 400), st.integers(0, 99))
def test_every_block_keeps_its_own_extremes_and_there_are_about_two_points_a_block(
    n: int, blocks: int, seed: int
) -> None:
    values = line(n, seed)
    size = block_size(n, blocks)

    index = LinePyramid(values).indices(0, n, blocks)

    edges = range(0, n, size)
    lows = {lo + int(np.argmin(values[lo : lo + size])) for lo in edges}
    highs = {lo + int(np.argmax(values[lo : lo + size])) for lo in edges}
    assert lows | highs <= set(index.tolist())
    assert len(index) <= 2 * blocks + 2


@given(st.lists(st.integers(0, 300), min_size=1, max_size=12), st.integers(1, 200), st.booleans())
def test_growing_piece_by_piece_is_the_same_as_all_at_once(
    pieces: list[int], blocks: int, holes: bool
) -> None:
    values = line(sum(pieces), 5, holes)
    grown = LinePyramid()

    for start, stop in zip(np.cumsum([0, *pieces]), np.cumsum(pieces), strict=False):
        grown.append(values[start:stop])

    whole = LinePyramid(values)
    assert np.array_equal(grown.values, values, equal_nan=True)
    assert np.array_equal(
        grown.indices(0, len(values), blocks), whole.indices(0, len(values), blocks)
    )


def test_what_is_appended_never_writes_into_the_array_that_was_given() -> None:
    given_values = np.arange(10.0)[:5]
    grown = Growing(np.float64, given_values)

    grown.append(np.array([77.0]))

    assert given_values.base is not None
    assert given_values.base.tolist() == list(np.arange(10.0))
    assert grown.values.tolist() == [0, 1, 2, 3, 4, 77]


@given(st.integers(1, 2000), st.integers(1, 300), st.integers(0, 99), st.booleans(), st.data())
def test_merged_bars_are_first_open_highest_high_lowest_low_last_close_and_all_volume(
    n: int, blocks: int, seed: int, holes: bool, data: st.DataObject
) -> None:
    found = bars(n, seed, holes)
    start = data.draw(st.integers(0, n - 1))
    stop = data.draw(st.integers(start + 1, n))

    view = BarPyramid(found).view(start, stop, blocks)

    wanted = [merged_slowly(found, lo, lo + view.size) for lo in view.first.tolist()]
    assert view.first[0] <= start < stop <= view.first[-1] + view.size
    assert len(view.first) <= blocks + 2
    for got, want in zip(view.bars.columns(), zip(*wanted, strict=True), strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-12)


@given(st.integers(0, 900), st.integers(100, 1000))
def test_a_block_looks_the_same_wherever_the_view_begins(start: int, width: int) -> None:
    values = line(4000, 7)
    pyramid = LinePyramid(values)

    here = set(pyramid.indices(start, start + width, 50).tolist())
    there = set(pyramid.indices(start + 3, start + 3 + width, 50).tolist())

    size = block_size(width, 50)
    inner = range((start + 2 * size) // size * size, (start + width - size) // size * size)
    assert {i for i in here if i in inner} == {i for i in there if i in inner}


def test_nothing_is_thinned_when_it_fits() -> None:
    assert LinePyramid(line(100, 1)).indices(10, 60, 50).tolist() == list(range(10, 60))


@pytest.mark.parametrize(("start", "stop"), [(5, 5), (20, 30), (-5, 0)])
def test_an_empty_stretch_has_no_points_and_no_bars(start: int, stop: int) -> None:
    assert len(LinePyramid(line(10, 1)).indices(start, stop, 5)) == 0
    assert len(BarPyramid(bars(10, 1)).view(start, stop, 5).first) == 0


def test_bars_left_over_are_dropped_by_a_merge_of_whole_blocks() -> None:
    assert len(merge_bars(bars(19, 1), 8)) == 2


def test_a_million_points_cost_a_screen() -> None:
    n = 1_000_000
    began = time.perf_counter()
    curve, prices = LinePyramid(line(n, 1)), BarPyramid(bars(n, 1))
    built = time.perf_counter() - began

    began = time.perf_counter()
    points, view = curve.indices(3, n - 3, 1200), prices.view(3, n - 3, 300)
    drawn = time.perf_counter() - began

    assert len(points) <= 2402
    assert len(view.first) <= 302
    assert drawn < 0.05  # ten times the goal
    assert built < 3.0


@given(st.integers(0, 3000), st.integers(0, 99), st.booleans())
def test_the_lowest_and_the_highest_of_all_are_known_without_a_look_at_each(
    n: int, seed: int, holes: bool
) -> None:
    values = line(n, seed, holes)
    pyramid = LinePyramid(values)

    low, high = pyramid.lowest(), pyramid.highest()

    if not np.isfinite(values).any():
        assert (low, high) == (None, None)
    else:
        assert (values[low], values[high]) == (np.nanmin(values), np.nanmax(values))


def test_a_snapshot_stays_while_the_line_grows_on_and_the_line_while_a_snapshot_grows() -> None:
    values = line(5000, 7)
    grown = LinePyramid()
    grown.append(values[:3000])

    early = grown.snapshot()
    grown.append(values[3000:4000])
    early.append(values[3000:3001] + 1)

    assert np.array_equal(early.values, [*values[:3000], values[3000] + 1])
    assert np.array_equal(grown.values, values[:4000])
    assert early.indices(0, 3001, 100).max() == 3000


def test_taking_a_snapshot_shows_the_longer_line_to_whoever_holds_the_shorter() -> None:
    values = line(5000, 8)
    shown, grown = LinePyramid(), LinePyramid()
    grown.append(values)

    shown.take(grown.snapshot())

    assert np.array_equal(shown.indices(0, 5000, 90), LinePyramid(values).indices(0, 5000, 90))


@pytest.mark.parametrize("n", [0, 1, 5, 3000])
def test_the_ends_of_a_line_are_its_first_and_last_numbers(n: int) -> None:
    values = np.concatenate((np.full(1500, NAN), line(n, 3), np.full(2500, NAN)))
    inner = values[1500 : 1500 + n]

    assert ends_of(values) == ((inner[0], inner[-1]) if n else None)
    assert ends_of(inner) == ((inner[0], inner[-1]) if n else None)
