"""The finer bars of a run, which decide what comes first inside a bar (``execution.intrabar = "magnifier"``).

They are of the run's own symbols and counted dates, checked as all bars are. Where a symbol has none, the bars
themselves are taken pessimistically; that is said in a notice, and refused when no symbol has any.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from engine.config import DataConfig
from engine.errors import BacktestValidationError, Problem
from engine.market import Panel
from engine.types import NS_PER_DAY, TIMEFRAME_NS
from engine.validate import CheckedBars, build_panel
from storage.market.lives import Life, own_bars
from storage.market.parsing import MISSING_TIME
from storage.market.ranging import day_of, good_bars
from storage.market.source import IntradaySource, MarketSource, RawBars
from storage.stopping import ShouldStop, check

_OTHERWISE: Final = 'or set execution.intrabar = "pessimistic"'
_NAMED: Final = 8  # how many of many are named in a sentence
_SLACK: Final = 1e-9  # by which a finer bar may leave the range of its bar, as a part of the price


def refuse_no_finer(data: DataConfig) -> None:
    """Refuse a run that wants finer bars and does not say which.

    Raises:
        BacktestValidationError: naming ``data.finer``.
    """
    if data.finer is None:
        raise bad(
            "finer",
            'is not set, but execution.intrabar = "magnifier" needs finer bars',
            f'name their length, for example data.finer = "1m", {_OTHERWISE}',
        )


def bad(key: str, message: str, hint: str) -> BacktestValidationError:
    """Return what is told about a key of finer bars."""
    return BacktestValidationError(Problem(f"data.{key}", message, hint))


def with_finer(
    panel: Panel,
    source: MarketSource,
    name: str,
    data: DataConfig,
    lives: Mapping[str, Life],
    should_stop: ShouldStop,
) -> Panel:
    """Return a panel with the finer bars that a source has of its symbols in its counted dates.

    Args:
        panel: the bars of the run.
        source: what has the finer bars.
        name: of that source, for messages.
        data: says their length, and what to do with bad ones.
        lives: the companies behind the symbols.
        should_stop: asked between symbols, and while a server is waited for.

    Raises:
        Stopped: ``should_stop`` said so.
        BacktestValidationError: there is none, or there are bad ones under ``refuse``.
    """
    assert data.finer is not None, "refuse_no_finer comes first"
    length = TIMEFRAME_NS.get(panel.timeframe, NS_PER_DAY)
    span = int(panel.time_ns[panel.first_counted]), int(panel.time_ns[-1]) + length - 1
    codes = tuple(dict.fromkeys(lives[symbol].code for symbol in panel.symbols))
    found = _read(source, codes, data.finer, span)
    series: dict[str, CheckedBars] = {}
    problems: list[Problem] = []
    for symbol in panel.symbols:
        check(should_stop)
        raw = found.get(lives[symbol].code)
        if raw is None:
            continue
        try:
            bars = _checked(symbol, own_bars(raw, lives[symbol]), span, data)
        except BacktestValidationError as error:
            problems += [
                replace(p, field=f"{data.finer} bars of {p.field}") for p in error.problems
            ]
            continue
        if bars is not None:
            series[symbol] = bars
    if problems:
        raise BacktestValidationError(problems)
    if not series:
        raise bad(
            "finer",
            f"{name} has no {data.finer} bars of what is asked for from {day_of(span[0])} to {day_of(span[1])}",
            f"choose another length, name where they are in data.finer_source, {_OTHERWISE}",
        )
    finer = _on_all_symbols(series, panel, data.finer)
    return replace(
        panel,
        finer=finer,
        notices=(*panel.notices, *finer.notices, *_absences(panel, finer)),
        warnings=(*panel.warnings, *_strays(panel, finer)),
    )


def _read(
    source: MarketSource, codes: Sequence[str], timeframe: str, span: tuple[int, int]
) -> Mapping[str, RawBars]:
    if isinstance(source, IntradaySource):
        return source.intraday(codes, timeframe, span)
    there = {info.symbol for info in source.symbols()}
    return source.bars([code for code in codes if code in there])


def _checked(
    symbol: str, raw: RawBars, span: tuple[int, int], data: DataConfig
) -> CheckedBars | None:
    taken = (raw.time_ns >= span[0]) & (raw.time_ns <= span[1])
    taken |= raw.time_ns == MISSING_TIME
    if not taken.any():
        return None
    return good_bars(symbol, raw, taken, data)


def _on_all_symbols(series: Mapping[str, CheckedBars], panel: Panel, timeframe: str) -> Panel:
    """Lay the finer bars that open inside a bar on one axis, with a column for every symbol of the panel."""
    some = build_panel(series, timeframe=timeframe)
    bar_of = np.searchsorted(panel.time_ns, some.time_ns, side="right") - 1
    ends = panel.time_ns[bar_of] + TIMEFRAME_NS.get(panel.timeframe, NS_PER_DAY)
    inside = some.time_ns < ends  # and not in the night or at the weekend after it
    at = [panel.symbols.index(symbol) for symbol in some.symbols]

    def wide(name: str) -> NDArray[np.float64]:
        column = np.full((int(inside.sum()), panel.n_symbols), np.nan)
        column[:, at] = getattr(some, name)[inside]
        return column

    return Panel(
        panel.symbols,
        some.time_ns[inside],
        wide("open"),
        wide("high"),
        wide("low"),
        wide("close"),
        wide("volume"),
        timeframe=timeframe,
        adjustment=panel.adjustment,
        currency=panel.currency,
        notices=some.notices,
        defects=some.defects,
    )


def _absences(panel: Panel, finer: Panel) -> tuple[str, ...]:
    """Say of which symbols, and in how many of their bars, finer ones are missing."""
    has = np.zeros(panel.close.shape, np.bool_)
    np.logical_or.at(has, _bar_of(panel, finer), ~np.isnan(finer.close))
    own = ~np.isnan(panel.close)
    own[: panel.first_counted] = False
    covered, wanted = (has & own).sum(axis=0), own.sum(axis=0)
    lacking = np.flatnonzero(covered < wanted)
    told = [
        f"{panel.symbols[s]} has {finer.timeframe} bars in {covered[s]} of {wanted[s]} bars; "
        "the others are taken pessimistically"
        for s in lacking[:_NAMED]
    ]
    if len(lacking) > _NAMED:
        told.append(f"{len(lacking) - _NAMED} more symbols lack {finer.timeframe} bars")
    return tuple(told)


def _strays(panel: Panel, finer: Panel) -> tuple[str, ...]:
    """Warn of symbols whose finer bars go beyond their bars: they are adjusted differently, or of something else."""
    bar_of = _bar_of(panel, finer)
    beyond = (finer.high > panel.high[bar_of] * (1 + _SLACK)) | (
        finer.low < panel.low[bar_of] * (1 - _SLACK)
    )
    counts = [len(np.unique(bar_of[beyond[:, s]])) for s in range(panel.n_symbols)]
    return tuple(
        f"The {finer.timeframe} bars of {symbol} leave the range of the bar they are in {count} times: "
        "are their prices adjusted alike?"
        for symbol, count in zip(panel.symbols, counts, strict=True)
        if count
    )


def _bar_of(panel: Panel, finer: Panel) -> NDArray[np.int64]:
    """Return the bar that each finer bar lies in, (n_finer,)."""
    return (np.searchsorted(panel.time_ns, finer.time_ns, side="right") - 1).astype(np.int64)
