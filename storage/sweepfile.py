"""The file of one sweep: a header, then ranges of results, each with its checksum, in the order they were finished.

A range is appended by one write. Whatever ends the process, the file holds every range that was written, and at most
one that was not finished: it is found by its checksum, ignored by readers, and cut off by the next writer. Nothing in
the file is ever changed. Rows are numpy records whose layout stands in the header, so this side knows bytes and not
what they mean.
"""

import hashlib
import json
import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Final, Self

import numpy as np
from filelock import FileLock, Timeout
from numpy.typing import NDArray

from storage.errors import BacktestStorageError, CorruptDatabaseError, StorageFullError

SUFFIX: Final = ".sweep"
VERSION: Final = 1

_MAGIC: Final = b"tbsweep1\n"
_HEAD: Final = struct.Struct("<I16s")  # length and checksum of the header
_RANGE: Final = struct.Struct("<4sQQQ")  # mark, start, stop, bytes of the rows
_MARK: Final = b"rnge"
_SUM_BYTES: Final = 16
_SYNC_EVERY_BYTES: Final = 4 * 2**20
_MOST_HEADER_BYTES: Final = 64 * 2**20

Span = tuple[int, int]


@dataclass(frozen=True)
class SweepHeader:
    """What a sweep is, as it was begun; plain values only.

    Attributes:
        sweep_id: its id.
        created_at: ISO instant.
        layout: the fields of a row, as numpy describes them.
        size: how many indices its grid has.
        facts: whatever its owner needs to go on and to show it.
    """

    sweep_id: str
    created_at: str
    layout: list[tuple[str, str]]
    size: int
    facts: dict[str, Any]

    @property
    def row(self) -> np.dtype[np.void]:
        """The layout of a row."""
        return np.dtype([(name, kind) for name, kind in self.layout])

    def encoded(self) -> bytes:
        """Return the bytes that a file begins with."""
        values = {"version": VERSION, **self.__dict__}
        body = json.dumps(values, ensure_ascii=False, allow_nan=False).encode()
        return _MAGIC + _HEAD.pack(len(body), _sum(body)) + body


@dataclass(frozen=True)
class _Place:
    """Where a range lies in the file."""

    start: int
    stop: int
    offset: int
    length: int


def read_header(path: Path) -> SweepHeader:
    """Return what a file says it is.

    Raises:
        CorruptDatabaseError: it is no sweep, or damaged.
    """
    with path.open("rb") as stream:
        return _header(stream, path)


def spans_of(path: Path) -> list[Span]:
    """Return the finished ranges, whole and in the order of the file, without checking their rows."""
    with path.open("rb") as stream:
        _header(stream, path)
        return [(place.start, place.stop) for place in _places(stream)]


def read_blocks(path: Path) -> Iterator[NDArray[np.void]]:
    """Yield the rows of each range, checked, by ascending index; memory holds one at a time.

    Raises:
        CorruptDatabaseError: a range in the middle is damaged.
    """
    with path.open("rb") as stream:
        header = _header(stream, path)
        places = list(_places(stream))
        for place in sorted(places, key=lambda place: place.start):
            rows = _rows(stream, place)
            if rows is not None:
                yield np.frombuffer(rows, header.row)
            elif place is not places[-1]:
                raise _damaged(path, f"the results {place.start} to {place.stop} are damaged")


