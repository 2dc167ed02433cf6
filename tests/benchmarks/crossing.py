"""The least that a compiled program must do for a cross of two averages on one symbol, value by value."""

import numpy as np
from numba import njit
from numpy.typing import NDArray

Floats = NDArray[np.float64]

FEE, SHARES = 0.001, 100.0


@njit(nogil=True, cache=True)
def plain_signals_nb(close: Floats, fast: int, slow: int, out: NDArray[np.int8]) -> None:
    """Write 1 where the fast average is above the slow one, else 0: two running sums."""
    near = far = 0.0
    for i in range(len(close)):
        near += close[i]
        far += close[i]
        if i >= fast:
            near -= close[i - fast]
        if i >= slow:
            far -= close[i - slow]
        out[i] = 1 if i >= slow - 1 and near * slow > far * fast else 0


@njit(nogil=True, cache=True)
def plain_account_nb(
    open_: Floats, close: Floats, wanted: NDArray[np.int8], cash: float, out: Floats
) -> int:
    """Hold a hundred shares while wanted; write equity, cash, value and number held, (4, n_bars); return the fills."""
    held, fills = 0.0, 0
    for i in range(len(close)):
        change = wanted[i - 1] * SHARES - held if i > 0 else 0.0
        if change != 0.0:
            cash -= change * open_[i] + abs(change) * open_[i] * FEE
            held += change
            fills += 1
        value = held * close[i]
        out[0, i] = cash + value
        out[1, i] = cash
        out[2, i] = abs(value)
        out[3, i] = 1.0 if held != 0.0 else 0.0
    return fills


@njit(nogil=True, cache=True)
def plain_figures_nb(curve: Floats, capital: float) -> tuple[float, float, float, float]:
    """Return mean and square of the returns, the worst fall and the exposure."""
    before = peak = capital
    total = squares = worst = exposure = 0.0
    for i in range(curve.shape[1]):
        value = curve[0, i]
        change = value / before - 1.0
        total += change
        squares += change * change
        before = value
        peak = max(peak, value)
        worst = min(worst, value / peak - 1.0)
        exposure += curve[2, i] / value
    return total, squares, worst, exposure
