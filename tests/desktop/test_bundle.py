"""The one-folder program, where one was built: TRADEBENCH_BUNDLE names the folder it lies in."""

import json
import os
import sqlite3
import subprocess
import time
from contextlib import closing
from pathlib import Path

import pytest

from engine.strategies import sma_cross

BUNDLE = Path(os.environ.get("TRADEBENCH_BUNDLE", ""))
PROGRAM = BUNDLE / ("tradebench.exe" if os.name == "nt" else "tradebench")
MOST_BYTES = 700_000_000
__test__ = PROGRAM.is_file()  # without a bundle there is nothing in here to collect

pytestmark = [pytest.mark.heavy, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a home in which the self-test has compiled the kernels."""
    home = tmp_path_factory.mktemp("bundle") / "home"
    done = run(home, "--self-test")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "self-test passed" in done.stdout
    return home


def environment(home: Path) -> dict[str, str]:
    """Return an environment in which the bundle finds nothing of this checkout."""
    foreign = ("PYTHONPATH", "NUMBA_CACHE_DIR", "VIRTUAL_ENV")
    kept = {name: value for name, value in os.environ.items() if name not in foreign}
    return {**kept, "TRADEBENCH_HOME": str(home), "QT_QPA_PLATFORM": "offscreen"}


def run(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the bundled program in its home, to its end."""
    home.mkdir(exist_ok=True)
    return subprocess.run(
        [str(PROGRAM), *arguments],
        env=environment(home),
        cwd=home,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=600,
    )


def compiled(home: Path) -> list[str]:
    """Return the names of what was compiled."""
    return sorted(path.name for path in home.rglob("*.nbc"))


def test_the_second_start_compiles_nothing_wherever_it_is_started(home, tmp_path):
    before = compiled(home)

    done = subprocess.run(
        [str(PROGRAM), "demo", "--json"],
        env=environment(home),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
    )

    assert json.loads(done.stdout)["status"] == "completed"
    assert before
    assert compiled(home) == before


def test_a_run_keeps_the_source_of_its_strategy(home):
    run(home, "demo", "--json")

    with closing(sqlite3.connect(home / "runs.sqlite")) as connection:
        texts = connection.execute("SELECT source_text FROM strategies").fetchall()

    assert (sma_cross.SmaCross.source_text(),) in texts


@pytest.mark.needs_posix
def test_a_strategy_file_is_checked_and_run_without_python(home):
    run(home, "strategy", "new", "mine")
    file = home / "strategies" / "mine.py"

    checked = run(home, "strategy", "check", str(file), "--trust", "--json")

    assert json.loads(checked.stdout)["cuts"] == 20


def test_every_part_is_well(home):
    done = run(home, "doctor", "--json")

    assert json.loads(done.stdout)["ok"] is True


def test_it_knows_its_version(home):
    assert run(home, "--version").stdout.startswith("tradebench 0.")


@pytest.mark.needs_posix
def test_the_window_opens_and_stays(home):
    began = time.monotonic()
    with subprocess.Popen([str(PROGRAM)], env=environment(home), cwd=home) as window:
        try:
            window.wait(8)
        except subprocess.TimeoutExpired:
            window.terminate()

    log = (home / "log" / "tradebench.log").read_text("utf-8")
    assert time.monotonic() - began >= 8
    assert '"event": "unexpected"' not in log


def test_it_is_no_larger_than_it_must_be():
    sizes = [p.stat().st_size for p in BUNDLE.rglob("*") if p.is_file() and not p.is_symlink()]
    names = {path.name.lower() for path in BUNDLE.rglob("*")}

    assert sum(sizes) < MOST_BYTES
    assert not [name for name in names if name == "scipy" or "qt6qml" in name or "gtk" in name]
