"""What an import really loads, in a fresh process."""

import json
import subprocess
import sys

import pytest

from tests.architecture.tree import ROOT

QT = ("PySide6", "shiboken6", "pyqtgraph", "qasync")
DATABASES = ("sqlalchemy", "alembic", "psycopg", "keyring", "pyarrow", "filelock")
CASES = {
    "engine.simulate": (*QT, *DATABASES, "pandas", "exchange_calendars", "storage", "desktop"),
    "engine.strategies.registry": (*QT, *DATABASES, "pandas", "storage", "desktop"),
    "engine.types": (*QT, *DATABASES, "pandas", "numba", "pydantic"),
    "storage.runs": (*QT, "numba", "engine.simulate", "engine.kernels", "desktop"),
    "desktop.cli.app": (*QT, "numba", "pandas", "sqlalchemy", "pyarrow"),
    "desktop.service.facade": QT,
}
_LOAD = "import importlib, json, sys; importlib.import_module({!r}); json.dump(list(sys.modules), sys.stdout)"
_BLOCKED = "import sys; sys.modules.update(dict.fromkeys({!r})); from desktop.__main__ import main; main({!r})"


def _python(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


@pytest.mark.parametrize("module", CASES)
def test_an_import_loads_nothing_it_should_not(module: str) -> None:
    done = _python(_LOAD.format(module))

    assert done.returncode == 0, done.stderr
    assert not {*CASES[module]} & {*json.loads(done.stdout)}


def test_the_command_line_works_where_qt_is_not_installed() -> None:
    done = _python(_BLOCKED.format(QT, ["--help"]))

    assert done.returncode == 0, done.stderr
    assert "demo" in done.stdout
