"""The strategy that the engine sees in place of a person's file: the same protocol, answered by a child.

`strategy_from` asks a child what the file defines and returns an instance of a class made for it: its name, its
declared parameters, its form. Children are kept, one a version of a file, because starting one takes a second; they end
with `end_children` and with the program.
"""

import atexit
import dataclasses
import functools
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Final, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, create_model

from desktop.service.child.answers import signals_of
from desktop.service.child.process import Child
from desktop.service.child.remote import RemoteSimulation
from engine.config import BacktestConfig
from engine.driver import Elsewhere, new_simulation, rules_of
from engine.errors import BacktestError, BacktestValidationError, Problem
from engine.market import Panel
from engine.strategies.protocol import (
    Floats,
    Form,
    Parameters,
    Signals,
    SignalStrategy,
    Strategy,
    TargetStrategy,
)
from engine.types import INSTRUCTION, NS_PER_DAY
from storage.stopping import ShouldStop, never
from storage.strategies import closure_of, hash_of, source_of
from storage.trust import Trust

CUTS: Final = 20  # ends of data at which a run asks again, to see whether an answer looked ahead
FEW_CUTS: Final = 2  # where the same bars are asked about again, with other parameters: a sweep
PATIENCE_SECONDS: Final = 2.0  # or as many as that, and three times what the answer itself took


@dataclass
class Kept:
    """A child that waits for questions about one version of a file; `lock` lets one run at a time ask."""

    child: Child
    lock: threading.Lock
    asked_of: Panel | None = None  # what it was last asked about at all the cuts


_children: dict[tuple[Path, str], Kept] = {}
_guard = threading.Lock()


class FileStrategy:
    """What all forms share: which file, which version of it, and what it found out about itself."""

    path: ClassVar[Path]
    digest: ClassVar[str]
    cuts: int = CUTS
    patience: float = PATIENCE_SECONDS
    cuts_asked: int = 0

    def __init__(self, params: Parameters, warmup: int, given: dict[str, Any]) -> None:
        """Take parameters that the file itself has accepted."""
        super().__init__(params)  # type: ignore[call-arg]
        self._warmup = warmup
        self._given = given
        self.should_stop: ShouldStop = never

    @classmethod
    def make(cls, values: dict[str, Any]) -> Any:
        """Ask the file what it is with other parameters; raises as `strategy_from`."""
        return strategy_from(cls.path, values)

    def warmup_bars(self) -> int:
        """Return what the file declared for these parameters."""
        return self._warmup

    @classmethod
    def source_text(cls) -> str:
        """Return the file and what it imports from its folder."""
        return source_of(cls.path)

    @classmethod
    def source_hash(cls) -> str:
        """Return the hash of the version that was loaded."""
        return cls.digest

    def _ask(self, task: str, panel: Panel, arrays: dict[str, NDArray[Any]]) -> Any:
        kept = _kept(self.path, self.digest)
        question = {
            "task": task,
            "params": self._given,
            "cuts": self.cuts if kept.asked_of is not panel else min(self.cuts, FEW_CUTS),
            "patience": self.patience,
        }
        with kept.lock:
            header, found = kept.child.ask(question, arrays, panel, self.should_stop)
            kept.asked_of = panel
        self.cuts_asked = header["cuts"]
        _refuse_look_ahead(header["mismatch"], panel)
        return header, found


class FileSignals(FileStrategy, SignalStrategy):
    """Signals of a file."""

    def signals(self, panel: Panel) -> Signals:
        """Ask the child."""
        header, found = self._ask("signals", panel, {})
        return signals_of(header["scalars"], found)


class FileTargets(FileStrategy, TargetStrategy):
    """Target weights of a file."""

    def weights(self, panel: Panel, bars: NDArray[np.int64]) -> Floats:
        """Ask the child."""
        _, found = self._ask("weights", panel, {"bars": np.asarray(bars, np.int64)})
        weights: Floats = found["weights"]
        return weights


class FileOnBar(FileStrategy, Elsewhere):
    """Decisions bar by bar of a file; the whole simulation runs in a child of its own."""

    def simulation(self, config: BacktestConfig, panel: Panel) -> RemoteSimulation:
        """Have a child stand before the first bar of a run."""
        child = Child(self.path)
        question = {
            "task": "begin",
            "params": self._given,
            "cuts": self.cuts,
            "patience": self.patience,
            "config": config.model_dump(mode="json"),
            "key": self.digest,
        }
        try:
            header, _ = child.ask(question, None, panel, self.should_stop)
            self.cuts_asked = header["cuts"]
            _refuse_look_ahead(header["mismatch"], panel)
        except BaseException:
            child.close()
            raise
        here = new_simulation(
            panel, np.empty(0, INSTRUCTION), rules_of(config), config.account.initial_capital
        )
        parts = {field.name: getattr(here, field.name) for field in dataclasses.fields(here)}
        return RemoteSimulation(**parts, child=child, should_stop=self.should_stop)


def strategy_from(path: Path, params: dict[str, Any]) -> Strategy:
    """Return the strategy of a file with these parameters.

    Raises:
        BacktestNotFoundError: there is no such file.
        BacktestValidationError: it can't be run, or refuses the parameters; names file, line and what stands there.
        ChildError: its process ended or did not answer.
    """
    path = path.expanduser().absolute()
    digest = hash_of(path)
    kept = _kept(path, digest)
    with kept.lock:
        told, _ = kept.child.ask({"task": "make", "params": params})
    cls = _class_of(path, digest, _Facts.of(told))
    strategy: Strategy = cls(
        cls.Params.model_construct(**told["params"]), told["warmup_bars"], params
    )
    return strategy


