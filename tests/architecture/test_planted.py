"""Every rule fails when it is broken: a rule nobody has seen fail is no rule."""

import functools
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.architecture.planting import Plant, planted
from tests.architecture.test_rules import RULES

Rule = Callable[[Path], Iterator[str]]

_KERNEL = "import numba\n@numba.njit({options})\ndef {name}({arguments}):\n    {body}"
_GOOD_OPTIONS = "nogil=True, cache=True"


def _kernel(
    name: str = "f_nb", options: str = _GOOD_OPTIONS, arguments: str = "", body: str = "pass"
) -> str:
    return _KERNEL.format(name=name, options=options, arguments=arguments, body=body)


def _function(name: str, lines: int) -> str:
    return f"def {name}():\n" + "    x = 1\n" * (lines - 1)


PLANTS = (
    Plant("packages_point_one_way", "engine/planted.py", "import storage.runs"),
    Plant("packages_point_one_way", "engine/market.py", "from desktop import service"),
    Plant("packages_point_one_way", "storage/planted.py", "def f():\n    import desktop.service"),
    Plant("packages_point_one_way", "desktop/planted.py", "from tests import shared"),
    Plant("packages_point_one_way", "resources/planted.py", "import engine.types"),
    Plant("storage_sees_data_modules_only", "storage/planted.py", "from engine import simulate"),
    Plant("storage_sees_data_modules_only", "storage/planted.py", "import engine.strategies.registry"),
    Plant("storage_knows_neither_qt_nor_numba", "storage/planted.py", "from PySide6 import QtCore"),
    Plant("storage_knows_neither_qt_nor_numba", "storage/planted.py", "from numba import njit"),
    Plant("engine_uses_three_libraries", "engine/planted.py", "import sqlalchemy"),
    Plant("engine_uses_three_libraries", "engine/market.py", "import pandas as pd"),
    Plant("engine_touches_no_world", "engine/planted.py", "import importlib\nimportlib.import_module('socket')"),
    Plant("engine_touches_no_world", "engine/simulate.py", "from time import monotonic"),
    Plant("engine_package_is_empty", "engine/__init__.py", "from engine import types"),
    Plant("kernels_look_down_only", "engine/kernels/planted.py", "from engine import trades"),
    Plant("kernels_look_down_only", "engine/kernels/planted.py", "from engine.strategies import registry"),
    Plant("service_and_commands_are_qt_free", "desktop/service/planted.py", "import PySide6.QtCore"),
    Plant("service_and_commands_are_qt_free", "desktop/cli/planted.py", "import qasync"),
    Plant("service_and_commands_are_qt_free", "desktop/cli/planted.py", "from desktop.app import run_window"),
    Plant("widgets_stay_in_their_rooms", "desktop/presenters/planted.py", "from PySide6 import QtWidgets"),
    Plant("widgets_stay_in_their_rooms", "desktop/tasks/planted.py", "import pyqtgraph as pg"),
    Plant("desktop_looks_down_only", "desktop/presenters/planted.py", "from desktop.views import main_window"),
    Plant("desktop_looks_down_only", "desktop/tasks/planted.py", "import desktop.app"),
    Plant("desktop_looks_down_only", "desktop/service/planted.py", "from desktop import tasks"),
    Plant("desktop_looks_down_only", "desktop/models/planted.py", "from desktop.presenters.state import RunView"),
    Plant("desktop_looks_down_only", "desktop/charts/planted.py", "import desktop.presenters.state"),
    Plant("desktop_looks_down_only", "desktop/app.py", "from desktop.cli.app import run_cli"),
    Plant("desktop_looks_down_only", "desktop/planted.py", "import desktop.fmt"),
    Plant("views_paint_and_forward", "desktop/views/planted.py", "from desktop.service.facade import Service"),
    Plant("views_paint_and_forward", "desktop/charts/planted.py", "import sqlalchemy"),
    Plant("views_paint_and_forward", "desktop/presenters/planted.py", "from desktop.theme import icon"),
    Plant("one_module_meets_the_keyring", "storage/planted.py", "import keyring"),
    Plant("imports_are_absolute", "engine/planted.py", "from . import types"),
    Plant("imports_are_absolute", "desktop/cli/planted.py", "from ..service import facade"),
    Plant("files_are_short", "storage/planted.py", "x = 1\n" * 501),
    Plant("functions_are_short", "desktop/planted.py", _function("f", 61)),
    Plant("functions_are_short", "engine/planted.py", _function("f_nb", 91)),
    Plant("kernels_are_plain", "engine/planted.py", _kernel(name="f")),
    Plant("kernels_are_plain", "engine/planted.py", "def f_nb():\n    pass"),
    Plant("kernels_are_plain", "engine/planted.py", _kernel(options="nogil=True")),
    Plant("kernels_are_plain", "engine/planted.py", _kernel(options="cache=True")),
    Plant("kernels_are_plain", "engine/planted.py", _kernel(options=f"{_GOOD_OPTIONS}, parallel=True")),
    Plant("kernels_are_plain", "engine/planted.py", _kernel(options=f"{_GOOD_OPTIONS}, fastmath=True")),
    Plant("kernels_are_plain", "engine/planted.py", _kernel(arguments="a, b, c, d, e, f, g, h, i, j, k")),
    Plant("kernels_are_plain", "engine/planted.py", "from numba import prange"),
    Plant("kernels_are_plain", "engine/planted.py", "from numba import njit\n@njit\ndef f_nb():\n    pass"),
    Plant("engine_reads_no_clock", "engine/planted.py", "import datetime\ndatetime.date.today()"),
    Plant("engine_opens_no_file", "engine/planted.py", "open('bars.csv')"),
    Plant("nothing_prints", "storage/planted.py", "print('x')"),
    Plant("nothing_pumps_events", "desktop/views/planted.py", "app.processEvents()"),
    Plant("names_say_what_is_inside", "storage/utils.py", ""),
    Plant("names_say_what_is_inside", "desktop/utils/planted.py", ""),
    Plant("windows_own_little", "desktop/views/planted.py", "class MainWindow:\n" + "    def f(self): ...\n" * 26),
    Plant("no_test_is_skipped", "tests/planted.py", "import pytest\npytest.skip('later')"),
    Plant("no_test_is_skipped", "tests/planted.py", "import pytest\n@pytest.mark.xfail\ndef test_x(): assert 0"),
    Plant("every_test_can_fail", "tests/planted.py", "def test_nothing():\n    compute()"),
    Plant("top_level_is_as_drawn", "docs/planted.md", "words"),
    Plant("files_are_small", "resources/planted.csv", "1" * 3_000_001),
    Plant("files_say_nothing_foreign", "storage/planted.py", "FOLDER = '/ro" + "ot/data'"),
    Plant("files_say_nothing_foreign", "resources/planted.md", "get it from pypi" + ".org"),
    Plant("files_say_nothing_foreign", "engine/planted.py", "# TO" + "DO later"),
)  # fmt: skip


@pytest.fixture(scope="module")
def before(tree: Path) -> Callable[[Rule], set[str]]:
    """Return what a rule finds where nothing is planted."""
    return functools.cache(lambda rule: set(rule(tree)))


@pytest.mark.parametrize("violation", PLANTS, ids=str)
def test_a_planted_violation_is_found(
    violation: Plant, tree: Path, before: Callable[[Rule], set[str]]
) -> None:
    rule = next(rule for rule in RULES if rule.__name__ == violation.rule)
    known = before(rule)

    with planted(tree, violation):
        found = set(rule(tree)) - known

    assert any(violation.path.split("/")[-1] in line or line.startswith("docs") for line in found)


def test_every_rule_has_a_planted_violation() -> None:
    assert {rule.__name__ for rule in RULES} == {violation.rule for violation in PLANTS}
