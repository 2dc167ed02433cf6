"""Whether a window can open here, asked before Qt is: where it can't, Qt ends the whole process.

On Linux three things are looked at: is there a display server and does it answer, can Qt's own libraries be loaded, and
does the plugin that draws on that server find the system libraries it was linked to. What is missing is named together
with the packages that bring it. On Windows and macOS only Qt itself can be missing.
"""

import ctypes
import os
import platform
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Final

# system library: its package in Debian and Ubuntu, and in Fedora
PACKAGES: Final[Mapping[str, tuple[str, str]]] = {
    "libEGL.so.1": ("libegl1", "libglvnd-egl"),
    "libGL.so.1": ("libgl1", "libglvnd-glx"),
    "libX11-xcb.so.1": ("libx11-xcb1", "libX11-xcb"),
    "libX11.so.6": ("libx11-6", "libX11"),
    "libdbus-1.so.3": ("libdbus-1-3", "dbus-libs"),
    "libfontconfig.so.1": ("libfontconfig1", "fontconfig"),
    "libfreetype.so.6": ("libfreetype6", "freetype"),
    "libglib-2.0.so.0": ("libglib2.0-0", "glib2"),
    "libgthread-2.0.so.0": ("libglib2.0-0", "glib2"),
    "libwayland-client.so.0": ("libwayland-client0", "libwayland-client"),
    "libwayland-cursor.so.0": ("libwayland-cursor0", "libwayland-cursor"),
    "libxcb-cursor.so.0": ("libxcb-cursor0", "xcb-util-cursor"),
    "libxcb-icccm.so.4": ("libxcb-icccm4", "xcb-util-wm"),
    "libxcb-image.so.0": ("libxcb-image0", "xcb-util-image"),
    "libxcb-keysyms.so.1": ("libxcb-keysyms1", "xcb-util-keysyms"),
    "libxcb-randr.so.0": ("libxcb-randr0", "libxcb"),
    "libxcb-render-util.so.0": ("libxcb-render-util0", "xcb-util-renderutil"),
    "libxcb-render.so.0": ("libxcb-render0", "libxcb"),
    "libxcb-shape.so.0": ("libxcb-shape0", "libxcb"),
    "libxcb-shm.so.0": ("libxcb-shm0", "libxcb"),
    "libxcb-sync.so.1": ("libxcb-sync1", "libxcb"),
    "libxcb-util.so.1": ("libxcb-util1", "xcb-util"),
    "libxcb-xfixes.so.0": ("libxcb-xfixes0", "libxcb"),
    "libxcb-xkb.so.1": ("libxcb-xkb1", "libxcb"),
    "libxcb.so.1": ("libxcb1", "libxcb"),
    "libxkbcommon-x11.so.0": ("libxkbcommon-x11-0", "libxkbcommon-x11"),
    "libxkbcommon.so.0": ("libxkbcommon0", "libxkbcommon"),
}
_ONLY_FOR: Final = {"xcb": re.compile("libxcb|libX|.*x11"), "wayland": re.compile("libwayland")}
_UNLOADABLE: Final = re.compile(r"(?P<name>[\w.+-]+\.so[\d.]*): cannot open shared object file")

Load = Callable[[str], object]


def why_no_window() -> str:
    """Return one sentence that says why no window can open, or nothing when one can.

    Loads Qt, unless there is no display anyway.
    """
    if platform.system() in ("Windows", "Darwin"):
        return _why_no_qt(())
    platforms = platforms_of(os.environ)
    if not platforms:
        return "there is no display (neither DISPLAY nor WAYLAND_DISPLAY is set)"
    return _why_no_qt(platforms) or _why_none_of(platforms)


def platforms_of(environment: Mapping[str, str]) -> tuple[str, ...]:
    """Return the platform plugins that Qt would try on Linux, in its order."""
    chosen = environment.get("QT_QPA_PLATFORM", "")
    if chosen:
        return tuple(re.split("[:-]", part)[0] for part in chosen.split(";") if part)
    found = (("WAYLAND_DISPLAY", "wayland"), ("DISPLAY", "xcb"))
    return tuple(name for variable, name in found if environment.get(variable))


