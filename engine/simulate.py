"""One backtest from beginning to end: configuration, bars and strategy in, result out.

The caller hands in the time and takes progress; nothing here reads a clock, a file or a calendar.
"""

import platform
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from engine.asking import drift_weights_of, instructions_of
from engine.checkpoint import Keeper
from engine.config import BacktestConfig
from engine.driver import Elsewhere, Simulation, new_simulation, rules_of
from engine.errors import BacktestValidationError, Problem
from engine.instructions import entry_size
from engine.market import Panel
from engine.metrics import bars_per_year, compute_metrics, drawdown, scaled_benchmark
from engine.on_bar import decider_of, labels_of
from engine.pacing import PaceMode, Pacer, Transport
from engine.result import (
    BacktestProgress,
    BacktestResult,
    Curve,
    LiveCurve,
    OpenPosition,
    hash_result,
    refuse_too_large,
)
from engine.strategies.protocol import OnBarStrategy, Strategy
from engine.trades import copy_of, match_trades
from engine.types import INSTRUCTION, OrderReason, OrderStatus

ENGINE_VERSION = "1"

_SIMULATE_FROM, _SIMULATE_TO = 0.10, 0.90

Progress = Callable[[BacktestProgress], None]


@dataclass(frozen=True)
class Simulated:
    """A simulation as far as it came; `result` works out what it came to.

    Attributes:
        completed: whether it reached the end.
        seconds: what it took.
    """

    config: BacktestConfig
    simulation: Simulation
    labels: tuple[str, ...]
    notes: Sequence[str]
    completed: bool
    seconds: float

    def result(
        self, clock: Callable[[], float], *, completed: bool | None = None
    ) -> BacktestResult:
        """Return the result; ``completed=False`` marks one that reached the end as cancelled, too."""
        begun = clock()
        done = self.completed if completed is None else completed
        result = result_of(
            self.config, self.simulation, self.labels, completed=done, notes=self.notes
        )
        object.__setattr__(result, "duration_seconds", self.seconds + clock() - begun)
        return result


def run_backtest(
    config: BacktestConfig,
    panel: Panel,
    strategy: Strategy,
    *,
    clock: Callable[[], float],
    on_progress: Progress | None = None,
    should_stop: Callable[[], bool] | None = None,
    notes: Sequence[str] = (),
    transport: Transport | None = None,
    keeper: Keeper | None = None,
) -> BacktestResult:
    """Run one backtest; parameters as for `simulate`."""
    simulated = simulate(
        config,
        panel,
        strategy,
        clock=clock,
        on_progress=on_progress,
        should_stop=should_stop,
        notes=notes,
        transport=transport,
        keeper=keeper,
    )
    return simulated.result(clock)


def simulate(
    config: BacktestConfig,
    panel: Panel,
    strategy: Strategy,
    *,
    clock: Callable[[], float],
    on_progress: Progress | None = None,
    should_stop: Callable[[], bool] | None = None,
    notes: Sequence[str] = (),
    transport: Transport | None = None,
    keeper: Keeper | None = None,
) -> Simulated:
    """Run one backtest up to its metrics.

    Parameters
    ----------
    config : BacktestConfig
        What to run.
    panel : Panel
        Bars with warm-up; ``panel.first_counted`` is the first bar that counts.
    strategy : Strategy
        Made from ``config.strategy``.
    clock : callable
        Seconds of a steady clock, for chunking, estimates and the duration.
    on_progress : callable, optional
        Told between chunks, some 30 times a second.
    should_stop : callable, optional
        Asked between chunks, first after the first; True ends the run as ``cancelled`` with what there is.
    notes : sequence of str
        Warnings that the caller found (unusual settings).
    transport : Transport, optional
        The hand on the run: pause, steps, speed. Without one it goes as ``config.pacing`` says.
    keeper : Keeper, optional
        Writes the state down now and then, and says from which one to begin.

    Raises
    ------
    BacktestValidationError
        When there is nothing to simulate or the strategy returns what is no decision.
    """
    begun, total = clock(), _bars_to_run(panel)
    _tell(on_progress, BacktestProgress("signals", 0.0, bars_total=total))
    capital = config.account.initial_capital
    simulation, labels = simulation_of(config, panel, strategy)
    if keeper is not None:
        keeper.begin(simulation, clock())

    def look(run: Simulation) -> bool:
        if keeper is not None:
            keeper.look(run, clock())
        _tell(on_progress, _progress_of(run, capital, clock() - begun))
        return should_stop is None or not should_stop()

    completed = simulation.run(clock, look, _pacer_of(config, panel, transport, clock))
    seconds = clock() - begun
    _tell(on_progress, BacktestProgress("metrics", _SIMULATE_TO, elapsed_seconds=seconds))
    return Simulated(config, simulation, labels, notes, completed, seconds)


