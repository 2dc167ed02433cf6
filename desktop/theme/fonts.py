"""The system's font in four sizes and two weights, with figures of one width."""

from typing import Final, Literal

from PySide6.QtGui import QFont, QGuiApplication

Role = Literal["caption", "body", "heading", "key"]

PIXELS: Final[dict[Role, int]] = {"caption": 11, "body": 13, "heading": 15, "key": 24}
_TABULAR: Final = QFont.Tag("tnum")


def font(role: Role = "body", *, strong: bool = False, scale: float | None = None) -> QFont:
    """Return the application's font in the size of a role.

    Args:
        role: caption 11, body 13, heading 15, key number 24 pixels at a scale of one.
        strong: the second of the two weights.
        scale: how much larger than designed; None follows the application's font.
    """
    found = QFont(QGuiApplication.font())
    if scale is None:
        body = found.pixelSize()
        scale = body / PIXELS["body"] if body > 0 else 1.0
    found.setPixelSize(max(6, round(PIXELS[role] * scale)))
    found.setWeight(QFont.Weight.DemiBold if strong else QFont.Weight.Normal)
    found.setFeature(_TABULAR, 1)
    return found
