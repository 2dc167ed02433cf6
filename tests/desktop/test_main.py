"""The one command: which of window and terminal it opens, and what it says where no window can be."""

import ctypes
import os
import subprocess
import sys
from pathlib import Path

import pytest

from desktop import __main__ as program
from desktop import app, display, selftest, warm
from tests.architecture.tree import ROOT


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Return what windows were asked for (with the demo or without); none really opens."""
    windows: list[bool] = []

    def run_window(*, demo: bool = False) -> int:
        windows.append(demo)
        return 0

    monkeypatch.setattr(app, "run_window", run_window)
    monkeypatch.setattr(display, "why_no_window", lambda: "")
    monkeypatch.delenv("QT_QPA_PLATFORM")  # the suite's own screen is one that nobody sees
    return windows


def without_display(**more: str) -> dict[str, str]:
    """Return the environment of a process on a computer without any display."""
    hidden = ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM")
    kept = {name: value for name, value in os.environ.items() if name not in hidden}
    return {**kept, "PYTHONPATH": str(ROOT), **more}


def run(arguments: list[str], env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Run the program to its end."""
    return subprocess.run(
        [sys.executable, "-m", "desktop", *arguments],
        env=env,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=240,
    )


def can_be_loaded(variable: str) -> bool:
    """Tell whether this computer has the system libraries of the display that a variable names.

    A bare server lacks some; what the program then says is the missing library, before it asks any display.
    """
    platform = {"DISPLAY": "xcb", "WAYLAND_DISPLAY": "wayland"}.get(variable)
    if platform is None:
        return True
    try:
        ctypes.CDLL(str(next(display._plugin_files(platform))))
    except OSError:
        return False
    return True


@pytest.mark.parametrize(("arguments", "windows"), [([], [False]), (["demo"], [True])])
def test_alone_and_with_demo_it_opens_the_window(opened, arguments, windows):
    code = program.main(arguments)

    assert code == 0
    assert opened == windows


def test_the_demo_opens_no_window_that_nobody_sees(opened, monkeypatch, capsys):
    monkeypatch.setenv("QT_QPA_PLATFORM", "offscreen")

    code = program.main(["demo"])

    assert code == 0
    assert opened == []
    assert "QT_QPA_PLATFORM" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [["demo", "--json"], ["demo", "--no-window"], ["history"]])
def test_all_else_stays_in_the_terminal(opened, arguments, capsys):
    code = program.main(arguments)

    assert code == 0
    assert opened == []
    assert capsys.readouterr().out


@pytest.mark.parametrize(
    ("option", "module", "name"),
    [("--self-test", selftest, "self_test"), ("--warm-kernels", warm, "warm_kernels")],
)
def test_an_option_of_its_own_hands_its_exit_code_on(opened, monkeypatch, option, module, name):
    monkeypatch.setattr(module, name, lambda *_arguments: 7)

    code = program.main([option])

    assert code == 7
    assert opened == []


@pytest.mark.needs_posix
def test_without_a_display_the_demo_is_told_in_the_terminal_and_why_in_one_line():
    done = run(["demo"], without_display())

    assert done.returncode == 0, done.stderr
    assert "Sharpe" in done.stdout
    (told,) = [line for line in done.stderr.splitlines() if "No window was opened" in line]
    assert "there is no display" in told


@pytest.mark.needs_posix
def test_without_a_display_the_program_alone_says_so_and_ends_with_five():
    done = run([], without_display())

    assert done.returncode == 5
    assert "there is no display" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.needs_posix
@pytest.mark.parametrize(
    ("variable", "value", "word"),
    [
        ("DISPLAY", ":4711", "does not answer"),
        ("WAYLAND_DISPLAY", "wayland-4711", "does not answer"),
        ("QT_QPA_PLATFORM", "nosuch", "nosuch"),
    ],
)
def test_a_display_that_is_not_there_ends_in_a_sentence_not_in_an_abort(variable, value, word):
    done = run([], without_display(**{variable: value}))

    assert done.returncode == 5, done.stderr
    assert (word if can_be_loaded(variable) else "cannot be found") in " ".join(done.stderr.split())
    assert len(done.stderr.splitlines()) <= 3


@pytest.mark.needs_posix
def test_a_system_library_that_is_missing_is_named_with_its_packages(tmp_path: Path):
    plugin = next(display._plugin_files("xcb"))
    broken = tmp_path / plugin.name
    broken.write_bytes(plugin.read_bytes().replace(b"libxcb-cursor.so.0", b"libxcb-nosuch.so.0"))
    env = without_display(DISPLAY=":0", QT_QPA_PLATFORM_PLUGIN_PATH=str(tmp_path))
    own = str(plugin.parents[2] / "lib")

    done = run([], {**env, "LD_LIBRARY_PATH": own})

    assert done.returncode == 5, done.stderr
    assert "libxcb-nosuch.so.0" in done.stderr
    assert "cannot be found" in " ".join(done.stderr.split())


@pytest.mark.parametrize(
    ("environment", "platforms"),
    [
        ({}, ()),
        ({"DISPLAY": ""}, ()),
        ({"DISPLAY": ":0"}, ("xcb",)),
        ({"DISPLAY": ":0", "WAYLAND_DISPLAY": "wayland-0"}, ("wayland", "xcb")),
        ({"QT_QPA_PLATFORM": "offscreen"}, ("offscreen",)),
        ({"QT_QPA_PLATFORM": "wayland-egl;xcb:a=1", "DISPLAY": ":0"}, ("wayland", "xcb")),
    ],
)
def test_the_platforms_are_those_that_qt_would_try(environment, platforms):
    assert display.platforms_of(environment) == platforms


def test_everything_that_is_missing_is_named_at_once():
    gone = {"libEGL.so.1", "libxcb-cursor.so.0", "libwayland-cursor.so.0"}

    def load(name: str) -> None:
        if name in gone:
            raise OSError(name)

    error = "libEGL.so.1: cannot open shared object file: No such file or directory"
    missing = display.missing_libraries(error, ("xcb",), load)
    told = display.sentence_of(missing)

    assert missing == ("libEGL.so.1", "libxcb-cursor.so.0")
    assert "apt-get install libegl1 libxcb-cursor0" in told
    assert "dnf install libglvnd-egl xcb-util-cursor" in told


def test_an_error_that_is_not_about_a_library_names_none():
    assert display.missing_libraries("No module named 'PySide6'", ("xcb",)) == ()


def test_a_library_of_unknown_package_is_still_named():
    assert "libnew.so.3" in display.sentence_of(("libnew.so.3",))
