"""The lean simulation comes to what the loop that runs everything comes to, trade by trade and to the last bit."""

import os

import numpy as np
from hypothesis import assume, given, settings
from numpy.typing import NDArray

from engine.kernels.lean import Scratch
from engine.sweeps import signals
from engine.sweeps.general import GeneralWorker
from engine.sweeps.job import Job
from engine.sweeps.lean import why_not
from engine.trades import match_trades
from tests.engine.sweep_worlds import LeanWorld, lean_worlds, simulation_of

EXAMPLES = int(os.environ.get("TRADEBENCH_EXAMPLES", "300"))
# Sums of trades and money, and what is one division of them: to the last bit.
EXACT = (
    "total_return", "final_balance", "final_pnl", "total_trades", "winning_trades", "losing_trades",
    "breakeven_trades", "win_rate", "profit_factor", "profit_loss_ratio", "avg_win", "avg_loss",
    "expectancy", "avg_holding_period", "avg_holding_bars", "max_drawdown", "max_drawdown_duration",
)  # fmt: skip
# Sums over bars, which a sweep takes in another order: to twelve digits.
RATIOS = (
    "cagr", "volatility", "sharpe_ratio", "sortino_ratio", "calmar_ratio", "exposure", "turnover",
    "ulcer_index", "recovery_factor", "sqn", "kelly",
)  # fmt: skip


def lean_of(job: Job) -> tuple[NDArray[np.void], Scratch]:
    """Run a job of one combination by the lean kernels and return its row and what they left behind."""
    plan = signals.plan_of(job)
    assert plan is not None
    worker = plan.worker()
    rows = worker.run(np.arange(job.grid.size), lambda: False)
    return rows, worker._scratch


@settings(max_examples=EXAMPLES, deadline=None)
@given(lean_worlds())
def test_every_round_trip_is_the_one_of_the_full_loop(world: LeanWorld) -> None:
    job = world.job(seeds=1)
    expected = simulation_of(job, 0)
    fills = expected.fills[: expected.state["n_fills"][0]]
    orders = expected.book.orders[: expected.state["n_orders"][0]]
    trades, _ = match_trades(fills, orders, expected.panel, expected.panel.n_bars - 1)

    _, scratch = lean_of(job)

    account, closed = scratch.account[0], scratch.closed
    assume(not account["beyond"])  # the full loop runs those; the next test looks at them
    assert account["n_fills"] == len(fills)
    found = closed[: account["n_trades"]]
    assert found["pnl"].tolist() == trades["pnl"].tolist()
    assert found["quantity"].tolist() == (trades["side"] * trades["quantity"]).tolist()
    offset = job.views.of(0).offset
    for name in ("entry_bar", "exit_bar"):
        assert found[name].tolist() == (trades[name] + offset).tolist()
    for name in ("entry_price", "exit_price"):
        assert found[name].tolist() == trades[name].tolist()
    assert account["cash"] == expected.state["cash"][0]
    assert account["before"] == expected.curve.equity[-1]


@settings(max_examples=EXAMPLES, deadline=None)
@given(lean_worlds())
def test_every_figure_is_the_one_of_the_full_loop(world: LeanWorld) -> None:
    job = world.job()
    assert why_not(job.config, job.panel) == ""
    expected = GeneralWorker(job).run(np.arange(3), lambda: False)

    rows, _ = lean_of(job)

    assert_same_figures(rows, expected)


def assert_same_figures(rows: NDArray[np.void], expected: NDArray[np.void]) -> None:
    for name in EXACT:
        np.testing.assert_array_equal(rows[name], expected[name], name)
    for name in RATIOS:
        np.testing.assert_allclose(rows[name], expected[name], 1e-12, 1e-12, err_msg=name)
