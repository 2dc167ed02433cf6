"""``strategy new``: a file to begin with, in the strategies folder."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final

import typer

from desktop.cli.options import AsJson

NAME: Final = "new"


class Form(StrEnum):
    """The forms of a strategy."""

    SIGNALS = "signals"
    TARGETS = "targets"
    ON_BAR = "on_bar"


def command(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Letters, digits and _.")],
    form: Annotated[
        Form,
        typer.Option(
            "--form", help="When to enter and leave, which weights to hold, or orders bar by bar."
        ),
    ] = Form.SIGNALS,
    folder: Annotated[
        Path | None, typer.Option("--folder", help="Where; the strategies folder by default.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Write a strategy file that works as it is, with comments on what to change."""
    from desktop.cli.output import console, emit
    from desktop.service.templates import write_template

    path = write_template(name, form.value, folder)
    if as_json:
        emit({"path": str(path), "form": form.value})
        return
    out = console()
    out.print(f"Wrote {path}")
    out.print(f"Next: tradebench strategy check {path}", style="dim")
