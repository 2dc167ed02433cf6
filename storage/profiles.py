"""Connection profiles: where a database is and who logs in, never with what password.

Profiles live in ``profiles.toml`` of the settings folder, a file for its user's eyes alone that a
person may also write by hand. Each is a table named as the profile is. The password belongs to the
keyring (`storage.credentials`); a key that is not known here, ``password`` above all, is refused
rather than kept.
"""

import contextlib
import os
import re
import tempfile
import unicodedata
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import tomlkit
from psycopg import ProgrammingError, conninfo
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)
from tomlkit.exceptions import TOMLKitError
from tomlkit.items import Table

from engine.errors import BacktestNotFoundError, BacktestValidationError, Problem
from storage.errors import BacktestStorageError
from storage.paths import config_dir

SslMode = Literal["disable", "require", "verify-ca", "verify-full"]
Purpose = Literal["market", "shared"]

FILE_NAME = "profiles.toml"
_RESERVED = ("demo", "local")  # sources that are not databases
_FROM_DSN = {"host": "host", "port": "port", "dbname": "database", "user": "user"}
_SSL_FROM_DSN = ("sslmode", "sslrootcert")
_HARMLESS = ("application_name", "connect_timeout", "gssencmode", "channel_binding")


def _printable(value: str) -> str:
    """Refuse what can't be seen or turns text around, and give equal names one spelling."""
    text = unicodedata.normalize("NFC", value.strip())
    if any(unicodedata.category(character) in ("Cc", "Cf", "Cs", "Zl", "Zp") for character in text):
        raise ValueError("must not contain control or invisible characters")
    return text


_Text = Annotated[str, AfterValidator(_printable), Field(min_length=1, max_length=255)]


class Profile(BaseModel):
    """One database and one login.

    Attributes:
        name: what the person calls it; also the name of the data source.
        host: name or address of the server, or the folder of a local socket.
        sslmode: ``verify-full`` checks the certificate and the server's name; ``verify-ca`` the
            certificate alone; ``require`` encrypts but trusts any server; ``disable`` does neither.
        sslrootcert: file of the authorities to trust; those of the operating system when empty.
        purpose: ``market`` for prices, ``shared`` for the team's runs.
        colour: ``#rrggbb`` that marks the profile, or None.
        read_only: refuse to write over this connection.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: _Text
    host: _Text = "localhost"
    port: int = Field(5432, ge=1, le=65535)
    database: _Text
    user: _Text
    sslmode: SslMode = "verify-full"
    sslrootcert: Path | None = None
    purpose: Purpose = "market"
    colour: str | None = Field(None, pattern=r"^#[0-9a-fA-F]{6}$")
    read_only: bool = True

    @field_validator("name")
    @classmethod
    def _names_a_source(cls, value: str) -> str:
        if value.lower() in _RESERVED:
            raise ValueError(f"{value!r} is the name of a built-in data source")
        if re.search(r"[\\/]", value):
            raise ValueError(f"{value!r} must not contain / or \\, which would make it a path")
        return value

    @model_validator(mode="after")
    def _checks_against_something(self) -> "Profile":
        if self.sslmode in ("disable", "require") and self.sslrootcert is not None:
            raise ValueError(
                f"sslmode {self.sslmode!r} checks no certificate: leave sslrootcert out"
            )
        return self

    @property
    def server(self) -> str:
        """The database as one line of text; with the user it names the keyring's entry."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}/{self.database}"

    @property
    def is_verified(self) -> bool:
        """Whether the server proves who it is (a local socket needs no proof)."""
        return self.sslmode == "verify-full" or self.is_socket

    @property
    def is_socket(self) -> bool:
        """Whether the server is on this computer, reached without a network."""
        return self.host.startswith(("/", "@"))


def make_profile(values: Mapping[str, Any]) -> Profile:
    """Build a profile from what a person typed or a file says.

    Raises:
        BacktestValidationError: one problem per field, named as here.
    """
    try:
        return Profile.model_validate(dict(values))
    except ValidationError as error:
        raise BacktestValidationError(
            [
                Problem(".".join(map(str, found["loc"])), *_words(found))
                for found in error.errors(include_url=False)
            ]
        ) from None  # the original error quotes its input, and that may be a password


