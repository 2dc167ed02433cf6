"""The style sheet, written from tokens: a 4 px grid, controls 28 high, corners of 4, hairlines of 1, focus rings of 2.

Widgets take part through dynamic properties: ``primary`` (the one main action of a view), ``danger`` (Stop),
``dense`` (controls 24 high), ``invalid`` (a field with an error), ``role`` (caption, heading, key, error, warn, badge)
and ``change`` (up, down) of a label, ``panel`` of a frame.
"""

from importlib import resources
from pathlib import Path

from desktop.theme.fonts import PIXELS
from desktop.tokens import Tokens, rgb, rgba


def style_sheet(tokens: Tokens, scale: float = 1.0) -> str:
    """Return the style sheet of the whole application.

    Args:
        tokens: the colours.
        scale: size of text and controls, 1 as designed.
    """
    parts = (
        _frames(tokens),
        _labels(tokens, scale),
        _buttons(tokens, scale),
        _fields(tokens, scale),
        _ticks(tokens, scale),
        _tables(tokens, scale),
        _tabs(tokens, scale),
        _menus(tokens, scale),
        _small(tokens, scale),
    )
    return "\n".join(parts)


def _px(value: float, scale: float) -> str:
    return f"{max(1, round(value * scale))}px"


def _over(colour: str, ground: str, share: float) -> str:
    """Return a colour laid thinly on a ground, opaque: Qt paints the ground of a cell more than once."""
    parts = zip(rgb(colour), rgb(ground), strict=True)
    return "#" + "".join(f"{round(one * share + other * (1 - share)):02x}" for one, other in parts)


def _arrow(name: str, tokens: Tokens) -> str:
    """Return the path of a small glyph drawn in the scheme's muted or accent text colour."""
    path = Path(str(resources.files("resources").joinpath("icons", tokens.scheme, f"{name}.svg")))
    return f'url("{path.as_posix()}")'


def _frames(t: Tokens) -> str:
    return f"""
QMainWindow, QDialog {{ background: {t.window}; }}
QFrame[panel="true"], QWidget[panel="true"] {{
  background: {t.surface}; border: 1px solid {t.border}; border-radius: 4px; }}
QFrame[frameShape="4"], QFrame[frameShape="5"] {{ color: {t.border}; }}
QMainWindow::separator {{ background: {t.border}; width: 1px; height: 1px; }}
QMainWindow::separator:hover {{ background: {t.accent}; }}
QSplitter::handle {{ background: {t.border}; }}
QSplitter::handle:hover, QSplitter::handle:pressed {{ background: {t.accent}; }}
QScrollArea {{ background: transparent; border: none; }}
QWidget[role="panel"], QWidget[role="foot"] {{ background: {t.surface}; }}
QWidget[role="notice"] {{ background: {t.raised}; border-bottom: 1px solid {t.border}; }}
QWidget[role="foot"] {{ border-top: 1px solid {t.border}; }}
QWidget[role="page"] {{ background: {t.window}; }}
QWidget[role="head"] {{ background: {t.window}; }}
QScrollArea > QWidget > QWidget[transparent="true"] {{ background: transparent; }}
QDockWidget {{ color: {t.muted}; font-weight: 600; }}
QDockWidget::title {{
  background: {t.window}; padding: 6px 12px; text-align: left;
  border-bottom: 1px solid {t.border}; }}
QGroupBox {{
  border: none; border-top: 1px solid {t.border}; margin-top: 20px; padding: 8px 0 0 0;
  font-weight: 600; }}
QGroupBox::title {{
  subcontrol-origin: margin; subcontrol-position: top left; padding: 0 8px 4px 0; color: {t.text}; }}
"""


def _labels(t: Tokens, scale: float) -> str:
    return f"""
QLabel {{ background: transparent; }}
QLabel[role="caption"] {{ color: {t.muted}; font-size: {_px(PIXELS["caption"], scale)}; }}
QLabel[role="heading"] {{ font-size: {_px(PIXELS["heading"], scale)}; font-weight: 600; }}
QLabel[role="key"] {{ font-size: {_px(PIXELS["key"], scale)}; font-weight: 600; }}
QLabel[role="error"] {{ color: {t.red}; font-size: {_px(PIXELS["caption"], scale)}; }}
QLabel[role="warn"] {{ color: {t.warn}; font-size: {_px(PIXELS["caption"], scale)}; }}
QLabel[role="badge"] {{ color: {t.warn}; border: 1px solid {t.warn}; border-radius: 4px; padding: 0 6px;
  font-size: {_px(PIXELS["caption"], scale)}; font-weight: 600; }}
QLabel[role="title"] {{ font-size: {_px(PIXELS["heading"], scale)}; font-weight: 600; }}
QLabel[role="calm"] {{ color: {t.muted}; font-weight: 600; }}
QLabel[role="quiet"], QLabel[role="unit"] {{ color: {t.muted}; }}
QLabel[role="keys"] {{ color: {t.text}; background: {t.raised}; border: 1px solid {t.border}; border-radius: 4px;
  padding: 1px 6px; font-size: {_px(PIXELS["caption"], scale)}; }}
QLabel[role="light"] {{ color: {t.muted}; padding: 0 6px; }}
QLabel[role="light"][level="ok"] {{ color: {t.text}; }}
QLabel[role="light"][level="warn"] {{ color: {t.warn}; }}
QLabel[role="light"][level="bad"] {{ color: {t.red}; }}
QLabel[change="up"] {{ color: {t.up}; }}
QLabel[change="down"] {{ color: {t.down}; }}
QLabel[change="none"] {{ color: {t.muted}; }}
"""


