"""Checkpoint files: the newest or the one before, never half of one, and gone when nobody needs them."""

from pathlib import Path

import pytest

from storage.checkpoints import Checkpoints
from storage.errors import BacktestStorageError

RUN = "01a21190-88c0-7000-8000-000000000001"


def test_what_was_kept_last_is_found(tmp_path: Path) -> None:
    kept = Checkpoints(tmp_path / "new")

    kept.keep(RUN, b"one")
    kept.keep(RUN, b"two")

    assert kept.find(RUN) == b"two"
    assert [file.name for file in (tmp_path / "new").iterdir()] == [f"{RUN}.tbckpt"]


def test_dropping_twice_is_the_same_as_once(tmp_path: Path) -> None:
    kept = Checkpoints(tmp_path)
    kept.keep(RUN, b"one")

    kept.drop(RUN)
    kept.drop(RUN)

    assert not kept.has(RUN)
    assert kept.find(RUN) is None


def test_a_checkpoint_that_cannot_be_written_is_told_and_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")

    with pytest.raises(BacktestStorageError, match="can't be written"):
        Checkpoints(tmp_path / "file").keep(RUN, b"one")

    assert [file.name for file in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize("name", ["", "../x", "a/b", "a.b"])
def test_no_other_file_can_be_named(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match="is no id of a run"):
        Checkpoints(tmp_path).find(name)
