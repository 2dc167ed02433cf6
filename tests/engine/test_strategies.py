"""What each built-in strategy says, on series small enough to be followed by eye."""

import json
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from engine.adjust import split_adjusted
from engine.errors import BacktestNotFoundError, BacktestValidationError
from engine.market import Panel
from engine.strategies import registry
from engine.strategies.protocol import Signals
from engine.types import ACTION_EVENT, NS_PER_DAY, EventKind
from tests.shared import shared_path

NAN = float("nan")
Bools = NDArray[np.bool_]


def panel_of(*closes: list[float], volume: list[float] | None = None, **kwargs: Any) -> Panel:
    """Build a daily panel with one column per list; open, high and low are the close."""
    close = np.array(closes, np.float64).T.copy()
    volumes = (
        np.full(close.shape, 100.0) if volume is None else np.array([volume], np.float64).T.copy()
    )
    return Panel(
        symbols=tuple("ABCDEFG"[: len(closes)]),
        time_ns=np.arange(len(close), dtype=np.int64) * NS_PER_DAY,
        open=close.copy(),
        high=close.copy(),
        low=close.copy(),
        close=close,
        volume=np.where(np.isnan(close), np.nan, volumes),
        **kwargs,
    )


def events_of(*rows: tuple[int, int, EventKind, float]) -> NDArray[np.void]:
    return np.array(
        [(bar, symbol, int(kind), value) for bar, symbol, kind, value in rows], ACTION_EVENT
    )


def signals_of(name: str, panel: Panel, **params: Any) -> Signals:
    strategy: Any = registry.get(name).make(params)
    signals: Signals = strategy.signals(panel)
    return signals


def weights_of(name: str, panel: Panel, bars: list[int], **params: Any) -> NDArray[np.float64]:
    strategy: Any = registry.get(name).make(params)
    weights: NDArray[np.float64] = strategy.weights(panel, np.array(bars, np.int64))
    return weights


def bars_of(mask: Bools | None) -> list[int]:
    assert mask is not None
    return np.flatnonzero(mask[:, 0]).tolist()


def test_buy_and_hold_enters_each_symbol_once_at_its_first_counted_bar() -> None:
    panel = panel_of(
        [1, 2, 3, 4], [NAN, NAN, NAN, 5], [NAN] * 4, [1, NAN, NAN, NAN], first_counted=1
    )

    enter = signals_of("buy_and_hold", panel).enter_long

    assert enter is not None
    assert np.argwhere(enter).tolist() == [[1, 0], [3, 1]]


def test_a_cross_is_entered_where_the_averages_cross() -> None:
    panel = panel_of([10, 9, 8, 9, 10, 9, 8])

    signals = signals_of("sma_cross", panel, fast=1, slow=2, enter_on="cross")

    assert bars_of(signals.enter_long) == [3]
    assert bars_of(signals.exit_long) == [5]
    assert signals.enter_short is None
    assert signals.exit_short is None


@pytest.mark.needs_shared
def test_published_crosses_of_the_price_through_its_average_are_reproduced() -> None:
    bars = np.genfromtxt(
        shared_path("data", "backtrader_2006", "2006_day_001.csv"), delimiter=",", names=True
    )
    expected = json.loads(shared_path("published", "backtrader_sma15.json").read_text())
    panel = panel_of(bars["close"].tolist())

    signals = signals_of("sma_cross", panel, fast=1, slow=15, enter_on="cross")

    published = expected["published"]
    assert panel.close[bars_of(signals.enter_long), 0].tolist() == published["buy_signal_closes"]
    assert panel.close[bars_of(signals.exit_long), 0].tolist() == published["sell_signal_closes"]


def test_a_state_is_entered_at_once_and_a_cross_is_waited_for() -> None:
    panel = panel_of([10, 11, 12, 11, 12], first_counted=2)

    state = signals_of("sma_cross", panel, fast=1, slow=2, enter_on="state")
    cross = signals_of("sma_cross", panel, fast=1, slow=2, enter_on="cross")

    assert bars_of(state.enter_long) == [2, 4]
    assert bars_of(cross.enter_long) == [4]


