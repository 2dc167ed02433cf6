"""What may lie in the repository, and what no file may say.

Each rule takes the root of a tree and returns its findings, one line each; none is good.
"""

import re
from collections.abc import Iterator
from pathlib import Path

from tests.architecture.tree import files

NEEDED = {
    "LICENSE",
    "README.md",
    "desktop",
    "engine",
    "pyproject.toml",
    "resources",
    "storage",
    "tests",
}
ALLOWED = {*NEEDED, "build.spec"}
LARGEST = 3_000_000
TEXT = (
    ".cfg",
    ".ini",
    ".json",
    ".md",
    ".py",
    ".spec",
    ".sql",
    ".toml",
    ".txt",
    ".yaml",
    ".yml",
    "",
)
SENTENCES = {
    "names a folder of one machine": r"(?<![\w.~-])/(?:work|root|opt|home|Users)/\w",
    "names a package registry": r"pypi\.org|pythonhosted\.org|registry\.npmjs|ghcr\.io|docker\.io",
    "is unfinished": r"\b(?:TO[D]O|FIX[M]E|XX[X]|TB[D])\b",
    "speaks of how it was written": r"(?i)\b(?:chat[g]pt|cla[u]de|copi[l]ot|language m[o]del)\b",
}


def top_level_is_as_drawn(root: Path) -> Iterator[str]:
    """Eight entries, the recipe of the bundle, and hidden files."""
    entries = {name.split("/")[0] for name in files(root)}
    visible = {name for name in entries if not name.startswith(".")}
    yield from (f"{name}: does not belong at the top" for name in sorted(visible - ALLOWED))
    yield from (f"{name}: is missing at the top" for name in sorted(NEEDED - visible))


def files_are_small(root: Path) -> Iterator[str]:
    """At most three million bytes; market data and recordings live elsewhere."""
    for name in files(root):
        if (size := (root / name).stat().st_size) > LARGEST:
            yield f"{name}: {size:,} bytes, at most {LARGEST:,} are allowed"


def files_say_nothing_foreign(root: Path) -> Iterator[str]:
    """No path of one machine, no registry, nothing unfinished."""
    for name in files(root):
        if Path(name).suffix in TEXT:
            text = (root / name).read_text(encoding="utf-8", errors="replace")
            for message, pattern in SENTENCES.items():
                for match in re.finditer(pattern, text):
                    line = text.count("\n", 0, match.start()) + 1
                    yield f"{name}:{line}: {message}: {match.group()}"


RULES = (top_level_is_as_drawn, files_are_small, files_say_nothing_foreign)
