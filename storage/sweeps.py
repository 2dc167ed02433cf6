"""The sweeps of this computer: one file each, in a folder beside the database."""

import datetime as dt
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import uuid_utils

from engine.errors import BacktestValidationError, Problem
from storage import paths
from storage.errors import CorruptDatabaseError, RecordNotFoundError
from storage.sweepfile import SUFFIX, Span, SweepHeader, SweepWriter, read_header, spans_of

Status = Literal["completed", "partial"]


@dataclass(frozen=True)
class SweepRecord:
    """One sweep as it stands.

    Attributes:
        header: what it is.
        path: its file.
        spans: the ranges of its grid that are finished.
    """

    header: SweepHeader
    path: Path
    spans: tuple[Span, ...]

    @property
    def sweep_id(self) -> str:
        """Its id."""
        return self.header.sweep_id

    @property
    def short_id(self) -> str:
        """Enough of the id to type."""
        return self.sweep_id[:13]

    @property
    def status(self) -> Status:
        """Whether all of its grid is finished."""
        finished = sum(stop - start for start, stop in self.spans)
        return "completed" if finished >= self.header.size else "partial"


class SweepStore:
    """Creates, finds and lists sweeps. Ids may be unique prefixes."""

    def __init__(self, folder: Path | None = None) -> None:
        """Take a folder; without one it is the user's own."""
        self._folder = folder or paths.sweep_dir()

    def create(self, row: np.dtype[np.void], size: int, facts: dict[str, Any]) -> SweepWriter:
        """Begin a sweep and return what writes it."""
        sweep_id = str(uuid_utils.uuid7())
        layout = [(name, row[name].str) for name in row.names or ()]
        created_at = dt.datetime.now(dt.UTC).isoformat(timespec="seconds")
        header = SweepHeader(sweep_id, created_at, layout, size, facts)
        return SweepWriter.create(self._path(sweep_id), header)

    def resume(self, sweep_id: str) -> tuple[SweepWriter, list[Span]]:
        """Go on with a sweep."""
        return SweepWriter.resume(self._path(self.resolve(sweep_id)))

    def get(self, sweep_id: str) -> SweepRecord:
        """Return a sweep."""
        path = self._path(self.resolve(sweep_id))
        return SweepRecord(read_header(path), path, tuple(spans_of(path)))

    def all(self) -> tuple[SweepRecord, ...]:
        """Return all sweeps, newest first; a file that is damaged is left out."""
        found = []
        for path in sorted(self._folder.glob(f"*{SUFFIX}"), reverse=True):
            try:
                found.append(SweepRecord(read_header(path), path, tuple(spans_of(path))))
            except CorruptDatabaseError:
                continue
        return tuple(found)

    def remove(self, sweep_id: str) -> None:
        """Delete a sweep for good."""
        path = self._path(self.resolve(sweep_id))
        path.unlink()
        path.with_name(f"{path.name}.lock").unlink(missing_ok=True)

    def resolve(self, prefix: str) -> str:
        """Return the full id that begins with ``prefix``.

        Raises:
            RecordNotFoundError: no sweep begins so.
            BacktestValidationError: several do.
        """
        wanted = prefix.strip().lower()
        found = [
            path.name.removesuffix(SUFFIX)
            for path in self._folder.glob(f"*{SUFFIX}")
            if path.name.startswith(wanted)
        ]
        if not found or not wanted:
            raise RecordNotFoundError(
                f"There is no sweep {prefix!r}", hint="tradebench sweep list shows them"
            )
        if len(found) > 1:
            shown = ", ".join(sorted(found)[:5])
            raise BacktestValidationError(
                Problem("ID", f"{prefix!r} is the beginning of {len(found)} sweeps", shown)
            )
        return found[0]

    def _path(self, sweep_id: str) -> Path:
        return self._folder / f"{sweep_id}{SUFFIX}"
