"""This side: starts a child, asks it, and ends it when it does not answer, when it floods, or when nobody wants it.

An answer is a frame whose hash is right. A child that ends without one has failed, whatever its exit code.
"""

import contextlib
import dataclasses
import os
import queue
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Final, Self

from desktop.service import kernel_cache
from desktop.service.child import frames, limits, parcels
from desktop.service.child.frames import Arrays
from desktop.service.child.limits import Limits
from engine.errors import BacktestError, BacktestValidationError, Problem
from engine.market import Panel
from storage.errors import Stopped
from storage.stopping import ShouldStop, never
from storage.strategies import hash_of

_LOOK_SECONDS: Final = 0.02
_TAIL_BYTES: Final = 64 << 10
_SIGNAL_FROM: Final = 128
_MEMORY: Final = Path("/dev/shm")


class ChildError(BacktestError):
    """The person's code ended its process, or did not answer."""

    kind = "strategy"
    exit_code = 1


class Child:
    """One process that has one strategy file; use it in a ``with`` block or call `close`. One thread asks it."""

    def __init__(self, path: Path, bounds: Limits = Limits()) -> None:  # noqa: B008 - frozen
        """Take the file; the process begins with the first question."""
        self.path = path
        self._limits = bounds
        self._process: subprocess.Popen[bytes] | None = None
        self._home: Path | None = None
        self._answers: queue.Queue[tuple[dict[str, Any], Arrays] | Exception] = queue.Queue()
        self._printed = bytearray()
        self._n_printed = 0
        self._panel: tuple[Panel, Path] | None = None

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close."""
        self.close()

    @property
    def pid(self) -> int | None:
        """The process, while there is one."""
        return None if self._process is None else self._process.pid

    def ask(
        self,
        question: dict[str, Any],
        arrays: Arrays | None = None,
        panel: Panel | None = None,
        should_stop: ShouldStop = never,
        *,
        is_first: bool = True,
    ) -> tuple[dict[str, Any], Arrays]:
        """Ask and wait for the answer; a question that is not the first one is for the process that heard the others.

        Raises:
            BacktestValidationError: the person's code raised, or returned what is no answer.
            ChildError: the process ended, flooded its output, or did not answer in time.
            Stopped: ``should_stop`` said so; the process is gone.
        """
        if is_first:
            self._start(panel)
        elif self._process is None or self._process.poll() is not None:
            raise self._ended(self._how_it_ended())
        if panel is not None:
            question = {**question, "panel": str(self._parcel(panel))}
        process = self._process
        assert process is not None
        assert process.stdin is not None
        with contextlib.suppress(OSError):  # it is gone: why is found out below
            frames.send(process.stdin, frames.pack(question, arrays))
        header, found = self._wait(should_stop)
        if not header.get("ok"):
            raise _raised(header)
        return header, found

    def close(self) -> None:
        """End the process and everything in its session, and forget its files; a second time does nothing."""
        process, self._process = self._process, None
        if process is not None:
            with contextlib.suppress(ProcessLookupError, PermissionError, AttributeError):
                os.killpg(process.pid, signal.SIGKILL)
            process.kill()
            process.wait()
            for stream in (process.stdin, process.stdout, process.stderr):
                if stream is not None:
                    with contextlib.suppress(OSError):
                        stream.close()
        if self._home is not None:
            shutil.rmtree(self._home, ignore_errors=True)
            self._home = self._panel = None

    def _start(self, panel: Panel | None) -> None:
        size = 0 if panel is None else parcels.bytes_of(panel)
        if self._process is not None and self._process.poll() is None:
            fits = self._panel is None and size <= self._limits.memory_bytes // 8
            if panel is None or fits or (self._panel is not None and self._panel[0] is panel):
                return
        self.close()
        self._answers = queue.Queue()
        self._printed, self._n_printed = bytearray(), 0
        base = _MEMORY if _MEMORY.is_dir() and os.access(_MEMORY, os.W_OK) else None
        self._home = Path(tempfile.mkdtemp(prefix="tradebench-child-", dir=base))
        compiled = cache = kernel_cache.prepare()
        own = []
        if limits.barrier() == "bubblewrap":
            # What a child compiles must not be loaded by anything but a child of the same code.
            own = [cache := kernel_cache.prepare_for(hash_of(self.path))]
        command = limits.behind_barrier(
            limits.command(), [self.path.parent, compiled], [self._home, *own]
        )
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=limits.environment(self._home, cache),
            cwd=self._home,
            start_new_session=True,
        )
        for work in (self._hear, self._read_output):
            threading.Thread(target=work, args=(self._process,), daemon=True).start()
        opening = {
            "path": str(self.path),
            "limits": dataclasses.asdict(self._limits),
            "panel_bytes": size,
        }
        assert self._process.stdin is not None
        with contextlib.suppress(OSError):
            frames.send(self._process.stdin, frames.pack(opening))

    def _parcel(self, panel: Panel) -> Path:
        assert self._home is not None
        if self._panel is None:
            self._panel = (panel, self._home / "panel")
            parcels.write_panel(panel, self._panel[1])
        return self._panel[1]

    def _wait(self, should_stop: ShouldStop) -> tuple[dict[str, Any], Arrays]:
        end = time.monotonic() + self._limits.answer_seconds
        while True:
            try:
                answer = self._answers.get(timeout=_LOOK_SECONDS)
            except queue.Empty:
                if should_stop():
                    self.close()
                    raise Stopped from None
                if self._n_printed > self._limits.output_bytes:
                    raise self._ended("printed without end") from None
                if time.monotonic() > end:
                    seconds = f"{self._limits.answer_seconds:g}"
                    raise self._ended(f"did not answer within {seconds} seconds") from None
                continue
            if isinstance(answer, Exception):
                raise self._ended(self._how_it_ended())
            return answer

    def _how_it_ended(self) -> str:
        if self._process is None:
            return "was ended before"
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout=2)
        code = self._process.returncode
        if code is not None:
            # bubblewrap passes a signal on as a shell does: 128 and its number
            number = -code if code < 0 else code - _SIGNAL_FROM
            with contextlib.suppress(ValueError):
                return f"ended by {signal.Signals(number).name}"
        return f"ended without an answer (exit code {code})"

    def _ended(self, how: str) -> ChildError:
        tail = bytes(self._printed).decode("utf-8", errors="replace").strip().splitlines()
        last = f" It printed last: {tail[-1][:200]}" if tail else ""
        self.close()
        return ChildError(
            f"{self.path.name} {how}.{last}",
            field="strategy.name",
            hint="Its process was ended; the program and other runs are unaffected",
        )

    def _hear(self, process: subprocess.Popen[bytes]) -> None:
        """Put answers into the queue, and at the end why there are no more; on a thread of its own."""
        answers, stream = self._answers, process.stdout
        assert stream is not None
        try:
            while True:
                answers.put(frames.unpack(frames.receive(stream)))
        except (EOFError, OSError, ValueError, frames.FrameError) as error:
            answers.put(error)

    def _read_output(self, process: subprocess.Popen[bytes]) -> None:
        """Keep the end of what is printed; on a thread of its own."""
        stream: IO[bytes] | None = process.stderr
        assert stream is not None
        printed = self._printed
        with contextlib.suppress(OSError, ValueError):
            while part := os.read(stream.fileno(), 1 << 16):
                self._n_printed += len(part)
                printed += part
                del printed[:-_TAIL_BYTES]


def _raised(header: dict[str, Any]) -> BacktestValidationError:
    error = BacktestValidationError([Problem(*problem) for problem in header["problems"]])
    error.add_note(header.get("trace", ""))  # for the log
    return error
