"""What stands in the middle before there is a result: what will be here, and the one thing to do."""

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeySequence
from PySide6.QtWidgets import QGridLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from desktop.theme.icons import product_icon

_MARK = 48  # pixels of the product's icon


class StartPage(QWidget):
    """The empty state of the result area.

    Signals:
        demo_requested(): the person wants to try the bundled data.
    """

    demo_requested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        """Build the page."""
        super().__init__(parent)
        self.setProperty("role", "page")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        mark = QLabel(self)
        mark.setPixmap(product_icon().pixmap(_MARK, _MARK))
        title = QLabel(self.tr("Your result will be here"), self)
        title.setProperty("role", "title")
        text = QLabel(
            self.tr(
                "Set up a run on the left and press Run. The equity curve grows while the run goes on;\n"
                "drawdown, trades and metrics follow, and every run is kept in the history below."
            ),
            self,
        )
        text.setProperty("role", "quiet")
        text.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        self.demo = QPushButton(self.tr("Try with demo data"), self)
        self.demo.setProperty("primary", True)
        self.demo.setAccessibleDescription(
            self.tr("Fills in a run on five US stocks, 2000 to 2013, that ship with the program")
        )
        self.demo.clicked.connect(self.demo_requested)
        hint = QLabel(
            self.tr("Five US stocks, 2000 – 2013, public domain. Nothing to install."), self
        )
        hint.setProperty("role", "caption")
        layout = QVBoxLayout(self)
        layout.setSpacing(8)
        layout.addStretch(2)
        for widget, below in ((mark, 8), (title, 0), (text, 8), (self.demo, 0), (hint, 24)):
            layout.addWidget(widget, 0, Qt.AlignmentFlag.AlignHCenter)
            layout.addSpacing(below)
        layout.addLayout(self._make_ways())
        layout.addStretch(3)

    def _make_ways(self) -> QGridLayout:
        """Say what else can be done from here, and by which keys."""
        ways = (
            ("Ctrl+R", self.tr("run what is set up on the left")),
            ("Ctrl+O", self.tr("open a configuration from a file")),
            ("Ctrl+D", self.tr("compare the runs selected in the history")),
        )
        grid = QGridLayout()
        grid.setHorizontalSpacing(12)
        grid.setVerticalSpacing(4)
        for row, (keys, words) in enumerate(ways):
            native = QKeySequence(keys).toString(QKeySequence.SequenceFormat.NativeText)
            for column, (said, role) in enumerate(((native, "keys"), (words, "quiet"))):
                label = QLabel(said, self)
                label.setProperty("role", role)
                grid.addWidget(label, row, column)
        grid.setColumnStretch(1, 1)
        box = QGridLayout()
        box.setColumnStretch(0, 1)
        box.addLayout(grid, 0, 1)
        box.setColumnStretch(2, 1)
        return box
