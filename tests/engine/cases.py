"""Runs the hand-worked cases: from plain words to configuration, panel and instructions, through both engines.

A case says bars, settings, orders (or weights) and events; here is the only place that knows how our names and codes
correspond to its words.
"""

import datetime as dt
import json
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.config import BacktestConfig, parse_config
from engine.driver import new_simulation, rules_of
from engine.market import Benchmark, Panel
from engine.result import BacktestResult
from engine.simulate import instructions_of as instructions_from_strategy
from engine.simulate import result_of
from engine.strategies.protocol import TargetStrategy
from engine.types import (
    NS_PER_DAY,
    Action,
    EventKind,
    LevelKind,
    OrderKind,
    SizeKind,
    TimeInForce,
)
from engine.validate import build_panel, check_bars, check_currencies
from tests.engine.builders import events_of, instructions_of, said
from tests.naive.account import Account
from tests.naive.orders import all_said
from tests.naive.simulation import run
from tests.shared import shared_path

Case = dict[str, Any]

COSTS = (
    "commission_pct",
    "slippage_bps",
    "commission_per_share",
    "commission_per_order",
    "commission_min",
    "commission_max",
    "spread",
    "spread_on",
    "sell_tax_pct",
    "margin_rate",
)
EXECUTION = (
    "fill_at",
    "fractional",
    "lot_size",
    "when_short_of_cash",
    "intrabar",
    "bracket_base",
    "volume_limit",
    "tick_size",
)
MARGIN = ("initial_margin", "maintenance_margin")
SIZES = {
    "quantity": SizeKind.QUANTITY,
    "cash": SizeKind.CASH,
    "percent_of_equity": SizeKind.PERCENT,
    "risk_pct": SizeKind.RISK,
}
# What a bracket says: the level of which exit, how it is meant, and by what its number is divided.
LEVELS = {
    "stop_loss": ("stop", LevelKind.PRICE, 1.0),
    "stop_loss_pct": ("stop", LevelKind.RATE, 100.0),
    "take_profit": ("target", LevelKind.PRICE, 1.0),
    "take_profit_pct": ("target", LevelKind.RATE, 100.0),
    "trail_amount": ("trail", LevelKind.AMOUNT, 1.0),
    "trail_pct": ("trail", LevelKind.RATE, 100.0),
}
METRIC_NAMES = {"final_equity": "final_balance"}  # the cases' word: ours


@dataclass(frozen=True)
class Outcome:
    """What both engines made of a case."""

    panel: Panel
    result: BacktestResult
    twin: Account


def all_cases() -> dict[str, Case]:
    """Read the file of cases."""
    text = shared_path("published", "semantics_cases.json").read_text(encoding="utf-8")
    return {case["id"]: case for case in json.loads(text)["cases"]}


def run_case(case: Case) -> Outcome:
    """Run a case through the kernel and through its twin.

    Raises
    ------
    BacktestValidationError
        Where the case is one that has to be refused.
    """
    config = config_of(case)
    if "currency" in case:
        check_currencies(case["currency"], config.account.currency)
    panel = panel_of_case(case, config)
    instructions, labels = instructions_of_case(case, config, panel)
    rules, capital = rules_of(config), config.account.initial_capital
    simulation = new_simulation(panel, instructions, rules, capital)
    simulation.advance(panel.n_bars)
    simulation.expire_waiting()
    twin = run(panel, all_said(instructions), rules, capital)
    return Outcome(panel, result_of(config, simulation, labels), twin)


def config_of(case: Case) -> BacktestConfig:
    """Translate the settings; what a case does not say has its defaults, which charge nothing."""
    given = case["settings"]
    return parse_config(
        {
            "strategy": {"name": "by hand"},
            "data": {"on_bad_bars": given.get("on_bad_bars", "refuse")},
            "account": {
                "initial_capital": given["initial_capital"],
                "currency": given.get("account_currency", "USD"),
                "risk_free_rate": given.get("rf", 0),
                **{name: given[name] for name in MARGIN if name in given},
            },
            "costs": {name: given[name] for name in COSTS if name in given},
            "execution": {name: given[name] for name in EXECUTION if name in given},
            "rebalance": {"period": given.get("rebalance", "monthly")},
        }
    )


