"""The order records that vectorbt's own tests publish: signals, stops and fees on five closes."""

from typing import Any

import numpy as np
import pytest

from engine.driver import Simulation
from engine.market import Panel
from engine.types import NS_PER_DAY, Action, FillAt, LevelKind, SizeKind
from tests.engine.both import fills_of
from tests.engine.builders import FIRST_DAY, instructions_of, panel_of, rules_of, said, simulate
from tests.engine.published import published

pytestmark = pytest.mark.needs_shared

ENTER = Action.ENTER_LONG
LEAVE = Action.EXIT_LONG
AT_CLOSE = {"fill_at": int(FillAt.SAME_CLOSE), "lot": 0.0}
SUPPORTED = ("signals_basic", "stop_loss_close_only", "stop_loss_with_ohl", "fees_proportional")
# Parts of those cases whose convention is no setting here.
UNSUPPORTED = {
    "signals_basic.short_only": "a short is bought back in part, as far as cash goes; here an exit closes all of it",
    "fees_proportional.fees.-0.1": "a negative fee: costs are 0 or more here",
}


def test_no_case_is_lost() -> None:
    cases = {case["id"]: case for case in published("vectorbt_orders.json")["cases"]}

    assert sorted(SUPPORTED) == sorted(cases)
    for path in UNSUPPORTED:
        part = cases
        for name in path.split(".", 2):
            part = part[name]


def vectorbt(case_id: str) -> dict[str, Any]:
    cases = published("vectorbt_orders.json")["cases"]
    return next(found for found in cases if found["id"] == case_id)


def as_orders(simulation: Simulation) -> list[list[float]]:
    """Return fills as [bar, size, price, fees, side]; an exit and an entry at one instant are one of their orders."""
    orders: list[list[float]] = []
    for fill in fills_of(simulation):
        row = [fill["bar"], fill["quantity"], fill["price"], fill["commission"], fill["side"] < 0]
        if orders and orders[-1][0] == row[0] and orders[-1][4] == row[4]:
            orders[-1][1] += row[1]
        else:
            orders.append(row)
    return orders


ALL = (100.0, SizeKind.PERCENT)
ONE_TO_FIVE = {"A": [1, 2, 3, 4, 5]}


def test_vectorbt_long_signals_trade_all_cash_at_the_close() -> None:
    result = run_signals("long_only", enter=ENTER, leave=LEAVE)

    assert as_orders(result) == vectorbt("signals_basic")["long_only"]


def test_vectorbt_a_reversal_is_an_exit_and_an_entry() -> None:
    result = run_signals("both_directions", enter=ENTER, leave=Action.ENTER_SHORT)

    assert as_orders(result) == vectorbt("signals_basic")["both_directions"]


def test_vectorbt_buys_back_what_cash_allows_and_we_buy_back_all() -> None:
    """An exit closes the whole position here, whatever is left: the loss is booked, not a rest of the position."""
    theirs = vectorbt("signals_basic")["short_only"]

    result = run_signals("short_only", enter=Action.ENTER_SHORT, leave=Action.EXIT_SHORT)

    ours = as_orders(result)
    assert ours[0] == theirs[0]
    assert (theirs[1][1], ours[1][1]) == (50, 100)
    assert result.curve.equity[-1] == -200


def run_signals(direction: str, enter: Action, leave: Action) -> Simulation:
    """Enter at bars 0 and 1, leave at bars 3 and 4; at bar 2 both signals cancel each other."""
    assert direction in vectorbt("signals_basic")
    rows = [said(0, enter, *ALL), said(1, enter, *ALL), said(3, leave, *ALL), said(4, leave, *ALL)]
    return simulate(panel_of(ONE_TO_FIVE), instructions_of(*rows), rules_of(**AT_CLOSE), 100.0)


@pytest.mark.parametrize("loss", ["none", "0.1", "0.5", "inf"])
def test_vectorbt_a_stop_judged_at_closes(loss: str) -> None:
    rate = {"none": 0.0, "inf": 1e9}.get(loss) or float(loss.replace("none", "0"))
    bars = panel_of({"A": [5, 4, 3, 2, 1]})
    enter = said(0, ENTER, *ALL, close_stop_rate=rate)

    result = simulate(bars, instructions_of(enter), rules_of(**AT_CLOSE), 100.0)

    assert as_orders(result) == vectorbt("stop_loss_close_only")["long_only"][loss]


@pytest.mark.parametrize("loss", ["0.1", "0.15", "0.2"])
def test_vectorbt_a_stop_inside_the_bar_or_at_an_open_beyond_it(loss: str) -> None:
    close = np.array([5.0, 4.0, 3.0, 2.0, 1.0])[:, None]
    times = FIRST_DAY + np.arange(5, dtype=np.int64) * NS_PER_DAY
    volume = np.full_like(close, 1e6)
    bars = Panel(("A",), times, close + 0.25, close + 0.5, close - 0.5, close, volume)
    enter = said(0, ENTER, *ALL, stop_kind=LevelKind.RATE, stop_value=float(loss))

    result = simulate(bars, instructions_of(enter), rules_of(**AT_CLOSE), 100.0)

    assert as_orders(result) == vectorbt("stop_loss_with_ohl")["long_only"][loss]


def test_vectorbt_a_short_that_falls_is_never_stopped() -> None:
    enter = said(0, Action.ENTER_SHORT, *ALL, close_stop_rate=0.1)
    bars = panel_of({"A": [5, 4, 3, 2, 1]})

    result = simulate(bars, instructions_of(enter), rules_of(**AT_CLOSE), 100.0)

    assert as_orders(result) == vectorbt("stop_loss_close_only")["short_only"]["any"]


@pytest.mark.parametrize("rate", ["0.1", "1.0"])
def test_vectorbt_fees_are_a_share_of_value(rate: str) -> None:
    actions = {0: Action.BUY, 1: Action.SELL, 3: Action.BUY, 4: Action.SELL}
    rows = [said(bar, action, 1.0) for bar, action in actions.items()]
    rules = rules_of(**AT_CLOSE, commission_rate=float(rate))

    result = simulate(panel_of(ONE_TO_FIVE), instructions_of(*rows), rules, 100.0)

    fees = vectorbt("fees_proportional")["fees"][rate]
    assert fills_of(result)["commission"].tolist() == fees
