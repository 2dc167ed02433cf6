"""Strategy files: run, checked, and hashed with everything that they import from their folder."""

import sys
from pathlib import Path

import pytest

from engine.errors import BacktestNotFoundError, BacktestValidationError
from storage.strategies import closure_of, hash_of, load_file, source_of


class Base:
    """Stands for the base class of strategies."""

    name = "base"


@pytest.fixture(autouse=True)
def _known_base(monkeypatch: pytest.MonkeyPatch) -> None:
    module = type(sys)("base_of_tests")
    module.Base = Base  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "base_of_tests", module)


def write(folder: Path, body: str, name: str = "mine.py") -> Path:
    """Write a strategy file."""
    path = folder / name
    path.write_text("from base_of_tests import Base\n" + body)
    return path


def test_the_one_strategy_of_a_file_is_found(tmp_path: Path) -> None:
    path = write(tmp_path, "class Mine(Base):\n    name = 'mine'\n")

    found = load_file(path, Base)

    assert (found.name, issubclass(found, Base)) == ("mine", True)


def test_a_file_is_run_anew_each_time(tmp_path: Path) -> None:
    path = write(tmp_path, "class Mine(Base):\n    name = 'one'\n")
    first = load_file(path, Base)

    write(tmp_path, "class Mine(Base):\n    name = 'two'\n")

    assert (first.name, load_file(path, Base).name) == ("one", "two")


def test_neighbours_are_imported_and_forgotten_again(tmp_path: Path) -> None:
    path = write(tmp_path, "import neighbour_x\nclass Mine(Base):\n    name = neighbour_x.NAME\n")
    (tmp_path / "neighbour_x.py").write_text("NAME = 'one'\n")
    first = load_file(path, Base).name

    (tmp_path / "neighbour_x.py").write_text("NAME = 'another'\n")

    assert (first, load_file(path, Base).name) == ("one", "another")
    assert "neighbour_x" not in sys.modules
    assert str(tmp_path) not in sys.path


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ("class Mine(Base)\n    pass\n", "mine.py:2: SyntaxError"),
        ("x = 1\ny = x / 0\n", "mine.py:3: ZeroDivisionError"),
        ("import no_such_module_anywhere\n", "mine.py:2: ModuleNotFoundError"),
        ("raise SystemExit\n", "SystemExit"),
        ("x = 1\n", "defines no strategy"),
        ("class A(Base): pass\nclass B(Base): pass\n", "several strategies: A, B"),
    ],
)
def test_a_file_that_cannot_be_used_names_its_line(tmp_path: Path, body: str, told: str) -> None:
    path = write(tmp_path, body)

    with pytest.raises(BacktestValidationError) as failure:
        load_file(path, Base)

    assert told in failure.value.message


def test_a_missing_file_is_not_found(tmp_path: Path) -> None:
    with pytest.raises(BacktestNotFoundError, match=r"none\.py"):
        load_file(tmp_path / "none.py", Base)


def test_a_file_in_another_encoding_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_bytes("# ü\n".encode("latin-1"))

    with pytest.raises(BacktestValidationError, match="UTF-8"):
        load_file(tmp_path / "mine.py", Base)


def test_the_hash_covers_what_is_imported_and_nothing_else(tmp_path: Path) -> None:
    path = write(tmp_path, "import os\nfrom helper import deep\nclass Mine(Base): pass\n")
    (tmp_path / "helper").mkdir()
    (tmp_path / "helper" / "__init__.py").write_text("")
    (tmp_path / "helper" / "deep.py").write_text("import other\n")
    (tmp_path / "other.py").write_text("X = 1\n")
    (tmp_path / "stranger.py").write_text("X = 1\n")
    files = [f.relative_to(tmp_path).as_posix() for f in closure_of(path)]
    before = hash_of(path)

    (tmp_path / "stranger.py").write_text("X = 2\n")
    after_stranger = hash_of(path)
    (tmp_path / "other.py").write_text("X = 2\n")
    after_other = hash_of(path)

    assert files == ["mine.py", "helper/__init__.py", "helper/deep.py", "other.py"]
    assert (before == after_stranger, before == after_other) == (True, False)
    assert "--- other.py ---" in source_of(path)


def test_modules_that_import_each_other_have_a_hash(tmp_path: Path) -> None:
    path = write(tmp_path, "import other\n")
    (tmp_path / "other.py").write_text("import mine\n")

    assert len(hash_of(path)) == 64
