"""What every test shares: which tests belong to this machine, a home of its own, and a clean end.

What a test starts it must stop: a thread, Qt thread or Qt timer that outlives its test fails it.
"""

import gc
import os
import sys
import tempfile
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from desktop.service import kernel_cache
from tests.shared import shared_root
from tests.xserver import XServer

pytest_plugins = ["tests.postgres"]

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
# One cache for this and every process that a test starts, named by the sources it was compiled from.
_kernels = Path(tempfile.gettempdir()) / f"tradebench-kernels-{kernel_cache.key()}"
_kernels.mkdir(mode=0o700, exist_ok=True)
os.environ.setdefault("NUMBA_CACHE_DIR", str(_kernels))

# The machine may be busy: an example is never too slow. The same examples every time, so that a check says something of
# the change that it checks; the soak draws others, and more of them.
settings.register_profile(
    "tradebench",
    deadline=None,
    database=None,
    print_blob=True,
    derandomize="TRADEBENCH_SOAK" not in os.environ,
    max_examples=int(os.environ.get("TRADEBENCH_EXAMPLES", "100")),
)
settings.load_profile("tradebench")

_FIGURE = "figure"
_MOST_WORKERS = 4  # each has a PostgreSQL server of its own
_PATIENCE_SECONDS = 2.0
_blamed: weakref.WeakSet[Any] = weakref.WeakSet()


def pytest_configure(config: pytest.Config) -> None:
    """Start an X server where tests with real windows are asked for."""
    if "xvfb" in (config.getoption("-m") or ""):
        server = XServer()
        server.take_over()
        config.add_cleanup(server.stop)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Share the whole suite between processes; a part of it, and what is measured, runs in this one."""
    part = config.args_source is pytest.Config.ArgsSource.ARGS or config.getoption("-m")
    return 0 if part else min(os.cpu_count() or 1, _MOST_WORKERS)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what this machine has no data for and, unless asked for, heavy jobs, parity, benchmarks."""
    asked = config.getoption("-m") or ""
    left_out = set()
    if shared_root() is None:
        left_out.add("needs_shared")
    if sys.platform == "win32":
        left_out.add("needs_posix")
    left_out |= {name for name in ("heavy", "parity", "xvfb") if name not in asked}
    measuring = config.getoption("benchmark_only", default=False)
    gone = [
        item
        for item in items
        if any(item.get_closest_marker(name) for name in left_out)
        or ("benchmark" in getattr(item, "fixturenames", ()) and not measuring)
    ]
    if gone:
        items[:] = [item for item in items if item not in gone]
        config.hook.pytest_deselected(items=gone)


@pytest.fixture
def figure(request: pytest.FixtureRequest) -> Callable[[str], None]:
    """Return what takes a measured figure in words, to be read at the end of the whole test run."""
    node = request.node
    return lambda text: node.user_properties.append((_FIGURE, f"{node.name}: {text}"))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Tell the figures."""
    figures = [
        text
        for reports in terminalreporter.stats.values()
        for report in reports
        if isinstance(report, pytest.TestReport) and report.when == "call"
        for name, text in report.user_properties
        if name == _FIGURE
    ]
    if figures:
        terminalreporter.section("figures")
        for text in figures:
            terminalreporter.write_line(str(text))


@pytest.fixture(autouse=True)
def _own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRADEBENCH_HOME", str(tmp_path / "home"))


@pytest.fixture(autouse=True)
def _nothing_outlives_the_test(request: pytest.FixtureRequest) -> Iterator[None]:
    before = set(threading.enumerate())
    yield
    end = time.monotonic() + _PATIENCE_SECONDS
    left = _threads_since(before)
    while left and time.monotonic() < end:
        time.sleep(0.01)
        left = _threads_since(before)
    if "PySide6.QtCore" in sys.modules and "qapp" in request.fixturenames:
        left += _qt_left()
    if left:
        pytest.fail(f"the test left behind: {', '.join(left)}")


def _threads_since(before: set[threading.Thread]) -> list[str]:
    # A Qt thread that has run Python stays listed as a dummy after its end; _qt_left looks at those.
    return [
        f"thread {thread.name}"
        for thread in set(threading.enumerate()) - before
        if not isinstance(thread, threading._DummyThread)
    ]


def _qt_left() -> list[str]:
    from PySide6.QtCore import QCoreApplication, QEvent, QThread, QTimer
    from shiboken6 import isValid

    if QCoreApplication.instance() is not None:
        QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete.value)
    kinds = {QThread, QTimer, *_subclasses(QThread), *_subclasses(QTimer)}
    found = [item for item in gc.get_objects() if type(item) in kinds]
    left: list[Any] = [item for item in found if isValid(item) and _is_busy(item)]
    fresh = [item for item in left if item not in _blamed]
    _blamed.update(fresh)  # the next tests are not to blame for it
    return [f"{type(item).__name__} {item.objectName()!r}" for item in fresh]


def _subclasses(kind: type) -> Iterator[type]:
    for child in kind.__subclasses__():
        yield child
        yield from _subclasses(child)


def _is_busy(item: Any) -> bool:
    return bool(item.isRunning() if hasattr(item, "isRunning") else item.isActive())
