"""The area of the run: from the set-up through passwords and progress to the result that is shown."""

from PySide6.QtCore import QObject, Signal

from desktop import fmt
from desktop.actions import Command
from desktop.presenters.logins import PasswordQuestion
from desktop.presenters.passwords import PasswordsPresenter
from desktop.presenters.run import Failure, RunPresenter, RunState
from desktop.presenters.setup import SetupPresenter
from desktop.presenters.state import LiveProgress, RunView, strategy_title
from desktop.service.demo import demo_values
from desktop.views.password_dialog import PasswordDialog
from desktop.workbench.room import Room
from engine.config import BacktestConfig
from engine.errors import Problem
from engine.result import BacktestProgress


class RunArea(QObject):
    """Connects the set-up, the run, its questions and the result.

    Signals:
        began(): a run takes the place of what was shown.
        listed(): a run has come into the history, or its status has changed.
        ended(): a run was stored, and may be sent on.
    """

    began = Signal()
    listed = Signal()
    ended = Signal()

    def __init__(
        self,
        room: Room,
        setup: SetupPresenter,
        run: RunPresenter,
        passwords: PasswordsPresenter,
        parent: QObject | None = None,
    ) -> None:
        """Make the connections."""
        super().__init__(parent)
        self._room = room
        self._setup = setup
        self._run = run
        self._passwords = passwords
        self._leaving = False
        self._live, self._capital, self._title = False, 0.0, ""
        panel, result = room.window.setup, room.window.result
        panel.run_requested.connect(self.start_run)
        panel.stop_requested.connect(run.stop)
        passwords.ready.connect(self._on_ready)
        passwords.wanted.connect(self._on_password_wanted)
        passwords.given_up.connect(room.tell)
        run.state_changed.connect(panel.run_bar.set_state)
        run.state_changed.connect(self._on_state_changed)
        run.progressed.connect(panel.run_bar.show_progress)
        run.progressed.connect(self._on_progressed)
        run.completed.connect(self._on_completed)
        run.stopped.connect(self._on_stopped)
        run.failed.connect(self._on_failed)
        setup.changed.connect(self._on_setup_changed)
        result.action_requested.connect(room.window.show_start)
        room.window.start_page.demo_requested.connect(self.set_up_demo)
        room.actions[Command.STOP].setEnabled(False)
        self._on_setup_changed()

    def start_run(self) -> None:
        """Run what is set up; does nothing while the set-up has a problem or a run is under way."""
        config = self._setup.state.config
        if config is not None and self._run.state is RunState.IDLE and not self._leaving:
            self._passwords.prepare(config)

    def new_run(self) -> None:
        """Begin with an empty result and the set-up in focus."""
        self.began.emit()
        self._room.window.show_start()
        self._room.window.setup.strategy.setFocus()

    def set_up_demo(self) -> None:
        """Fill in the demo; Run is then one press away."""
        self._setup.load(demo_values())
        self._room.window.setup.run_button().setFocus()

    def leave(self) -> None:
        """Stop the run, and start none any more."""
        self._leaving = True
        self._run.stop()

    def _on_ready(self, config: BacktestConfig) -> None:
        if self._leaving:
            return
        self.began.emit()
        self._live, self._capital = False, config.account.initial_capital
        self._title = config.name or strategy_title(config.strategy.name)
        self._run.start(config)

    def _on_password_wanted(self, question: PasswordQuestion) -> None:
        dialog = PasswordDialog(question, self._room.window)
        dialog.answered.connect(self._passwords.answer)
        dialog.rejected.connect(self._passwords.give_up)
        dialog.open()

    def _on_state_changed(self, state: RunState) -> None:
        self._room.actions[Command.STOP].setEnabled(state is RunState.RUNNING)
        self._on_setup_changed()
        if state is not RunState.RUNNING:
            self.listed.emit()

    def _on_setup_changed(self, _state: object = None) -> None:
        ready = self._setup.state.config is not None and self._run.state is RunState.IDLE
        self._room.actions[Command.RUN].setEnabled(ready)

    def _on_progressed(self, progress: BacktestProgress) -> None:
        if progress.stage == "signals":
            self.listed.emit()
        is_early = progress.stage not in ("signals", "simulate") or not progress.bars_total
        if is_early or self._leaving:
            return
        result = self._room.window.result
        if not self._live:
            # Room is made when the number of bars is known: together with the first curve it would take too long.
            self._live = True
            result.begin_live(progress.bars_total, self._capital, self._title)
            self._room.window.show_result()
        if isinstance(progress, LiveProgress):
            result.append_live(progress.drawn, progress.trades)

    def _on_completed(self, view: RunView) -> None:
        self._room.window.result.show_run(view)
        self._room.window.show_result()
        took = fmt.duration(view.result.duration_seconds)
        self._room.tell(self.tr("Finished in {0}").format(took))
        self.ended.emit()

    def _on_stopped(self, view: RunView | None) -> None:
        if view is None:
            self._room.window.show_start()
            self._room.tell(self.tr("Stopped before there was anything to show."))
            return
        self._room.window.result.show_run(view)
        self._room.window.show_result()
        self._room.tell(self.tr("Stopped; what there was until then is kept, marked partial."))
        self.ended.emit()

    def _on_failed(self, failure: Failure) -> None:
        if failure.field:
            self._setup.add_problem(Problem(failure.field, failure.message, failure.hint))
            self._room.window.setup.go_to(failure.field)
        self._room.window.result.show_failure(
            failure, self.tr("The run failed"), self.tr("Back to the start")
        )
        self._room.window.show_result()
        self._room.tell_failure(failure)
