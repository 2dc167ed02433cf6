"""What signals and a configuration come to: instructions, against a twin that looks at one cell at a time."""

import random
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from engine.asking import instructions_of
from engine.config import BacktestConfig, SizingMethod, parse_config
from engine.errors import BacktestValidationError
from engine.market import Panel
from engine.metrics import bars_per_year
from engine.strategies.protocol import Signals
from engine.types import INSTRUCTION
from tests.engine.given import GivenSignals, GivenWeights
from tests.engine.worlds_market import market
from tests.naive.instructions import NoStop, Row, instructions, target_instructions

ENTRIES: list[dict[str, Any]] = [
    {},
    {"order": "limit", "offset_pct": 2},
    {"order": "stop", "offset_pct": 1.5, "time_in_force": "day"},
    {"order": "stop_limit", "offset_pct": 1, "limit_offset_pct": 3},
    {"order": "moo", "time_in_force": "gtd", "good_days": 3},
    {"order": "moc"},
]
EXITS: list[dict[str, Any]] = [
    {},
    {"stop_loss_pct": 3, "take_profit_pct": 7.5},
    {"stop_loss_pct": 4, "trail_pct": 5},
    {"trail_amount": 0.5},
    {"take_profit_pct": 9, "trail_atr": 2, "atr_bars": 3},
    {"trail_atr": 0.7, "atr_bars": 1},
]
SIZING: list[dict[str, Any]] = [
    {},
    {"value": 50},
    {"method": "fixed_quantity", "value": 12.5},
    {"method": "fixed_cash", "value": 700},
    {"method": "percent_of_equity"},
    {"method": "target_weight", "value": 30},
    {"method": "equal_weight"},
    {"method": "equal_weight", "value": 80},
    {"method": "market_cap_weight"},
    {"method": "market_cap_weight", "value": 60},
    {"method": "risk_per_trade", "value": 1},
    {"method": "volatility_target", "value": 15, "volatility_bars": 2},
    {"method": "volatility_target", "value": 40, "volatility_bars": 5},
    {"method": "kelly"},
    {"method": "kelly", "value": 25},
]
OWN = ("size", "limit", "stop", "stop_loss", "take_profit")
RATES = ("stop_loss_rate", "take_profit_rate", "trail_rate", "trail_amount")


@st.composite
def cases(draw: st.DrawFn) -> tuple[BacktestConfig, Panel, Signals]:
    """Draw rules, bars with holes and splits, and what is said at them."""
    chosen = {
        "entries": draw(st.sampled_from(ENTRIES), label="entries"),
        "exits": draw(st.sampled_from(EXITS), label="exits"),
        "sizing": draw(st.sampled_from(SIZING), label="sizing"),
    }
    every_bar = {"period": "bars", "bars": 1}
    config = parse_config({"strategy": {"name": "given"}, "rebalance": every_bar, **chosen})
    n_bars, n_symbols = draw(st.sampled_from([1, 3, 12, 24, 30])), draw(st.integers(1, 3))
    first = draw(st.integers(0, n_bars // 3))
    rng = random.Random(draw(st.integers(0, 2**32), label="seed"))
    panel = market(rng, n_bars, n_symbols, intraday=False, actions=True)
    shape = panel.close.shape
    caps = some(rng, shape, 0.7, 0.0, 9.0)
    adjustment = draw(st.sampled_from(["raw", "split"]))
    panel = replace(panel, first_counted=first, fields={"market_cap": caps}, adjustment=adjustment)
    if draw(st.booleans(), label="members"):
        panel = replace(panel, members=mask(rng, shape, 0.7))
    return config, panel, drawn_signals(rng, shape)


def drawn_signals(rng: random.Random, shape: tuple[int, ...]) -> Signals:
    said: dict[str, Any] = {}
    for name in ("enter_long", "exit_long", "enter_short", "exit_short", "cancel"):
        if rng.random() < 0.7:
            said[name] = mask(rng, shape, 0.5 if name.startswith("enter") else 0.2)
    for name in (*OWN, *RATES):
        if rng.random() < 0.25:
            said[name] = some(rng, shape, 0.4, 0.01, 0.9)
    if rng.random() < 0.3:
        said[rng.choice(RATES)] = 0.05
    said["close_stop_rate"] = rng.choice([0.0, 0.03])
    said["close_target_rate"] = rng.choice([0.0, 0.06])
    said["time_in_force"] = rng.choice([None, None, "gtc", "day"])
    return Signals(**said)


def mask(rng: random.Random, shape: tuple[int, ...], density: float) -> NDArray[np.bool_]:
    return np.array([[rng.random() < density for _ in range(shape[1])] for _ in range(shape[0])])


def some(
    rng: random.Random, shape: tuple[int, ...], density: float, low: float, high: float
) -> NDArray[np.float64]:
    """Numbers, NaN where there is none."""
    values = [[rng.uniform(low, high) for _ in range(shape[1])] for _ in range(shape[0])]
    return np.where(mask(rng, shape, density), values, np.nan)


@settings(max_examples=300, deadline=None)
@given(cases())
def test_instructions_are_those_of_the_plain_twin(
    case: tuple[BacktestConfig, Panel, Signals],
) -> None:
    config, panel, signals = case
    per_year = bars_per_year(panel.time_ns, panel.timeframe, panel.bars_per_year)
    try:
        expected = instructions(signals, config, panel, per_year)
    except NoStop:
        with pytest.raises(BacktestValidationError, match="risk_per_trade needs a stop"):
            instructions_of(config, panel, GivenSignals(signals))
        return

    rows, _ = instructions_of(config, panel, GivenSignals(signals))

    assert_rows(rows, expected)


@settings(max_examples=200, deadline=None)
@given(cases(), st.integers(0, 2**32))
def test_targets_are_those_of_the_plain_twin(
    case: tuple[BacktestConfig, Panel, Signals], seed: int
) -> None:
    config, panel, _ = case
    rng = random.Random(seed)
    weights = some(rng, panel.close.shape, 0.8, -1.0, 1.0)
    weights[mask(rng, weights.shape, 0.3)] = 0.0
    weights[: rng.randrange(panel.n_bars)] = np.nan  # not known yet
    strategy = GivenWeights(weights)
    if config.sizing.method in (SizingMethod.RISK_PER_TRADE, SizingMethod.KELLY):
        with pytest.raises(BacktestValidationError, match="does not fit this strategy"):
            instructions_of(config, panel, strategy)
        return

    rows, _ = instructions_of(config, panel, strategy)

    per_year = bars_per_year(panel.time_ns, panel.timeframe, panel.bars_per_year)
    assert_rows(rows, target_instructions(weights.tolist(), config, panel, per_year))


def assert_rows(rows: NDArray[np.void], expected: list[Row]) -> None:
    for name in INSTRUCTION.names or ():
        wanted = np.array([row[name] for row in expected], INSTRUCTION[name])
        np.testing.assert_allclose(rows[name], wanted, rtol=1e-9, atol=0, err_msg=name)
