"""``strategy show``: one saved strategy, in words and as it was saved."""

from typing import Annotated, Final

import typer

from desktop.cli.options import AsJson

NAME: Final = "show"


def command(
    reference: Annotated[
        str, typer.Argument(metavar="NAME[@VERSION]", help="The latest version when none is given.")
    ],
    as_json: AsJson = False,
) -> None:
    """Show a saved strategy."""
    from desktop.cli.output import console, emit
    from desktop.cli.session import open_service

    with open_service() as service:
        from desktop.service.payloads import saved_payload
        from desktop.service.saved import summary_of
        from storage.saved import saved_strategy

        saved = saved_strategy(service.store.database, reference)
        if as_json:
            emit(saved_payload(saved))
            return
        out = console()
        out.print(saved.reference, style="bold")
        out.print(summary_of(saved))
        runs = f"{saved.runs} run{'' if saved.runs == 1 else 's'}"
        out.print(
            f"{saved.kind} · saved {saved.created_at:%Y-%m-%d %H:%M} UTC · {runs}", style="dim"
        )
        out.print(saved.source_text.rstrip())
