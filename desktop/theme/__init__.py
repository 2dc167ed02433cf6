"""The look of the window: tokens become a Fusion palette, a style sheet, fonts and icons, live."""

from desktop.theme.apply import Theme, apply_theme
from desktop.theme.fonts import font
from desktop.theme.icons import icon

__all__ = ["Theme", "apply_theme", "font", "icon"]
