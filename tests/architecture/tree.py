"""A source tree as the architecture checks see it: files, syntax trees and imports, nothing executed."""

import ast
import functools
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PRODUCT = ("desktop", "engine", "resources", "storage")
BUILD_RESULTS = ("build", "dist", "__pycache__")


@dataclass(frozen=True)
class Module:
    """One Python file: where it is (relative, with slashes), its text and its syntax tree."""

    path: str
    text: str
    tree: ast.Module

    def is_in(self, *places: str) -> bool:
        """Tell whether the file is one of these files or lies in one of these folders."""
        return any(self.path == place or self.path.startswith(f"{place}/") for place in places)

    def at(self, node: ast.AST, message: str) -> str:
        """Return a finding in the form that editors can jump to."""
        return f"{self.path}:{getattr(node, 'lineno', 1)}: {message}"


@dataclass(frozen=True)
class Import:
    """One imported name, as an absolute dotted path; ``level`` counts the dots of a relative import."""

    node: ast.AST
    target: str
    level: int = 0

    def is_of(self, *names: str) -> bool:
        """Tell whether it loads one of these packages or modules, or something inside them."""
        return any(self.target == name or self.target.startswith(f"{name}.") for name in names)


def modules(root: Path, *folders: str) -> Iterator[Module]:
    """Read every Python file of the given folders, in a fixed order."""
    for folder in folders:
        for path in sorted((root / folder).rglob("*.py")):
            text = path.read_text(encoding="utf-8")
            yield Module(path.relative_to(root).as_posix(), text, _parsed(text))


def imports(module: Module) -> Iterator[Import]:
    """Find what a module imports, wherever in the file it does so, spelled in whatever way."""
    for node in ast.walk(module.tree):
        match node:
            case ast.Import(names=names):
                yield from (Import(node, alias.name) for alias in names)
            case ast.ImportFrom(module=source, names=names, level=level):
                prefix = f"{source}." if source else ""
                yield from (Import(node, f"{prefix}{alias.name}", level) for alias in names)
            case ast.Call(args=[ast.Constant(value=str(name)), *_]) if called(node) in (
                "import_module",
                "__import__",
            ):
                yield Import(node, name)


def functions(module: Module) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Find every function and method, nested ones included."""
    for node in ast.walk(module.tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def length(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Return the number of lines of a function, signature and docstring included."""
    return (node.end_lineno or node.lineno) - node.lineno + 1


def called(node: ast.Call) -> str:
    """Return the last part of the name of what is called: ``c`` for ``a.b.c()``."""
    match node.func:
        case ast.Name(id=name):
            return name
        case ast.Attribute(attr=name):
            return name
    return ""


def files(root: Path) -> list[str]:
    """List the tree's files: what git knows or would take in; without git, all but build results."""
    if (root / ".git").exists():
        listing = subprocess.run(
            ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            cwd=root,
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        return sorted(name for name in listing.split("\0") if name and (root / name).is_file())
    return sorted(
        path.relative_to(root).as_posix()
        for path in root.rglob("*")
        if path.is_file() and not _is_build_result(path.relative_to(root))
    )


def _is_build_result(path: Path) -> bool:
    hidden = path.parts[0].startswith(".") and path.parts[0] != ".ci"
    return hidden or any(part in BUILD_RESULTS or part.endswith(".egg-info") for part in path.parts)


@functools.lru_cache(maxsize=2048)
def _parsed(text: str) -> ast.Module:
    return ast.parse(text)
