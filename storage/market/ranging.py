"""Which bars of a selection count, which come before them as warm-up, and whether they are good."""

import dataclasses
from collections.abc import Callable, Mapping
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from engine.config import DataConfig
from engine.errors import BacktestValidationError, Problem
from engine.market import common_axis
from engine.tick_series import TICK
from engine.types import NS_PER_DAY
from engine.validate import CheckedBars, check_bars
from storage.market.files import FileSource
from storage.market.parsing import MISSING_TIME
from storage.market.source import MarketSource, RawBars, SymbolInfo, Timed, Times
from storage.market.universe import Selection, midnight
from storage.stopping import ShouldStop, check

Found = TypeVar("Found", bound=Timed)
Good = TypeVar("Good")

_NAMED = 8  # how many of many are named in a sentence


def range_of(data: DataConfig, source: MarketSource, raw: Mapping[str, Timed]) -> tuple[int, int]:
    """Return the first and last instant that count."""
    ends = [_ends(bars.time_ns) for bars in raw.values()]
    known = [pair for pair in ends if pair is not None]
    if not known:
        return 0, np.iinfo(np.int64).max  # no bar has a time; the check of the bars says so
    first, last = min(p[0] for p in known), max(p[1] for p in known)
    has = f"{source.label} has bars of what is asked for from {day_of(first)} to {day_of(last)}"
    if data.start and midnight(data.start) > last:
        raise BacktestValidationError(
            Problem("data.start", f"{data.start} is after the last bar", has)
        )
    if data.end and midnight(data.end) + NS_PER_DAY <= first:
        raise BacktestValidationError(
            Problem("data.end", f"{data.end} is before the first bar", has)
        )
    start = midnight(data.start) if data.start else first
    end = midnight(data.end) + NS_PER_DAY - 1 if data.end else np.iinfo(np.int64).max
    return start, int(end)


def _ends(times: Times) -> tuple[int, int] | None:
    known = times[times != MISSING_TIME]
    return (int(known.min()), int(known.max())) if len(known) else None


def warm_start(raw: Mapping[str, RawBars], start: int, end: int, warmup_bars: int) -> int:
    """Return the instant ``warmup_bars`` of the common axis before ``start``."""
    if warmup_bars <= 0:
        return start
    before = [b.time_ns[(b.time_ns < start) & (b.time_ns != MISSING_TIME)] for b in raw.values()]
    axis = common_axis(before)
    return int(axis[-min(warmup_bars, len(axis))]) if len(axis) else start


def checked(
    source: MarketSource,
    data: DataConfig,
    raw: Mapping[str, Found],
    chosen: Selection,
    span: tuple[int, int],
    should_stop: ShouldStop,
    check_one: Callable[[str, Found, NDArray[np.bool_], DataConfig], Good],
) -> tuple[dict[str, Good], tuple[str, ...]]:
    """Return the good bars, or ticks, of a range by symbol, and what was left out.

    ``check_one`` returns the good ones of those of a symbol that are taken.

    Raises:
        Stopped: ``should_stop`` said so.
        BacktestValidationError: bad bars under ``refuse``, or a symbol that was named has none.
    """
    known, lives = chosen.infos, chosen.lives
    since, end = span
    series: dict[str, Good] = {}
    absent: list[str] = []
    useless: list[str] = []
    problems: list[Problem] = []
    for symbol, bars in raw.items():
        check(should_stop)
        taken = ((bars.time_ns >= since) & (bars.time_ns <= end)) | (bars.time_ns == MISSING_TIME)
        if not taken.any():
            absent.append(symbol)
            continue
        try:
            series[symbol] = check_one(symbol, bars, taken, data)
        except BacktestValidationError as error:
            if data.on_bad_bars == "drop" and not data.symbols:
                useless.append(symbol)  # one dead series must not keep a whole market away
            else:
                problems += [_in_file(source, problem) for problem in error.problems]
    if problems:
        raise BacktestValidationError(problems)
    if absent and (data.symbols or not series):
        raise BacktestValidationError([_absence(known[lives[s].code]) for s in absent])
    if not series:
        raise BacktestValidationError(
            Problem("data.universe", "no symbol has a good bar in the range", "correct the data")
        )
    return series, (*_left_out(absent, "bars in the range"), *_left_out(useless, "good bar"))


def _left_out(symbols: list[str], what: str) -> tuple[str, ...]:
    if len(symbols) <= _NAMED:
        return tuple(f"{symbol} has no {what} and is left out" for symbol in symbols)
    shown = ", ".join(symbols[:_NAMED])
    return (f"{len(symbols)} symbols have no {what} and are left out ({shown}, …)",)


def good_bars(
    symbol: str, bars: RawBars, taken: NDArray[np.bool_], data: DataConfig
) -> CheckedBars:
    """Return the good ones of the chosen bars of a symbol; raises as `engine.validate.check_bars` does."""
    return check_bars(
        symbol,
        bars.time_ns[taken],
        bars.open[taken],
        bars.high[taken],
        bars.low[taken],
        bars.close[taken],
        None if bars.volume is None else bars.volume[taken],
        data.on_bad_bars,
    )


def _in_file(source: MarketSource, problem: Problem) -> Problem:
    if not isinstance(source, FileSource):
        return problem
    return dataclasses.replace(problem, field=f"{source.path.name}: {problem.field}")


def _absence(info: SymbolInfo) -> Problem:
    what = "ticks" if info.timeframe == TICK else "bars"
    there = (
        f"it has {what} from {day_of(info.first_ns)} to {day_of(info.last_ns)}"
        if info.n_bars
        else f"it has no {what} at all"
    )
    return Problem("data.symbols", f"{info.symbol} has no {what} in the range", there)


def refuse_too_few(data: DataConfig, axis: Times, first_counted: int) -> None:
    """Refuse a range in which fewer than two bars count."""
    counted = axis[first_counted:]
    if len(counted) >= 2:
        return
    what = f"only one bar ({day_of(int(counted[0]))})" if len(counted) else "no bars"
    asked = f"from {data.start or 'the first'} to {data.end or 'the last'}"
    raise BacktestValidationError(
        Problem(
            "data.start",
            f"there is {what} {asked}",
            "a run needs two bars or more: choose a longer range",
        )
    )


def day_of(time_ns: int) -> str:
    """Return the date of an instant as people read it."""
    return str(np.datetime64(time_ns, "ns").astype("datetime64[D]"))
