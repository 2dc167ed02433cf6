"""``sync``: send finished runs to the team's database now, and see what waits."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

from desktop.cli.options import AsJson

if TYPE_CHECKING:
    from desktop.service.sync import SyncService
    from storage.sync.outbox import Held
    from storage.sync.session import SyncReport

app = typer.Typer(help="Send finished runs to the team's database.", invoke_without_command=True)

_UNAVAILABLE = 5

ProfileName = Annotated[
    str | None,
    typer.Option("--profile", help="The connection to use, when several are for sharing."),
]


@app.callback()
def command(
    context: typer.Context,
    profile: ProfileName = None,
    retry_failed: Annotated[
        bool, typer.Option("--retry-failed", help="Also try again what was not accepted.")
    ] = False,
    as_json: AsJson = False,
) -> int:
    """Send every finished run that the team's database does not have yet."""
    if context.invoked_subcommand is not None:
        return 0
    from desktop.cli.output import emit

    with _service(profile) as sync:
        if sync.status().state == "none":
            raise _no_profile()
        if retry_failed:
            sync.release_held()
        report = sync.sync_once(force=True)
        held = sync.held()
    if as_json:
        emit(
            {
                "end": report.end,
                "sent": report.sent,
                "waiting": report.waiting,
                "failed": report.failed,
                "last_error": report.last_error or None,
                "not_accepted": _items(held),
            }
        )
    else:
        _tell(report, held)
    return 0 if report.end == "done" and not report.failed else _UNAVAILABLE


@app.command("status")
def status_command(profile: ProfileName = None, as_json: AsJson = False) -> None:
    """Say what waits, what was not accepted, and when the last run arrived; asks no server."""
    from desktop import fmt
    from desktop.cli.output import console, emit

    with _service(profile) as sync:
        status, held = sync.status(), sync.held()
    if as_json:
        emit({**status.as_json(), "not_accepted": _items(held)})
        return
    out = console()
    if status.profile is None:
        reason = status.last_error or "There is no connection for sharing runs."
        out.print(f"{reason} {status.waiting} runs are kept for it.")
        return
    last = "never" if status.last_success is None else fmt.instant(status.last_success)
    out.print(f"{status.profile}: {status.waiting} waiting, {status.failed} not accepted")
    out.print(f"Last run sent (UTC): {last}")
    _tell_held(held)


@contextmanager
def _service(profile: str | None) -> "Iterator[SyncService]":
    """Open the local database and the profiles for one command."""
    from desktop.cli.connect import password_of
    from desktop.cli.session import open_log
    from desktop.service.sync import SyncService
    from storage.profiles import ProfileStore
    from storage.runs import RunStore

    open_log()
    with RunStore.open() as store:
        yield SyncService(store, ProfileStore(), password_of, profile_name=profile)


def _no_profile() -> Exception:
    from engine.errors import BacktestNotFoundError

    return BacktestNotFoundError(
        "There is no connection for sharing runs",
        field="profile",
        hint="make one: tradebench connect add NAME --purpose shared …",
    )


def _tell(report: "SyncReport", held: "tuple[Held, ...]") -> None:
    from desktop.cli.output import console

    out = console()
    runs = f"{report.sent} run{'s' * (report.sent != 1)}"
    out.print(f"Sent {runs}; {report.waiting} waiting." if report.waiting else f"Sent {runs}.")
    if report.end not in ("done", "stopped"):
        out.print(report.last_error, style="yellow")
    _tell_held(held)


def _tell_held(held: "tuple[Held, ...]") -> None:
    from desktop.cli.output import console

    for one in held:
        console().print(f"✗ {one.run_id[:13]}: {one.reason}", style="red")


def _items(held: "tuple[Held, ...]") -> list[dict[str, Any]]:
    return [{"run_id": one.run_id, "reason": one.reason} for one in held]
