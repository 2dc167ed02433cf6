"""Results: what is worked out only when somebody asks for it, and what a strategy that says nothing comes to."""

import dataclasses

import numpy as np

from engine.config import parse_config
from engine.result import hash_result
from engine.simulate import run_backtest
from engine.strategies.registry import get
from tests.benchmarks.data import minutes
from tests.engine.test_frames import result_of


def test_what_was_given_as_a_function_is_worked_out_once_and_when_asked_for() -> None:
    asked: list[str] = []

    def find() -> str:
        asked.append("hash")
        return "ab" * 32

    result = dataclasses.replace(result_of(), result_hash=find)
    before = list(asked)
    found = [result.result_hash, result.result_hash]

    assert before == []
    assert found == ["ab" * 32] * 2
    assert asked == ["hash"]


def test_what_was_given_as_a_value_is_that_value() -> None:
    fall = np.array([0.0, -0.5, 0.0])

    result = dataclasses.replace(result_of(), result_hash="cd" * 32, drawdown=fall)

    assert result.result_hash == "cd" * 32
    assert result.drawdown is fall


def test_hashing_block_by_block_is_hashing_the_whole() -> None:
    fills = result_of().fills
    times = np.arange(70_000) * 1_000
    equity = np.round(1e5 + np.sin(np.arange(70_000)) * 1e3, 4)

    short, long = (hash_result(fills, times[:n], equity[:n]) for n in (69_999, 70_000))
    last_changed = equity.copy()
    last_changed[-1] += 1e-4

    # As the whole was hashed in one piece.
    assert long == "0b666f1a7a9ef7dd7f153621ffeb432ecf03d35ea5339f6f4ecce0e2ee946bd8"
    assert len({short, long, hash_result(fills, times, last_changed)}) == 3


def test_a_strategy_that_says_nothing_keeps_its_capital() -> None:
    config = parse_config({"strategy": {"name": "sma_cross", "params": {"fast": 20, "slow": 100}}})
    strategy = get("sma_cross").make(config.strategy.params)

    result = run_backtest(config, minutes(50), strategy, clock=lambda: 0.0)

    assert len(result.orders) == len(result.fills) == len(result.trades) == 0
    assert set(result.curve.equity) == {config.account.initial_capital}
    assert set(result.drawdown) == {0.0}
    assert result.result_hash == hash_result(result.fills, result.time_ns, result.curve.equity)
