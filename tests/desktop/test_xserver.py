"""Tests that need an X server say so when there is none; they are never left out silently."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.architecture.tree import ROOT
from tests.xserver import PROGRAMS


def asked_for(path: str) -> subprocess.CompletedProcess[str]:
    """Ask for the tests with real windows, where only these programs are found."""
    command = [sys.executable, "-m", "pytest", "-m", "xvfb", "tests/desktop/test_real_window.py"]
    return subprocess.run(
        command,
        cwd=ROOT,
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_where_a_program_is_missing_the_run_ends_and_names_it(tmp_path: Path) -> None:
    done = asked_for(str(tmp_path))

    assert done.returncode == pytest.ExitCode.USAGE_ERROR
    assert "xvfb tests need Xvfb, xdotool, xprop: apt-get install" in done.stderr


@pytest.mark.needs_posix
def test_where_the_server_does_not_start_the_run_ends_with_its_reason(tmp_path: Path) -> None:
    for name in PROGRAMS:
        program = tmp_path / name
        program.write_text("#!/bin/sh\necho no screens found >&2\nexit 1\n", encoding="utf-8")
        program.chmod(0o755)

    done = asked_for(f"{tmp_path}:/bin:/usr/bin")

    assert done.returncode == pytest.ExitCode.USAGE_ERROR
    assert "Xvfb did not start: no screens found" in done.stderr
