"""What a universe through time means for decisions: only who belongs on the day is bought.

A position in a symbol that leaves the universe is not closed by that; a signals strategy keeps it
until its own exit, and target weights give it up at the next rebalancing.
"""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from engine.strategies.protocol import Floats, Mask, Signals


def signals_of_members(signals: Signals, members: NDArray[np.bool_] | None) -> Signals:
    """Return signals without entries into symbols that do not belong at the close of the bar.

    Parameters
    ----------
    signals : masks (n_bars, n_symbols) or None
    members : (n_bars, n_symbols) who belongs, or None when that is not known
    """
    if members is None:
        return signals

    def inside(mask: Mask | None) -> Mask | None:
        array = None if mask is None else np.asarray(mask)
        fits = array is not None and array.shape == members.shape and array.dtype == np.bool_
        return array & members if array is not None and fits else mask

    return replace(
        signals, enter_long=inside(signals.enter_long), enter_short=inside(signals.enter_short)
    )


def weights_of_members(weights: Floats, members: NDArray[np.bool_] | None) -> Floats:
    """Return target weights that are 0 for symbols that do not belong; rows of NaN stay.

    Parameters
    ----------
    weights : (n_rows, n_symbols)
    members : (n_rows, n_symbols) who belongs at the closes of these rows, or None
    """
    if members is None:
        return weights
    said = ~np.isnan(weights).all(axis=1, keepdims=True)
    return np.where(said & ~members, 0.0, weights)
