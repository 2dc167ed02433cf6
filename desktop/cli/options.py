"""Options that several commands share."""

from typing import Annotated

import typer

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object, for other programs.")]
RunId = Annotated[str, typer.Argument(metavar="ID", help="A run's id, or the beginning of it.")]
