"""Saved strategies in the window: what is set up is kept under a name, chosen again, and run as it was."""

from desktop.presenters.setup import SetupPresenter
from tests.desktop.workbench import TODAY, Desk

CRITERIA = {
    "where": [{"left": "close", "op": ">", "right": "sma(50)"}],
    "rank_by": "roc(60)",
    "top": 2,
}
DATA = {"source": "demo", "universe": "demo", "start": "2011-01-03", "end": "2012-12-31"}


def save(desk: Desk, name: str) -> None:
    bar = desk.bench.window.setup.save_bar
    bar.name.setFocus()
    bar.name.selectAll()
    desk.qtbot.keyClicks(bar.name, name)
    before = desk.bench.strategies.state
    desk.click(bar.button)
    desk.wait_for(lambda: desk.bench.strategies.state is not before)


def test_what_is_set_up_is_kept_chosen_and_run(desk: Desk) -> None:
    desk.set_up(strategy={"criteria": CRITERIA}, data=DATA)
    panel = desk.bench.window.setup
    assert not panel.save_bar.button.isEnabled()

    save(desk, "Strong two")

    assert panel.save_bar.told() == "Saved as Strong two@1.0.0"
    assert panel.strategy.currentData() == "Strong two@1.0.0"
    assert not panel.criteria.isVisible()
    run = desk.run_to_end()
    assert (run.strategy_name, run.status) == ("Strong two", "completed")


def test_an_earlier_version_can_still_be_shown_and_run(desk: Desk) -> None:
    desk.set_up(strategy={"criteria": CRITERIA}, data=DATA)
    save(desk, "Strong")
    desk.set_up(strategy={"criteria": CRITERIA | {"top": 1}}, data=DATA)
    save(desk, "Strong")
    panel = desk.bench.window.setup
    assert panel.save_bar.told() == "Saved as Strong@1.0.1"

    desk.set_up(strategy={"name": "Strong@1.0.0"}, data=DATA)

    assert panel.strategy.currentText() == "Strong@1.0.0"
    assert desk.run_to_end().status == "completed"


def test_a_name_that_cannot_be_taken_says_why(desk: Desk) -> None:
    desk.set_up()

    save(desk, "rsi_reversion")

    assert "name of a built-in strategy" in desk.bench.window.setup.save_bar.told()


def test_a_reference_needs_no_parameters_to_be_free_of_problems() -> None:
    presenter = SetupPresenter(lambda: TODAY)

    presenter.set_strategy("mine@1.0.0")

    assert presenter.state.problems == {}
    assert presenter.state.parameters == ()
