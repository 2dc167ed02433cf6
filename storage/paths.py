"""Where things live: in ``TRADEBENCH_HOME``, or where the operating system wants each kind.

Folders are made on first use and belong to their user alone.
"""

import os
from pathlib import Path

import platformdirs

from storage.errors import DatabaseConnectionError

APP = "tradebench"
HOME_VARIABLE = "TRADEBENCH_HOME"


def data_dir() -> Path:
    """Return the folder of what must last: the database, imported bars, backups."""
    return _private(_home("data") or platformdirs.user_data_path(APP, appauthor=False))


def config_dir() -> Path:
    """Return the folder of settings."""
    return _private(_home("config") or platformdirs.user_config_path(APP, appauthor=False))


def cache_dir() -> Path:
    """Return the folder of what can be made again."""
    return _private(_home("cache") or platformdirs.user_cache_path(APP, appauthor=False))


def log_dir() -> Path:
    """Return the folder of logs."""
    return _private(_home("log") or platformdirs.user_log_path(APP, appauthor=False))


def database_file() -> Path:
    """Return the file of the local database."""
    return data_dir() / "runs.sqlite"


def backup_dir() -> Path:
    """Return the folder of the database's backups."""
    return _private(data_dir() / "backups")


def market_dir() -> Path:
    """Return the folder of imported bars."""
    return _private(data_dir() / "market")


def reference_dir() -> Path:
    """Return the folder of what is known beside imported bars: members, companies, actions."""
    return _private(data_dir() / "reference")


def sweep_dir() -> Path:
    """Return the folder of parameter sweeps."""
    return _private(data_dir() / "sweeps")


def strategies_dir() -> Path:
    """Return the folder of the person's own strategy files."""
    return _private(data_dir() / "strategies")


def _home(part: str) -> Path | None:
    """Return the part of the one folder; data lies in the folder itself."""
    root = os.environ.get(HOME_VARIABLE)
    if not root:
        return None
    home = Path(root).expanduser().absolute()
    return home if part == "data" else home / part


def _private(path: Path) -> Path:
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise DatabaseConnectionError(
            f"The folder {path} cannot be made ({error.strerror})",
            hint=f"choose a folder that you may write to with {HOME_VARIABLE}",
        ) from error
    return path
