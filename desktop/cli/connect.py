"""``connect``: where databases are and who logs in; passwords go to the system's keyring.

A password is typed at a prompt or piped in, never given as an option: options can be read by every
program on the computer.
"""

import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from desktop.cli.options import AsJson
from desktop.cli.session import ask_password

if TYPE_CHECKING:
    from rich.table import Table

    from storage.profiles import Profile

app = typer.Typer(
    help="Connections to the databases of prices and of the team.", no_args_is_help=True
)

_UNAVAILABLE = 5

Name = Annotated[str, typer.Argument(metavar="NAME", help="What the connection is called.")]


class Purpose(StrEnum):
    """What a connection is for."""

    MARKET = "market"
    SHARED = "shared"


class Encryption(StrEnum):
    """How sure the connection is who the server is."""

    VERIFY_FULL = "verify-full"
    VERIFY_CA = "verify-ca"
    REQUIRE = "require"
    DISABLE = "disable"


@app.command("add")
def add_command(
    name: Name,
    database: Annotated[str, typer.Option(help="Name of the database.")],
    user: Annotated[str, typer.Option(help="Who logs in.")],
    host: Annotated[str, typer.Option(help="Name or address of the server.")] = "localhost",
    port: Annotated[int, typer.Option(help="Port of the server.")] = 5432,
    purpose: Annotated[
        Purpose, typer.Option(help="Prices to read, or the team's runs.")
    ] = Purpose.MARKET,
    sslmode: Annotated[
        Encryption, typer.Option(help="verify-full checks certificate and name.")
    ] = Encryption.VERIFY_FULL,
    sslrootcert: Annotated[
        Path | None, typer.Option(help="File of the authorities to trust.")
    ] = None,
    password_stdin: Annotated[
        bool, typer.Option("--password-stdin", help="Read the password from standard input.")
    ] = False,
    replace: Annotated[bool, typer.Option("--replace", help="Replace one of this name.")] = False,
    as_json: AsJson = False,
) -> None:
    """Add a connection, and keep its password in the keyring."""
    from desktop.cli.output import console, emit
    from engine.errors import BacktestValidationError, Problem
    from storage.profiles import ProfileStore, make_profile

    profile = make_profile(
        {
            "name": name,
            "host": host,
            "port": port,
            "database": database,
            "user": user,
            "sslmode": sslmode.value,
            "sslrootcert": sslrootcert,
            "purpose": purpose.value,
            "read_only": purpose is Purpose.MARKET,
        }
    )
    store = ProfileStore()
    if not replace and any(one.name == profile.name for one in store.all()):
        hint = "--replace replaces it"
        raise BacktestValidationError(Problem("NAME", f"{profile.name!r} exists already", hint))
    password = _new_password(profile, from_stdin=password_stdin)
    store.save(profile)
    said = _keep(profile, password)
    if as_json:
        emit({**_payload(profile), "password": said[0]})
        return
    console().print(f"Connection {profile.name} is saved. {said[1]}")
    console().print(f"Try it: tradebench connect test {profile.name}", style="dim")


@app.command("list")
def list_command(as_json: AsJson = False) -> None:
    """List the connections."""
    from desktop.cli.output import console, emit
    from storage.profiles import ProfileStore

    found = ProfileStore().all()
    if as_json:
        emit({"items": [_payload(p) for p in found], "next_cursor": None, "total": len(found)})
    elif found:
        console().print(_table(found))
    else:
        console().print("No connections yet. Make one: tradebench connect add NAME …")


@app.command("remove")
def remove_command(name: Name, as_json: AsJson = False) -> None:
    """Remove a connection and its password."""
    from desktop.cli.output import console, emit, note
    from storage.credentials import Credentials, KeyringState
    from storage.profiles import ProfileStore

    store = ProfileStore()
    profile = store.get(name)
    store.delete(name)
    answer = Credentials().delete(profile)
    if answer.state in (KeyringState.LOCKED, KeyringState.DENIED, KeyringState.TIMEOUT):
        note("The keyring did not answer: remove its entry for this login by hand.")
    if as_json:
        emit({"removed": profile.name})
    else:
        console().print(f"Connection {profile.name} is removed.")


@app.command("test")
def try_command(name: Name, as_json: AsJson = False) -> int:
    """Try a connection, and say how far it gets."""
    from desktop.cli.output import console, emit
    from storage.connection_report import test_connection
    from storage.profiles import ProfileStore

    profile = ProfileStore().get(name)
    report = test_connection(profile, password_of(profile))
    if as_json:
        emit(
            {
                "ok": report.is_ok,
                "failed_at": None if report.failed_at is None else report.failed_at.value,
                "message": report.message,
                "remedy": report.remedy or None,
                "server_version": report.server_version or None,
                "timescaledb": report.timescaledb,
                "encrypted": report.is_encrypted,
                "latency_ms": report.latency_ms,
            }
        )
    else:
        sign, style = ("✓", "green") if report.is_ok else ("✗", "red")
        console().print(f"{sign} {report.message}", style=style)
        if report.remedy:
            console().print(f"→ {report.remedy}")
    return 0 if report.is_ok else _UNAVAILABLE


def password_of(profile: "Profile") -> str | None:
    """Return a profile's password: from the keyring, else asked for at the terminal.

    A socket on this computer needs none.

    Raises:
        DatabaseConnectionError: there is none, and nobody to ask.
    """
    from storage.credentials import Credentials
    from storage.errors import DatabaseConnectionError

    answer = Credentials().load(profile)
    if answer.password is not None or profile.is_socket:
        return answer.password
    if not sys.stdin.isatty():
        raise DatabaseConnectionError(
            f"There is no password for {profile.user} at {profile.server}. {answer.detail}",
            hint="run it in a terminal, which asks, or keep the password with: "
            f"tradebench connect add {profile.name} --replace …",
        )
    return ask_password(profile)


def _new_password(profile: "Profile", *, from_stdin: bool) -> str | None:
    if from_stdin:
        return sys.stdin.readline().rstrip("\r\n") or None
    return ask_password(profile)


def _keep(profile: "Profile", password: str | None) -> tuple[str, str]:
    """Give the password to the keyring; return where it is, as a word and as a sentence."""
    from storage.credentials import Credentials, KeyringState

    if password is None:
        return "none", "It has no password yet; it is asked for when it is needed."
    answer = Credentials().save(profile, password)
    if answer.state is KeyringState.OK:
        return "keyring", "The password is in the system's keyring."
    return "not_kept", answer.detail


def _payload(profile: "Profile") -> dict[str, Any]:
    return profile.model_dump(mode="json")


def _table(profiles: "tuple[Profile, ...]") -> "Table":
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for title in ("Name", "For", "Server", "User", "Encryption"):
        table.add_column(title, no_wrap=True)
    for one in profiles:
        table.add_row(one.name, one.purpose, one.server, one.user, one.sslmode)
    return table
