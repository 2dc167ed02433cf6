"""The command as the operating system sees it: a process of its own, without Qt, that can be stopped."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.desktop.builders import bars_file, config_file

ROOT = Path(__file__).resolve().parents[2]

NO_QT = """
import sys

class NoQt:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("PySide6", "PyQt6", "PyQt5", "PySide2", "shiboken6", "pyqtgraph", "qasync"):
            raise ImportError(f"{name} is blocked")

sys.meta_path.insert(0, NoQt())
from desktop.__main__ import main
sys.exit(main(sys.argv[1:]))
"""

INTERRUPTED = """
import os, signal, sys
from contextlib import contextmanager
from desktop.cli import progress

@contextmanager
def press_ctrl_c(*, compiles):
    yield lambda seen: seen.stage == "load" and os.kill(os.getpid(), signal.SIGINT)

progress.progress_bar = press_ctrl_c
from desktop.__main__ import main
sys.exit(main(sys.argv[1:]))
"""


@pytest.fixture(scope="session")
def kernels() -> Path:
    """The folder of compiled kernels that all processes of this test run share."""
    return Path(os.environ["NUMBA_CACHE_DIR"])


def environment(tmp_path: Path, kernels: Path, **more: str) -> dict[str, str]:
    """Return the environment of a process with a home of its own."""
    kept = {k: v for k, v in os.environ.items() if k not in ("COLUMNS", "FORCE_COLOR", "NO_COLOR")}
    return {
        **kept,
        "TRADEBENCH_HOME": str(tmp_path / "home"),
        "NUMBA_CACHE_DIR": str(kernels),
        "PYTHONPATH": str(ROOT),
        **more,
    }


def run(
    arguments: list[str], env: dict[str, str], program: tuple[str, ...] = ("-m", "desktop")
) -> subprocess.CompletedProcess[str]:
    """Run one process to its end."""
    return subprocess.run(
        [sys.executable, *program, *arguments],
        env=env,
        cwd=env["TRADEBENCH_HOME"] if Path(env["TRADEBENCH_HOME"]).is_dir() else ROOT,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=240,
    )


def test_help_answers_at_once_and_loads_neither_engine_nor_database(tmp_path, kernels):
    env = environment(tmp_path, kernels)
    code = (
        "import sys; from desktop.__main__ import main; main(['--help']);"
        "print(sorted({m.split('.')[0] for m in sys.modules}), file=sys.stderr)"
    )
    run([], env, ("-c", code))

    began = time.perf_counter()
    done = run([], env, ("-c", code))
    seconds = time.perf_counter() - began

    assert "demo" in done.stdout
    for heavy in ("numba", "numpy", "sqlalchemy", "pandas", "pydantic", "structlog", "PySide6"):
        assert f"'{heavy}'" not in done.stderr
    assert seconds < 5.0


def test_the_whole_demo_works_where_qt_is_missing(tmp_path, kernels):
    env = environment(tmp_path, kernels)

    demo = run(["demo", "--json"], env, ("-c", NO_QT))
    history = run(["history", "--json"], env, ("-c", NO_QT))

    assert demo.returncode == 0, demo.stderr
    assert json.loads(demo.stdout)["status"] == "completed"
    assert json.loads(history.stdout)["total"] == 1


def test_standard_output_is_one_json_object_and_progress_goes_elsewhere(tmp_path, kernels):
    bars_file(tmp_path)
    env = environment(tmp_path, kernels)

    done = run(["run", str(config_file(tmp_path)), "--json"], env)

    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["schema_version"] == 1


@pytest.mark.parametrize("more", [{}, {"NO_COLOR": "1"}])
def test_a_pipe_gets_no_colour(tmp_path, kernels, more):
    bars_file(tmp_path)
    env = environment(tmp_path, kernels, **more)

    done = run(["run", str(config_file(tmp_path))], env)

    assert done.returncode == 0, done.stderr
    assert "\x1b" not in done.stdout + done.stderr


def test_an_ascii_terminal_is_served_too(tmp_path, kernels):
    bars_file(tmp_path)
    env = environment(tmp_path, kernels, PYTHONIOENCODING="ascii", PYTHONUTF8="0")

    done = run(["run", str(config_file(tmp_path))], env)

    assert done.returncode == 0, done.stderr
    assert "Sharpe" in done.stdout


def test_bad_input_ends_with_two_and_without_a_traceback(tmp_path, kernels):
    done = run(
        ["run", str(config_file(tmp_path)), "--set", "costs.x=1"], environment(tmp_path, kernels)
    )

    assert done.returncode == 2
    assert "costs.x" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_reader_that_leaves_early_is_no_error(tmp_path, kernels):
    env = environment(tmp_path, kernels)
    command = f'"{sys.executable}" -m desktop schema | head -c 10; echo; echo "${{PIPESTATUS[0]}}"'

    done = subprocess.run(
        ["bash", "-c", command], env=env, cwd=ROOT, capture_output=True, text=True, timeout=120
    )

    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr
    assert done.stdout.splitlines()[-1] == "0"


def test_ctrl_c_ends_with_130_and_the_run_is_kept_as_cancelled(tmp_path, kernels):
    bars_file(tmp_path)
    env = environment(tmp_path, kernels)

    done = run(["run", str(config_file(tmp_path)), "--json"], env, ("-c", INTERRUPTED))
    history = run(["history", "--status", "cancelled", "--json"], env)

    assert done.returncode == 130, done.stderr
    assert json.loads(done.stdout)["status"] == "cancelled"
    assert "Stopping" in done.stderr
    assert json.loads(history.stdout)["total"] == 1
