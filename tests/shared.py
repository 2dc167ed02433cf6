"""Where the large market data and published figures for tests are, when they are there at all."""

import os
from pathlib import Path

_ROOT = Path(__file__).resolve().parents[1]


def shared_root() -> Path | None:
    """Return the folder beside the checkout (or TRADEBENCH_SHARED), or None where it is missing."""
    path = Path(os.environ.get("TRADEBENCH_SHARED", _ROOT.parent / "shared"))
    return path if path.is_dir() else None


def shared_path(*parts: str) -> Path:
    """Return a path inside the shared folder; for tests marked ``needs_shared`` only."""
    root = shared_root()
    assert root is not None, "a test that reads the shared folder must be marked needs_shared"
    return root.joinpath(*parts)
