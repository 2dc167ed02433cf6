"""What an entry of a signals strategy asks for besides its direction: size, order, time in force, bracket.

A strategy's own arrays come first; what they leave open is what the configuration says (`entries`, `exits`, `sizing`).
Everything is worked out for the entries alone, never for all bars.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from engine.adjust import split_adjusted
from engine.config import BacktestConfig, EntriesConfig, ExitsConfig, SizingConfig, SizingMethod
from engine.errors import BacktestValidationError, Problem
from engine.kernels.indicators import rolling_mean_nb
from engine.kernels.realised import volatility_at_nb
from engine.market import Panel
from engine.strategies.protocol import Signals
from engine.types import (
    NS_PER_DAY,
    Action,
    LevelKind,
    OrderKind,
    SizeKind,
    TimeInForce,
)

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Rows = NDArray[np.void]

BRACKET: Final = (
    *("stop_loss", "take_profit", "stop_loss_rate", "take_profit_rate"),
    *("trail_rate", "trail_amount"),
)
_ORDERS = {
    "market": OrderKind.MARKET,
    "limit": OrderKind.LIMIT,
    "stop": OrderKind.STOP,
    "stop_limit": OrderKind.STOP_LIMIT,
    "moo": OrderKind.MOO,
    "moc": OrderKind.MOC,
}


def dress_entries(
    rows: Rows, signals: Signals, config: BacktestConfig, panel: Panel, bars_per_year: float
) -> Rows:
    """Fill in what the entries among ``rows`` ask for; entries whose size or distance is not known yet are left out.

    Raises
    ------
    BacktestValidationError
        When an array of the strategy has another shape than the panel, or the sizing lacks what it needs.
    """
    for name in ("size", "limit", "stop", *BRACKET):
        _check_shape(name, getattr(signals, name), panel.close.shape)
    action = rows["action"]
    enters = np.flatnonzero((action == Action.ENTER_LONG) | (action == Action.ENTER_SHORT))
    # Rows as they lie: picking them field by field takes three times as long.
    words = rows.view(np.int64).reshape(len(rows), rows.dtype.itemsize // 8)
    entries = words[enters].view(rows.dtype).reshape(-1)
    bar, symbol = entries["bar"], entries["symbol"].astype(np.int64)
    _give_size(entries, signals, config.sizing, panel, bars_per_year)
    _give_order(entries, signals, config.entries, panel)
    own = _give_bracket(entries, signals, bar, symbol)
    _give_exits(entries, config.exits, panel, ~own)
    needs_stop = config.sizing.method is SizingMethod.RISK_PER_TRADE
    if needs_stop and not np.any(entries["stop_kind"] + entries["trail_kind"]) and len(entries):
        raise BacktestValidationError(
            Problem(
                "sizing.method",
                "risk_per_trade needs a stop, and no entry has one",
                "set exits.stop_loss_pct or a trailing stop",
            )
        )
    words[enters] = entries.view(np.int64).reshape(len(enters), words.shape[1])
    unknown = np.isnan(entries["size"]) | np.isnan(entries["trail_value"])
    return np.delete(rows, enters[unknown]) if unknown.any() else rows


def known_at(panel: Panel, bar: Ints, symbol: Ints) -> Floats:
    """Return the last closes known at bars, (n,) each; NaN before the first."""
    close = panel.close[bar, symbol]
    for row in np.flatnonzero(np.isnan(close)):
        at = int(bar[row])
        while at > 0 and np.isnan(panel.close[at, symbol[row]]):
            at -= 1
        close[row] = panel.close[at, symbol[row]]
    return close


def cap_shares(panel: Panel, bar: Ints, chosen: NDArray[np.bool_] | None = None) -> Floats:
    """Return each symbol's part of the market value at bars, (n, n_symbols); NaN where it is not known.

    The field ``market_cap`` of the panel at the decision; of the members, or of those that are ``chosen``.

    Raises
    ------
    BacktestValidationError
        When the panel has no such field.
    """
    if "market_cap" not in panel.fields:
        raise BacktestValidationError(
            Problem(
                "sizing.method",
                "market_cap_weight needs the field market_cap, which these data do not have",
                "choose another method",
            )
        )
    caps = panel.fields["market_cap"][bar]
    counted = ~np.isnan(caps) & (caps > 0)
    if panel.members is not None:
        counted &= panel.members[bar]
    if chosen is not None:
        counted &= chosen
    worth = np.where(counted, caps, 0.0)
    total = worth.sum(axis=1, keepdims=True)
    shares: Floats = np.where(counted & (total > 0), worth / np.where(total > 0, total, 1), np.nan)
    return shares


def volatility_weights(
    panel: Panel, bar: Ints, symbol: Ints, percent: Floats, bars: int, bars_per_year: float
) -> Floats:
    """Return ``percent / 100 / yearly volatility``, at most 1, of symbols at bars, (n,); NaN where it is not known.

    The volatility is the standard deviation (ddof 1) of the last ``bars`` simple returns of the symbol's own closes,
    comparable over splits, times the root of the bars in a year. A price that has not moved gives 1.
    """
    realised = volatility_at_nb(split_adjusted(panel, "close"), bar, symbol, bars)
    yearly = realised * np.sqrt(bars_per_year)
    with np.errstate(divide="ignore"):
        weights: Floats = np.minimum(percent / 100.0 / yearly, 1.0)
    return weights


def _give_size(
    entries: Rows, signals: Signals, sizing: SizingConfig, panel: Panel, bars_per_year: float
) -> None:
    bar, symbol = entries["bar"], entries["symbol"].astype(np.int64)
    own = np.full(len(entries), np.nan) if signals.size is None else signals.size[bar, symbol]
    value = np.where(np.isnan(own), np.nan if sizing.value is None else sizing.value, own)

    def percent(default: float) -> Floats:
        return np.where(np.isnan(value), default, value)

    match sizing.method:
        case SizingMethod.FIXED_QUANTITY:
            kind, size = SizeKind.QUANTITY, value
        case SizingMethod.FIXED_CASH:
            kind, size = SizeKind.CASH, value
        case SizingMethod.RISK_PER_TRADE:
            kind, size = SizeKind.RISK, value
        case SizingMethod.KELLY:
            kind, size = SizeKind.KELLY, percent(50.0) / 100.0
        case SizingMethod.VOLATILITY_TARGET:
            kind, size = (
                SizeKind.WEIGHT,
                volatility_weights(
                    panel, bar, symbol, value, sizing.volatility_bars, bars_per_year
                ),
            )
        case SizingMethod.MARKET_CAP_WEIGHT:
            shares = cap_shares(panel, bar)[np.arange(len(bar)), symbol]
            kind, size = SizeKind.PERCENT, percent(100.0) * shares
        case SizingMethod.PERCENT_OF_EQUITY | SizingMethod.TARGET_WEIGHT:
            kind, size = SizeKind.PERCENT, percent(100.0)
        case _:
            whole = 100.0 if sizing.value is None else sizing.value
            kind, size = SizeKind.PERCENT, np.where(np.isnan(own), whole / panel.n_symbols, own)
    entries["size_kind"] = int(kind)
    entries["size"] = size


def _give_order(entries: Rows, signals: Signals, chosen: EntriesConfig, panel: Panel) -> None:
    bar, symbol = entries["bar"], entries["symbol"].astype(np.int64)
    up = np.where(entries["action"] == Action.ENTER_LONG, 1.0, -1.0)
    limit, stop = _at(signals.limit, bar, symbol), _at(signals.stop, bar, symbol)
    own = ~(np.isnan(limit) & np.isnan(stop))
    kind = np.full(len(entries), int(_ORDERS[chosen.order]))
    if chosen.order in ("limit", "stop", "stop_limit") and not bool(own.all()):
        close = known_at(panel, bar, symbol)
        if chosen.order == "limit":
            limit = np.where(own, limit, close * (1.0 - up * chosen.offset_pct / 100.0))
        else:
            stop = np.where(own, stop, close * (1.0 + up * chosen.offset_pct / 100.0))
        if chosen.order == "stop_limit":
            limit = np.where(own, limit, close * (1.0 + up * chosen.limit_offset_pct / 100.0))
    kind[own & np.isnan(stop)] = OrderKind.LIMIT
    kind[own & np.isnan(limit)] = OrderKind.STOP
    kind[own & ~np.isnan(limit) & ~np.isnan(stop)] = OrderKind.STOP_LIMIT
    entries["kind"], entries["limit"], entries["stop"] = kind, limit, stop
    tif = TimeInForce[(signals.time_in_force or chosen.time_in_force).upper()]
    entries["tif"] = int(tif)
    if tif is TimeInForce.GTD:
        days = (chosen.good_days or 0) * NS_PER_DAY
        entries["good_till_ns"] = panel.time_ns[bar] + days


def _give_bracket(entries: Rows, signals: Signals, bar: Ints, symbol: Ints) -> NDArray[np.bool_]:
    """Take the levels of the strategy's arrays; return which entries have any."""
    own = np.zeros(len(entries), np.bool_)
    for name, leg, kind in (
        ("stop_loss_rate", "stop", LevelKind.RATE),
        ("stop_loss", "stop", LevelKind.PRICE),
        ("take_profit_rate", "target", LevelKind.RATE),
        ("take_profit", "target", LevelKind.PRICE),
        ("trail_rate", "trail", LevelKind.RATE),
        ("trail_amount", "trail", LevelKind.AMOUNT),
    ):
        if getattr(signals, name) is None:
            continue
        value = _at(getattr(signals, name), bar, symbol)
        given = ~np.isnan(value)
        entries[f"{leg}_kind"][given] = int(kind)
        entries[f"{leg}_value"][given] = value[given]
        own |= given
    return own


