"""What a failure on the way to the team's database means for the run and for the rest of the line.

| verdict | the run | the rest |
|---|---|---|
| LATER | waits, longer each time | goes on, while the connection lives |
| NEVER | is set aside with the reason | goes on |
| OFFLINE | waits | stops; the server is tried again by itself |
| PASSWORD | waits | stops until somebody types a password: servers lock accounts for guessing |
| BLOCKED | waits | stops until somebody changes something |
"""

from enum import Enum, auto

import psycopg
from sqlalchemy import exc

from storage.errors import BacktestStorageError
from storage.errors import DatabaseConnectionError as LocallyUnavailable
from storage.postgres_errors import (
    ConnectionFailure,
    ErrorClass,
    Stage,
    error_class,
    translate,
)

_RIGHT_MISSING = "42501"
_SOON = (ErrorClass.SERVER, ErrorClass.TIMEOUT)
_AFTER_A_WHILE = (ErrorClass.NETWORK, ErrorClass.RESOURCE, ErrorClass.QUOTA)


class Verdict(Enum):
    """What to do; see the table above."""

    LATER = auto()
    NEVER = auto()
    OFFLINE = auto()
    PASSWORD = auto()
    BLOCKED = auto()


def of_connection(error: Exception) -> Verdict:
    """Judge a failure to connect, or to find the tables there."""
    if isinstance(error, ConnectionFailure):
        if error.is_transient:
            return Verdict.OFFLINE
        return Verdict.PASSWORD if error.stage is Stage.LOGIN else Verdict.BLOCKED
    temporary = (*_SOON, *_AFTER_A_WHILE)
    return Verdict.OFFLINE if error_class(error) in temporary else Verdict.BLOCKED


def of_run(error: Exception) -> Verdict:
    """Judge a failure to send one run over a connection that worked."""
    if isinstance(error, LocallyUnavailable) and not isinstance(error, ConnectionFailure):
        return Verdict.LATER  # our own database is locked for the moment
    kind = error_class(error)
    if kind in _SOON:
        return Verdict.LATER
    if kind in _AFTER_A_WHILE:
        return Verdict.OFFLINE
    if kind is ErrorClass.CONFIG and _sqlstate(error) != _RIGHT_MISSING:
        return Verdict.BLOCKED
    # The rights were looked at before: one that is missing now is missing for this run. What is
    # no known failure is a defect of ours, and must not keep the others from arriving.
    return Verdict.NEVER


def sentence(error: Exception) -> str:
    """Return what to tell about a failure: one sentence, without data and without a password."""
    known = translate(error)
    if isinstance(known, BacktestStorageError):
        return f"{known.message} ({known.hint})" if known.hint else known.message
    return f"A defect of the program: {type(known).__name__}"


def is_defect(error: Exception) -> bool:
    """Whether it is a mistake of ours, to be reported, and none of the world's."""
    return not isinstance(translate(error), BacktestStorageError)


def _sqlstate(error: Exception) -> str | None:
    original = error.orig if isinstance(error, exc.DBAPIError) else error
    return original.sqlstate if isinstance(original, psycopg.Error) else None
