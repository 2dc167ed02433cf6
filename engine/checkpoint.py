"""The state of a run as bytes, and back: what a killed run is taken up from, bit for bit.

A checkpoint holds the account, the orders, the fills and the curve as far as they have come, what an on_bar strategy
remembers, and the hashes of what they were made of. The bars, the instructions and the rules are not in it: they follow
from the configuration and the data, and `restore` refuses others. There is no pickle and no code in it: a header in
JSON and raw arrays, closed by a SHA-256, so that a file that was cut or damaged is known for one.
"""

import hashlib
import json
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from engine.driver import Simulation
from engine.errors import BacktestError

MAGIC: Final = b"tbckpt1\n"
_DIGEST_BYTES: Final = 32
MEMORY: Final = "memory"
_MOST_HEADER: Final = 1 << 20
_LENGTH: Final = struct.Struct("<I")


class CheckpointError(BacktestError):
    """A checkpoint that cannot be taken up; the run has to begin again."""

    kind = "checkpoint"


@dataclass(frozen=True, slots=True)
class Identity:
    """What a checkpoint belongs to; each is compared when it is taken up.

    Attributes:
        run_id: the run.
        config: fingerprint of the configuration.
        data: content hash of the panel.
        code: hash of the strategy's source.
        engine: version of the engine.
    """

    run_id: str
    config: str
    data: str
    code: str
    engine: str


@dataclass(slots=True)
class Keeper:
    """Keeps a run's checkpoint fresh while it goes.

    Attributes:
        identity: what the run is made of.
        keep: writes a checkpoint down, in place of the one before.
        seconds: how long at least between two; the first comes after as long.
        found: the checkpoint to begin from, or None.
    """

    identity: Identity
    keep: Callable[[bytes], None]
    seconds: float = 5.0
    found: bytes | None = None
    _kept: float | None = None

    def begin(self, simulation: Simulation, now: float) -> None:
        """Put a new simulation where the checkpoint found says, if there is one.

        Raises
        ------
        CheckpointError
            When it cannot be taken up.
        """
        self._kept = now
        if self.found is not None:
            restore(simulation, self.found, self.identity)

    def look(self, simulation: Simulation, now: float) -> None:
        """Write a checkpoint when its time has come."""
        if self._kept is None or now - self._kept >= self.seconds:
            self._kept = now
            self.keep(save(simulation, self.identity))


def save(simulation: Simulation, identity: Identity) -> bytes:
    """Return the state of a run between two chunks.

    Only what has been written is kept: the first fills and orders, the curve up to the bar that is next.
    """
    simulation.gather()
    parts = list(parts_of(simulation).items())
    header = {
        "identity": _plain(identity),
        "arrays": [
            {"name": name, "dtype": _named(array.dtype), "shape": list(array.shape)}
            for name, array in parts
        ],
    }
    text = json.dumps(header, separators=(",", ":")).encode()
    body = [MAGIC, _LENGTH.pack(len(text)), text]
    body += [np.ascontiguousarray(array).tobytes() for _, array in parts]
    joined = b"".join(body)
    return joined + hashlib.sha256(joined).digest()


def identity_of(data: bytes) -> Identity:
    """Return what a checkpoint belongs to.

    Raises
    ------
    CheckpointError
        When it is cut, damaged or none of ours.
    """
    return Identity(**_read(data)[0]["identity"])


def check(data: bytes, identity: Identity) -> tuple[dict[str, Any], memoryview]:
    """Return header and arrays of a checkpoint that is whole and belongs to a run as it is made up now.

    Raises
    ------
    CheckpointError
        When it is damaged, or of another run, configuration, data, code or engine.
    """
    header, body = _read(data)
    saved = Identity(**header["identity"])
    for name, title in _TITLES.items():
        if getattr(saved, name) != getattr(identity, name):
            raise CheckpointError(
                f"The checkpoint was made with another {title}", hint="Start the run again"
            )
    return header, body


def restore(simulation: Simulation, data: bytes, identity: Identity) -> None:
    """Put a new simulation where the saved one stood.

    Parameters
    ----------
    simulation : Simulation
        Made from the same configuration, data and strategy, standing before its first bar.
    data : bytes
        What `save` returned.
    identity : Identity
        What the run is made of now.

    Raises
    ------
    CheckpointError
        When the checkpoint is damaged, or of another run, configuration, data, code or engine.
    """
    header, body = check(data, identity)
    put(simulation, dict(_arrays(header, body)))


