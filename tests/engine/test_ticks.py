"""Trades and quotes on one axis, and the bars built of them, against a loop that anybody can follow."""

import math
import random
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import BacktestValidationError
from engine.tick_series import TickSeries, merge, panel_of
from engine.ticks import bars_of, last_events
from engine.types import NS_PER_SECOND, TIMEFRAME_NS, Action
from tests.engine.builders import instructions_of, rules_of, said, simulate

NAN = math.nan
MINUTE = TIMEFRAME_NS["1m"]
Event = tuple[int, float, float, float, float, float, float]


def series_of(*events: Event) -> TickSeries:
    """Build a series from (time, price, size, bid, ask, bid size, ask size)."""
    columns = np.array(events, np.float64).reshape(-1, 7).T
    return TickSeries(np.array([e[0] for e in events], np.int64), *columns[1:].copy())


def trade(time_ns: int, price: float, size: float = 1.0) -> Event:
    return time_ns, price, size, NAN, NAN, NAN, NAN


def quote(time_ns: int, bid: float, ask: float, sizes: tuple[float, float] = (NAN, NAN)) -> Event:
    return time_ns, NAN, NAN, bid, ask, *sizes


def random_series(seed: int, n: int, quotes: float) -> TickSeries:
    rng = random.Random(seed)
    time_ns, price, events = 0, 100.0, []
    for _ in range(n):
        time_ns += rng.choice([0, 0, 1, 1000, 20 * NS_PER_SECOND])
        price = round(price + rng.choice([-0.01, 0.0, 0.01]), 2)
        if rng.random() < quotes:
            events.append(quote(time_ns, price - 0.01, price + 0.02, (5.0, rng.choice([3.0, NAN]))))
        else:
            events.append(trade(time_ns, price, rng.choice([1.0, 2.5, NAN])))
    return series_of(*events)


def slow_bars(series: TickSeries, times: list[int]) -> dict[int, list[float]]:
    """Build bars event by event: {open of the bar: [open, high, low, close, volume]}."""
    traded = any(not math.isnan(p) for p in series.price)
    bars: dict[int, list[float]] = {}
    for i, time_ns in enumerate(times):
        is_trade = not math.isnan(series.price[i])
        if traded and not is_trade:
            continue
        bid, ask = float(series.bid[i]), float(series.ask[i])
        price = float(series.price[i]) if is_trade else bid + (ask - bid) / 2
        size = 0.0 if not traded or math.isnan(series.size[i]) else float(series.size[i])
        start = time_ns // MINUTE * MINUTE
        bar = bars.setdefault(start, [price, price, price, price, 0.0])
        bar[1], bar[2], bar[3] = max(bar[1], price), min(bar[2], price), price
        bar[4] += size
    return bars


@given(st.integers(0, 2**32), st.integers(1, 60), st.sampled_from([0.0, 0.5, 1.0]))
@settings(max_examples=60, deadline=None)
def test_bars_are_those_of_the_slow_loop(seed: int, n: int, quotes: float) -> None:
    series = random_series(seed, n, quotes)
    ticks = merge({"A": series})

    panel = bars_of(ticks, "1m")

    rows = zip(panel.open, panel.high, panel.low, panel.close, panel.volume, strict=True)
    found = [[float(column[0]) for column in row] for row in rows]
    expected = slow_bars(series, ticks.time_ns.tolist())
    assert panel.time_ns.tolist() == list(expected)
    assert found == list(expected.values())


def test_events_of_one_instant_keep_their_order_a_nanosecond_apart() -> None:
    ticks = merge({"A": series_of(trade(5, 1.0), trade(5, 2.0), trade(5, 3.0), trade(6, 4.0))})

    assert ticks.time_ns.tolist() == [5, 6, 7, 8]
    assert ticks.price.tolist() == [1.0, 2.0, 3.0, 4.0]


