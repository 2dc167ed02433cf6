"""A copy of the tree with one violation planted in it."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.architecture.tree import PRODUCT, ROOT

_NOT_COPIED = shutil.ignore_patterns("__pycache__", "*.egg-info", "*.parquet", "*.nbc", "*.nbi")
_TOP_FILES = ("pyproject.toml", "README.md", "LICENSE")


@dataclass(frozen=True)
class Plant:
    """A violation: the rule it must break, and the file (added, or appended to) that breaks it."""

    rule: str
    path: str
    text: str

    def __str__(self) -> str:
        """Name the test case."""
        return f"{self.rule}-{self.path}"


def copied_tree(folder: Path) -> Path:
    """Copy what the checks look at, without the history."""
    root = folder / "tree"
    for name in (*PRODUCT, "tests"):
        shutil.copytree(ROOT / name, root / name, ignore=_NOT_COPIED)
    for name in _TOP_FILES:
        shutil.copy(ROOT / name, root / name)
    return root


def plant(root: Path, violation: Plant) -> None:
    """Put the violation into the tree."""
    path = root / violation.path
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as file:
        file.write(f"\n{violation.text}\n")


@contextmanager
def planted(root: Path, violation: Plant) -> Iterator[None]:
    """Put the violation into the tree for a while."""
    path = root / violation.path
    before = path.read_bytes() if path.exists() else None
    plant(root, violation)
    try:
        yield
    finally:
        if before is None:
            path.unlink()
        else:
            path.write_bytes(before)
