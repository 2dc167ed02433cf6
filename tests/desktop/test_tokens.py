"""The colours: readable on every surface, and what rises and falls by convention."""

import itertools
import re
from importlib import resources

import pytest
from PySide6.QtCore import QCoreApplication, Qt
from PySide6.QtGui import QColor, QGuiApplication, QPalette
from PySide6.QtWidgets import QApplication, QLineEdit, QPushButton
from pytestqt.qtbot import QtBot

from desktop.theme import Theme, apply_theme, font, icon
from desktop.theme.icons import product_icon
from desktop.theme.sheet import style_sheet
from desktop.tokens import Tokens, contrast, convention_of, rgb, tokens_for

pytestmark = pytest.mark.qt_log_ignore("propagateSizeHints")

SCHEMES = [tokens_for("dark"), tokens_for("light")]
TEXTS = ("text", "muted", "accent", "green", "red", "blue", "warn", "benchmark")


def colours_of(tokens: Tokens) -> set[str]:
    """Return every colour that a scheme knows."""
    values = [getattr(tokens, name) for name in tokens.__slots__]
    return {v for v in [*values, *tokens.series] if isinstance(v, str) and v.startswith("#")}


def over(colour: str, ground: str, share: float) -> str:
    """Return what a token let through to its background comes to."""
    pairs = zip(rgb(colour), rgb(ground), strict=True)
    return "#" + "".join(f"{round(a * share + b * (1 - share)):02x}" for a, b in pairs)


def test_the_contrast_of_black_on_white_is_21() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.005)


@pytest.mark.parametrize("tokens", SCHEMES, ids=lambda t: t.scheme)
@pytest.mark.parametrize("name", TEXTS)
def test_text_has_a_contrast_of_four_and_a_half_on_every_surface(tokens: Tokens, name: str) -> None:
    worst = min(contrast(getattr(tokens, name), surface) for surface in tokens.surfaces)

    assert worst >= 4.5


@pytest.mark.parametrize("tokens", SCHEMES, ids=lambda t: t.scheme)
def test_lines_and_focus_rings_have_a_contrast_of_three_on_every_surface(tokens: Tokens) -> None:
    lines = (*tokens.series, tokens.focus, tokens.accent, tokens.benchmark)

    assert min(contrast(a, b) for a, b in itertools.product(lines, tokens.surfaces)) >= 3


@pytest.mark.parametrize("tokens", SCHEMES, ids=lambda t: t.scheme)
def test_labels_of_compared_runs_are_readable_on_the_plot(tokens: Tokens) -> None:
    assert min(contrast(colour, tokens.surface) for colour in tokens.series) >= 4.5


@pytest.mark.parametrize("tokens", SCHEMES, ids=lambda t: t.scheme)
def test_what_stands_on_the_accent_or_on_a_tag_is_readable(tokens: Tokens) -> None:
    fills = (tokens.accent, tokens.benchmark, tokens.green, tokens.red, tokens.blue)

    assert min(contrast(tokens.on_accent, fill) for fill in (*fills, *tokens.series)) >= 4.5


@pytest.mark.parametrize("tokens", SCHEMES, ids=lambda t: t.scheme)
def test_ten_runs_have_ten_colours(tokens: Tokens) -> None:
    assert len(set(tokens.series)) == 10


@pytest.mark.parametrize(
    ("convention", "up", "down"),
    [("west", "green", "red"), ("korea", "red", "blue"), ("china", "red", "green")],
)
@pytest.mark.parametrize("scheme", ["dark", "light"])
def test_up_and_down_follow_the_convention_of_the_market(
    scheme: str, convention: str, up: str, down: str
) -> None:
    tokens = tokens_for(scheme, convention)  # type: ignore[arg-type]

    assert (tokens.up, tokens.down) == (getattr(tokens, up), getattr(tokens, down))
    assert (tokens.of_change(1), tokens.of_change(-1)) == (tokens.up, tokens.down)
    assert tokens.of_change(0) == tokens.of_change(float("nan")) == tokens.muted


@pytest.mark.parametrize(
    ("locale", "convention"),
    [("ko_KR", "korea"), ("ko", "korea"), ("zh-CN", "china"), ("en_US", "west"), ("C", "west")],
)
def test_the_convention_comes_from_the_locale(locale: str, convention: str) -> None:
    assert convention_of(locale) == convention


@pytest.mark.parametrize("tokens", SCHEMES, ids=lambda t: t.scheme)
def test_the_style_sheet_uses_no_colour_that_is_not_a_token(tokens: Tokens) -> None:
    used = set(re.findall(r"#[0-9a-fA-F]{6}\b", style_sheet(tokens)))

    selections = {over(tokens.accent, tokens.surface, share / 100) for share in range(10, 40)}
    assert used <= colours_of(tokens) | selections
    assert all(contrast(tokens.text, c) >= 4.5 for c in used & selections)


