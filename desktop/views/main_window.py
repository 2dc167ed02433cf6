"""The workbench: set-up on the left, the result in the middle, history below, connection lights in the status bar.

The window only holds panels and menus. What the panels say to each other is connected in `desktop.app`.
"""

from PySide6.QtCore import QByteArray, QCoreApplication, QSettings, Qt, Signal
from PySide6.QtGui import QCloseEvent
from PySide6.QtWidgets import (
    QDockWidget,
    QMainWindow,
    QSplitter,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from desktop.actions import MENUS, Actions
from desktop.views.history_panel import HistoryPanel
from desktop.views.notice_bar import NoticeBar
from desktop.views.result_view import ResultView
from desktop.views.setup_panel import SetupPanel
from desktop.views.start_page import StartPage
from desktop.views.status_bar import StatusBar

STATE_VERSION = 1
_SETUP_WIDTH = 316
_HISTORY_HEIGHT = 152


class MainWindow(QMainWindow):
    """The one main window.

    Signals:
        closing(): the person wants to leave; the window is still there.
    """

    closing = Signal()

    def __init__(
        self, actions: Actions, setup: SetupPanel, result: ResultView, history: HistoryPanel
    ) -> None:
        """Put the panels in their places."""
        super().__init__()
        self.setObjectName("main_window")
        self.setWindowTitle("Tradebench")
        self.resize(1280, 800)
        self.setup = setup
        self.result = result
        self.history = history
        self.start_page = StartPage(self)
        self.status = StatusBar(self)
        self.setStatusBar(self.status)
        self._centre = QStackedWidget(self)
        self._centre.addWidget(self.start_page)
        self._centre.addWidget(result)
        self.notice = NoticeBar(self)
        middle = QWidget(self)
        column = QVBoxLayout(middle)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.notice)
        column.addWidget(self._centre, 1)
        self._split = QSplitter(Qt.Orientation.Horizontal, self)
        self._split.setChildrenCollapsible(False)
        self._split.setHandleWidth(1)
        self._split.addWidget(setup)
        self._split.addWidget(middle)
        self._split.setStretchFactor(1, 1)
        self._split.setSizes([_SETUP_WIDTH, 1280 - _SETUP_WIDTH])
        self.setCentralWidget(self._split)
        self.history_dock = self._docked(history)
        self._fill_menus(actions)

    def show_start(self) -> None:
        """Show the page for when there is nothing to show."""
        self._centre.setCurrentWidget(self.start_page)

    def show_result(self) -> None:
        """Show the result view."""
        self._centre.setCurrentWidget(self.result)

    def save_layout(self, settings: QSettings) -> None:
        """Keep geometry, docks and splitter for the next start."""
        settings.setValue("main/geometry", self.saveGeometry())
        settings.setValue("main/docks", self.saveState(STATE_VERSION))
        settings.setValue("main/split", self._split.saveState())

    def restore_layout(self, settings: QSettings) -> None:
        """Take up geometry, docks and splitter of the last time; Qt moves a lost window onto a screen."""
        for key, restore in (
            ("main/geometry", self.restoreGeometry),
            ("main/split", self._split.restoreState),
        ):
            value = settings.value(key)
            if isinstance(value, QByteArray):
                restore(value)
        docks = settings.value("main/docks")
        if isinstance(docks, QByteArray):
            self.restoreState(docks, STATE_VERSION)

    def closeEvent(self, event: QCloseEvent) -> None:
        """Let the program end what is under way first; it closes the window itself when it is done."""
        event.ignore()
        self.closing.emit()

    def _docked(self, panel: HistoryPanel) -> QDockWidget:
        dock = QDockWidget(self.tr("History"), self)
        dock.setObjectName("history_dock")
        dock.setAccessibleName(self.tr("History"))
        dock.setTitleBarWidget(panel.bar)
        dock.setFeatures(
            QDockWidget.DockWidgetFeature.DockWidgetClosable
            | QDockWidget.DockWidgetFeature.DockWidgetMovable
        )
        dock.setWidget(panel)
        self.addDockWidget(Qt.DockWidgetArea.BottomDockWidgetArea, dock)
        self.resizeDocks([dock], [_HISTORY_HEIGHT], Qt.Orientation.Vertical)
        return dock

    def _fill_menus(self, actions: Actions) -> None:
        for name in MENUS:
            title = QCoreApplication.translate("Actions", name)
            menu = self.menuBar().addMenu(title)
            for action, separated in actions.of_menu(name):
                if separated:
                    menu.addSeparator()
                menu.addAction(action)
            if name == MENUS[1]:
                menu.addSeparator()
                menu.addAction(self.history_dock.toggleViewAction())
