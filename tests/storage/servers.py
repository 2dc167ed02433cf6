"""Servers that are not what they should be, and the profiles that lead to them."""

import contextlib
import datetime as dt
import socket
import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from psycopg import conninfo

from storage.profiles import Profile, make_profile

_SSL_REQUEST = b"\x00\x00\x00\x08\x04\xd2\x16\x2f"
_ASK_CLEAR_TEXT = b"R\x00\x00\x00\x08\x00\x00\x00\x03"


def profile_of(dsn: str, **changes: object) -> Profile:
    """Return the profile of a test server, which speaks without encryption."""
    parts = conninfo.conninfo_to_dict(dsn)
    values: dict[str, object] = {
        "name": "Test",
        "host": parts["host"],
        "port": parts["port"],
        "database": parts["dbname"],
        "user": parts["user"],
        "sslmode": "disable",
    }
    return make_profile(values | changes)


@dataclass
class Authority:
    """A certificate authority of one test."""

    folder: Path
    name: str = "Test authority"
    key: ec.EllipticCurvePrivateKey = field(
        default_factory=lambda: ec.generate_private_key(ec.SECP256R1())
    )

    def __post_init__(self) -> None:
        """Sign its own certificate."""
        now = dt.datetime.now(dt.UTC)
        self.file = self._write(
            "authority", _certificate(self.name, self.name, self.key, self.key, now, 30, "", True)
        )

    def issue(self, host: str = "localhost", *, from_day: int = -1, days: int = 30) -> Path:
        """Return a file with key and certificate of a server, valid from a day relative to now."""
        key = ec.generate_private_key(ec.SECP256R1())
        start = dt.datetime.now(dt.UTC) + dt.timedelta(days=from_day)
        certificate = _certificate(host, self.name, key, self.key, start, days, host, False)
        secret = key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        file = self._write(f"{host}{from_day}", certificate)
        file.write_bytes(secret + file.read_bytes())
        return file

    def _write(self, name: str, certificate: x509.Certificate) -> Path:
        file = self.folder / f"{self.name} {name}.pem"
        file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        return file


def _certificate(
    subject: str,
    issuer: str,
    key: ec.EllipticCurvePrivateKey,
    signer: ec.EllipticCurvePrivateKey,
    start: dt.datetime,
    days: int,
    host: str,
    is_authority: bool,
) -> x509.Certificate:
    def name(text: str) -> x509.Name:
        return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])

    builder = (
        x509.CertificateBuilder()
        .subject_name(name(subject))
        .issuer_name(name(issuer))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + dt.timedelta(days=days))
        .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
    )
    if host:
        builder = builder.add_extension(
            x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False
        )
    return builder.sign(signer, hashes.SHA256())


class Impostor:
    """Listens like a PostgreSQL server, asks for the password, and writes down what it hears.

    Without a certificate it answers that it has no TLS.
    """

    def __init__(self, certificate: Path | None = None) -> None:
        """Listen on a free port of the loopback address."""
        self.heard = b""
        self._context = None
        if certificate is not None:
            self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self._context.load_cert_chain(certificate)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self._thread = threading.Thread(target=self._serve, name="impostor")
        self._thread.start()

    def close(self) -> None:
        """Stop listening and wait for the thread."""
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join()

    def _serve(self) -> None:
        while True:
            try:
                channel, _ = self._listener.accept()
            except OSError:
                return
            channel.settimeout(3)
            with channel, contextlib.suppress(OSError):
                self._talk(channel)

    def _talk(self, channel: socket.socket) -> None:
        first = self._listen(channel)
        if first != _SSL_REQUEST:
            self._ask(channel)
            return
        if self._context is None:
            channel.sendall(b"N")
            self._listen(channel)
            return
        channel.sendall(b"S")
        with self._context.wrap_socket(channel, server_side=True) as secured:
            self._listen(secured)
            self._ask(secured)

    def _ask(self, channel: socket.socket) -> None:
        channel.sendall(_ASK_CLEAR_TEXT)
        while self._listen(channel):
            pass

    def _listen(self, channel: socket.socket) -> bytes:
        got = channel.recv(4096)
        self.heard += got
        return got


@contextlib.contextmanager
def impostor(certificate: Path | None = None) -> Iterator[Impostor]:
    """Run an `Impostor` for the block."""
    server = Impostor(certificate)
    try:
        yield server
    finally:
        server.close()
