"""Withdrawing what waits: one's own orders of one symbol, and nothing else."""

from typing import ClassVar

import numpy as np

from engine.config import parse_config
from engine.market import Panel
from engine.result import BacktestResult
from engine.simulate import run_backtest
from engine.strategies.protocol import Signals, SignalStrategy
from engine.types import Action, LevelKind, OrderKind, OrderReason, OrderStatus, Reason
from tests.engine.builders import instructions_of, panel_of, rules_of, said, simulate

CLOSES = [100.0, 99.0, 98.0, 90.0, 90.0]
CANCELLED = (OrderStatus.CANCELLED, OrderReason.SUPERSEDED)


def ends_of(orders: np.ndarray) -> list[tuple[int, int]]:
    return [(int(order["status"]), int(order["reason"])) for order in orders]


def test_what_waits_for_a_symbol_is_withdrawn_and_what_waits_for_another_stays() -> None:
    resting = {"kind": int(OrderKind.LIMIT), "limit": 95.0}
    run = simulate(
        panel_of({"A": CLOSES, "B": CLOSES}),
        instructions_of(
            *(said(0, Action.BUY, 1.0, symbol=symbol, **resting) for symbol in (0, 0, 1)),
            said(2, Action.CANCEL, symbol=0),
        ),
        rules_of(),
    )

    filled = (OrderStatus.FILLED, OrderReason.NONE)
    assert ends_of(run.book.orders[:3]) == [CANCELLED, CANCELLED, filled]
    assert run.book.orders["closed"][:3].tolist() == [2, 2, 3]


def test_exits_that_a_bracket_or_a_close_made_are_not_withdrawn() -> None:
    bracket = {"stop_kind": int(LevelKind.PRICE), "stop_value": 95.0}
    run = simulate(
        panel_of({"A": CLOSES, "B": [100.0, 100.0, 90.0, 90.0, 80.0]}),
        instructions_of(
            said(0, Action.BUY, 1.0, symbol=0, **bracket),
            said(0, Action.BUY, 1.0, symbol=1, close_stop_rate=0.05),
            *(said(bar, Action.CANCEL, symbol=symbol) for bar in (1, 2) for symbol in (0, 1)),
        ),
        rules_of(),
    )

    fills = run.fills[: run.state["n_fills"][0]]
    assert fills["reason"].tolist() == [Reason.SIGNAL] * 2 + [Reason.STOP] * 2
    assert fills["bar"].tolist() == [1, 1, 3, 3]


class Quoting(SignalStrategy):
    """Bids below the close on the first two bars; what a subclass says withdraws it."""

    name: ClassVar[str] = "quoting"
    title: ClassVar[str] = "Quoting"
    summary: ClassVar[str] = "Bids."
    cancels_at: ClassVar[tuple[int, ...]] = ()

    def signals(self, panel: Panel) -> Signals:
        enter, cancel = (np.zeros(panel.close.shape, np.bool_) for _ in range(2))
        enter[:2] = True
        cancel[list(self.cancels_at)] = True
        return Signals(enter_long=enter, limit=panel.close - 7.0, cancel=cancel)


class QuotingAgain(Quoting):
    """Withdraws the first bid where it says the second."""

    cancels_at = (1,)


class QuotingInVain(Quoting):
    """Withdraws the bid before the price comes down to it."""

    cancels_at = (0, 1, 2)


def run_of(kind: type[Quoting]) -> BacktestResult:
    config = parse_config({"strategy": {"name": "quoting"}, "costs": {"slippage_bps": 0}})
    panel = panel_of({"A": CLOSES})
    return run_backtest(config, panel, kind.make({}), clock=lambda: 0.0)


def test_signals_that_cancel_let_an_entry_of_the_same_bar_take_the_place_of_what_waited() -> None:
    stays, again, in_vain = (run_of(kind) for kind in (Quoting, QuotingAgain, QuotingInVain))

    assert ends_of(stays.orders) == [(OrderStatus.FILLED, OrderReason.NONE)]
    assert stays.orders["limit"].tolist() == [93.0]
    assert ends_of(again.orders) == [CANCELLED, (OrderStatus.FILLED, OrderReason.NONE)]
    assert again.orders["limit"].tolist() == [93.0, 92.0]
    assert ends_of(in_vain.orders) == [CANCELLED, CANCELLED]
    assert len(in_vain.fills) == 0
