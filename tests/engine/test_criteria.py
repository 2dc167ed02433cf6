"""Criteria are data: they go to TOML and JSON and back, and what is wrong with them is named by its place."""

import json
import tomllib

import pytest
import tomlkit
from hypothesis import given

from engine.config import BacktestConfig, parse_config
from engine.criteria import MOST_CRITERIA, MOST_DEPTH, Criteria
from engine.errors import BacktestValidationError
from engine.expressions import Expression
from engine.strategies.screening import Screening
from tests.engine import criteria_worlds as worlds

LOW_PER = {"left": "per", "op": "<", "right": 10}


def problems(**strategy: object) -> dict[str, str]:
    with pytest.raises(BacktestValidationError) as caught:
        parse_config({"strategy": strategy})
    return {problem.field: problem.message for problem in caught.value.problems}


@given(worlds.expressions())
def test_the_text_of_an_expression_reads_as_the_expression(expression: Expression) -> None:
    assert Expression.model_validate(expression.text) == expression


@given(worlds.criteria())
def test_criteria_survive_json_and_toml(criteria: Criteria) -> None:
    plain = criteria.model_dump(mode="json")

    assert Criteria.model_validate(json.loads(json.dumps(plain))) == criteria
    assert Criteria.model_validate(tomllib.loads(tomlkit.dumps(plain))) == criteria


@given(worlds.criteria())
def test_a_configuration_of_criteria_survives_being_written_down(criteria: Criteria) -> None:
    config = parse_config({"strategy": {"criteria": criteria.model_dump(mode="json")}})

    again = BacktestConfig.model_validate(json.loads(config.canonical_json()))

    assert again == config
    assert again.fingerprint() == config.fingerprint()
    assert again.strategy.name == "screening"


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("sma(200)", {"what": "sma", "bars": 200}),
        (" 1.5*sma( 200 ) ", {"what": "sma", "bars": 200, "times": 1.5}),
        ("sma(20, high) * 2", {"what": "sma", "bars": 20, "of": "high", "times": 2}),
        ("roc(126, skip 21)", {"what": "roc", "bars": 126, "skip": 21}),
        ("momentum(126)", {"what": "roc", "bars": 126}),
        ("close / sma(50)", {"what": "close", "over": {"what": "sma", "bars": 50}}),
        ("market_cap", {"field": "market_cap"}),
        ("시가총액", {"field": "시가총액"}),
        ("field:close", {"field": "close"}),
        ("-1.5e3", {"number": -1500}),
    ],
)
def test_a_text_stands_for_its_record(text: str, same: dict[str, object]) -> None:
    assert Expression.model_validate(text) == Expression.model_validate(same)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ("sma", "needs its bars"),
        ("smaa(3)", "there is no indicator 'smaa'"),
        ("sma(20", "is not understood"),
        ("close + open", "is not understood"),
        ("__import__('os').system('ls')", "is not understood"),
        ("roc(3, volume)", "volume may be 0"),
        ("close(20)", "has no bars"),
        ("rsi(14, close)", "column of choice"),
        ("volatility(1)", "2 bars or more"),
        ("per / 3", "is not understood"),
        ("0 * close", "times is 0"),
        ("2 * close * 2", "is not understood"),
        ("sma(20, 30)", "'30' is not understood in sma"),
        ("a" * 300, "is not understood"),
        (True, "neither a number nor an expression"),
        ({"what": "close", "field": "per"}, "exactly one"),
        ({"field": "per", "skip": 2}, "earlier bars"),
    ],
)
def test_what_is_no_expression_says_why_at_its_place(wrong: object, said: str) -> None:
    found = problems(criteria={"where": [{"any": [{"left": wrong, "op": ">", "right": 1}]}]})

    assert said in found["strategy.criteria.where.0.any.0.left"]


@pytest.mark.parametrize(
    ("criterion", "place", "said"),
    [
        ({"left": "close", "op": ">"}, "where.0", "right is missing"),
        ({"left": "close", "op": "~", "right": 1}, "where.0.op", "'~' is not allowed"),
        ({"left": "close", "op": "between", "right": 1}, "where.0", "two bounds"),
        ({"left": "close", "op": "top", "right": 1.5}, "where.0", "whole number"),
        ({"left": "close", "op": "top", "right": "open"}, "where.0", "whole number"),
        ({"left": "close", "op": "top_pct", "right": 101}, "where.0", "at most 100"),
        ({"left": 3, "op": ">", "right": "close"}, "where.0", "number on the right"),
        ({"any": []}, "where.0", "the group is empty"),
        ({"any": [LOW_PER], "all": [LOW_PER]}, "where.0", "all or any"),
        ({"any": [LOW_PER], "op": ">"}, "where.0", "nothing beside it"),
        ({"left": "close", "op": ">", "right": 1, "more": 1}, "where.0.more", "unknown key"),
    ],
)
def test_what_is_no_criterion_says_why_at_its_place(
    criterion: dict[str, object], place: str, said: str
) -> None:
    found = problems(criteria={"where": [criterion]})

    assert said in found[f"strategy.criteria.{place}"]


@pytest.mark.parametrize(
    ("criteria", "said"),
    [
        ({}, "what qualifies"),
        ({"where": [LOW_PER], "top": 3}, "top needs rank_by"),
        ({"rank_by": 3, "top": 3}, "everything would be equal"),
        ({"where": [LOW_PER], "weigh_by": "expression"}, "belong together"),
        ({"where": [LOW_PER] * (MOST_CRITERIA + 1)}, f"at most {MOST_CRITERIA}"),
    ],
)
def test_criteria_that_do_not_fit_together_say_so(criteria: dict[str, object], said: str) -> None:
    assert said in problems(criteria=criteria)["strategy.criteria"]


def test_groups_have_a_depth_that_is_refused_before_it_is_read() -> None:
    fitting: dict[str, object] = LOW_PER
    for _ in range(MOST_DEPTH):
        fitting = {"any": [fitting]}
    endless: dict[str, object] = LOW_PER
    for _ in range(5000):
        endless = {"any": [endless]}

    assert parse_config({"strategy": {"criteria": {"where": [fitting]}}})
    assert "deeper" in problems(criteria={"where": [{"any": [fitting]}]})["strategy.criteria"]
    assert "deeper" in problems(criteria={"where": [endless]})["strategy.criteria"]


def test_a_strategy_is_a_name_or_criteria_and_exactly_one() -> None:
    criteria = {"where": [LOW_PER]}

    assert problems() == {"strategy.name": "is missing"}
    assert "not both" in problems(name="sma_cross", criteria=criteria)["strategy"]
    assert "needs criteria" in problems(name="screening")["strategy"]
    assert "no params" in problems(criteria=criteria, params={"fast": 3})["strategy"]


def test_criteria_made_by_hand_are_refused_under_the_same_path() -> None:
    with pytest.raises(BacktestValidationError) as caught:
        Screening.make({"criteria": {"where": [{"left": "sma", "op": ">", "right": 1}]}})

    assert caught.value.field == "strategy.criteria.where.0.left"


def test_criteria_read_as_a_sentence() -> None:
    criteria = Criteria.model_validate(
        {
            "where": [
                {"left": "market_cap", "op": "top_pct", "right": 20},
                {"any": [LOW_PER, {"left": "close", "op": "≥", "right": "highest(252)"}]},
            ],
            "rank_by": "roc(126)",
            "top": 5,
        }
    )

    assert criteria.text == (
        "market_cap in top 20 % and (per < 10 or close >= highest(252)); greatest 5 by roc(126); equal weight"
    )
