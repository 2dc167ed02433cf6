"""Checkpoints of runs under way, one file a run: written in place of the one before, whole or not at all.

What is in them is the engine's matter (`engine.checkpoint`). A file is gone with the end of its run; what is left
belongs to a run that was interrupted and can be taken up, or that nobody wants any more.
"""

import os
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Final

from storage import paths
from storage.errors import BacktestStorageError

_SUFFIX: Final = ".tbckpt"
MOST_BYTES: Final = 4 << 30  # a larger file is none of ours


class Checkpoints:
    """The checkpoints in one folder."""

    def __init__(self, folder: Path | None = None) -> None:
        """Take a folder, by default the one of the person's data; it is made when something is kept."""
        self._folder = folder

    def keep(self, run_id: str, data: bytes) -> None:
        """Write the checkpoint of a run in place of the one before.

        Raises:
            BacktestStorageError: it can't be written; the one before is as it was.
        """
        target = self._file(run_id)
        try:
            target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            handle, name = tempfile.mkstemp(dir=target.parent, prefix=target.stem, suffix=".part")
            try:
                with os.fdopen(handle, "wb") as file:
                    file.write(data)
                    file.flush()
                    os.fsync(file.fileno())
                Path(name).replace(target)
            except BaseException:
                Path(name).unlink(missing_ok=True)
                raise
        except OSError as error:
            raise BacktestStorageError(
                f"The checkpoint {target} can't be written ({error.strerror})",
                hint="free some space; the run itself goes on",
            ) from error

    def find(self, run_id: str) -> bytes | None:
        """Return the checkpoint of a run; None when there is none that can be read."""
        file = self._file(run_id)
        try:
            return file.read_bytes() if file.stat().st_size <= MOST_BYTES else None
        except OSError:
            return None

    def has(self, run_id: str) -> bool:
        """Whether there is a checkpoint of a run."""
        return self._file(run_id).is_file()

    def drop(self, run_id: str) -> None:
        """Remove the checkpoint of a run, if there is one; a file that can't be removed only takes space."""
        with suppress(OSError):
            self._file(run_id).unlink(missing_ok=True)

    def _file(self, run_id: str) -> Path:
        if not run_id or not all(c.isalnum() or c == "-" for c in run_id):
            raise ValueError(f"{run_id!r} is no id of a run")
        folder = self._folder if self._folder is not None else paths.data_dir() / "checkpoints"
        return folder / f"{run_id}{_SUFFIX}"
