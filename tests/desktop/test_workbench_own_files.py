"""A strategy file in the window: offered, asked about once, described, run, and read anew when it changes."""

import pytest
from PySide6.QtWidgets import QApplication

from desktop.views.trust_dialog import TrustDialog
from storage import paths
from tests.desktop.ownfiles import HEAD, HONEST, SIGNALS
from tests.desktop.workbench import Desk

pytestmark = pytest.mark.needs_posix


def write_file(name: str = "own.py", body: str = HONEST) -> str:
    """Put a strategy into the person's folder without agreeing to it; return its path."""
    path = paths.strategies_dir() / name
    path.write_text(HEAD + SIGNALS.format(body=body.strip("\n")), encoding="utf-8")
    return str(path)


def choose(desk: Desk, path: str) -> None:
    """Choose a strategy in the list, as a person does."""
    picker = desk.bench.window.setup.strategy
    desk.wait_for(lambda: picker.findData(path) >= 0)
    picker.setCurrentIndex(picker.findData(path))


def question(desk: Desk) -> TrustDialog:
    """Wait for the question and return it."""

    def asked() -> list[TrustDialog]:
        return [
            w
            for w in QApplication.topLevelWidgets()
            if isinstance(w, TrustDialog) and w.isVisible()
        ]

    desk.wait_for(lambda: bool(asked()))
    return asked()[0]


def test_a_file_is_offered_asked_about_described_and_run(desk: Desk) -> None:
    path = write_file()
    choose(desk, path)

    dialog = question(desk)
    refused = desk.can_run()
    desk.click(dialog.run)
    desk.wait_for(desk.can_run)
    desk.type_into("strategy.params.bars", "25")
    run = desk.run_to_end()

    assert not refused
    assert desk.bench.window.setup.strategy.currentText() == "own.py"
    assert (run.status, run.strategy_name) == ("completed", "own")
    assert desk.bench.service.status(run.run_id).config.strategy.params == {"bars": 25}


def test_a_file_that_is_not_agreed_to_cannot_be_run_and_says_why(desk: Desk) -> None:
    choose(desk, write_file())

    desk.click(question(desk).leave)
    desk.wait_for(lambda: desk.bench.door.is_idle)

    assert not desk.can_run()
    assert "has not been run before" in desk.bench.window.setup.note("strategy")


def test_a_mistake_in_a_file_stands_beside_the_strategy_and_goes_when_it_is_mended(
    desk: Desk,
) -> None:
    path = write_file(body="        return ((")
    choose(desk, path)
    setup = desk.bench.window.setup
    desk.wait_for(lambda: "SyntaxError" in setup.note("strategy"))

    write_file()
    desk.click(question(desk).run)
    desk.wait_for(desk.can_run)

    assert setup.note("strategy") == ""
