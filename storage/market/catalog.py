"""From what a configuration asks for to the panel that a run gets.

`load_panel` finds the source, takes the range with the bars that indicators need before it, has
every bar checked, lays all symbols on one axis and puts the benchmark beside them. What cannot be
had is said by name.
"""

from collections.abc import Collection, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np

from engine.config import DataConfig
from engine.errors import BacktestNotFoundError, BacktestValidationError, Problem
from engine.market import Panel, common_axis
from engine.tick_series import TICK
from engine.types import ACTION_EVENT
from engine.validate import CheckedBars, build_panel, check_currencies
from storage.market.actions import action_events, actions_of, suspicions
from storage.market.asof import as_of
from storage.market.benchmarks import benchmark_gaps, benchmark_of
from storage.market.demo import TIMEFRAME as DEMO_TIMEFRAME
from storage.market.demo import DemoSource
from storage.market.exchanges import off_sessions, recognised, sessions_of
from storage.market.files import FileSource
from storage.market.finer import bad, refuse_no_finer, with_finer
from storage.market.lives import (
    Life,
    delisting_events,
    instrument_columns,
    own_bars,
)
from storage.market.local import LocalSource, imported
from storage.market.ranging import checked, good_bars, range_of, refuse_too_few, warm_start
from storage.market.reference import CorporateAction, ReferencedSource
from storage.market.source import (
    IntradaySource,
    MarketSource,
    OpenDatabase,
    RangedSource,
    RawBars,
    SourceInfo,
    SymbolInfo,
    TickedDatabase,
    Times,
)
from storage.market.tick_files import TickFiles
from storage.market.ticking import Loaded, load_ticks, strays_of
from storage.market.universe import Selection, reference_of, select
from storage.stopping import ShouldStop, beside, check, never


def load_panel(
    data: DataConfig,
    warmup_bars: int = 0,
    *,
    account_currency: str | None = None,
    database: OpenDatabase | None = None,
    fields: Collection[str] | None = None,
    magnify: bool = False,
    should_stop: ShouldStop = never,
) -> Panel:
    """Return the bars that a configuration asks for, with what belongs to them.

    Args:
        data: which.
        warmup_bars: bars wanted before the start, for indicators; fewer where the data begin later.
        account_currency: symbols of another are refused; None does not ask.
        database: opens the database of a connection profile; without it there is none.
        fields: point-in-time fields that are wanted; None takes all there are.
        magnify: whether the finer bars of ``data.finer`` are wanted, too.
        should_stop: asked between blocks of rows, symbols and steps, and while a server is waited for.

    Raises:
        Stopped: ``should_stop`` said so.
        BacktestNotFoundError: no such source, symbol, universe, benchmark or calendar.
        BacktestValidationError: no bars in the range, only one, or bad bars under ``refuse``.
        BacktestStorageError: the database does not answer or refuses.
    """
    if magnify:
        refuse_no_finer(data)
    source = open_source(data, database, should_stop)
    try:
        chosen = select(source, data)
        wanted = _Wanted(warmup_bars, account_currency, fields, should_stop)
        panel = _panel_of(source, data, chosen, wanted)
        if not magnify:
            return panel
        finer, name = _finer_source(source, data, database, should_stop)
        try:
            return with_finer(panel, finer, name, data, chosen.lives, should_stop)
        finally:
            if finer is not source and isinstance(finer, RangedSource):
                finer.close()
    finally:
        if isinstance(source, RangedSource):
            source.close()


class _Wanted(NamedTuple):
    """What a run asks for besides its selection; see `load_panel`."""

    warmup_bars: int
    account_currency: str | None
    fields: Collection[str] | None
    should_stop: ShouldStop