@given(st.integers(0, 2**32), st.integers(0, 30), st.integers(0, 30))
@settings(max_examples=40, deadline=None)
def test_the_order_in_which_symbols_arrive_changes_nothing(seed: int, n: int, m: int) -> None:
    parts = {"A": random_series(seed, n, 0.5), "b": random_series(seed + 1, m, 0.2)}

    there, back = merge(parts), merge(dict(reversed(parts.items())))

    assert [a.tobytes() for a in vars(there).values() if isinstance(a, np.ndarray)] == [
        a.tobytes() for a in vars(back).values() if isinstance(a, np.ndarray)
    ]
    assert len(there) == n + m
    assert np.all(np.diff(there.time_ns) > 0)


def test_a_quote_stands_at_its_middle_and_an_unknown_size_limits_nothing() -> None:
    ticks = merge({"A": series_of(quote(1, 99.0, 101.0), quote(2, 99.0, 101.0, (4.0, 3.0)))})

    assert ticks.price.tolist() == [100.0, 100.0]
    assert ticks.half_spread.tolist() == [1.0, 1.0]
    assert ticks.volume.tolist() == [math.inf, 3.0]


def test_the_panel_has_a_row_an_event_and_nothing_where_another_symbol_moved() -> None:
    parts = {
        "A": series_of(trade(1, 10.0), quote(3, 9.0, 11.0)),
        "B": series_of(trade(2, 5.0, 7.0)),
    }

    panel = panel_of(merge(parts))

    assert panel.close[:, 0].tolist() == [10.0, pytest.approx(NAN, nan_ok=True), 10.0]
    assert panel.half_spread is not None
    assert panel.half_spread[2, 0] == 1.0
    assert np.flatnonzero(~np.isnan(panel.close[:, 1])).tolist() == [1]
    assert panel.volume[1, 1] == 7.0


def test_trades_alone_have_no_spread_and_share_one_array() -> None:
    panel = panel_of(merge({"A": series_of(trade(1, 10.0), trade(2, 11.0))}))

    assert panel.half_spread is None
    assert panel.open is panel.close


def test_an_order_on_trades_fills_at_the_next_trade_of_its_symbol() -> None:
    parts = {
        "A": series_of(trade(1, 10.0), trade(3, 11.0)),
        "B": series_of(trade(2, 5.0)),
    }
    buy = instructions_of(said(0, Action.BUY, 2.0))

    simulation = simulate(panel_of(merge(parts)), buy, rules_of())

    (fill,) = simulation.fills[: int(simulation.state["n_fills"][0])]
    assert (fill["bar"], fill["price"], fill["quantity"]) == (2, 11.0, 2.0)


def test_what_is_decided_at_a_bar_is_known_at_its_last_event() -> None:
    ticks = merge({"A": series_of(trade(0, 1.0), trade(MINUTE - 1, 2.0), trade(MINUTE, 3.0))})
    bars = bars_of(ticks, "1m")

    assert last_events(ticks.time_ns, bars.time_ns, "1m").tolist() == [1, 2]


@pytest.mark.parametrize(
    ("events", "word"),
    [
        ((trade(2, 1.0), trade(1, 1.0)), "tick 2: its time is before the last"),
        (((1, NAN, 1.0, NAN, NAN, NAN, NAN),), "tick 1: it is neither a trade nor a quote"),
        (((1, 1.0, 1.0, 1.0, 2.0, NAN, NAN),), "or both at once"),
        ((trade(1, 0.0),), "a price that is not above 0"),
        ((trade(1, math.inf),), "a price that is not above 0"),
        ((quote(1, 2.0, 1.0),), "the bid is above the ask"),
        ((quote(1, -1.0, 1.0),), "a price that is not above 0"),
        ((trade(1, 1.0, -3.0),), "a negative size"),
    ],
)
def test_impossible_events_are_refused_by_symbol_and_row(events, word) -> None:
    with pytest.raises(BacktestValidationError, match=f"A {word}|{word}"):
        merge({"A": series_of(*events)})


def test_nothing_is_nothing() -> None:
    empty = series_of()

    assert len(merge({})) == 0
    assert len(merge({"A": empty})) == 0
    assert bars_of(merge({"A": empty}), "1m").n_bars == 0


def test_a_series_without_sizes_has_unknown_volume() -> None:
    quotes = random_series(3, 20, 1.0)
    unknown = replace(quotes, bid_size=np.full(20, NAN))

    panel = bars_of(merge({"A": unknown}), "1m")

    assert not panel.arrays().volume_known[0]
