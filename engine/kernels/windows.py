"""Mean and scatter of every window of a series, without drift.

A running sum of squares that adds the newest and takes off the oldest value keeps what rounding
left there: one large move, and every later window of small ones is wrong. Here nothing is taken
off. The series is cut into blocks as long as the window, so that a window is the end of one block
and the beginning of the next; both are known by mean and squared distances, and such pairs can be
merged (Chan, Golub and LeVeque 1979). A window of equal values scatters by exactly 0.
"""

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

Floats = NDArray[np.float64]


class Windows(NamedTuple):
    """For each window, (n - window + 1,) in the order of their ends."""

    mean_x: Floats
    mean_y: Floats
    x_x: Floats  # sum of squared distances from the mean
    y_y: Floats
    x_y: Floats  # sum of products of distances


@njit(nogil=True, cache=True)
def windows_nb(x: Floats, window: int) -> tuple[Floats, Floats]:
    """Return mean and sum of squared distances of each ``window`` values, (n - window + 1,)."""
    count = max(len(x) - window + 1, 0)
    means, squares = np.empty(count), np.empty(count)
    end_mean, end_squares = np.empty(window), np.empty(window)  # of the block before, from j on
    mean = square = 0.0
    for i in range(len(x)):
        j = i % window
        if j == 0:
            mean = square = 0.0
        away = x[i] - mean
        mean += away / (j + 1)
        square += away * (x[i] - mean)
        if i >= window - 1:
            near, far = j + 1, window - 1 - j
            if far == 0:
                means[i - window + 1], squares[i - window + 1] = mean, square
            else:
                apart = mean - end_mean[near]
                means[i - window + 1] = end_mean[near] + apart * near / window
                both = end_squares[near] + square
                squares[i - window + 1] = both + apart * apart * near * far / window
        if j == window - 1:
            m = s = 0.0
            for k in range(window):
                at = i - k
                away = x[at] - m
                m += away / (k + 1)
                s += away * (x[at] - m)
                end_mean[window - 1 - k], end_squares[window - 1 - k] = m, s
    return means, squares


@njit(nogil=True, cache=True)
def pair_windows_nb(x: Floats, y: Floats, window: int) -> Windows:
    """Return the same of two series (n,) and of their products, window by window."""
    mean_x, x_x = windows_nb(x, window)
    mean_y, y_y = windows_nb(y, window)
    x_y = np.empty(len(mean_x))
    end_x, end_y, end_p = np.empty(window), np.empty(window), np.empty(window)
    m_x = m_y = p = 0.0
    for i in range(len(x)):
        j = i % window
        if j == 0:
            m_x = m_y = p = 0.0
        away = x[i] - m_x
        m_x += away / (j + 1)
        m_y += (y[i] - m_y) / (j + 1)
        p += away * (y[i] - m_y)
        if i >= window - 1:
            near, far = j + 1, window - 1 - j
            if far == 0:
                x_y[i - window + 1] = p
            else:
                apart = (m_x - end_x[near]) * (m_y - end_y[near])
                x_y[i - window + 1] = end_p[near] + p + apart * near * far / window
        if j == window - 1:
            m = o = s = 0.0
            for k in range(window):
                at = i - k
                away = x[at] - m
                m += away / (k + 1)
                o += (y[at] - o) / (k + 1)
                s += away * (y[at] - o)
                where = window - 1 - k
                end_x[where], end_y[where], end_p[where] = m, o, s
    return Windows(mean_x, mean_y, x_x, y_y, x_y)
