"""Icons: our own SVG set, drawn in a token's colour; the product's icon keeps its own."""

from functools import cache
from importlib import resources
from typing import Final

from PySide6.QtCore import QBuffer, QByteArray, QIODevice, QSize
from PySide6.QtGui import QIcon, QImage, QImageReader, QPixmap

from desktop.tokens import Tokens

SIZES: Final = (16, 20, 24, 32, 48)
PRODUCT_SIZES: Final = (16, 24, 32, 48, 64, 128, 256)


def icon(name: str, tokens: Tokens, ink: str = "") -> QIcon:
    """Return an icon of ``resources/icons`` in a token (the text's when none is given); faint where disabled."""
    svg = _source(name)
    found = QIcon()
    for mode, colour in (
        (QIcon.Mode.Normal, ink or tokens.text),
        (QIcon.Mode.Disabled, tokens.border),
    ):
        for size in SIZES:
            found.addPixmap(_pixmap(svg.replace("currentColor", colour), size), mode)
    return found


def product_icon() -> QIcon:
    """Return the icon of the window and of the taskbar."""
    found = QIcon()
    for size in PRODUCT_SIZES:
        found.addPixmap(_pixmap(_source("tradebench-small" if size <= 20 else "tradebench"), size))
    return found


@cache
def _source(name: str) -> str:
    return resources.files("resources").joinpath("icons", f"{name}.svg").read_text("utf-8")


def _pixmap(svg: str, size: int) -> QPixmap:
    buffer = QBuffer()
    buffer.setData(QByteArray(svg.encode()))
    buffer.open(QIODevice.OpenModeFlag.ReadOnly)
    reader = QImageReader(buffer, QByteArray(b"svg"))
    reader.setScaledSize(QSize(size, size))
    image: QImage = reader.read()
    return QPixmap.fromImage(image)
