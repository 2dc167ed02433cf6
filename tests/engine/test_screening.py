"""Criteria mean what their plain twin says, look at nothing later, and give weights that can be held."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.criteria import Criteria
from engine.errors import BacktestValidationError
from engine.market import Panel
from engine.screening import weights_of
from engine.strategies.screening import Screening
from engine.types import EventKind
from tests.engine import criteria_worlds as worlds
from tests.engine.builders import NAN, events_of, panel_of
from tests.naive import screening as naive


def weights(panel: Panel, bar: int = -1, **criteria: object) -> dict[str, float]:
    """Return what is held after the close of a bar, the last by default."""
    at = np.array([bar % panel.n_bars])
    row = weights_of(Criteria.model_validate(criteria), panel, at)[0]
    return {s: float(w) for s, w in zip(panel.symbols, row, strict=True) if w != 0.0}


def condition(left: object, op: str, right: object, **more: object) -> list[dict[str, object]]:
    return [{"left": left, "op": op, "right": right, **more}]


@given(worlds.panels(), worlds.criteria())
def test_vectorised_weights_are_those_of_the_plain_twin(panel: Panel, criteria: Criteria) -> None:
    found = weights_of(criteria, panel, np.arange(panel.n_bars))

    for bar in range(panel.n_bars):
        expected = naive.weights(criteria, panel, bar) or [NAN] * panel.n_symbols
        np.testing.assert_allclose(found[bar], expected, rtol=1e-9, err_msg=criteria.text)


@given(worlds.panels(), worlds.criteria())
def test_cutting_the_data_at_any_bar_leaves_earlier_weights_as_they_were(
    panel: Panel, criteria: Criteria
) -> None:
    whole = weights_of(criteria, panel, np.arange(panel.n_bars))

    for cut in range(1, panel.n_bars):
        part = weights_of(criteria, panel.slice(0, cut), np.arange(cut))
        np.testing.assert_array_equal(part, whole[:cut], err_msg=f"cut at bar {cut}")


@given(worlds.panels(), worlds.criteria(), st.data())
def test_what_is_asked_for_one_bar_is_what_is_asked_for_all(
    panel: Panel, criteria: Criteria, data: st.DataObject
) -> None:
    bar = data.draw(st.integers(0, panel.n_bars - 1))

    alone = weights_of(criteria, panel, np.array([bar]))

    whole = weights_of(criteria, panel, np.arange(panel.n_bars))
    np.testing.assert_array_equal(alone[0], whole[bar])


@given(worlds.panels(), worlds.criteria())
def test_weights_are_long_only_and_never_more_than_the_account(
    panel: Panel, criteria: Criteria
) -> None:
    found = weights_of(criteria, panel, np.arange(panel.n_bars))

    known = found[~np.isnan(found).any(axis=1)]
    assert (known >= 0).all()
    assert (known.sum(axis=1) <= 1 + 1e-12).all()
    assert not ((found > 0) & np.isnan(panel.close)).any()
    if panel.members is not None:
        assert not ((found > 0) & ~panel.members).any()


def test_a_comparison_holds_against_a_number_an_expression_and_a_multiple_of_one() -> None:
    panel = panel_of({"A": [10, 12], "B": [10, 11], "C": [10, 9]})

    assert weights(panel, where=condition("close", ">", 10.5)) == {"A": 0.5, "B": 0.5}
    assert weights(panel, where=condition("close", "<", "close(skip 1)")) == {"C": 1.0}
    assert weights(panel, where=condition("close", ">=", "1.2 * close(skip 1)")) == {"A": 1.0}
    assert weights(panel, where=condition("close", "between", 9, upto=11)) == {"B": 0.5, "C": 0.5}


def test_equal_values_rank_by_name_and_rounding_decides_nothing() -> None:
    a_hair_more = 10 * (1 + 1e-14)
    panel = panel_of({"a": [10.0], "B": [10.0], "C": [a_hair_more], "D": [9.0]})

    assert weights(panel, rank_by="close", top=2) == {"B": 0.5, "C": 0.5}
    assert weights(panel, rank_by="close", top=1, order="ascending") == {"D": 1.0}
    assert weights(panel, where=condition("close", ">", 10.0)) == {}
    assert set(weights(panel, where=condition("close", "bottom", 2))) == {"D", "B"}


def test_a_percentile_is_rounded_up_and_counts_those_whose_value_is_known() -> None:
    closes = {name: [float(price)] for name, price in zip("ABCDE", range(10, 15), strict=True)}
    panel = panel_of(closes | {"F": [NAN]})

    assert weights(panel, where=condition("close", "top_pct", 20)) == {"E": 1.0}
    assert set(weights(panel, where=condition("close", "top_pct", 21))) == {"D", "E"}
    assert set(weights(panel, where=condition("close", "bottom_pct", 40))) == {"A", "B"}


def test_groups_nest_and_an_unknown_part_hides_no_other() -> None:
    per = np.array([[5.0, NAN, NAN]])
    panel = panel_of({"A": [10.0], "B": [20.0], "C": [10.0]}, fields={"per": per})
    either = [{"any": [*condition("per", "<", 8), *condition("close", ">", 15)]}]
    both = [{"all": [*either, *condition("close", "<", 100)]}]

    assert weights(panel, where=either) == {"A": 0.5, "B": 0.5}
    assert weights(panel, where=both) == {"A": 0.5, "B": 0.5}


def test_weights_follow_an_expression_market_cap_or_calm() -> None:
    cap = np.full((4, 2), [300.0, 100.0])
    panel = panel_of({"A": [10, 11, 10, 11], "B": [10, 14, 10, 14]}, fields={"market_cap": cap})
    all_ = condition("close", ">", 0)

    assert weights(panel, where=all_, weigh_by="market_cap") == {"A": 0.75, "B": 0.25}
    by_close = weights(panel, where=all_, weigh_by="expression", weight="close")
    assert by_close == pytest.approx({"A": 11 / 25, "B": 14 / 25})
    calm = weights(panel, where=all_, weigh_by="inverse_volatility", volatility_bars=3)
    assert calm["A"] > 0.7
    assert sum(calm.values()) == pytest.approx(1)
    capped = weights(panel, where=all_, weigh_by="market_cap", max_weight_pct=50)
    assert capped == {"A": 0.5, "B": 0.25}


def test_a_split_is_no_fall_and_a_price_bound_is_about_the_price_as_traded() -> None:
    events = events_of((2, 0, EventKind.SPLIT, 2.0))
    panel = panel_of({"A": [10, 10, 5, 5.5]}, events=events)

    assert weights(panel, where=condition("close", ">", "sma(4)")) == {"A": 1.0}
    assert weights(panel, where=condition("close", "<", 6)) == {"A": 1.0}
    assert weights(panel, bar=1, where=condition("close", "<", 6)) == {}
    assert weights(panel, where=condition("roc(2)", ">", 9.9)) == {"A": 1.0}


def test_nothing_is_said_until_something_is_known_and_cash_is_held_when_nothing_qualifies() -> None:
    panel = panel_of({"A": [10, 11, 12], "B": [10, 9, 8]})
    criteria = Criteria.model_validate({"where": condition("close", ">", "2 * sma(2)")})

    found = weights_of(criteria, panel, np.arange(3))

    assert np.isnan(found[0]).all()
    assert found[1:].tolist() == [[0.0, 0.0], [0.0, 0.0]]


def test_only_members_of_the_day_are_held_or_ranked() -> None:
    members = np.array([[True, True, False], [False, True, True]])
    panel = panel_of({"A": [30, 30], "B": [20, 20], "C": [10, 10]}, members=members)

    assert weights(panel, bar=0, rank_by="close", top=1) == {"A": 1.0}
    assert weights(panel, bar=1, rank_by="close", top=1) == {"B": 1.0}
    assert weights(panel, bar=1, where=condition("close", "bottom_pct", 50)) == {"C": 1.0}


def test_a_field_that_the_data_do_not_have_is_named_with_its_place() -> None:
    panel = panel_of({"A": [10.0]}, fields={"per": np.array([[5.0]])})
    screening = Screening.make({"criteria": {"where": [{"any": condition("pbr", "<", 1)}]}})

    with pytest.raises(BacktestValidationError) as caught:
        screening.weights(panel, np.array([0]))

    assert caught.value.field == "strategy.criteria.where.0.any.0.left"
    assert "pbr" in caught.value.message
    assert "per" in caught.value.hint


def test_warm_up_is_the_longest_look_back() -> None:
    def warmup(**criteria: object) -> int:
        return Screening.make({"criteria": criteria}).warmup_bars()

    assert warmup(rank_by="market_cap", top=3) == 0
    assert (
        warmup(where=condition("close", ">", "sma(200)"), rank_by="roc(126, skip 21)", top=3) == 199
    )
    assert warmup(rank_by="roc(126, skip 21)", top=3) == 147
    assert warmup(where=condition("volume / volume_mean(20)", ">", 2)) == 19
    assert warmup(where=condition("rsi(14)", "<", 30)) == 140
    assert warmup(where=condition("close", ">", 1), weigh_by="inverse_volatility") == 60