class LookAheadError(BacktestValidationError):
    """What a strategy says for a bar depends on later ones."""


def day_of(panel: Panel, bar: int) -> str:
    """Return when a bar opens: its date, with the time within the day where bars are shorter."""
    time_ns = int(panel.time_ns[bar])
    return str(
        np.datetime64(time_ns, "ns").astype("M8[D]" if time_ns % NS_PER_DAY == 0 else "M8[s]")
    )


class UntrustedError(BacktestError):
    """A version of a strategy file that the person has not agreed to run; ``digest`` names it."""

    kind = "untrusted"
    exit_code = 2

    def __init__(self, path: Path, digest: str, imported: tuple[str, ...]) -> None:
        """Say which file, and what it brings along."""
        more = f" (with {', '.join(imported)})" if imported else ""
        super().__init__(
            f"{path.name}{more} has not been run before in this version",
            field="strategy.name",
            hint=f"a strategy is a program and can do what you can do: read {path}, then agree with --trust",
        )
        self.path = path
        self.digest = digest


def trusted_strategy(path: Path, params: dict[str, Any], trust: Trust | None = None) -> Any:
    """Return the strategy of a file whose version the person has agreed to.

    Raises:
        UntrustedError: they have not been asked, or have not agreed.
        BacktestError: as for `strategy_from`.
    """
    path = path.expanduser().absolute()
    first, *others = closure_of(path)
    digest = hash_of(path)
    if not (trust or Trust()).has(digest):
        names = tuple(other.relative_to(first.parent).as_posix() for other in others)
        raise UntrustedError(path, digest, names)
    return strategy_from(path, params)


def trusted_class(path: Path) -> type[Strategy]:
    """Return the class of a file's strategy, with its declared parameters; raises as `trusted_strategy`."""
    found: type[Strategy] = type(trusted_strategy(path, {}))
    return found


def end_children() -> None:
    """End every child that waits."""
    with _guard:
        waiting = list(_children.values())
        _children.clear()
    for kept in waiting:
        kept.child.close()


@dataclass(frozen=True)
class _Facts:
    """What a file says of itself, in a form that can be a key."""

    name: str
    title: str
    summary: str
    version: str
    form: Form
    labels: tuple[str, ...]
    fields: tuple[tuple[tuple[str, Any], ...], ...]

    @classmethod
    def of(cls, told: dict[str, Any]) -> "_Facts":
        fields = tuple(
            tuple((k, tuple(v) if isinstance(v, list) else v) for k, v in field.items())
            for field in told["fields"]
        )
        plain = {k: told[k] for k in ("name", "title", "summary", "version", "form")}
        return cls(**plain, labels=tuple(map(str, told["labels"])), fields=fields)


_BASES: Final = {"signals": FileSignals, "targets": FileTargets, "on_bar": FileOnBar}


@functools.lru_cache(maxsize=64)
def _class_of(path: Path, digest: str, facts: _Facts) -> Any:
    base = _BASES[facts.form]
    body = {
        "path": path,
        "digest": digest,
        "name": facts.name,
        "title": facts.title,
        "summary": facts.summary,
        "version": facts.version,
        "labels": facts.labels,
        "Params": _params_of([dict(field) for field in facts.fields]),
    }
    return type(base.__name__, (base,), body)


def _params_of(fields: list[dict[str, Any]]) -> type[Parameters]:
    """Return a model with the declared parameters: the file's own validators stay with the file."""
    kinds: dict[str, Any] = {"int": int, "float": float, "bool": bool, "text": str}
    declared: dict[str, Any] = {}
    for field in fields:
        kind = Literal[field["choices"]] if field["kind"] == "choice" else kinds[field["kind"]]
        bounded = field["kind"] in ("int", "float")
        declared[field["name"]] = (
            kind,
            Field(
                field["default"],
                ge=field["minimum"] if bounded else None,
                le=field["maximum"] if bounded else None,
                title=field["title"],
                description=field["help"],
                json_schema_extra={"step": field["step"]} if field["step"] else None,
            ),
        )
    return create_model("FileParameters", __base__=Parameters, **declared)


def _kept(path: Path, digest: str) -> Kept:
    """Return the child of a version of a file; one of an older version ends."""
    with _guard:
        old = [key for key in _children if key[0] == path and key[1] != digest]
        ended = [_children.pop(key) for key in old]
        if (path, digest) not in _children:
            _children[path, digest] = Kept(Child(path), threading.Lock())
        kept = _children[path, digest]
    for one in ended:
        with one.lock:
            one.child.close()
    return kept


def _refuse_look_ahead(mismatch: dict[str, Any] | None, panel: Panel) -> None:
    if mismatch is None:
        return
    day, symbol = day_of(panel, mismatch["bar"]), panel.symbols[mismatch["symbol"]]
    raise LookAheadError(
        Problem(
            "strategy.name",
            f"Look-ahead: {mismatch['name']} of {symbol} at {day} changes when later bars are taken away",
            "what is said for a bar may depend on nothing after its close: look for shift(-1), centred windows, "
            "normalising by the whole series, or filling backwards",
        )
    )


atexit.register(end_children)
