"""From what a configuration asks for to the panel that a run gets.

`load_panel` finds the source, takes the range with the bars that indicators need before it, has
every bar checked, lays all symbols on one axis and puts the benchmark beside them. What cannot be
had is said by name.
"""

import dataclasses
import datetime as dt
import difflib
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np

from engine.config import DataConfig
from engine.errors import BacktestNotFoundError, BacktestValidationError, Problem
from engine.market import Benchmark, Panel, common_axis
from engine.types import ACTION_EVENT, NS_PER_DAY, EventKind
from engine.validate import CheckedBars, build_panel, check_bars, check_currencies
from storage import calendars
from storage.market.demo import TIMEFRAME as DEMO_TIMEFRAME
from storage.market.demo import DemoSource
from storage.market.files import FileSource
from storage.market.local import LocalSource, imported
from storage.market.parsing import MISSING_TIME
from storage.market.source import (
    MarketSource,
    OpenDatabase,
    RangedSource,
    RawBars,
    SourceInfo,
    SymbolInfo,
    Times,
)
from storage.stopping import ShouldStop, beside, check, never

_SESSIONS_AHEAD = 400 * NS_PER_DAY  # the last period must be seen to end


def load_panel(
    data: DataConfig,
    warmup_bars: int = 0,
    *,
    account_currency: str | None = None,
    database: OpenDatabase | None = None,
    should_stop: ShouldStop = never,
) -> Panel:
    """Return the bars that a configuration asks for.

    Args:
        data: which.
        warmup_bars: bars wanted before the start, for indicators; fewer where the data begin later.
        account_currency: symbols of another are refused; None does not ask.
        database: opens the database of a connection profile; without it there is none.
        should_stop: asked between blocks of rows, symbols and steps, and while a server is waited for.

    Raises:
        Stopped: ``should_stop`` said so.
        BacktestNotFoundError: no such source, symbol, universe, benchmark or calendar.
        BacktestValidationError: no bars in the range, only one, or bad bars under ``refuse``.
        BacktestStorageError: the database does not answer or refuses.
    """
    source = open_source(data, database, should_stop)
    try:
        return _panel_of(source, data, warmup_bars, account_currency, should_stop)
    finally:
        if isinstance(source, RangedSource):
            source.close()


def _panel_of(
    source: MarketSource,
    data: DataConfig,
    warmup_bars: int,
    account_currency: str | None,
    should_stop: ShouldStop,
) -> Panel:
    known = {info.symbol: info for info in source.symbols()}
    symbols = _wanted(source, data, known)
    # A plain file does not say in what it is quoted: it is taken to be the account's currency.
    quoted = None if isinstance(source, FileSource) else known[symbols[0]].currency
    if account_currency is not None and quoted is not None:
        check_currencies({s: known[s].currency for s in symbols}, account_currency)
    raw = _read(source, data, symbols, warmup_bars)
    start, end = _range(data, source, raw)
    since = _warm_start(raw, start, end, warmup_bars)
    series, left_out = _checked(source, data, raw, known, since, end, should_stop)
    check(should_stop)
    axis = common_axis(bars.time_ns for bars in series.values())
    first_counted = int(np.searchsorted(axis, start))
    _refuse_too_few(data, axis, first_counted)
    # The library of calendars takes seconds to load, and longer for a calendar that is new to it.
    sessions, per_year = (
        (None, None)
        if data.calendar is None
        else beside(partial(_calendar, data, data.calendar, axis), should_stop, "calendar")
    )
    benchmark = _benchmark(source, data, known, axis)
    check(should_stop)
    return build_panel(
        series,
        timeframe=data.timeframe,
        adjustment=source.adjustment,
        currency=quoted or account_currency or known[symbols[0]].currency,
        events=_events(source, series, axis),
        first_counted=first_counted,
        sessions=sessions,
        bars_per_year=per_year,
        benchmark=benchmark,
        notices=left_out,
        labels=(source.label,),
    )


def _read(
    source: MarketSource, data: DataConfig, symbols: Sequence[str], warmup_bars: int
) -> dict[str, RawBars]:
    """Read what is wanted; of a database only the dates that are."""
    if not isinstance(source, RangedSource):
        return dict(source.bars(symbols))
    found = source.bars(symbols, data.start, data.end, warmup_bars=warmup_bars)
    empty = np.empty(0)
    nothing = RawBars(np.empty(0, np.int64), empty, empty, empty, empty, None)
    return {symbol: found.get(symbol, nothing) for symbol in symbols}


