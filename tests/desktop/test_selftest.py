"""The self-test passes where all is well, and each of its checks is seen to fail."""

import csv
import os
from pathlib import Path

import pytest
from PySide6.QtGui import QImage, qRgb

from desktop import selftest
from desktop.service.facade import Service
from desktop.service.kernel_cache import VARIABLE
from engine import result as results
from storage.records import StoredRun
from tests.desktop.windows import finished


@pytest.fixture
def exported(tmp_path: Path, service: Service) -> tuple[Path, StoredRun]:
    """Return the trade file of a run, and the run."""
    stored = finished(service)
    file = tmp_path / "trades.csv"
    service.export_trades_csv(stored.record.run_id, file)
    return file, stored


def rewritten(file: Path, drop: int = 0, more: float = 0.0) -> Path:
    """Return the file without its last rows, or with money added to the first trade."""
    with file.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    rows[0]["net_pnl"] = f"{float(rows[0]['net_pnl']) + more:.4f}"
    with file.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows[: len(rows) - drop])
    return file


def picture(width: int = 120, height: int = 80) -> QImage:
    """Return a picture with many colours everywhere."""
    image = QImage(width, height, QImage.Format.Format_RGB32)
    image.fill(0xFFFFFF)
    for x in range(0, width, 3):
        for y in range(0, height, 3):
            image.setPixel(x, y, qRgb(x, y, 128))
    return image


@pytest.mark.usefixtures("qapp")
def test_it_passes_here_with_a_line_for_each_step():
    lines: list[str] = []

    code = selftest.self_test(lines.append)

    assert code == 0, lines
    steps = [line.split()[1] for line in lines if line.startswith("ok")]
    assert steps == ["parts:", "run:", "reload:", "chart:", "export:"]
    assert lines[-1].startswith("self-test passed in ")


@pytest.mark.usefixtures("qapp")
def test_without_a_home_it_works_in_one_that_is_gone_afterwards(tmp_path, monkeypatch):
    monkeypatch.delenv("TRADEBENCH_HOME")
    monkeypatch.setenv(VARIABLE, os.environ[VARIABLE])
    monkeypatch.setattr(selftest.tempfile, "tempdir", str(tmp_path))
    lines: list[str] = []

    code = selftest.self_test(lines.append)

    assert code == 0, lines
    assert "TRADEBENCH_HOME" not in os.environ
    assert list(tmp_path.glob("tradebench-self-test-*")) == []


def test_a_result_that_comes_back_different_fails_it(monkeypatch):
    monkeypatch.setattr(results, "hash_result", lambda *_arrays: "0" * 64)
    lines: list[str] = []

    code = selftest.self_test(lines.append)

    assert code == 1
    assert lines[-1].startswith("FAILED  reload: the result was ")


def test_a_part_that_cannot_be_loaded_fails_it_with_its_reason(monkeypatch):
    monkeypatch.setattr("desktop.display.why_no_window", lambda: "the library x is missing")
    lines: list[str] = []

    code = selftest.self_test(lines.append)

    assert code == 1
    assert lines == ["FAILED  parts: the library x is missing"]


def test_a_picture_with_something_everywhere_is_accepted():
    assert "120 x 80" in selftest.check_picture(picture())


def test_an_empty_picture_is_refused():
    blank = QImage(120, 80, QImage.Format.Format_RGB32)
    blank.fill(0xFFFFFF)

    with pytest.raises(selftest.SelfTestFailed, match="1 colours"):
        selftest.check_picture(blank)


def test_a_picture_that_could_not_be_read_is_refused():
    with pytest.raises(selftest.SelfTestFailed):
        selftest.check_picture(QImage())


@pytest.mark.parametrize("band", [1, 2, 3, 4])
def test_a_picture_with_one_empty_band_is_refused(band):
    image = picture()
    for x in range(image.width()):
        for y in range((band - 1) * 20, band * 20):
            image.setPixel(x, y, qRgb(255, 255, 255))

    with pytest.raises(selftest.SelfTestFailed, match=f"band {band} "):
        selftest.check_picture(image)


def test_a_whole_trade_file_reconciles(exported):
    assert "trades add up to" in selftest.check_export(*exported)


def test_a_trade_file_without_its_last_row_is_refused(exported):
    file, stored = exported

    with pytest.raises(selftest.SelfTestFailed, match="rows for"):
        selftest.check_export(rewritten(file, drop=1), stored)


def test_a_trade_file_with_a_cent_too_much_is_refused(exported):
    file, stored = exported

    with pytest.raises(selftest.SelfTestFailed, match="add up to"):
        selftest.check_export(rewritten(file, more=0.01), stored)
