"""The ``tradebench`` command: decides between window and command line, and nothing else.

Whatever it starts is imported late, so that ``tradebench --help`` answers at once and works where
Qt is missing.
"""

import sys
from collections.abc import Sequence


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command line (the process's own by default) and return the exit code."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    for stream in (sys.stdout, sys.stderr):
        # a terminal that can't show a character shows a question mark; it must not end the program
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="replace")
    return _command_line(arguments)


def _command_line(arguments: list[str]) -> int:
    from desktop.cli.app import run_cli

    return run_cli(arguments)


if __name__ == "__main__":
    sys.exit(main())
