"""Every file of published results is looked at by a test module, and every case in it by name."""

import ast
from pathlib import Path

import pytest

from tests.shared import shared_path

pytestmark = pytest.mark.needs_shared


def test_every_published_file_is_read_by_some_test() -> None:
    folder = shared_path("published")
    files = {path.name for path in folder.glob("*.json")}
    texts = {
        node.value
        for module in Path(__file__).parent.glob("*.py")
        for node in ast.walk(ast.parse(module.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }

    assert sorted(files - texts) == []
