"""Sockets that are waited for with patience, but not after the work was stopped.

A server that stopped answering keeps whoever reads from it for as long as the system likes. Here
every wait is short and begins again, and where somebody else does the waiting, the socket is shut
under them.
"""

import contextlib
import errno
import ipaddress
import os
import selectors
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any, Final

from storage.stopping import POLL_SECONDS, ShouldStop, beside, check

READ: Final = selectors.EVENT_READ
WRITE: Final = selectors.EVENT_WRITE
_UNDER_WAY: Final = (0, errno.EINPROGRESS, errno.EWOULDBLOCK, errno.EAGAIN)

Address = tuple[socket.AddressFamily, tuple[Any, ...]]


def wait_until_ready(number: int, events: int, end: float, should_stop: ShouldStop) -> bool:
    """Wait until a socket can be read or written; return False when ``end`` (monotonic) comes first.

    Raises:
        Stopped: it was asked for.
    """
    with selectors.DefaultSelector() as selector:
        selector.register(number, events)
        while (left := end - time.monotonic()) > 0:
            check(should_stop)
            if selector.select(min(left, POLL_SECONDS)):
                return True
    check(should_stop)
    return False


def addresses(host: str, port: int, should_stop: ShouldStop) -> list[Address]:
    """Return the addresses of a server, in the order in which the system would try them.

    Raises:
        OSError: there are none.
        Stopped: it was asked for while the name was looked up, which has no time limit.
    """

    def look_up() -> list[Address]:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        return list(dict.fromkeys((info[0], tuple(info[4])) for info in found))

    return look_up() if _is_plain(host) else beside(look_up, should_stop, "name lookup")


def _is_plain(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return host == "localhost"
    return True


def reached(address: Address, seconds: float, should_stop: ShouldStop) -> socket.socket:
    """Return a socket that is connected.

    Raises:
        OSError: it could not be, or not in so many seconds.
        Stopped: it was asked for first.
    """
    family, place = address
    channel = socket.socket(family, socket.SOCK_STREAM)
    try:
        channel.setblocking(False)
        code = channel.connect_ex(place)
        if code not in _UNDER_WAY:
            raise OSError(code, os.strerror(code))
        end = time.monotonic() + seconds
        if not wait_until_ready(channel.fileno(), WRITE, end, should_stop):
            raise TimeoutError
        if code := channel.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
            raise OSError(code, os.strerror(code))
        channel.settimeout(seconds)
    except BaseException:
        channel.close()
        raise
    return channel


@contextlib.contextmanager
def shut_on_stop(channel: socket.socket, should_stop: ShouldStop) -> Iterator[None]:
    """Shut the socket when the work is stopped, so that whoever waits in the block wakes up.

    Raises:
        Stopped: it was asked for, whatever the block made of it.
    """
    done = threading.Event()
    own = channel.dup()  # encryption takes the socket away from who opened it

    def watch() -> None:
        while not done.wait(POLL_SECONDS):
            if should_stop():
                with contextlib.suppress(OSError):
                    own.shutdown(socket.SHUT_RDWR)
                return

    watcher = threading.Thread(target=watch, name="socket guard", daemon=True)
    watcher.start()
    try:
        yield
    except OSError:
        check(should_stop)
        raise
    finally:
        done.set()
        watcher.join()
        own.close()


def shut(number: int) -> None:
    """End both directions of a socket that somebody else reads: they wake with an error."""
    # A copy of the socket: closing it must not close the owner's.
    with (
        contextlib.suppress(OSError),
        socket.fromfd(number, socket.AF_INET, socket.SOCK_STREAM) as copy,
    ):
        copy.shutdown(socket.SHUT_RDWR)
