"""A real X server without a screen, for the few tests that need real windows, real focus and real keys.

It is started for a test run that asks for the marker ``xvfb``, before Qt chooses its platform. Where it cannot be
started the run ends with the reason: these tests are never left out silently.
"""

import os
import shutil
import subprocess
from typing import Final

import pytest

PROGRAMS: Final = ("Xvfb", "xdotool", "xprop")
SCREEN: Final = "2600x1700x24"  # room for the window at twice its size
_START_SECONDS: Final = 20


class XServer:
    """One ``Xvfb`` on a display of its own."""

    def __init__(self) -> None:
        """Start it, and wait until it says which display it is.

        Raises:
            pytest.UsageError: a program is missing, or the server ended at once.
        """
        missing = [name for name in PROGRAMS if shutil.which(name) is None]
        if missing:
            raise pytest.UsageError(
                f"xvfb tests need {', '.join(missing)}: apt-get install xvfb xdotool x11-utils"
            )
        reading, writing = os.pipe()
        command = ["Xvfb", "-displayfd", str(writing), "-screen", "0", SCREEN, "-nolisten", "tcp"]
        self._process = subprocess.Popen(
            command, pass_fds=(writing,), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
        )
        os.close(writing)
        with os.fdopen(reading) as said:
            number = said.readline().strip()
        if not number:
            _, reason = self._process.communicate(timeout=_START_SECONDS)
            raise pytest.UsageError(f"Xvfb did not start: {reason.decode(errors='replace')}")
        self.display = f":{number}"

    def stop(self) -> None:
        """End it."""
        self._process.terminate()
        self._process.communicate(timeout=_START_SECONDS)

    def take_over(self) -> None:
        """Let this process, and those that it starts, open their windows here."""
        os.environ["DISPLAY"] = self.display
        os.environ["QT_QPA_PLATFORM"] = "xcb"
        for name in ("WAYLAND_DISPLAY", "QT_QPA_PLATFORMTHEME", "QT_STYLE_OVERRIDE"):
            os.environ.pop(name, None)
