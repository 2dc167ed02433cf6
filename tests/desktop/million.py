"""A million one-minute bars in a file, the same every time, and how the event loop does meanwhile."""

import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PySide6.QtCore import QObject, Qt, QTimer

BARS = 1_000_000
_BEAT_MS = 5
_START = np.datetime64("2018-01-01T00:00", "m")


def million_bars(folder: Path, bars: int = BARS) -> Path:
    """Write a random walk of one-minute bars as Parquet and return the file."""
    random = np.random.default_rng(20180101)
    close = np.round(100 * np.exp(np.cumsum(random.normal(0, 2e-4, bars))), 4)
    open_ = np.concatenate(([100.0], close[:-1]))
    spread = np.round(np.abs(random.normal(0, 0.01, bars)), 4)
    table = pa.table(
        {
            "time": (_START + np.arange(bars)).astype("datetime64[us]"),
            "symbol": pa.DictionaryArray.from_arrays(np.zeros(bars, np.int8), ["WALK"]),
            "open": open_,
            "high": np.maximum(open_, close) + spread,
            "low": np.minimum(open_, close) - spread,
            "close": close,
            "volume": random.integers(1, 10_000, bars).astype(np.float64),
        }
    )
    file = folder / "walk.parquet"
    pq.write_table(table, file)
    return file


def set_up_on(file: Path, fast: int = 20, slow: int = 120) -> dict[str, Any]:
    """Return a crossover on the bars of a file."""
    return {
        "strategy": {"name": "sma_cross", "params": {"fast": fast, "slow": slow}},
        "data": {"source": str(file), "timeframe": "1m"},
    }


class Heartbeat(QObject):
    """A timer on the GUI thread that notes when it was heard, and how much that thread had worked by then."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.beats: list[float] = []
        self.worked: list[float] = []
        self._timer = QTimer(self)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.setInterval(_BEAT_MS)
        self._timer.timeout.connect(self._on_timeout)

    def __enter__(self) -> "Heartbeat":
        self._note()
        self._timer.start()
        return self

    def __exit__(self, *_exc: object) -> None:
        self._timer.stop()
        self._note()

    @property
    def largest_gap_ms(self) -> float:
        """The longest silence in milliseconds."""
        return float(np.diff(self.beats).max() * 1000)

    @property
    def largest_work_ms(self) -> float:
        """The most processor time of this thread between two beats: a gap that no busy machine makes longer."""
        return float(np.diff(self.worked).max() * 1000)

    def _on_timeout(self) -> None:
        self._note()

    def _note(self) -> None:
        self.beats.append(time.perf_counter())
        self.worked.append(time.thread_time())
