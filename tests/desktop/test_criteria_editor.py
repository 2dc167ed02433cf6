"""Screening in the window: criteria are typed as rows or as text, judged beside the field, and run."""

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLineEdit

from desktop.views.criteria_editor import CriteriaEditor
from engine.criteria import Criteria
from tests.desktop.workbench import Desk


def screen(desk: Desk, **criteria: object) -> CriteriaEditor:
    """Set criteria up on the demo's five stocks and return their editor."""
    given = criteria or {
        "where": [{"left": "close", "op": ">", "right": "sma(50)"}],
        "rank_by": "roc(60)",
        "top": 2,
    }
    desk.set_up(
        strategy={"criteria": given},
        data={"source": "demo", "universe": "demo", "start": "2011-01-03", "end": "2012-12-31"},
    )
    return desk.bench.window.setup.criteria


def typed(desk: Desk, line: QLineEdit, text: str) -> None:
    line.setFocus()
    line.selectAll()
    desk.qtbot.keyClicks(line, text)


def draft(desk: Desk) -> dict[str, object]:
    found = desk.bench.setup.state.criteria
    assert found is not None
    return found


def test_choosing_screening_begins_with_criteria_that_can_be_run(desk: Desk) -> None:
    desk.set_up()
    combo = desk.bench.window.setup.strategy
    assert not desk.bench.window.setup.criteria.isVisible()

    combo.setCurrentIndex(combo.findData("screening"))

    assert desk.bench.window.setup.criteria.isVisible()
    assert desk.can_run()
    assert Criteria.model_validate(draft(desk)).top == 3
    combo.setCurrentIndex(combo.findData("sma_cross"))
    assert not desk.bench.window.setup.criteria.isVisible()


def test_a_wrong_expression_says_why_beside_its_row_and_nothing_runs(desk: Desk) -> None:
    editor = screen(desk)
    (row,) = editor.lines()

    typed(desk, row.value, "smaa(50)")
    assert "there is no indicator 'smaa'" in row.problem()
    assert "smaa" in row.value.accessibleDescription()
    assert not desk.can_run()

    typed(desk, row.value, "1.01 * sma(50)")
    assert row.problem() == ""
    assert desk.can_run()
    assert draft(desk)["where"] == [{"left": "close", "op": ">", "right": "1.01 * sma(50)"}]


def test_a_ranking_that_misses_its_count_or_measure_says_so(desk: Desk) -> None:
    editor = screen(desk)

    typed(desk, editor.field("rank_by").editor, "roc")
    assert "needs its bars" in editor.field("rank_by").problem()
    typed(desk, editor.field("rank_by").editor, "roc(20)")
    typed(desk, editor.field("top").editor, "many")

    assert "integer" in editor.field("top").problem()
    assert not desk.can_run()


def test_rows_and_groups_are_added_and_removed(desk: Desk) -> None:
    editor = screen(desk)

    desk.click(editor.add_condition)
    desk.click(editor.add_group)
    desk.click(editor.lines()[2].add)
    assert [line.row.path for line in editor.lines()] == [
        "where.0", "where.1", "where.2", "where.2.any.0", "where.2.any.1",
    ]  # fmt: skip
    assert desk.can_run()

    desk.click(editor.lines()[2].remove)
    desk.click(editor.lines()[0].remove)
    assert [line.row.path for line in editor.lines()] == ["where.0"]


def test_the_comparison_is_chosen_and_two_bounds_are_typed(desk: Desk) -> None:
    editor = screen(desk)
    (row,) = editor.lines()

    row.operator.setCurrentIndex(row.operator.findData("between"))
    assert "two bounds" in row.problem()
    typed(desk, row.value, "10 and 500")

    assert row.problem() == ""
    assert draft(desk)["where"] == [
        {"left": "close", "op": "between", "right": "10", "upto": "500"}
    ]


def test_text_and_rows_are_the_same_criteria(desk: Desk) -> None:
    editor = screen(desk)
    desk.click(editor.json_toggle)
    assert editor.json.isVisible()
    assert '"right": "sma(50)"' in editor.json.toPlainText()

    editor.json.setPlainText(editor.json.toPlainText().replace("sma(50)", "sma(40)"))
    desk.click(editor.json_toggle)

    assert editor.lines()[0].value.text() == "sma(40)"
    assert desk.can_run()


def test_text_that_is_no_json_changes_nothing_and_says_so(desk: Desk) -> None:
    editor = screen(desk)
    before = draft(desk)
    desk.click(editor.json_toggle)

    editor.json.setPlainText("{")

    assert "not JSON" in editor.note()
    assert draft(desk) == before


def test_a_problem_of_no_single_row_stands_below(desk: Desk) -> None:
    editor = screen(desk, where=[], top=None)

    assert "what qualifies" in editor.note()
    assert not desk.can_run()


def test_a_field_that_the_data_lack_is_told_beside_its_row_after_the_run(desk: Desk) -> None:
    editor = screen(desk, where=[{"left": "per", "op": "<", "right": 10}])

    desk.run_to_end()

    assert "no field 'per'" in editor.lines()[0].problem()


def test_criteria_run_and_a_stored_run_brings_them_back(desk: Desk) -> None:
    screen(desk)

    run = desk.run_to_end()

    assert (run.strategy_name, run.status) == ("screening", "completed")
    config = desk.bench.service.status(run.run_id).config
    desk.bench.setup.load(config.model_dump(mode="json", exclude_defaults=True))
    assert desk.bench.window.setup.criteria.lines()[0].value.text() == "sma(50)"
    assert desk.can_run()


def test_every_line_can_be_reached_by_keyboard_and_has_a_name(desk: Desk) -> None:
    editor = screen(desk)

    for line in editor.lines():
        for widget in (line.left, line.operator, line.value, line.remove):
            assert widget.accessibleName()
            assert widget.focusPolicy() & Qt.FocusPolicy.TabFocus


def test_a_wide_panel_puts_a_condition_on_one_line(desk: Desk) -> None:
    (row,) = screen(desk).lines()
    desk.wait_for(lambda: row.left.y() < row.value.y())

    desk.bench.window.setup.setMinimumWidth(640)

    desk.wait_for(lambda: row.left.y() == row.value.y())
    assert row.left.x() < row.operator.x() < row.value.x()
