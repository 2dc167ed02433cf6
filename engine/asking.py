"""From a strategy to what the kernels follow: it is asked for everything it wants, over all bars, before the run."""

import numpy as np
from numpy.typing import NDArray

from engine.config import BacktestConfig, Period, SizingMethod
from engine.errors import BacktestValidationError, Problem
from engine.instructions import TARGET_LABELS, from_weights, signal_rows, target_sizes
from engine.market import Panel
from engine.metrics import bars_per_year
from engine.schedule import rebalance_bars
from engine.strategies.protocol import SignalStrategy, Strategy, TargetStrategy
from engine.terms import cap_shares, dress_entries, volatility_weights
from engine.ticks import bars_within
from engine.types import INSTRUCTION

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def instructions_of(
    config: BacktestConfig, panel: Panel, strategy: Strategy
) -> tuple[NDArray[np.void], tuple[str, ...]]:
    """Ask the strategy and return its ``INSTRUCTION`` rows with the names of its signals.

    With ``data.decide_on`` it is asked on the bars built of the panel's events; what it says at a bar stands at the
    last event of it.

    Raises
    ------
    BacktestValidationError
        When the strategy returns what is no decision, or the sizing lacks what it needs.
    """
    if config.data.decide_on is None:
        return _said_on(config, panel, strategy)
    within = bars_within(panel, config.data.decide_on)
    said, labels = _said_on(config, within.bars, strategy)
    return within.instructions(said), labels


def _said_on(
    config: BacktestConfig, panel: Panel, strategy: Strategy
) -> tuple[NDArray[np.void], tuple[str, ...]]:
    if isinstance(strategy, SignalStrategy):
        signals = strategy.signals(panel)
        rows = signal_rows(signals, panel.close.shape, panel.first_counted)
        per_year = bars_per_year(panel.time_ns, panel.timeframe, panel.bars_per_year)
        return dress_entries(rows, signals, config, panel, per_year), ("", *signals.labels)
    targets = _targets(strategy)
    rebalance = config.rebalance
    if rebalance.period is Period.DRIFT:
        return np.empty(0, INSTRUCTION), TARGET_LABELS
    bars = rebalance_bars(
        panel.time_ns,
        panel.first_counted,
        rebalance.period.value,
        panel.sessions,
        rebalance.bars or 1,
    )
    weights = _weights(panel, targets, bars)
    if rebalance.immediately:
        bars, weights = _with_immediate(panel, targets, bars, weights)
    sized = _sized(config, panel, bars, weights)
    return from_weights(weights, bars, config.sizing, sized), TARGET_LABELS


def drift_weights_of(config: BacktestConfig, panel: Panel, strategy: Strategy) -> Floats | None:
    """Return what a rebalancing at each close would want, (n_bars, n_symbols), NaN in the warm-up.

    None unless the account is rebalanced by drift.

    Raises
    ------
    BacktestValidationError
        When the strategy returns what is no decision.
    """
    if config.rebalance.period is not Period.DRIFT or isinstance(strategy, SignalStrategy):
        return None
    if config.data.decide_on is None:
        return _wanted_on(config, panel, strategy)
    within = bars_within(panel, config.data.decide_on)
    return within.weights(_wanted_on(config, within.bars, strategy))


def _wanted_on(config: BacktestConfig, panel: Panel, strategy: Strategy) -> Floats:
    bars = np.arange(panel.first_counted, panel.n_bars, dtype=np.int64)
    weights = _weights(panel, _targets(strategy), bars)
    if bool(np.isinf(weights).any()):
        raise BacktestValidationError(Problem("strategy", "a target weight is infinite"))
    sized = _sized(config, panel, bars, weights)
    if sized is None:
        sized = target_sizes(np.nan_to_num(weights), config.sizing)[1]
    found = np.full(panel.close.shape, np.nan)
    found[panel.first_counted :] = np.where(np.isnan(weights), np.nan, sized)
    return found


def _targets(strategy: Strategy) -> TargetStrategy:
    if isinstance(strategy, TargetStrategy):
        return strategy
    raise BacktestValidationError(
        Problem("strategy.name", f"{strategy.name} is neither a signals nor a targets strategy")
    )


def _weights(panel: Panel, strategy: TargetStrategy, bars: Ints) -> Floats:
    """Ask for the weights decided at bars; what is no member then has weight 0."""
    weights = strategy.weights(panel, bars)
    shape = (len(bars), panel.n_symbols)
    if np.shape(weights) != shape:
        raise BacktestValidationError(
            Problem(
                "strategy",
                f"weights have shape {np.shape(weights)}",
                f"one row a rebalancing: {shape}",
            )
        )
    if panel.members is None:
        return weights
    known = ~np.isnan(weights).all(axis=1, keepdims=True)
    return np.where(~panel.members[bars] & known, 0.0, weights)


def _sized(config: BacktestConfig, panel: Panel, bars: Ints, weights: Floats) -> Floats | None:
    """Return the weights that a sizing makes which looks at more than the weights themselves."""
    sizing = config.sizing
    side = np.sign(np.nan_to_num(weights))
    if sizing.method is SizingMethod.MARKET_CAP_WEIGHT:
        share = 1.0 if sizing.value is None else sizing.value / 100.0
        return side * share * np.nan_to_num(cap_shares(panel, bars, side != 0))
    if sizing.method is SizingMethod.VOLATILITY_TARGET:
        row, symbol = np.nonzero(side)
        per_year = bars_per_year(panel.time_ns, panel.timeframe, panel.bars_per_year)
        percent = np.full(len(row), float(sizing.value or 0.0))
        found = volatility_weights(
            panel, bars[row], symbol, percent, sizing.volatility_bars, per_year
        )
        sized = np.zeros(weights.shape)
        sized[row, symbol] = np.nan_to_num(found)
        return side * sized
    return None


def _with_immediate(
    panel: Panel, strategy: TargetStrategy, bars: Ints, weights: Floats
) -> tuple[Ints, Floats]:
    """Put the first close at which the strategy has what it needs before its first period end."""
    ready = ~np.isnan(weights).all(axis=1)
    until = int(bars[ready][0]) if ready.any() else panel.n_bars
    for bar in range(panel.first_counted, until):
        row = _weights(panel, strategy, np.array([bar], np.int64))
        if not np.isnan(row).all():
            at = int(np.searchsorted(bars, bar))
            return np.insert(bars, at, bar), np.insert(weights, at, row[0], axis=0)
    return bars, weights