def test_a_cross_on_the_first_counted_bar_is_seen_from_the_warm_up() -> None:
    panel = panel_of([10, 9, 10], first_counted=2)

    signals = signals_of("sma_cross", panel, fast=1, slow=2, enter_on="cross")

    assert bars_of(signals.enter_long) == [2]


def test_equal_averages_keep_what_is() -> None:
    panel = panel_of([10, 9, 9, 10, 10, 11])

    signals = signals_of("sma_cross", panel, fast=1, slow=2, enter_on="cross")

    assert bars_of(signals.enter_long) == [3]
    assert bars_of(signals.exit_long) == []


def test_long_short_reverses_on_every_turn() -> None:
    panel = panel_of([10, 9, 8, 9, 10, 9, 8])

    signals = signals_of("sma_cross", panel, fast=1, slow=2, direction="long_short")

    assert bars_of(signals.enter_short) == bars_of(signals.exit_long) == [1, 5]
    assert bars_of(signals.exit_short) == bars_of(signals.enter_long) == [3]


def test_rsi_reversion_buys_low_and_sells_recovered() -> None:
    panel = panel_of([10, 9, 8, 7, 8, 9, 10])

    signals = signals_of(
        "rsi_reversion", panel, period=2, enter_below=30, exit_above=70, direction="long_short"
    )

    # RSI: 0, 0, 50, 75, 87.5 from the third bar on
    assert bars_of(signals.enter_long) == [2, 3]
    assert bars_of(signals.exit_long) == bars_of(signals.enter_short) == [5, 6]
    assert bars_of(signals.exit_short) == [2, 3]


def test_a_breakout_is_beyond_the_bars_before_it_not_at_their_edge() -> None:
    panel = panel_of([10, 11, 10, 11, 12, 11, 10, 9])

    signals = signals_of(
        "donchian_breakout", panel, entry_bars=3, exit_bars=2, direction="long_short"
    )

    assert bars_of(signals.enter_long) == [4]
    assert bars_of(signals.exit_long) == [6, 7]
    assert bars_of(signals.enter_short) == [6, 7]
    assert bars_of(signals.exit_short) == [4]


def test_a_split_is_no_breakout_no_cross_and_no_loss_of_strength() -> None:
    whole = [10, 10.5, 11, 10.5, 11.5, 12, 11, 12.5]
    split = [*whole[:4], *(price / 2 for price in whole[4:])]
    raw = panel_of(split, events=events_of((4, 0, EventKind.SPLIT, 2.0)))
    plain = panel_of(whole)

    for name, params in [
        ("sma_cross", {"fast": 1, "slow": 2}),
        ("rsi_reversion", {"period": 2}),
        ("donchian_breakout", {"entry_bars": 2, "exit_bars": 2}),
    ]:
        with_split, without = signals_of(name, raw, **params), signals_of(name, plain, **params)
        np.testing.assert_array_equal(with_split.enter_long, without.enter_long, err_msg=name)
        np.testing.assert_array_equal(with_split.exit_long, without.exit_long, err_msg=name)


def test_splits_multiply_prices_and_divide_volumes_from_their_bar_on() -> None:
    panel = panel_of(
        [8, 4, 2, 1], events=events_of((1, 0, EventKind.SPLIT, 2.0), (3, 0, EventKind.SPLIT, 4.0))
    )

    close, volume = split_adjusted(panel, "close"), split_adjusted(panel, "volume")

    assert close[:, 0].tolist() == [8, 8, 4, 8]
    assert volume[:, 0].tolist() == [100, 50, 50, 12.5]


@pytest.mark.parametrize(
    "kwargs", [{}, {"adjustment": "split", "events": events_of((1, 0, EventKind.SPLIT, 2.0))}]
)
def test_without_splits_to_adjust_for_the_panels_own_array_is_used(kwargs: dict[str, Any]) -> None:
    panel = panel_of([8, 4], **kwargs)

    assert split_adjusted(panel, "close") is panel.close


