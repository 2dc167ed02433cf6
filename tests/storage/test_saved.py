"""Saved strategies: versions that never change, are never doubled, and stay while a run uses them."""

from pathlib import Path

import pytest

from engine.errors import BacktestValidationError
from storage.errors import DuplicateRecordError, RecordNotFoundError
from storage.runs import RunStore
from storage.saved import (
    delete_strategy,
    parse_reference,
    save_strategy,
    saved_strategies,
    saved_strategy,
)
from tests.builders import make_config, make_strategy

CHEAP = {"criteria": {"where": [{"left": "per", "op": "<", "right": 10}]}}
CHEAPER = {"criteria": {"where": [{"left": "per", "op": "<", "right": 8}]}}


@pytest.fixture
def store(tmp_path: Path):
    with RunStore.open(tmp_path / "runs.sqlite") as opened:
        yield opened


def keep(store: RunStore, section: dict[str, object], name: str = "cheap", source: str = "") -> str:
    return save_strategy(store.database, name, "targets", section, source)[0].reference


def test_a_change_makes_the_next_patch_and_the_same_again_makes_nothing(store: RunStore) -> None:
    versions = [keep(store, s) for s in (CHEAP, CHEAP, CHEAPER, CHEAP, CHEAPER)]
    by_source = keep(store, CHEAP, source="other code")

    assert versions == ["cheap@1.0.0", "cheap@1.0.0", "cheap@1.0.1", "cheap@1.0.0", "cheap@1.0.1"]
    assert by_source == "cheap@1.0.2"
    assert [s.reference for s in saved_strategies(store.database)] == [
        "cheap@1.0.0",
        "cheap@1.0.1",
        "cheap@1.0.2",
    ]


def test_versions_are_ordered_as_numbers(store: RunStore) -> None:
    for limit in range(12):
        keep(store, {"criteria": {"limit": limit}})

    assert saved_strategy(store.database, "cheap").version == "1.0.11"
    assert saved_strategy(store.database, "cheap@1.0.2").section == {"criteria": {"limit": 2}}


def test_what_runs_recorded_is_not_what_was_saved_and_takes_no_version_from_it(
    store: RunStore,
) -> None:
    store.submit(make_config(), make_strategy(name="cheap"), engine_version="1")

    assert saved_strategies(store.database) == ()
    assert keep(store, CHEAP) == "cheap@1.0.1"


def test_a_version_in_use_stays_and_one_that_is_not_goes(store: RunStore) -> None:
    keep(store, CHEAP)
    keep(store, CHEAPER)
    saved = saved_strategy(store.database, "cheap@1.0.0")
    spec = make_strategy(
        name=saved.name,
        version=saved.version,
        defaults=saved.params,
        source_hash=saved.source_hash,
    )
    store.submit(make_config(), spec, engine_version="1")

    with pytest.raises(DuplicateRecordError, match="used by 1 run"):
        delete_strategy(store.database, "cheap@1.0.0")
    gone = delete_strategy(store.database, "cheap@1.0.1")

    assert gone.reference == "cheap@1.0.1"
    (left,) = saved_strategies(store.database)
    assert (left.reference, left.runs) == ("cheap@1.0.0", 1)


def test_what_is_not_there_is_said_with_what_is(store: RunStore) -> None:
    keep(store, CHEAP)

    with pytest.raises(RecordNotFoundError) as no_name:
        saved_strategy(store.database, "dear@1.0.0")
    with pytest.raises(RecordNotFoundError) as no_version:
        saved_strategy(store.database, "cheap@2.0.0")
    with pytest.raises(BacktestValidationError, match="name@version"):
        delete_strategy(store.database, "cheap")

    assert no_name.value.hint == "saved are cheap"
    assert no_version.value.hint == "there are the versions 1.0.0"


@pytest.mark.parametrize("name", ["", "  ", "a@b", "a/b", "x" * 256, "mine.py", "a\nb"])
def test_a_name_that_could_be_mistaken_is_refused(store: RunStore, name: str) -> None:
    with pytest.raises(BacktestValidationError, match="cannot be the name"):
        keep(store, CHEAP, name)


def test_a_reference_is_a_name_and_three_numbers() -> None:
    assert parse_reference("Low PER (v2)@1.0.12") == ("Low PER (v2)", "1.0.12")
    assert parse_reference("a@b@1.0.0") == ("a@b", "1.0.0")
    assert [parse_reference(t) for t in ("sma_cross", "a@1.0", "@1.0.0", "a@v1.0.0")] == [None] * 4
