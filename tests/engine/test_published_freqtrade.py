"""The candles of freqtrade's own tests: stops, targets and signals inside five or six bars.

Their rules are set as ours: a signal fills at the next open, the stop comes before the target inside a bar, a bracket
counts on the bar of its entry. Where a case stands on a convention that is no setting here, it is named with it.
"""

from typing import Any

import numpy as np
import pytest

from engine.market import Panel
from engine.types import NS_PER_DAY, Action, LevelKind, OrderKind, Reason, SizeKind, TimeInForce
from tests.engine.both import fills_of
from tests.engine.builders import FIRST_DAY, instructions_of, rules_of, said, simulate
from tests.engine.published import published

pytestmark = pytest.mark.needs_shared

_ACTIVATED = "a trailing stop that begins, or tightens, once a profit has been reached"
_AGED = "a target that falls with the age of the position"
_CLIPPED = "a limit beyond the candle's range is filled at the range's end, not at the open"
_REPLACED = "a re-placed limit keeps the time of the first one and is filled at its price, not at a better open"
SUPPORTED = (
    *("tc0", "tc2", "tc4", "tc6", "tc8", "tc14", "tc22", "tc26", "tc28", "tc30"),
    *("tc34", "tc42", "tc46", "tc50"),
)
UNSUPPORTED = {
    "tc10": _ACTIVATED,
    "tc12": _ACTIVATED,
    "tc16": _AGED,
    "tc18": _AGED,
    "tc20": _AGED,
    "tc24": _AGED,
    "tc32": _ACTIVATED,
    "tc36": _ACTIVATED,
    "tc38": _ACTIVATED,
    "tc40": _CLIPPED,
    "tc44": _CLIPPED,
    "tc48": _REPLACED,
    "tc52": _REPLACED,
}
REASONS = {
    "EXIT_SIGNAL": Reason.SIGNAL,
    "FORCE_EXIT": Reason.SIGNAL,
    "STOP_LOSS": Reason.STOP,
    "TRAILING_STOP_LOSS": Reason.TRAILING,
    "ROI": Reason.TARGET,
}
ENTERS = ((6, Action.ENTER_LONG), (8, Action.ENTER_SHORT))
LEAVES = ((7, Action.EXIT_LONG), (9, Action.EXIT_SHORT))


def cases() -> dict[str, Any]:
    return published("freqtrade_intrabar.json")["cases"]


def test_no_case_is_lost() -> None:
    assert sorted([*SUPPORTED, *UNSUPPORTED]) == sorted(cases())


@pytest.mark.parametrize("case_id", SUPPORTED)
def test_the_trade_of_the_candles_is_the_published_one(case_id: str) -> None:
    case = cases()[case_id]
    rules = rules_of(initial_margin=1 / case["leverage"], maintenance_margin=0.01)

    run = simulate(candles(case), instructions_of(*instructions(case)), rules, 100_000.0)

    fills = fills_of(run)
    pairs = list(zip(fills[::2], fills[1::2], strict=True))
    found = [(entry["bar"], leaving["bar"], leaving["reason"]) for entry, leaving in pairs]
    wanted = [(t["open_tick"], t["close_tick"], REASONS[t["exit_reason"]]) for t in case["trades"]]
    assert found == wanted
    gained = sum(e["side"] * (x["price"] / e["price"] - 1) * case["leverage"] for e, x in pairs)
    assert gained == pytest.approx(case["profit_perc"], abs=0.00051)


def candles(case: dict[str, Any]) -> Panel:
    rows = np.array([row[1:6] for row in case["data"]], np.float64)
    times = FIRST_DAY + np.arange(len(rows), dtype=np.int64) * NS_PER_DAY
    columns = [np.ascontiguousarray(rows[:, [i]]) for i in range(5)]
    return Panel(("PAIR",), times, *columns)


def instructions(case: dict[str, Any]) -> list[tuple[Any, ...]]:
    rows = []
    for candle in case["data"]:
        signals = [*candle[:10], 0, 0, 0, 0]
        for column, action in ENTERS:
            if signals[column] == 1:
                rows.append(said(candle[0], action, 1.0, **bracket(case)))
        for column, action in LEAVES:
            if signals[column] == 1 and case["use_exit_signal"]:
                rows += leaving(case, candle[0], action)
    return rows


def bracket(case: dict[str, Any]) -> dict[str, Any]:
    """Stop and target as shares of the price: theirs are of the margin, which leverage divides."""
    more: dict[str, Any] = {"stop_kind": LevelKind.RATE}
    more["stop_value"] = -case["stop_loss"] / case["leverage"]
    if "0" in case["roi"]:
        more |= {"target_kind": LevelKind.RATE, "target_value": case["roi"]["0"]}
    if case["trailing_stop"]:
        rate = case["trailing_stop_positive"]
        rate = rate if rate and case["trailing_stop_positive_offset"] == 0 else -case["stop_loss"]
        more |= {"trail_kind": LevelKind.RATE, "trail_value": rate}
    if case["custom_entry_price"]:
        more |= {"kind": OrderKind.LIMIT, "limit": case["custom_entry_price"]}
    return more


def leaving(case: dict[str, Any], tick: int, action: Action) -> list[tuple[Any, ...]]:
    """An exit by signal; with a price of its own it is tried for one candle, then comes their forced exit."""
    if not case["custom_exit_price"]:
        return [said(tick, action, 0.0, SizeKind.ALL)]
    by_limit = {"kind": OrderKind.LIMIT, "limit": case["custom_exit_price"]}
    return [
        said(tick, action, 0.0, SizeKind.ALL, **by_limit, tif=TimeInForce.DAY),
        said(len(case["data"]) - 2, action, 0.0, SizeKind.ALL),
    ]