def missing_libraries(
    error: str, platforms: tuple[str, ...], load: Load = ctypes.CDLL
) -> tuple[str, ...]:
    """Return the one that a loader's message names, and all others that these platforms will miss after it."""
    match = _UNLOADABLE.search(error)
    if match is None:
        return ()
    foreign = [pattern for name, pattern in _ONLY_FOR.items() if name not in platforms]
    wanted = [name for name in PACKAGES if not any(pattern.match(name) for pattern in foreign)]
    others = (name for name in wanted if not _is_there(name, load))
    return tuple(dict.fromkeys([match["name"], *others]))


def sentence_of(missing: tuple[str, ...]) -> str:
    """Say which libraries are missing and what installs them."""
    libraries = "library" if len(missing) == 1 else "libraries"
    text = f"the system {libraries} {', '.join(missing)} that Qt needs cannot be found"
    known = [PACKAGES[name] for name in missing if name in PACKAGES]
    if not known:
        return text
    debian, fedora = (" ".join(dict.fromkeys(names)) for names in zip(*known, strict=True))
    return f"{text} (Debian, Ubuntu: apt-get install {debian} - Fedora: dnf install {fedora})"


def _why_no_qt(platforms: tuple[str, ...]) -> str:
    try:
        from PySide6 import QtGui  # noqa: F401
    except ImportError as error:
        missing = missing_libraries(str(error), platforms)
        return sentence_of(missing) if missing else f"Qt can't be loaded ({error})"
    return ""


def _why_none_of(platforms: tuple[str, ...]) -> str:
    """Return why the first platform does not work, when no other does either."""
    reasons = [_why_not(name) for name in platforms]
    return "" if "" in reasons else reasons[0]


def _why_not(name: str) -> str:
    files = list(_plugin_files(name))
    if not files:
        return f"Qt has no platform plugin {name!r} (QT_QPA_PLATFORM)"
    for file in files:
        try:
            ctypes.CDLL(str(file))
        except OSError as error:
            missing = missing_libraries(str(error), (name,))
            return sentence_of(missing) if missing else f"Qt can't load {file.name} ({error})"
    answers = {"xcb": _x_answers, "wayland": _wayland_answers}.get(name, _is_always_there)
    if not answers():
        variable = {"xcb": "DISPLAY", "wayland": "WAYLAND_DISPLAY"}[name]
        return f"the display {os.environ.get(variable, '')!r} ({variable}) does not answer"
    return ""


def _plugin_files(name: str) -> Iterator[Path]:
    from PySide6.QtCore import QLibraryInfo

    own = os.environ.get("QT_QPA_PLATFORM_PLUGIN_PATH")
    plugins = Path(QLibraryInfo.path(QLibraryInfo.LibraryPath.PluginsPath)) / "platforms"
    for folder in [Path(own)] if own else [plugins]:
        yield from sorted(folder.glob(f"libq{name}.so"))
        yield from sorted(folder.glob(f"libq{name}-*.so"))


def _x_answers() -> bool:
    xcb = ctypes.CDLL("libxcb.so.1")
    xcb.xcb_connect.restype = ctypes.c_void_p
    xcb.xcb_connection_has_error.argtypes = [ctypes.c_void_p]
    xcb.xcb_disconnect.argtypes = [ctypes.c_void_p]
    connection = xcb.xcb_connect(None, None)
    refused = xcb.xcb_connection_has_error(connection)
    xcb.xcb_disconnect(connection)
    return not refused


def _wayland_answers() -> bool:
    wayland = ctypes.CDLL("libwayland-client.so.0")
    wayland.wl_display_connect.restype = ctypes.c_void_p
    wayland.wl_display_disconnect.argtypes = [ctypes.c_void_p]
    connection = wayland.wl_display_connect(None)
    if connection is None:
        return False
    wayland.wl_display_disconnect(connection)
    return True


def _is_always_there() -> bool:
    return True


def _is_there(name: str, load: Load) -> bool:
    try:
        load(name)
    except OSError:
        return False
    return True
