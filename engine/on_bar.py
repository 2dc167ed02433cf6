"""Makes a strategy that decides bar by bar ready to run: what it sees, remembers and was given, its compiled loop."""

import functools
import inspect
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from types import CodeType
from typing import Any, Final, Literal, get_args, get_origin

import numpy as np
from numpy.typing import NDArray

from engine.complaints import bad, raised, said_wrong
from engine.kernels.context import HOLDING, Seen
from engine.kernels.on_bar import Own, build_advance
from engine.kernels.verbs import LABELS, N_NOTES
from engine.market import Panel
from engine.strategies.protocol import OnBarStrategy
from engine.types import INSTRUCTION, SizeKind, Status

_KINDS: Final[dict[type, str]] = {float: "<f8", int: "<i8", bool: "?"}
_NOTHING: Final = np.dtype([("nothing", "<i8")], align=True)
_SAID_PER_SYMBOL, _SAID_AT_LEAST = 4, 64


def labels_of(strategy: OnBarStrategy) -> tuple[str, ...]:
    """Return what the orders of a strategy are called, by the label that they carry."""
    return (*LABELS, *strategy.labels)


def loop_of(strategy: OnBarStrategy, key: str | None = None) -> Callable[..., int]:
    """Return the strategy's loop, compiled once in this process and kept on disk.

    ``key`` names the version of the code where the strategy's own hash does not say it all (a file with imports).
    """
    return _loop_of(type(strategy).on_bar, key or strategy.source_hash())


@functools.lru_cache(maxsize=32)
def _loop_of(on_bar: Callable[..., None], key: str) -> Callable[..., int]:
    refuse_changeable(on_bar)
    return build_advance(on_bar, key[:16])


def refuse_changeable(on_bar: Any) -> None:
    """See that compiled code knows nothing that Python code could change: arrays, lists, dicts, sets of the file.

    They would be frozen into what is compiled, and kept on disk with it: prices of one run would be found in the next.

    Raises
    ------
    BacktestValidationError
        When the function, or a helper that it calls, names one.
    """
    waiting, seen = [on_bar], set()
    while waiting:
        function = waiting.pop()
        if function in seen:
            continue
        seen.add(function)
        known = {**function.__globals__, **inspect.getclosurevars(function).nonlocals}
        for name in _names_in(function.__code__):
            value = known.get(name)
            if isinstance(value, np.ndarray | list | dict | set):
                raise bad(
                    f"{function.__name__} uses {name}, which is a {type(value).__name__}",
                    "compiled code may use numbers and tuples of its file; arrays come from inputs()",
                )
            helper = getattr(value, "py_func", None)
            if helper is not None:
                waiting.append(helper)


def _names_in(code: CodeType) -> Iterator[str]:
    yield from (*code.co_names, *code.co_freevars)
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names_in(constant)


def own_of(
    strategy: OnBarStrategy, panel: Panel, size: tuple[SizeKind, float], inputs: NDArray[np.void]
) -> Own:
    """Return what belongs to a strategy in one run, before its first bar.

    Raises
    ------
    BacktestValidationError
        When a parameter or the declared state is no number.
    """
    shape, n_symbols = panel.close.shape, panel.n_symbols
    holdings = np.zeros(n_symbols, HOLDING)
    holdings["last"] = np.nan
    opens, highs, lows, closes, volumes = (np.full(shape, np.nan) for _ in range(5))
    kind, amount = size
    return Own(
        seen=Seen(opens, highs, lows, closes, volumes, _unknown(inputs.dtype, shape)),
        inputs=inputs,
        memory=np.zeros(n_symbols, record_of(strategy.State)),
        parameters=parameters_of(strategy),
        holdings=holdings,
        said=np.zeros(max(_SAID_AT_LEAST, _SAID_PER_SYMBOL * n_symbols), INSTRUCTION),
        notes=np.zeros(N_NOTES, np.int64),
        size_kind=int(kind),
        size=float(amount),
    )


def inputs_of(strategy: OnBarStrategy, panel: Panel) -> NDArray[np.void]:
    """Ask a strategy for its inputs and return them as one record per bar and symbol.

    Raises
    ------
    BacktestValidationError
        When one has another shape than the panel, or is no number.
    """
    with nothing_put_aside(strategy):
        found = {name: np.asarray(values) for name, values in strategy.inputs(panel).items()}
    return records_of(found, panel.close.shape)


