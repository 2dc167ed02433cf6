"""Indicators: what strategies compute from bars.

Every kernel takes and returns whole panels, ``(n_bars, n_symbols)``, and works column by column on
a symbol's *own* bars: a NaN is a bar that the symbol does not have, so a window of 20 is its last
20 bars however many rows of the shared axis they span. The result is NaN where the symbol has no
bar and where it does not have enough of them yet. The value at bar *t* uses nothing after the close
of *t*; kernels with a ``lag`` of 1 use nothing after the bar before.

Averages are compared, never subtracted: on a million one-minute prices two averages are exactly
equal some two hundred times, and rounding would turn such ties into trades (`compare_averages`).
"""

import math
from typing import Any, Final

import numpy as np
from numba import njit
from numpy.typing import NDArray

Floats = NDArray[np.float64]

UNDEFINED: Final = 2  # a sign that is not known yet, or no bar
RELATIVE_TIE: Final = 1e-12  # values this near to each other, relative to the greater, are equal
MAX_DECIMALS: Final = 8  # the finest price grid is 10^-8
_GRID_LIMIT: Final = 1e15  # fifteen digits: every such decimal has a double of its own
_SUM_LIMIT: Final = 2.0**62  # integer sums and products stay below it, one bit away from overflow
_SCALES: Final = tuple(10.0**k for k in range(MAX_DECIMALS + 1))
_BLOCK: Final = 1024  # values that are put on a grid at a time


def above(values: Floats, bounds: Floats | float) -> NDArray[np.bool_]:
    """Return where ``values`` exceed ``bounds`` by more than 1e-12 relative; NaN never does."""
    gap = RELATIVE_TIE * np.maximum(np.abs(values), np.abs(bounds))
    exceeds: NDArray[np.bool_] = values - bounds > gap
    return exceeds


@njit(nogil=True, cache=True)
def own_bars_nb(values: Any, symbol: int, own: Any, bars: Any) -> int:
    """Pack a symbol's own values and their rows into ``own`` and ``bars``; return how many."""
    n = 0
    for bar in range(values.shape[0]):
        value = values[bar, symbol]
        if not math.isnan(value):
            own[n] = value
            bars[n] = bar
            n += 1
    return n


@njit(nogil=True, cache=True)
def add_nb(total: float, lost: float, value: float) -> tuple[float, float]:
    """Add to a sum and to what rounding has lost of it (Neumaier 1974); the sum is both together.

    A plain running sum drifts past 1e-12 within a million bars.
    """
    added = total + value
    if abs(total) >= abs(value):
        return added, lost + ((total - added) + value)
    return added, lost + ((value - added) + total)


@njit(nogil=True, cache=True)
def rolling_mean_nb(values: Floats, window: int, lag: int) -> Floats:
    """Return the mean of ``window`` own bars, the last of them ``lag`` own bars ago."""
    n_bars, n_symbols = values.shape
    out = np.full((n_bars, n_symbols), np.nan)
    own, bars = np.empty(n_bars), np.empty(n_bars, np.int64)
    for symbol in range(n_symbols):
        n = own_bars_nb(values, symbol, own, bars)
        total, lost = 0.0, 0.0
        for i in range(n - lag):
            total, lost = add_nb(total, lost, own[i])
            if i >= window:
                total, lost = add_nb(total, lost, -own[i - window])
            if i >= window - 1:
                out[bars[i + lag], symbol] = (total + lost) / window
    return out


@njit(nogil=True, cache=True)
def rolling_extreme_nb(values: Floats, window: int, lag: int, sign: int) -> Floats:
    """Return the greatest (``sign`` 1) or least (-1) of a window as in `rolling_mean_nb`."""
    n_bars, n_symbols = values.shape
    out = np.full((n_bars, n_symbols), np.nan)
    own, bars = np.empty(n_bars), np.empty(n_bars, np.int64)
    queue = np.empty(
        n_bars, np.int64
    )  # candidates, best first, each later and worse than the one before
    for symbol in range(n_symbols):
        n = own_bars_nb(values, symbol, own, bars)
        first, last = 0, 0
        for i in range(n - lag):
            while last > first and own[queue[last - 1]] * sign <= own[i] * sign:
                last -= 1
            queue[last] = i
            last += 1
            if queue[first] <= i - window:
                first += 1
            if i >= window - 1:
                out[bars[i + lag], symbol] = own[queue[first]]
    return out