def _panel_of(source: MarketSource, data: DataConfig, chosen: Selection, wanted: _Wanted) -> Panel:
    warmup_bars, account_currency, fields, stop = wanted
    currency = _currency(source, chosen, account_currency)
    if data.timeframe == TICK:
        loaded = load_ticks(source, data, chosen, warmup_bars, stop)
    else:
        loaded = _load_bars(source, data, chosen, warmup_bars, stop)
    series, axis = loaded.series, loaded.axis
    check(stop)
    first_counted = int(np.searchsorted(axis, loaded.start))
    refuse_too_few(data, axis, first_counted)
    symbols = sorted(series, key=str.encode)
    calendar = recognised(source, data, chosen, symbols)
    # The library of calendars takes seconds to load, and longer for a calendar that is new to it.
    sessions, per_year = beside(
        partial(sessions_of, calendar.name, data.timeframe, axis), stop, "calendar"
    )
    actions = {s: actions_of(chosen.reference.actions or (), chosen.lives[s]) for s in symbols}
    benchmark = benchmark_of(source, data, chosen, axis)
    check(stop)
    return loaded.build(
        timeframe=data.timeframe,
        adjustment=chosen.adjustment,
        currency=currency,
        events=_events(series, chosen, actions, axis),
        has_dividends=any(a.kind == "dividend" for a in chosen.reference.actions or ()),
        membership_known=chosen.is_known,
        members=chosen.members(symbols, axis),
        first_counted=first_counted,
        sessions=sessions,
        bars_per_year=per_year,
        benchmark=benchmark,
        fields=_fields(source, chosen, fields, symbols, axis),
        **instrument_columns(chosen.lives, symbols),
        notices=(
            *loaded.notices,
            *calendar.notices,
            *off_sessions(calendar.name, sessions, data.timeframe, axis),
        ),
        warnings=(
            *chosen.warnings(data.universe),
            *suspicions(series, actions, chosen.adjustment),
            *benchmark_gaps(benchmark, axis, first_counted),
        ),
        labels=(source.label,),
    )


def _load_bars(
    source: MarketSource,
    data: DataConfig,
    chosen: Selection,
    warmup_bars: int,
    should_stop: ShouldStop,
) -> Loaded:
    raw, strays = _read(source, data, chosen, warmup_bars)
    start, end = range_of(data, source, raw)
    since = warm_start(raw, start, end, warmup_bars)
    span = (since, end)
    series, left_out = checked(source, data, raw, chosen, span, should_stop, good_bars)
    axis = common_axis(bars.time_ns for bars in series.values())
    return Loaded(series, axis, start, (*strays, *left_out), partial(build_panel, series))


def _currency(source: MarketSource, chosen: Selection, account: str | None) -> str:
    """Return in what the symbols are quoted; refuse those that the account does not keep."""
    quoted = {symbol: chosen.currency(symbol) for symbol in chosen.symbols}
    says = chosen.reference.instruments is not None and all(
        (one := chosen.lives[s].instrument) is not None and one.currency for s in chosen.symbols
    )
    if isinstance(source, FileSource) and not says:
        # A plain file does not say in what it is quoted: it is taken to be the account's currency.
        return account or quoted[chosen.symbols[0]]
    if account is not None:
        check_currencies(quoted, account)
    return quoted[chosen.symbols[0]]


def _read(
    source: MarketSource, data: DataConfig, chosen: Selection, warmup_bars: int
) -> tuple[dict[str, RawBars], tuple[str, ...]]:
    """Read what is wanted, each company's own bars; of a database only the dates that are."""
    if isinstance(source, RangedSource):
        found = source.bars(chosen.codes, data.start, data.end, warmup_bars=warmup_bars)
    else:
        found = source.bars(chosen.codes)
    empty = np.empty(0)
    nothing = RawBars(np.empty(0, np.int64), empty, empty, empty, empty, None)
    by_code: dict[str, list[Life]] = {}
    for life in chosen.lives.values():
        by_code.setdefault(life.code, []).append(life)
    own = {
        s: own_bars(found.get(chosen.lives[s].code, nothing), chosen.lives[s])
        for s in chosen.symbols
    }
    return own, strays_of({code: found.get(code, nothing) for code in chosen.codes}, by_code)


