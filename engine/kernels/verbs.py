"""What an on_bar strategy can say: buy, sell, target, exit, cancel. Each adds one row to the list of its bar.

Which words of an order were given is known when a strategy is compiled, so a price that happens to be NaN is not taken
for one that was left out: it fails the run, with the bar and the symbol (`notes`).
"""

from typing import Any, Final, NamedTuple

import numpy as np
from numba import njit
from numba.core import types
from numba.core.errors import TypingError
from numba.extending import overload_method

from engine.kernels.context import ContextType, Look
from engine.types import Action, LevelKind, OrderKind, SizeKind

# `Look.notes`: how many rows were said, what was wrong with the first that was wrong, its symbol, and its verb.
N_SAID, PROBLEM, SYMBOL, VERB, N_NOTES = 0, 1, 2, 3, 5
SEEN_UNTIL = 4  # bars that have been copied into `Seen`

TOO_MANY, NO_SYMBOL, NO_NUMBER, NEGATIVE = 1, 2, 3, 4

LABELS: Final = (
    "",
    "buy",
    "sell",
    "exit",
    "target",
)  # of orders that name no label of the strategy's own
FIRST_OWN_LABEL: Final = len(LABELS)

_BUY = np.int64(Action.BUY)
_SELL = np.int64(Action.SELL)
_EXIT_LONG = np.int64(Action.EXIT_LONG)
_EXIT_SHORT = np.int64(Action.EXIT_SHORT)
_TARGET = np.int64(Action.TARGET)
_CANCEL = np.int64(Action.CANCEL)
_QUANTITY = np.int64(SizeKind.QUANTITY)
_CASH = np.int64(SizeKind.CASH)
_PERCENT = np.int64(SizeKind.PERCENT)
_WEIGHT = np.int64(SizeKind.WEIGHT)
_RISK = np.int64(SizeKind.RISK)
_ALL = np.int64(SizeKind.ALL)
_BY_CONFIG = np.int64(-1)
_MARKET = np.int64(OrderKind.MARKET)
_TRAILING = np.int64(OrderKind.TRAILING_STOP)
_MOO = np.int64(OrderKind.MOO)
_MOC = np.int64(OrderKind.MOC)
_LIMIT = np.int64(OrderKind.LIMIT)
_STOP_KIND = np.int64(OrderKind.STOP)
_STOP_LIMIT = np.int64(OrderKind.STOP_LIMIT)
_NONE = np.int64(LevelKind.NONE)
_PRICE = np.int64(LevelKind.PRICE)
_RATE = np.int64(LevelKind.RATE)
_AMOUNT = np.int64(LevelKind.AMOUNT)
_STOP, _PROFIT, _TRAIL = (np.int64(i) for i in (0, 1, 2))
_BUY_LABEL, _SELL_LABEL, _EXIT_LABEL, _TARGET_LABEL = (np.int64(i) for i in (1, 2, 3, 4))


@njit(nogil=True, cache=True, no_cpython_wrapper=True, no_cfunc_wrapper=True)
def wrong_nb(look: Look, problem: int, symbol: int, action: int) -> None:
    """Note what is wrong with a row; the first of a bar stays."""
    if look.notes[PROBLEM] == 0:
        look.notes[PROBLEM] = problem
        look.notes[SYMBOL] = symbol
        look.notes[VERB] = action


@njit(nogil=True, cache=True, no_cpython_wrapper=True, no_cfunc_wrapper=True)
def say_nb(look: Look, symbol: int, action: int, label: int, own_label: int) -> int:
    """Begin a row and return its place; -1 when there is none for it."""
    n = look.notes[N_SAID]
    if symbol < 0 or symbol >= len(look.holdings):
        wrong_nb(look, NO_SYMBOL, symbol, action)
        return -1
    if n >= len(look.said):
        wrong_nb(look, TOO_MANY, symbol, action)
        return -1
    look.notes[N_SAID] = n + 1
    row = look.said[n]
    row.bar = look.bar
    row.good_till_ns = 0
    row.symbol = symbol
    row.label = label if own_label < 0 else FIRST_OWN_LABEL + own_label
    row.action = action
    row.size_kind = _ALL
    row.kind = row.tif = 0
    row.stop_kind = row.target_kind = row.trail_kind = 0
    row.size = 0.0
    row.limit = row.stop = np.nan
    row.stop_value = row.target_value = row.trail_value = 0.0
    row.close_stop_rate = row.close_target_rate = 0.0
    return n


@njit(nogil=True, cache=True, no_cpython_wrapper=True, no_cfunc_wrapper=True)
def size_nb(look: Look, at: int, kind: int, size: float) -> None:
    """Write how large an order is; ``_BY_CONFIG`` takes what the configuration says."""
    row = look.said[at]
    if kind == _BY_CONFIG:
        row.size_kind, row.size = look.size_kind, look.size
        return
    if not np.isfinite(size):
        wrong_nb(look, NO_NUMBER, np.int64(row.symbol), np.int64(row.action))
    elif size < 0.0 and row.action != _TARGET:
        wrong_nb(look, NEGATIVE, np.int64(row.symbol), np.int64(row.action))
    row.size_kind, row.size = kind, size