def _bars_to_run(panel: Panel) -> int:
    total = panel.n_bars - panel.first_counted
    if panel.n_symbols == 0 or total < 1:
        raise BacktestValidationError(
            Problem("data", "the selection holds no bar", "widen the dates or choose other symbols")
        )
    return total


def _pacer_of(
    config: BacktestConfig,
    panel: Panel,
    transport: Transport | None,
    clock: Callable[[], float],
) -> Pacer | None:
    """Return what holds the run back; None when nothing ever will."""
    if transport is None and config.pacing.mode is PaceMode.MAX:
        return None
    hand = transport or Transport(config.pacing.pace)
    return Pacer(panel.time_ns, panel.timeframe, hand, clock)


def simulation_of(
    config: BacktestConfig, panel: Panel, strategy: Strategy
) -> tuple[Simulation, tuple[str, ...]]:
    """Ask the strategy and return the run that stands before its first bar, with the names of its signals."""
    rules, capital = rules_of(config), config.account.initial_capital
    if isinstance(strategy, OnBarStrategy) and config.data.decide_on is not None:
        raise BacktestValidationError(
            Problem(
                "data.decide_on",
                f"{strategy.name} decides bar by bar, as it goes: on ticks it is asked at every tick",
                "leave decide_on empty, or let the strategy say signals or weights",
            )
        )
    if isinstance(strategy, Elsewhere):
        return strategy.simulation(config, panel), labels_of(strategy)
    if isinstance(strategy, OnBarStrategy):
        decider = decider_of(strategy, panel, entry_size(config.sizing, panel.n_symbols))
        nothing = np.empty(0, INSTRUCTION)
        return new_simulation(panel, nothing, rules, capital, decider=decider), labels_of(strategy)
    instructions, labels = instructions_of(config, panel, strategy)
    weights = drift_weights_of(config, panel, strategy)
    return new_simulation(panel, instructions, rules, capital, weights), labels


def result_of(
    config: BacktestConfig,
    simulation: Simulation,
    labels: tuple[str, ...],
    *,
    completed: bool = True,
    notes: Sequence[str] = (),
) -> BacktestResult:
    """Build the result of a simulation as far as it has come."""
    panel, first, stop = simulation.panel, simulation.panel.first_counted, simulation.bar
    counted, multiplier = slice(first, stop), simulation.rules.multiplier
    fills = copy_of(simulation.fills, simulation.state["n_fills"][0])
    orders = copy_of(simulation.book.orders, simulation.state["n_orders"][0])
    curve = _curve_of(simulation, counted)
    refuse_too_large(fills, curve.equity)
    time_ns, capital = panel.time_ns[counted], config.account.initial_capital
    happened = copy_of(simulation.book.happened, simulation.state["n_events"][0])
    trades, open_positions = match_trades(fills, orders, panel, max(stop - 1, first), multiplier)
    per_year = bars_per_year(panel.time_ns, panel.timeframe, panel.bars_per_year)
    values, base = _benchmark_of(panel, counted)
    metrics, undefined = compute_metrics(
        time_ns=time_ns,
        equity=curve.equity,
        initial_capital=capital,
        gross=curve.gross,
        fills=fills,
        trades=trades,
        benchmark_values=values,
        benchmark_base=base,
        bars_per_year=per_year,
        risk_free_rate=config.account.risk_free_rate,
    )
    _to_counted(fills, orders, trades, happened, first)
    return BacktestResult(
        config=config,
        status="completed" if completed else "cancelled",
        symbols=panel.symbols,
        time_ns=time_ns,
        fills=fills,
        orders=orders,
        trades=trades,
        open_positions=open_positions,
        labels=labels,
        curve=curve,
        drawdown=partial(drawdown, curve.equity, capital),
        result_hash=partial(hash_result, fills, time_ns, curve.equity),
        benchmark=None if values is None else scaled_benchmark(values, base, capital),
        metrics=metrics,
        undefined=undefined,
        marks=_marks(config, panel),
        warnings=(*notes, *_warnings(panel, orders, fills, open_positions)),
        notices=panel.notices,
        defects=dict(panel.defects),
        bars_per_year=per_year,
        timeframe=panel.timeframe,
        dataset_hash=panel.content_hash(),
        versions=_versions(),
        data_labels=panel.labels,
        **_counts(simulation, happened),
    )


def _counts(simulation: Simulation, happened: NDArray[np.void]) -> dict[str, Any]:
    state = simulation.state[0]
    return {
        "events": happened,
        "ambiguous_bars": int(state["n_ambiguous"]),
        "borrow_paid": float(state["borrow_paid"]),
        "interest_paid": float(state["interest_paid"]),
    }


