"""Runs and waits that the tests of windows are made of."""

from pathlib import Path
from typing import Any

from PySide6.QtCore import SignalInstance
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from desktop.service.facade import Service
from engine.config import BacktestConfig, parse_config
from engine.errors import BacktestError
from storage.records import StoredRun

WAIT_MS = 10_000


def demo_config(**sections: Any) -> BacktestConfig:
    """Return a moving-average crossover on the demo data; keyword arguments replace whole sections."""
    base: dict[str, Any] = {
        "strategy": {"name": "sma_cross", "params": {"fast": 20, "slow": 50}},
        "data": {"source": "demo", "symbols": ["AAPL"], "benchmark": "EQUAL5"},
    }
    return parse_config(base | sections)


def finished(service: Service, **sections: Any) -> StoredRun:
    """Make a run on the demo data and return it as stored."""
    return service.execute(service.submit(demo_config(**sections)))


def failed(service: Service) -> str:
    """Make a run on a symbol that is not there and return its id."""
    run_id = service.submit(demo_config(data={"source": "demo", "symbols": ["NOPE"]}))
    try:
        service.execute(run_id)
    except BacktestError as error:
        return error.run_id
    raise AssertionError("the run should have failed")


def awaited(qtbot: QtBot, signal: SignalInstance) -> Any:
    """Return a context that leaves when a signal has come."""
    return qtbot.waitSignal(signal, timeout=WAIT_MS)


def clipboard() -> str:
    """Return what was copied."""
    return QApplication.clipboard().text()


def lines_of(path: Path) -> list[str]:
    """Return the lines of a text file."""
    return path.read_text(encoding="utf-8").splitlines()
