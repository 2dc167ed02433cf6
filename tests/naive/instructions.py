"""What a signals strategy asks for once more, a cell at a time: which instructions, how large, at which prices."""

import itertools
import math
from collections.abc import Collection
from typing import Any

import numpy as np

from engine.config import BacktestConfig, SizingMethod
from engine.market import Panel
from engine.strategies.protocol import Signals
from engine.types import (
    INSTRUCTION,
    NS_PER_DAY,
    Action,
    EventKind,
    LevelKind,
    OrderKind,
    SizeKind,
    TimeInForce,
)

Row = dict[str, float]
NAN = math.nan
# In the order in which they are said: what waits is withdrawn, exits come before entries.
SAID = (
    ("cancel", Action.CANCEL, None, 0),
    ("exit_long", Action.EXIT_LONG, "enter_long", 2),
    ("exit_short", Action.EXIT_SHORT, "enter_short", 4),
    ("enter_long", Action.ENTER_LONG, "exit_long", 1),
    ("enter_short", Action.ENTER_SHORT, "exit_short", 3),
)


class NoStop(Exception):
    """Sized by risk, and no entry has a stop."""


def instructions(
    signals: Signals, config: BacktestConfig, panel: Panel, per_year: float
) -> list[Row]:
    rows, stops, n_entries = [], 0, 0
    for bar in range(panel.first_counted, panel.n_bars):
        for symbol in range(panel.n_symbols):
            for name, action, opposite, label in SAID:
                if not says(signals, name, bar, symbol):
                    continue
                if opposite is not None and says(signals, opposite, bar, symbol):
                    continue
                row = {**dict.fromkeys(INSTRUCTION.names or (), 0), "limit": NAN, "stop": NAN}
                row |= {"bar": bar, "symbol": symbol, "label": label, "action": int(action)}
                row["size_kind"] = int(SizeKind.ALL)
                if name.startswith("enter"):
                    side = 1 if action is Action.ENTER_LONG else -1
                    entry = Entry(signals, config, panel, bar, symbol, side)
                    row |= entry.row(per_year)
                    n_entries += 1
                    stops += row["stop_kind"] + row["trail_kind"] > 0
                    if math.isnan(row["size"]) or math.isnan(row["trail_value"]):
                        continue  # not known yet
                rows.append(row)
    if config.sizing.method is SizingMethod.RISK_PER_TRADE and n_entries and not stops:
        raise NoStop
    return rows


def says(signals: Signals, name: str, bar: int, symbol: int) -> bool:
    mask = getattr(signals, name)
    return mask is not None and bool(mask[bar, symbol])


