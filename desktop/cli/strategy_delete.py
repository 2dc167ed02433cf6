"""``strategy delete``: forget a version of a saved strategy that no run uses."""

from typing import Annotated, Final

import typer

from desktop.cli.options import AsJson

NAME: Final = "delete"


def command(
    reference: Annotated[
        str, typer.Argument(metavar="NAME@VERSION", help="Which version to forget.")
    ],
    as_json: AsJson = False,
) -> None:
    """Delete a saved strategy; one that runs use is kept."""
    from desktop.cli.output import console, emit
    from desktop.cli.session import open_service

    with open_service() as service:
        from desktop.service.payloads import saved_payload
        from storage.saved import delete_strategy

        saved = delete_strategy(service.store.database, reference)
        if as_json:
            emit({**saved_payload(saved), "deleted": True})
        else:
            console().print(f"Deleted {saved.reference}")
