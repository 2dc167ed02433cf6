"""Bars are checked once, before use: refused or repaired, naming symbol, row and date.

What a loader reads goes through `check_bars` symbol by symbol; what comes out of it is sorted,
unique, finite and possible, and `build_panel` lays it on one time axis. Nothing later has to ask
again.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from engine.errors import BacktestValidationError, Problem
from engine.market import PRICE_COLUMNS, Panel, common_axis

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_NAT: Final = np.iinfo(np.int64).min  # what NumPy and pandas make of a missing time
_ROWS_NAMED = 5  # further offending rows that a message lists


class Defect(StrEnum):
    """What can be wrong with a bar; the keys of the counts in a result."""

    MISSING_TIME = "missing_time"
    MISSING_PRICE = "missing_price"
    PRICE_NOT_POSITIVE = "price_not_positive"
    HIGH_TOO_LOW = "high_too_low"
    LOW_TOO_HIGH = "low_too_high"
    BAD_VOLUME = "bad_volume"
    DUPLICATE = "duplicate"


_KINDS: Final = tuple(Defect)
_GOOD: Final = -1
_WORDS: Final = {
    Defect.MISSING_TIME: "no time",
    Defect.MISSING_PRICE: "a missing price",
    Defect.PRICE_NOT_POSITIVE: "a price that is not above 0",
    Defect.HIGH_TOO_LOW: "a high below open or close",
    Defect.LOW_TOO_HIGH: "a low above open or close",
    Defect.BAD_VOLUME: "an impossible volume",
    Defect.DUPLICATE: "the time of an earlier bar",
}


@dataclass(frozen=True)
class CheckedBars:
    """The good bars of one symbol, in the order of time.

    Attributes:
        time_ns, open, high, low, close, volume: (n,) each; a volume that was left blank is NaN.
        notices: what was repaired, one sentence each.
        defects: count of bars left out, by kind.
    """

    time_ns: Ints
    open: Floats
    high: Floats
    low: Floats
    close: Floats
    volume: Floats
    notices: tuple[str, ...] = ()
    defects: dict[str, int] = field(default_factory=dict)


def check_bars(
    symbol: str,
    time_ns: ArrayLike,
    open: ArrayLike,
    high: ArrayLike,
    low: ArrayLike,
    close: ArrayLike,
    volume: ArrayLike | None,
    on_bad_bars: Literal["refuse", "drop"] = "refuse",
) -> CheckedBars:
    """Sort the bars of one symbol and refuse or drop those that cannot be.

    A bar counts once, under the first defect of `Defect` that it has; of bars at the same time the
    first good one is kept. A blank volume (NaN) is unknown and stays so; without a column all are 0.

    Parameters
    ----------
    symbol : for the messages
    time_ns : (n,) opens of the bars, UTC nanoseconds
    open, high, low, close, volume : (n,) each
    on_bad_bars : ``refuse`` raises, ``drop`` leaves bad bars out and counts them

    Raises
    ------
    BacktestValidationError
        There is no bar, no good bar, or under ``refuse`` a bad one: then one problem per kind of
        defect, with the first row (counted from 1, in the order given), its date and value, and how
        many there are.
    """
    times = np.ascontiguousarray(time_ns, np.int64)
    n = len(times)
    if n == 0:
        nothing = Problem(symbol, "has no bars", "choose another range or source")
        raise BacktestValidationError(nothing)
    prices = {
        name: np.ascontiguousarray(values, np.float64)
        for name, values in zip(PRICE_COLUMNS, (open, high, low, close), strict=True)
    }
    volumes = np.zeros(n) if volume is None else np.ascontiguousarray(volume, np.float64)
    found = _find_defects(times, prices, volumes)
    rows = np.flatnonzero(found == _GOOD)
    notices: tuple[str, ...] = ()
    if not _is_sorted(times):
        rows = rows[np.argsort(times[rows], kind="stable")]
        notices = (f"{symbol}: the bars were not in the order of time and have been sorted",)
    again = rows[1:][times[rows[1:]] == times[rows[:-1]]]
    found[again] = _KINDS.index(Defect.DUPLICATE)
    bad = _rows_by_kind(found)
    if bad and on_bad_bars == "refuse":
        raise BacktestValidationError(
            [_problem(symbol, kind, where, times, prices, volumes) for kind, where in bad.items()]
        )
    rows = rows[found[rows] == _GOOD]
    if len(rows) == 0:
        raise _nothing_left(symbol, bad)
    if len(rows) < n or notices:
        times, volumes = times[rows], volumes[rows]
        prices = {name: values[rows] for name, values in prices.items()}
    defects = {str(kind): len(where) for kind, where in bad.items()}
    return CheckedBars(times, **prices, volume=volumes, notices=notices, defects=defects)


def _is_sorted(times: Ints) -> bool:
    known = times[times != _NAT]
    return not bool(np.any(known[1:] < known[:-1]))


def _find_defects(times: Ints, prices: dict[str, Floats], volumes: Floats) -> NDArray[np.int8]:
    opens, highs, lows, closes = prices.values()
    tests = {
        Defect.MISSING_TIME: times == _NAT,
        Defect.MISSING_PRICE: ~np.isfinite(np.stack([opens, highs, lows, closes])).all(axis=0),
        Defect.PRICE_NOT_POSITIVE: np.minimum(np.minimum(opens, highs), np.minimum(lows, closes))
        <= 0,
        Defect.HIGH_TOO_LOW: highs < np.maximum(opens, closes),
        Defect.LOW_TOO_HIGH: lows > np.minimum(opens, closes),
        Defect.BAD_VOLUME: np.isinf(volumes) | (volumes < 0),
    }
    found = np.full(len(times), _GOOD, np.int8)
    for kind, is_bad in tests.items():
        found[is_bad & (found == _GOOD)] = _KINDS.index(kind)
    return found


def _rows_by_kind(found: NDArray[np.int8]) -> dict[Defect, Ints]:
    rows = {kind: np.flatnonzero(found == code) for code, kind in enumerate(_KINDS)}
    return {kind: where for kind, where in rows.items() if len(where)}


def _nothing_left(symbol: str, bad: dict[Defect, Ints]) -> BacktestValidationError:
    told = ", ".join(f"{len(where)} with {_WORDS[kind]}" for kind, where in bad.items())
    return BacktestValidationError(Problem(symbol, f"has no good bar: {told}", "correct the data"))


def _problem(
    symbol: str, kind: Defect, rows: Ints, times: Ints, prices: dict[str, Floats], volumes: Floats
) -> Problem:
    row = int(rows[0])
    bar = {name: float(values[row]) for name, values in prices.items()}
    message = _describe(kind, bar, float(volumes[row]), times, row)
    if len(rows) > 1:
        others = ", ".join(str(other + 1) for other in rows[1 : 1 + _ROWS_NAMED])
        more = ", …" if len(rows) > 1 + _ROWS_NAMED else ""
        message += f"; {len(rows)} bars have {_WORDS[kind]} (also rows {others}{more})"
    when = "" if kind is Defect.MISSING_TIME else f" ({_date_text(int(times[row]))})"
    return Problem(
        f"{symbol} row {row + 1}{when}",
        message,
        'correct the data, or set data.on_bad_bars to "drop"',
    )


def _describe(kind: Defect, bar: dict[str, float], volume: float, times: Ints, row: int) -> str:
    match kind:
        case Defect.MISSING_TIME:
            return "the time is missing"
        case Defect.MISSING_PRICE:
            name = next(name for name, value in bar.items() if not np.isfinite(value))
            return f"the {name} is {'missing' if np.isnan(bar[name]) else bar[name]}"
        case Defect.PRICE_NOT_POSITIVE:
            name = next(name for name, value in bar.items() if value <= 0)
            return f"the {name} is {bar[name]:.12g}, a price must be above 0"
        case Defect.HIGH_TOO_LOW:
            name = "close" if bar["close"] > bar["high"] else "open"
            return f"the high {bar['high']:.12g} is below the {name} {bar[name]:.12g}"
        case Defect.LOW_TOO_HIGH:
            name = "close" if bar["close"] < bar["low"] else "open"
            return f"the low {bar['low']:.12g} is above the {name} {bar[name]:.12g}"
        case Defect.BAD_VOLUME:
            return f"the volume is {volume:.12g}, it must be 0 or more"
        case Defect.DUPLICATE:
            first = int(np.flatnonzero(times == times[row])[0])
            return f"the time is already that of row {first + 1}"


def _date_text(time_ns: int) -> str:
    text = str(np.datetime64(time_ns, "ns").astype("datetime64[m]"))
    return text.removesuffix("T00:00").replace("T", " ")


def build_panel(series: Mapping[str, CheckedBars], **kwargs: Any) -> Panel:
    """Lay the bars of several symbols on one time axis, the union of theirs.

    Parameters
    ----------
    series : checked bars by symbol, in any order
    kwargs : further attributes of `Panel` (``timeframe``, ``adjustment``, ``currency`` …);
        ``notices`` and ``defects`` are added to those of the bars

    Raises
    ------
    BacktestValidationError
        There is no symbol.
    """
    if not series:
        raise BacktestValidationError(
            Problem("data.symbols", "there is no symbol with bars", "choose at least one")
        )
    symbols = tuple(sorted(series, key=str.encode))
    every = [series[symbol] for symbol in symbols]
    axis = every[0].time_ns
    together = all(np.array_equal(bars.time_ns, axis) for bars in every[1:])
    if not together:
        axis = common_axis(bars.time_ns for bars in every)
    rows = [slice(None) if together else np.searchsorted(axis, bars.time_ns) for bars in every]
    columns: dict[str, Any] = {}
    for name in (*PRICE_COLUMNS, "volume"):
        column = np.full((len(axis), len(symbols)), np.nan)
        for symbol, bars in enumerate(every):
            column[rows[symbol], symbol] = getattr(bars, name)
        columns[name] = column
    defects: Counter[str] = Counter(kwargs.pop("defects", {}))
    for bars in every:
        defects.update(bars.defects)
    notices = (*(notice for bars in every for notice in bars.notices), *kwargs.pop("notices", ()))
    return Panel(symbols, axis.copy(), **columns, notices=notices, defects=dict(defects), **kwargs)


def check_currencies(currencies: Mapping[str, str], account: str) -> None:
    """Refuse symbols that are not quoted in the account's currency.

    Raises
    ------
    BacktestValidationError
        One problem per foreign currency, naming its symbols.
    """
    foreign: dict[str, list[str]] = {}
    for symbol in sorted(currencies, key=str.encode):
        if currencies[symbol] != account:
            foreign.setdefault(currencies[symbol], []).append(symbol)
    if foreign:
        raise BacktestValidationError(
            [
                Problem(
                    "data.symbols",
                    f"{', '.join(symbols)} trade{'s' if len(symbols) == 1 else ''} in {currency}, "
                    f"the account is in {account}",
                    "an account has one currency: choose symbols of that, or set account.currency",
                )
                for currency, symbols in foreign.items()
            ]
        )