def _buttons(t: Tokens, scale: float) -> str:
    inner = _px(26, scale)
    return f"""
QPushButton {{ background: {t.raised}; color: {t.text}; border: 1px solid {t.border}; border-radius: 4px;
  min-height: {inner}; padding: 0 12px; outline: none; }}
QPushButton[dense="true"] {{ min-height: {_px(22, scale)}; padding: 0 8px; }}
QPushButton:hover {{ border-color: {t.muted}; }}
QPushButton:pressed, QPushButton:checked {{ background: {t.border}; }}
QPushButton:disabled {{ color: {rgba(t.muted, 0.6)}; background: transparent; }}
QPushButton:focus {{ border: 2px solid {t.focus}; padding: 0 11px; min-height: {_px(24, scale)}; }}
QPushButton[dense="true"]:focus {{ padding: 0 7px; min-height: {_px(20, scale)}; }}
QPushButton[primary="true"] {{
  background: {t.accent}; color: {t.on_accent}; border-color: {t.accent}; font-weight: 600; }}
QPushButton[primary="true"]:hover {{ background: {rgba(t.accent, 0.88)}; }}
QPushButton[primary="true"]:pressed {{ background: {rgba(t.accent, 0.76)}; }}
QPushButton[primary="true"]:focus {{ border-color: {t.text}; }}
QPushButton[primary="true"]:disabled {{
  background: {t.border}; color: {t.muted}; border-color: {t.border}; }}
QPushButton[danger="true"] {{
  background: {t.surface}; color: {t.red}; border-color: {t.red}; font-weight: 600; }}
QPushButton[danger="true"]:hover {{ background: {rgba(t.red, 0.12)}; }}
QPushButton[danger="true"]:focus {{ border-color: {t.focus}; }}
QPushButton:flat {{ background: transparent; border-color: transparent; }}
QPushButton:flat:hover {{ background: {t.raised}; }}
QPushButton:flat:focus {{ border-color: {t.focus}; }}
QPushButton[role="fold"] {{ font-weight: 600; text-align: left; padding: 0 6px 0 0; border: none;
  background: transparent; min-height: {_px(24, scale)}; }}
QPushButton[role="fold"]:hover {{ color: {t.accent}; }}
QPushButton[role="fold"]:focus {{ color: {t.focus}; border: none; border-bottom: 2px solid {t.focus};
  min-height: {_px(22, scale)}; padding: 0 6px 0 0; }}
QToolButton {{ background: transparent; color: {t.text}; border: 1px solid transparent; border-radius: 4px;
  min-height: {_px(22, scale)}; padding: 0 6px; }}
QToolButton:hover {{ background: {t.raised}; }}
QToolButton:checked, QToolButton:pressed {{ background: {t.raised}; border-color: {t.border}; }}
QToolButton:focus {{ border: 2px solid {t.focus}; padding: 0 5px; min-height: {_px(20, scale)}; }}
QToolButton:disabled {{ color: {rgba(t.muted, 0.6)}; }}
"""


_FIELDS = (
    "QLineEdit",
    "QComboBox",
    "QSpinBox",
    "QDoubleSpinBox",
    "QDateEdit",
    "QDateTimeEdit",
    "QPlainTextEdit",
    "QTextEdit",
)
_ONE_LINE = _FIELDS[:6]
_SPINS = ("QSpinBox", "QDoubleSpinBox", "QDateEdit", "QDateTimeEdit")


def _each(names: tuple[str, ...], suffix: str = "") -> str:
    return ", ".join(f"{name}{suffix}" for name in names)