class Entry:
    """One entry at the close of a bar."""

    def __init__(
        self,
        signals: Signals,
        config: BacktestConfig,
        panel: Panel,
        bar: int,
        symbol: int,
        side: int,
    ) -> None:
        self.signals, self.config, self.panel = signals, config, panel
        self.bar, self.symbol, self.side = bar, symbol, side
        self.own_bars = [b for b in range(bar + 1) if not math.isnan(panel.close[b, symbol])]

    def row(self, per_year: float) -> Row:
        size_kind, size = self.size(per_year)
        row: Row = {"size_kind": int(size_kind), "size": size}
        row["close_stop_rate"] = self.signals.close_stop_rate
        row["close_target_rate"] = self.signals.close_target_rate
        return row | self.order() | (self.own_levels() or self.usual_levels())

    def given(self, name: str) -> float:
        """What the strategy itself says, NaN where it does not."""
        value: Any = getattr(self.signals, name)
        if value is None:
            return NAN
        return float(value if np.ndim(value) == 0 else value[self.bar, self.symbol])

    def adjusted(self, name: str, bar: int) -> float:
        """A price of an earlier bar in the shares of this one."""
        price = float(getattr(self.panel, name)[bar, self.symbol])
        if self.panel.adjustment != "raw":
            return price
        for event in self.panel.events:
            is_split = event["kind"] == EventKind.SPLIT and event["symbol"] == self.symbol
            if is_split and bar < event["bar"] <= self.bar:
                price /= float(event["value"])
        return price

    # ---- how large

    def size(self, per_year: float) -> tuple[SizeKind, float]:
        sizing, own = self.config.sizing, self.given("size")
        value = own if not math.isnan(own) else sizing.value
        match sizing.method:
            case SizingMethod.FIXED_QUANTITY:
                return SizeKind.QUANTITY, number(value)
            case SizingMethod.FIXED_CASH:
                return SizeKind.CASH, number(value)
            case SizingMethod.RISK_PER_TRADE:
                return SizeKind.RISK, number(value)
            case SizingMethod.KELLY:
                return SizeKind.KELLY, (50.0 if value is None else value) / 100
            case SizingMethod.PERCENT_OF_EQUITY | SizingMethod.TARGET_WEIGHT:
                return SizeKind.PERCENT, 100.0 if value is None else value
            case SizingMethod.MARKET_CAP_WEIGHT:
                return SizeKind.PERCENT, (100.0 if value is None else value) * self.cap_share()
            case SizingMethod.VOLATILITY_TARGET:
                yearly = self.volatility(sizing.volatility_bars) * math.sqrt(per_year)
                if math.isnan(yearly):
                    return SizeKind.WEIGHT, NAN
                wanted = number(value) / 100
                return SizeKind.WEIGHT, 1.0 if wanted >= yearly else wanted / yearly
        if not math.isnan(own):
            return SizeKind.PERCENT, own
        whole = 100.0 if sizing.value is None else sizing.value
        return SizeKind.PERCENT, whole / self.panel.n_symbols

    def cap_share(self, chosen: Collection[int] | None = None) -> float:
        """The symbol's part of what all members, or those that are chosen, are worth."""
        caps = {
            s: float(self.panel.fields["market_cap"][self.bar, s])
            for s in (range(self.panel.n_symbols) if chosen is None else chosen)
            if self.panel.members is None or self.panel.members[self.bar, s]
        }
        known = {s: cap for s, cap in caps.items() if cap > 0}
        return known.get(self.symbol, NAN) / sum(known.values()) if known else NAN

    def volatility(self, n: int) -> float:
        """The deviation of the last ``n`` returns of the symbol's own closes."""
        last = [self.adjusted("close", b) for b in self.own_bars[-(n + 1) :]]
        if len(last) < n + 1:
            return NAN
        returns = [after / before - 1 for before, after in itertools.pairwise(last)]
        mean = sum(returns) / n
        return math.sqrt(sum((value - mean) ** 2 for value in returns) / (n - 1))

    # ---- which order

    def order(self) -> Row:
        entries, limit, stop = self.config.entries, self.given("limit"), self.given("stop")
        kinds = {
            (True, True): OrderKind[entries.order.upper()],
            (False, True): OrderKind.LIMIT,
            (True, False): OrderKind.STOP,
            (False, False): OrderKind.STOP_LIMIT,
        }
        row: Row = {"kind": int(kinds[math.isnan(limit), math.isnan(stop)])}
        if math.isnan(limit) and math.isnan(stop):
            close = self.panel.close[self.own_bars[-1], self.symbol] if self.own_bars else NAN
            near, far = (
                percent / 100 for percent in (entries.offset_pct, entries.limit_offset_pct)
            )
            if entries.order == "limit":
                limit = close * (1 - self.side * near)
            if entries.order in ("stop", "stop_limit"):
                stop = close * (1 + self.side * near)
            if entries.order == "stop_limit":
                limit = close * (1 + self.side * far)
        lives = TimeInForce[(self.signals.time_in_force or entries.time_in_force).upper()]
        row |= {"limit": limit, "stop": stop, "tif": int(lives)}
        if lives is TimeInForce.GTD:
            days = entries.good_days or 0
            row["good_till_ns"] = int(self.panel.time_ns[self.bar]) + days * NS_PER_DAY
        return row

    # ---- which levels

    def own_levels(self) -> Row:
        """The levels of the strategy, prices before rates and amounts before rates; empty where it has none."""
        found: Row = {}
        for name, leg, kind in (
            ("stop_loss_rate", "stop", LevelKind.RATE),
            ("take_profit_rate", "target", LevelKind.RATE),
            ("trail_rate", "trail", LevelKind.RATE),
            ("stop_loss", "stop", LevelKind.PRICE),
            ("take_profit", "target", LevelKind.PRICE),
            ("trail_amount", "trail", LevelKind.AMOUNT),
        ):
            if not math.isnan(value := self.given(name)):
                found |= {f"{leg}_kind": int(kind), f"{leg}_value": value}
        return found

    def usual_levels(self) -> Row:
        """The levels of the configuration."""
        exits, found = self.config.exits, dict[str, float]()
        for percent, leg in (
            (exits.stop_loss_pct, "stop"),
            (exits.take_profit_pct, "target"),
            (exits.trail_pct, "trail"),
        ):
            if percent is not None:
                found |= {f"{leg}_kind": int(LevelKind.RATE), f"{leg}_value": percent / 100}
        amount = exits.trail_amount
        if exits.trail_atr is not None:
            amount = exits.trail_atr * self.average_true_range(exits.atr_bars)
        if amount is not None:
            found |= {"trail_kind": int(LevelKind.AMOUNT), "trail_value": amount}
        return found

    def average_true_range(self, n: int) -> float:
        """The mean of the last ``n`` true ranges; the first bar has no close before it."""
        if len(self.own_bars) < n or self.own_bars[-1] != self.bar:
            return NAN
        ranges = []
        for before, bar in zip([None, *self.own_bars], self.own_bars, strict=False):
            reached = [self.adjusted("high", bar), self.adjusted("low", bar)]
            if before is not None:
                reached.append(self.adjusted("close", before))
            ranges.append(max(reached) - min(reached))
        return sum(ranges[-n:]) / n


