"""Every control can be named by a screen reader and read by the eye at the default size."""

from collections.abc import Iterator

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QAbstractSpinBox,
    QComboBox,
    QLabel,
    QLineEdit,
    QPushButton,
    QStyle,
    QStyleOptionButton,
    QWidget,
)

from desktop.presenters.logins import PasswordQuestion
from desktop.views.password_dialog import PasswordDialog
from storage.profiles import make_profile
from tests.desktop.workbench import Desk

INTERACTIVE = (QAbstractButton, QLineEdit, QComboBox, QAbstractSpinBox, QAbstractItemView)


def windows(desk: Desk) -> Iterator[QWidget]:
    """Open every window there is, with something in it."""
    desk.set_up()
    desk.run_to_end()
    desk.run_to_end()
    yield desk.bench.window
    desk.select_runs(0, 1)
    desk.press(Qt.Key.Key_D)
    desk.wait_idle()
    yield desk.bench.compare_windows[-1]
    dialog = desk.bench.open_connections()
    desk.wait_idle()
    yield dialog
    profile = make_profile({"name": "Prices", "database": "market", "user": "trader"})
    asks = PasswordDialog(PasswordQuestion(profile, "The keyring has no password."), dialog)
    asks.show()
    yield asks


def nameless(window: QWidget) -> list[str]:
    return [
        f"{type(one).__name__} in {type(one.parent()).__name__}"
        for one in window.findChildren(QWidget)
        if isinstance(one, INTERACTIVE)
        and one.isVisible()
        and one.isEnabled()
        and one.focusPolicy() != Qt.FocusPolicy.NoFocus
        and not (one.accessibleName() or (isinstance(one, QAbstractButton) and one.text()))
    ]


def clipped(window: QWidget) -> list[str]:
    return [
        f"{type(one).__name__} {one.text()!r}: {needed(one)} > {room(one)}"
        for one in window.findChildren(QWidget)
        if isinstance(one, QLabel | QPushButton)
        and one.isVisible()
        and one.text()
        and needed(one) > room(one)
    ]


def needed(one: QLabel | QPushButton) -> int:
    """Return the pixels that the longest line of a text takes; of a label that wraps, the longest word."""
    wraps = isinstance(one, QLabel) and one.wordWrap()
    parts = (
        one.text().replace("&", "").split() if wraps else one.text().replace("&", "").splitlines()
    )
    return max((one.fontMetrics().horizontalAdvance(part) for part in parts), default=0)


def room(one: QLabel | QPushButton) -> int:
    if isinstance(one, QLabel):
        return one.contentsRect().width() + 1
    option = QStyleOptionButton()
    one.initStyleOption(option)
    inner = one.style().subElementRect(QStyle.SubElement.SE_PushButtonContents, option, one)
    return inner.width() + 1


@pytest.fixture
def everything(desk: Desk) -> list[QWidget]:
    return list(windows(desk))


def test_every_control_has_a_name(everything: list[QWidget]) -> None:
    assert [nameless(window) for window in everything] == [[], [], [], []]


def test_no_text_is_clipped_at_the_default_size(everything: list[QWidget]) -> None:
    assert [clipped(window) for window in everything] == [[], [], [], []]


def test_the_start_page_is_readable_too(desk: Desk) -> None:
    assert nameless(desk.bench.window) == []
    assert clipped(desk.bench.window) == []


def test_the_keyboard_reaches_run_from_the_strategy(desk: Desk) -> None:
    panel = desk.bench.window.setup
    panel.strategy.setFocus()
    seen = []

    for _ in range(60):
        focused = desk.bench.window.focusWidget()
        seen.append(focused)
        desk.qtbot.keyClick(focused, Qt.Key.Key_Tab, Qt.KeyboardModifier.NoModifier)

    assert panel.run_button() in seen
    assert desk.line("strategy.params.fast") in seen
    assert desk.line("data.symbols") in seen
    order = [seen.index(desk.line(p)) for p in ("strategy.params.fast", "strategy.params.slow")]
    assert order == sorted(order)
    assert seen.index(desk.line("strategy.params.slow")) < seen.index(desk.line("data.symbols"))
