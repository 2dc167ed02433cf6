"""The life of a run: submitted, driven, ended, found again."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from engine.errors import BacktestNotFoundError, BacktestValidationError
from storage import writing
from storage.errors import (
    BacktestStorageError,
    IllegalStatusError,
    NewerDatabaseError,
    RecordNotFoundError,
)
from storage.records import RunFilter
from storage.runs import RunStore
from storage.snapshots import snapshots_of
from tests.builders import make_config, make_dataset, make_panel, make_result, make_strategy


@pytest.fixture
def store(tmp_path: Path) -> Iterator[RunStore]:
    """An empty database."""
    with RunStore.open(tmp_path / "runs.sqlite") as opened:
        yield opened


def submit(store: RunStore, **changes: object) -> str:
    """Submit a run."""
    return store.submit(make_config(**changes), make_strategy(), engine_version="0.1.0")


def finish(store: RunStore, run_id: str, n_bars: int = 60, **changes: object) -> None:
    """Drive a run to its end."""
    panel = make_panel(n_bars)
    result = replace(make_result(n_bars, panel=panel), **changes)  # type: ignore[arg-type]
    store.mark_running(run_id)
    store.finish(run_id, result, snapshots_of(result, panel), make_dataset(panel))


def with_metrics(n_bars: int = 60, **metrics: float | None) -> dict[str, object]:
    """Return the metrics of a result with some of them replaced."""
    return {"metrics": make_result(n_bars).metrics | metrics}


def test_a_submitted_run_is_there_before_anything_is_computed(store: RunStore) -> None:
    run_id = store.submit(
        make_config(), make_strategy(), engine_version="0.1.0", config_path="/tmp/run.toml"
    )

    record = store.get(run_id)

    assert (record.status, record.progress, record.has_result) == ("queued", 0.0, False)
    assert record.config == make_config()
    assert record.config_snapshot == {
        "version": "1.0",
        "strategy_path": None,
        "config_path": "/tmp/run.toml",
        "config": make_config().model_dump(mode="json"),
    }
    assert record.strategy_snapshot == {
        "name": "sma_cross",
        "version": "1.0.0",
        "params": {"fast": 5, "slow": 20},
        "source": "class SmaCross: ...\n",
        "source_hash": "a" * 64,
    }
    assert store.load(run_id).result is None


def test_run_ids_sort_by_the_time_they_were_made(store: RunStore) -> None:
    made = [submit(store) for _ in range(5)]

    assert sorted(made) == made
    assert {run_id[14] for run_id in made} == {"7"}


def test_a_finished_run_has_everything(store: RunStore) -> None:
    run_id = submit(store)

    finish(store, run_id)

    record = store.get(run_id)
    assert (record.status, record.progress, record.has_result) == ("completed", 1.0, True)
    assert record.result_hash == make_result().result_hash
    assert record.dataset_hash == make_panel().content_hash()
    assert record.symbols == ("AAA", "BBB")
    assert record.metrics["total_trades"] == 12
    assert record.metrics["beta"] is None
    assert record.undefined == {"beta": "there is no benchmark"}
    assert record.completed_at is not None and record.started_at is not None


def test_metrics_come_back_in_the_order_and_kind_of_the_catalogue(store: RunStore) -> None:
    run_id = submit(store)
    finish(store, run_id)

    stored, made = store.get(run_id).metrics, make_result().metrics

    assert list(stored) == list(made)
    assert stored == made


def test_a_finished_run_waits_to_be_shared(store: RunStore) -> None:
    run_id = submit(store)
    finish(store, run_id)

    with store._database.read() as connection:
        rows = connection.exec_driver_sql("SELECT run_id, op, state, attempts FROM outbox").all()

    assert [tuple(row) for row in rows] == [(run_id, "push", "waiting", 0)]


def test_a_cancelled_run_keeps_what_there_was_and_is_marked_partial(store: RunStore) -> None:
    run_id = submit(store)

    finish(store, run_id, status="cancelled")

    stored = store.load(run_id)
    assert (stored.record.status, stored.record.partial) == ("cancelled", True)
    assert stored.result is not None and stored.result.status == "cancelled"


def test_a_failed_run_keeps_its_message_and_traceback(store: RunStore) -> None:
    run_id = submit(store)
    store.mark_running(run_id)

    store.fail(run_id, "The strategy divided by zero", "Traceback …")

    record = store.get(run_id)
    assert (record.status, record.error_message) == ("failed", "The strategy divided by zero")
    assert record.traceback == "Traceback …"


def test_a_result_on_other_data_is_refused(store: RunStore) -> None:
    run_id = submit(store)
    result, panel = make_result(), make_panel()
    store.mark_running(run_id)

    with pytest.raises(BacktestStorageError, match="not"):
        store.finish(run_id, result, snapshots_of(result, panel), make_dataset(make_panel(50)))

    assert store.get(run_id).status == "running"


def test_a_figure_that_cannot_be_stored_stores_nothing(store: RunStore) -> None:
    run_id = submit(store)

    with pytest.raises(BacktestStorageError):
        finish(store, run_id, **with_metrics(total_trades=99))

    assert (store.get(run_id).status, store.get(run_id).has_result) == ("running", False)
    assert store.datasets() == ()


@pytest.mark.parametrize("ended", ["completed", "failed", "cancelled"])
@pytest.mark.parametrize("verb", ["mark_running", "mark_paused", "fail", "cancel", "finish"])
def test_an_ended_run_stays_ended(store: RunStore, ended: str, verb: str) -> None:
    run_id = submit(store)
    ends = {
        "completed": lambda: finish(store, run_id),
        "failed": lambda: store.fail(run_id, "no"),
        "cancelled": lambda: store.cancel(run_id),
    }
    ends[ended]()
    panel, result = make_panel(), make_result()
    verbs = {
        "mark_running": lambda: store.mark_running(run_id),
        "mark_paused": lambda: store.mark_paused(run_id),
        "fail": lambda: store.fail(run_id, "again"),
        "cancel": lambda: store.cancel(run_id),
        "finish": lambda: store.finish(
            run_id, result, snapshots_of(result, panel), make_dataset(panel)
        ),
    }
    before = store.get(run_id)

    with pytest.raises(IllegalStatusError, match=ended):
        verbs[verb]()

    assert store.get(run_id) == before


def test_a_run_is_not_complete_without_having_run(store: RunStore) -> None:
    run_id, panel, result = submit(store), make_panel(), make_result()

    with pytest.raises(IllegalStatusError, match="queued"):
        store.finish(run_id, result, snapshots_of(result, panel), make_dataset(panel))


def test_a_paused_run_goes_on(store: RunStore) -> None:
    run_id = submit(store)
    store.mark_running(run_id)
    started = store.get(run_id).started_at

    store.mark_paused(run_id)
    store.mark_running(run_id)

    assert (store.get(run_id).status, store.get(run_id).started_at) == ("running", started)


def test_asking_to_cancel_is_heard_until_the_run_has_ended(store: RunStore) -> None:
    run_id = submit(store)
    store.mark_running(run_id)

    before = store.cancel_requested(run_id)
    asked = store.request_cancel(run_id)
    after = store.cancel_requested(run_id)
    store.cancel(run_id)
    asked_late = store.request_cancel(run_id)

    assert (before, asked, after, asked_late) == (False, True, True, False)


def test_progress_outside_0_to_1_is_refused(store: RunStore) -> None:
    run_id = submit(store)

    store.set_progress(run_id, 0.5)
    with pytest.raises(BacktestStorageError):
        store.set_progress(run_id, 1.5)

    assert store.get(run_id).progress == 0.5


def test_a_run_of_a_process_whose_number_was_given_away_is_interrupted(
    store: RunStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    earlier = writing.runner() | {"runner_started": 1.0}
    with monkeypatch.context() as patch:
        patch.setattr(writing, "runner", lambda: earlier)
        gone = submit(store)
    alive = submit(store)

    recovered = store.recover_interrupted()

    assert recovered == (gone,)
    assert (store.get(gone).status, store.get(alive).status) == ("interrupted", "queued")


def test_a_run_of_another_computer_is_left_alone(
    store: RunStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("socket.gethostname", lambda: "elsewhere")
        submit(store)

    assert store.recover_interrupted() == ()


def test_a_run_is_found_by_any_unique_prefix(store: RunStore) -> None:
    run_id = submit(store)
    plain = run_id.replace("-", "")

    found = {
        store.resolve(p)
        for p in (run_id, run_id[:8], run_id[:9], plain, plain[:13], run_id.upper())
    }

    assert found == {run_id}


def test_a_prefix_of_several_runs_lists_them(store: RunStore) -> None:
    runs = [submit(store) for _ in range(3)]

    with pytest.raises(BacktestValidationError) as failure:
        store.resolve(runs[0][:6])

    assert [store.get(r).short_id in failure.value.message for r in runs] == [True] * 3
    assert failure.value.exit_code == 2


def test_the_short_id_of_a_run_finds_it(store: RunStore) -> None:
    runs = [submit(store) for _ in range(20)]

    short = {item.short_id: item.run_id for item in store.list(limit=20).items}

    assert sorted(short.values()) == runs
    assert {s: store.resolve(s) for s in short} == short


@pytest.mark.parametrize("unknown", ["ffffffff", "zzz", "%", "' OR 1=1 --", "0" * 60])
def test_an_unknown_id_is_not_found(store: RunStore, unknown: str) -> None:
    submit(store)

    with pytest.raises(RecordNotFoundError) as failure:
        store.get(unknown)

    assert isinstance(failure.value, BacktestNotFoundError)
    assert failure.value.exit_code == 3


def test_an_empty_id_is_asked_for_again(store: RunStore) -> None:
    submit(store)

    with pytest.raises(BacktestValidationError, match="empty"):
        store.get(" ")


def test_a_snapshot_of_a_newer_version_is_refused_politely(store: RunStore) -> None:
    run_id = submit(store)
    with store._database.write() as connection:
        connection.exec_driver_sql(
            "UPDATE backtest_runs "
            "SET config_snapshot = json_set(config_snapshot, '$.version', '9.0')"
        )

    with pytest.raises(NewerDatabaseError, match=r"9\.0"):
        store.get(run_id)


def test_the_same_code_is_kept_once_and_changed_code_gets_the_next_patch(store: RunStore) -> None:
    first, changed = make_strategy(), make_strategy(source_hash="b" * 64)
    again = make_strategy(source_hash="c" * 64)

    runs = [
        store.submit(make_config(), s, engine_version="0.1.0")
        for s in (first, changed, first, again, changed)
    ]

    versions = [store.get(run_id).strategy_version for run_id in runs]
    assert versions == ["1.0.0", "1.0.1", "1.0.0", "1.0.2", "1.0.1"]
    assert len({store.get(run_id).strategy_id for run_id in runs}) == 3


def test_the_same_data_are_kept_once(store: RunStore) -> None:
    for _ in range(3):
        finish(store, submit(store))

    (dataset,) = store.datasets()

    assert (dataset.runs, dataset.n_bars, dataset.symbols) == (3, 60, ("AAA", "BBB"))


def test_the_same_run_is_found_again_and_no_other(store: RunStore) -> None:
    run_id, dataset = submit(store), make_dataset()
    finish(store, run_id)
    config, source = make_config(), "a" * 64

    same = store.find_same(
        config.model_copy(update={"name": "renamed"}), source, dataset.content_hash
    )
    other_code = store.find_same(config, "b" * 64, dataset.content_hash)
    other_data = store.find_same(config, source, "d" * 64)
    other_config = store.find_same(
        make_config(account={"initial_capital": 5}), source, dataset.content_hash
    )

    assert (same, other_code, other_data, other_config) == (run_id, None, None, None)


def test_the_trash_is_another_list_and_gives_back(store: RunStore) -> None:
    run_id = submit(store)
    store.cancel(run_id)

    store.trash(run_id)
    store.trash(run_id)
    trashed = (store.list().total, store.list(RunFilter(trashed=True)).total)
    store.restore(run_id)

    assert trashed == (0, 1)
    assert (store.list().total, store.list(RunFilter(trashed=True)).total) == (1, 0)


def test_a_run_under_way_cannot_be_trashed(store: RunStore) -> None:
    run_id = submit(store)

    with pytest.raises(IllegalStatusError, match="queued"):
        store.trash(run_id)


def test_what_may_change_changes_and_nothing_else_does(store: RunStore) -> None:
    run_id = submit(store)
    before = store.get(run_id)

    store.edit(run_id, notes="good", tags=["b", "a", "b"], starred=True)

    after = store.get(run_id)
    assert (after.notes, after.tags, after.starred, after.name) == (
        "good",
        ("a", "b"),
        True,
        before.name,
    )
    assert after.created_at == before.created_at
    assert [i.run_id for i in store.list(RunFilter(starred=True)).items] == [run_id]


def test_events_come_back_in_their_order(store: RunStore) -> None:
    run_id = submit(store)

    store.add_event(run_id, "note", "first", payload={"bar": 3})
    store.add_event(run_id, "margin", "second", level="warning")

    first, second = store.events(run_id)
    assert (first.kind, first.message, first.level, first.payload) == (
        "note",
        "first",
        "info",
        {"bar": 3},
    )
    assert (second.level, second.payload) == ("warning", {})


def test_a_run_without_results_says_so(store: RunStore) -> None:
    run_id = submit(store)

    with pytest.raises(BacktestStorageError, match="it is queued"):
        store.fills(run_id)
