"""The program's log: one JSON object a line, in a file that rotates, without secrets.

Every record passes `redact` before it is written: passwords in URLs and connection strings, and the
values of keys that name secrets, are replaced. Writing the log can never stop a run: a full disk
loses log lines, nothing else.
"""

import logging
import re
from collections.abc import Mapping, MutableMapping
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Any, Final

import structlog

FILE_NAME: Final = "tradebench.log"
MAX_BYTES: Final = 2_000_000
BACKUPS: Final = 5
HIDDEN: Final = "•••"

_SECRET_KEY: Final = re.compile(
    r"(^|_)(password|passwd|passphrase|pwd|secret|token|api_?key|credentials?|pgpassword)($|_)",
    re.IGNORECASE,
)
_URL_PASSWORD: Final = re.compile(
    r"(?P<head>[a-z][a-z0-9+.\-]*://[^\s/:@]*:)\S*(?P<tail>@)", re.IGNORECASE
)
_PAIR: Final = re.compile(
    r"(?P<head>\b(?:pg)?(?:password|passwd|passphrase|pwd|secret|token|api_?key)[\"']?\s*[=:]\s*)"
    r"(?:'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"|[^\s,;&}]+)",
    re.IGNORECASE,
)


def configure(folder: Path) -> Path:
    """Send every log record of the program to a rotating file in the folder; return the file.

    Calling it again with the same folder changes nothing.
    """
    file = folder / FILE_NAME
    root = logging.getLogger("tradebench")
    for handler in list(root.handlers):
        if isinstance(handler, _QuietFile):
            if Path(handler.baseFilename) == file.absolute():
                return file
            root.removeHandler(handler)
            handler.close()
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    root.addHandler(
        _QuietFile(file, maxBytes=MAX_BYTES, backupCount=BACKUPS, encoding="utf-8", delay=True)
    )
    root.setLevel(logging.INFO)
    root.propagate = False
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            structlog.stdlib.add_log_level,
            structlog.stdlib.add_logger_name,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            redact,
            structlog.processors.JSONRenderer(ensure_ascii=False, default=str),
        ],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )
    return file


def get(topic: str) -> structlog.stdlib.BoundLogger:
    """Return the logger of a topic ("runs", "data", "cli"); silent until `configure` was called."""
    logging.getLogger("tradebench").addHandler(_NOWHERE)
    logger: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(f"tradebench.{topic}")
    return logger


def redact(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> Mapping[str, Any]:
    """Replace secrets in every value of a log record; a structlog processor."""
    return {key: _clean(value, key) for key, value in event.items()}


def redact_text(text: str) -> str:
    """Replace passwords in URLs (``scheme://me:…@host``) and in ``password=…`` pairs."""
    text = _URL_PASSWORD.sub(rf"\g<head>{HIDDEN}\g<tail>", text)
    return _PAIR.sub(rf"\g<head>{HIDDEN}", text)


def _clean(value: Any, key: str = "") -> Any:
    if _SECRET_KEY.search(key):
        return HIDDEN
    if isinstance(value, str):
        return redact_text(value)
    if isinstance(value, Mapping):
        return {str(name): _clean(inner, str(name)) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_clean(inner) for inner in value]
    if value is None or isinstance(value, bool | int | float):
        return value
    return redact_text(str(value))


class _QuietFile(RotatingFileHandler):
    """A rotating file whose failures stay its own."""

    def doRollover(self) -> None:  # noqa: N802  (the name is logging's)
        """Rotate; where another process holds the file (Windows), go on in the same one."""
        try:
            super().doRollover()
        except OSError:
            self.stream = self._open()

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802
        """Lose the line: there is nobody to tell, and a run must not stop for its log."""


_NOWHERE: Final = logging.NullHandler()