@njit(nogil=True, cache=True)
def change_nb(values: Floats, lookback: int) -> Floats:
    """Return value / value ``lookback`` own bars ago - 1, a fraction."""
    n_bars, n_symbols = values.shape
    out = np.full((n_bars, n_symbols), np.nan)
    own, bars = np.empty(n_bars), np.empty(n_bars, np.int64)
    for symbol in range(n_symbols):
        n = own_bars_nb(values, symbol, own, bars)
        for i in range(lookback, n):
            out[bars[i], symbol] = own[i] / own[i - lookback] - 1.0
    return out


@njit(nogil=True, cache=True)
def change_at_nb(values: Floats, bars: NDArray[np.int64], lookback: int, skip: int) -> Floats:
    """Return the change over ``lookback`` own bars, ended ``skip`` own bars ago, at some bars.

    Parameters
    ----------
    values : (n_bars, n_symbols)
    bars : (n,) rows of ``values``, ascending
    lookback, skip : own bars

    Returns
    -------
    (n, n_symbols) fractions; NaN where the symbol has no bar at that very row, or too few before
    it.
    """
    n_symbols = values.shape[1]
    depth = lookback + skip + 1
    out = np.full((len(bars), n_symbols), np.nan)
    ring = np.empty((depth, n_symbols))  # the last own values of each symbol
    head = np.zeros(
        n_symbols, np.int64
    )  # where its next goes, which is where its oldest is once the ring is full
    count = np.zeros(n_symbols, np.int64)
    bar = 0
    for row in range(len(bars)):
        while bar <= bars[row]:
            for symbol in range(n_symbols):
                value = values[bar, symbol]
                if not math.isnan(value):
                    at = head[symbol]
                    ring[at, symbol] = value
                    head[symbol] = at + 1 if at + 1 < depth else 0
                    count[symbol] += 1
            bar += 1
        for symbol in range(n_symbols):
            if count[symbol] >= depth and not math.isnan(values[bars[row], symbol]):
                at = head[symbol]
                out[row, symbol] = ring[(at + lookback) % depth, symbol] / ring[at, symbol] - 1.0
    return out


@njit(nogil=True, cache=True)
def rsi_nb(close: Floats, period: int) -> Floats:
    """Return the relative strength index, 0 to 100.

    100 x G / (G + L), G and L being the smoothed gains and losses from close to close: the mean of
    the first ``period`` of them, then (previous x (period - 1) + current) / period. 50 where
    nothing has moved at all, which says "neither", where 0 or 100 would be a signal.

    Source: J. Welles Wilder, New Concepts in Technical Trading Systems, 1978.
    """
    n_bars, n_symbols = close.shape
    out = np.full((n_bars, n_symbols), np.nan)
    own, bars = np.empty(n_bars), np.empty(n_bars, np.int64)
    for symbol in range(n_symbols):
        n = own_bars_nb(close, symbol, own, bars)
        gain, loss = 0.0, 0.0
        for i in range(1, n):
            move = own[i] - own[i - 1]
            up, down = max(move, 0.0), max(-move, 0.0)
            if i <= period:
                gain += up / period
                loss += down / period
            else:
                gain = (gain * (period - 1) + up) / period
                loss = (loss * (period - 1) + down) / period
            if i >= period:
                both = gain + loss
                out[bars[i], symbol] = 100.0 * gain / both if both > 0.0 else 50.0
    return out


