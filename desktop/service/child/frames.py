"""What the program and a child say to each other: frames of a header and arrays, hashed, bounded, without any pickle.

A frame is ``<length><sha256><body>``; a body is ``<length of header><header in JSON><arrays, one after the other>``.
A child's answer counts only as a frame whose hash is right: an exit code proves nothing.
"""

import hashlib
import json
import struct
from collections.abc import Mapping
from typing import IO, Any, Final

import numpy as np
from numpy.typing import NDArray

MOST_BYTES: Final = 8 << 30
_FRAME: Final = struct.Struct("<Q32s")
_HEADER: Final = struct.Struct("<I")
_KINDS: Final = frozenset("biufV")  # bool, integers, floats, records; never objects or text

Arrays = dict[str, NDArray[Any]]


class FrameError(Exception):
    """What came is no frame, or a damaged one."""


def pack(header: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]] | None = None) -> bytes:
    """Return the body of a frame."""
    parts = {name: np.ascontiguousarray(array) for name, array in (arrays or {}).items()}
    layout = [[name, _named(a.dtype), list(a.shape)] for name, a in parts.items()]
    text = json.dumps({"header": dict(header), "arrays": layout}, allow_nan=True).encode()
    return b"".join([_HEADER.pack(len(text)), text, *(a.tobytes() for a in parts.values())])


def unpack(body: memoryview | bytes) -> tuple[dict[str, Any], Arrays]:
    """Return header and arrays of a body; the arrays are read-only views of it.

    Raises:
        FrameError: it is cut, or holds what no frame holds.
    """
    view = memoryview(body)
    try:
        (length,) = _HEADER.unpack_from(view)
        told = json.loads(bytes(view[_HEADER.size : _HEADER.size + length]))
        at, arrays = _HEADER.size + length, {}
        for name, named, shape in told["arrays"]:
            dtype = _dtype_of(named)
            size = dtype.itemsize * int(np.prod(shape, dtype=np.int64))
            if at + size > len(view):
                raise FrameError("it is cut")
            arrays[str(name)] = np.frombuffer(view[at : at + size], dtype).reshape(shape)
            at += size
        if at != len(view):
            raise FrameError("something follows its last array")
        return told["header"], arrays
    except (KeyError, TypeError, ValueError, struct.error) as error:
        raise FrameError(f"it can't be read ({error})") from error


def send(stream: IO[bytes], body: bytes) -> None:
    """Write a frame."""
    stream.write(_FRAME.pack(len(body), hashlib.sha256(body).digest()))
    stream.write(body)
    stream.flush()


def receive(stream: IO[bytes]) -> bytes:
    """Read the body of one frame.

    Raises:
        EOFError: the other side has ended.
        FrameError: what came is cut or damaged.
    """
    head = _exactly(stream, _FRAME.size, at_start=True)
    length, digest = _FRAME.unpack(head)
    if length > MOST_BYTES:
        raise FrameError("it is too long")
    body = _exactly(stream, length)
    if hashlib.sha256(body).digest() != digest:
        raise FrameError("its hash is wrong")
    return body


def _exactly(stream: IO[bytes], size: int, *, at_start: bool = False) -> bytes:
    parts = []
    left = size
    while left:
        part = stream.read(min(left, 1 << 20))
        if not part:
            if at_start and left == size:
                raise EOFError
            raise FrameError("it is cut")
        parts.append(part)
        left -= len(part)
    return b"".join(parts)


def _named(dtype: np.dtype[Any]) -> Any:
    if dtype.fields is None:
        return dtype.str
    names = list(dtype.names or ())
    return {
        "names": names,
        "formats": [dtype.fields[name][0].str for name in names],
        "offsets": [dtype.fields[name][1] for name in names],
        "itemsize": dtype.itemsize,
    }


def _dtype_of(named: Any) -> np.dtype[Any]:
    dtype: np.dtype[Any] = np.dtype(named)
    plain = [dtype] if dtype.fields is None else [field[0] for field in dtype.fields.values()]
    if dtype.hasobject or any(one.kind not in _KINDS for one in plain):
        raise FrameError(f"it holds {dtype}")
    return dtype
