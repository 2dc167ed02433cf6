"""The linters' own settings: each bites, and none names what does not exist."""

import importlib.util
import subprocess
import sys
import sysconfig
import tomllib
from pathlib import Path
from typing import Any

import pytest

from tests.architecture.import_rules import DATA_MODULES
from tests.architecture.planting import Plant, plant, planted
from tests.architecture.tree import PRODUCT, ROOT

SETTINGS: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
CONTRACTS = {item["id"]: item for item in SETTINGS["tool"]["importlinter"]["contracts"]}
LINT_IMPORTS = Path(sysconfig.get_path("scripts")) / "lint-imports"

IMPORTS = (
    Plant("packages", "engine/market.py", "import storage.paths"),
    Plant("packages", "storage/paths.py", "import desktop.fmt"),
    Plant("packages", "resources/__init__.py", "import engine.types"),
    Plant("data-modules", "storage/paths.py", "import engine.simulate"),
    Plant("engine-alone", "engine/market.py", "import pandas"),
    Plant("engine-alone", "engine/market.py", "import sqlalchemy"),
    Plant("storage-alone", "storage/paths.py", "import numba"),
    Plant("storage-alone", "storage/paths.py", "from PySide6 import QtCore"),
    Plant("without-qt", "desktop/service/versions.py", "from PySide6 import QtCore"),
    Plant("without-qt", "desktop/cli/options.py", "import qasync"),
    Plant("engine-layers", "engine/market.py", "import engine.simulate"),
    Plant("engine-layers", "engine/newcomer.py", "import engine.types"),
    Plant("kernel-layers", "engine/kernels/book.py", "import engine.kernels.advance"),
    Plant("kernel-layers", "engine/kernels/newcomer.py", "import engine.types"),
    Plant("statistics-layers", "engine/statistics/tables.py", "import engine.statistics.symbols"),
    Plant("statistics-layers", "engine/statistics/newcomer.py", "import engine.types"),
    Plant("desktop-layers", "desktop/service/versions.py", "import desktop.tasks"),
    Plant("desktop-layers", "desktop/app.py", "import desktop.cli.app"),
    Plant("desktop-layers", "desktop/views/table.py", "import desktop.workbench.room"),
    Plant("workbench-layers", "desktop/workbench/team.py", "import desktop.workbench.running"),
    Plant("workbench-layers", "desktop/workbench/newcomer.py", "import desktop.fmt"),
    Plant("desktop-layers", "desktop/charts/ink.py", "import desktop.presenters.state"),
    Plant("desktop-layers", "desktop/newcomer.py", "import desktop.fmt"),
    Plant("views-forward", "desktop/views/table.py", "import desktop.service.facade"),
    Plant("views-forward", "desktop/charts/ink.py", "import desktop.tasks.aio"),
    Plant("presenters-without-widgets", "desktop/models/roles.py", "import desktop.theme.icons"),
)
STYLE = (
    Plant("TID251", "desktop/presenters/planted.py", "from PySide6.QtWidgets import QWidget"),
    Plant("TID251", "desktop/tasks/planted.py", "import pyqtgraph"),
    Plant("TID252", "engine/planted.py", "from .types import FILL"),
    Plant("S608", "storage/planted.py", "def f(t: str) -> str:\n    return f'SELECT a FROM {t}'"),
    Plant("T201", "desktop/cli/planted.py", "print(1)"),
    Plant("N802", "engine/planted.py", "def camelCase() -> None: ..."),
    Plant("D103", "engine/planted.py", "def undocumented() -> None: ..."),
    Plant("F401", "storage/planted.py", "import os"),
    Plant("E501", "storage/planted.py", f"# {'long ' * 30}"),
)
TYPES = (
    Plant("no-untyped-def", "engine/planted.py", "def f(x):\n    return x"),
    Plant("type-arg", "storage/planted.py", "def f(x: dict) -> None: ..."),
    Plant("return-value", "desktop/service/planted.py", "def f() -> int:\n    return 'a'"),
    Plant("arg-type", "desktop/tasks/planted.py", "def f(x: int) -> int:\n    return x\nf('a')"),
)


def _run(root: Path, *command: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, cwd=root, capture_output=True, text=True, check=False, timeout=240
    )


@pytest.mark.parametrize("violation", IMPORTS, ids=str)
def test_a_contract_breaks_when_it_is_broken(violation: Plant, tree: Path) -> None:
    command = (LINT_IMPORTS, "--no-cache", "--no-logo", "--contract", violation.rule)

    with planted(tree, violation):
        done = _run(tree, *command)

    assert "0 kept, 1 broken" in done.stdout, done.stdout + done.stderr


def test_no_contract_breaks_where_nothing_is_planted(tree: Path) -> None:
    done = _run(tree, LINT_IMPORTS, "--no-cache", "--no-logo")

    assert f"{len(CONTRACTS)} kept, 0 broken" in done.stdout, done.stdout + done.stderr


def test_every_contract_has_a_planted_violation() -> None:
    assert set(CONTRACTS) == {violation.rule for violation in IMPORTS}


@pytest.mark.parametrize("violation", STYLE, ids=str)
def test_ruff_finds_a_planted_violation(violation: Plant) -> None:
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "ruff",
            "check",
            "--no-cache",
            "--stdin-filename",
            violation.path,
            "-",
        ],
        cwd=ROOT,
        input=violation.text,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 1
    assert violation.rule in done.stdout


def test_mypy_finds_planted_violations(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text(f"[tool.mypy]\n{_mypy_switches()}", encoding="utf-8")
    for violation in TYPES:
        plant(tmp_path, violation)

    done = _run(
        tmp_path,
        sys.executable,
        "-m",
        "mypy",
        "--cache-dir",
        "cache",
        "--explicit-package-bases",
        *(p.path for p in TYPES),
    )

    assert [v for v in TYPES if f"[{v.rule}]" not in done.stdout] == []


def test_the_import_contracts_know_every_package_and_every_module() -> None:
    settings = SETTINGS["tool"]["importlinter"]
    hidden_from_storage = {f"engine.{path.stem}" for path in (ROOT / "engine").iterdir()}
    hidden_from_storage -= {"engine.__init__", "engine.__pycache__", *DATA_MODULES}

    assert settings["root_packages"] == sorted(PRODUCT)
    assert set(CONTRACTS["data-modules"]["forbidden_modules"]) == hidden_from_storage
    assert all(item.get("exhaustive") for item in CONTRACTS.values() if "containers" in item)


def test_what_contracts_forbid_is_installed_under_that_name() -> None:
    forbidden = {name for item in CONTRACTS.values() for name in item.get("forbidden_modules", ())}

    assert [name for name in sorted(forbidden) if importlib.util.find_spec(name) is None] == []


def test_mypy_is_strict_about_the_whole_product() -> None:
    settings = SETTINGS["tool"]["mypy"]

    assert settings["strict"] is True
    assert {*settings["packages"], "resources"} == {*PRODUCT}


def _mypy_switches() -> str:
    settings = SETTINGS["tool"]["mypy"]
    switches = {name: value for name, value in settings.items() if isinstance(value, bool)}
    return "".join(f"{name} = {str(value).lower()}\n" for name, value in switches.items())
