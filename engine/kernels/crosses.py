"""Where two averages of the closes cross, for many pairs of windows over the same closes.

On a price grid a sum of closes is an integer, and the sum of any window is the difference of two running sums. These
are shared by all pairs; below 2^53 doubles are exact for them and for their products, and compare eight at a time,
which integers do not. So the comparison of two averages costs two subtractions and two products a bar, no more memory
than the running sums, and is exact: what is equal compares as equal.
"""

import numpy as np
from numba import njit
from numpy.typing import NDArray

from engine.kernels.lean import ENTER_LONG, ENTER_SHORT, EXIT_LONG, EXIT_SHORT, Scratch

Floats = NDArray[np.float64]

EXACT = 2.0**53  # sums and products of sums and windows must stay below it
_EACH = np.uint64(0x0101010101010101)  # a one in each byte
_NONE = np.uint64(0)
_ONE = np.uint64(1)
_TOP_BYTE = np.uint64(56)


@njit(nogil=True, cache=True, error_model="numpy", forceinline=True)
def above_nb(sums: Floats, fast: int, slow: int, start: int, above: NDArray[np.uint8]) -> None:
    """Write 1 where the fast average is above the slow one, else 0, from bar ``start`` >= slow - 1 on."""
    n_bars = len(sums) - 1
    now = sums[start + 1 :]
    before_fast = sums[start + 1 - fast : n_bars + 1 - fast]
    before_slow = sums[start + 1 - slow : n_bars + 1 - slow]
    out = above[start:n_bars]
    fast_bars, slow_bars = float(fast), float(slow)
    for i in range(len(out)):
        until = now[i]
        out[i] = (until - before_fast[i]) * slow_bars > (until - before_slow[i]) * fast_bars


@njit(nogil=True, cache=True, error_model="numpy", forceinline=True)
def sign_nb(sums: Floats, fast: int, slow: int, bar: int) -> int:
    """Return the sign of the fast average less the slow one at a bar."""
    until = sums[bar + 1]
    left = (until - sums[bar + 1 - fast]) * slow
    right = (until - sums[bar + 1 - slow]) * fast
    return 1 if left > right else -1 if left < right else 0


@njit(nogil=True, cache=True, error_model="numpy", forceinline=True)
def differs_nb(words: NDArray[np.uint64], start: int, stop: int, same: np.uint64) -> int:
    """Return the first of the bytes [start, stop) that differs from those of ``same``, else ``stop``.

    Bytes are 0 or 1. Where they differ a word has a 1 in the byte; below the lowest of these there are only zeros,
    and the ones that a subtraction leaves there count the bytes.
    """
    word = start >> 3
    last = (stop - 1) >> 3
    different = (words[word] ^ same) >> np.uint64(8 * (start & 7)) if start < stop else _NONE
    base = start
    while different == _NONE and word < last:
        word += 1
        base = word << 3
        different = words[word] ^ same
    if different == _NONE:
        return stop
    lowest = different & (~different + _ONE)
    below = (((lowest - _ONE) & _EACH) * _EACH) >> _TOP_BYTE
    return min(base + np.int64(below), stop)


@njit(nogil=True, cache=True, error_model="numpy", forceinline=True)
def turns_of_averages_nb(
    sums: Floats,
    fast: int,
    slow: int,
    first: int,
    at_once: bool,
    shorts: bool,
    scratch: Scratch,
) -> int:
    """Write the decisions of crossing averages into ``scratch.decisions`` and return how many.

    A sign that is not known (fewer than ``slow`` bars since the warm-up began, which is ``slow`` bars before the first
    counted one) or zero keeps the one before it, as in `indicators.turns_nb`.
    """
    n_bars = len(sums) - 1
    known = max(first - slow, 0) + slow - 1
    bar = max(first, known) if at_once else known
    sign = 0
    while bar < n_bars and sign == 0:
        sign = sign_nb(sums, fast, slow, bar)
        bar += 1
    if sign == 0:
        return 0
    up = ENTER_LONG | EXIT_SHORT if shorts else ENTER_LONG
    down = EXIT_LONG | ENTER_SHORT if shorts else EXIT_LONG
    said = scratch.decisions
    n = 0
    if at_once:
        said.bars[0] = bar - 1
        said.codes[0] = up if sign > 0 else down
        n = 1
    above_nb(sums, fast, slow, bar, scratch.above)
    words = scratch.above.view(np.uint64)
    while True:
        bar = differs_nb(words, bar, n_bars, _EACH if sign > 0 else _NONE)
        if bar >= n_bars:
            return n
        if sign < 0 or sign_nb(sums, fast, slow, bar) < 0:
            sign = -sign
            if bar >= first:
                said.bars[n] = bar
                said.codes[n] = up if sign > 0 else down
                n += 1
        bar += 1
