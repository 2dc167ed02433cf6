"""From the ticks of a source to the panel that a run on ticks gets: the range, the warm-up, the checks."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.config import DataConfig
from engine.errors import BacktestValidationError, Problem
from engine.market import Panel, common_axis
from engine.tick_series import (
    CheckedTicks,
    Ticks,
    TickSeries,
    bar_opens,
    check_ticks,
    merge,
    panel_of,
    taken,
)
from engine.types import TIMEFRAME_NS
from engine.validate import CheckedBars
from storage.market.lives import Life, foreign_bars, own_times
from storage.market.ranging import checked, range_of
from storage.market.source import MarketSource, TickSource, Timed, Times, Warmup
from storage.market.universe import Selection
from storage.stopping import ShouldStop


@dataclass(frozen=True)
class Loaded:
    """What was read for a run, checked.

    Attributes:
        series: by symbol, each tick as a bar of its own.
        axis: every instant once, ascending.
        start: the first instant that counts.
        notices: what was left out, one sentence each.
        build: makes the panel, with what else belongs to it.
    """

    series: Mapping[str, CheckedBars]
    axis: Times
    start: int
    notices: tuple[str, ...]
    build: Callable[..., Panel]


def load_ticks(
    source: MarketSource,
    data: DataConfig,
    chosen: Selection,
    warmup_bars: int,
    should_stop: ShouldStop,
) -> Loaded:
    """Read and check the ticks that a configuration asks for.

    Raises:
        Stopped: ``should_stop`` said so.
        BacktestValidationError: the source has no ticks, or there are none in the range, or bad ones.
    """
    if not isinstance(source, TickSource):
        raise BacktestValidationError(
            Problem("data.timeframe", f"{source.label} has no ticks", 'choose "1d"')
        )
    warmup = Warmup(warmup_bars, TIMEFRAME_NS[data.decide_on] if data.decide_on else 0)
    raw, strays = _own(source.ticks(chosen.codes, data.start, data.end, warmup=warmup), chosen)
    start, end = range_of(data, source, raw)
    since = _warm_start(raw, start, warmup)
    good, left_out = checked(source, data, raw, chosen, (since, end), should_stop, _good_ticks)
    ticks = merge({symbol: one.series for symbol, one in good.items()})
    series = {name: _as_bars(ticks, number) for number, name in enumerate(ticks.symbols)}
    return Loaded(series, ticks.time_ns, start, (*strays, *left_out), partial(_panel, ticks, good))


def _own(
    found: Mapping[str, TickSeries], chosen: Selection
) -> tuple[dict[str, TickSeries], tuple[str, ...]]:
    """Return each company's own ticks, and what is told of those that are nobody's."""
    nothing = TickSeries(np.empty(0, np.int64), *(np.empty(0) for _ in range(6)))
    by_code: dict[str, list[Life]] = {}
    own = {}
    for symbol in chosen.symbols:
        life = chosen.lives[symbol]
        by_code.setdefault(life.code, []).append(life)
        series = found.get(life.code, nothing)
        mine = own_times(series.time_ns, life)
        own[symbol] = series if bool(mine.all()) else taken(series, mine)
    codes = {code: found.get(code, nothing) for code in chosen.codes}
    return own, strays_of(codes, by_code, "ticks")


def strays_of(
    found: Mapping[str, Timed], lives: Mapping[str, Sequence[Life]], what: str = "bars"
) -> tuple[str, ...]:
    """Return a sentence for each code that has bars, or ticks, outside the lives of its companies."""
    strays = {code: foreign_bars(series, lives[code]) for code, series in found.items()}
    return tuple(
        f"{code}: {count} {what} before its listing or after its delisting are left out"
        for code, count in strays.items()
        if count
    )


def _warm_start(raw: Mapping[str, TickSeries], start: int, warmup: Warmup) -> int:
    """Return the instant from which there is as much warm-up before ``start`` as there can be."""
    if warmup.amount <= 0:
        return start
    if warmup.step_ns:
        opens = bar_opens(raw, warmup.step_ns)
        before = opens[opens < start]
    else:
        before = common_axis(series.time_ns[series.time_ns < start] for series in raw.values())
    return int(before[-min(warmup.amount, len(before))]) if len(before) else start


def _good_ticks(
    symbol: str, series: TickSeries, chosen: NDArray[np.bool_], data: DataConfig
) -> CheckedTicks:
    part = series if bool(chosen.all()) else taken(series, chosen)
    return check_ticks(symbol, part, data.on_bad_bars)


def _as_bars(ticks: Ticks, number: int) -> CheckedBars:
    rows = slice(None) if len(ticks.symbols) == 1 else ticks.symbol == number
    price = ticks.price[rows]
    return CheckedBars(ticks.time_ns[rows], price, price, price, price, ticks.volume[rows])


def _panel(ticks: Ticks, good: Mapping[str, CheckedTicks], **belongs: Any) -> Panel:
    defects: Counter[str] = Counter()
    for one in good.values():
        defects.update(one.defects)
    told = tuple(notice for one in good.values() for notice in one.notices)
    notices = (*told, *belongs.pop("notices"))
    return replace(panel_of(ticks), notices=notices, defects=dict(defects), **belongs)