def test_rotation_holds_the_strongest_in_equal_parts() -> None:
    panel = panel_of([10, 10, 11], [10, 10, 13], [10, 10, 12], [10, 10, 9])

    weights = weights_of("momentum_rotation", panel, [2], lookback=2, top_n=2)

    assert weights.tolist() == [[0, 0.5, 0.5, 0]]


def test_equal_strength_ranks_by_name() -> None:
    panel = panel_of([10, 11], [10, 11], [10, 11])

    weights = weights_of("momentum_rotation", panel, [1], lookback=1, top_n=2)

    assert weights.tolist() == [[0.5, 0.5, 0]]


def test_rotation_waits_until_something_can_be_measured() -> None:
    panel = panel_of([10, 11, 12], [NAN, 10, 11])

    weights = weights_of("momentum_rotation", panel, [0, 1, 2], lookback=1, top_n=2)

    np.testing.assert_array_equal(weights, [[NAN, NAN], [0.5, 0], [0.5, 0.5]])


def test_rotation_leaves_out_what_has_no_bar_and_keeps_its_place_in_cash() -> None:
    panel = panel_of([10, 11, 12], [10, 20, NAN])

    weights = weights_of("momentum_rotation", panel, [2], lookback=1, top_n=2)

    assert weights.tolist() == [[0.5, 0]]


def test_only_rising_symbols_are_held_when_asked() -> None:
    panel = panel_of([10, 11, 9], [10, 9, 8])

    weights = weights_of(
        "momentum_rotation", panel, [1, 2], lookback=1, top_n=2, require_positive=True
    )

    assert weights.tolist() == [[0.5, 0], [0, 0]]


def test_skipped_bars_are_not_part_of_strength() -> None:
    panel = panel_of([10, 12, 6], [10, 11, 22])

    weights = weights_of("momentum_rotation", panel, [2], lookback=1, skip=1, top_n=1)

    assert weights.tolist() == [[1, 0]]


def test_equal_weight_takes_symbols_from_their_first_bar_until_they_are_delisted() -> None:
    delisting = events_of((3, 1, EventKind.DELISTING, 0.0))
    panel = panel_of([NAN, 10, NAN, 10], [NAN, 5, 5, NAN], [NAN, NAN, 7, 7], events=delisting)

    weights = weights_of("equal_weight", panel, [0, 1, 2, 3])

    third = 1 / 3
    np.testing.assert_array_equal(
        weights, [[NAN, NAN, NAN], [0.5, 0.5, 0], [third, third, third], [0.5, 0, 0.5]]
    )


def test_momentum_and_volume_enters_on_exactly_the_bars_that_qualify() -> None:
    # 20 quiet bars of volume 100; then: rise on volume, rise without, volume without rise, exactly
    # 0.1 %, exactly 1.5 x
    close = [100.0] * 20 + [100.2, 100.4, 100.4, 100.5004, 101.0]
    volume = [100.0] * 20 + [151.0, 100.0, 400.0, 400.0, 220.65]
    panel = panel_of(close, volume=volume)

    signals = signals_of("momentum_volume", panel)

    # mean of the 20 volumes before bar 24: (16 x 100 + 151 + 100 + 400 + 400) / 20 = 132.55; 1.5 x
    # that is 198.825
    assert bars_of(signals.enter_long) == [20, 24]
    assert signals.exit_long is None
    assert signals.close_stop_rate == 0.05
    assert signals.close_target_rate == 0.10


def test_exactly_the_asked_volume_is_not_more_than_it() -> None:
    panel = panel_of([100.0] * 20 + [101.0], volume=[0.1] * 20 + [0.15])

    assert bars_of(signals_of("momentum_volume", panel).enter_long) == []


def test_unknown_volume_never_enters() -> None:
    panel = panel_of([100.0] * 20 + [110.0], volume=[0.0] * 21)

    assert bars_of(signals_of("momentum_volume", panel, volume_ratio=0).enter_long) == []


