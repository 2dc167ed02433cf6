"""Who may import whom: the drawing of the program, checked from the source alone.

Each rule takes the root of a tree and returns its findings, one line each; none is good.
"""

import sys
from collections.abc import Iterator
from pathlib import Path

from tests.architecture.tree import PRODUCT, Module, imports, modules

QT = ("PySide6", "shiboken6", "pyqtgraph", "qasync")
DATA_MODULES = tuple(
    f"engine.{name}"
    for name in ("types", "config", "market", "tick_series", "validate", "result", "errors")
)
ENGINE_LIBRARIES = ("numpy", "numba", "pydantic", "pydantic_core")
WORLD = (
    "asyncio", "ftplib", "http", "io", "logging", "multiprocessing", "os", "pathlib", "shutil", "signal",
    "smtplib", "socket", "sqlite3", "ssl", "subprocess", "tempfile", "time", "urllib", "webbrowser",
)  # fmt: skip
PATHS_IN_ENGINE = "engine/strategies/protocol.py"  # it hashes a strategy's own source file
WIDGET_ROOMS = ("desktop/views", "desktop/charts", "desktop/app.py")
# desktop from the ground up: a room knows those below it, not those beside it
FLOORS = (
    ("display", "fmt", "logs", "messages", "tokens"),
    ("service",),
    ("tasks", "warm"),
    ("actions", "crash", "theme"),
    ("models",),
    ("charts", "presenters"),
    ("views",),
    ("workbench",),
    ("app",),
    ("cli", "selftest"),
    ("__main__",),
)
FLOOR = {room: floor for floor, rooms in enumerate(FLOORS) for room in rooms}
OF_WINDOWS = tuple(
    f"desktop.{room}"
    for room in (
        "actions", "app", "charts", "models", "presenters", "selftest", "tasks", "theme", "views",
        "workbench",
    )
)  # fmt: skip


def packages_point_one_way(root: Path) -> Iterator[str]:
    """Desktop may use storage and engine, storage may use engine; nobody looks up, or at the tests."""
    forbidden = {
        "engine": ("desktop", "storage", "resources", "tests"),
        "storage": ("desktop", "tests"),
        "resources": ("desktop", "engine", "storage", "tests"),
        "desktop": ("tests",),
    }
    for folder, above in forbidden.items():
        yield from _banned(modules(root, folder), above, f"{folder} must not know")


def storage_sees_data_modules_only(root: Path) -> Iterator[str]:
    """Storage keeps what the engine made; it does not run it."""
    for module in modules(root, "storage"):
        for found in imports(module):
            if found.is_of("engine") and not found.is_of(*DATA_MODULES):
                yield module.at(found.node, f"storage may not use {found.target}")


def storage_knows_neither_qt_nor_numba(root: Path) -> Iterator[str]:
    """Storage also serves programs that have no window."""
    yield from _banned(modules(root, "storage"), (*QT, "numba"), "storage must not know")


def engine_uses_three_libraries(root: Path) -> Iterator[str]:
    """numpy, numba and pydantic; pandas in `engine.frames` alone (elsewhere for annotations only)."""
    allowed = (*ENGINE_LIBRARIES, *sys.stdlib_module_names, *PRODUCT)
    for module in modules(root, "engine"):
        at_edge = ("pandas",) if module.is_in("engine/frames.py", "engine/result.py") else ()
        for found in imports(module):
            if not found.level and not found.is_of(*allowed, *at_edge):
                yield module.at(found.node, f"engine may not use {found.target}")


def engine_touches_no_world(root: Path) -> Iterator[str]:
    """No clock, disk, network or process: what the engine needs to know is handed in."""
    for module in modules(root, "engine"):
        allowed = ("pathlib",) if module.is_in(PATHS_IN_ENGINE) else ()
        for found in imports(module):
            if found.is_of(*WORLD) and not found.is_of(*allowed):
                yield module.at(found.node, f"engine may not touch the world: {found.target}")


