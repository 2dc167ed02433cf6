"""The returns of months and years as a heat map: a row a year, a column a month, the whole year at the end.

Colour says how much, from the neutral surface to a tint of gain or loss; the sign in the cell says which.
"""

import calendar
from collections.abc import Sequence
from typing import Any, Final

from PySide6.QtCore import QAbstractTableModel, QCoreApplication, QObject, Qt
from PySide6.QtGui import QColor

from desktop import fmt
from desktop.models.roles import (
    ACCESSIBLE,
    ALIGNMENT,
    BACKGROUND,
    DISPLAY,
    FONT,
    FOREGROUND,
    LEFT,
    NOWHERE,
    RAW,
    RIGHT,
    SAMPLE,
    TOOL_TIP,
    Index,
    bold,
)
from desktop.tokens import Tokens, rgb
from engine.statistics.calendar import YearOfReturns

STRONGEST: Final = 0.45  # how far a tint goes from the surface towards the colour of gain or loss
_WITHOUT_DECIMALS: Final = 100.0  # percent; a decimal would only make the columns wider
YEAR: Final = 0
TOTAL: Final = 13


class MonthsModel(QAbstractTableModel):
    """Years under each other; the tint of a month is by the largest month, that of a year by the largest year."""

    def __init__(self, tokens: Tokens, parent: QObject | None = None) -> None:
        """Begin without years."""
        super().__init__(parent)
        self._years: Sequence[YearOfReturns] = ()
        self._most_month = self._most_year = 0.0
        self._tokens = tokens

    def set_years(self, years: Sequence[YearOfReturns]) -> None:
        """Show other years."""
        self.beginResetModel()
        self._years = years
        months = [abs(rate) for year in years for rate in year.months if rate is not None]
        self._most_month = max(months, default=0.0)
        self._most_year = max((abs(y.total) for y in years if y.total is not None), default=0.0)
        self.endResetModel()

    def set_tokens(self, tokens: Tokens) -> None:
        """Take other colours."""
        self._tokens = tokens
        if self._years:
            last = self.index(len(self._years) - 1, TOTAL)
            self.dataChanged.emit(self.index(0, 0), last, [BACKGROUND, FOREGROUND])

    def rowCount(self, parent: Index = NOWHERE) -> int:
        """Return the number of years."""
        return 0 if parent.isValid() else len(self._years)

    def columnCount(self, parent: Index = NOWHERE) -> int:
        """Return the year, its months and the whole."""
        return 0 if parent.isValid() or not self._years else TOTAL + 1

    def data(self, index: Index, role: int = DISPLAY) -> Any:
        """Return what a cell has to say in a role."""
        if not index.isValid():
            return None
        year, column = self._years[index.row()], index.column()
        if role == ALIGNMENT:
            return LEFT if column == YEAR else RIGHT
        if role == FONT:
            return bold() if column in (YEAR, TOTAL) else None
        if column == YEAR:
            return str(year.year) if role in (DISPLAY, RAW, ACCESSIBLE) else None
        return self._rate(year, column, role)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = DISPLAY) -> Any:
        """Return what a header has to say in a role."""
        if orientation is not Qt.Orientation.Horizontal:
            return None
        if role == DISPLAY:
            return self._title(section)
        if role == ALIGNMENT:
            return LEFT if section == YEAR else RIGHT
        if role == SAMPLE:
            return "2000" if section == YEAR else "−1,000"
        return None

    def _title(self, column: int) -> str:
        if column == YEAR:
            return self.tr("in %")
        return self.tr("Year") if column == TOTAL else calendar.month_abbr[column]

    def _rate(self, year: YearOfReturns, column: int, role: int) -> Any:
        rate = year.total if column == TOTAL else year.months[column - 1]
        most = self._most_year if column == TOTAL else self._most_month
        match role:
            case _ if role == DISPLAY:
                return self._text(year, column, rate)
            case _ if role == RAW:
                return rate
            case _ if role == TOOL_TIP:
                return self._tip(year, column, rate)
            case _ if role == BACKGROUND and rate:
                return QColor(tint(self._tokens, rate / most if most else 0.0))
            case _ if role == ACCESSIBLE:
                return self._tip(year, column, rate)
        return None

    def _text(self, year: YearOfReturns, column: int, rate: float | None) -> str:
        if rate is None and year.undefined.get(column) == "no bar":
            return ""
        percent = None if rate is None else 100.0 * rate
        decimals = 0 if percent is not None and abs(percent) >= _WITHOUT_DECIMALS else 1
        return fmt.number(percent, decimals, sign=True)

    def _tip(self, year: YearOfReturns, column: int, rate: float | None) -> str:
        if rate is not None:
            return f"{self._name(year, column)}: {fmt.percent(rate, sign=True)}"
        why = year.undefined.get(0 if column == TOTAL else column, "")
        text = QCoreApplication.translate("MonthsModel", "{name}: no return, {why}")
        return text.format(name=self._name(year, column), why=why)

    def _name(self, year: YearOfReturns, column: int) -> str:
        return str(year.year) if column == TOTAL else f"{year.year}-{column:02d}"


def tint(tokens: Tokens, share: float) -> str:
    """Return the ground of a cell: the surface for 0, the strongest tint of gain for 1, of loss for -1.

    The root of the share: half of the largest month still shows as more than half a tint.
    """
    colour = tokens.up if share > 0 else tokens.down
    weight = STRONGEST * min(abs(share), 1.0) ** 0.5
    mixed = (
        round(ink * weight + ground * (1 - weight))
        for ink, ground in zip(rgb(colour), rgb(tokens.surface), strict=True)
    )
    return "#" + "".join(f"{part:02x}" for part in mixed)