def from_dsn(text: str, *, name: str, purpose: Purpose = "market") -> tuple[Profile, str | None]:
    """Split a connection string (URL or ``key=value``) into a profile and the password in it.

    A string that says nothing about encryption gets the default, ``verify-full``; the weaker
    ``allow`` and ``prefer``, which a server can talk the client out of, become that as well.

    Raises:
        BacktestValidationError: it is no connection string, or has a part that is not supported.
    """
    # "postgresql+psycopg://…" is how SQLAlchemy writes it.
    plain = re.sub(r"^(postgres(?:ql)?)\+\w+://", r"\1://", text.strip())
    try:
        parts = conninfo.conninfo_to_dict(plain)
    except ProgrammingError:
        raise BacktestValidationError(
            Problem(
                "dsn",
                "this is not a connection string",
                "write postgresql://user@host:5432/database, or host=… dbname=… user=…",
            )
        ) from None
    password = parts.pop("password", None)
    values: dict[str, Any] = {"name": name, "purpose": purpose, "read_only": purpose == "market"}
    values |= {ours: parts.pop(theirs) for theirs, ours in _FROM_DSN.items() if theirs in parts}
    values |= {key: parts.pop(key) for key in _SSL_FROM_DSN if key in parts}
    if values.get("sslmode") in ("allow", "prefer"):
        del values["sslmode"]
    if values.get("sslrootcert") == "system":
        del values["sslrootcert"]
    unknown = sorted(set(parts) - set(_HARMLESS))
    if unknown:
        raise BacktestValidationError(
            [
                Problem(key, "this part of a connection string is not supported", "leave it out")
                for key in unknown
            ]
        )
    return make_profile(values), None if password is None else str(password)


class ProfileStore:
    """The profiles of one person, in one file."""

    def __init__(self, path: Path | None = None) -> None:
        """Use a file, by default that of the settings folder; it need not exist yet."""
        self.path = path or config_dir() / FILE_NAME

    def all(self) -> tuple[Profile, ...]:
        """Return every profile, by name.

        Raises:
            BacktestValidationError: the file is no TOML, or a profile in it is wrong.
        """
        document = self._read()
        found = []
        for name, table in document.items():
            if not isinstance(table, Table):
                raise BacktestValidationError(
                    Problem(
                        f"{self.path} [{name}]", "is not a profile", f"write [{name}] on a line"
                    )
                )
            try:
                found.append(make_profile({"name": name, **table.unwrap()}))
            except BacktestValidationError as error:
                raise BacktestValidationError(
                    [
                        Problem(
                            f"{self.path} [{name}] {problem.field}", problem.message, problem.hint
                        )
                        for problem in error.problems
                    ]
                ) from None
        return tuple(sorted(found, key=lambda profile: profile.name.casefold()))

    def get(self, name: str) -> Profile:
        """Return the profile of a name.

        Raises:
            BacktestNotFoundError: there is none.
        """
        known = {profile.name: profile for profile in self.all()}
        if name not in known:
            have = f"there are: {', '.join(known)}" if known else "none has been made yet"
            raise BacktestNotFoundError(
                f"There is no connection profile {name!r}", field="profile", hint=have
            )
        return known[name]

    def save(self, profile: Profile) -> None:
        """Add a profile, or replace the one of its name; comments in the file stay."""
        document = self._read()
        document[profile.name] = profile.model_dump(
            mode="json", exclude={"name"}, exclude_none=True
        )
        self._write(document)

    def delete(self, name: str) -> None:
        """Remove a profile; its password is removed by `storage.credentials`.

        Raises:
            BacktestNotFoundError: there is none of this name.
        """
        self.get(name)
        document = self._read()
        document.remove(name)
        self._write(document)

    def _read(self) -> tomlkit.TOMLDocument:
        try:
            return tomlkit.parse(self.path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return tomlkit.document()
        except (TOMLKitError, UnicodeDecodeError) as error:
            raise BacktestValidationError(
                Problem(
                    str(self.path), f"is not valid TOML ({error})", "correct or remove the file"
                )
            ) from error
        except OSError as error:
            raise _unusable(self.path, error) from error

    def _write(self, document: tomlkit.TOMLDocument) -> None:
        """Write beside the file and rename: a crash leaves the old one or the new one."""
        temporary = ""
        try:
            handle, temporary = tempfile.mkstemp(dir=self.path.parent, prefix=f".{FILE_NAME}.")
            with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
                file.write(tomlkit.dumps(document))
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, self.path)
        except OSError as error:
            with contextlib.suppress(OSError):
                os.unlink(temporary)
            raise _unusable(self.path, error) from error


def _words(found: Any) -> tuple[str, str]:
    """Return message and hint of one error of pydantic's; the value is not repeated."""
    if found["type"] == "extra_forbidden":
        if re.search(r"pass|pwd|secret", str(found["loc"][-1]), re.IGNORECASE):
            return "a password does not belong here", "remove it; the keyring keeps passwords"
        return "this setting is not known", f"known are: {', '.join(Profile.model_fields)}"
    return str(found["msg"]).removeprefix("Value error, "), ""


def _unusable(path: Path, error: OSError) -> BacktestStorageError:
    return BacktestStorageError(
        f"The connection profiles in {path} cannot be used ({error.strerror})",
        hint="check that the folder exists and belongs to you",
    )
