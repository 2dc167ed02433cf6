"""What the code itself may look like: sizes, kernels, output, tests.

Each rule takes the root of a tree and returns its findings, one line each; none is good.
"""

import ast
import statistics
from collections.abc import Iterator
from pathlib import Path

from tests.architecture.import_rules import PATHS_IN_ENGINE
from tests.architecture.tree import PRODUCT, Module, called, functions, imports, length, modules

MOST_LINES = 500
USUAL_LINES = 350
MEDIAN_LINES = 150
FUNCTION_LINES = 60
KERNEL_LINES = 90
KERNEL_ARGUMENTS = 10
WINDOW_METHODS = 25
COMPILERS = ("njit", "jit", "vectorize", "guvectorize", "generated_jit", "stencil", "cfunc")
READS_CLOCK = ("now", "today", "utcnow")
OPENS_FILE = ("open", "read_text", "read_bytes", "write_text", "write_bytes")
SKIPS = ("skip", "skipif", "skipIf", "xfail", "importorskip", "expectedFailure")
CAN_FAIL = (
    "check",
    "raises",
    "warns",
    "fail",
    "waitSignal",
    "waitSignals",
    "waitUntil",
    "assertNotEmitted",
)


def files_are_short(root: Path) -> Iterator[str]:
    """No file over 500 lines, nine of ten at most 350, and half at most 150 (empty ones not counted)."""
    sizes = {m.path: len(m.text.splitlines()) for m in modules(root, *PRODUCT, "tests")}
    for path, lines in sizes.items():
        if lines > MOST_LINES:
            yield f"{path}:1: {lines} lines, at most {MOST_LINES} are allowed"
    counted = [lines for path, lines in sizes.items() if lines and not path.startswith("tests/")]
    large = sum(lines > USUAL_LINES for lines in counted)
    if large > len(counted) / 10:
        yield f"{large} of {len(counted)} files have more than {USUAL_LINES} lines; a tenth may"
    if (median := statistics.median(counted)) > MEDIAN_LINES:
        yield f"the median file has {median:g} lines, at most {MEDIAN_LINES} are allowed"


def functions_are_short(root: Path) -> Iterator[str]:
    """At most 60 lines, 90 for a kernel."""
    for module in modules(root, *PRODUCT, "tests"):
        for function in functions(module):
            most = KERNEL_LINES if function.name.endswith("_nb") else FUNCTION_LINES
            if (lines := length(function)) > most:
                yield module.at(function, f"{function.name} has {lines} lines, at most {most}")


def kernels_are_plain(root: Path) -> Iterator[str]:
    """Named ``_nb``, compiled without the lock and kept on disk, never parallel or with loose arithmetic."""
    for module in modules(root, *PRODUCT):
        for function in functions(module):
            compiled = [d for d in function.decorator_list if _compiler(d)]
            if function.name.endswith("_nb") != bool(compiled):
                yield module.at(function, f"{function.name}: kernels, and only they, end in _nb")
            for decorator in compiled:
                yield from _options(module, function.name, decorator)
            if compiled and (count := _arguments(function)) > KERNEL_ARGUMENTS:
                yield module.at(function, f"{function.name} takes {count} arguments, at most 10")
        yield from (
            module.at(found.node, "parallel loops can abort the process when two threads meet")
            for found in imports(module)
            if found.is_of("numba.prange", "numba.pndindex")
        )


def engine_reads_no_clock(root: Path) -> Iterator[str]:
    """The same input gives the same result, today and in ten years."""
    for module in modules(root, "engine"):
        for call in _calls(module, READS_CLOCK):
            yield module.at(call, f"engine has no clock: {ast.unparse(call.func)}()")


def engine_opens_no_file(root: Path) -> Iterator[str]:
    """Bars and strategies are handed in."""
    for module in modules(root, "engine"):
        if not module.is_in(PATHS_IN_ENGINE):
            for call in _calls(module, OPENS_FILE):
                yield module.at(call, f"engine opens no file: {ast.unparse(call.func)}()")


