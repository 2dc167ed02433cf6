"""From the masks of a signals strategy to the few bars at which it says something."""

import numpy as np
from numba import njit
from numpy.typing import NDArray

from engine.kernels.lean import ENTER_LONG, ENTER_SHORT, EXIT_LONG, EXIT_SHORT, Decisions

Mask = NDArray[np.uint8]

_NOTHING = np.uint64(0)


@njit(nogil=True, cache=True, error_model="numpy", forceinline=True)
def side_nb(
    enter: Mask, leave: Mask, enter_code: np.uint8, leave_code: np.uint8, codes: Mask
) -> None:
    """Add the decisions of one direction to the codes; where entry and exit meet, neither acts."""
    if len(enter) > 0 and len(leave) > 0:
        for i in range(len(codes)):
            both = enter[i] & leave[i]
            codes[i] |= (enter[i] ^ both) * enter_code | (leave[i] ^ both) * leave_code
    elif len(enter) > 0:
        for i in range(len(codes)):
            codes[i] |= enter[i] * enter_code
    elif len(leave) > 0:
        for i in range(len(codes)):
            codes[i] |= leave[i] * leave_code


@njit(nogil=True, cache=True, error_model="numpy")
def said_nb(
    enter_long: Mask,
    exit_long: Mask,
    enter_short: Mask,
    exit_short: Mask,
    first: int,
    offset: int,
    codes: Mask,
    out: Decisions,
    start: int,
) -> int:
    """Write what is said from bar ``first`` on to ``out`` and return where it ends.

    Parameters
    ----------
    enter_long, exit_long, enter_short, exit_short : (n_bars,) of 0 and 1, or (0,) for never
    first : bars before it are warm-up
    offset : what is added to a bar's number
    codes : (n_bars or more,) working memory in whole words of eight
    out, start : room for ``n_bars - first`` from ``start`` on
    """
    n_bars = max(len(enter_long), len(exit_long), len(enter_short), len(exit_short))
    codes[:] = 0
    side_nb(enter_long, exit_long, ENTER_LONG, EXIT_LONG, codes[:n_bars])
    side_nb(enter_short, exit_short, ENTER_SHORT, EXIT_SHORT, codes[:n_bars])
    codes[:first] = 0
    words = codes.view(np.uint64)
    n = start
    for word in range(first >> 3, len(words)):
        if words[word] == _NOTHING:
            continue
        for bar in range(word * 8, word * 8 + 8):
            if codes[bar] != 0:
                out.bars[n] = bar + offset
                out.codes[n] = codes[bar]
                n += 1
    return n