def _give_exits(
    entries: Rows, exits: ExitsConfig, panel: Panel, wanting: NDArray[np.bool_]
) -> None:
    levels: list[tuple[str, LevelKind, float | None]] = [
        ("stop", LevelKind.RATE, _rate(exits.stop_loss_pct)),
        ("target", LevelKind.RATE, _rate(exits.take_profit_pct)),
        ("trail", LevelKind.RATE, _rate(exits.trail_pct)),
        ("trail", LevelKind.AMOUNT, exits.trail_amount),
    ]
    for leg, kind, value in levels:
        if value is not None:
            entries[f"{leg}_kind"][wanting] = int(kind)
            entries[f"{leg}_value"][wanting] = value
    if exits.trail_atr is not None:
        ranges = average_true_range(panel, exits.atr_bars)
        there = ranges[entries["bar"], entries["symbol"]] * exits.trail_atr
        entries["trail_kind"][wanting] = int(LevelKind.AMOUNT)
        entries["trail_value"][wanting] = there[wanting]


def average_true_range(panel: Panel, bars: int) -> Floats:
    """Return the mean true range of the symbol's last ``bars`` bars, in prices of each bar, (n_bars, n_symbols).

    ``max(high, close before) - min(low, close before)``; the first bar has high - low. NaN until there are enough.
    """
    high, low = split_adjusted(panel, "high"), split_adjusted(panel, "low")
    close = split_adjusted(panel, "close")
    before = np.full(close.shape, np.nan)
    last = np.full(panel.n_symbols, np.nan)
    for bar in range(panel.n_bars):
        before[bar] = last
        last = np.where(np.isnan(close[bar]), last, close[bar])
    ranges = np.fmax(high, before) - np.fmin(low, before)
    ranges[np.isnan(close)] = np.nan
    raw = rolling_mean_nb(ranges, bars, 0) * (panel.close / close)
    return np.asarray(raw, np.float64)


def _rate(percent: float | None) -> float | None:
    return None if percent is None else percent / 100.0


def _at(values: Floats | float | None, bar: Ints, symbol: Ints) -> Floats:
    if values is None:
        return np.full(len(bar), np.nan)
    if np.ndim(values) == 0:
        return np.full(len(bar), float(values))
    return np.asarray(values, np.float64)[bar, symbol]


def _check_shape(name: str, values: Floats | float | None, shape: tuple[int, int]) -> None:
    if values is None or np.ndim(values) == 0:
        return
    if np.shape(values) != shape:
        raise BacktestValidationError(
            Problem(
                "strategy",
                f"{name} has shape {np.shape(values)}",
                f"numbers of shape {shape}: one row a bar, one column a symbol",
            )
        )