@njit(nogil=True, cache=True)
def _grid_nb(own: Floats, limit: float, units: NDArray[np.int64]) -> tuple[int, int, float]:
    # Fills ``units`` with the values in units of the grid and returns (decimals, how many values
    # from the first on lie on it, the greatest in units). What lies on a grid lies on every finer
    # one, so one pass is enough: the grid is refined where a value asks for it.
    decimals, scale, top = 0, 1.0, 0.0
    n, done, looked = len(own), 0, 0
    while done < n:
        # A block at a time as if no value asked for more, which runs several values abreast; the
        # block with one that does is gone through once more, value by value, up to it.
        until = min(done + _BLOCK, n)
        part, units_of = own[done:until], units[done:until]
        off, most = 0, np.int64(0)
        for i in range(len(part)):
            unit = np.rint(part[i] * scale)
            fits = (unit / scale == part[i]) & (abs(unit) <= limit)
            whole = np.int64(unit if fits else 0.0)
            off |= not fits
            units_of[i] = whole
            if abs(whole) > most:
                most = abs(whole)
        if off == 0:
            top = max(top, float(most))
            done = until
            continue
        looked = done
        while looked < until:
            value = own[looked]
            unit = np.rint(value * scale)
            if unit / scale != value or abs(unit) > limit:
                break
            top = max(top, abs(unit))
            looked += 1
        finer = decimals
        while unit / scale != value or abs(unit) > limit or top > limit:
            finer += 1
            if finer > MAX_DECIMALS:
                return decimals, looked, top / _SCALES[finer - 1 - decimals]
            scale = _SCALES[finer]
            unit = np.rint(value * scale)
            top *= 10.0
        more = np.int64(_SCALES[finer - decimals])
        for i in range(looked):
            units[i] *= more
        decimals, done = finer, looked
    return decimals, n, top


def price_grid(close: Floats) -> int:
    """Return the smallest k <= 8 for which all closes are multiples of 10^-k, or -1.

    A double is such a multiple when it is the one nearest to some decimal of k places and at most
    fifteen digits.

    Parameters
    ----------
    close : (n,) prices; NaN are left out
    """
    own = close[~np.isnan(close)]
    decimals, on_grid, _ = _grid_nb(own, _GRID_LIMIT, np.empty(len(own), np.int64))
    return int(decimals) if on_grid == len(own) else -1


@njit(nogil=True, cache=True)
def _compare_exact_nb(
    units: NDArray[np.int64], top: float, fast: int, slow: int, signs: NDArray[np.int8]
) -> None:
    # sum_fast / fast against sum_slow / slow, in whole units of the grid, which become running
    # totals here. A total may overflow; the difference of two, which is the sum of a window, is
    # right all the same.
    total = np.int64(0)
    for i in range(len(units)):
        total += units[i]
        units[i] = total
    n = len(signs)
    for i in range(min(slow - 1, n)):
        signs[i] = UNDEFINED
    if n < slow:
        return
    far = units[slow - 1]
    near = far - units[slow - 1 - fast]
    signs[slow - 1] = _compare_sums_nb(near, far, fast, slow)
    ends, near_begins, far_begins = units[slow:n], units[slow - fast : n - fast], units[: n - slow]
    out = signs[slow:]
    if top * fast * slow < _SUM_LIMIT:
        for i in range(len(ends)):
            left, right = (ends[i] - near_begins[i]) * slow, (ends[i] - far_begins[i]) * fast
            out[i] = np.int8(left > right) - np.int8(left < right)
    else:
        for i in range(len(ends)):
            near, far = ends[i] - near_begins[i], ends[i] - far_begins[i]
            out[i] = _compare_sums_nb(near, far, fast, slow)


@njit(nogil=True, cache=True)
def _compare_sums_nb(near: int, far: int, fast: int, slow: int) -> int:
    # Whole parts first, then the rests, whose products always fit.
    left, right = near // fast, far // slow
    if left == right:
        left, right = (near % fast) * slow, (far % slow) * fast
    return (left > right) - (left < right)


@njit(nogil=True, cache=True)
def _compare_near_nb(own: Floats, start: int, fast: int, slow: int, signs: Any) -> None:
    # From own bar ``start`` on, without a grid: equal within RELATIVE_TIE.
    near, near_lost, far, far_lost = 0.0, 0.0, 0.0, 0.0
    begin = max(0, start - slow + 1)
    for i in range(begin, len(signs)):
        near, near_lost = add_nb(near, near_lost, own[i])
        far, far_lost = add_nb(far, far_lost, own[i])
        if i - begin >= fast:
            near, near_lost = add_nb(near, near_lost, -own[i - fast])
        if i - begin >= slow:
            far, far_lost = add_nb(far, far_lost, -own[i - slow])
        if i < start:
            continue
        if i < slow - 1:
            signs[i] = UNDEFINED
            continue
        left, right = (near + near_lost) / fast, (far + far_lost) / slow
        if abs(left - right) <= RELATIVE_TIE * max(abs(left), abs(right)):
            signs[i] = 0
        else:
            signs[i] = 1 if left > right else -1


