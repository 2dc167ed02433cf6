"""Each error of a server has one meaning, and only those that pass by themselves are tried again."""

import psycopg
import pytest
from psycopg import errors
from sqlalchemy import exc

from engine.errors import BacktestError
from storage.errors import (
    BacktestStorageError,
    DatabaseConnectionError,
    DuplicateRecordError,
    QueryTimeout,
    QuotaExceeded,
    StorageFullError,
)
from storage.postgres_errors import (
    ConnectionFailure,
    ErrorClass,
    Stage,
    error_class,
    is_retryable,
    retrying,
    translate,
    translated,
)

TABLE = [
    ("08006", ErrorClass.NETWORK, DatabaseConnectionError),
    ("57P01", ErrorClass.NETWORK, DatabaseConnectionError),
    ("57P03", ErrorClass.NETWORK, DatabaseConnectionError),
    ("53300", ErrorClass.NETWORK, DatabaseConnectionError),
    ("25P03", ErrorClass.NETWORK, DatabaseConnectionError),
    ("40001", ErrorClass.SERVER, DatabaseConnectionError),
    ("40P01", ErrorClass.SERVER, DatabaseConnectionError),
    ("55P03", ErrorClass.SERVER, DatabaseConnectionError),
    ("25006", ErrorClass.SERVER, DatabaseConnectionError),
    ("57014", ErrorClass.TIMEOUT, QueryTimeout),
    ("53100", ErrorClass.RESOURCE, StorageFullError),
    ("53400", ErrorClass.QUOTA, QuotaExceeded),
    ("22003", ErrorClass.ITEM, BacktestStorageError),
    ("23514", ErrorClass.ITEM, BacktestStorageError),
    ("23505", ErrorClass.ITEM, DuplicateRecordError),
    ("28P01", ErrorClass.CONFIG, BacktestStorageError),
    ("3D000", ErrorClass.CONFIG, BacktestStorageError),
    ("42501", ErrorClass.CONFIG, BacktestStorageError),
    ("42P01", ErrorClass.CONFIG, BacktestStorageError),
]


def around(error: psycopg.Error) -> exc.DBAPIError:
    """Return SQLAlchemy's wrapping of an error of the driver."""
    return exc.DBAPIError.instance("SELECT 1", None, error, psycopg.Error)  # type: ignore[return-value]


@pytest.mark.parametrize(("state", "meaning", "kind"), TABLE)
def test_a_state_has_one_meaning_with_or_without_its_wrapping(
    state: str, meaning: ErrorClass, kind: type[BacktestError]
) -> None:
    error = errors.lookup(state)("said the server")

    assert error_class(error) is error_class(around(error)) is meaning
    assert type(translate(error)) is type(translate(around(error))) is kind
    assert is_retryable(error) is (meaning in (ErrorClass.NETWORK, ErrorClass.SERVER))


@pytest.mark.parametrize("state", ["42601", "42883", "XX000", "0A000"])
def test_a_defect_of_ours_stays_what_it_is(state: str) -> None:
    error = errors.lookup(state)("said the server")

    assert error_class(error) is ErrorClass.BUG
    assert translate(error) is error
    with pytest.raises(type(error)), translated():
        raise error


def test_a_connection_that_the_client_lost_is_tried_again() -> None:
    assert is_retryable(psycopg.OperationalError("consuming input failed"))
    assert is_retryable(psycopg.InterfaceError("the connection is closed"))
    assert is_retryable(exc.TimeoutError())
    assert not is_retryable(psycopg.ProgrammingError("the query has 1 placeholder"))
    assert not is_retryable(ValueError("x"))


@pytest.mark.parametrize("stage", list(Stage))
def test_a_failure_to_connect_is_tried_again_only_when_it_may_pass(stage: Stage) -> None:
    for_good = ConnectionFailure(stage, "no", hint="")
    for_now = ConnectionFailure(stage, "not yet", hint="", is_transient=True)

    assert not is_retryable(for_good)
    assert is_retryable(for_now)
    assert translate(for_good) is for_good


def attempts_of(error: Exception) -> int:
    """Count how often something that always fails is tried."""
    tried = []

    def fail() -> None:
        tried.append(error)
        raise error

    with pytest.raises(type(error)):
        retrying(attempts=4, longest_s=0.001)(fail)
    return len(tried)


def test_a_passing_error_is_tried_a_few_times_and_others_once() -> None:
    assert attempts_of(errors.SerializationFailure("x")) == 4
    assert attempts_of(errors.InvalidPassword("x")) == 1
    assert attempts_of(errors.ConfigurationLimitExceeded("quota")) == 1
    assert attempts_of(ConnectionFailure(Stage.LOGIN, "x", hint="")) == 1


def test_every_failure_that_is_told_says_what_to_do() -> None:
    told = [
        translate(errors.lookup(state)("x"))
        for state, meaning, _ in TABLE
        if meaning is not ErrorClass.ITEM
    ]

    assert all(isinstance(error, BacktestError) and error.hint for error in told)