def _events(
    series: Mapping[str, CheckedBars],
    chosen: Selection,
    actions: Mapping[str, list[CorporateAction]],
    axis: Times,
) -> np.ndarray:
    last_bars = {symbol: int(bars.time_ns[-1]) for symbol, bars in series.items()}
    rows = action_events(series, actions, chosen.adjustment, axis)
    rows += delisting_events(chosen.lives, last_bars, axis)
    return np.array(rows, ACTION_EVENT)


def _fields(
    source: MarketSource,
    chosen: Selection,
    wanted: Collection[str] | None,
    symbols: Sequence[str],
    axis: Times,
) -> dict[str, np.ndarray]:
    there = chosen.reference.field_names
    names = [name for name in there if wanted is None or name in wanted]
    if not names or not isinstance(source, ReferencedSource):
        return {}
    codes = sorted({chosen.lives[symbol].code for symbol in symbols}, key=str.encode)
    found = source.field_series(names, codes)
    return as_of({name: found.get(name, {}) for name in names}, chosen.lives, symbols, axis)


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
    if data.source == "local" and data.timeframe == TICK:
        raise BacktestValidationError(
            Problem(
                "data.source",
                "ticks are not imported",
                "name the file or folder of ticks itself, or a connection",
            )
        )
    if data.source == "local":
        return LocalSource(data.timeframe, should_stop)
    found = database(data.source, should_stop) if database is not None else None
    if found is not None:
        if data.timeframe == TICK and isinstance(found, TickedDatabase):
            return found.of_ticks()
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
    if data.timeframe == TICK:
        return TickFiles(path, TICK, data.columns, only, should_stop=should_stop)
    return FileSource(path, data.timeframe, data.columns, only, should_stop=should_stop)


def _finer_source(
    source: MarketSource, data: DataConfig, database: OpenDatabase | None, should_stop: ShouldStop
) -> tuple[MarketSource, str]:
    """Return what has the finer bars, and its name: the source itself, or what ``data.finer_source`` says.

    Raises:
        BacktestNotFoundError: there is no such source.
        BacktestValidationError: the source has bars of one length alone.
    """
    name = data.finer_source or data.source
    if data.finer_source is None and isinstance(source, IntradaySource):
        return source, name
    if data.finer_source is None and isinstance(source, FileSource):
        raise bad(
            "finer_source",
            f"is not set, and {source.label} holds bars of one length",
            f"name the file or folder of the {data.finer} bars",
        )
    if data.finer_source is not None and database is not None:
        found = database(name, should_stop)
        if found is not None:
            return found, name
    changed = {"source": name, "timeframe": data.finer, "finer": None, "finer_source": None}
    try:
        return open_source(data.model_copy(update=changed), None, should_stop), name
    except BacktestValidationError as error:
        raise bad("finer", error.problems[0].message, "choose another length or source") from error


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
    """Return the names of the universes of a source: its own, then the indexes it knows."""
    source = open_source(data)
    return tuple(dict.fromkeys((*source.universes(), *reference_of(source).index_names)))


def list_benchmarks(data: DataConfig) -> tuple[str, ...]:
    """Return what a run on this source can be compared with: series, indexes by members, symbols."""
    source = open_source(data)
    indexes = reference_of(source).index_names
    return (*source.series_names(), *indexes, *(info.symbol for info in source.symbols()))


def _source_info(name: str, title: str, symbols: Sequence[SymbolInfo]) -> SourceInfo:
    return SourceInfo(
        name=name,
        title=title,
        n_symbols=len({info.symbol for info in symbols}),
        first_ns=min((info.first_ns for info in symbols), default=None),
        last_ns=max((info.last_ns for info in symbols), default=None),
        timeframes=tuple(sorted({info.timeframe for info in symbols})),
    )
