"""Criteria as rows of a form: every edit is the edit of the file that it looks like."""

from typing import Any

from hypothesis import given

from desktop.presenters import criteria_rows as rows
from engine.criteria import Criteria
from tests.engine import criteria_worlds as worlds

DRAFT: dict[str, Any] = {
    "where": [
        {"left": "close", "op": "≥", "right": {"what": "sma", "bars": 20, "times": 1.5}},
        {"any": [{"left": "per", "op": "between", "right": 2, "upto": 12}]},
    ]
}


def test_rows_stand_as_in_the_file_and_are_named_by_their_path() -> None:
    first, group, inside = rows.rows_of(DRAFT)

    assert (first.path, first.left, first.op, first.value) == (
        "where.0",
        "close",
        ">=",
        "1.5 * sma(20)",
    )
    assert (group.kind, group.word, group.depth) == ("group", "any", 0)
    assert (inside.path, inside.depth, inside.value) == ("where.1.any.0", 1, "2 and 12")


@given(worlds.criteria())
def test_typing_again_what_a_row_shows_changes_nothing(criteria: Criteria) -> None:
    draft = criteria.model_dump(mode="json")

    typed = draft
    for row in rows.rows_of(draft):
        if row.kind == "condition":
            typed = rows.with_left(typed, row.path, row.left)
            typed = rows.with_operator(typed, row.path, row.op)
            typed = rows.with_value(typed, row.path, row.value)
        else:
            typed = rows.with_word(typed, row.path, row.word)

    assert Criteria.model_validate(typed) == criteria


@given(worlds.criteria())
def test_the_text_of_a_draft_reads_as_the_draft(criteria: Criteria) -> None:
    draft = criteria.model_dump(mode="json")

    assert rows.from_json(rows.as_json(draft)) == draft


def test_an_edit_leaves_the_draft_before_it_as_it_was() -> None:
    before = rows.as_json(DRAFT)

    rows.with_value(DRAFT, "where.1.any.0", "3 to 9")
    rows.without(DRAFT, "where.0")
    rows.with_group(DRAFT)

    assert rows.as_json(DRAFT) == before


def test_both_bounds_are_typed_in_one_field_and_go_with_the_comparison() -> None:
    both = rows.with_value(DRAFT, "where.1.any.0", "3 to sma(5)")
    one = rows.with_operator(both, "where.1.any.0", "<")

    assert both["where"][1]["any"][0] | {} == {
        "left": "per", "op": "between", "right": "3", "upto": "sma(5)",
    }  # fmt: skip
    assert one["where"][1]["any"][0] == {"left": "per", "op": "<", "right": "3"}


def test_a_group_goes_with_its_last_member() -> None:
    assert rows.without(DRAFT, "where.1.any.0")["where"] == DRAFT["where"][:1]
    assert rows.without(DRAFT, "where.1")["where"] == DRAFT["where"][:1]


def test_more_conditions_are_added_to_everything_or_to_a_group() -> None:
    group = rows.rows_of(DRAFT)[1]

    longer = rows.with_condition(rows.with_group(DRAFT), group)

    assert [row.path for row in rows.rows_of(longer)] == [
        "where.0", "where.1", "where.1.any.0", "where.1.any.1", "where.2", "where.2.any.0",
    ]  # fmt: skip


def test_a_weight_goes_when_it_is_not_asked_for() -> None:
    draft = {"rank_by": "close", "top": 3, "weigh_by": "expression", "weight": "close"}

    assert "weight" not in rows.with_setting(draft, "weigh_by", "equal")
    assert "top" not in rows.with_setting(draft, "top", None)


def test_what_is_no_json_object_is_no_draft() -> None:
    assert [rows.from_json(text) for text in ("", "{", "[]", "3", '"a"')] == [None] * 5
