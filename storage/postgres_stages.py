"""Which step of connecting failed: finding the server, reaching it, its certificate, the login.

After a failed connection the driver has one sentence, in the language of the server. Here the way
is walked again without it and without the password: look the name up, open a socket, negotiate
encryption, and name user and database. The first step that fails is the answer, and the server's
codes are read where they are the same in every language.
"""

import contextlib
import datetime as dt
import os
import socket
import ssl
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import psycopg

from storage.postgres_errors import ConnectionFailure, Stage
from storage.profiles import Profile
from storage.sockets import addresses, reached, shut_on_stop
from storage.stopping import ShouldStop, never

SECONDS: Final = 5.0  # for each step
_SSL_REQUEST: Final = struct.pack("!ii", 8, 80877103)
_VERSION_3: Final = 196608
_CLEAR_TEXT: Final = 3
_LONGEST_ANSWER: Final = 30_000
_BUSY_STATES: Final = {
    "53300": "has no connection left for this login",
    "57P01": "is being shut down",
    "57P02": "has just crashed and is recovering",
    "57P03": "is starting up or shutting down",
}
# Files in which systems keep the authorities they trust; the driver brings its own OpenSSL, which
# does not know where this one keeps them.
_SYSTEM_AUTHORITIES: Final = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
)


def trusted_authorities(profile: Profile) -> str | None:
    """Return the file of authorities a profile trusts; None where none is checked or found."""
    if profile.sslmode in ("disable", "require"):
        return None
    if profile.sslrootcert is not None:
        return str(profile.sslrootcert.expanduser())
    paths = (ssl.get_default_verify_paths().cafile, *_SYSTEM_AUTHORITIES)
    return next((path for path in paths if path and os.path.isfile(path)), None)


def find_failure(
    profile: Profile, error: psycopg.Error, should_stop: ShouldStop = never
) -> ConnectionFailure:
    """Say why a connection of this profile failed with ``error``; takes 5 s a step at most.

    Raises:
        Stopped: it was asked for first.
    """
    try:
        with (
            _reached(profile, should_stop) as plain,
            shut_on_stop(plain, should_stop),
            _secured(profile, plain) as channel,
        ):
            return _answered(profile, channel, error)
    except ConnectionFailure as failure:
        return failure
    except OSError as lost:
        return ConnectionFailure(
            Stage.CONNECT,
            f"The server {profile.host}:{profile.port} broke the connection off ({_reason(lost)})",
            hint="check that this is a PostgreSQL server, and try again",
            is_transient=True,
        )


@contextlib.contextmanager
def _reached(profile: Profile, should_stop: ShouldStop) -> Iterator[socket.socket]:
    """Look the server up and open a socket to it."""
    try:
        channel = _socket_of(profile, should_stop)
    except (socket.gaierror, UnicodeError) as error:
        raise ConnectionFailure(
            Stage.RESOLVE,
            f"There is no server {profile.host!r} ({_reason(error)})",
            hint="check the spelling of the host, and that this computer is online",
            is_transient=True,
        ) from error
    except OSError as error:
        silent = isinstance(error, TimeoutError)
        raise ConnectionFailure(
            Stage.CONNECT,
            f"{profile.host} does not answer on port {profile.port} ({_reason(error)})",
            hint="check that host and port are right, and that no firewall or VPN is in between"
            if silent
            else "check that the server is running and that the port is right",
            is_transient=True,
        ) from error
    with channel:
        yield channel


def _socket_of(profile: Profile, should_stop: ShouldStop) -> socket.socket:
    if profile.is_socket:
        channel = socket.socket(socket.AF_UNIX)
        channel.settimeout(SECONDS)
        channel.connect(str(Path(profile.host) / f".s.PGSQL.{profile.port}"))
        return channel
    places = addresses(profile.host, profile.port, should_stop)
    for place in places[:-1]:
        with contextlib.suppress(OSError):
            return reached(place, SECONDS, should_stop)
    return reached(places[-1], SECONDS, should_stop)


@contextlib.contextmanager
def _secured(profile: Profile, channel: socket.socket) -> Iterator[socket.socket]:
    """Negotiate encryption as the profile wants it, checking certificate and name."""
    if profile.sslmode == "disable" or profile.is_socket:
        yield channel
        return
    channel.sendall(_SSL_REQUEST)
    answer = channel.recv(1)
    if answer != b"S":
        raise ConnectionFailure(
            Stage.TLS,
            f"The server {profile.host} does not offer encryption",
            hint='ask its administrator to turn TLS on; sslmode = "disable" goes without, '
            "and is for a server on this computer",
        )
    try:
        secured = _context(profile).wrap_socket(channel, server_hostname=profile.host)
    except (ssl.SSLError, ConnectionError) as error:
        raise _distrust(profile, error) from error
    with secured:
        yield secured


def _context(profile: Profile) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = profile.sslmode == "verify-full"
    if profile.sslmode == "require":
        context.verify_mode = ssl.CERT_NONE
        return context
    file = trusted_authorities(profile)
    try:
        if file is None:
            context.load_default_certs()
        else:
            context.load_verify_locations(file)
    except (OSError, ssl.SSLError) as error:
        raise ConnectionFailure(
            Stage.TLS,
            f"The file of trusted authorities {file} cannot be used ({_reason(error)})",
            hint="choose the CA certificate (PEM) that the server's administrator gives out",
        ) from error
    return context