def target_instructions(
    weights: list[list[float]], config: BacktestConfig, panel: Panel, per_year: float
) -> list[Row]:
    """What a targets strategy that is asked at every counted close asks for; one row of weights a bar."""
    rows = []
    last = [0.0] * panel.n_symbols
    for bar in range(panel.first_counted, panel.n_bars):
        wanted = members_only(weights[bar], bar, panel)
        chosen = [s for s, weight in enumerate(wanted) if not math.isnan(weight) and weight != 0]
        for symbol, weight in enumerate(wanted):
            if math.isnan(weight):
                continue  # as it is
            if weight != 0 or last[symbol] != 0:
                row = {**dict.fromkeys(INSTRUCTION.names or (), 0), "limit": NAN, "stop": NAN}
                row |= {"bar": bar, "symbol": symbol, "label": 1, "action": int(Action.TARGET)}
                entry = Entry(Signals(), config, panel, bar, symbol, 1)
                kind, size = target_size(entry, weight, chosen, per_year)
                rows.append({**row, "size_kind": int(kind), "size": size})
            last[symbol] = weight
    return rows


def members_only(weights: list[float], bar: int, panel: Panel) -> list[float]:
    """Weights, 0 for what is no member, unless the strategy knows nothing yet."""
    if panel.members is None or all(math.isnan(weight) for weight in weights):
        return weights
    return [w if panel.members[bar, s] else 0.0 for s, w in enumerate(weights)]


def target_size(
    entry: Entry, weight: float, chosen: list[int], per_year: float
) -> tuple[SizeKind, float]:
    sizing = entry.config.sizing
    side = 0 if weight == 0 else 1 if weight > 0 else -1
    share = 1.0 if sizing.value is None else sizing.value / 100
    match sizing.method:
        case SizingMethod.EQUAL_WEIGHT:
            return SizeKind.WEIGHT, side * share / len(chosen) if side else 0.0
        case SizingMethod.PERCENT_OF_EQUITY:
            return SizeKind.WEIGHT, side * share
        case SizingMethod.FIXED_CASH:
            return SizeKind.CASH, side * number(sizing.value)
        case SizingMethod.FIXED_QUANTITY:
            return SizeKind.QUANTITY, side * number(sizing.value)
        case SizingMethod.MARKET_CAP_WEIGHT:
            part = entry.cap_share(chosen)
            return SizeKind.WEIGHT, 0.0 if math.isnan(part) else side * share * part
        case SizingMethod.VOLATILITY_TARGET:
            _, size = entry.size(per_year)
            return SizeKind.WEIGHT, 0.0 if math.isnan(size) else side * size
    return SizeKind.WEIGHT, weight * share


def number(value: float | None) -> float:
    return NAN if value is None else value
