"""``stop``: ask a run that is under way, in whatever process, to end."""

from typing import Final

from desktop.cli.options import AsJson, RunId

NAME: Final = "stop"


def command(run_id: RunId, as_json: AsJson = False) -> None:
    """Stop a run; what it has until then is kept."""
    from desktop.cli.output import console, emit
    from desktop.cli.session import open_service

    with open_service() as service:
        requested = service.stop(run_id)
        record = service.status(run_id)
    if as_json:
        emit({"run_id": record.run_id, "requested": requested, "status": record.status})
    elif requested:
        console().print(f"Asked run {record.short_id} to stop.")
    else:
        console().print(
            f"Run {record.short_id} is {record.status} already; there is nothing to stop."
        )
