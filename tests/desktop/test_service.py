"""The facade's promises: however a run ends, its row says so, and nothing that ended changes again."""

import datetime as dt
import os
import signal
from pathlib import Path

import pytest

from desktop.cli.progress import stop_on_interrupt
from desktop.service import running
from desktop.service.configfile import load_config
from desktop.service.facade import Service
from engine.errors import BacktestError, BacktestNotFoundError, BacktestValidationError
from engine.result import BacktestProgress
from storage.connect import lock_of
from tests.desktop.builders import bar_lines, bars_file, config_file


@pytest.fixture
def service():
    with Service.open() as opened:
        yield opened


def submitted(service: Service, tmp_path: Path, **sections: dict[str, object]) -> str:
    """Return the id of a new run on a small file, of more bars than one chunk."""
    bars_file(tmp_path, bar_lines(days=3000))
    return service.submit(load_config(config_file(tmp_path, **sections)))


def test_a_submitted_run_is_queued_and_a_finished_one_completed(service, tmp_path):
    run_id = submitted(service, tmp_path)
    before = service.status(run_id).status

    stored = service.execute(run_id)

    assert before == "queued"
    assert stored.record.status == "completed"
    assert stored.result is not None
    assert service.history().items[0].run_id == run_id


def test_what_is_loaded_again_has_the_hash_of_what_was_run(service, tmp_path):
    run_id = submitted(service, tmp_path)

    stored = service.execute(run_id)
    again = service.load(run_id)

    assert again.result is not None
    assert stored.record.result_hash == again.record.result_hash == again.result.result_hash


def test_progress_never_falls_and_ends_saved(service, tmp_path):
    seen: list[BacktestProgress] = []
    run_id = submitted(service, tmp_path)

    service.execute(run_id, seen.append)

    fractions = [progress.fraction for progress in seen]
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1.0
    assert [seen[0].stage, seen[-2].stage, seen[-1].stage] == ["load", "save", "done"]


def test_the_bars_are_handed_out_as_soon_as_they_are_there(service, tmp_path):
    run_id = submitted(service, tmp_path)
    seen: list[object] = []

    service.execute(
        run_id,
        on_progress=lambda progress: seen.append(progress.stage),
        on_panel=lambda panel: seen.append(panel.symbols),
    )

    assert seen[:2] == ["load", ("AAA",)]


def test_a_run_that_is_stopped_is_cancelled_and_keeps_what_it_had(service, tmp_path):
    seen: list[BacktestProgress] = []
    run_id = submitted(service, tmp_path)

    stored = service.execute(run_id, seen.append, lambda: seen[-1].bars_done > 0)

    assert stored.record.status == "cancelled"
    with pytest.raises(BacktestNotFoundError, match="run is cancelled"):
        service.chart(run_id)
    points = service.chart(run_id, partial=True).points_total
    assert 0 < points < 3000


def test_a_run_that_is_stopped_before_its_first_bar_is_cancelled(service, tmp_path):
    run_id = submitted(service, tmp_path)

    stored = service.execute(run_id, should_stop=lambda: True)

    assert stored.record.status == "cancelled"


def test_a_run_is_stopped_by_another_process_through_the_database(service, tmp_path):
    run_id = submitted(service, tmp_path)
    with Service.open() as other:
        asked = other.stop(run_id[:13])

    stored = service.execute(run_id)

    assert asked is True
    assert stored.record.status == "cancelled"


def test_stopping_twice_is_the_same_as_once(service, tmp_path):
    run_id = submitted(service, tmp_path)

    service.stop(run_id)
    service.stop(run_id)
    stored = service.execute(run_id)

    assert stored.record.status == "cancelled"
    assert service.stop(run_id) is False


def test_a_hard_interrupt_leaves_the_run_cancelled(service, tmp_path):
    run_id = submitted(service, tmp_path)

    def interrupt(progress: BacktestProgress) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        service.execute(run_id, interrupt)

    assert service.status(run_id).status == "cancelled"