@njit(nogil=True, cache=True)
def compare_one_nb(
    close: Floats, fast: int, slow: int, units: NDArray[np.int64], signs: NDArray[np.int8]
) -> bool:
    """Fill ``signs``, (n_bars,), for one symbol whose every close lies on a grid; tell whether it does.

    ``units``, (n_bars,), is room to work in. A NaN lies on no grid.
    """
    limit = min(_GRID_LIMIT, _SUM_LIMIT / slow)
    _, on_grid, top = _grid_nb(close, limit, units)
    if on_grid < len(close):
        return False
    _compare_exact_nb(units, top, fast, slow, signs)
    return True


@njit(nogil=True, cache=True)
def compare_averages_nb(close: Floats, fast: int, slow: int) -> NDArray[np.int8]:
    """Return what `compare_averages` does, for panels of any kind."""
    n_bars, n_symbols = close.shape
    out = np.full((n_bars, n_symbols), UNDEFINED, np.int8)
    limit = min(_GRID_LIMIT, _SUM_LIMIT / slow)
    units = np.empty(n_bars, np.int64)
    own, bars = np.empty(n_bars), np.empty(n_bars, np.int64)
    signs = np.empty(n_bars, np.int8)
    for symbol in range(n_symbols):
        n = own_bars_nb(close, symbol, own, bars)
        _, on_grid, top = _grid_nb(own[:n], limit, units)
        _compare_exact_nb(units[:on_grid], top, fast, slow, signs[:on_grid])
        if on_grid < n:
            _compare_near_nb(own, on_grid, fast, slow, signs[:n])
        for i in range(n):
            out[bars[i], symbol] = signs[i]
    return out


def compare_averages(close: Floats, fast: int, slow: int) -> NDArray[np.int8]:
    """Return the sign of SMA(fast) - SMA(slow) of the closes, exact where prices lie on a grid.

    As long as all closes so far are multiples of some 10^-k (k <= 8) the sums are integers and ties
    are ties; from the first close that is on no such grid, averages within 1e-12 relative are
    equal. (Deciding "so far" and not by the whole series keeps a later price from changing an
    earlier sign.)

    Parameters
    ----------
    close : (n_bars, n_symbols) prices
    fast, slow : own bars in the averages, 1 <= fast < slow

    Returns
    -------
    (n_bars, n_symbols) int8: -1, 0, 1, or 2 where there is no bar or not yet an average.
    """
    n_bars, n_symbols = close.shape
    if n_symbols == 1:
        # One symbol without gaps needs no packing, and the first run no more than this compiled.
        flat = np.ascontiguousarray(close).reshape(n_bars)
        units, signs = np.empty(n_bars, np.int64), np.empty(n_bars, np.int8)
        if compare_one_nb(flat, fast, slow, units, signs):
            return signs.reshape(n_bars, 1)
    return compare_averages_nb(close, fast, slow)


@njit(nogil=True, cache=True)
def turns_nb(signs: NDArray[np.int8], start: int, at_once: bool) -> NDArray[np.int8]:
    """Return where a sign turns: its new value there, 0 elsewhere. Zeros keep the sign before.

    Parameters
    ----------
    signs : (n_bars, n_symbols) of -1, 0, 1 and 2 (unknown)
    start : bars before it are only remembered
    at_once : whether the first sign seen from ``start`` on is a turn itself; if not, it takes an
        opposite one before it, which may lie before ``start``
    """
    n_bars, n_symbols = signs.shape
    out = np.zeros((n_bars, n_symbols), np.int8)
    for symbol in range(n_symbols):
        last = 0
        for bar in range(start if at_once else 0, n_bars):
            sign = signs[bar, symbol]
            if sign == last or sign == 0 or sign == UNDEFINED:
                continue
            if bar >= start and (at_once or last != 0):
                out[bar, symbol] = sign
            last = sign
    return out
