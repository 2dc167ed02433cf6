"""Item roles and alignments as plain integers: a table asks for them thousands of times while it scrolls."""

from typing import Final

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, Qt
from PySide6.QtGui import QFont

Index = QModelIndex | QPersistentModelIndex

DISPLAY: Final = int(Qt.ItemDataRole.DisplayRole)
RAW: Final = int(Qt.ItemDataRole.EditRole)
TOOL_TIP: Final = int(Qt.ItemDataRole.ToolTipRole)
ALIGNMENT: Final = int(Qt.ItemDataRole.TextAlignmentRole)
FOREGROUND: Final = int(Qt.ItemDataRole.ForegroundRole)
BACKGROUND: Final = int(Qt.ItemDataRole.BackgroundRole)
FONT: Final = int(Qt.ItemDataRole.FontRole)
ACCESSIBLE: Final = int(Qt.ItemDataRole.AccessibleTextRole)
SAMPLE: Final = int(
    Qt.ItemDataRole.UserRole
)  # of a header: texts, one a line, that its column must hold

LEFT: Final = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
RIGHT: Final = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter

NOWHERE: Final = QModelIndex()


def bold() -> QFont:
    """Return the second of the two weights; everything else is the view's font."""
    font = QFont()
    font.setWeight(QFont.Weight.DemiBold)
    return font
