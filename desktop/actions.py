"""The table of commands: every QAction is made here once and shared by menus, shortcuts and context menus."""

from dataclasses import dataclass
from enum import StrEnum

from PySide6.QtCore import QCoreApplication, QObject
from PySide6.QtGui import QAction, QKeySequence

from desktop.messages import QT_TRANSLATE_NOOP

_TR = "Actions"


class Command(StrEnum):
    """What a person can ask of the main window."""

    NEW_RUN = "new_run"
    OPEN_CONFIG = "open_config"
    EXPORT_TRADES = "export_trades"
    QUIT = "quit"
    RUN = "run"
    STOP = "stop"
    DEMO = "demo"
    COMPARE = "compare"
    SWITCH_THEME = "switch_theme"
    FOLLOW_SYSTEM = "follow_system"
    CONNECTIONS = "connections"
    SYNC_NOW = "sync_now"
    WHATS_NEW = "whats_new"
    ABOUT = "about"
    COPY_DIAGNOSTICS = "copy_diagnostics"


@dataclass(frozen=True)
class _Entry:
    command: Command
    menu: str
    text: str
    keys: tuple[str, ...] = ()
    standard: QKeySequence.StandardKey | None = None
    role: QAction.MenuRole = QAction.MenuRole.NoRole
    separated: bool = False


_FILE = QT_TRANSLATE_NOOP(_TR, "&File")
_RUN = QT_TRANSLATE_NOOP(_TR, "&Run")
_VIEW = QT_TRANSLATE_NOOP(_TR, "&View")
_COMPARE = QT_TRANSLATE_NOOP(_TR, "&Compare")
_TOOLS = QT_TRANSLATE_NOOP(_TR, "&Tools")
_HELP = QT_TRANSLATE_NOOP(_TR, "&Help")

MENUS: tuple[str, ...] = (_FILE, _VIEW, _RUN, _COMPARE, _TOOLS, _HELP)

_ENTRIES: tuple[_Entry, ...] = (
    _Entry(
        Command.NEW_RUN,
        _FILE,
        QT_TRANSLATE_NOOP(_TR, "&New run"),
        standard=QKeySequence.StandardKey.New,
    ),
    _Entry(
        Command.OPEN_CONFIG,
        _FILE,
        QT_TRANSLATE_NOOP(_TR, "&Open configuration…"),
        standard=QKeySequence.StandardKey.Open,
    ),
    _Entry(
        Command.EXPORT_TRADES,
        _FILE,
        QT_TRANSLATE_NOOP(_TR, "&Export trades…"),
        ("Ctrl+E",),
        separated=True,
    ),
    _Entry(
        Command.QUIT,
        _FILE,
        QT_TRANSLATE_NOOP(_TR, "&Quit"),
        standard=QKeySequence.StandardKey.Quit,
        role=QAction.MenuRole.QuitRole,
        separated=True,
    ),
    _Entry(
        Command.SWITCH_THEME,
        _VIEW,
        QT_TRANSLATE_NOOP(_TR, "&Switch light and dark"),
        ("Ctrl+Shift+L",),
    ),
    _Entry(
        Command.FOLLOW_SYSTEM, _VIEW, QT_TRANSLATE_NOOP(_TR, "&Follow the system's light and dark")
    ),
    _Entry(Command.RUN, _RUN, QT_TRANSLATE_NOOP(_TR, "&Run"), ("Ctrl+R", "F5")),
    _Entry(Command.STOP, _RUN, QT_TRANSLATE_NOOP(_TR, "&Stop"), ("Ctrl+.",)),
    _Entry(Command.DEMO, _RUN, QT_TRANSLATE_NOOP(_TR, "Set up the &demo"), separated=True),
    _Entry(
        Command.COMPARE, _COMPARE, QT_TRANSLATE_NOOP(_TR, "&Compare selected runs"), ("Ctrl+D",)
    ),
    _Entry(Command.CONNECTIONS, _TOOLS, QT_TRANSLATE_NOOP(_TR, "&Connections…")),
    _Entry(Command.SYNC_NOW, _TOOLS, QT_TRANSLATE_NOOP(_TR, "&Send waiting runs now")),
    _Entry(Command.WHATS_NEW, _HELP, QT_TRANSLATE_NOOP(_TR, "&What's new")),
    _Entry(Command.COPY_DIAGNOSTICS, _HELP, QT_TRANSLATE_NOOP(_TR, "Copy &diagnostics")),
    _Entry(
        Command.ABOUT,
        _HELP,
        QT_TRANSLATE_NOOP(_TR, "&About Tradebench"),
        role=QAction.MenuRole.AboutRole,
        separated=True,
    ),
)


class Actions(QObject):
    """All commands as QActions; index by `Command`."""

    def __init__(self, parent: QObject | None = None) -> None:
        """Make every action once."""
        super().__init__(parent)
        self._actions: dict[Command, QAction] = {}
        for entry in _ENTRIES:
            action = QAction(QCoreApplication.translate(_TR, entry.text), self)
            action.setMenuRole(entry.role)
            if entry.standard is not None:
                action.setShortcuts(QKeySequence.keyBindings(entry.standard))
            else:
                action.setShortcuts([QKeySequence(key) for key in entry.keys])
            self._actions[entry.command] = action

    def __getitem__(self, command: Command) -> QAction:
        """Return the one action of a command."""
        return self._actions[command]

    def of_menu(self, menu: str) -> list[tuple[QAction, bool]]:
        """Return a menu's actions in order, each with whether a separator goes before it."""
        return [(self._actions[e.command], e.separated) for e in _ENTRIES if e.menu == menu]
