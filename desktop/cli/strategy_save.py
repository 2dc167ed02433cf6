"""``strategy save``: keep criteria, parameters or a strategy file under a name."""

from pathlib import Path
from typing import Annotated, Final

import typer

from desktop.cli.options import AsJson

NAME: Final = "save"


def command(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE", help="A configuration with a [strategy] section, or a strategy (.py)."
        ),
    ],
    name: Annotated[str, typer.Option("--name", metavar="NAME", help="What it is called.")],
    as_json: AsJson = False,
) -> None:
    """Keep a strategy under a name; a change makes the next version."""
    from desktop.cli.output import console, emit
    from desktop.cli.session import open_service

    with open_service() as service:
        from desktop.service.payloads import saved_payload
        from desktop.service.saved import keep

        saved, is_new = keep(service.store, file, name)
        if as_json:
            emit({**saved_payload(saved), "new": is_new})
            return
        out = console()
        out.print(f"Saved as {saved.reference}" if is_new else f"Unchanged: {saved.reference}")
        out.print(f'Use it with: strategy.name = "{saved.reference}"', style="dim")
