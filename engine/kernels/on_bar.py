"""The loop for strategies that decide bar by bar: their code is compiled into it.

`build_advance` makes an ``advance`` of one strategy's function; nothing is called through a pointer between two bars.
What the function says for a bar is checked and becomes orders by the same rules as anything said beforehand.
"""

from collections.abc import Callable
from types import FunctionType
from typing import Any, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from engine.kernels.book import Book, Plan, Rules
from engine.kernels.context import Look, Seen, context_of
from engine.kernels.decide import obey_nb
from engine.kernels.ledger import equity_nb
from engine.kernels.session import CurveArrays, begin_nb, end_nb, room_nb
from engine.kernels.verbs import N_SAID, PROBLEM, SEEN_UNTIL
from engine.market import PanelArrays
from engine.types import Status

_DONE = np.int64(Status.DONE)
_SAID_WRONG = np.int64(Status.SAID_WRONG)


class Own(NamedTuple):
    """What belongs to the strategy: what it sees, remembers, was given, and says.

    ``inputs``: (n_bars, n_symbols) what it computed beforehand, shown bar by bar in ``seen``. ``memory``: (n_symbols,)
    its records. ``parameters``: (1,) record. ``size_kind``, ``size``: of an order that says none.
    """

    seen: Seen
    inputs: NDArray[np.void]
    memory: NDArray[np.void]
    parameters: NDArray[np.void]
    holdings: NDArray[np.void]  # HOLDING (n_symbols,)
    said: NDArray[np.void]  # INSTRUCTION: as many as one bar may say
    notes: NDArray[np.int64]
    size_kind: int
    size: float


@njit(nogil=True, cache=True, no_cpython_wrapper=True, no_cfunc_wrapper=True, _nrt=False)
def reveal_nb(panel: PanelArrays, own: Own, bar: int) -> None:
    """Copy the bars up to this one, whose close has come, into what the strategy sees."""
    seen = own.seen
    for b in range(own.notes[SEEN_UNTIL], bar + 1):
        for symbol in range(len(own.holdings)):
            close = panel.close[b, symbol]
            seen.open[b, symbol] = panel.open[b, symbol]
            seen.high[b, symbol] = panel.high[b, symbol]
            seen.low[b, symbol] = panel.low[b, symbol]
            seen.close[b, symbol] = close
            seen.volume[b, symbol] = panel.volume[b, symbol]
            seen.inputs[b, symbol] = own.inputs[b, symbol]
            if not np.isnan(close):
                own.holdings[symbol].last = close
    own.notes[SEEN_UNTIL] = bar + 1


@njit(nogil=True, cache=True, no_cpython_wrapper=True, no_cfunc_wrapper=True, _nrt=False)
def look_nb(state: NDArray[np.void], panel: PanelArrays, book: Book, own: Own, bar: int) -> float:
    """Show the strategy a bar at its close, with what it holds after the trades of the bar; return equity.

    A number and not the view itself: who returns arrays counts each of them, which takes longer than all the rest.
    """
    reveal_nb(panel, own, bar)
    for symbol in range(len(own.holdings)):
        position, holding = book.positions[symbol], own.holdings[symbol]
        holding.quantity = position.quantity
        holding.entry = position.entry if position.quantity != 0.0 else np.nan
        holding.waiting = position.waiting - position.exits
    own.notes[N_SAID] = 0
    own.notes[PROBLEM] = 0
    return equity_nb(state, book, panel.close, bar)


@njit(nogil=True, cache=True, no_cpython_wrapper=True, no_cfunc_wrapper=True, _nrt=False)
def obey_all_nb(
    state: NDArray[np.void], panel: PanelArrays, book: Book, own: Own, bar: int
) -> None:
    """Turn what was said for this bar into orders, in the order in which it was said."""
    for i in range(min(own.notes[N_SAID], len(own.said))):
        said = own.said[i]
        symbol = np.int64(said.symbol)
        if 0 <= symbol < len(own.holdings):
            obey_nb(state, panel, book, said, bar)


as_context: Any = context_of  # for the type checker: compiled code does not pass the typing context


def _decide(ctx: Any, memory: Any, parameters: Any) -> None:
    """Stand for the strategy's function, which `build_advance` puts here."""
    raise NotImplementedError


def _advance_on_bar(
    state: NDArray[np.void],
    panel: PanelArrays,
    plan: Plan,
    rules: Rules,
    book: Book,
    fills: NDArray[np.void],
    curve: CurveArrays,
    own: Own,
    stop: int,
) -> int:
    """Simulate bars ``[state.bar, stop)`` and return a `Status`; see `engine.kernels.advance.advance_nb`."""
    st = state[0]
    while st.bar < stop:
        bar = st.bar
        status = room_nb(state, panel, plan, book, fills, bar, np.int64(len(own.said)))
        if status != _DONE:
            return status
        begin_nb(state, panel, rules, book, fills, bar)
        equity = look_nb(state, panel, book, own, bar)
        look = Look(
            bar,
            panel.time_ns[bar],
            st.cash,
            equity,
            own.size_kind,
            own.size,
            own.seen,
            own.holdings,
            own.said,
            own.notes,
        )
        _decide(as_context(look), own.memory, own.parameters[0])
        if own.notes[PROBLEM] != 0:
            return _SAID_WRONG
        obey_all_nb(state, panel, book, own, bar)
        end_nb(state, panel, rules, plan, book, fills, curve, bar)
        st.bar = bar + 1
    return _DONE


def build_advance(
    on_bar: Callable[..., None], key: str, *, keep: bool = True
) -> Callable[..., int]:
    """Return the loop with a strategy's function compiled into it.

    Parameters
    ----------
    on_bar : function
        ``on_bar(ctx, state, parameters)``, plain Python that Numba understands. It is compiled with checked indices.
    key : str
        Names the version of everything that the function depends on: what is kept on disk is found by it.
    keep : bool
        Whether the compiled loop is kept on disk, beside the kernels.

    Notes
    -----
    Numba finds a kept function by its file, its name and its file's time; neither knows what ``on_bar`` means. So the
    loop takes the file of the strategy, and a name that holds the key.
    """
    compiled = njit(
        # what a strategy makes of its own is counted, though the loop, whose flags it would take over, counts nothing
        nogil=True,
        boundscheck=True,
        no_cpython_wrapper=True,
        no_cfunc_wrapper=True,
        _nrt=True,
    )(on_bar)
    name = f"advance_{key}"
    code = _advance_on_bar.__code__.replace(
        co_filename=on_bar.__code__.co_filename, co_name=name, co_qualname=name
    )
    loop = FunctionType(code, {**globals(), "_decide": compiled}, name)
    loop.__qualname__ = name
    made: Any = njit(nogil=True, cache=keep, _nrt=False)(loop)
    return made