@pytest.mark.parametrize(
    ("name", "params", "words"),
    [
        ("sma_cross", {"fast": 20, "slow": 10}, "fast 20 must be less than slow 10"),
        ("sma_cross", {"fast": 10, "slow": 10}, "fast 10 must be less than slow 10"),
        ("sma_cross", {"fast": 0}, "strategy.params.fast: 0 is not allowed"),
        ("sma_cross", {"slow": 2001}, "strategy.params.slow: 2001 is not allowed"),
        ("sma_cross", {"direction": "short"}, "strategy.params.direction: 'short' is not allowed"),
        ("sma_cross", {"fats": 3}, "strategy.params.fats: unknown key"),
        ("sma_cross", {"fast": 2.5}, "strategy.params.fast: 2.5 is not allowed"),
        (
            "rsi_reversion",
            {"enter_below": 50, "exit_above": 50},
            "enter_below 50 must be less than exit_above 50",
        ),
        (
            "rsi_reversion",
            {"exit_above": 80, "direction": "long_short"},
            "exit_above 80 must not exceed 70",
        ),
        (
            "rsi_reversion",
            {"enter_below": float("nan")},
            "strategy.params.enter_below: nan is not allowed",
        ),
        ("donchian_breakout", {"entry_bars": 5}, "exit_bars 10 must not exceed entry_bars 5"),
        ("momentum_rotation", {"top_n": 0}, "strategy.params.top_n: 0 is not allowed"),
        ("momentum_volume", {"stop_pct": 100}, "strategy.params.stop_pct: 100 is not allowed"),
        ("buy_and_hold", {"fast": 1}, "strategy.params.fast: unknown key"),
    ],
)
def test_impossible_parameters_are_refused_by_name_and_value(
    name: str, params: dict[str, Any], words: str
) -> None:
    with pytest.raises(BacktestValidationError) as refused:
        registry.get(name).make(params)

    assert words in str(refused.value)


def test_an_unknown_strategy_is_answered_with_what_is_near_and_what_there_is() -> None:
    with pytest.raises(BacktestNotFoundError) as refused:
        registry.get("sma_crss")

    assert "'sma_crss'" in refused.value.message
    assert "did you mean sma_cross?" in refused.value.hint
    assert "momentum_volume" in refused.value.hint


def test_a_form_is_told_type_range_default_and_help() -> None:
    infos = {info.name: info for info in registry.describe(registry.get("sma_cross"))}

    assert list(infos) == ["fast", "slow", "direction", "enter_on"]
    assert infos["fast"] == registry.ParameterInfo(
        name="fast",
        title="Fast average",
        help="Bars in the fast average; 1 is the price",
        kind="int",
        default=10,
        minimum=1,
        maximum=1000,
        step=1,
    )
    assert infos["direction"].kind == "choice"
    assert infos["direction"].choices == ("long_only", "long_short")


@pytest.mark.parametrize("name", registry.BUILT_IN)
def test_every_built_in_says_what_it_is_and_works_with_its_defaults(name: str) -> None:
    strategy = registry.get(name)

    made = strategy.make({})

    assert made.warmup_bars() >= 0
    assert strategy.name == name
    assert strategy.title
    assert strategy.summary.endswith(".")
    assert all(
        info.title and info.help and info.kind != "text" for info in registry.describe(strategy)
    )
    assert all(info.step for info in registry.describe(strategy) if info.kind in ("int", "float"))


@pytest.mark.parametrize(
    ("name", "bars"),
    [
        ("buy_and_hold", 0),
        ("sma_cross", 20),
        ("rsi_reversion", 140),
        ("donchian_breakout", 20),
        ("momentum_volume", 20),
        ("momentum_rotation", 126),
        ("equal_weight", 0),
        ("atr_pyramid", 140),
    ],
)
def test_the_warm_up_covers_the_longest_window(name: str, bars: int) -> None:
    assert registry.get(name).make({}).warmup_bars() == bars
