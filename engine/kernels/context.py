"""What an on_bar strategy sees: prices up to its bar, its positions, its account. It sees nothing else.

A compiled strategy gets a *context*. Behind it lie arrays of its own (`Seen`): a bar is copied into them when its close
has come and is NaN before, so there is no later price to be found in them, whatever a strategy does. What it says goes
to a list (`verbs`), and the loop (`on_bar`) turns that into orders. Bars, orders and the account are out of its reach.
"""

from typing import Any, NamedTuple

import numpy as np
from numba import njit
from numba.core import cgutils, types
from numba.extending import (
    intrinsic,
    make_attribute_wrapper,
    models,
    overload_attribute,
    overload_method,
    register_model,
)
from numpy.typing import NDArray

HOLDING = np.dtype(
    [
        ("quantity", "<f8"),  # negative is short
        ("entry", "<f8"),  # average price of the open position, NaN when flat
        ("last", "<f8"),  # last known close, NaN before the first
        ("waiting", "<i8"),  # own orders that wait, exits of brackets not counted
    ],
    align=True,
)


class Seen(NamedTuple):
    """Bars up to the present one, (n_bars, n_symbols) each, NaN after it; ``inputs`` is a record per bar and symbol."""

    open: NDArray[np.float64]
    high: NDArray[np.float64]
    low: NDArray[np.float64]
    close: NDArray[np.float64]
    volume: NDArray[np.float64]
    inputs: NDArray[np.void]


class Look(NamedTuple):
    """One bar as a strategy sees it, and where it writes down what it wants (`verbs`)."""

    bar: int
    time_ns: int
    cash: float
    equity: float  # at the closes of this bar
    size_kind: int  # of an order that says no size
    size: float
    seen: Seen
    holdings: NDArray[np.void]  # HOLDING (n_symbols,)
    said: NDArray[np.void]  # INSTRUCTION rows
    notes: NDArray[np.int64]  # see `engine.kernels.verbs`


class ContextType(types.Type):
    """Numba's type of a context: a `Look` that has methods."""

    def __init__(self, look: Any) -> None:
        """Take the type of the look."""
        self.look = look
        super().__init__(name=f"Context({look})")


@register_model(ContextType)
class _ContextModel(models.StructModel):
    def __init__(self, manager: Any, fe_type: ContextType) -> None:
        super().__init__(manager, fe_type, [("look", fe_type.look)])  # type: ignore[no-untyped-call]


make_attribute_wrapper(ContextType, "look", "look")


@intrinsic
def context_of(_typing: Any, look: Any) -> Any:
    """Return a look as a context, in compiled code."""

    def build(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        proxy = cgutils.create_struct_proxy(signature.return_type)  # type: ignore[no-untyped-call]
        made = proxy(context, builder)
        made.look = arguments[0]
        if context.enable_nrt:  # else its arrays are borrowed from who calls, and live as long
            context.nrt.incref(builder, signature.args[0], arguments[0])
        return made._getvalue()

    return ContextType(look)(look), build


@njit(nogil=True, cache=True, no_cpython_wrapper=True, no_cfunc_wrapper=True)
def at_nb(values: NDArray[np.float64], bar: int, symbol: int, ago: int) -> float:
    """Return what stood ``ago`` bars before ``bar``; NaN before the first bar, and for what has not come yet.

    Raises
    ------
    IndexError
        There is no such symbol.
    """
    if symbol < 0 or symbol >= values.shape[1]:
        raise IndexError("no such symbol: they are counted from 0 to ctx.n_symbols - 1")
    if ago < 0 or ago > bar:
        return np.nan
    return values[bar - ago, symbol]


@njit(nogil=True, cache=True, no_cpython_wrapper=True, no_cfunc_wrapper=True)
def last_nb(values: NDArray[np.float64], bar: int, symbol: int, count: int) -> NDArray[np.float64]:
    """Return a copy of the last ``count`` values, the present one last; fewer where there are not so many.

    Raises
    ------
    IndexError
        There is no such symbol.
    """
    if symbol < 0 or symbol >= values.shape[1]:
        raise IndexError("no such symbol: they are counted from 0 to ctx.n_symbols - 1")
    return values[max(0, bar + 1 - max(count, 0)) : bar + 1, symbol].copy()


@njit(nogil=True, cache=True, no_cpython_wrapper=True, no_cfunc_wrapper=True)
def holding_nb(holdings: NDArray[np.void], symbol: int) -> int:
    """Return the symbol, once it is sure that there is one.

    Raises
    ------
    IndexError
        There is no such symbol.
    """
    if symbol < 0 or symbol >= len(holdings):
        raise IndexError("no such symbol: they are counted from 0 to ctx.n_symbols - 1")
    return symbol


def _attribute(name: str, read: Any) -> None:
    overload_attribute(ContextType, name)(lambda ctx: read)


_attribute("bar", lambda ctx: ctx.look.bar)
_attribute("time_ns", lambda ctx: ctx.look.time_ns)
_attribute("cash", lambda ctx: ctx.look.cash)
_attribute("equity", lambda ctx: ctx.look.equity)
_attribute("n_symbols", lambda ctx: len(ctx.look.holdings))


def _column(place: int) -> Any:
    def typed(ctx: Any, symbol: Any, ago: Any = 0) -> Any:
        def read(ctx: Any, symbol: Any, ago: Any = 0) -> Any:
            return at_nb(ctx.look.seen[place], ctx.look.bar, symbol, ago)

        return read

    return typed


def _last_of(place: int) -> Any:
    def typed(ctx: Any, symbol: Any, count: Any) -> Any:
        def read(ctx: Any, symbol: Any, count: Any) -> Any:
            return last_nb(ctx.look.seen[place], ctx.look.bar, symbol, count)

        return read

    return typed


for _place, _name in enumerate(("open", "high", "low", "close", "volume")):
    overload_method(ContextType, _name)(_column(_place))
for _place, _name in ((1, "highs"), (2, "lows"), (3, "closes"), (4, "volumes")):
    overload_method(ContextType, _name)(_last_of(_place))


@overload_method(ContextType, "inputs")
def _inputs(ctx: Any, symbol: Any) -> Any:
    def read(ctx: Any, symbol: Any) -> Any:
        look = ctx.look
        return look.seen.inputs[look.bar, holding_nb(look.holdings, symbol)]

    return read


@overload_method(ContextType, "position")
def _position(ctx: Any, symbol: Any) -> Any:
    def read(ctx: Any, symbol: Any) -> Any:
        holdings = ctx.look.holdings
        return holdings[holding_nb(holdings, symbol)].quantity

    return read


@overload_method(ContextType, "entry")
def _entry(ctx: Any, symbol: Any) -> Any:
    def read(ctx: Any, symbol: Any) -> Any:
        holdings = ctx.look.holdings
        return holdings[holding_nb(holdings, symbol)].entry

    return read


@overload_method(ContextType, "last")
def _last(ctx: Any, symbol: Any) -> Any:
    def read(ctx: Any, symbol: Any) -> Any:
        holdings = ctx.look.holdings
        return holdings[holding_nb(holdings, symbol)].last

    return read


@overload_method(ContextType, "waiting")
def _waiting(ctx: Any, symbol: Any) -> Any:
    def read(ctx: Any, symbol: Any) -> Any:
        holdings = ctx.look.holdings
        return holdings[holding_nb(holdings, symbol)].waiting

    return read
