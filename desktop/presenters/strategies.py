"""Saved strategies: which there are, and keeping the one that is set up under a name."""

from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import QObject, Signal

from desktop.service.ownfiles import OwnFile, own_files
from desktop.service.saved import keep_section, summary_of
from desktop.tasks.aio import Door
from engine.config import parse_config
from engine.errors import BacktestError
from storage.runs import RunStore
from storage.saved import SavedStrategy, saved_strategies


@dataclass(frozen=True, slots=True)
class SavedEntry:
    """One version of a saved strategy as a list shows it."""

    reference: str  # what a configuration says: ``name@version``, or the path of a file
    summary: str
    title: str = ""  # what people see; the reference when empty


@dataclass(frozen=True, slots=True)
class SavedState:
    """The latest version of each saved strategy, and what came of the last wish to save one."""

    entries: tuple[SavedEntry, ...] = ()
    message: str = ""
    problem: str = ""


class StrategiesPresenter(QObject):
    """Lists saved strategies and saves what is set up.

    Signals:
        changed(SavedState): there is something new to show.
        saved(str): a strategy was kept, as ``name@version``.
    """

    changed = Signal(object)
    saved = Signal(str)

    def __init__(self, door: Door, store: RunStore, parent: QObject | None = None) -> None:
        """Begin with nothing known; `refresh` asks."""
        super().__init__(parent)
        self._door = door
        self._store = store
        self.state = SavedState()

    def refresh(self) -> None:
        """Read the list anew."""
        self._door.start(self._read())

    def save(self, section: dict[str, Any], name: str) -> None:
        """Keep a ``[strategy]`` section under a name; what is wrong with either is told."""
        self._door.start(self._save(section, name))

    async def _read(self, message: str = "") -> None:
        try:
            found = await self._door.call(saved_strategies, self._store.database)
            files = await self._door.call(own_files)
        except BacktestError as error:
            self._show(SavedState(self.state.entries, problem=error.message))
            return
        latest = {saved.name: saved for saved in found}  # in the order of versions
        entries = (*map(_entry, latest.values()), *map(_own_entry, files))
        self._show(SavedState(entries, message))

    async def _save(self, section: dict[str, Any], name: str) -> None:
        try:
            chosen = parse_config({"strategy": section}).strategy
            kept, is_new = await self._door.call(keep_section, self._store, chosen, name)
        except BacktestError as error:
            self._show(SavedState(self.state.entries, problem=error.message))
            return
        text = self.tr("Saved as {0}") if is_new else self.tr("Unchanged: {0}")
        await self._read(text.format(kept.reference))
        self.saved.emit(kept.reference)

    def _show(self, state: SavedState) -> None:
        self.state = state
        self.changed.emit(state)


def _entry(saved: SavedStrategy) -> SavedEntry:
    return SavedEntry(saved.reference, summary_of(saved))


def _own_entry(own: OwnFile) -> SavedEntry:
    return SavedEntry(str(own.path), own.problem, own.path.name)
