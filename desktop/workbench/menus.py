"""The area of the commands: what each does, and the small things that need no presenter."""

import sys
from collections.abc import Callable, Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QGuiApplication

from desktop.actions import Command
from desktop.service.configfile import read_mapping
from desktop.service.versions import app_version
from desktop.views.file_dialogs import choose_config_path
from desktop.views.text_window import show_text
from desktop.workbench.room import Room
from engine.errors import BacktestError


class MenuArea(QObject):
    """Connects every command.

    Signals:
        config_read(dict): a configuration file was opened; these are its values.
    """

    config_read = Signal(object)

    def __init__(
        self,
        room: Room,
        slots: Mapping[Command, Callable[[], object]],
        parent: QObject | None = None,
    ) -> None:
        """Connect the slots of other areas, and those of its own."""
        super().__init__(parent)
        self._room = room
        own: dict[Command, Callable[[], object]] = {
            Command.OPEN_CONFIG: self._open_config,
            Command.QUIT: room.window.close,
            Command.SWITCH_THEME: self._switch_theme,
            Command.FOLLOW_SYSTEM: self._follow_system,
            Command.WHATS_NEW: self._show_changes,
            Command.COPY_DIAGNOSTICS: self._copy_diagnostics,
            Command.ABOUT: self._show_about,
        }
        for command in Command:
            room.actions[command].triggered.connect(
                own[command] if command in own else slots[command]
            )

    def _open_config(self) -> None:
        chosen = choose_config_path(self._room.window)
        if chosen is not None:
            self._room.door.start(self._read_config(chosen))

    async def _read_config(self, path: Path) -> None:
        try:
            values: dict[str, Any] = await self._room.door.call(read_mapping, path)
        except BacktestError as error:
            self._room.tell(error.message)
            return
        self.config_read.emit(values)

    def _switch_theme(self) -> None:
        self._choose_theme("light" if self._room.theme.tokens.scheme == "dark" else "dark")

    def _follow_system(self) -> None:
        self._choose_theme("system")

    def _choose_theme(self, choice: str) -> None:
        self._room.theme.choose(choice)
        self._room.settings.setValue("theme", choice)

    def _show_changes(self) -> None:
        text = (files("resources") / "changelog.md").read_text("utf-8")
        show_text(self._room.window, self.tr("What's new"), text)

    def _copy_diagnostics(self) -> None:
        self._room.door.start(self._gather_diagnostics())

    async def _gather_diagnostics(self) -> None:
        health = await self._room.door.call(self._room.service.health)
        lines = [
            f"Tradebench {health.version}",
            f"Python {sys.version.split()[0]} on {sys.platform}",
        ]
        lines += [f"{part.name}: {part.state}: {part.message}" for part in health.parts]
        QGuiApplication.clipboard().setText("\n".join(lines))
        self._room.tell(self.tr("Diagnostics are in the clipboard."))

    def _show_about(self) -> None:
        text = self.tr(
            "Tradebench {0}\nA backtesting workbench. MIT licence.\n\n"
            "Qt for Python is used under the LGPL. Demo prices: public domain.\n"
            "Past performance says nothing certain about the future."
        )
        show_text(self._room.window, self.tr("About Tradebench"), text.format(app_version()))
