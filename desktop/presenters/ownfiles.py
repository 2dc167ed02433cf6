"""Strategy files in the set-up: each version is read in its own process, and asked about once before that.

A file is read when it is chosen and again when it, or what it imports, has changed on the disk.
"""

from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import QFileSystemWatcher, QObject, Signal

from desktop.presenters.setup import FileFacts, SetupPresenter, SetupState
from desktop.service.child.limits import barrier
from desktop.service.child.proxy import UntrustedError, trusted_class
from desktop.tasks.aio import Door
from engine.errors import BacktestError, BacktestValidationError, Problem
from engine.strategies import registry
from storage import paths
from storage.strategies import closure_of, is_file_name
from storage.trust import Trust


@dataclass(frozen=True, slots=True)
class TrustQuestion:
    """A version that the person has not agreed to yet; ``is_fenced`` says whether bubblewrap would hold it."""

    path: Path
    digest: str
    is_fenced: bool


class OwnFilesPresenter(QObject):
    """Finds out what the chosen file is, and asks where it has to.

    Signals:
        wanted(TrustQuestion): whether a version may be run.
        described(str, FileFacts): what is known of a file.
        folder_changed(): a file came, changed or went.
    """

    wanted = Signal(object)
    described = Signal(str, object)
    folder_changed = Signal()

    def __init__(self, door: Door, setup: SetupPresenter, parent: QObject | None = None) -> None:
        """Follow the set-up."""
        super().__init__(parent)
        self._door = door
        self._setup = setup
        self._name = ""
        self._declined: set[str] = set()
        self._watcher = QFileSystemWatcher([str(paths.strategies_dir())], self)
        self._watcher.directoryChanged.connect(self.folder_changed)
        self._watcher.fileChanged.connect(self._on_file_changed)
        setup.changed.connect(self._on_setup_changed)
        self.described.connect(setup.set_facts)

    def agree(self, question: TrustQuestion) -> None:
        """Run this version from now on."""
        self._door.start(self._agree(question))

    def decline(self, question: TrustQuestion) -> None:
        """Do not run this version, and do not ask again before the program ends."""
        self._declined.add(question.digest)

    def _on_setup_changed(self, state: SetupState) -> None:
        name = state.strategy_name
        if name == self._name:
            return
        self._name = name
        if is_file_name(name):
            self._door.start(self._describe(name))

    def _on_file_changed(self, _path: str) -> None:
        if is_file_name(self._name):
            self._door.start(self._describe(self._name))

    async def _agree(self, question: TrustQuestion) -> None:
        await self._door.call(Trust().add, question.digest)
        await self._describe(str(question.path))

    async def _describe(self, name: str) -> None:
        facts, question, files = await self._door.call(look_at, Path(name))
        self._watcher.addPaths([str(file) for file in files if file.exists()])
        if name != self._name:
            return
        self.described.emit(name, facts)
        if question is not None and question.digest not in self._declined:
            self.wanted.emit(question)


def look_at(path: Path) -> tuple[FileFacts, TrustQuestion | None, tuple[Path, ...]]:
    """Return what is known of a file, what has to be asked, and the files it is made of; blocking."""
    files: tuple[Path, ...] = (path,)
    try:
        files = closure_of(path)
        strategy = trusted_class(path)
    except UntrustedError as error:
        told = Problem("strategy.name", error.message, "say whether it may be run")
        question = TrustQuestion(error.path, error.digest, barrier() == "bubblewrap")
        return FileFacts(problem=told), question, files
    except BacktestValidationError as error:
        return FileFacts(problem=error.problems[0]), None, files
    except BacktestError as error:
        return FileFacts(problem=Problem("strategy.name", error.message, error.hint)), None, files
    return FileFacts(tuple(registry.describe(strategy)), strategy.summary), None, files
