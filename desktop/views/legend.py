"""Which line is which run: a piece of the line, as it is drawn, and the run's title."""

from PySide6.QtCore import QPointF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QLabel, QWidget

from desktop.charts.equity import SERIES_DASHES, series_ink
from desktop.presenters.compare import RunCurve
from desktop.tokens import Tokens

_PER_ROW = 3


class _Piece(QWidget):
    """A short piece of a line in its colour and dash."""

    def __init__(self, index: int, tokens: Tokens, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._index = index
        self.tokens = tokens
        self.setFixedSize(QSize(28, 12))

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the line."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        pen = QPen(QColor(series_ink(self._index)(self.tokens)), 2)
        dash = SERIES_DASHES[self._index // 5 % len(SERIES_DASHES)]
        if dash:
            pen.setDashPattern(list(dash))
        pen.setCapStyle(Qt.PenCapStyle.FlatCap)
        painter.setPen(pen)
        middle = self.height() / 2
        painter.drawLine(QPointF(0, middle), QPointF(self.width(), middle))


class Legend(QWidget):
    """Up to ten runs, three a row."""

    def __init__(self, tokens: Tokens, parent: QWidget | None = None) -> None:
        """Begin empty."""
        super().__init__(parent)
        self._tokens = tokens
        self._pieces: list[_Piece] = []
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(24)
        self._grid.setVerticalSpacing(4)
        self._grid.setColumnStretch(_PER_ROW, 1)

    @property
    def titles(self) -> tuple[str, ...]:
        """The titles, in the order of the runs."""
        return tuple(label.text() for label in self.findChildren(QLabel))

    def show_runs(self, curves: tuple[RunCurve, ...]) -> None:
        """Name the runs; called once for a window."""
        for index, curve in enumerate(curves):
            piece = _Piece(index, self._tokens, self)
            label = QLabel(curve.title, self)
            label.setTextFormat(Qt.TextFormat.PlainText)
            label.setToolTip(curve.run_id)
            row = QHBoxLayout()
            row.setSpacing(8)
            row.addWidget(piece)
            row.addWidget(label)
            self._grid.addLayout(row, index // _PER_ROW, index % _PER_ROW)
            self._pieces.append(piece)

    def set_tokens(self, tokens: Tokens) -> None:
        """Take other colours."""
        self._tokens = tokens
        for piece in self._pieces:
            piece.tokens = tokens
            piece.update()
