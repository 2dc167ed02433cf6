"""The far side: runs in the child, loads one strategy file and answers questions about it until nobody asks.

What the file prints goes to standard error, where this program keeps the end of it; standard output belongs to frames.
"""

import dataclasses
import os
import sys
import time
import traceback
from pathlib import Path
from typing import IO, Any, Final

import numpy as np

from desktop.service.child import frames, limits, lookahead, parcels, simulating
from desktop.service.child.answers import plain, plain_signals
from desktop.service.child.frames import Arrays
from engine.errors import BacktestError, BacktestValidationError
from engine.market import Panel
from engine.on_bar import nothing_put_aside
from engine.strategies import registry
from engine.strategies.protocol import OnBarStrategy, SignalStrategy, Strategy, TargetStrategy
from storage.strategies import load_file

_TRACE_LINES: Final = 40

Answer = tuple[dict[str, Any], Arrays]


def serve() -> int:
    """Answer until the other side closes the pipe; the child's whole work."""
    told = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    asked = sys.stdin.buffer
    header, _ = frames.unpack(frames.receive(asked))
    limits.apply(limits.Limits(**header["limits"]), header["panel_bytes"])
    host = Host(Path(header["path"]))
    while True:
        try:
            question, arrays = frames.unpack(frames.receive(asked))
        except EOFError:
            return 0
        _answer(host, question, arrays, told)


def _answer(host: "Host", question: dict[str, Any], arrays: Arrays, told: IO[bytes]) -> None:
    try:
        header, found = host.answer(question, arrays)
    except BaseException as error:  # whatever the person's code raises is an answer: its failure
        header, found = failure_of(error, host.path), {}
    frames.send(told, frames.pack(header, found))


class Host:
    """One strategy file, loaded once, and the panels it is asked about."""

    def __init__(self, path: Path) -> None:
        """Take the file; it is run when the first question comes."""
        self.path = path
        self._cls: type[Strategy] | None = None
        self._panels: dict[str, Panel] = {}
        self._far = simulating.FarRun()

    def answer(self, question: dict[str, Any], arrays: Arrays) -> Answer:
        """Answer one question: ``make``, ``signals``, ``weights``, ``begin``, and those of a run: see `FarRun`."""
        if question["task"] in simulating.TASKS:
            return self._far.answer(question, arrays)
        if self._cls is None:
            self._cls = load_file(self.path, Strategy)
        strategy = self._cls.make(question["params"])
        if question["task"] == "make":
            return _facts(strategy), {}
        panel = self._panel(question["panel"])
        if question["task"] == "begin":
            return self._begin(strategy, panel, question)
        if question["task"] == "signals":
            return _signals(strategy, panel, question)
        return _weights(strategy, panel, arrays["bars"], question)

    def _begin(self, strategy: Strategy, panel: Panel, question: dict[str, Any]) -> Answer:
        assert isinstance(strategy, OnBarStrategy)
        inputs, header = _inputs(strategy, panel, question)
        if header["mismatch"] is None:
            self._far.begin(strategy, panel, inputs, question)
        return header, {}

    def _panel(self, file: str) -> Panel:
        if file not in self._panels:
            self._panels = {file: parcels.read_panel(Path(file))}
        return self._panels[file]


def _facts(strategy: Strategy) -> dict[str, Any]:
    cls = type(strategy)
    return {
        "ok": True,
        "name": str(cls.name),
        "title": str(getattr(cls, "title", cls.name)),
        "summary": str(getattr(cls, "summary", "")),
        "version": str(cls.version),
        "form": strategy.form,
        "labels": list(strategy.labels) if isinstance(strategy, OnBarStrategy) else [],
        "params": strategy.params.model_dump(mode="json"),
        "warmup_bars": int(strategy.warmup_bars()),
        "fields": [dataclasses.asdict(info) for info in registry.describe(cls)],
    }


