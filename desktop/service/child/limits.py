"""What a child may use, and what stands between it and the rest of the computer.

Limits are set by the child itself before it runs a line of the person's file. With bubblewrap on the PATH the child has
no network, sees no home folder and no other process. Without it a file runs with the person's rights: it can read
what they can read, and a process that it leaves behind in a session of its own outlives it. `barrier` says what stands.
"""

import functools
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_GIB: Final = 1 << 30
OPTION: Final = "--strategy-child"
_MOST_FILES: Final = 256
_MOST_PROCESSES: Final = 512


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of one child.

    Attributes:
        memory_bytes: address space beyond the panel; LLVM alone maps some hundred megabytes.
        answer_seconds: how long one answer may take.
        cpu_seconds: of the whole child.
        file_bytes: of any file that it writes.
        output_bytes: what it may print.
    """

    memory_bytes: int = 4 * _GIB
    answer_seconds: float = 120.0
    cpu_seconds: int = 3600
    file_bytes: int = 50 << 20
    output_bytes: int = 8 << 20


def apply(limits: Limits, panel_bytes: int) -> None:
    """Bind this process; where the system knows no such limits (Windows) only the clock of the other side binds it."""
    try:
        import resource
    except ImportError:
        return
    wanted = {
        "RLIMIT_AS": limits.memory_bytes + 3 * panel_bytes,
        "RLIMIT_CPU": limits.cpu_seconds,
        "RLIMIT_FSIZE": limits.file_bytes,
        "RLIMIT_CORE": 0,
        "RLIMIT_NOFILE": _MOST_FILES,
        "RLIMIT_NPROC": _MOST_PROCESSES,
    }
    for name, value in wanted.items():
        number = getattr(resource, name, None)
        if number is None:
            continue
        _, hardest = resource.getrlimit(number)
        bound = value if hardest == resource.RLIM_INFINITY else min(value, hardest)
        resource.setrlimit(number, (bound, bound))


def command() -> list[str]:
    """Return what starts a child, from the source or from the bundle."""
    if getattr(sys, "frozen", False):
        return [sys.executable, OPTION]
    return [sys.executable, "-m", "desktop", OPTION]


def environment(home: Path, cache: Path) -> dict[str, str]:
    """Return the whole environment of a child: nothing of the person's is in it."""
    kept = {name: os.environ[name] for name in ("SYSTEMROOT", "PATH", "LANG") if name in os.environ}
    root = Path(__file__).resolve().parents[3]
    return {
        **kept,
        "HOME": str(home),
        "TMPDIR": str(home),
        "NUMBA_CACHE_DIR": str(cache),
        "PYTHONPATH": str(root),
        "PYTHONHASHSEED": "0",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONIOENCODING": "utf-8",
        "PYTHONUNBUFFERED": "1",  # the last words of one that dies are wanted
    }


@functools.cache
def barrier() -> str:
    """Return what a child is held by: ``bubblewrap`` where it works here, else ``limits``."""
    program = shutil.which("bwrap")
    if program is None:
        return "limits"
    trial = [program, "--unshare-all", "--ro-bind", "/", "/", "true"]
    try:
        done = subprocess.run(trial, capture_output=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return "limits"
    return "bubblewrap" if done.returncode == 0 else "limits"


def behind_barrier(plain: list[str], readable: list[Path], writable: list[Path]) -> list[str]:
    """Return the command with bubblewrap around it, where there is one.

    ``readable`` stays in sight besides the system and this program, ``writable`` can be written, and nothing else of
    the home folders is there.
    """
    if barrier() != "bubblewrap":
        return plain
    own = {Path(sys.prefix), Path(sys.base_prefix), Path(__file__).resolve().parents[3]}
    if getattr(sys, "frozen", False):
        own.add(Path(sys.executable).parent)  # the program itself may lie in a home folder
    arguments = ["bwrap", "--unshare-all", "--die-with-parent", "--new-session"]
    arguments += ["--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc"]
    for hidden in ("/home", "/root", "/tmp", "/run", "/var/tmp"):
        if Path(hidden).is_dir():
            arguments += ["--tmpfs", hidden]
    for path in sorted(own | set(readable)):
        arguments += ["--ro-bind", str(path), str(path)]
    for path in writable:
        arguments += ["--bind", str(path), str(path)]
    return [*arguments, "--", *plain]
