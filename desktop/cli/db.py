"""``db``: set the team's database up, bring it up to date, and see how it stands."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

from desktop.cli.options import AsJson

if TYPE_CHECKING:
    import sqlalchemy as sa

    from storage.profiles import Profile
    from storage.shared.setup import SharedState

app = typer.Typer(
    help="The team's database of runs (PostgreSQL 15 or newer).", no_args_is_help=True
)

_UNAVAILABLE = 5

ProfileName = Annotated[
    str | None,
    typer.Argument(metavar="PROFILE", help="A connection for sharing; the only one by default."),
]
Dsn = Annotated[
    str | None,
    typer.Option(metavar="DSN", help="A connection string in place of a profile; not kept."),
]


@app.command("init")
def init_command(
    profile: ProfileName = None,
    dsn: Dsn = None,
    print_sql: Annotated[
        bool, typer.Option("--print", help="Only print the SQL, for an administrator to run.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Make the schema "backtesting" and its tables; a second time changes nothing."""
    if print_sql:
        from storage.shared.setup import as_sql

        sys.stdout.write(as_sql())
        return
    _set_up(profile, dsn, as_json)


@app.command("upgrade")
def upgrade_command(profile: ProfileName = None, dsn: Dsn = None, as_json: AsJson = False) -> None:
    """Bring tables that an older version made up to date."""
    _set_up(profile, dsn, as_json)


@app.command("status")
def status_command(profile: ProfileName = None, dsn: Dsn = None, as_json: AsJson = False) -> int:
    """Say whether the tables are there, and whether this login may write to them."""
    from desktop.cli.output import console, emit
    from engine.errors import BacktestError
    from storage.postgres_errors import translated
    from storage.shared.setup import look, require_ready

    with _engine(profile, dsn) as (target, engine), translated(), engine.begin() as connection:
        state = look(connection)
    problem: BacktestError | None = None
    try:
        require_ready(state)
    except BacktestError as error:
        problem = error
    if as_json:
        message = None if problem is None else problem.message
        hint = None if problem is None else problem.hint
        emit({**_payload(target, state), "problem": message, "hint": hint})
    elif problem is None:
        console().print(f"✓ {target.server} is ready for runs of {state.user}", style="green")
    else:
        console().print(f"✗ {problem.message}", style="red")
        console().print(f"→ {problem.hint}")
    return 0 if problem is None else _UNAVAILABLE


def _set_up(profile: str | None, dsn: str | None, as_json: bool) -> None:
    from desktop.cli.output import console, emit
    from storage.postgres_errors import translated
    from storage.shared.setup import init, look

    with _engine(profile, dsn) as (target, engine):
        with translated(), engine.begin() as connection:
            before = look(connection)
        state = init(engine)
    changed = before.revision != state.revision
    if as_json:
        emit({**_payload(target, state), "changed": changed})
        return
    said = "is set up" if before.revision is None else "is up to date now"
    console().print(
        f"{target.server} {said if changed else 'was set up already; nothing was changed'} "
        f"(schema backtesting, version {state.revision})"
    )


@contextmanager
def _engine(name: str | None, dsn: str | None) -> "Iterator[tuple[Profile, sa.Engine]]":
    """Open the team's database for one command."""
    from desktop.cli.session import open_log
    from storage.postgres import make_engine

    open_log()
    profile, password = _target(name, dsn)
    engine = make_engine(profile, password)
    try:
        yield profile, engine
    finally:
        engine.dispose()


def _target(name: str | None, dsn: str | None) -> "tuple[Profile, str | None]":
    """Return the profile that is meant, and its password."""
    from desktop.cli.connect import password_of
    from desktop.service.sync import team_profile
    from engine.errors import BacktestNotFoundError, BacktestValidationError, Problem
    from storage.profiles import ProfileStore, from_dsn

    if dsn is not None:
        if name is not None:
            raise BacktestValidationError(
                Problem("PROFILE", f"{name!r} is given beside --dsn", "give one of them")
            )
        return from_dsn(dsn, name="dsn", purpose="shared")
    profile = team_profile(ProfileStore(), name)
    if profile is None:
        raise BacktestNotFoundError(
            "There is no connection for sharing runs",
            field="profile",
            hint="make one: tradebench connect add NAME --purpose shared …, or give --dsn",
        )
    return profile, password_of(profile)


def _payload(profile: "Profile", state: "SharedState") -> dict[str, Any]:
    return {
        "server": profile.server,
        "server_version": state.server_version,
        "user": state.user,
        "schema": "backtesting",
        "version": state.revision,
        "newest_version": state.newest,
        "ready": state.is_ready,
        "missing_rights": list(state.missing_rights),
    }