def _fields(t: Tokens, scale: float) -> str:
    return f"""
{_each(_FIELDS)} {{ background: {t.surface}; color: {t.text}; border: 1px solid {t.border}; border-radius: 4px;
  padding: 0 7px; selection-background-color: {t.accent}; selection-color: {t.on_accent}; }}
{_each(_ONE_LINE)} {{ min-height: {_px(26, scale)}; }}
{_each(_ONE_LINE, '[dense="true"]')} {{ min-height: {_px(22, scale)}; }}
{_each(_FIELDS, ":hover")} {{ border-color: {t.muted}; }}
{_each(_FIELDS, ":focus")} {{ border: 2px solid {t.focus}; padding: 0 6px; }}
{_each(_ONE_LINE, ":focus")} {{ min-height: {_px(24, scale)}; }}
{_each(_ONE_LINE, '[dense="true"]:focus')} {{ min-height: {_px(20, scale)}; }}
{_each(_FIELDS, ":disabled")} {{ color: {rgba(t.muted, 0.7)}; background: {t.window}; }}
{_each(_FIELDS, ":read-only")} {{ background: {t.window}; }}
QPlainTextEdit[role="notes"] {{ background: {t.surface}; border: 2px solid {t.surface}; border-radius: 0;
  padding: 4px 6px; }}
QPlainTextEdit[role="notes"]:focus {{ border-color: {t.focus}; padding: 4px 6px; }}
QComboBox:read-only {{ background: {t.surface}; }}
{_each(_FIELDS, '[invalid="true"]')} {{
  border: 1px solid {t.red}; background: {rgba(t.red, 0.08)}; }}
{_each(_FIELDS, '[invalid="true"]:focus')} {{ border: 2px solid {t.red}; }}
QComboBox::drop-down {{
  subcontrol-origin: padding; subcontrol-position: center right; width: 20px; border: none; }}
QComboBox::down-arrow {{ image: {_arrow("chevron-down", t)}; width: 12px; height: 12px; }}
QComboBox QAbstractItemView {{ background: {t.surface}; color: {t.text}; border: 1px solid {t.border}; padding: 4px;
  outline: none; selection-background-color: {rgba(t.accent, 0.22)}; selection-color: {t.text}; }}
QComboBox QAbstractItemView::item {{ min-height: {_px(24, scale)}; padding: 0 4px; }}
{_each(_SPINS, "::up-button")} {{
  subcontrol-origin: border; subcontrol-position: top right; width: 20px; border: none; }}
{_each(_SPINS, "::down-button")} {{
  subcontrol-origin: border; subcontrol-position: bottom right; width: 20px; border: none; }}
{_each(_SPINS, "::up-arrow")} {{ image: {_arrow("chevron-up", t)}; width: 10px; height: 10px; }}
{_each(_SPINS, "::down-arrow")} {{ image: {_arrow("chevron-down", t)}; width: 10px; height: 10px; }}
QDateEdit::drop-down, QDateTimeEdit::drop-down {{
  border: none; width: 20px; subcontrol-position: center right; }}
QDateEdit::down-arrow, QDateTimeEdit::down-arrow {{
  image: {_arrow("chevron-down", t)}; width: 12px; height: 12px; }}
"""


def _ticks(t: Tokens, scale: float) -> str:
    size = _px(14, scale)
    return f"""
QCheckBox, QRadioButton {{ spacing: 8px; min-height: {_px(24, scale)}; }}
QCheckBox:disabled, QRadioButton:disabled {{ color: {rgba(t.muted, 0.7)}; }}
QCheckBox::indicator, QRadioButton::indicator {{
  width: {size}; height: {size}; border: 1px solid {t.muted}; background: {t.surface}; }}
QCheckBox::indicator {{ border-radius: 3px; }}
QRadioButton::indicator {{ border-radius: {_px(8, scale)}; }}
QCheckBox::indicator:hover, QRadioButton::indicator:hover {{ border-color: {t.accent}; }}
QCheckBox::indicator:checked {{
  background: {t.accent}; border-color: {t.accent}; image: {_arrow("check", t)}; }}
QRadioButton::indicator:checked {{ background: {t.surface}; border: {_px(5, scale)} solid {t.accent};
  width: {_px(6, scale)}; height: {_px(6, scale)}; }}
QCheckBox::indicator:focus, QRadioButton::indicator:focus {{
  border: 2px solid {t.focus}; width: {_px(12, scale)}; height: {_px(12, scale)}; }}
QRadioButton::indicator:checked:focus {{
  border: {_px(5, scale)} solid {t.focus}; width: {_px(6, scale)}; height: {_px(6, scale)}; }}
"""