def test_an_interrupt_after_the_save_leaves_the_run_completed(service, tmp_path):
    run_id = submitted(service, tmp_path)

    def interrupt(progress: BacktestProgress) -> None:
        if progress.stage == "done":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        service.execute(run_id, interrupt)

    assert service.status(run_id).status == "completed"


def test_a_run_outlives_another_process_that_writes_for_long(service, tmp_path, monkeypatch):
    run_id = submitted(service, tmp_path)
    other = lock_of(service.store.database.path)
    monkeypatch.setattr(running, "_NOTE_SECONDS", 0.0)

    def write_elsewhere(progress: BacktestProgress) -> None:
        if progress.stage == "signals":
            other.acquire()
        elif progress.stage == "save":
            other.release()

    stored = service.execute(run_id, write_elsewhere)

    assert stored.record.status == "completed"


def test_a_defect_leaves_the_run_failed_with_message_and_traceback(service, tmp_path):
    run_id = submitted(service, tmp_path)

    def broken(progress: BacktestProgress) -> None:
        raise RuntimeError("the listener of postgresql://me:hunter2@host is broken")

    with pytest.raises(RuntimeError):
        service.execute(run_id, broken)

    record = service.status(run_id)
    assert record.status == "failed"
    assert "listener" in (record.error_message or "")
    assert "RuntimeError" in (record.traceback or "")
    assert "hunter2" not in f"{record.error_message}{record.traceback}"


def test_a_failure_to_mend_names_the_run_and_leaves_it_failed(service, tmp_path):
    run_id = submitted(service, tmp_path, data={"symbols": ["ZZZ"]})

    with pytest.raises(BacktestError) as caught:
        service.execute(run_id)

    assert caught.value.run_id == run_id
    assert service.status(run_id).status == "failed"


def test_a_run_is_executed_once(service, tmp_path):
    run_id = submitted(service, tmp_path)
    first = service.execute(run_id)

    with pytest.raises(BacktestError):
        service.execute(run_id)

    assert service.load(run_id).record == first.record


def test_a_start_in_the_future_is_judged_by_the_day_handed_in(tmp_path, service):
    bars_file(tmp_path)
    config = load_config(config_file(tmp_path, data={"start": "2020-03-01"}))
    service._today = lambda: dt.date(2020, 2, 28)

    with pytest.raises(BacktestValidationError, match="future"):
        service.submit(config)


def test_unusual_settings_are_warnings_of_the_result(service, tmp_path):
    run_id = submitted(service, tmp_path, costs={"commission_pct": 7})

    stored = service.execute(run_id)

    assert stored.result is not None
    assert any("7 %" in text for text in stored.result.warnings)


def test_dates_choose_the_counted_bars_and_warm_up_comes_before(service, tmp_path):
    run_id = submitted(service, tmp_path, data={"start": "2020-06-01", "end": "2020-09-30"})

    stored = service.execute(run_id)

    assert stored.result is not None
    chart = service.chart(run_id)
    assert chart.monthly_returns[0].month == 6
    assert chart.monthly_returns[-1].month == 9


def test_two_symbols_share_one_account(service, tmp_path):
    lines = bar_lines("AAA") + bar_lines("BBB", phase=1.5)
    bars_file(tmp_path, lines)
    config = load_config(config_file(tmp_path))

    stored = service.execute(service.submit(config))

    assert stored.result is not None
    assert stored.result.symbols == ("AAA", "BBB")
    assert stored.result.curve.cash.min() >= -1e-6


@pytest.fixture
def interruptible():
    """Take interrupts: a job in the background of a shell begins with them ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("interruptible")
def test_the_first_interrupt_asks_and_the_second_ends():
    with stop_on_interrupt() as should_stop:
        before = should_stop()
        os.kill(os.getpid(), signal.SIGINT)
        after = should_stop()
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)

    assert (before, after) == (False, True)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_service_closed_twice_is_closed_once(service):
    service.close()

    service.close()

    with Service.open() as again:
        assert again.history().total == 0
