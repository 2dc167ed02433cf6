"""What a run is compared with: a series of the source, one of its symbols, or an index as its members make it."""

from collections.abc import Sequence

import numpy as np

from engine.config import DataConfig
from engine.errors import BacktestValidationError, Problem
from engine.market import Benchmark, common_axis
from engine.tick_series import TICK
from engine.types import NS_PER_DAY
from engine.validate import CheckedBars, check_bars
from storage.market.actions import actions_of
from storage.market.lives import members_of, own_bars
from storage.market.ranging import day_of
from storage.market.source import Floats, MarketSource, RawBars, Times
from storage.market.universe import Selection, unknown

BASE = 100.0


def benchmark_of(
    source: MarketSource, data: DataConfig, chosen: Selection, axis: Times
) -> Benchmark | None:
    """Return the benchmark on the axis: the last value known at each bar, never a later one.

    Raises:
        BacktestNotFoundError: there is no such series, symbol or index.
    """
    name = data.benchmark
    if name is None:
        return None
    series = source.series(name)
    if data.timeframe == TICK:
        series = _after_the_day(source, name, series)
    elif series is None and name in chosen.lives:
        series = _of_symbol(source, chosen, name)
    elif series is None and name in chosen.reference.index_names:
        series = _of_index(source, chosen, name)
    if series is None:
        known = (*source.series_names(), *chosen.reference.index_names, *chosen.lives)
        raise unknown("benchmark", name, known, "data.benchmark")
    times, values = series
    at = np.searchsorted(times, axis, side="right") - 1
    on_axis = np.where(at >= 0, values[np.maximum(at, 0)], np.nan)
    before = int(np.searchsorted(times, axis[0])) - 1
    return Benchmark(name, on_axis, float(values[before]) if before >= 0 else float("nan"))


def _after_the_day(
    source: MarketSource, name: str, series: tuple[Times, Floats] | None
) -> tuple[Times, Floats]:
    """Return a daily series as it is known to ticks: each close from the end of its day on."""
    if series is None:
        raise BacktestValidationError(
            Problem(
                "data.benchmark",
                f"a run on ticks is compared with a series of closes, which {name!r} is not",
                f"there are {', '.join(source.series_names()) or 'none in this source'}",
            )
        )
    return series[0] + NS_PER_DAY, series[1]


def benchmark_gaps(benchmark: Benchmark | None, axis: Times, first_counted: int) -> tuple[str, ...]:
    """Return what is to be told of a benchmark that begins after the run."""
    if benchmark is None:
        return ()
    known = np.flatnonzero(~np.isnan(benchmark.values))
    if len(known) == 0:
        return (f"The benchmark {benchmark.name} has no value in the range",)
    if known[0] > first_counted:
        return (f"The benchmark {benchmark.name} begins on {day_of(int(axis[known[0]]))}",)
    return ()


def _of_symbol(source: MarketSource, chosen: Selection, symbol: str) -> tuple[Times, Floats]:
    raw = source.bars([chosen.lives[symbol].code])[chosen.lives[symbol].code]
    good = _comparable(chosen, symbol, raw)
    return good.time_ns, good.close


def _of_index(source: MarketSource, chosen: Selection, name: str) -> tuple[Times, Floats] | None:
    """Return an index of equal parts of those that are members on each day, restored daily."""
    mine = [m for m in chosen.reference.memberships or () if m.index_name == name]
    inside = {m.code for m in mine}
    symbols = [s for s, life in chosen.lives.items() if life.code in inside]
    raw = source.bars(sorted({chosen.lives[s].code for s in symbols}, key=str.encode))
    series = {
        s: _comparable(chosen, s, raw[chosen.lives[s].code])
        for s in symbols
        if chosen.lives[s].code in raw and len(raw[chosen.lives[s].code].time_ns)
    }
    series = {s: bars for s, bars in series.items() if len(bars.close)}
    if not series:
        return None
    axis = common_axis(bars.time_ns for bars in series.values())
    closes = np.full((len(axis), len(series)), np.nan)
    for i, bars in enumerate(series.values()):
        closes[np.searchsorted(axis, bars.time_ns), i] = bars.close
    return axis, equal_parts(closes, members_of(chosen.lives, list(series), mine, axis))


def equal_parts(closes: Floats, members: np.ndarray) -> Floats:
    """Return an index that begins at 100 and moves by the mean return of the day's members.

    Who is a member at a close shares in the return to the next; a member without a bar at either
    close does not count there. A day without any keeps the value.

    Args:
        closes: (n_bars, n_symbols) comparable over splits, NaN where there is no bar.
        members: (n_bars, n_symbols) who belongs at the close of each bar.
    """
    with np.errstate(invalid="ignore"):
        returns = closes[1:] / closes[:-1] - 1.0
    counted = members[:-1] & ~np.isnan(returns)
    total = np.cumsum(np.where(counted, returns, 0.0), axis=1)[:, -1]
    count = np.count_nonzero(counted, axis=1)
    values = np.full(len(closes), BASE)
    values[1:] = BASE * np.cumprod(1.0 + total / np.maximum(count, 1))
    return values


def _comparable(chosen: Selection, symbol: str, raw: RawBars) -> CheckedBars:
    """Return good bars with closes comparable over splits, bad bars left out."""
    life = chosen.lives[symbol]
    mine = own_bars(raw, life)
    if len(mine.time_ns) == 0:
        empty = np.empty(0)
        return CheckedBars(np.empty(0, np.int64), empty, empty, empty, empty, empty)
    good = check_bars(
        symbol, mine.time_ns, mine.open, mine.high, mine.low, mine.close, mine.volume, "drop"
    )
    values = good.close.copy()
    for ex_date, ratio in splits_of(chosen, symbol):
        values[good.time_ns >= ex_date] *= ratio
    return CheckedBars(
        good.time_ns,
        good.open,
        good.high,
        good.low,
        values,
        good.volume,
        good.notices,
        good.defects,
    )


def splits_of(chosen: Selection, symbol: str) -> Sequence[tuple[int, float]]:
    """Return the splits that raw prices jump by; none where they were worked in."""
    if chosen.adjustment != "raw":
        return ()
    own = actions_of(chosen.reference.actions or (), chosen.lives[symbol])
    return [(a.ex_date, a.value) for a in own if a.kind == "split"]
