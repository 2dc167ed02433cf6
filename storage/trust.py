"""Which versions of strategy files the person has agreed to run: a list of hashes, nothing else.

A file of Python can do what the person can do. So each version is asked about once; a changed file, or a changed file
that it imports, is another version.
"""

import json
import os
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Final

from storage import paths
from storage.errors import BacktestStorageError

_NAME: Final = "trusted_strategies.json"
_HEX: Final = frozenset("0123456789abcdef")


class Trust:
    """The hashes in one file, by default that of the person's settings."""

    def __init__(self, file: Path | None = None) -> None:
        """Take the file; one that is missing or damaged trusts nothing."""
        self._file = file

    def has(self, digest: str) -> bool:
        """Whether a version was agreed to."""
        return digest in self._read()

    def add(self, digest: str) -> None:
        """Agree to a version; twice is once.

        Raises:
            BacktestStorageError: it can't be written down.
        """
        if len(digest) != 64 or not _HEX.issuperset(digest):
            raise ValueError(f"{digest!r} is no hash of a strategy")
        known = self._read()
        if digest not in known:
            self._write(sorted({*known, digest}))

    def _place(self) -> Path:
        return self._file if self._file is not None else paths.config_dir() / _NAME

    def _read(self) -> frozenset[str]:
        with suppress(OSError, ValueError, TypeError, KeyError):
            held = json.loads(self._place().read_text(encoding="utf-8"))["trusted"]
            return frozenset(one for one in held if isinstance(one, str))
        return frozenset()

    def _write(self, digests: list[str]) -> None:
        place = self._place()
        try:
            handle, name = tempfile.mkstemp(dir=place.parent, prefix=_NAME, suffix=".part")
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                json.dump({"version": 1, "trusted": digests}, file, indent=1)
            Path(name).replace(place)
        except OSError as error:
            raise BacktestStorageError(
                f"{place} can't be written ({error.strerror})", hint="make its folder writable"
            ) from error
