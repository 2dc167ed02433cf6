"""Strategy files: one file of Python, hashed with everything it imports from its folder.

The base class of strategies is handed in: this side of the program knows files, not what a strategy
is. Running a file runs the code of whoever wrote it, with all the rights of the person.
"""

import ast
import contextlib
import hashlib
import importlib.util
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import TypeVar

from engine.errors import BacktestNotFoundError, BacktestValidationError, Problem

T = TypeVar("T")
_FIELD = "strategy.name"


def is_file_name(name: str) -> bool:
    """Whether the name of a strategy means a file."""
    return name.endswith(".py")


def load_file(path: Path, base: type[T]) -> type[T]:
    """Run a strategy file and return the one subclass of ``base`` that it defines.

    The file may import modules that lie beside it. Each call runs the file anew.

    Raises:
        BacktestNotFoundError: there is no such file.
        BacktestValidationError: it cannot be run, or defines no strategy or several; names file and
        line.
    """
    path = path.expanduser().absolute()
    source = _read(path)
    digest = hashlib.sha256(str(path).encode()).hexdigest()[:12]
    name = f"tradebench_strategy_{digest}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise BacktestValidationError(
            Problem(_FIELD, f"{path} is not a Python file", "it must end in .py")
        )
    module = importlib.util.module_from_spec(spec)
    with _beside(path, name, module):
        try:
            exec(compile(source, str(path), "exec"), module.__dict__)
        except (Exception, SystemExit) as error:
            raise BacktestValidationError(_problem(path, error)) from error
    found = [
        value
        for value in vars(module).values()
        if isinstance(value, type) and issubclass(value, base) and value.__module__ == name
    ]
    if len(found) != 1:
        names = ", ".join(sorted(c.__name__ for c in found))
        message = (
            f"{path.name} defines {'several strategies: ' + names if found else 'no strategy'}"
        )
        raise BacktestValidationError(
            Problem(
                _FIELD, message, "a strategy file has exactly one class derived from a strategy"
            )
        )
    return found[0]


def closure_of(path: Path) -> tuple[Path, ...]:
    """Return the file and, sorted, the modules beside it that it imports, directly or not.

    Raises:
        BacktestNotFoundError, BacktestValidationError: the file is missing or no Python.
    """
    path = path.expanduser().absolute()
    seen: set[Path] = set()
    waiting = [path]
    while waiting:
        file = waiting.pop()
        if file not in seen:
            seen.add(file)
            waiting.extend(_imported(file, path.parent))
    return (path, *sorted(seen - {path}))


def hash_of(path: Path) -> str:
    """Return the SHA-256 (64 hex) of a strategy file; with imports from its folder, of all of them.

    Raises:
        BacktestNotFoundError, BacktestValidationError: as for `closure_of`.
    """
    files = closure_of(path)
    if len(files) == 1:
        return hashlib.sha256(_read(files[0]).encode()).hexdigest()
    digest = hashlib.sha256(b"tbstrategy1\n")
    for file in files:
        source = _read(file).encode()
        digest.update(f"{file.relative_to(files[0].parent).as_posix()}:{len(source)}\n".encode())
        digest.update(source)
    return digest.hexdigest()


def source_of(path: Path) -> str:
    """Return the text of a strategy file and of the modules it imports from its folder."""
    first, *others = closure_of(path)
    parts = [_read(first)]
    parts += [
        f"\n# --- {file.relative_to(first.parent).as_posix()} ---\n{_read(file)}" for file in others
    ]
    return "".join(parts)


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise BacktestNotFoundError(f"There is no strategy file {path}", field=_FIELD) from error
    except (OSError, UnicodeDecodeError) as error:
        raise BacktestValidationError(
            Problem(
                _FIELD,
                f"{path} cannot be read ({error})",
                "a strategy is a UTF-8 file ending in .py",
            )
        ) from error


def _imported(file: Path, folder: Path) -> list[Path]:
    try:
        tree = ast.parse(_read(file), str(file))
    except (SyntaxError, ValueError) as error:
        raise BacktestValidationError(_problem(file, error)) from error
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module)
            names.update(f"{node.module}.{alias.name}" for alias in node.names)
    found: list[Path] = []
    for name in names:
        parts = name.split(".")
        for depth in range(1, len(parts) + 1):
            place = folder.joinpath(*parts[:depth])
            found += [c for c in (place.with_suffix(".py"), place / "__init__.py") if c.is_file()]
    return found


@contextlib.contextmanager
def _beside(path: Path, name: str, module: ModuleType) -> Iterator[None]:
    """Let the file import its neighbours, and forget those again: the next run may bring others."""
    folder = str(path.parent)
    sys.modules[name] = module
    sys.path.insert(0, folder)
    before = set(sys.modules)
    try:
        yield
    finally:
        with contextlib.suppress(ValueError):
            sys.path.remove(folder)
        for other in set(sys.modules) - before:
            file = getattr(sys.modules[other], "__file__", None)
            if file and Path(file).parent.is_relative_to(path.parent):
                del sys.modules[other]


def _problem(path: Path, error: BaseException) -> Problem:
    """Say which line of the person's own file it was."""
    line = error.lineno if isinstance(error, SyntaxError) else None
    if line is None:
        own = [f for f in traceback.extract_tb(error.__traceback__) if f.filename == str(path)]
        line = own[-1].lineno if own else None
    place = f"{path}:{line}" if line else str(path)
    what = error.msg if isinstance(error, SyntaxError) else str(error) or "no message"
    return Problem(_FIELD, f"{place}: {type(error).__name__}: {what}", "correct the strategy file")
