"""Where words go: results to standard output, progress and notes to standard error.

With ``--json`` there is exactly one JSON object on standard output, failures included. Colour
follows the terminal: none when the output is piped or NO_COLOR is set. Texts that come from files
and databases are never read as markup.
"""

import json
import os
import shutil
import sys
from typing import Any, Final

from rich.console import Console
from rich.panel import Panel
from rich.text import Text

from engine.errors import BacktestError, BacktestValidationError

SCHEMA_VERSION: Final = 1
PIPE_WIDTH: Final = 160
PANEL_WIDTH: Final = 92


def console(*, stderr: bool = False) -> Console:
    """Return a console on standard output (or error); a pipe is wide enough for whole tables."""
    stream = sys.stderr if stderr else sys.stdout
    width = None
    if not stream.isatty():
        width = (
            int(os.environ["COLUMNS"]) if os.environ.get("COLUMNS", "").isdigit() else PIPE_WIDTH
        )
    return Console(
        file=stream, width=width, markup=False, highlight=False, emoji=False, soft_wrap=False
    )


def note(text: str) -> None:
    """Say something about the work on standard error."""
    console(stderr=True).print(Text(text, style="dim"))


def emit(payload: dict[str, Any]) -> None:
    """Write one JSON object to standard output, the schema's version first."""
    utf8 = (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"
    text = json.dumps(
        {"schema_version": SCHEMA_VERSION, **payload},
        ensure_ascii=not utf8,
        allow_nan=False,
        indent=2,
    )
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def error_payload(error: BacktestError) -> dict[str, Any]:
    """Return what a failure looks like with ``--json``."""
    return {
        "error": {
            "kind": error.kind,
            "message": error.message,
            "field": error.field or None,
            "hint": error.hint or None,
            "run_id": error.run_id or None,
        }
    }


def show_error(error: BacktestError, *, as_json: bool) -> None:
    """Tell what is wrong, where, and what to do: a panel on standard error, or the JSON object."""
    if as_json:
        emit(error_payload(error))
        return
    body = Text()
    if isinstance(error, BacktestValidationError):
        for index, problem in enumerate(error.problems):
            _add_problem(body, "\n" * bool(index) + problem.field, problem.message, problem.hint)
    else:
        _add_problem(
            body, "" if error.field in error.message else error.field, error.message, error.hint
        )
    if error.run_id:
        body.append(f"\nThe run is kept: tradebench show {error.run_id[:13]}", style="dim")
    target = console(stderr=True)
    width = min(PANEL_WIDTH, target.width, shutil.get_terminal_size((PANEL_WIDTH, 24)).columns)
    target.print(
        Panel(
            body,
            title=_TITLES.get(error.exit_code, "Failed"),
            title_align="left",
            border_style="red",
            width=max(40, width),
        )
    )


def _add_problem(body: Text, field: str, message: str, hint: str) -> None:
    if field.strip():
        body.append(field, style="bold")
        body.append("  ")
    body.append(message)
    if hint:
        body.append(f"\n→ {hint}", style="cyan")


_TITLES: Final = {
    1: "The run failed",
    2: "This can't be run as it is",
    3: "Not found",
    4: "Different",
    5: "Not available",
    6: "Quota used up",
    130: "Cancelled",
}
