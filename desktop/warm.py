"""The compiled kernels, made ready in a process of its own while the window is already there.

Compiling takes most of a minute on a new computer and happens once. In the window's own process it would hold Python's
lock, and the window with it; so a child compiles what the built-in strategies use, into the folder that both share. A
note in that folder says that it is done: the next start finds it and starts no child. A run that comes before the child
has ended waits for it; should the child fail, the run compiles for itself.
"""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from desktop import logs
from desktop.service import kernel_cache
from engine.config import StrategyConfig
from engine.expressions import INDICATORS

OPTION: Final = "--warm-kernels"
_POLL_SECONDS: Final = 0.02
_BELOW_NORMAL: Final = 0x00004000  # BELOW_NORMAL_PRIORITY_CLASS and CREATE_NO_WINDOW: Windows only
_NO_CONSOLE: Final = 0x08000000
_NICENESS: Final = 5

Command = tuple[str, ...]


def command() -> Command:
    """Return the command line of a child that warms the kernels, from the source or from the bundle."""
    if getattr(sys, "frozen", False):
        return (sys.executable, OPTION)
    return (sys.executable, "-m", "desktop", OPTION)


def note_of(folder: Path) -> Path:
    """Return the file that says that the kernels in a folder are those of this program, all of them."""
    return folder / f"warm-{kernel_cache.key()}"


def warm_kernels() -> int:
    """Compile what the built-in strategies use and leave the note; the child's whole work."""
    from filelock import FileLock

    folder = kernel_cache.prepare()
    if hasattr(os, "nice"):
        os.nice(_NICENESS)
    with FileLock(folder / "warming.lock"):  # a second window waits here instead of compiling, too
        if not note_of(folder).exists():
            _run_every_strategy()
            note_of(folder).touch(mode=0o600)
    return 0


_EVERY_INDICATOR = {
    "where": [
        {"left": f"{name}(3{', skip 1' if name == 'sma' else ''})", "op": ">", "right": 0}
        for name in INDICATORS
    ]
}


def _run_every_strategy() -> None:
    """Run each built-in strategy on the demo prices: the types of real bars are what is compiled for."""
    from desktop.service.demo import demo_config
    from desktop.service.running import bars_of, strategy_of
    from engine.simulate import run_backtest
    from engine.statistics.performance import performance_of
    from engine.strategies import registry

    sections = [{"name": name} for name in registry.BUILT_IN]
    for section in (*sections, {"criteria": _EVERY_INDICATOR}):
        strategy_section = StrategyConfig.model_validate(section)
        config = demo_config().model_copy(update={"strategy": strategy_section})
        strategy = strategy_of(config)
        bars = bars_of(config, strategy, None)
        result = run_backtest(config, bars, strategy, clock=time.perf_counter)
    performance_of(result)
    _ = result.drawdown  # worked out when it is asked for


class Warmer:
    """Starts the child once, and lets runs wait for it. `start` and `stop` are the window's, `wait` is the runs'."""

    def __init__(self, run: Command | None = None, folder: Path | None = None) -> None:
        """Prepare; without arguments it is the program's own child and the folder in use."""
        self._command = run or command()
        self._folder = folder or kernel_cache.prepare()
        self._child: subprocess.Popen[bytes] | None = None
        self._lock = threading.Lock()

    def start(self) -> bool:
        """Begin to warm, unless that was done before; return whether a child was started."""
        with self._lock:
            if self._child is not None or note_of(self._folder).exists():
                return False
            try:
                self._child = self._spawn()
            except OSError as error:
                logs.get("kernels").warning("warming_not_started", error=str(error))
                return False
        logs.get("kernels").info("warming_started", pid=self._child.pid)
        return True

    @property
    def is_warming(self) -> bool:
        """Whether the child is still at work."""
        with self._lock:
            return self._child is not None and self._child.poll() is None

    def wait_until_warm(
        self, should_stop: Callable[[], bool], on_wait: Callable[[], None] | None = None
    ) -> bool:
        """Wait, on a worker's thread, until the child has ended; return whether the kernels are ready.

        ``False`` means that the run has to compile for itself, or that it was asked to stop.

        Args:
            should_stop: asked while it waits.
            on_wait: called once, before it begins to wait; not called where there is nothing to wait for.
        """
        if on_wait is not None and self.is_warming:
            on_wait()
        while self.is_warming:
            if should_stop():
                return False
            time.sleep(_POLL_SECONDS)
        warm = note_of(self._folder).exists()
        if self._child is not None and not warm:
            logs.get("kernels").warning("warming_failed", code=self._child.returncode)
        return warm

    def stop(self) -> None:
        """End the child, if there is one; what it has compiled so far is kept."""
        with self._lock:
            if self._child is not None and self._child.poll() is None:
                self._child.kill()
                self._child.wait()

    def _spawn(self) -> subprocess.Popen[bytes]:
        environment = {**os.environ, kernel_cache.VARIABLE: str(self._folder)}
        if not getattr(sys, "frozen", False):
            root = str(Path(__file__).resolve().parents[1])
            inherited = environment.get("PYTHONPATH")
            environment["PYTHONPATH"] = f"{root}{os.pathsep}{inherited}" if inherited else root
        return subprocess.Popen(
            self._command,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            creationflags=_BELOW_NORMAL | _NO_CONSOLE if sys.platform == "win32" else 0,
        )
