"""Paths, calendars and the names of failures."""

import sqlite3
from pathlib import Path

import numpy as np
import pytest
import sqlalchemy as sa
from sqlalchemy import exc

from engine.errors import BacktestError, BacktestNotFoundError
from engine.types import NS_PER_DAY
from storage import errors, paths
from storage.calendars import names, sessions, sessions_per_year
from storage.errors import translate, translated


def day(text: str) -> int:
    """Return a date as nanoseconds."""
    return int(np.datetime64(text, "D").astype(np.int64)) * NS_PER_DAY


def test_one_variable_moves_all_state_to_one_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRADEBENCH_HOME", str(tmp_path / "all"))

    folders = [
        paths.data_dir(),
        paths.config_dir(),
        paths.cache_dir(),
        paths.log_dir(),
        paths.backup_dir(),
        paths.market_dir(),
        paths.strategies_dir(),
        paths.database_file().parent,
    ]

    assert [f.is_relative_to(tmp_path / "all") for f in folders] == [True] * 8
    assert [f.stat().st_mode & 0o077 for f in folders] == [0] * 8


def test_without_the_variable_the_operating_system_decides(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TRADEBENCH_HOME")
    monkeypatch.setattr("platformdirs.user_data_path", lambda app, appauthor: tmp_path / "os" / app)

    assert paths.data_dir() == tmp_path / "os" / "tradebench"


def test_a_home_that_cannot_be_made_is_told_plainly(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("TRADEBENCH_HOME", str(tmp_path / "file" / "home"))

    with pytest.raises(errors.DatabaseConnectionError, match="cannot be made") as failure:
        paths.data_dir()

    assert "TRADEBENCH_HOME" in failure.value.hint


def test_sessions_leave_out_weekends_and_holidays() -> None:
    found = sessions("XNYS", day("2010-12-23"), day("2011-01-04"))

    shown = found.astype("datetime64[ns]").astype("datetime64[D]").astype(str).tolist()
    assert shown == [
        "2010-12-23", "2010-12-27", "2010-12-28", "2010-12-29", "2010-12-30", "2010-12-31",
        "2011-01-03", "2011-01-04",
    ]  # fmt: skip


def test_sessions_a_year_are_those_of_the_calendar() -> None:
    of_2010 = sessions_per_year("XNYS", day("2010-03-01"), day("2010-06-01"))
    of_two = sessions_per_year("XNYS", day("2011-12-31"), day("2012-01-01"))

    assert (of_2010, of_two) == (252.0, 251.0)  # 252 in 2011, 250 in 2012: a hurricane


def test_an_unknown_calendar_names_its_neighbours() -> None:
    with pytest.raises(BacktestNotFoundError, match="XKRQ") as failure:
        sessions("XKRQ", 0, 1)

    assert "XKRX" in failure.value.hint
    assert {"XNYS", "XKRX", "XLON"} <= set(names())


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (sqlite3.SQLITE_BUSY, errors.DatabaseConnectionError),
        (sqlite3.SQLITE_BUSY_SNAPSHOT, errors.DatabaseConnectionError),
        (sqlite3.SQLITE_LOCKED, errors.DatabaseConnectionError),
        (sqlite3.SQLITE_FULL, errors.StorageFullError),
        (sqlite3.SQLITE_CORRUPT, errors.CorruptDatabaseError),
        (sqlite3.SQLITE_NOTADB, errors.CorruptDatabaseError),
        (sqlite3.SQLITE_CANTOPEN, errors.DatabaseConnectionError),
        (sqlite3.SQLITE_READONLY, errors.DatabaseConnectionError),
        (sqlite3.SQLITE_IOERR_FSYNC, errors.DatabaseConnectionError),
        (sqlite3.SQLITE_INTERRUPT, errors.QueryTimeout),
    ],
)
def test_failures_of_the_world_have_a_name_and_a_way_out(
    code: int, kind: type[errors.BacktestStorageError]
) -> None:
    failure = sqlite3.OperationalError("told by the driver")
    failure.sqlite_errorcode = code

    named = translate(exc.OperationalError("SELECT 1", {}, failure))

    assert type(named) is kind
    assert isinstance(named, errors.BacktestStorageError) and named.hint
    assert named.exit_code == 5


def test_a_defect_of_ours_keeps_its_name() -> None:
    engine = sa.create_engine("sqlite://")

    with pytest.raises(exc.OperationalError), translated(), engine.connect() as connection:
        connection.exec_driver_sql("SELECT * FROM no_such_table")
    with pytest.raises(KeyError), translated():
        raise KeyError
    engine.dispose()


def test_a_full_disk_stores_nothing_and_says_so(tmp_path: Path) -> None:
    from storage.runs import RunStore
    from tests.builders import make_config, make_strategy

    with RunStore.open(tmp_path / "runs.sqlite") as store:
        kept = store.submit(make_config(), make_strategy(), engine_version="0.1.0")
        with store._database._writer.connect() as connection:
            pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
            connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")

        with pytest.raises(errors.StorageFullError):
            for number in range(200):
                text = f"{number}" + "x" * 5000
                store.add_event(kept, "note", text)

        assert store.get(kept).status == "queued"


def test_every_failure_has_its_exit_code() -> None:
    kinds = {
        errors.BacktestStorageError: 5,
        errors.DatabaseConnectionError: 5,
        errors.CorruptDatabaseError: 5,
        errors.NewerDatabaseError: 5,
        errors.StorageFullError: 5,
        errors.QueryTimeout: 5,
        errors.QuotaExceeded: 6,
        errors.RecordNotFoundError: 3,
        errors.DuplicateRecordError: 2,
        errors.IllegalStatusError: 2,
    }

    assert {kind: kind("why").exit_code for kind in kinds} == kinds
    assert {issubclass(kind, BacktestError) for kind in kinds} == {True}
    assert errors.QuotaExceeded("why", retry_after=30).retry_after == 30
