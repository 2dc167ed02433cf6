"""The context of an on_bar strategy once more, in plain Python: the function runs as it stands, uncompiled."""

import math
from types import SimpleNamespace
from typing import Any

from engine.market import Panel
from engine.on_bar import inputs_of
from engine.strategies.protocol import OnBarStrategy
from engine.types import (
    Action,
    LevelKind,
    OrderKind,
    SizeKind,
    TimeInForce,
)
from tests.naive.account import Account
from tests.naive.decisions import decide
from tests.naive.orders import EXITS, Said

SIZES = {
    "shares": SizeKind.QUANTITY,
    "cash": SizeKind.CASH,
    "percent": SizeKind.PERCENT,
    "weight": SizeKind.WEIGHT,
    "risk": SizeKind.RISK,
}
VERBS = {
    Action.CANCEL: 0,
    Action.BUY: 1,
    Action.SELL: 2,
    Action.EXIT_LONG: 3,
    Action.EXIT_SHORT: 3,
    Action.TARGET: 4,
}


class PlainContext:
    """One bar of an account; what is said is decided at the end of it, in its order."""

    def __init__(self, account: Account, bar: int, inputs: Any, size: tuple[SizeKind, float]):
        self.account, self.bar, self.given, self.size = account, bar, inputs, size
        self.time_ns = account.times[bar]
        self.n_symbols = len(account.symbols)
        self.cash, self.equity = account.cash, account.worth(account.closes[bar])
        self.said: list[Said] = []

    def open(self, symbol, ago=0):
        return self.at(self.account.opens, symbol, ago)

    def high(self, symbol, ago=0):
        return self.at(self.account.highs, symbol, ago)

    def low(self, symbol, ago=0):
        return self.at(self.account.lows, symbol, ago)

    def close(self, symbol, ago=0):
        return self.at(self.account.closes, symbol, ago)

    def volume(self, symbol, ago=0):
        return self.at(self.account.volumes, symbol, ago)

    def at(self, rows, symbol, ago):
        return rows[self.bar - ago][symbol] if 0 <= ago <= self.bar else math.nan

    def closes(self, symbol, count):
        rows = self.account.closes[: self.bar + 1]
        return [row[symbol] for row in rows[max(0, len(rows) - count) :]]

    def last(self, symbol):
        return self.account.last_close(self.bar, symbol)

    def inputs(self, symbol):
        record = self.given[self.bar, symbol]
        return SimpleNamespace(**dict(zip(record.dtype.names, record.tolist(), strict=True)))

    def position(self, symbol):
        return self.account.quantity(symbol)

    def entry(self, symbol):
        return self.account.positions[symbol].entry if self.position(symbol) else math.nan

    def waiting(self, symbol):
        mine = [o for o in self.account.waiting if o.symbol == symbol and o.parent is None]
        return sum(o.is_timed or not o.is_exit for o in mine)

    def buy(self, symbol, **words):
        self.say(symbol, Action.BUY, words)

    def sell(self, symbol, **words):
        self.say(symbol, Action.SELL, words)

    def target(self, symbol, **words):
        self.say(symbol, Action.TARGET, words)

    def exit(self, symbol, **words):
        held = self.position(symbol)
        if held:
            self.say(symbol, Action.EXIT_LONG if held > 0 else Action.EXIT_SHORT, words)

    def cancel(self, symbol):
        self.say(symbol, Action.CANCEL, {})

    def say(self, symbol, action, words):
        label = words.pop("label", -1)
        verb = VERBS[action]
        given = [(kind, words.pop(name)) for name, kind in SIZES.items() if name in words]
        nothing = (SizeKind.ALL, 0.0) if action in EXITS else self.size
        size_kind, size = given[0] if given else nothing
        trail = trail_of(words)
        day = TimeInForce.DAY if words.pop("day", False) else TimeInForce.GTC
        stop, target = level_of(words, "stop_loss"), level_of(words, "take_profit")
        kind = kind_of(words, action in EXITS and trail[0] != LevelKind.NONE)
        said = Said(
            self.bar, 0, symbol, verb if label < 0 else 5 + label, action, size_kind, kind, day,
            stop[0], target[0], trail[0], size, words.pop("limit", math.nan),
            words.pop("stop", math.nan), stop[1], target[1], trail[1], 0.0, 0.0,
        )  # fmt: skip
        assert words == {}
        self.said.append(said)


def kind_of(words, trails):
    if trails:
        return OrderKind.TRAILING_STOP
    if words.pop("at_open", False):
        return OrderKind.MOO
    if words.pop("at_close", False):
        return OrderKind.MOC
    return OrderKind(("limit" in words) + 2 * ("stop" in words))


def level_of(words, name):
    if name in words:
        return LevelKind.PRICE, words.pop(name)
    if f"{name}_rate" in words:
        return LevelKind.RATE, words.pop(f"{name}_rate")
    return LevelKind.NONE, 0.0


def trail_of(words):
    if "trail_rate" in words:
        return LevelKind.RATE, words.pop("trail_rate")
    if "trail_amount" in words:
        return LevelKind.AMOUNT, words.pop("trail_amount")
    return LevelKind.NONE, 0.0


class Asking:
    """Asks a strategy at every bar of an account."""

    def __init__(self, strategy: OnBarStrategy, panel: Panel, size: tuple[SizeKind, float]):
        self.strategy, self.size = strategy, size
        self.inputs = inputs_of(strategy, panel)
        names = dict.fromkeys(strategy.State, 0)
        self.state = [SimpleNamespace(**names) for _ in panel.symbols]

    def __call__(self, account: Account, bar: int) -> None:
        ctx = PlainContext(account, bar, self.inputs, self.size)
        self.strategy.on_bar(ctx, self.state, self.strategy.params)
        for said in ctx.said:
            decide(account, said)
