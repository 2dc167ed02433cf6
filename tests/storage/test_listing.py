"""Lists of runs: filters, orders, and pages without gaps."""

import datetime as dt
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from engine.errors import BacktestValidationError
from storage.records import RunFilter
from storage.runs import RunStore
from storage.snapshots import snapshots_of
from tests.builders import make_config, make_dataset, make_panel, make_result, make_strategy


@pytest.fixture
def store(tmp_path: Path) -> Iterator[RunStore]:
    """An empty database."""
    with RunStore.open(tmp_path / "runs.sqlite") as opened:
        yield opened


def submit(store: RunStore) -> str:
    """Submit a run."""
    return store.submit(make_config(), make_strategy(), engine_version="0.1.0")


def finish(store: RunStore, run_id: str, **metrics: Any) -> None:
    """Drive a run to its end, with some of its metrics replaced."""
    panel = make_panel()
    result = make_result(panel=panel)
    result = replace(result, metrics=result.metrics | metrics)
    store.mark_running(run_id)
    store.finish(run_id, result, snapshots_of(result, panel), make_dataset(panel))


def test_lists_are_sorted_newest_first_and_paged_without_gaps(store: RunStore) -> None:
    made = [submit(store) for _ in range(7)]

    seen, cursor, totals = [], None, set()
    for _ in range(3):
        page = store.list(limit=3, cursor=cursor)
        seen += [item.run_id for item in page.items]
        totals.add(page.total)
        cursor = page.next_cursor

    assert seen == made[::-1]
    assert (totals, cursor) == ({7}, None)


def test_a_run_that_arrives_between_two_pages_moves_nothing(store: RunStore) -> None:
    made = [submit(store) for _ in range(4)]
    first = store.list(limit=2)

    submit(store)
    second = store.list(limit=2, cursor=first.next_cursor)

    assert [i.run_id for i in (*first.items, *second.items)] == made[::-1]


@pytest.mark.parametrize("sort", ["return", "sharpe"])
@pytest.mark.parametrize("descending", [True, False])
def test_undefined_figures_sort_last_in_both_directions(
    store: RunStore, sort: str, descending: bool
) -> None:
    figures = {}
    for value in (0.3, None, -0.2, 0.1, 0.1, None):
        run_id = submit(store)
        finish(store, run_id, total_return=value, sharpe_ratio=value)
        figures[run_id] = value

    seen, cursor = [], None
    for _ in range(3):
        page = store.list(sort=sort, descending=descending, limit=2, cursor=cursor)  # type: ignore[arg-type]
        seen += [item.run_id for item in page.items]
        cursor = page.next_cursor

    known = sorted((0.3, -0.2, 0.1, 0.1), reverse=descending)
    assert sorted(seen) == sorted(figures)
    assert [figures[run_id] for run_id in seen] == [*known, None, None]


@pytest.mark.parametrize(
    "cursor", ["nonsense", "", "bnVsbA", "WzFd", "eyJhIjoxfQ", "W10", "é", "A" * 5000]
)
def test_a_cursor_that_is_none_is_refused(store: RunStore, cursor: str) -> None:
    with pytest.raises(BacktestValidationError, match="cursor"):
        store.list(cursor=cursor)


def test_a_cursor_of_another_order_is_refused(store: RunStore) -> None:
    for _ in range(3):
        submit(store)
    cursor = store.list(limit=1).next_cursor

    with pytest.raises(BacktestValidationError, match="cursor"):
        store.list(limit=1, sort="return", cursor=cursor)


def test_lists_are_filtered(store: RunStore) -> None:
    done = submit(store)
    finish(store, done)
    waiting = store.submit(
        make_config(data={"source": "demo", "symbols": ["CCC"]}),
        make_strategy(name="Other"),
        engine_version="0.1.0",
    )
    today = dt.datetime.now(dt.UTC).date()
    day = dt.timedelta(days=1)

    def found(**where: object) -> set[str]:
        page = store.list(RunFilter(**where))  # type: ignore[arg-type]
        assert page.total == len(page.items)
        return {item.run_id for item in page.items}

    assert found() == {done, waiting}
    assert found(strategy="SMA_Cross") == {done}
    assert found(instrument="bbb") == {done}
    assert found(instrument="CCC") == {waiting}
    assert found(instrument="B") == set()
    assert found(status="completed") == found(status="success") == {done}
    assert found(status="queued") == found(status="pending") == {waiting}
    assert found(created_from=today - day, created_to=today + day) == {done, waiting}
    assert found(created_from=today + 2 * day) == set()
    assert found(created_to=today - 2 * day) == set()
    assert found(strategy="sma_cross", status="queued") == set()


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"where": RunFilter(status="done")}, "done"),
        ({"sort": "size"}, "size"),
        ({"limit": 0}, "0"),
        ({"limit": 1001}, "1001"),
    ],
)
def test_an_impossible_list_is_refused_with_the_value(
    store: RunStore, arguments: dict[str, object], told: str
) -> None:
    with pytest.raises(BacktestValidationError, match=told):
        store.list(**arguments)  # type: ignore[arg-type]