def _tables(t: Tokens, scale: float) -> str:
    return f"""
QAbstractItemView {{ background: {t.surface}; alternate-background-color: {t.surface}; color: {t.text};
  border: 2px solid {t.surface}; outline: none; gridline-color: {t.grid};
  selection-background-color: transparent; selection-color: {t.text}; }}
QAbstractItemView:focus {{ border-color: {t.focus}; }}
QTableView::item, QTreeView::item, QListView::item {{
  padding: 0 7px; border: none; border-bottom: 1px solid {t.grid}; }}
QTableView[dense="true"]::item {{ padding: 0 2px; }}
QTreeView::item, QListView::item {{ min-height: {_px(27, scale)}; }}
QTableView::item:hover, QTreeView::item:hover, QListView::item:hover {{ background: {t.raised}; }}
QTableView::item:selected, QTreeView::item:selected, QListView::item:selected {{
  background: {_over(t.accent, t.surface, 0.26)}; color: {t.text}; }}
QHeaderView {{ background: {t.raised}; border: none; }}
QTableView[dense="true"] QHeaderView::section {{ padding: 0 5px; }}
QHeaderView::section {{ background: {t.raised}; color: {t.muted}; border: none; border-bottom: 1px solid {t.border};
  padding: 0 10px; min-height: {_px(27, scale)}; font-size: {_px(PIXELS["caption"], scale)}; font-weight: 600; }}
QHeaderView::section:hover {{ color: {t.text}; }}
QHeaderView::up-arrow {{ image: {_arrow("chevron-up", t)}; width: 10px; height: 10px; }}
QHeaderView::down-arrow {{ image: {_arrow("chevron-down", t)}; width: 10px; height: 10px; }}
QTableCornerButton::section {{ background: {t.raised}; border: none; }}
"""


def _tabs(t: Tokens, scale: float) -> str:
    return f"""
QTabWidget::pane {{ border: none; border-top: 1px solid {t.border}; background: {t.surface}; }}
QTabBar {{ background: transparent; qproperty-drawBase: 0; }}
QTabBar::tab {{ background: transparent; color: {t.muted}; border: none; border-bottom: 2px solid transparent;
  min-height: {_px(26, scale)}; padding: 0 12px; }}
QTabBar::tab:hover {{ color: {t.text}; }}
QTabBar::tab:selected {{ color: {t.text}; border-bottom-color: {t.accent}; font-weight: 600; }}
QTabBar::tab:focus {{ border: 2px solid {t.focus}; border-radius: 4px; }}
"""


def _menus(t: Tokens, scale: float) -> str:
    return f"""
QMenuBar {{ background: {t.window}; color: {t.text}; padding: 2px 4px; }}
QMenuBar::item {{ background: transparent; padding: 4px 8px; border-radius: 4px; }}
QMenuBar::item:selected {{ background: {t.raised}; }}
QMenu {{ background: {t.surface}; color: {t.text}; border: 1px solid {t.border}; padding: 4px; }}
QMenu::item {{ min-height: {_px(24, scale)}; padding: 0 24px 0 12px; border-radius: 4px; }}
QMenu::item:selected {{ background: {rgba(t.accent, 0.22)}; }}
QMenu::item:disabled {{ color: {rgba(t.muted, 0.7)}; }}
QMenu::separator {{ height: 1px; background: {t.border}; margin: 4px 8px; }}
QMenu::icon {{ padding-left: 8px; }}
QMenu::indicator {{ width: 12px; height: 12px; left: 6px; }}
QMenu::indicator:checked {{ image: {_arrow("tick", t)}; }}
QToolBar {{ background: {t.window}; border: none; spacing: 4px; padding: 4px; }}
QStatusBar {{ background: {t.window}; color: {t.muted}; border-top: 1px solid {t.border}; }}
QStatusBar::item {{ border: none; }}
QToolTip {{
  background: {t.raised}; color: {t.text}; border: 1px solid {t.border}; padding: 4px 8px; }}
"""


def _small(t: Tokens, scale: float) -> str:
    return f"""
QProgressBar {{
  background: {t.border}; color: {t.text}; border: none; border-radius: 2px; min-height: 4px;
  max-height: 4px; }}
QProgressBar::chunk {{ background: {t.accent}; border-radius: 2px; }}
QScrollBar:vertical {{ background: transparent; width: 12px; margin: 0; }}
QScrollBar:horizontal {{ background: transparent; height: 12px; margin: 0; }}
QScrollBar::handle {{ background: {rgba(t.muted, 0.45)}; border-radius: 3px; margin: 3px; }}
QScrollBar::handle:vertical {{ min-height: 24px; }}
QScrollBar::handle:horizontal {{ min-width: 24px; }}
QScrollBar::handle:hover, QScrollBar::handle:pressed {{ background: {t.muted}; }}
QScrollBar::add-line, QScrollBar::sub-line {{ width: 0; height: 0; border: none; }}
QScrollBar::add-page, QScrollBar::sub-page {{ background: transparent; }}
QAbstractScrollArea::corner {{ background: transparent; border: none; }}
QSlider::groove:horizontal {{ height: 4px; background: {t.border}; border-radius: 2px; }}
QSlider::handle:horizontal {{
  width: 12px; margin: -4px 0; border-radius: 6px; background: {t.accent}; }}
QSizeGrip {{ image: none; width: {_px(12, scale)}; }}
"""