@njit(nogil=True, cache=True, no_cpython_wrapper=True, no_cfunc_wrapper=True)
def prices_nb(look: Look, at: int, kind: int, limit: float, stop: float) -> None:
    """Write the kind of an order and the prices that it has by it."""
    row = look.said[at]
    with_limit = kind == _LIMIT or kind == _STOP_LIMIT
    with_stop = kind == _STOP_KIND or kind == _STOP_LIMIT
    row.kind = kind
    if with_limit:
        row.limit = limit
    if with_stop:
        row.stop = stop
    if (with_limit and not limit > 0.0) or (with_stop and not stop > 0.0):
        wrong_nb(look, NO_NUMBER, np.int64(row.symbol), np.int64(row.action))


@njit(nogil=True, cache=True, no_cpython_wrapper=True, no_cfunc_wrapper=True)
def level_nb(look: Look, at: int, which: int, kind: int, value: float) -> None:
    """Write one level of the bracket: stop, target or trailing; of kind NONE there is nothing to write."""
    if kind == _NONE:
        return
    row = look.said[at]
    if not value > 0.0 or np.isinf(value):
        wrong_nb(look, NO_NUMBER, np.int64(row.symbol), np.int64(row.action))
    if which == _STOP:
        row.stop_kind, row.stop_value = kind, value
    elif which == _PROFIT:
        row.target_kind, row.target_value = kind, value
    else:
        row.trail_kind, row.trail_value = kind, value


def given(word: Any) -> bool:
    """Tell whether an argument was given: what is left out has no type."""
    return isinstance(word, types.Type) and not isinstance(word, types.Omitted | types.NoneType)


def one_of(verb: str, **words: Any) -> tuple[str, ...]:
    """Return the name of the one word that was given, or none.

    Raises:
        TypingError: there are several that exclude each other.
    """
    found = tuple(name for name, word in words.items() if given(word))
    if len(found) > 1:
        raise TypingError(f"ctx.{verb}: give one of {', '.join(words)}, not {' and '.join(found)}")
    return found


_SIZES: Final = {
    (): _BY_CONFIG,
    ("shares",): _QUANTITY,
    ("cash",): _CASH,
    ("percent",): _PERCENT,
    ("weight",): _WEIGHT,
    ("risk",): _RISK,
}
_LEVELS: Final = {
    (): _NONE,
    ("stop_loss",): _PRICE,
    ("take_profit",): _PRICE,
    ("stop_loss_rate",): _RATE,
    ("take_profit_rate",): _RATE,
    ("trail_rate",): _RATE,
    ("trail_amount",): _AMOUNT,
}


def _kind_of(verb: str, limit: Any, stop: Any, at_open: Any, at_close: Any) -> Any:
    """Return the kind of an order from what was given with it."""
    when = one_of(verb, at_open=at_open, at_close=at_close)
    if when and (given(limit) or given(stop)):
        raise TypingError(f"ctx.{verb}: {when[0]} is for orders without limit and stop")
    if when:
        return _MOO if when == ("at_open",) else _MOC
    return np.int64(given(limit) + 2 * given(stop))  # market, limit, stop, stop-limit


class _Words(NamedTuple):
    """What is known of an order when it is compiled."""

    action: Any
    label: Any
    size: Any
    kind: Any
    stop: Any
    target: Any
    trail: Any


def _saying(words: _Words) -> Any:
    """Return what ``buy`` and ``sell`` do once it is known which words were given."""
    action, its_label, how, kind, losing, gaining, trailing = words

    def say(
        ctx: Any,
        symbol: Any,
        shares: Any = np.nan,
        cash: Any = np.nan,
        percent: Any = np.nan,
        risk: Any = np.nan,
        limit: Any = np.nan,
        stop: Any = np.nan,
        stop_loss: Any = np.nan,
        take_profit: Any = np.nan,
        stop_loss_rate: Any = np.nan,
        take_profit_rate: Any = np.nan,
        trail_rate: Any = np.nan,
        trail_amount: Any = np.nan,
        at_open: Any = False,
        at_close: Any = False,
        day: Any = False,
        label: Any = -1,
    ) -> None:
        at = say_nb(ctx.look, symbol, action, its_label, label)
        if at < 0:
            return
        size = shares
        if how == _CASH:
            size = cash
        elif how == _PERCENT:
            size = percent
        elif how == _RISK:
            size = risk
        size_nb(ctx.look, at, how, size)
        prices_nb(ctx.look, at, kind, limit, stop)
        level_nb(ctx.look, at, _STOP, losing, stop_loss if losing == _PRICE else stop_loss_rate)
        level_nb(
            ctx.look, at, _PROFIT, gaining, take_profit if gaining == _PRICE else take_profit_rate
        )
        level_nb(
            ctx.look, at, _TRAIL, trailing, trail_amount if trailing == _AMOUNT else trail_rate
        )
        ctx.look.said[at].tif = 1 if day else 0

    return say


