"""Small panels, instructions and rules for tests, said in as few words as the test needs."""

from collections.abc import Mapping, Sequence
from enum import IntEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.driver import Simulation, new_simulation
from engine.kernels.book import Rules
from engine.market import Panel
from engine.types import (
    ACTION_EVENT,
    INSTRUCTION,
    NS_PER_DAY,
    Action,
    BracketBase,
    EventKind,
    FillAt,
    Intrabar,
    ShortOfCash,
    SizeKind,
    SpreadOn,
)

NAN = float("nan")
FIRST_DAY = 19_724 * NS_PER_DAY  # 2024-01-02

Column = Sequence[float]


def panel_of(
    closes: Mapping[str, Column], opens: Mapping[str, Column] | None = None, **more: Any
) -> Panel:
    """Build a panel of daily bars from closes (and opens, the closes by default) by symbol."""
    symbols = tuple(sorted(closes, key=str.encode))
    close = np.array([closes[s] for s in symbols], np.float64).T.copy()
    open_ = (
        close.copy()
        if opens is None
        else np.array([opens[s] for s in symbols], np.float64).T.copy()
    )
    return Panel(
        symbols=symbols,
        time_ns=FIRST_DAY + np.arange(len(close), dtype=np.int64) * NS_PER_DAY,
        open=open_,
        high=np.maximum(open_, close),
        low=np.minimum(open_, close),
        close=close,
        volume=more.pop("volume", np.where(np.isnan(close), NAN, 1000.0)),
        **more,
    )


def events_of(*rows: tuple[int, int, EventKind, float]) -> NDArray[np.void]:
    """Build corporate actions from (bar, symbol, kind, value)."""
    return np.array(list(rows), ACTION_EVENT)


def said(
    bar: int,
    action: Action,
    size: float = 0.0,
    size_kind: SizeKind = SizeKind.QUANTITY,
    symbol: int = 0,
    **more: float,
) -> tuple[Any, ...]:
    """Build one instruction, a market order unless ``more``, which is by field of ``INSTRUCTION``, says otherwise."""
    row = {
        **dict.fromkeys(INSTRUCTION.names or (), 0),
        "bar": bar,
        "symbol": symbol,
        "label": 1,
        "action": int(action),
        "size_kind": int(size_kind),
        "size": size,
        "limit": NAN,
        "stop": NAN,
        **more,
    }
    return tuple(row[name] for name in INSTRUCTION.names or ())


def instructions_of(*rows: tuple[Any, ...]) -> NDArray[np.void]:
    """Build the list of instructions, sorted as the kernel wants it."""
    return np.array(sorted(rows, key=lambda row: (row[0], row[2])), INSTRUCTION)


def rules_of(**given: Any) -> Rules:
    """Build rules without any cost, next open, whole lots, scaled to cash, but for what is given."""
    free: dict[str, Any] = {
        "commission_rate": 0.0,
        "commission_per_share": 0.0,
        "commission_per_order": 0.0,
        "commission_min": 0.0,
        "commission_max": np.inf,
        "slippage_rate": 0.0,
        "spread": 0.0,
        "spread_rate": 0.0,
        "spread_on": int(SpreadOn.BOTH),
        "sell_tax_rate": 0.0,
        "fill_at": int(FillAt.NEXT_OPEN),
        "lot": 1.0,
        "short_of_cash": int(ShortOfCash.SCALE),
        "tiers": np.empty((0, 2)),
        "slippage_ticks": 0.0,
        "impact": 0.0,
        "borrow_rate": 0.0,
        "margin_rate": 0.0,
        "intrabar": int(Intrabar.PESSIMISTIC),
        "bracket_base": int(BracketBase.FILL),
        "volume_limit": 0.0,
        "tick": 0.0,
        "multiplier": 1.0,
        "initial_margin": 0.0,
        "maintenance_margin": 0.0,
        "drift": 0.0,
        "kelly_min_trades": 20,
        "kelly_start": 10.0,
    }
    # An enumeration is another type to a compiler than its number: every mixture would be compiled anew.
    numbers = {k: int(v) if isinstance(v, IntEnum) else v for k, v in given.items()}
    return Rules(**{**free, **numbers})


def simulate(
    panel: Panel, instructions: NDArray[np.void], rules: Rules, capital: float = 1000.0
) -> Simulation:
    """Run the kernel to the end of the panel in one go."""
    simulation = new_simulation(panel, instructions, rules, capital)
    simulation.advance(panel.n_bars)
    simulation.expire_waiting()
    return simulation
