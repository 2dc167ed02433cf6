"""Where compiled kernels are kept between starts.

A private folder per version of program, Numba and Python, per processor, and per kernel source.
Numba loads what it finds there as code, so the folder must belong to this user alone. It must be
named in the environment before Numba is imported for the first time.
"""

import hashlib
import os
import platform
import re
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path
from typing import Final

from desktop.service.versions import app_version
from storage import paths

VARIABLE: Final = "NUMBA_CACHE_DIR"


def prepare() -> Path:
    """Choose the folder unless the environment names one already; return it."""
    chosen = os.environ.get(VARIABLE)
    if chosen:
        return Path(chosen)
    folder = paths.cache_dir() / "kernels" / key()
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    if not is_private(folder):
        # somebody else could plant code in it: compile into a folder of this process alone instead
        folder = Path(tempfile.mkdtemp(prefix="tradebench-kernels-"))
    os.environ[VARIABLE] = str(folder)
    return folder


def prepare_for(digest: str) -> Path:
    """Return a folder that a child of one strategy may write, in which it finds all that is compiled already.

    Named by the hash of the strategy's code, so that what one strategy leaves there no other finds. What is there
    already is linked, not copied: the child sees the targets, but cannot change them.
    """
    shared = prepare()
    folder = shared.parent / f"{shared.name}-of-{digest[:16]}"
    for file in shared.rglob("*.nb[ci]"):
        link = folder / file.relative_to(shared)
        if not link.exists():
            link.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            link.unlink(missing_ok=True)
            link.symlink_to(file)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return folder


def is_filled(folder: Path) -> bool:
    """Tell whether something has been compiled into the folder before."""
    return any(folder.rglob("*.nbc"))


def is_private(folder: Path) -> bool:
    """Tell whether the folder belongs to this user and nobody else may write to it."""
    if sys.platform == "win32":
        return True  # the profile's access list already says so
    status = folder.stat()
    return status.st_uid == os.getuid() and not status.st_mode & 0o022


def key() -> str:
    """Return the name of the folder: what compiled code depends on."""
    parts = (
        app_version(),
        version("numba"),
        f"py{sys.version_info.major}{sys.version_info.minor}",
        _cpu(),
        _sources(),
    )
    return "-".join(re.sub(r"[^\w.]+", "_", part) for part in parts)


def _sources() -> str:
    """Return a short hash of the compiled code's sources.

    Numba watches only the file of each function: a change in a function that another file calls goes unnoticed.
    """
    digest = hashlib.sha256()
    engine = Path(__file__).resolve().parents[2] / "engine"
    for file in [
        engine / "types.py",
        engine / "market.py",
        *sorted((engine / "kernels").glob("*.py")),
    ]:
        if file.is_file():  # a frozen program has no sources, and its version says it all
            digest.update(file.read_bytes())
    return digest.hexdigest()[:8]


def _cpu() -> str:
    """Return a short name of the processor: kernels use the instructions it has."""
    forced = os.environ.get("NUMBA_CPU_NAME")
    if forced:
        return forced
    text = platform.processor()
    try:
        with open("/proc/cpuinfo", encoding="utf-8", errors="replace") as stream:
            text = "\n".join(
                line
                for line in stream.read(8192).split("\n\n")[0].splitlines()
                if line.startswith(("model name", "flags", "Features", "CPU part"))
            )
    except OSError:
        text += platform.version()
    return f"{platform.machine()}-{hashlib.sha256(text.encode()).hexdigest()[:8]}"
