"""Opening a connection so that the wait for it can be ended.

The driver's own ``connect`` gives nothing to hold before it is done: no socket that could be shut,
no moment at which it could be told to stop. So its steps are walked here: look the name up, begin,
and ask libpq again whenever the socket has something. Each address has its own limit.
"""

import time
from collections.abc import Mapping
from typing import Any

import psycopg
from psycopg import conninfo, pq

from storage.sockets import READ, WRITE, addresses, wait_until_ready
from storage.stopping import ShouldStop


def connect(
    options: Mapping[str, Any], seconds: float, should_stop: ShouldStop
) -> psycopg.Connection[Any]:
    """Open a connection, as ``psycopg.connect`` does.

    Args:
        options: what libpq is told; its ``connect_timeout`` does not count here.
        seconds: for each address of the server.
        should_stop: asked fifty times a second.

    Raises:
        psycopg.OperationalError: the server could not be reached, or refused.
        Stopped: ``should_stop`` said so.
    """
    failure: psycopg.Error | None = None
    for place in _places(options, should_stop):
        finish(failure)
        try:
            return _connected({**options, **place}, seconds, should_stop)
        except psycopg.Error as error:
            failure = error
    assert failure is not None, "a host has an address, or looking it up has failed"
    raise failure


def finish(failure: psycopg.Error | None) -> None:
    """Close the connection that an error is about; left open, the server waits for its password."""
    if failure is not None and failure.pgconn is not None:
        failure.pgconn.finish()


def _places(options: Mapping[str, Any], should_stop: ShouldStop) -> list[dict[str, Any]]:
    """Return what tells the addresses of the server apart; a socket of the system has none."""
    host = str(options["host"])
    if host.startswith("/") or options.get("hostaddr"):
        return [{}]
    try:
        found = addresses(host, int(options["port"]), should_stop)
    except (OSError, UnicodeError) as error:
        raise psycopg.OperationalError(str(error)) from error
    return [{"hostaddr": address[0]} for _, address in found]


def _connected(
    options: Mapping[str, Any], seconds: float, should_stop: ShouldStop
) -> psycopg.Connection[Any]:
    end = time.monotonic() + seconds
    pgconn = pq.PGconn.connect_start(conninfo.make_conninfo("", **options).encode())
    try:
        while True:
            if pgconn.status == pq.ConnStatus.BAD:
                raise _failed(pgconn)
            match pgconn.connect_poll():
                case pq.PollingStatus.OK:
                    break
                case pq.PollingStatus.READING:
                    ready = wait_until_ready(pgconn.socket, READ, end, should_stop)
                case pq.PollingStatus.WRITING:
                    ready = wait_until_ready(pgconn.socket, WRITE, end, should_stop)
                case _:
                    raise _failed(pgconn)
            if not ready:
                raise psycopg.errors.ConnectionTimeout("no answer in time", pgconn=pgconn)
    except psycopg.Error:
        raise  # who reads the error may ask the connection what went wrong, and then calls `finish`
    except BaseException:
        pgconn.finish()
        raise
    pgconn.nonblocking = 1
    return psycopg.Connection(pgconn)


def _failed(pgconn: pq.abc.PGconn) -> psycopg.OperationalError:
    said = pgconn.get_error_message()
    return psycopg.OperationalError(f"connection failed: {said}", pgconn=pgconn)