class SweepWriter:
    """Appends to one file, alone: a second writer is refused. Use it in a ``with`` block."""

    def __init__(self, path: Path, lock: FileLock, stream: BinaryIO) -> None:
        """Take an open file and its lock; see `create` and `resume`."""
        self.sweep_id = path.name.removesuffix(SUFFIX)
        self._path = path
        self._lock = lock
        self._stream = stream
        self._unsynced = 0

    @classmethod
    def create(cls, path: Path, header: SweepHeader) -> Self:
        """Begin a file: it appears with its whole header or not at all."""
        lock = _locked(path)
        fresh = path.with_suffix(".new")
        try:
            with open(fresh, "wb", opener=_private) as stream:
                stream.write(header.encoded())
                stream.flush()
                os.fsync(stream.fileno())
            fresh.replace(path)
            return cls(path, lock, path.open("ab"))
        except OSError as error:
            fresh.unlink(missing_ok=True)
            lock.release()
            raise _unwritable(path, error) from error

    @classmethod
    def resume(cls, path: Path) -> tuple[Self, list[Span]]:
        """Go on with a file: cut off what was not finished, and return the ranges that were.

        Raises:
            CorruptDatabaseError: it is damaged before its end.
            BacktestStorageError: another process works on it.
        """
        lock = _locked(path)
        try:
            stream = path.open("r+b")
            _header(stream, path)
            places = list(_places(stream))
            while places and _rows(stream, places[-1]) is None:
                places.pop()
            end = places[-1].offset + places[-1].length + _SUM_BYTES if places else _body(stream)
            stream.truncate(end)
            stream.seek(end)
            return cls(path, lock, stream), [(place.start, place.stop) for place in places]
        except OSError as error:
            lock.release()
            raise _unwritable(path, error) from error
        except BaseException:
            lock.release()
            raise

    def append(self, span: Span, rows: NDArray[np.void]) -> None:
        """Add a finished range."""
        body = rows.tobytes()
        head = _RANGE.pack(_MARK, span[0], span[1], len(body))
        try:
            self._stream.write(head + body + _sum(head + body))
            self._stream.flush()
            self._unsynced += len(body)
            if self._unsynced >= _SYNC_EVERY_BYTES:
                self._sync()
        except OSError as error:
            raise _unwritable(self._path, error) from error

    def close(self) -> None:
        """Bring everything to the disk and let others write."""
        try:
            if not self._stream.closed:
                self._sync()
        finally:
            self._stream.close()
            self._lock.release()

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, *_exc: object) -> None:
        """Close."""
        self.close()

    def _sync(self) -> None:
        os.fsync(self._stream.fileno())
        self._unsynced = 0


def _header(stream: BinaryIO, path: Path) -> SweepHeader:
    stream.seek(0)
    start = stream.read(len(_MAGIC) + _HEAD.size)
    if not start.startswith(_MAGIC) or len(start) < len(_MAGIC) + _HEAD.size:
        raise _damaged(path, "it is no sweep")
    length, checksum = _HEAD.unpack(start[len(_MAGIC) :])
    body = stream.read(length) if length <= _MOST_HEADER_BYTES else b""
    if _sum(body) != checksum:
        raise _damaged(path, "its beginning is damaged")
    values = json.loads(body)
    layout = [(name, kind) for name, kind in values["layout"]]
    return SweepHeader(
        values["sweep_id"], values["created_at"], layout, values["size"], values["facts"]
    )


def _body(stream: BinaryIO) -> int:
    """Return where the ranges begin."""
    stream.seek(len(_MAGIC))
    length, _ = _HEAD.unpack(stream.read(_HEAD.size))
    return len(_MAGIC) + _HEAD.size + int(length)


def _places(stream: BinaryIO) -> Iterator[_Place]:
    """Yield the ranges whose bytes are all there."""
    offset = _body(stream)
    end = stream.seek(0, os.SEEK_END)
    while offset + _RANGE.size <= end:
        stream.seek(offset)
        mark, start, stop, length = _RANGE.unpack(stream.read(_RANGE.size))
        whole = _RANGE.size + length + _SUM_BYTES
        if mark != _MARK or offset + whole > end:
            return
        yield _Place(start, stop, offset, _RANGE.size + length)
        offset += whole


def _rows(stream: BinaryIO, place: _Place) -> bytes | None:
    """Return the bytes of the rows of a range, None when they are not those that were written."""
    stream.seek(place.offset)
    data = stream.read(place.length)
    checksum = stream.read(_SUM_BYTES)
    return data[_RANGE.size :] if _sum(data) == checksum else None


def _sum(data: bytes) -> bytes:
    return hashlib.blake2b(data, digest_size=_SUM_BYTES).digest()


def _locked(path: Path) -> FileLock:
    lock = FileLock(f"{path}.lock", timeout=0, thread_local=False, mode=0o600)
    try:
        lock.acquire()
    except Timeout as error:
        raise BacktestStorageError(
            "This sweep is under way in another program", hint="stop it there first"
        ) from error
    return lock


def _private(name: str, flags: int) -> int:
    return os.open(name, flags, 0o600)


def _damaged(path: Path, what: str) -> CorruptDatabaseError:
    return CorruptDatabaseError(
        f"{path}: {what}", hint="start the sweep again, or restore the file"
    )


def _unwritable(path: Path, error: OSError) -> BacktestStorageError:
    if error.errno == 28:
        return StorageFullError(
            "The disk is full; what was finished before is kept", hint="free some space, then go on"
        )
    return BacktestStorageError(
        f"{path} can't be written ({error.strerror})", hint="check that its folder belongs to you"
    )
