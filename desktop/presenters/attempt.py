"""The work of one run of the window, in the two parts that threads do.

`Attempt.drive` submits, gets ready, loads, simulates and saves; a stop ends it at once, wherever it is. What there is
then is not lost: `Attempt.keep` stores it, marked as partial, and takes as long as that takes.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from desktop.presenters.state import RunView, view_of
from desktop.service.facade import Service
from desktop.tasks.worker import Control
from engine.config import BacktestConfig
from engine.result import BacktestProgress
from storage.errors import Stopped

if TYPE_CHECKING:
    from desktop.service.running import Run

Prepare = Callable[[RunView], object]
# waits, on the run's thread, for what must be there first: (should_stop, on_wait)
Ready = Callable[[Callable[[], bool], Callable[[], None]], object]


class Attempt:
    """One configuration on its way to a result; each part is done once, on a thread of its own."""

    def __init__(
        self,
        service: Service,
        config: BacktestConfig,
        prepare: Prepare | None = None,
        ready: Ready | None = None,
    ) -> None:
        """Take what is needed; ``prepare`` builds what charts need of a run."""
        self._service = service
        self._config = config
        self._prepare = prepare
        self._ready = ready
        self._run: Run | None = None

    @property
    def has_begun(self) -> bool:
        """Whether there is a row in the database, which somebody has to end."""
        return self._run is not None

    def drive(self, control: Control) -> RunView | None:
        """Bring the run to its end.

        Raises:
            Stopped: the task was cancelled before all of it was saved.
        """
        run_id = self._service.submit(self._config, should_stop=control.should_stop)
        self._run = run = self._service.begin(run_id)
        if self._ready is not None:
            self._ready(
                control.should_stop, lambda: control.report(BacktestProgress("compile", 0.0))
            )
            control.check()
        if not run.drive(control.report, control.should_stop):
            raise Stopped
        return self._view(run)

    def keep(self, _control: Control) -> RunView | None:
        """Store what a stopped run has; return None when that is not a single bar."""
        run = self._run
        if run is None:
            return None
        run.keep()
        return self._view(run)

    def _view(self, run: "Run") -> RunView | None:
        view = view_of(run.stored(), run.panel)
        if view is None or self._prepare is None:
            return view
        return replace(view, drawn=self._prepare(view))
