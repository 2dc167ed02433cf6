"""How the parts that the program stands on are doing."""

import shutil
from contextlib import closing
from dataclasses import dataclass
from typing import Any, Literal

from desktop.service import kernel_cache
from desktop.service.versions import app_version
from engine.errors import BacktestError
from storage import paths
from storage.market.catalog import list_sources
from storage.runs import RunStore

State = Literal["ok", "warning", "failed"]

_LOW_DISK_BYTES = 500_000_000


@dataclass(frozen=True, slots=True)
class Part:
    """One part: its state, and a sentence about it."""

    name: str
    state: State
    message: str


@dataclass(frozen=True, slots=True)
class Health:
    """All parts; ``ok`` unless one has failed."""

    version: str
    parts: tuple[Part, ...]

    @property
    def ok(self) -> bool:
        """Whether nothing has failed."""
        return all(part.state != "failed" for part in self.parts)

    def as_json(self) -> dict[str, Any]:
        """Return the object that ``doctor --json`` prints."""
        return {
            "ok": self.ok,
            "version": self.version,
            "parts": [{"name": p.name, "state": p.state, "message": p.message} for p in self.parts],
        }


def check(store: RunStore | None, error: BacktestError | None = None) -> Health:
    """Look at every part; ``error`` is what kept the database from opening."""
    parts = (_database(store, error), _market(), _kernels(), _disk())
    return Health(app_version(), parts)


def check_all() -> Health:
    """Open the local database only to look at it; a failure is a finding, not an error."""
    try:
        with closing(RunStore.open()) as store:
            return check(store)
    except BacktestError as error:
        return check(None, error)


def _database(store: RunStore | None, error: BacktestError | None) -> Part:
    if store is None:
        message = (
            "not opened" if error is None else f"{error.message} ({error.hint})".replace(" ()", "")
        )
        return Part("database", "failed", message)
    total = store.list(limit=1).total
    return Part("database", "ok", f"{total} run{'s' * (total != 1)} in {paths.database_file()}")


def _market() -> Part:
    try:
        sources = list_sources()
    except BacktestError as error:
        return Part("market data", "failed", error.message)
    found = [f"{source.name}: {source.n_symbols} symbols" for source in sources]
    return Part("market data", "ok", ", ".join(found))


def _kernels() -> Part:
    folder = kernel_cache.prepare()
    if not kernel_cache.is_private(folder):
        message = f"{folder} can be written by others; compiled code is kept there"
        return Part("kernels", "warning", message)
    if kernel_cache.is_filled(folder):
        return Part("kernels", "ok", f"compiled, in {folder}")
    return Part("kernels", "ok", "compiled on the first run")


def _disk() -> Part:
    free = shutil.disk_usage(paths.data_dir()).free
    message = f"{free / 1e9:.1f} GB free at {paths.data_dir()}"
    if free < _LOW_DISK_BYTES:
        return Part("disk", "warning", f"{message}; free some space")
    return Part("disk", "ok", message)
