"""Only members are bought: whatever a strategy says, in any form, a universe through time has the last word."""

import numpy as np

from engine.config import parse_config
from engine.simulate import run_backtest
from engine.strategies.registry import get
from engine.types import Side
from tests.engine.builders import panel_of

MEMBERS = np.array([[1, 0], [1, 0], [1, 1], [0, 1], [0, 1]], np.bool_)
CLOSES = {"A": [10, 11, 12, 13, 14], "B": [10, 11, 12, 13, 14]}


def run(strategy: str, **params: object):
    panel = panel_of(CLOSES, members=MEMBERS, membership_known=True)
    config = parse_config(
        {
            "strategy": {"name": strategy, "params": params},
            "rebalance": {"period": "daily"},
            "costs": {"commission_pct": 0, "slippage_bps": 0},
            "execution": {"fractional": True},
        }
    )
    result = run_backtest(config, panel, get(strategy).make(params), clock=lambda: 0.0)
    return [
        (int(f["bar"]), result.symbols[int(f["symbol"])], Side(int(f["side"])).name)
        for f in result.fills
    ]


def test_weights_move_with_the_members() -> None:
    found = run("equal_weight")

    assert found[0] == (1, "A", "BUY")
    assert [(bar, symbol) for bar, symbol, side in found if side == "SELL" and symbol == "A"][
        -1
    ] == (
        4,
        "A",
    )
    assert min(bar for bar, symbol, _ in found if symbol == "B") == 3


def test_a_rotation_ranks_members_alone() -> None:
    assert run("momentum_rotation", lookback=1, top_n=1) == [
        (2, "A", "BUY"),
        (4, "A", "SELL"),
        (4, "B", "BUY"),
    ]


def test_signals_enter_members_and_keep_them_when_they_leave() -> None:
    found = run("buy_and_hold")

    assert found == [(1, "A", "BUY"), (3, "B", "BUY")]
