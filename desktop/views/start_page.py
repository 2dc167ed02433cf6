"""What stands in the middle before there is a result: what will be here, and the one thing to do."""

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QLabel, QPushButton, QVBoxLayout, QWidget


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
        for widget in (title, text, self.demo, hint):
            layout.addWidget(widget, 0, Qt.AlignmentFlag.AlignHCenter)
        layout.addStretch(3)
