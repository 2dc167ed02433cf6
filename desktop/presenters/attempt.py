"""The work of one run of the window, in the two parts that threads do.

`Attempt.drive` submits, gets ready, loads, simulates and saves; a stop ends it at once, wherever it is. What there is
then is not lost: `Attempt.keep` stores it, marked as partial, and takes as long as that takes.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from desktop.presenters.state import LiveProgress, RunView, view_of
from desktop.service.facade import Service
from desktop.tasks.worker import Control
from engine.config import BacktestConfig
from engine.pacing import Transport
from engine.result import BacktestProgress, LiveCurve
from storage.errors import Stopped

if TYPE_CHECKING:
    from desktop.service.running import Run

Prepare = Callable[[RunView], object]
# waits, on the run's thread, for what must be there first: (should_stop, on_wait)
Ready = Callable[[Callable[[], bool], Callable[[], None]], object]
Draw = Callable[[LiveCurve], object]
# from the initial capital to what draws the growing curve of one run
Follow = Callable[[float], Draw]


class Attempt:
    """One configuration on its way to a result; each part is done once, on a thread of its own."""

    def __init__(
        self,
        service: Service,
        config: BacktestConfig,
        prepare: Prepare | None = None,
        ready: Ready | None = None,
        follow: Follow | None = None,
        transport: Transport | None = None,
        *,
        run_id: str = "",
    ) -> None:
        """Take what is needed.

        Args:
            service: the runs.
            config: what to run.
            prepare: builds what charts need of a run that has ended.
            ready: waits for what must be there first.
            follow: makes what builds the growing curve.
            transport: the hand on its speed.
            run_id: an interrupted run that goes on; empty begins a new one.
        """
        self._service = service
        self._config = config
        self._prepare = prepare
        self._ready = ready
        self._follow = follow
        self._transport = transport
        self._run_id = run_id
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
        run_id = self._run_id or self._service.submit(self._config, should_stop=control.should_stop)
        self._run = run = self._service.begin(run_id, self._transport)
        if self._ready is not None:
            self._ready(
                control.should_stop, lambda: control.report(BacktestProgress("compile", 0.0))
            )
            control.check()
        if not run.drive(self._reporter(control), control.should_stop):
            raise Stopped
        return self._view(run)

    def _reporter(self, control: Control) -> Callable[[BacktestProgress], None]:
        """Return what tells progress, with what is drawn of the curve so far."""
        if self._follow is None:
            return control.report
        draw = self._follow(self._config.account.initial_capital)

        def report(progress: BacktestProgress) -> None:
            if progress.live is not None:
                progress = LiveProgress.of(progress, draw(progress.live))
            control.report(progress)

        return report

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