@pytest.mark.parametrize("tokens", SCHEMES, ids=lambda t: t.scheme)
def test_glyphs_of_the_style_sheet_exist_and_are_drawn_in_tokens(tokens: Tokens) -> None:
    folder = resources.files("resources").joinpath("icons", tokens.scheme)
    named = re.findall(rf"icons/{tokens.scheme}/([\w-]+\.svg)", style_sheet(tokens))
    drawn = "".join(folder.joinpath(name).read_text("utf-8") for name in named)

    assert named
    assert set(re.findall(r"#[0-9a-f]{6}", drawn)) <= colours_of(tokens)


def test_a_theme_changes_live_and_says_so(qapp: QApplication, qtbot: QtBot) -> None:
    theme = apply_theme(qapp, "dark")

    with qtbot.waitSignal(theme.changed) as changed:
        theme.choose("light")

    assert changed.args == [tokens_for("light")]
    assert qapp.palette().color(QPalette.ColorRole.Base) == QColor(tokens_for("light").surface)
    assert tokens_for("light").accent in qapp.styleSheet()


def test_choosing_the_same_look_twice_changes_nothing(qapp: QApplication, qtbot: QtBot) -> None:
    theme = apply_theme(qapp, "dark")

    with qtbot.assertNotEmitted(theme.changed):
        theme.choose("dark")


def test_the_theme_follows_the_system(qapp: QApplication, qtbot: QtBot) -> None:
    theme = apply_theme(qapp, "system")
    hints = QGuiApplication.styleHints()

    hints.colorSchemeChanged.emit(Qt.ColorScheme.Dark)

    expected = "dark" if hints.colorScheme() == Qt.ColorScheme.Dark else "light"
    assert theme.tokens.scheme == expected
    assert theme.choice == "system"


def test_a_convention_recolours_a_rise(qapp: QApplication) -> None:
    theme = apply_theme(qapp, "dark")

    theme.set_convention("korea")

    assert theme.tokens.up == theme.tokens.red


def test_figures_are_tabular_and_scaled(qapp: QApplication) -> None:
    apply_theme(qapp, "dark", scale=2.0)

    sizes = [font(role).pixelSize() for role in ("caption", "body", "heading", "key")]

    assert sizes == [22, 26, 30, 48]
    assert [tag.toString() for tag in font().featureTags()] == ["tnum"]
    apply_theme(qapp, "dark")


def test_an_invalid_field_looks_different(qtbot: QtBot, theme: Theme) -> None:
    field = QLineEdit()
    qtbot.addWidget(field)
    field.resize(120, 28)
    field.show()
    before = field.grab().toImage().pixelColor(60, 0)

    field.setProperty("invalid", True)
    field.style().unpolish(field)
    field.style().polish(field)

    assert before == QColor(theme.tokens.border)
    assert field.grab().toImage().pixelColor(60, 0) == QColor(theme.tokens.red)


def test_controls_are_28_high_and_only_the_primary_wears_the_accent(
    qtbot: QtBot, theme: Theme
) -> None:
    plain, primary = QPushButton("Run"), QPushButton("Run")
    primary.setProperty("primary", True)
    qtbot.addWidget(plain)
    qtbot.addWidget(primary)
    plain.show()
    primary.show()
    QCoreApplication.processEvents()

    assert plain.sizeHint().height() == primary.sizeHint().height() == 28
    assert primary.grab().toImage().pixelColor(5, 5) == QColor(theme.tokens.accent)
    assert plain.grab().toImage().pixelColor(5, 5) == QColor(theme.tokens.raised)


def test_every_icon_draws_in_the_colour_of_text(qtbot: QtBot, theme: Theme) -> None:
    folder = resources.files("resources").joinpath("icons")
    names = [f.name[:-4] for f in folder.iterdir() if f.name.endswith(".svg")]
    names = [name for name in names if not name.startswith("tradebench")]

    found = [icon(name, theme.tokens).pixmap(32, 32).toImage() for name in names]

    wanted = QColor(theme.tokens.text)
    assert len(names) > 10
    assert all(
        any(image.pixelColor(x, y) == wanted for x in range(32) for y in range(32))
        for image in found
    )


def test_the_product_icon_shows_three_candles_at_16_pixels(qapp: QApplication) -> None:
    image = product_icon().pixmap(16, 16).toImage()

    assert [image.pixelColor(x, y).name() for x, y in ((3, 11), (8, 8), (13, 5))] == [
        "#ff5a6e",
        "#2fbf87",
        "#5aa9ff",
    ]