def _signals(strategy: Strategy, panel: Panel, question: dict[str, Any]) -> Answer:
    assert isinstance(strategy, SignalStrategy)

    def said(part: Panel) -> tuple[dict[str, Any], Arrays]:
        return plain_signals(strategy.signals(part), part.close.shape, part.symbols)

    began = time.monotonic()
    scalars, whole = said(panel)
    took = time.monotonic() - began
    until = time.monotonic() + max(question["patience"], 3 * took)  # infinite, or so many seconds
    cuts = lookahead.cuts_of(panel.n_bars, panel.first_counted, question["cuts"])
    mismatch, asked = lookahead.first_mismatch(
        whole,
        cuts,
        lambda cut: said(panel.slice(0, cut))[1],
        lambda cut: cut,
        lambda: time.monotonic() > until,
    )
    return {"ok": True, "scalars": scalars, "cuts": asked, "mismatch": _told(mismatch)}, whole


def _weights(
    strategy: Strategy, panel: Panel, bars: np.ndarray, question: dict[str, Any]
) -> Answer:
    assert isinstance(strategy, TargetStrategy)

    def said(part: Panel, when: np.ndarray) -> Arrays:
        shape = (len(when), part.n_symbols)
        found = strategy.weights(part, when)
        return {
            "weights": plain(found, "weights", shape, part.symbols, np.dtype(np.float64)),
        }

    began = time.monotonic()
    whole = said(panel, bars)
    until = time.monotonic() + max(question["patience"], 3 * (time.monotonic() - began))
    cuts = lookahead.cuts_of(panel.n_bars, panel.first_counted, question["cuts"])

    def rows_of(cut: int) -> int:
        return int(np.searchsorted(bars, cut))

    mismatch, asked = lookahead.first_mismatch(
        whole,
        cuts,
        lambda cut: said(panel.slice(0, cut), bars[: rows_of(cut)]),
        rows_of,
        lambda: time.monotonic() > until,
    )
    if mismatch is not None:  # it counts rebalancings; people are told bars
        mismatch = dataclasses.replace(mismatch, bar=int(bars[mismatch.bar]))
    return {"ok": True, "cuts": asked, "mismatch": _told(mismatch)}, whole


def _inputs(
    strategy: OnBarStrategy, panel: Panel, question: dict[str, Any]
) -> tuple[Arrays, dict[str, Any]]:
    """Return what an on_bar strategy computes beforehand, and whether any of it looked ahead."""

    def said(part: Panel) -> Arrays:
        kind = np.dtype(np.float64)
        with nothing_put_aside(strategy):
            found = dict(strategy.inputs(part))
        return {
            name: plain(values, f"inputs: {name}", part.close.shape, part.symbols, kind)
            for name, values in found.items()
        }

    began = time.monotonic()
    whole = said(panel)
    until = time.monotonic() + max(question["patience"], 3 * (time.monotonic() - began))
    cuts = lookahead.cuts_of(panel.n_bars, panel.first_counted, question["cuts"] if whole else 0)
    mismatch, asked = lookahead.first_mismatch(
        whole,
        cuts,
        lambda cut: said(panel.slice(0, cut)),
        lambda cut: cut,
        lambda: time.monotonic() > until,
    )
    return whole, {"ok": True, "cuts": asked, "mismatch": _told(mismatch)}


def _told(mismatch: lookahead.Mismatch | None) -> dict[str, Any] | None:
    return None if mismatch is None else dataclasses.asdict(mismatch)


def failure_of(error: BaseException, path: Path) -> dict[str, Any]:
    """Return what went wrong in the person's code: message, line, the line's text, the end of the traceback."""
    trace = "".join(traceback.format_exception(error)).splitlines()[-_TRACE_LINES:]
    told: dict[str, Any] = {"ok": False, "trace": "\n".join(trace)}
    if isinstance(error, BacktestValidationError):
        told["problems"] = [[p.field, p.message, p.hint] for p in error.problems]
        return told
    if isinstance(error, BacktestError):
        told["problems"] = [[error.field, error.message, error.hint]]
        return told
    frames_there = traceback.extract_tb(error.__traceback__)
    own = [f for f in frames_there if Path(f.filename).parent == path.parent]
    place, source = path.name, ""
    if own:
        place = f"{Path(own[-1].filename).name}, line {own[-1].lineno}"
        source = f" in `{own[-1].line}`" if own[-1].line else ""
    what = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    told["problems"] = [
        [
            "strategy.name",
            f"{place}: {what}{source}",
            "the strategy's own code raised this; mend it there",
        ]
    ]
    return told
