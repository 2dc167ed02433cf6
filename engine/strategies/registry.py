"""The built-in strategies by name, and what their parameters look like to a form."""

import difflib
from dataclasses import dataclass
from typing import Any, Final, Literal, get_args, get_origin

from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from engine.errors import BacktestNotFoundError
from engine.strategies.atr_pyramid import AtrPyramid
from engine.strategies.buy_and_hold import BuyAndHold
from engine.strategies.donchian_breakout import DonchianBreakout
from engine.strategies.equal_weight import EqualWeight
from engine.strategies.momentum_rotation import MomentumRotation
from engine.strategies.momentum_volume import MomentumVolume
from engine.strategies.protocol import Strategy
from engine.strategies.rsi_reversion import RsiReversion
from engine.strategies.screening import Screening
from engine.strategies.sma_cross import SmaCross

BUILT_IN: Final[dict[str, type[Strategy]]] = {
    strategy.name: strategy
    for strategy in (
        BuyAndHold,
        SmaCross,
        RsiReversion,
        DonchianBreakout,
        MomentumVolume,
        MomentumRotation,
        EqualWeight,
        AtrPyramid,
    )
}

# What a form shows as parameters are the built-in strategies'; criteria have an editor of their own.
_KNOWN: Final[dict[str, type[Strategy]]] = {**BUILT_IN, Screening.name: Screening}

Kind = Literal["int", "float", "bool", "choice", "text"]


@dataclass(frozen=True, slots=True)
class ParameterInfo:
    """One parameter as a form shows it.

    Attributes:
        name: key in the configuration.
        title: label.
        help: one sentence.
        kind: which editor fits.
        default: value when none is given; None when the parameter is required.
        minimum, maximum: bounds, or None; validation decides whether a bound itself is allowed.
        step: a sensible increment for numbers, or None.
        choices: the allowed values of a choice, in order.
    """

    name: str
    title: str
    help: str
    kind: Kind
    default: Any
    minimum: float | None = None
    maximum: float | None = None
    step: float | None = None
    choices: tuple[Any, ...] = ()


def get(name: str) -> type[Strategy]:
    """Return a built-in strategy, ``screening`` among them.

    Raises:
        BacktestNotFoundError: naming what is near to ``name``, or all there are.
    """
    try:
        return _KNOWN[name]
    except KeyError:
        near = difflib.get_close_matches(name, BUILT_IN, n=3)
        hint = f"did you mean {' or '.join(near)}? " if near else ""
        hint += f"built in: {', '.join(BUILT_IN)}; your own is given as the path of its .py file"
        raise BacktestNotFoundError(
            f"There is no strategy {name!r}", field="strategy.name", hint=hint
        ) from None


def known(name: str) -> type[Strategy] | None:
    """Return a built-in strategy, or None for a name that is not one."""
    return _KNOWN.get(name)


def title_of(name: str) -> str:
    """Return what people call a strategy; a name that is not built in stays as it is."""
    found = _KNOWN.get(name)
    return found.title if found else name


def describe(strategy: type[Strategy]) -> list[ParameterInfo]:
    """Return the parameters of a strategy in the order of their declaration."""
    return [_info(name, declared) for name, declared in strategy.Params.model_fields.items()]


def _info(name: str, declared: FieldInfo) -> ParameterInfo:
    kind, choices = _kind(declared.annotation)
    return ParameterInfo(
        name=name,
        title=declared.title or name.replace("_", " ").capitalize(),
        help=declared.description or "",
        kind=kind,
        default=None if declared.default is PydanticUndefined else declared.default,
        minimum=_bound(declared, "ge", "gt"),
        maximum=_bound(declared, "le", "lt"),
        step=1.0 if kind == "int" else _step(declared),
        choices=choices,
    )


def _kind(annotation: Any) -> tuple[Kind, tuple[Any, ...]]:
    if get_origin(annotation) is Literal:
        return "choice", get_args(annotation)
    simple: dict[Any, Kind] = {bool: "bool", int: "int", float: "float"}
    return simple.get(annotation, "text"), ()


def _bound(declared: FieldInfo, *names: str) -> float | None:
    found = (getattr(item, name, None) for item in declared.metadata for name in names)
    return next((value for value in found if value is not None), None)


def _step(declared: FieldInfo) -> float | None:
    extra = declared.json_schema_extra
    step = extra.get("step") if isinstance(extra, dict) else None
    return float(step) if isinstance(step, int | float) else None
