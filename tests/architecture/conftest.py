"""One copy of the tree for all tests of a file that plant something and take it away again."""

from pathlib import Path

import pytest

from tests.architecture.planting import copied_tree


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the root of a copy."""
    return copied_tree(tmp_path_factory.mktemp("copy"))
