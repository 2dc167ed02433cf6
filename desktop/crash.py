"""The last resort: what nobody caught is written down, and somebody is told. Nothing dies in silence.

Exceptions of the main thread, of slots and of other threads, exceptions that Python could only ignore, and Qt's own
messages go to the program's log. What ends the process itself, below Python, leaves the stack of every thread in
``crash.txt`` beside it; the next start moves that into the log.
"""

import faulthandler
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Final, TextIO

from PySide6.QtCore import QMessageLogContext, QObject, QtMsgType, Signal, qInstallMessageHandler

from desktop import logs

FILE_NAME: Final = "crash.txt"
_LEVELS: Final = {
    QtMsgType.QtDebugMsg: "debug",
    QtMsgType.QtInfoMsg: "info",
    QtMsgType.QtWarningMsg: "warning",
    QtMsgType.QtCriticalMsg: "error",
    QtMsgType.QtFatalMsg: "critical",
}

Kind = type[BaseException]


class CrashGuard(QObject):
    """Holds the handlers while the window is there; `install` once, `remove` at the end.

    Signals:
        caught(str): name and text of an exception that nobody caught; may come from any thread.
    """

    caught = Signal(str)

    def __init__(self, folder: Path, parent: QObject | None = None) -> None:
        """Take the folder of the logs; nothing is changed yet."""
        super().__init__(parent)
        self._folder = folder
        self._file: TextIO | None = None
        self._put_back: list[Callable[[], object]] = []
        self._log_file = folder / logs.FILE_NAME

    def install(self) -> None:
        """Put the handlers in place; a second time does nothing."""
        if self._put_back:
            return
        self._log_file = logs.configure(self._folder)
        self._report_last_crash()
        before = sys.excepthook, threading.excepthook, sys.unraisablehook
        sys.excepthook = self._on_exception
        threading.excepthook = self._on_thread_exception
        sys.unraisablehook = self._on_unraisable
        qt = qInstallMessageHandler(self._on_qt_message)
        self._put_back = [
            lambda: setattr(sys, "excepthook", before[0]),
            lambda: setattr(threading, "excepthook", before[1]),
            lambda: setattr(sys, "unraisablehook", before[2]),
            lambda: qInstallMessageHandler(qt),
        ]
        self._watch_process()

    def remove(self) -> None:
        """Give the handlers back to whoever had them before."""
        for put_back in self._put_back:
            put_back()
        self._put_back = []
        if self._file is not None:
            faulthandler.disable()
            self._file.close()
            self._file = None

    def _watch_process(self) -> None:
        try:
            # Kept open: the handler writes to the number of the file when nothing else works any more.
            self._file = (self._folder / FILE_NAME).open("w", encoding="utf-8")
        except OSError as error:
            logs.get("crash").warning("crash_file_not_opened", error=str(error))
            return
        faulthandler.enable(self._file)

    def _report_last_crash(self) -> None:
        try:
            left = (self._folder / FILE_NAME).read_text("utf-8", errors="replace")
        except OSError:
            return
        if left:
            logs.get("crash").error("last_session_crashed", stacks=left)

    def _on_exception(self, kind: Kind, error: BaseException, trace: TracebackType | None) -> None:
        if issubclass(kind, KeyboardInterrupt):
            sys.__excepthook__(kind, error, trace)
            return
        self._tell(error, "main")

    def _on_thread_exception(self, caught: threading.ExceptHookArgs) -> None:
        if caught.exc_value is not None and not isinstance(caught.exc_value, SystemExit):
            self._tell(caught.exc_value, caught.thread.name if caught.thread else "")

    def _on_unraisable(self, caught: Any) -> None:
        if caught.exc_value is not None:
            self._tell(caught.exc_value, f"ignored in {caught.object!r}")

    def _on_qt_message(self, kind: QtMsgType, context: QMessageLogContext, text: str) -> None:
        where = f"{context.file}:{context.line}" if context.file else ""
        write = getattr(logs.get("qt"), _LEVELS.get(kind, "warning"))
        write("qt_message", text=text, category=context.category or "", where=where)
        if kind == QtMsgType.QtFatalMsg:  # Qt ends the process when this returns
            self._say(f"Qt cannot go on: {text}")

    def _tell(self, error: BaseException, place: str) -> None:
        logs.get("crash").critical("unexpected", place=place, exc_info=error)
        told = logs.redact_text(f"{type(error).__name__}: {error}")
        self._say(f"An error inside the program: {told} (details in {self._log_file})")
        self.caught.emit(told)

    def _say(self, text: str) -> None:
        """Tell the terminal, where there is one."""
        if sys.stderr is not None:
            sys.stderr.write(f"{text}\n")
            sys.stderr.flush()
