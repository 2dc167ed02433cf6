"""Every colour of the program, as data: one frozen set for the night, one for the day.

Nothing here knows Qt: the theme turns the tokens into a palette and a style sheet, the charts into pens. What a price
that rose looks like is a convention of the market (green in the west, red in Korea and China); profit and loss follow
it, and shape is always the second cue.
"""

from dataclasses import dataclass
from typing import Final, Literal

Scheme = Literal["dark", "light"]
Convention = Literal["west", "korea", "china"]

UP_DOWN: Final[dict[Convention, tuple[str, str]]] = {
    "west": ("green", "red"),
    "korea": ("red", "blue"),
    "china": ("red", "green"),
}


@dataclass(frozen=True, slots=True)
class Tokens:
    """The colours of one scheme under one market convention, as ``#rrggbb``.

    Attributes:
        window, surface, raised: the frame; panels and plots; headers and hovered rows.
        border, grid: hairlines; the grid of charts.
        text, muted: figures and labels; axes, units and captions.
        accent, focus: the one primary action, selection and equity; the focus ring.
        on_accent: text on the accent.
        green, red, blue: what ``up`` and ``down`` choose from.
        warn: honest warnings.
        benchmark: the benchmark everywhere.
        series: ten runs side by side, always with a second cue.
    """

    scheme: Scheme
    convention: Convention
    window: str
    surface: str
    raised: str
    border: str
    grid: str
    text: str
    muted: str
    accent: str
    focus: str
    on_accent: str
    green: str
    red: str
    blue: str
    warn: str
    benchmark: str
    series: tuple[str, ...]

    @property
    def up(self) -> str:
        """The colour of a price that rose, and of a profit."""
        return self._named(UP_DOWN[self.convention][0])

    @property
    def down(self) -> str:
        """The colour of a price that fell, and of a loss."""
        return self._named(UP_DOWN[self.convention][1])

    @property
    def surfaces(self) -> tuple[str, str, str]:
        """The three backgrounds that text and lines stand on."""
        return (self.window, self.surface, self.raised)

    def of_change(self, value: float) -> str:
        """Return the colour of a gain, a loss, or neither (zero and NaN)."""
        if value > 0:
            return self.up
        return self.down if value < 0 else self.muted

    def _named(self, name: str) -> str:
        return {"green": self.green, "red": self.red, "blue": self.blue}[name]


def tokens_for(scheme: Scheme, convention: Convention = "west") -> Tokens:
    """Return the colours of a scheme under a market convention."""
    return _dark(convention) if scheme == "dark" else _light(convention)


def convention_of(locale_name: str) -> Convention:
    """Return the convention that readers of a locale (``ko_KR``, ``zh-CN``, ``en_US``) expect."""
    match locale_name.replace("-", "_").split("_")[0].lower():
        case "ko":
            return "korea"
        case "zh":
            return "china"
        case _:
            return "west"


def rgb(colour: str) -> tuple[int, int, int]:
    """Return red, green and blue, 0 to 255, of ``#rrggbb``."""
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def rgba(colour: str, alpha: float) -> str:
    """Return a token let through to its background, as style sheets write it."""
    red, green, blue = rgb(colour)
    return f"rgba({red}, {green}, {blue}, {alpha:g})"


def contrast(one: str, other: str) -> float:
    """Return the contrast ratio of two colours, 1 to 21 (WCAG 2.2, relative luminance of sRGB)."""
    lighter, darker = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(colour: str) -> float:
    linear = [
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4
        for part in (channel / 255 for channel in rgb(colour))
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _dark(convention: Convention) -> Tokens:
    return Tokens(
        scheme="dark",
        convention=convention,
        window="#0e1217",
        surface="#151a21",
        raised="#1d242d",
        border="#2b3440",
        grid="#222a34",
        text="#e4e9f0",
        muted="#97a3b3",
        accent="#5aa9ff",
        focus="#9ccbff",
        on_accent="#0e1217",
        green="#2fbf87",
        red="#ff5a6e",
        blue="#5b93ff",
        warn="#f0b429",
        benchmark="#c8a2ff",
        series=(
            "#5aa9ff",
            "#f0b429",
            "#2fbf87",
            "#ff7a8a",
            "#c8a2ff",
            "#4fd1d9",
            "#ff9d5c",
            "#a3d65c",
            "#f08bd0",
            "#b8c2cf",
        ),
    )


def _light(convention: Convention) -> Tokens:
    return Tokens(
        scheme="light",
        convention=convention,
        window="#f3f5f8",
        surface="#ffffff",
        raised="#eaeef3",
        border="#ccd4de",
        grid="#e3e8ee",
        text="#18212c",
        muted="#566273",
        accent="#0a5fc8",
        focus="#0a5fc8",
        on_accent="#ffffff",
        green="#0a7a53",
        red="#c5223a",
        blue="#1a5bd0",
        warn="#8a5a00",
        benchmark="#6b3fb5",
        series=(
            "#0a5fc8",
            "#9a5b00",
            "#0a7a53",
            "#c5223a",
            "#6b3fb5",
            "#0b7285",
            "#b0470a",
            "#4d7c0f",
            "#a61e7a",
            "#4a5566",
        ),
    )
