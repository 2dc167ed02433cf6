"""What the charts of a run show: curves thinned without losing a peak, and returns by month.

Thinning keeps the first and the last point and, of every bucket between, the lowest and the
highest: a drawdown that lasted one bar is still there at full depth. It is for transport and
terminals; windows draw from the full curve.
"""

import datetime as dt
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from desktop import fmt
from engine.result import BacktestResult
from storage.records import RunRecord

Floats = NDArray[np.float64]
Instants = NDArray[np.int64]

MAX_POINTS: Final = 1000
LEAST_POINTS: Final = 4


@dataclass(frozen=True)
class Series:
    """Values over time: ``time_ns`` and ``values`` of one length."""

    time_ns: Instants
    values: Floats


@dataclass(frozen=True)
class MonthlyReturn:
    """What one calendar month came to, a fraction of the equity at the end of the month before."""

    year: int
    month: int
    rate: float


@dataclass(frozen=True)
class ChartData:
    """Everything that the charts of one run need.

    Attributes:
        points_total: points of the full curves, before thinning.
        benchmark: scaled to the initial capital; None where the run has none.
    """

    run_id: str
    status: str
    currency: str
    initial_capital: float
    points_total: int
    equity: Series
    drawdown: Series
    benchmark_name: str | None
    benchmark: Series | None
    monthly_returns: tuple[MonthlyReturn, ...]

    def as_json(self) -> dict[str, Any]:
        """Return the object that ``chart --json`` prints."""
        return {
            "run_id": self.run_id,
            "status": self.status,
            "currency": self.currency,
            "initial_capital": self.initial_capital,
            "points_total": self.points_total,
            "equity": _points(self.equity, "equity"),
            "drawdown": _points(self.drawdown, "drawdown"),
            "benchmark_name": self.benchmark_name,
            "benchmark": None if self.benchmark is None else _points(self.benchmark, "equity"),
            "monthly_returns": [
                {"year": m.year, "month": m.month, "return": m.rate} for m in self.monthly_returns
            ],
        }


def chart_of(record: RunRecord, result: BacktestResult, max_points: int) -> ChartData:
    """Return the charts of a run; each curve is thinned by its own peaks."""

    def curve(values: Floats) -> Series:
        return thinned(Series(result.time_ns, values), max_points)

    return ChartData(
        run_id=record.run_id,
        status=record.status,
        currency=record.currency,
        initial_capital=record.initial_capital,
        points_total=len(result.time_ns),
        equity=curve(result.curve.equity),
        drawdown=curve(result.drawdown),
        benchmark_name=record.benchmark,
        benchmark=None if result.benchmark is None else curve(result.benchmark),
        monthly_returns=monthly_returns(
            Series(result.time_ns, result.curve.equity), record.initial_capital
        ),
    )


def thin_indices(values: Floats, max_points: int) -> NDArray[np.int64]:
    """Return indices of at most ``max_points`` points: first, last, each bucket's extremes.

    Args:
        values: (n,) the curve; NaN is never an extreme unless its bucket holds nothing else.
        max_points: four or more.
    """
    n = len(values)
    if max_points < LEAST_POINTS:
        raise ValueError(f"max_points is {max_points}, {LEAST_POINTS} or more are needed")
    if n <= max_points:
        return np.arange(n, dtype=np.int64)
    edges = np.linspace(1, n - 1, (max_points - 2) // 2 + 1).astype(np.int64)
    starts = edges[:-1]
    low = np.where(np.isnan(values), np.inf, values)
    high = np.where(np.isnan(values), -np.inf, values)
    keep = [0, n - 1]
    for start, stop in zip(starts, edges[1:], strict=True):
        keep.append(start + int(np.argmin(low[start:stop])))
        keep.append(start + int(np.argmax(high[start:stop])))
    return np.unique(np.asarray(keep, dtype=np.int64))


def thinned(series: Series, max_points: int) -> Series:
    """Return the series with at most ``max_points`` points; see `thin_indices`."""
    index = thin_indices(series.values, max_points)
    return Series(series.time_ns[index], series.values[index])


def monthly_returns(series: Series, initial_capital: float) -> tuple[MonthlyReturn, ...]:
    """Return the return of each calendar month (UTC); the first is on the initial capital."""
    if not len(series.time_ns):
        return ()
    months = series.time_ns.astype("datetime64[ns]").astype("datetime64[M]")
    last = np.append(np.flatnonzero(months[1:] != months[:-1]), len(months) - 1)
    ends = series.values[last]
    before = np.concatenate(([initial_capital], ends[:-1]))
    found = []
    for month, end, start in zip(months[last], ends, before, strict=True):
        day: dt.date = month.astype("datetime64[D]").item()
        if start > 0:
            found.append(MonthlyReturn(day.year, day.month, float(end / start - 1)))
    return tuple(found)


def _points(series: Series, name: str) -> list[dict[str, Any]]:
    pairs = zip(series.time_ns.tolist(), series.values.tolist(), strict=True)
    return [{"time": fmt.iso_instant(t), name: v if v == v else None} for t, v in pairs]