def _order(verb: str, action: Any, its_label: Any) -> Any:
    """Return the overload of ``buy`` or ``sell``."""

    def typed(
        ctx: Any,
        symbol: Any,
        shares: Any = np.nan,
        cash: Any = np.nan,
        percent: Any = np.nan,
        risk: Any = np.nan,
        limit: Any = np.nan,
        stop: Any = np.nan,
        stop_loss: Any = np.nan,
        take_profit: Any = np.nan,
        stop_loss_rate: Any = np.nan,
        take_profit_rate: Any = np.nan,
        trail_rate: Any = np.nan,
        trail_amount: Any = np.nan,
        at_open: Any = False,
        at_close: Any = False,
        day: Any = False,
        label: Any = -1,
    ) -> Any:
        size = one_of(verb, shares=shares, cash=cash, percent=percent, risk=risk)
        loss = one_of(verb, stop_loss=stop_loss, stop_loss_rate=stop_loss_rate)
        gain = one_of(verb, take_profit=take_profit, take_profit_rate=take_profit_rate)
        trail = one_of(verb, trail_rate=trail_rate, trail_amount=trail_amount)
        return _saying(
            _Words(
                action,
                its_label,
                _SIZES[size],
                _kind_of(verb, limit, stop, at_open, at_close),
                *(_LEVELS[word] for word in (loss, gain, trail)),
            )
        )

    return typed


overload_method(ContextType, "buy")(_order("buy", _BUY, _BUY_LABEL))
overload_method(ContextType, "sell")(_order("sell", _SELL, _SELL_LABEL))


@overload_method(ContextType, "target")
def _target(
    ctx: Any,
    symbol: Any,
    weight: Any = np.nan,
    percent: Any = np.nan,
    shares: Any = np.nan,
    cash: Any = np.nan,
    label: Any = -1,
) -> Any:
    word = one_of("target", weight=weight, percent=percent, shares=shares, cash=cash)
    if not word:
        raise TypingError("ctx.target: say weight=, percent=, shares= or cash=")
    how = _SIZES[word]

    def say(
        ctx: Any,
        symbol: Any,
        weight: Any = np.nan,
        percent: Any = np.nan,
        shares: Any = np.nan,
        cash: Any = np.nan,
        label: Any = -1,
    ) -> None:
        at = say_nb(ctx.look, symbol, _TARGET, _TARGET_LABEL, label)
        if at < 0:
            return
        size = shares
        if how == _CASH:
            size = cash
        elif how == _PERCENT:
            size = percent
        elif how == _WEIGHT:
            size = weight
        size_nb(ctx.look, at, how, size)

    return say


@overload_method(ContextType, "exit")
def _exit(
    ctx: Any,
    symbol: Any,
    limit: Any = np.nan,
    stop: Any = np.nan,
    trail_rate: Any = np.nan,
    trail_amount: Any = np.nan,
    at_open: Any = False,
    at_close: Any = False,
    label: Any = -1,
) -> Any:
    trail = one_of("exit", trail_rate=trail_rate, trail_amount=trail_amount)
    kind = _kind_of("exit", limit, stop, at_open, at_close)
    if trail and kind != _MARKET:
        raise TypingError(f"ctx.exit: {trail[0]} stands alone")
    kind = _TRAILING if trail else kind
    trailing = _LEVELS[trail]

    def say(
        ctx: Any,
        symbol: Any,
        limit: Any = np.nan,
        stop: Any = np.nan,
        trail_rate: Any = np.nan,
        trail_amount: Any = np.nan,
        at_open: Any = False,
        at_close: Any = False,
        label: Any = -1,
    ) -> None:
        held = 0.0
        if 0 <= symbol < len(ctx.look.holdings):
            held = ctx.look.holdings[symbol].quantity
            if held == 0.0:
                return
        at = say_nb(ctx.look, symbol, _EXIT_SHORT if held < 0.0 else _EXIT_LONG, _EXIT_LABEL, label)
        if at < 0:
            return
        prices_nb(ctx.look, at, kind, limit, stop)
        level_nb(
            ctx.look, at, _TRAIL, trailing, trail_amount if trailing == _AMOUNT else trail_rate
        )

    return say


@overload_method(ContextType, "cancel")
def _cancel(ctx: Any, symbol: Any) -> Any:
    def say(ctx: Any, symbol: Any) -> None:
        say_nb(ctx.look, symbol, _CANCEL, np.int64(0), np.int64(-1))

    return say
