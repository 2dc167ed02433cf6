"""Which version of the program this is."""

import tomllib
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path


@cache
def app_version() -> str:
    """Return the version of the source tree the program runs from, or of the installed one."""
    project = Path(__file__).resolve().parents[2] / "pyproject.toml"
    if project.is_file():
        with project.open("rb") as stream:
            return str(tomllib.load(stream)["project"]["version"])
    try:
        return version("tradebench")
    except PackageNotFoundError:  # a bundle without metadata
        return "0"