@contextmanager
def nothing_put_aside(strategy: OnBarStrategy) -> Iterator[None]:
    """See that a strategy, while it is shown all bars, leaves nothing of them where its compiled code would find it.

    Raises
    ------
    BacktestValidationError
        When it changed a global name of its file.
    """
    names = type(strategy).on_bar.__globals__
    before = dict(names)
    yield
    changed = [name for name, value in names.items() if before.get(name, names) is not value]
    if changed:
        raise bad(
            f"inputs() changed the global {', '.join(sorted(changed))}",
            "on_bar may know of later bars only what inputs() returns, which is shown bar by bar",
        )


def records_of(found: Mapping[str, NDArray[Any]], shape: tuple[int, ...]) -> NDArray[np.void]:
    """Return arrays by name as one record per bar and symbol.

    Raises
    ------
    BacktestValidationError
        When one has another shape, or is no number.
    """
    for name, values in found.items():
        if values.shape != shape or values.dtype.kind not in "biuf":
            raise bad(
                f"inputs: {name} has shape {values.shape} and type {values.dtype}",
                f"numbers of shape {shape}: one row a bar, one column a symbol",
            )
    records = np.zeros(shape, record_of(dict.fromkeys(found, float)))
    for name, values in found.items():
        records[name] = values
    return records


def record_of(fields: dict[str, type]) -> np.dtype[np.void]:
    """Return the layout of a record with these fields.

    Raises
    ------
    BacktestValidationError
        When a type is not float, int or bool.
    """
    for name, kind in fields.items():
        if kind not in _KINDS:
            raise bad(f"{name} is declared as {kind!r}", "float, int or bool")
    if not fields:
        return _NOTHING
    return np.dtype([(name, _KINDS[kind]) for name, kind in fields.items()], align=True)


def parameters_of(strategy: OnBarStrategy) -> NDArray[np.void]:
    """Return the parameters as one record of numbers; a choice is its place among the choices.

    Raises
    ------
    BacktestValidationError
        When one is text.
    """
    values: dict[str, Any] = {}
    for name, declared in type(strategy).Params.model_fields.items():
        value = getattr(strategy.params, name)
        if get_origin(declared.annotation) is Literal:
            value = get_args(declared.annotation).index(value)
        if not isinstance(value, bool | int | float):
            raise bad(f"The parameter {name} is {value!r}", "numbers, booleans and choices only")
        values[name] = value
    record = np.zeros(1, record_of({name: type(value) for name, value in values.items()}))
    for name, value in values.items():
        record[name] = value
    return record


@dataclass(frozen=True)
class Decider:
    """A strategy that takes part in the loop over bars of one run."""

    strategy: OnBarStrategy
    own: Own
    loop: Callable[..., int]

    def advance(
        self, panel: Panel, arguments: tuple[Any, ...], bar: Callable[[], int], stop: int
    ) -> int:
        """Simulate up to ``stop`` and return a `Status`; ``arguments`` are those of the loop before the strategy's own.

        Raises
        ------
        BacktestValidationError
            When the strategy's code raised, can't be compiled, or gave what is no order; names line and date.
        """
        try:
            status = self.loop(*arguments, self.own, stop)
        except Exception as error:
            raise raised(error, type(self.strategy).on_bar, panel, bar()) from error
        if status == Status.SAID_WRONG:
            raise said_wrong(self.own, panel, bar())
        return status


def decider_of(strategy: OnBarStrategy, panel: Panel, size: tuple[SizeKind, float]) -> Decider:
    """Return a strategy ready to take part in a run: asked for its inputs, its state as at the beginning."""
    own = own_of(strategy, panel, size, inputs_of(strategy, panel))
    return Decider(strategy, own, loop_of(strategy))


def _unknown(dtype: np.dtype[np.void], shape: tuple[int, ...]) -> NDArray[np.void]:
    records = np.zeros(shape, dtype)
    for name in dtype.names or ():
        if dtype[name].kind == "f":
            records[name] = np.nan
    return records