def open_source(
    data: DataConfig, database: OpenDatabase | None = None, should_stop: ShouldStop = never
) -> MarketSource:
    """Return the source that a configuration names; a path is read when it is first asked.

    Raises:
        BacktestNotFoundError: there is no such file or folder.
        BacktestValidationError: the source has no bars of this timeframe.
    """
    if data.source == "demo":
        if data.timeframe != DEMO_TIMEFRAME:
            raise BacktestValidationError(
                Problem(
                    "data.timeframe",
                    f"the demo data has daily bars, not {data.timeframe}",
                    'choose "1d"',
                )
            )
        return DemoSource()
    if data.source == "local":
        return LocalSource(data.timeframe, should_stop)
    found = database(data.source, should_stop) if database is not None else None
    if found is not None:
        if data.timeframe != "1d":
            raise BacktestValidationError(
                Problem(
                    "data.timeframe",
                    f"{data.source} is read for daily bars, not {data.timeframe}",
                    'choose "1d"',
                )
            )
        return found
    path = Path(data.source).expanduser()
    if not path.exists():
        raise BacktestNotFoundError(
            f"There is no source {data.source!r}",
            field="data.source",
            hint='use "demo", "local", a connection profile, or the path of a file or folder',
        )
    only = data.symbols if not data.universe else ()
    return FileSource(path, data.timeframe, data.columns, only, should_stop=should_stop)


def list_sources() -> tuple[SourceInfo, ...]:
    """Return the sources that need no path, with what they hold."""
    return (
        _source_info(
            "demo", "Five US stocks, daily, 2000 to 2013 (bundled)", DemoSource().symbols()
        ),
        _source_info("local", "Imported files", imported()),
    )


def list_symbols(data: DataConfig) -> tuple[SymbolInfo, ...]:
    """Return the symbols of a source, in bytewise order of their names."""
    return open_source(data).symbols()


def list_universes(data: DataConfig) -> tuple[str, ...]:
    """Return the names of the universes of a source."""
    return open_source(data).universes()


def list_benchmarks(data: DataConfig) -> tuple[str, ...]:
    """Return what a run on this source can be compared with: its series, then its symbols."""
    source = open_source(data)
    return (*source.series_names(), *(info.symbol for info in source.symbols()))


def _source_info(name: str, title: str, symbols: Sequence[SymbolInfo]) -> SourceInfo:
    return SourceInfo(
        name=name,
        title=title,
        n_symbols=len({info.symbol for info in symbols}),
        first_ns=min((info.first_ns for info in symbols), default=None),
        last_ns=max((info.last_ns for info in symbols), default=None),
        timeframes=tuple(sorted({info.timeframe for info in symbols})),
    )


def _wanted(
    source: MarketSource, data: DataConfig, known: Mapping[str, SymbolInfo]
) -> tuple[str, ...]:
    if not known:
        raise BacktestValidationError(
            Problem(
                "data.source",
                f"{data.source!r} has no bars of {data.timeframe}",
                "`tradebench data import PATH` brings some, `tradebench data list` lists them",
            )
        )
    if data.universe:
        members = source.universe(data.universe)
        if members is None:
            raise _unknown("universe", data.universe, source.universes(), "data.universe")
        return members
    for symbol in data.symbols:
        if symbol not in known:
            raise _unknown("symbol", symbol, tuple(known), "data.symbols")
    return data.symbols or tuple(known)


def _unknown(what: str, name: str, known: Sequence[str], field: str) -> BacktestNotFoundError:
    folded = {k.casefold(): k for k in known}
    near = [folded[m] for m in difflib.get_close_matches(name.casefold(), folded, n=3, cutoff=0.5)]
    shown = ", ".join(known[:8]) + (f" and {len(known) - 8} more" if len(known) > 8 else "")
    hint = f"did you mean {' or '.join(near)}?" if near else f"there are {shown}"
    return BacktestNotFoundError(f"There is no {what} {name!r}", field=field, hint=hint)


def _range(data: DataConfig, source: MarketSource, raw: Mapping[str, RawBars]) -> tuple[int, int]:
    """Return the first and last instant that count."""
    ends = [_ends(bars.time_ns) for bars in raw.values()]
    known = [pair for pair in ends if pair is not None]
    if not known:
        return 0, np.iinfo(np.int64).max  # no bar has a time; the check of the bars says so
    first, last = min(p[0] for p in known), max(p[1] for p in known)
    has = f"{source.label} has bars of what is asked for from {_day(first)} to {_day(last)}"
    if data.start and _midnight(data.start) > last:
        raise BacktestValidationError(
            Problem("data.start", f"{data.start} is after the last bar", has)
        )
    if data.end and _midnight(data.end) + NS_PER_DAY <= first:
        raise BacktestValidationError(
            Problem("data.end", f"{data.end} is before the first bar", has)
        )
    start = _midnight(data.start) if data.start else first
    end = _midnight(data.end) + NS_PER_DAY - 1 if data.end else np.iinfo(np.int64).max
    return start, int(end)


def _ends(times: Times) -> tuple[int, int] | None:
    known = times[times != MISSING_TIME]
    return (int(known.min()), int(known.max())) if len(known) else None


