"""What a command needs first: the kernel cache named, the log and the database open."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from desktop.service.facade import Service


def open_log() -> None:
    """Send what the program notes to its log file."""
    from desktop import logs
    from storage import paths

    logs.configure(paths.log_dir())


@contextmanager
def open_service() -> Iterator["Service"]:
    """Open the service for one command and close it again."""
    from desktop.service.kernel_cache import prepare

    prepare()  # before anything imports Numba
    from desktop.service.facade import Service

    with Service.open() as service:
        yield service
