"""``strategy check``: what a file defines, and whether what it says looks ahead or hangs on its warm-up."""

from pathlib import Path
from typing import Annotated, Final

import typer

from desktop.cli.options import AsJson

NAME: Final = "check"
_DIFFERS: Final = 4
_A: Final = {"signals": "a signals", "targets": "a targets", "on_bar": "an on_bar"}


def command(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A strategy (.py).")],
    thorough: Annotated[
        bool, typer.Option("--thorough", help="Ask again at every bar, not at some.")
    ] = False,
    trust: Annotated[
        bool, typer.Option("--trust", help="Agree to run the file in its present version.")
    ] = False,
    as_json: AsJson = False,
) -> int:
    """Load a strategy file in a process of its own, run it on the demo prices, and look for look-ahead."""
    from desktop.cli.output import console, emit
    from desktop.cli.trusting import agree_to
    from desktop.service.checking import check_file

    agree_to(str(file), trust=trust)
    found = check_file(file, thorough=thorough)
    if as_json:
        emit(found.as_json())
    else:
        out = console()
        out.print(
            f"{found.title} ({found.name} {found.version}), {_A[found.form]} strategy", style="bold"
        )
        for name, default in found.parameters.items():
            out.print(f"  {name} = {default!r}")
        out.print(f"Imports from its folder: {', '.join(found.imported) or 'nothing'}")
        out.print(f"Version {found.digest[:12]}, held by {found.barrier}")
        out.print(
            f"Look-ahead: none found; asked again with the data cut at {found.cuts} of {found.bars} bars "
            "(which proves nothing for the others)"
            if not found.look_ahead
            else found.look_ahead
        )
        out.print(f"Warm-up: {found.warmup or 'the declared bars are enough'}")
    return _DIFFERS if found.look_ahead or found.warmup else 0