def parts_of(simulation: Simulation) -> dict[str, NDArray[Any]]:
    """Return every array that a run lives in by name, cut to what has been written."""
    state, book = simulation.state, simulation.book
    orders = int(state["n_orders"][0])
    parts: dict[str, NDArray[Any]] = {"state": state}
    for name, array in book._asdict().items():
        parts[f"book.{name}"] = array[:orders] if name == "orders" else array
    parts["fills"] = simulation.fills[: int(state["n_fills"][0])]
    for name, array in simulation.curve._asdict().items():
        parts[f"curve.{name}"] = array[: simulation.bar]
    if simulation.memory is not None:
        parts[MEMORY] = simulation.memory
    return parts


def put(simulation: Simulation, found: dict[str, NDArray[Any]]) -> None:
    """Fill the arrays of a new simulation with what `parts_of` returned of another.

    Raises
    ------
    CheckpointError
        When they do not belong to such a run.
    """
    put_arrays(simulation, {name: array for name, array in found.items() if name != MEMORY})
    try:
        simulation.remember(found.get(MEMORY))
    except ValueError as error:
        raise _damaged(str(error)) from error


_TITLES: Final = {
    "run_id": "run",
    "engine": "version of the engine",
    "config": "configuration",
    "data": "data set",
    "code": "version of the strategy's code",
}


def put_arrays(simulation: Simulation, found: dict[str, NDArray[Any]]) -> None:
    """Fill the arrays of a simulation, all but what a strategy remembers; raises as `put`."""
    for name, array in _buffers(simulation, found).items():
        _put(array, found[name], name)


def _buffers(simulation: Simulation, found: dict[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """Return the arrays to fill by name, grown to what was saved."""
    simulation.make_room(
        orders=max(len(found["book.pending"]), len(found["book.orders"])),
        fills=len(found["fills"]),
    )
    buffers: dict[str, NDArray[Any]] = {"state": simulation.state, "fills": simulation.fills}
    buffers |= {f"book.{name}": array for name, array in simulation.book._asdict().items()}
    buffers |= {f"curve.{name}": array for name, array in simulation.curve._asdict().items()}
    missing = buffers.keys() ^ found.keys()
    if missing:
        raise _damaged(f"it lacks or adds {', '.join(sorted(missing))}")
    return buffers


def _put(into: NDArray[Any], saved: NDArray[Any], name: str) -> None:
    if into.dtype != saved.dtype or into.ndim != saved.ndim or len(saved) > len(into):
        raise _damaged(f"{name} does not fit")
    into[: len(saved)] = saved


def _read(data: bytes) -> tuple[dict[str, Any], memoryview]:
    """Return header and arrays of a checkpoint whose digest is right."""
    start = len(MAGIC) + _LENGTH.size
    if len(data) < start + _DIGEST_BYTES or not data.startswith(MAGIC):
        raise _damaged("it is cut or none of ours")
    if hashlib.sha256(data[:-_DIGEST_BYTES]).digest() != data[-_DIGEST_BYTES:]:
        raise _damaged("its checksum is wrong")
    (length,) = _LENGTH.unpack_from(data, len(MAGIC))
    if length > min(_MOST_HEADER, len(data) - start - _DIGEST_BYTES):
        raise _damaged("its header is too long")
    header: dict[str, Any] = json.loads(data[start : start + length])
    return header, memoryview(data)[start + length : -_DIGEST_BYTES]


def _arrays(header: dict[str, Any], body: memoryview) -> Iterator[tuple[str, NDArray[Any]]]:
    at = 0
    for entry in header["arrays"]:
        dtype, shape = _dtype_of(entry["dtype"]), tuple(entry["shape"])
        size = dtype.itemsize * int(np.prod(shape, dtype=np.int64))
        if at + size > len(body):
            raise _damaged(f"{entry['name']} is cut")
        yield entry["name"], np.frombuffer(body[at : at + size], dtype).reshape(shape)
        at += size
    if at != len(body):
        raise _damaged("something follows its last array")


def _named(dtype: np.dtype[Any]) -> Any:
    """Return a dtype as JSON: its code, or names, codes and offsets of its fields."""
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
    if dtype.hasobject:
        raise _damaged("it holds objects")
    return dtype


def _plain(identity: Identity) -> dict[str, str]:
    return {name: getattr(identity, name) for name in Identity.__slots__}


def _damaged(why: str) -> CheckpointError:
    return CheckpointError(f"The checkpoint is damaged: {why}", hint="Start the run again")
