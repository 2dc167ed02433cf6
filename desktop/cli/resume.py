"""``resume``: take up runs that the program's end cut off."""

from typing import TYPE_CHECKING, Annotated, Final

import typer

from desktop.cli.options import AsJson

if TYPE_CHECKING:
    from desktop.service.facade import Service
    from storage.records import StoredRun

NAME: Final = "resume"
CANCELLED: Final = 130


def command(
    run_id: Annotated[
        str | None,
        typer.Argument(metavar="[ID]", help="An interrupted run; without one they are listed."),
    ] = None,
    restart: Annotated[
        bool, typer.Option("--restart", help="Begin again from the first bar, as a new run.")
    ] = False,
    discard: Annotated[
        bool, typer.Option("--discard", help="Move it to the trash instead.")
    ] = False,
    as_json: AsJson = False,
) -> int:
    """Go on with an interrupted run where its last checkpoint stands; the result is the same to the last bit."""
    from desktop.cli.session import open_service

    with open_service() as service:
        if run_id is None:
            _list(service, as_json)
            return 0
        if discard:
            _discard(service, run_id, as_json)
            return 0
        return _finish(_run(service, run_id, restart), as_json)


def _run(service: "Service", run_id: str, restart: bool) -> "StoredRun":
    from desktop.cli.progress import progress_bar, stop_on_interrupt
    from desktop.service.kernel_cache import is_filled, prepare

    chosen = service.restart(run_id) if restart else service.interrupted_id(run_id)
    compiles = not is_filled(prepare())
    with progress_bar(compiles=compiles) as on_progress, stop_on_interrupt() as should_stop:
        return service.execute(chosen, on_progress, should_stop)


def _finish(stored: "StoredRun", as_json: bool) -> int:
    from desktop.cli.output import console, emit

    if as_json:
        from desktop.service.payloads import run_payload

        emit(run_payload(stored))
    else:
        from desktop.cli.report import report

        console().print(report(stored))
    return CANCELLED if stored.record.status == "cancelled" else 0


def _list(service: "Service", as_json: bool) -> None:
    from desktop.cli.output import console, emit

    found = [(run, service.can_resume(run.run_id)) for run in service.interrupted()]
    if as_json:
        items = [{"run_id": run.run_id, "can_resume": can} for run, can in found]
        emit({"items": items, "next_cursor": None, "total": len(items)})
        return
    out = console()
    if not found:
        out.print("No run was interrupted.")
    for run, can in found:
        how = "goes on from its checkpoint" if can else "has no checkpoint; use --restart"
        out.print(f"{run.short_id}  {run.strategy_name}  {how}")


def _discard(service: "Service", run_id: str, as_json: bool) -> None:
    from desktop.cli.output import console, emit

    full = service.interrupted_id(run_id)
    service.discard(full)
    if as_json:
        emit({"run_id": full, "discarded": True})
    else:
        console().print("Moved to the trash.")
