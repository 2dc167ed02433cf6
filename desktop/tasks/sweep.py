"""A sweep as work for a task: the helpers compute, the task's thread writes, tells and listens.

It ends like any other work: ``succeeded`` with the record of a finished sweep, ``failed``, or ``cancelled``. What a
cancelled or failed sweep had finished is kept, and ``on_begun`` has told under which id.
"""

from collections.abc import Callable
from typing import Any

from desktop.service.sweeping import Prepared, Sweeps
from desktop.tasks.worker import Control, Work
from engine.config import BacktestConfig
from engine.sweeps.spec import SweepConfig
from storage.errors import Stopped


def prepare_work(sweeps: Sweeps, config: BacktestConfig, sweep: SweepConfig) -> Work:
    """Return work that loads the bars, measures, and succeeds with what `sweep_work` needs."""

    def work(control: Control) -> Prepared:
        prepared = sweeps.prepare(config, sweep)
        control.check()
        return prepared

    return work


def sweep_work(
    sweeps: Sweeps, prepared: Prepared, on_begun: Callable[[str], None] | None = None
) -> Work:
    """Return work that simulates what is not finished yet; its reports are `SweepProgress`.

    ``on_begun`` is called on the task's thread: hand in the ``emit`` of a signal.
    """

    def work(control: Control) -> Any:
        record = sweeps.run(prepared, control.report, control.should_stop, on_begun)
        if record.status == "partial":
            raise Stopped
        return record

    return work
