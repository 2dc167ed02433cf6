"""The person's strategies folder: which files are there, and whether each may be run as it is."""

from dataclasses import dataclass
from pathlib import Path

from engine.errors import BacktestError
from storage import paths
from storage.strategies import hash_of
from storage.trust import Trust


@dataclass(frozen=True, slots=True)
class OwnFile:
    """One file: its hash, whether that version was agreed to, or why it can't be read."""

    path: Path
    digest: str
    trusted: bool
    problem: str = ""


def own_files(folder: Path | None = None) -> tuple[OwnFile, ...]:
    """Return the strategy files of a folder (the person's by default), by name; nothing of them is run."""
    place = folder or paths.strategies_dir()
    trust, found = Trust(), []
    for path in sorted(place.glob("*.py")):
        try:
            digest = hash_of(path)
        except BacktestError as error:
            found.append(OwnFile(path, "", False, error.message))
            continue
        found.append(OwnFile(path, digest, trust.has(digest)))
    return tuple(found)