def nothing_prints(root: Path) -> Iterator[str]:
    """What people read goes through the console or the window, what we read through the log."""
    for module in modules(root, *PRODUCT, "tests"):
        for call in _calls(module, ("print", "pprint")):
            if isinstance(call.func, ast.Name):
                yield module.at(call, f"{called(call)}()")


def nothing_pumps_events(root: Path) -> Iterator[str]:
    """``processEvents`` runs the rest of the program in the middle of a function."""
    for module in modules(root, *PRODUCT):
        for call in _calls(module, ("processEvents",)):
            yield module.at(call, "processEvents()")


def names_say_what_is_inside(root: Path) -> Iterator[str]:
    """A module called ``utils`` collects what nobody looks for there."""
    vague = {"utils", "util", "helpers", "misc", "common"}
    for module in modules(root, *PRODUCT, "tests"):
        if vague & set(module.path.removesuffix(".py").split("/")):
            yield f"{module.path}:1: a name that says nothing"


def windows_own_little(root: Path) -> Iterator[str]:
    """The main window lays out and forwards; at most 25 methods."""
    for module in modules(root, "desktop"):
        for node in ast.walk(module.tree):
            if isinstance(node, ast.ClassDef) and _is_window(node):
                count = sum(
                    isinstance(item, ast.FunctionDef | ast.AsyncFunctionDef) for item in node.body
                )
                if count > WINDOW_METHODS:
                    yield module.at(
                        node, f"{node.name} has {count} methods, at most {WINDOW_METHODS}"
                    )


def no_test_is_skipped(root: Path) -> Iterator[str]:
    """What can't run here is left out by its mark; what is broken is mended."""
    for module in modules(root, "tests"):
        for node in ast.walk(module.tree):
            if isinstance(node, ast.Attribute) and node.attr in SKIPS and _is_pytest(node.value):
                yield module.at(node, ast.unparse(node))


def every_test_can_fail(root: Path) -> Iterator[str]:
    """A test without an expectation proves nothing."""
    for module in modules(root, "tests"):
        for function in functions(module):
            if function.name.startswith("test_") and not _expects(function):
                yield module.at(function, f"{function.name} expects nothing")


def _calls(module: Module, names: tuple[str, ...]) -> Iterator[ast.Call]:
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Call) and called(node) in names:
            yield node


def _compiler(decorator: ast.expr) -> bool:
    target = decorator.func if isinstance(decorator, ast.Call) else decorator
    return ast.unparse(target).split(".")[-1] in COMPILERS


def _options(module: Module, name: str, decorator: ast.expr) -> Iterator[str]:
    keywords = decorator.keywords if isinstance(decorator, ast.Call) else []
    given = {keyword.arg: ast.unparse(keyword.value) for keyword in keywords}
    for option in ("nogil", "cache"):
        if given.get(option) != "True":
            yield module.at(decorator, f"{name} must be compiled with {option}=True")
    for option in ("parallel", "fastmath"):
        if option in given:
            yield module.at(decorator, f"{name} must not be compiled with {option}")


def _arguments(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    arguments = function.args
    return len(arguments.posonlyargs) + len(arguments.args) + len(arguments.kwonlyargs)


def _is_pytest(node: ast.expr) -> bool:
    return ast.unparse(node) in ("pytest", "pytest.mark", "unittest")


def _is_window(node: ast.ClassDef) -> bool:
    return node.name == "MainWindow" or any("QMainWindow" in ast.unparse(b) for b in node.bases)


def _expects(function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    return any(
        isinstance(node, ast.Assert)
        or (isinstance(node, ast.Call) and _is_expectation(called(node)))
        for node in ast.walk(function)
    )


def _is_expectation(name: str) -> bool:
    return name in CAN_FAIL or name.lstrip("_").startswith(("assert_", "expect_", "check_"))


RULES = (
    files_are_short,
    functions_are_short,
    kernels_are_plain,
    engine_reads_no_clock,
    engine_opens_no_file,
    nothing_prints,
    nothing_pumps_events,
    names_say_what_is_inside,
    windows_own_little,
    no_test_is_skipped,
    every_test_can_fail,
)