def engine_package_is_empty(root: Path) -> Iterator[str]:
    """``import engine.types`` must cost nothing more than the vocabulary."""
    for module in modules(root, "engine"):
        if module.path == "engine/__init__.py":
            yield from (module.at(found.node, "imports something") for found in imports(module))


def kernels_look_down_only(root: Path) -> Iterator[str]:
    """A kernel knows kernels, the vocabulary and the panel's arrays."""
    allowed = ("engine.kernels", "engine.types", "engine.errors", "engine.market")
    for module in modules(root, "engine/kernels"):
        for found in imports(module):
            if found.is_of("engine") and not found.is_of(*allowed):
                yield module.at(found.node, f"a kernel may not use {found.target}")


def service_and_commands_are_qt_free(root: Path) -> Iterator[str]:
    """The command line works where Qt is not installed."""
    yield from _banned(
        modules(root, "desktop/service", "desktop/cli"),
        (*QT, *OF_WINDOWS),
        "must work without Qt, so not use",
    )


def widgets_stay_in_their_rooms(root: Path) -> Iterator[str]:
    """Widgets and charts are met in views, charts and the composition root alone."""
    outside = (m for m in modules(root, *PRODUCT) if not m.is_in(*WIDGET_ROOMS))
    yield from _banned(outside, ("PySide6.QtWidgets", "pyqtgraph"), "outside views and charts:")


def desktop_looks_down_only(root: Path) -> Iterator[str]:
    """Windows know presenters, presenters know tasks, tasks know the service; never the other way."""
    for module in modules(root, "desktop"):
        room = module.path.split("/")[1].removesuffix(".py")
        if room == "__init__":
            continue
        if room not in FLOOR:
            yield f"{module.path}:1: the drawing has no room {room}"
            continue
        hidden = tuple(
            f"desktop.{other}"
            for other, floor in FLOOR.items()
            if floor >= FLOOR[room] and other != room
        )
        yield from _banned(iter([module]), hidden, f"{room} must not know")


def views_paint_and_forward(root: Path) -> Iterator[str]:
    """What is done is asked of a presenter, which can be tested without a window."""
    yield from _banned(
        modules(root, "desktop/views", "desktop/charts", "desktop/theme"),
        ("desktop.service", "desktop.tasks", "sqlalchemy", "psycopg"),
        "views and charts ask presenters, and not",
    )
    yield from _banned(
        modules(root, "desktop/presenters", "desktop/models", "desktop/tasks"),
        ("desktop.actions", "desktop.theme"),
        "presenters and models work without a window, so not with",
    )


def one_module_meets_the_keyring(root: Path) -> Iterator[str]:
    """Secrets pass through one place, which can be read in one sitting."""
    others = (m for m in modules(root, *PRODUCT) if not m.is_in("storage/credentials.py"))
    yield from _banned(others, ("keyring",), "only storage.credentials talks to")


def imports_are_absolute(root: Path) -> Iterator[str]:
    """A reader sees where a name comes from."""
    for module in modules(root, *PRODUCT, "tests"):
        for found in imports(module):
            if found.level:
                yield module.at(found.node, f"relative import of {found.target}")


def _banned(found_in: Iterator[Module], names: tuple[str, ...], message: str) -> Iterator[str]:
    for module in found_in:
        for found in imports(module):
            if found.is_of(*names):
                yield module.at(found.node, f"{message} {found.target}")


RULES = (
    packages_point_one_way,
    storage_sees_data_modules_only,
    storage_knows_neither_qt_nor_numba,
    engine_uses_three_libraries,
    engine_touches_no_world,
    engine_package_is_empty,
    kernels_look_down_only,
    service_and_commands_are_qt_free,
    widgets_stay_in_their_rooms,
    desktop_looks_down_only,
    views_paint_and_forward,
    one_module_meets_the_keyring,
    imports_are_absolute,
)