def _warm_start(raw: Mapping[str, RawBars], start: int, end: int, warmup_bars: int) -> int:
    """Return the instant ``warmup_bars`` of the common axis before ``start``."""
    if warmup_bars <= 0:
        return start
    before = [b.time_ns[(b.time_ns < start) & (b.time_ns != MISSING_TIME)] for b in raw.values()]
    axis = common_axis(before)
    return int(axis[-min(warmup_bars, len(axis))]) if len(axis) else start


def _checked(
    source: MarketSource,
    data: DataConfig,
    raw: Mapping[str, RawBars],
    known: Mapping[str, SymbolInfo],
    since: int,
    end: int,
    should_stop: ShouldStop,
) -> tuple[dict[str, CheckedBars], tuple[str, ...]]:
    series: dict[str, CheckedBars] = {}
    absent: list[str] = []
    problems: list[Problem] = []
    for symbol, bars in raw.items():
        check(should_stop)
        taken = ((bars.time_ns >= since) & (bars.time_ns <= end)) | (bars.time_ns == MISSING_TIME)
        if not taken.any():
            absent.append(symbol)
            continue
        try:
            series[symbol] = _check(symbol, bars, taken, data)
        except BacktestValidationError as error:
            problems += [_in_file(source, problem) for problem in error.problems]
    if problems:
        raise BacktestValidationError(problems)
    if absent and (data.symbols or not series):
        raise BacktestValidationError([_absence(known[symbol]) for symbol in absent])
    return series, tuple(f"{symbol} has no bars in the range and is left out" for symbol in absent)


def _check(symbol: str, bars: RawBars, taken: np.ndarray, data: DataConfig) -> CheckedBars:
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
    there = (
        f"it has bars from {_day(info.first_ns)} to {_day(info.last_ns)}"
        if info.n_bars
        else "it has no bars at all"
    )
    return Problem("data.symbols", f"{info.symbol} has no bars in the range", there)


def _refuse_too_few(data: DataConfig, axis: Times, first_counted: int) -> None:
    counted = axis[first_counted:]
    if len(counted) >= 2:
        return
    what = f"only one bar ({_day(int(counted[0]))})" if len(counted) else "no bars"
    asked = f"from {data.start or 'the first'} to {data.end or 'the last'}"
    raise BacktestValidationError(
        Problem(
            "data.start",
            f"there is {what} {asked}",
            "a run needs two bars or more: choose a longer range",
        )
    )


def _events(source: MarketSource, series: Mapping[str, CheckedBars], axis: Times) -> np.ndarray:
    rows = []
    for index, symbol in enumerate(sorted(series, key=str.encode)):
        for ex_date, ratio in source.splits(symbol):
            # A split before the first bar is in its prices already; one after the last moves
            # nothing.
            if axis[0] < ex_date <= axis[-1]:
                rows.append(
                    (int(np.searchsorted(axis, ex_date)), index, int(EventKind.SPLIT), ratio)
                )
    return np.array(rows, ACTION_EVENT)


def _calendar(data: DataConfig, name: str, axis: Times) -> tuple[Times, float | None]:
    first, last = int(axis[0]), int(axis[-1])
    sessions = calendars.sessions(name, first, last + _SESSIONS_AHEAD)
    per_year = calendars.sessions_per_year(name, first, last)
    if data.timeframe in ("1w", "1mo"):
        return sessions, None
    if data.timeframe != "1d":
        _, bars_a_day = np.unique(axis // NS_PER_DAY, return_counts=True)
        per_year *= float(np.median(bars_a_day))
    return sessions, per_year


def _benchmark(
    source: MarketSource, data: DataConfig, known: Mapping[str, SymbolInfo], axis: Times
) -> Benchmark | None:
    """Return the benchmark on the axis: the last value known at each bar, never a later one."""
    name = data.benchmark
    if name is None:
        return None
    series = source.series(name)
    if series is None:
        if name not in known:
            raise _unknown("benchmark", name, (*source.series_names(), *known), "data.benchmark")
        bars = source.bars([name])[name]
        good = check_bars(
            name, bars.time_ns, bars.open, bars.high, bars.low, bars.close, bars.volume, "drop"
        )
        values = good.close.copy()
        for ex_date, ratio in source.splits(name):
            values[good.time_ns >= ex_date] *= ratio
        series = good.time_ns, values
    times, values = series
    at = np.searchsorted(times, axis, side="right") - 1
    on_axis = np.where(at >= 0, values[np.maximum(at, 0)], np.nan)
    before = int(np.searchsorted(times, axis[0])) - 1
    return Benchmark(name, on_axis, float(values[before]) if before >= 0 else float("nan"))


def _midnight(day: dt.date) -> int:
    return (day - dt.date(1970, 1, 1)).days * NS_PER_DAY


def _day(time_ns: int) -> str:
    return str(np.datetime64(time_ns, "ns").astype("datetime64[D]"))