def _curve_of(simulation: Simulation, counted: slice) -> Curve:
    account = simulation.curve
    return Curve(
        account.equity[counted],
        account.cash[counted],
        account.gross[counted],
        account.positions[counted],
    )


def _benchmark_of(panel: Panel, counted: slice) -> tuple[NDArray[np.float64] | None, float]:
    """Return the benchmark of the counted bars, and its last value before them (NaN when none)."""
    benchmark = panel.benchmark
    if benchmark is None:
        return None, float("nan")
    before = benchmark.values[counted.start - 1] if counted.start > 0 else benchmark.base
    return benchmark.values[counted], float(before)


def _versions() -> dict[str, str]:
    return {
        "engine": ENGINE_VERSION,
        "numba": numba.__version__,
        "numpy": np.__version__,
        "python": platform.python_version(),
    }


def _to_counted(
    fills: NDArray[np.void],
    orders: NDArray[np.void],
    trades: NDArray[np.void],
    happened: NDArray[np.void],
    first: int,
) -> None:
    """Turn panel bars into counted bars, in place; -1 stays."""
    if first == 0:
        return
    for rows, names in (
        (fills, ("bar",)),
        (orders, ("decided", "closed", "entered")),
        (happened, ("bar",)),
        (trades, ("entry_signal_bar", "entry_bar", "exit_signal_bar", "exit_bar")),
    ):
        for name in names:
            rows[name] = np.where(rows[name] >= 0, rows[name] - first, rows[name])


def _marks(config: BacktestConfig, panel: Panel) -> tuple[str, ...]:
    marks = []
    if config.execution.fill_at == "same_close":
        marks.append("optimistic")
    if panel.adjustment != "total" and not panel.has_dividends:
        marks.append("price return")
    if panel.n_symbols > 1 and not panel.membership_known:
        marks.append("survivorship")
    return tuple(marks)


def _warnings(
    panel: Panel,
    orders: NDArray[np.void],
    fills: NDArray[np.void],
    open_positions: tuple[OpenPosition, ...],
) -> list[str]:
    found = list(panel.warnings)
    if panel.n_symbols > 1 and not panel.membership_known and panel.members is None:
        found.append(
            "Survivorship: it is not known which symbols belonged to the universe at each time; "
            "those that vanished may be missing"
        )
    stale = [p.symbol for p in open_positions if p.stale]
    if stale:
        found.append(f"Stale: no bar at the end for {', '.join(stale)}; valued at the last close")
    if len(fills) == 0:
        found.append(_why_no_trades(orders))
    return found


_REFUSALS = {
    OrderReason.NO_CASH: "not enough free cash",
    OrderReason.BELOW_ONE_LOT: "less than one lot",
    OrderReason.END_OF_DATA: "no bar came after them",
    OrderReason.DELISTED: "the symbol left the market",
}


def _why_no_trades(orders: NDArray[np.void]) -> str:
    if len(orders) == 0:
        return "No trades: the strategy gave no signal in this range"
    parts = []
    for reason, words in _REFUSALS.items():
        count = int(
            np.count_nonzero(
                (orders["reason"] == reason) & (orders["status"] != OrderStatus.FILLED)
            )
        )
        if count:
            parts.append(f"{count} × {words}")
    return f"No trades: none of {len(orders)} orders was filled ({', '.join(parts) or 'withdrawn'})"


def _progress_of(run: Simulation, capital: float, elapsed: float) -> BacktestProgress:
    first, total = run.panel.first_counted, run.panel.n_bars - run.panel.first_counted
    done = run.bar - first
    state = run.state[0]
    share = done / total
    equity = float(run.curve.equity[run.bar - 1]) if done else capital
    return BacktestProgress(
        stage="simulate",
        fraction=_SIMULATE_FROM + (_SIMULATE_TO - _SIMULATE_FROM) * share,
        bars_done=done,
        bars_total=total,
        time_ns=int(run.panel.time_ns[run.bar - 1]) if done else None,
        elapsed_seconds=elapsed,
        eta_seconds=elapsed * (1 - share) / share if share > 0 else None,
        trades=int(state["n_exits"]),
        equity=equity,
        pnl=equity - capital,
        open_positions=int(state["n_held"]),
        live=LiveCurve(
            run.panel.time_ns[first : run.bar],
            run.curve.equity[first : run.bar],
            run.panel.time_ns[first:],
        ),
    )


def _tell(on_progress: Progress | None, progress: BacktestProgress) -> None:
    if on_progress is not None:
        on_progress(progress)
