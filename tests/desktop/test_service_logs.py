"""The log holds facts and no secrets, and writing it never stops anything."""

import json
import logging
from pathlib import Path

import pytest

from desktop import logs

SECRET = "hunter2-ünïcode"


@pytest.fixture
def log_file(tmp_path):
    yield logs.configure(tmp_path / "log")
    root = logging.getLogger("tradebench")
    for handler in list(root.handlers):
        root.removeHandler(handler)
        handler.close()


def lines(file: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]


def test_a_record_is_one_json_object_with_time_level_and_topic(log_file):
    logs.get("runs").info("backtest_created", run_id="abc", total_return=0.5, start_date=None)

    (line,) = lines(log_file)
    assert line.pop("timestamp")
    assert line == {
        "event": "backtest_created",
        "run_id": "abc",
        "total_return": 0.5,
        "start_date": None,
        "level": "info",
        "logger": "tradebench.runs",
    }


def test_configuring_twice_writes_every_record_once(log_file):
    logs.configure(log_file.parent)

    logs.get("runs").info("once")

    assert len(lines(log_file)) == 1


@pytest.mark.parametrize(
    "values",
    [
        {"password": SECRET},
        {"db_password": SECRET},
        {"dsn": f"postgresql+psycopg://me:{SECRET}@host/db"},
        {"error": f"could not connect: host=h user=me password={SECRET} dbname=d"},
        {"error": f"password='{SECRET} with space'"},
        {"nested": {"profile": [{"token": SECRET}]}},
        {"url": f"see postgres://me:{SECRET}@[::1]:5432/x?sslmode=require"},
        {"object": ValueError(f"postgresql://me:{SECRET}@host")},
        {"error": "postgresql://me:p@hunter2@host/db"},
        {"json": json.dumps({"password": SECRET}, ensure_ascii=False)},
    ],
)
def test_no_secret_reaches_the_file(log_file, values):
    logs.get("data").error("connection_failed", **values)

    text = log_file.read_text(encoding="utf-8")
    assert "hunter2" not in text
    assert logs.HIDDEN in text


def test_a_traceback_is_kept_and_cleaned(log_file):
    try:
        raise ValueError(f"postgresql://me:{SECRET}@host is not reachable")
    except ValueError as error:
        logs.get("cli").error("defect", exc_info=error)

    (line,) = lines(log_file)
    assert "test_service_logs.py" in str(line["exception"])
    assert "hunter2" not in str(line)


def test_what_is_no_secret_stays_readable(log_file):
    logs.get("data").info("read", url="https://host/path?x=1", note="tokens: 5, compass: north")

    (line,) = lines(log_file)
    assert line["url"] == "https://host/path?x=1"
    assert line["note"] == "tokens: 5, compass: north"


def test_the_file_rotates_and_old_ones_go(tmp_path, log_file, monkeypatch):
    handler = next(h for h in logging.getLogger("tradebench").handlers if hasattr(h, "maxBytes"))
    monkeypatch.setattr(handler, "maxBytes", 2000)

    for number in range(200):
        logs.get("runs").info("event", number=number)

    files = sorted(log_file.parent.iterdir())
    assert len(files) == 1 + logs.BACKUPS
    assert max(file.stat().st_size for file in files) <= 2000
    assert lines(log_file)[-1]["number"] == 199


def test_a_disk_that_takes_no_more_loses_lines_and_nothing_else(log_file, monkeypatch):
    handler = next(h for h in logging.getLogger("tradebench").handlers if hasattr(h, "maxBytes"))

    def full(_record: logging.LogRecord) -> bool:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(handler, "shouldRollover", full)

    logs.get("runs").info("lost")

    assert not log_file.exists()
