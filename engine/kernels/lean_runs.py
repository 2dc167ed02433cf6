"""Many lean runs in one call, without Python's lock: of decisions handed in, and of crossing averages."""

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from engine.kernels.crosses import turns_of_averages_nb
from engine.kernels.lean import Decisions, Entry, Scratch, Tape
from engine.kernels.lean_costs import Costs
from engine.kernels.lean_row import BEYOND, row_nb, second_moment_nb
from engine.kernels.lean_walk import walk_nb

Record = Any

_CANCELLED = 0.01  # of the squares: with less left than this, a difference has lost two digits


@njit(nogil=True, cache=True, error_model="numpy", no_cpython_wrapper=True, no_cfunc_wrapper=True)
def run_nb(
    said: Decisions,
    tape: Tape,
    costs: Costs,
    entry: Entry,
    terms: Record,
    scratch: Scratch,
    row: Record,
) -> None:
    """Simulate one combination and write its figures into ``row``.

    Squares are taken about zero. Where the mean turns out to be most of them, their difference would be rounding:
    then the walk is done once more with the squares taken about the mean.
    """
    own_tape = Tape(
        tape.time_ns,
        tape.open,
        tape.close,
        tape.trades_at,
        tape.first,
        tape.capital,
        terms.bars_per_year,
        terms.risk_free,
    )
    own_entry = Entry(entry.size_kind, entry.size, terms.stop_rate, terms.target_rate)
    account = scratch.account[0]
    n = len(tape.close) - tape.first
    centre = 0.0
    for _ in range(2):
        walk_nb(said, own_tape, costs, own_entry, scratch, centre)
        if not second_moment_nb(account, n) < _CANCELLED * account.squares:
            break
        centre = account.returns / n
    row_nb(scratch, own_tape, row)
    if account.beyond == 1:
        row.refused = BEYOND


@njit(nogil=True, cache=True, error_model="numpy")
def run_said_nb(
    said: Decisions,
    ends: NDArray[np.int64],
    tape: Tape,
    costs: Costs,
    entry: Entry,
    terms: NDArray[np.void],
    scratch: Scratch,
    rows: NDArray[np.void],
) -> None:
    """Simulate combinations whose decisions stand one after another in ``said``.

    Parameters
    ----------
    said : Decisions
        At bars that count; entry and exit of one direction never together.
    ends : (n,)
        Where the decisions of each combination end; they begin where those before end.
    tape, costs, entry
        Bars; costs and execution; size of entries.
    terms : TERMS (n,)
        What differs from combination to combination.
    scratch : Scratch
        Written over.
    rows : ROW (n,)
        Figures of NaN; written.
    """
    start = 0
    for i in range(len(ends)):
        own = Decisions(said.bars[start : ends[i]], said.codes[start : ends[i]])
        run_nb(own, tape, costs, entry, terms[i], scratch, rows[i])
        start = ends[i]


@njit(nogil=True, cache=True, error_model="numpy")
def run_crosses_nb(
    pairs: NDArray[np.int64],
    sums: NDArray[np.float64],
    at_once: bool,
    shorts: bool,
    tape: Tape,
    costs: Costs,
    entry: Entry,
    terms: NDArray[np.void],
    scratch: Scratch,
    rows: NDArray[np.void],
) -> None:
    """Simulate crossing averages of the closes; the rest is as in `run_said_nb`.

    Parameters
    ----------
    pairs : (n, 2)
        Bars in the fast and in the slow average.
    sums : (n_bars + 1,)
        Running sums of the closes in units of their grid, exact.
    at_once, shorts : bool
        See `engine.strategies.sma_cross`.
    """
    for i in range(len(pairs)):
        n = turns_of_averages_nb(
            sums, pairs[i, 0], pairs[i, 1], tape.first, at_once, shorts, scratch
        )
        own = Decisions(scratch.decisions.bars[:n], scratch.decisions.codes[:n])
        run_nb(own, tape, costs, entry, terms[i], scratch, rows[i])
