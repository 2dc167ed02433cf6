"""The ``tradebench`` command: decides between window and command line, and nothing else.

Without arguments the window opens; ``demo`` opens it with a finished run, or tells the same in the terminal where no
window can open. All else is the command line. Whatever is started is imported late, so that ``tradebench --help``
answers at once and works where Qt is missing.
"""

import gc
import os
import sys
from collections.abc import Sequence

UNAVAILABLE = 5


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command line (the process's own by default) and return the exit code."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    for stream in (sys.stdout, sys.stderr):
        # a terminal that can't show a character shows a question mark; it must not end the program
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="replace")
    match arguments:
        case []:
            return _window_only()
        case ["demo"]:
            return _demo()
        case ["--self-test"]:
            return _self_test()
        case ["--warm-kernels"]:
            return _warm_kernels()
        case ["--strategy-child"]:
            return _strategy_child()
    return _command_line(arguments)


def _window_only() -> int:
    from desktop.display import why_no_window

    reason = why_no_window()
    if not reason:
        return _window(demo=False)
    _say_no_window(reason)
    return UNAVAILABLE


def _demo() -> int:
    from desktop.display import why_no_window

    # An invisible window would show nobody the result, and would never be closed.
    hidden = os.environ.get("QT_QPA_PLATFORM", "") in ("offscreen", "minimal")
    reason = "QT_QPA_PLATFORM asks for no screen" if hidden else why_no_window()
    if not reason:
        return _window(demo=True)
    code = _command_line(["demo"])
    _say_no_window(reason)
    return code


def _window(*, demo: bool) -> int:
    from desktop.service.kernel_cache import prepare

    prepare()  # before anything imports Numba
    # What is made while the window is built stays until the end. To look for lost cycles in it, again and again, is
    # a sixth of the time until the window is there (250 ms of 1,500); `short_collections` looks from then on.
    gc.disable()
    try:
        from desktop.app import run_window

        return run_window(demo=demo)
    finally:
        gc.enable()


def _self_test() -> int:
    from desktop.cli.output import console
    from desktop.selftest import self_test

    return self_test(console().print)


def _warm_kernels() -> int:
    from desktop.warm import warm_kernels

    return warm_kernels()


def _strategy_child() -> int:
    from desktop.service.child.host import serve

    return serve()


def _command_line(arguments: list[str]) -> int:
    from desktop.cli.app import run_cli

    return run_cli(arguments)


def _say_no_window(reason: str) -> None:
    from desktop.cli.output import note

    note(f"No window was opened: {reason}. Everything also works here: tradebench --help")


if __name__ == "__main__":
    sys.exit(main())
