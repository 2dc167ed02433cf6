"""``show``: everything about one run."""

from typing import Final

from desktop.cli.options import AsJson, RunId

NAME: Final = "show"


def command(run_id: RunId, as_json: AsJson = False) -> None:
    """Show a run: its figures, warnings and settings."""
    from desktop.cli.output import console, emit
    from desktop.cli.session import open_service

    with open_service() as service:
        from desktop.cli.report import report
        from desktop.service.payloads import run_payload

        stored = service.load(run_id)
        if as_json:
            emit(run_payload(stored))
        else:
            console().print(report(stored, settings=True))