def _distrust(profile: Profile, error: ssl.SSLError | ConnectionError) -> ConnectionFailure:
    """Say why the server's certificate is refused, by OpenSSL's number for it."""
    code = error.verify_code if isinstance(error, ssl.SSLCertVerificationError) else 0
    clock = dt.datetime.now().astimezone().strftime("%Y-%m-%d %H:%M")
    authority = "choose the CA certificate that the server's administrator gives out as sslrootcert"
    message, hint = {
        9: ("is not valid yet", f"this computer's clock says {clock}: check it"),
        10: (
            "has expired",
            f"this computer's clock says {clock}; if that is right, tell its administrator",
        ),
        18: ("is signed by itself", authority),
        19: ("comes from an authority that is not trusted", authority),
        20: ("comes from an authority that is not trusted", authority),
        21: ("comes from an authority that is not trusted", authority),
        62: (
            f"is for another name than {profile.host}",
            "use the name that the certificate was made for",
        ),
        64: (
            f"is for another address than {profile.host}",
            "use the name that the certificate was made for",
        ),
    }.get(code, (f"was not accepted ({_reason(error)})", "ask the server's administrator"))
    return ConnectionFailure(
        Stage.TLS, f"The certificate of the server {profile.host} {message}", hint=hint
    )


def _answered(profile: Profile, channel: socket.socket, error: psycopg.Error) -> ConnectionFailure:
    """Name user and database, and say what the server makes of them."""
    words = ("user", profile.user, "database", profile.database)
    body = struct.pack("!i", _VERSION_3) + b"".join(w.encode() + b"\0" for w in words) + b"\0"
    channel.sendall(struct.pack("!i", len(body) + 4) + body)
    kind, answer = _message(channel)
    asks = struct.unpack("!i", answer[:4])[0] if kind == b"R" else 0
    while kind not in (b"E", b"Z") and not asks:  # trusted without a password: read on
        kind, answer = _message(channel)
    if kind == b"E":
        fields = {
            part[:1]: part[1:].decode("utf-8", "replace") for part in answer.split(b"\0") if part
        }
        return _refusal(profile, fields.get(b"C", ""), fields.get(b"M", ""))
    if isinstance(error, psycopg.errors.ConnectionTimeout) or not asks:
        return ConnectionFailure(
            Stage.CONNECT,
            f"The server {profile.host} took too long to answer",
            hint="it answers now: try again",
            is_transient=True,
        )
    return _refused_login(profile, asks, error)


def _refused_login(profile: Profile, asks: int, error: psycopg.Error) -> ConnectionFailure:
    if error.pgconn is not None and error.pgconn.needs_password:
        return ConnectionFailure(
            Stage.LOGIN,
            f"The server {profile.host} wants a password for {profile.user!r}",
            hint="type the password",
            wants_password=True,
        )
    if asks == _CLEAR_TEXT and not profile.is_verified:
        return ConnectionFailure(
            Stage.LOGIN,
            f"{profile.host} wants the password in clear text, and has not proved who it is",
            hint='set sslmode = "verify-full"; the password has not been sent',
        )
    if "too many connections" in str(error):
        # The server's code for this is out of reach once a password was checked. In another
        # language it is taken for a refused login, which is not tried again: the safe mistake.
        return _refusal(profile, "53300", "")
    return ConnectionFailure(
        Stage.LOGIN,
        f"The server {profile.host} refused user {profile.user!r} with this password",
        hint="check both; it has been tried once and is not tried again by itself",
        wants_password=True,
    )


def _refusal(profile: Profile, state: str, said: str) -> ConnectionFailure:
    if state in _BUSY_STATES:
        return ConnectionFailure(
            Stage.CONNECT,
            f"The server {profile.host} {_BUSY_STATES[state]}",
            hint="try again in a moment",
            is_transient=True,
        )
    if state == "3D000":
        return ConnectionFailure(
            Stage.DATABASE,
            f"The server {profile.host} has no database {profile.database!r}",
            hint="check the spelling of the database",
        )
    return ConnectionFailure(
        Stage.LOGIN,
        f"The server {profile.host} does not let user {profile.user!r} in ({said or state})",
        hint="ask its administrator to allow this user from this computer (pg_hba.conf)",
    )


def _message(channel: socket.socket) -> tuple[bytes, bytes]:
    """Read one message: its kind and its body."""
    kind = _exactly(channel, 1)
    size = struct.unpack("!i", _exactly(channel, 4))[0] - 4
    if not 0 <= size <= _LONGEST_ANSWER:
        raise OSError("this is not how a PostgreSQL server answers")
    return kind, _exactly(channel, size)


def _exactly(channel: socket.socket, size: int) -> bytes:
    got = b""
    while len(got) < size:
        more = channel.recv(size - len(got))
        if not more:
            raise OSError("closed by the server")
        got += more
    return got


def _reason(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return f"no answer in {SECONDS:g} seconds"
    return getattr(error, "strerror", None) or str(error) or type(error).__name__
