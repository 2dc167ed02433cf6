"""Ten million ticks, strategies on them, and the least loop over them that any program needs."""

from functools import cache
from typing import Any, ClassVar

import numpy as np
from numba import njit
from numpy.typing import NDArray

from engine.market import Panel
from engine.strategies.protocol import OnBarStrategy
from engine.tick_series import TickSeries, merge, panel_of
from engine.types import Action, OrderKind
from tests.benchmarks.data import MONDAY
from tests.engine.builders import instructions_of, said

EVERY = 100  # ticks between two times at which quotes are given
TICK = 0.01
STEP_NS = 10_000_000


@cache
def ticks(n: int) -> Panel:
    """Build quotes and trades in turn of one symbol, whose middle is a random walk of one cent a step."""
    rng = np.random.default_rng(3)
    middle = (100_000 + np.cumsum(rng.integers(-1, 2, n))) * TICK
    size = rng.integers(1, 100, n).astype(np.float64)
    unknown = np.full(n, np.nan)
    is_quote = np.arange(n) % 2 == 0
    series = TickSeries(
        MONDAY + np.arange(n, dtype=np.int64) * STEP_NS,
        np.where(is_quote, unknown, middle),
        np.where(is_quote, unknown, size),
        np.where(is_quote, middle - TICK, unknown),
        np.where(is_quote, middle + TICK, unknown),
        np.where(is_quote, size, unknown),
        np.where(is_quote, size, unknown),
    )
    return panel_of(merge({"A": series}))


class Quoting(OnBarStrategy):
    """Replaces a limit order on each side every hundred ticks."""

    name: ClassVar[str] = "quoting"

    @staticmethod
    def on_bar(ctx: Any, state: Any, params: Any) -> None:
        if ctx.bar % 100 == 0:
            price = ctx.last(0)
            ctx.cancel(0)
            ctx.buy(0, shares=1, limit=price - 0.01)
            ctx.sell(0, shares=1, limit=price + 0.01)


def bracketed(panel: Panel) -> NDArray[np.void]:
    """Say an entry at a limit every hundred ticks, with a stop and a target: what waits is watched at every tick."""
    rows = np.arange(0, panel.n_bars, EVERY)
    price = panel.close[rows, 0]
    one = said(
        0,
        Action.ENTER_LONG,
        1.0,
        kind=int(OrderKind.LIMIT),
        stop_kind=1,
        stop_value=0.001,
        target_kind=1,
        target_value=0.001,
    )
    out = np.repeat(instructions_of(one), len(rows))
    out["bar"], out["limit"] = rows, price - TICK
    return out


@njit(nogil=True, cache=True)
def plain_quoting_nb(
    price: NDArray[np.float64], half: NDArray[np.float64], equity: NDArray[np.float64]
) -> int:
    """Keep a quote on each side, replaced every hundred ticks; no costs, no orders, no records."""
    cash, held, fills = 1e7, 0.0, 0
    bid, ask = -np.inf, np.inf
    for i in range(len(price)):
        if price[i] + half[i] <= bid:
            cash, held, bid, fills = cash - bid, held + 1.0, -np.inf, fills + 1
        if price[i] - half[i] >= ask:
            cash, held, ask, fills = cash + ask, held - 1.0, np.inf, fills + 1
        if i % EVERY == 0:
            bid, ask = price[i] - TICK, price[i] + TICK
        equity[i] = cash + held * price[i]
    return fills
