"""What is typed into the set-up is judged at once: what is wrong says why, and nothing runs until it is mended."""

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QComboBox

from desktop.presenters.run import RunState
from tests.desktop.workbench import Desk

WRONG = [
    pytest.param("account.initial_capital", "a lot", "10000", "number", id="text-in-a-number"),
    pytest.param("account.initial_capital", "-5", "5", "greater than 0", id="negative-capital"),
    pytest.param("costs.commission_pct", "-0.1", "0.1", "greater than or equal", id="commission"),
    pytest.param("data.start", "2026-02-01", "2010-01-01", "future", id="start-in-the-future"),
    pytest.param("data.start", "soon", "2010-01-01", "date", id="no-date"),
    pytest.param("strategy.params.fast", "0", "5", "greater than or equal to 1", id="out-of-range"),
    pytest.param("strategy.params.fast", "ten", "5", "integer", id="text-in-a-parameter"),
]


def assert_nothing_runs(desk: Desk) -> None:
    assert not desk.can_run()
    desk.press(Qt.Key.Key_R)
    desk.click(desk.bench.window.setup.run_button())
    assert desk.bench.run.state is RunState.IDLE
    assert desk.runs() == ()


@pytest.mark.parametrize(("path", "wrong", "right", "reason"), WRONG)
def test_a_wrong_field_says_why_and_nothing_runs_until_it_is_mended(
    desk: Desk, path: str, wrong: str, right: str, reason: str
) -> None:
    desk.set_up()
    assert desk.can_run()

    desk.type_into(path, wrong)
    assert reason in desk.problem(path)
    assert reason in desk.line(path).accessibleDescription()
    assert desk.line(path).isVisible()
    assert_nothing_runs(desk)

    desk.type_into(path, right)
    assert desk.problem(path) == ""
    assert desk.can_run()


def test_parameters_that_do_not_fit_each_other_say_so_below_them(desk: Desk) -> None:
    desk.set_up()

    desk.type_into("strategy.params.fast", "50")
    assert desk.bench.window.setup.note("strategy") == "fast 50 must be less than slow 20"
    assert_nothing_runs(desk)

    desk.type_into("strategy.params.fast", "5")
    assert desk.bench.window.setup.note("strategy") == ""
    assert desk.can_run()


def test_a_parameter_that_the_strategy_does_not_have_is_named(desk: Desk) -> None:
    desk.set_up(strategy={"name": "sma_cross", "params": {"speed": 3}})

    assert "speed" in desk.bench.window.setup.note("strategy")
    assert_nothing_runs(desk)

    desk.set_up()
    assert desk.can_run()


def test_an_unknown_strategy_is_named(desk: Desk) -> None:
    desk.set_up(strategy={"name": "oracle"})

    assert "oracle" in desk.bench.window.setup.note("strategy")
    assert_nothing_runs(desk)


def test_a_problem_of_a_folded_section_unfolds_it(desk: Desk) -> None:
    line = desk.line("costs.commission_pct")
    assert not line.isVisible()

    desk.set_up(costs={"commission_pct": -1})

    assert line.isVisible()
    assert "greater than or equal to 0" in desk.problem("costs.commission_pct")


def test_an_unknown_symbol_is_told_beside_the_symbols_and_other_runs_are_as_before(
    desk: Desk,
) -> None:
    desk.set_up()
    good = desk.run_to_end()
    before = desk.bench.service.load(good.run_id).record

    desk.type_into("data.symbols", "APPL")
    bad = desk.run_to_end()

    assert bad.status == "failed"
    assert "There is no symbol 'APPL'" in desk.problem("data.symbols")
    assert "did you mean AAPL" in desk.problem("data.symbols")
    assert "APPL" in desk.message()
    after = desk.bench.service.load(good.run_id).record
    assert (after.result_hash, after.metrics) == (before.result_hash, before.metrics)

    desk.type_into("data.symbols", "AAPL")
    assert desk.problem("data.symbols") == ""
    assert desk.run_to_end().status == "completed"


def test_another_strategy_brings_its_own_parameters(desk: Desk) -> None:
    desk.set_up()
    combo = desk.bench.window.setup.strategy
    row = combo.findData("rsi_reversion")

    combo.setFocus()
    desk.qtbot.keyClicks(combo, combo.itemText(row).split()[0])

    assert desk.bench.setup.state.values["strategy"] == {"name": "rsi_reversion", "params": {}}
    with pytest.raises(KeyError):
        desk.line("strategy.params.fast")
    assert desk.run_to_end().strategy_name == "rsi_reversion"


def test_an_emptied_field_is_its_default_again(desk: Desk) -> None:
    desk.set_up()
    desk.type_into("account.initial_capital", "5000")

    desk.type_into("account.initial_capital", "")

    assert desk.bench.setup.state.values["account"] == {}
    assert desk.run_to_end().initial_capital == 100_000.0


def test_a_choice_is_taken_into_the_run(desk: Desk) -> None:
    desk.set_up(execution={"fill_at": "next_open"})
    editor = desk.bench.window.setup.editor("execution.fill_at").editor
    assert isinstance(editor, QComboBox)

    editor.setFocus()
    desk.qtbot.keyClick(editor, Qt.Key.Key_End)
    run = desk.run_to_end()

    assert desk.bench.service.load(run.run_id).record.config.execution.fill_at == "same_close"
    assert "optimistic fills" in desk.bench.window.result.header.badges
