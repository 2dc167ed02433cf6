"""When the lean simulation tells the whole truth about a run, and what it works on.

It knows one symbol without gaps or corporate actions, and market orders in all their costs, sizes and
instants. `why_not` names what else is asked for; those runs go through the loop that runs everything.
"""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from engine.config import BacktestConfig, EntriesConfig, ExitsConfig, SizingMethod
from engine.driver import rules_of
from engine.instructions import entry_size
from engine.kernels.lean import TERMS, Entry, Tape
from engine.kernels.lean_costs import Costs
from engine.market import INSTRUMENT_COLUMNS, Panel

# What the lean simulation takes no notice of must be as it is by default.
_BEYOND: Final[dict[str, tuple[str, ...]]] = {
    "account": ("initial_margin", "maintenance_margin"),
    "costs": ("commission_tiers", "slippage_ticks", "impact", "borrow_rate", "margin_rate"),
    "execution": ("volume_limit", "tick_size", "multiplier"),
    "entries": tuple(EntriesConfig.model_fields),
    "exits": tuple(name for name in ExitsConfig.model_fields if name != "atr_bars"),
}
_SIZINGS: Final = (
    None,
    SizingMethod.FIXED_QUANTITY,
    SizingMethod.FIXED_CASH,
    SizingMethod.PERCENT_OF_EQUITY,
    SizingMethod.TARGET_WEIGHT,
    SizingMethod.EQUAL_WEIGHT,
)
_LEAST_LOT = 1e-8  # a position smaller than the ledger's idea of nothing never comes about


def why_not(config: BacktestConfig, panel: Panel) -> str:
    """Return what the lean simulation does not know about these runs; empty when it knows all."""
    if config.data.decide_on is not None:
        return "data.decide_on is set"
    for section, names in _BEYOND.items():
        chosen = getattr(config, section)
        for name in names:
            if getattr(chosen, name) != type(chosen).model_fields[name].default:
                return f"{section}.{name} is set"
    if config.sizing.method not in _SIZINGS:
        return f"entries are sized by {config.sizing.method}"
    if panel.n_symbols != 1:
        return "there are several symbols"
    for name in (*INSTRUMENT_COLUMNS, "members", "half_spread"):
        if getattr(panel, name) is not None:
            return f"the data have {name}"
    if bool((panel.events["bar"] >= panel.first_counted).any()):
        return "there are corporate actions"
    counted = slice(panel.first_counted, None)
    for column in (panel.open, panel.close):
        if bool(np.isnan(column[counted]).any()):
            return "bars are missing"
    traded = panel.volume > 0.0
    if bool(traded[: panel.first_counted].any()) and not bool(traded[counted].any()):
        return "volumes are known only before the start"
    if not config.execution.fractional and config.execution.lot_size < _LEAST_LOT:
        return "lots are smaller than the smallest position"
    return ""


def tape_of(config: BacktestConfig, panel: Panel) -> Tape:
    """Return the panel's one symbol as the lean kernels take it."""
    n_bars = panel.n_bars
    volume = panel.volume[:, 0]
    trades = volume != 0.0  # a blank one is not known to be nothing
    if not bool((volume > 0.0).any()):  # volumes are unknown
        trades = np.ones(n_bars, np.bool_)
    # The first bar from each on in which it trades: the least of what comes after.
    at = np.where(trades, np.arange(n_bars), n_bars)
    trades_at = np.append(np.minimum.accumulate(at[::-1])[::-1], n_bars)
    return Tape(
        time_ns=panel.time_ns,
        open=panel.open.reshape(n_bars),
        close=panel.close.reshape(n_bars),
        trades_at=trades_at.astype(np.int64),
        first=panel.first_counted,
        capital=config.account.initial_capital,
        bars_per_year=0.0,
        risk_free=0.0,
    )


def entry_of(config: BacktestConfig) -> Entry:
    """Return how entries are sized; levels differ from combination to combination."""
    kind, size = entry_size(config.sizing, 1)
    return Entry(int(kind), size, 0.0, 0.0)


@dataclass(frozen=True)
class LeanPlan:
    """What all threads of a lean sweep share."""

    tape: Tape
    costs: Costs
    entry: Entry
    risk_free_rate: float

    def terms(self, n: int) -> NDArray[np.void]:
        """Return ``TERMS`` without levels."""
        return np.zeros(n, TERMS)

    def put_year(self, terms: NDArray[np.void], chosen: Any, bars_per_year: float) -> None:
        """Write what follows from the bars that combinations see."""
        terms["bars_per_year"][chosen] = bars_per_year
        terms["risk_free"][chosen] = self.risk_free_rate / bars_per_year


def lean_plan_of(config: BacktestConfig, panel: Panel) -> LeanPlan:
    """Return costs, execution, size of entries and bars as numbers."""
    rules = rules_of(config)
    costs = Costs(*(getattr(rules, name) for name in Costs._fields))
    return LeanPlan(tape_of(config, panel), costs, entry_of(config), config.account.risk_free_rate)