def panel_of_case(case: Case, config: BacktestConfig) -> Panel:
    """Lay out bars, corporate actions, calendar and benchmark."""
    series = {}
    for symbol, rows in case["bars"].items():
        times = [ns_of(row[0]) for row in rows]
        columns = np.array([row[1:] for row in rows], np.float64).T
        series[symbol] = check_bars(symbol, times, *columns, on_bad_bars=config.data.on_bad_bars)
    bare = build_panel(series)
    more: dict[str, Any] = {"has_dividends": bool(case.get("dividends"))}
    if case["settings"].get("calendar"):
        more["sessions"] = weekdays(bare.time_ns)
    if "benchmark" in case["settings"]:
        name = case["settings"]["benchmark"]
        more["benchmark"] = Benchmark(name, bare.close[:, bare.symbols.index(name)].copy())
    return build_panel(series, events=events_of(*_events(case, bare)), **more)


def instructions_of_case(
    case: Case, config: BacktestConfig, panel: Panel
) -> tuple[NDArray[np.void], tuple[str, ...]]:
    """Translate orders, given weights or weights by the schedule into instructions."""
    if "target_weights" in case:
        return instructions_from_strategy(config, panel, _fixed_weights(case["target_weights"]))
    rows = [_order(order, panel) for order in case.get("orders", [])]
    for target in case.get("targets", []):
        for symbol, name in enumerate(panel.symbols):
            weight = target["weights"].get(name, 0.0)
            bar = bar_of(panel, target["decided"])
            rows.append(said(bar, Action.TARGET, weight, SizeKind.WEIGHT, symbol))
    return instructions_of(*rows), ("", "by hand")


def _order(order: dict[str, Any], panel: Panel) -> tuple[Any, ...]:
    (word,) = SIZES.keys() & order.keys()
    more: dict[str, Any] = {"kind": OrderKind[order["type"].upper()]}
    more |= {name: order[name] for name in ("limit", "stop") if name in order}
    more["tif"] = TimeInForce[order.get("time_in_force", "gtc").upper()]
    if "good_till" in order:
        more["good_till_ns"] = ns_of(order["good_till"])
    for name, value in order.get("bracket", {}).items():
        level, kind, divisor = LEVELS[name]
        more |= {f"{level}_kind": kind, f"{level}_value": value / divisor}
    action = Action.BUY if order["side"] == "buy" else Action.SELL
    bar, symbol = bar_of(panel, order["decided"]), panel.symbols.index(order["symbol"])
    return said(bar, action, order[word], SIZES[word], symbol, **more)


def ns_of(date: str) -> int:
    """Return the UTC midnight of an ISO date."""
    return (dt.date.fromisoformat(date) - dt.date(1970, 1, 1)).days * NS_PER_DAY


def date_of(time_ns: int) -> str:
    """Return the ISO date of a UTC instant."""
    return (dt.date(1970, 1, 1) + dt.timedelta(days=int(time_ns) // NS_PER_DAY)).isoformat()


def bar_of(panel: Panel, date: str) -> int:
    """Return the first bar on or after a date."""
    return int(np.searchsorted(panel.time_ns, ns_of(date)))


def weekdays(time_ns: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return every Monday to Friday from the first bar to a fortnight after the last."""
    days = np.arange(time_ns[0] // NS_PER_DAY, time_ns[-1] // NS_PER_DAY + 14)
    return days[(days + 3) % 7 < 5] * NS_PER_DAY


def _events(case: Case, panel: Panel) -> list[tuple[int, int, EventKind, float]]:
    index = panel.symbols.index
    found = []
    for date, symbol, ratio in case.get("splits") or []:
        found.append((bar_of(panel, date), index(symbol), EventKind.SPLIT, ratio))
    for date, symbol, money in case.get("dividends") or []:
        found.append((bar_of(panel, date), index(symbol), EventKind.DIVIDEND, money))
    for date, symbol, value in case.get("delistings") or []:
        after = bar_of(panel, date) + 1
        found.append((after, index(symbol), EventKind.DELISTING, value or 0.0))
    return found


def _fixed_weights(wanted: dict[str, float]) -> TargetStrategy:
    class FixedWeights(TargetStrategy):
        name = "fixed_weights"
        title = "Fixed weights"
        summary = "The same weights at every rebalancing."

        def weights(self, panel: Panel, bars: NDArray[np.int64]) -> NDArray[np.float64]:
            row = [wanted.get(symbol, 0.0) for symbol in panel.symbols]
            return np.tile(np.array(row), (len(bars), 1))

    return FixedWeights(FixedWeights.Params())
